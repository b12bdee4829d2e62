//! Measures the time of the pure stages: `cargo bench`.
//!
//! Times need a quiet machine. `budget.tsv` contains the instructions and allocations that a
//! request may cost on any machine.

#[allow(clippy::panic, reason = "a request or rule that does not parse has to end the run")]
mod requests;

use std::path::Path;

use divan::{Bencher, black_box};
use dsp::api::{CanonicalRequest, EngineKind};
use dsp::http1::Framing;
use dsp::learn::{Evidence, Gathering, Options, generate};
use dsp::policy::{Enforcer, Gate, Request};
use dsp::profile::{Comments, Profile, emit, parse};
use dsp::recording::Reader;
use dsp::{api, profile};
use requests::{Case, DENIED, FILTERED, HEADS, LIST, NAMED, SPANNING, START, UNUSUAL};

/// A session in which a network is created, used and removed.
const RECORDING: &str = include_str!("../fixtures/network-life.jsonl");

fn main() {
    divan::main();
}

#[divan::bench(args = [LIST, NAMED, SPANNING, FILTERED, UNUSUAL])]
fn canonicalise(Case { method, target, .. }: Case) -> bool {
    CanonicalRequest::parse(EngineKind::Docker, black_box(method), black_box(target)).is_ok()
}

#[divan::bench(args = [LIST, NAMED, SPANNING])]
fn locate(bencher: Bencher<'_, '_>, Case { method, target, .. }: Case) {
    let request = CanonicalRequest::parse(EngineKind::Docker, method, target).ok();
    bencher.bench_local(|| black_box(&request).as_ref().and_then(CanonicalRequest::locate));
}

#[divan::bench(args = [LIST, NAMED, SPANNING, FILTERED, UNUSUAL, DENIED])]
fn decide_100_rules(bencher: Bencher<'_, '_>, case: Case) {
    decide(bencher, &requests::hundred_rules(), case);
}

#[divan::bench(args = [LIST, START])]
fn decide_10_000_rules(bencher: Bencher<'_, '_>, case: Case) {
    decide(bencher, &requests::ten_thousand_rules(), case);
}

fn decide(bencher: Bencher<'_, '_>, profile: &Profile, Case { method, target, .. }: Case) {
    let gate = Enforcer::new(profile);
    bencher.bench_local(|| gate.decide(&Request::new(black_box(method), black_box(target))));
}

#[divan::bench(args = ["get", "post"])]
fn frame(bencher: Bencher<'_, '_>, name: &str) {
    let head = HEADS.into_iter().find(|head| head.0 == name).map_or("", |head| head.1);
    bencher.bench_local(|| Framing::default().advance(black_box(head).as_bytes()));
}

#[divan::bench(args = [100, 10_000])]
fn parse_profile(bencher: Bencher<'_, '_>, rules: usize) {
    let text = emit(&profile_of(rules), &Comments::default());
    bencher.bench_local(|| parse(black_box(&text)).is_ok());
}

#[divan::bench(args = [100, 10_000])]
fn build_gate(bencher: Bencher<'_, '_>, rules: usize) {
    let profile = profile_of(rules);
    bencher.bench_local(|| Enforcer::new(black_box(&profile)));
}

fn profile_of(rules: usize) -> Profile {
    if rules > 100 { requests::ten_thousand_rules() } else { requests::hundred_rules() }
}

#[divan::bench]
fn read_recording() -> Evidence {
    let mut gathering = Gathering::default();
    let reader = Reader::new(Path::new("recording.jsonl"), black_box(RECORDING).as_bytes());
    reader.flatten().for_each(|event| gathering.absorb(event));
    gathering.finish(EngineKind::Docker)
}

#[divan::bench]
fn generate_profile(bencher: Bencher<'_, '_>) {
    let evidence = read_recording();
    let options = Options::default();
    bencher.bench_local(|| generate(black_box(&evidence), &options));
}
