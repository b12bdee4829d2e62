//! The profile parser: what it accepts is written back as the same profile, and errors have a
//! position in the text.

use std::ops::Range;

use dsp::profile::{Comments, Problem, Profile, emit, parse};

/// Checks a text as a profile.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match parse(&text) {
        Ok(profile) => {
            for span in spans(&profile) {
                assert!(is_inside(&text, &span), "{span:?}");
            }
            writes_back(&profile);
        }
        Err(problem) => has_a_place(&text, &problem),
    }
}

fn spans(profile: &Profile) -> Vec<Range<usize>> {
    let rules = profile.allow.iter().chain(&profile.deny).map(|entry| entry.span.clone());
    let unknown = profile.unknown.iter().map(|entry| entry.span.clone());
    let accepted = profile.accept.iter().map(|entry| entry.span.clone());
    let kept = profile.reviewed.iter().flat_map(|reviewed| &reviewed.kept);
    let decisions = accepted.chain(kept.map(|entry| entry.span.clone()));
    rules
        .chain(unknown)
        .chain(decisions)
        .map(|span| span.expect("it was read from a text"))
        .collect()
}

fn writes_back(profile: &Profile) {
    let text = emit(profile, &Comments::default());
    let again = parse(&text).map_err(|problem| problem.message);
    assert_eq!(again.as_ref(), Ok(profile), "{text}");
    assert_eq!(emit(profile, &Comments::default()), text);
}

fn has_a_place(text: &str, problem: &Problem) {
    assert!(is_inside(text, &problem.span), "{problem:?}");
    assert!(super::printable(&problem.message), "{problem:?}");
    assert!(problem.hint.as_deref().is_none_or(super::printable), "{problem:?}");
    let line = text.split('\n').nth(problem.line.wrapping_sub(1));
    let columns = line.map(|line| 1..=line.chars().count() + 1);
    assert!(columns.is_some_and(|columns| columns.contains(&problem.column)), "{problem:?}");
}

fn is_inside(text: &str, span: &Range<usize>) -> bool {
    text.get(span.clone()).is_some()
}
