//! Runs one part of what happens to each request, so that callgrind can count its instructions.
//!
//! `dsp-instructions` prints the names of the parts; `dsp-instructions NAME ROUNDS` runs one of them
//! so many times inside [`measured`], the only function that `scripts/instructions` counts.

#![forbid(unsafe_code)]

// The modules themselves instead of all of dsp, of which they use nothing else: a test of dsp holds
// that. What is not run here is not missed.
#[allow(dead_code)]
#[path = "../../../src/api/mod.rs"]
pub mod api;
#[allow(dead_code)]
#[path = "../../../src/policy/mod.rs"]
pub mod policy;
#[allow(dead_code)]
#[path = "../../../src/profile/mod.rs"]
pub mod profile;
#[path = "../../requests.rs"]
mod requests;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use api::{CanonicalRequest, EngineKind, Framing};
use policy::{Enforcer, Gate, Head, Replaceable};
use requests::{Case, GET, LIST, NAMED, POST, SPANNING, UNUSUAL};

type Work = Box<dyn Fn()>;

/// Everything that is counted, by name.
fn parts() -> Vec<(&'static str, fn() -> Work)> {
    vec![
        ("canonicalise list", || canonicalise(LIST)),
        ("canonicalise named", || canonicalise(NAMED)),
        ("canonicalise spanning", || canonicalise(SPANNING)),
        ("canonicalise unusual", || canonicalise(UNUSUAL)),
        ("locate list", || locate(LIST)),
        ("locate named", || locate(NAMED)),
        ("locate spanning", || locate(SPANNING)),
        ("decide list, 100 rules", || decide(hundred(), LIST)),
        ("decide named, 100 rules", || decide(hundred(), NAMED)),
        ("decide spanning, 100 rules", || decide(hundred(), SPANNING)),
        ("decide denied, 100 rules", || decide(hundred(), requests::DENIED)),
        ("decide reloadable, 100 rules", || decide(Replaceable::new(Arc::new(hundred())), LIST)),
        ("decide list, 10000 rules", || decide(ten_thousand(), LIST)),
        ("decide start, 10000 rules", || decide(ten_thousand(), requests::START)),
        ("frame get", || frame(GET)),
        ("frame post", || frame(POST)),
    ]
}

fn hundred() -> Enforcer {
    Enforcer::new(&requests::hundred_rules())
}

fn ten_thousand() -> Enforcer {
    Enforcer::new(&requests::ten_thousand_rules())
}

fn canonicalise((method, target): Case) -> Work {
    Box::new(move || {
        let parsed = CanonicalRequest::parse(EngineKind::Docker, black_box(method), target);
        assert!(black_box(&parsed).is_ok());
    })
}

fn locate((method, target): Case) -> Work {
    let request = CanonicalRequest::parse(EngineKind::Docker, method, target);
    let request = request.unwrap_or_else(|refusal| panic!("{method} {target}: {refusal}"));
    Box::new(move || assert!(black_box(&request).locate().is_some()))
}

fn decide(gate: impl Gate + 'static, (method, target): Case) -> Work {
    Box::new(move || {
        black_box(gate.decide(&Head::new(black_box(method), target)));
    })
}

fn frame(head: &'static str) -> Work {
    Box::new(move || {
        let progress = Framing::default().advance(black_box(head).as_bytes());
        assert!(black_box(progress).is_ok());
    })
}

/// What callgrind counts.
#[inline(never)]
fn measured(work: &dyn Fn(), rounds: usize) {
    for _ in 0..rounds {
        work();
    }
}

fn main() -> ExitCode {
    let parts = parts();
    let mut arguments = std::env::args().skip(1);
    let Some(wanted) = arguments.next() else {
        parts.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
    let part = parts.iter().find(|(name, _)| *name == wanted);
    let (Some((_, make)), Some(rounds)) = (part, rounds) else {
        eprintln!("usage: dsp-instructions [PART ROUNDS]");
        return ExitCode::FAILURE;
    };
    let work = make();
    // What is built on first use is part of no request but the first.
    work();
    measured(&work, rounds);
    ExitCode::SUCCESS
}
