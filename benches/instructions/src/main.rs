//! Runs one part of the work for a request, so that callgrind can count its instructions.
//!
//! `dsp-instructions` prints the names of the parts. `dsp-instructions NAME ROUNDS` runs one of
//! them that many times in [`measured`], the only function whose instructions
//! `scripts/instructions` counts.

#![forbid(unsafe_code)]

// The modules themselves instead of all of dsp, of which they use nothing else: a test of dsp
// checks that. Code that does not run here is not missed.
#[allow(dead_code, unused_imports)]
#[path = "../../../src/answers/mod.rs"]
pub mod answers;
#[allow(dead_code, unused_imports)]
#[path = "../../../src/api/mod.rs"]
pub mod api;
#[allow(dead_code)]
#[path = "../../../src/contents/mod.rs"]
pub mod contents;
#[allow(dead_code)]
#[path = "../../../src/files/mod.rs"]
pub mod files;
#[allow(dead_code, unused_imports)]
#[path = "../../../src/http1/mod.rs"]
pub mod http1;
#[allow(dead_code)]
#[path = "../../../src/peer/mod.rs"]
pub mod peer;
#[allow(dead_code)]
#[path = "../../../src/policy/mod.rs"]
pub mod policy;
#[allow(dead_code)]
#[path = "../../../src/profile/mod.rs"]
pub mod profile;
#[allow(dead_code, unused_imports)]
#[path = "../../../src/recording/mod.rs"]
pub mod recording;
#[path = "../../requests.rs"]
mod requests;
#[allow(dead_code)]
#[path = "../../../src/text/mod.rs"]
pub mod text;
#[allow(dead_code, unused_imports)]
#[path = "../../../src/yaml/mod.rs"]
pub mod yaml;

use std::fs::File;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use api::{CanonicalRequest, EngineKind};
use http1::{Arrival, Framing, Outcome};
use peer::Peer;
use policy::{Body, Enforcer, Gate, Replaceable, Request, Verdict};
use recording::{Observation, Session, Stream, Writer};
use requests::{
    CREATE, Case, DENIED, FILTERED, GLOB, HEADS, LIST, NAMED, SPANNING, START, UNUSUAL,
};

type Work = Box<dyn Fn()>;

/// The name of a part, and its setup.
type Part = (String, Box<dyn FnOnce() -> Work>);

/// All parts.
fn parts() -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut part = |name: String, set_up: Box<dyn FnOnce() -> Work>| parts.push((name, set_up));
    for case in [LIST, NAMED, SPANNING, FILTERED, UNUSUAL] {
        part(format!("canonicalise {case}"), Box::new(move || canonicalise(case)));
    }
    for case in [LIST, NAMED, SPANNING] {
        part(format!("locate {case}"), Box::new(move || locate(case)));
    }
    for case in [LIST, NAMED, SPANNING, FILTERED, UNUSUAL, DENIED] {
        part(format!("decide {case}, 100 rules"), Box::new(move || decide(hundred(), case)));
    }
    let reloadable = || decide(Replaceable::new(Arc::new(hundred())), LIST);
    part("decide list, 100 rules, reloadable".to_owned(), Box::new(reloadable));
    for case in [LIST, START] {
        part(format!("decide {case}, 10000 rules"), Box::new(move || decide(ten_thousand(), case)));
    }
    let globs = || decide(Enforcer::new(&requests::ten_thousand_globs()), GLOB);
    part(format!("decide {GLOB}, 10000 rules"), Box::new(globs));
    part(format!("decide {CREATE}, contents of 8 KiB"), Box::new(confined));
    for (name, head) in HEADS {
        part(format!("frame {name}"), Box::new(move || frame(head)));
    }
    part("record again".to_owned(), Box::new(|| record(LIST)));
    parts
}

fn hundred() -> Enforcer {
    Enforcer::new(&requests::hundred_rules())
}

fn ten_thousand() -> Enforcer {
    Enforcer::new(&requests::ten_thousand_rules())
}

fn canonicalise(Case { method, target, .. }: Case) -> Work {
    Box::new(move || {
        let parsed = CanonicalRequest::parse(EngineKind::Docker, black_box(method), target);
        assert!(black_box(&parsed).is_ok());
    })
}

fn locate(Case { method, target, .. }: Case) -> Work {
    let request = CanonicalRequest::parse(EngineKind::Docker, method, target);
    let request = request.unwrap_or_else(|refusal| panic!("{method} {target}: {refusal}"));
    Box::new(move || assert!(black_box(&request).locate().is_some()))
}

fn decide(gate: impl Gate + 'static, Case { method, target, .. }: Case) -> Work {
    Box::new(move || {
        black_box(gate.decide(&Request::new(black_box(method), target)));
    })
}

/// A create whose contents are read, decided on and written again.
fn confined() -> Work {
    let gate = Enforcer::new(&requests::confined());
    let body = requests::create_body();
    let Case { method, target, .. } = CREATE;
    Box::new(move || {
        let asked = Request { body: Body::Whole(&body), ..Request::new(black_box(method), target) };
        let decision = gate.decide(&asked);
        assert!(matches!(black_box(decision).verdict, Verdict::Forward(_)));
    })
}

fn frame(head: &'static str) -> Work {
    Box::new(move || {
        let progress = Framing::default().advance(black_box(head).as_bytes());
        assert!(black_box(progress).is_ok());
    })
}

/// A request that has been recorded before, and its answer.
fn record(Case { method, target, .. }: Case) -> Work {
    let nowhere = File::options().append(true).open("/dev/null");
    let writer =
        nowhere.and_then(|file| Writer::onto(&Stream::new(file), &Session::begin(Vec::new())));
    let writer = writer.unwrap_or_else(|error| panic!("/dev/null: {error}"));
    let request = CanonicalRequest::parse(EngineKind::Docker, method, target);
    let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
    let at = std::time::Instant::now();
    let peer = Peer::Process { user: 0, group: 0, process: None };
    let once = move || {
        let ticket = writer.request(&Observation {
            arrival: Arrival {
                at,
                connection: 1,
                peer,
                client: None,
                method: black_box(method),
                target,
                agent: Some("Docker-Client/20.10.24+dfsg1 (linux)"),
            },
            request: request.as_ref().ok(),
            contents: None,
            refusal: request.as_ref().err(),
            located: located.as_ref(),
            denied: None,
            would_deny: None,
        });
        assert!(ticket.is_written());
        ticket.answered(&Outcome { status: Some(200), ..Outcome::default() });
    };
    // Many rounds, because a count is written to the file each time it doubles.
    (0..1 << 16).for_each(|_| once());
    Box::new(once)
}

/// The function whose instructions callgrind counts.
#[inline(never)]
fn measured(work: &dyn Fn(), rounds: usize) {
    for _ in 0..rounds {
        work();
    }
}

fn main() -> ExitCode {
    let mut parts = parts();
    let mut arguments = std::env::args().skip(1);
    let Some(wanted) = arguments.next() else {
        parts.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
    let part = parts.iter().position(|(name, _)| *name == wanted);
    let (Some(part), Some(rounds)) = (part, rounds) else {
        eprintln!("usage: dsp-instructions [PART ROUNDS]");
        return ExitCode::FAILURE;
    };
    let (_, set_up) = parts.swap_remove(part);
    let work = set_up();
    // Do not count what only the first request initializes.
    work();
    measured(&work, rounds);
    ExitCode::SUCCESS
}
