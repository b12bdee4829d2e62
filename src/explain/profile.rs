//! Explains what a whole profile permits.

use std::fmt::Write;

use super::{LABEL, style};
use crate::api::{EngineKind, Risk};
use crate::contents::Schema;
use crate::profile::{Constraints, Entry, Profile, Rule};

/// The number of rules that a sentence names.
const NAMED: usize = 4;

/// One sentence on the worst that a client with this profile can do, and the rules that permit it.
/// Rules that are completely denied do not count.
#[must_use]
pub fn worst(profile: &Profile) -> String {
    let given = given(profile);
    let because = |risk: Risk| -> Option<String> {
        let mut rules: Vec<String> =
            given.iter().filter(|rule| rule.risk() == risk).map(|rule| in_short(rule)).collect();
        rules.dedup();
        let more = rules.len().saturating_sub(NAMED);
        let named: Vec<String> = rules.into_iter().take(NAMED).collect();
        match (named.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(named.join(", ")),
            (false, more) => Some(format!("{} and {more} more", named.join(", "))),
        }
    };
    let root = match profile.engine {
        EngineKind::Docker => "root on the host",
        EngineKind::Podman => "the user that podman runs as",
    };
    let mut text = if let Some(rules) = because(Risk::Root) {
        format!("This profile lets a client become {root}, because of: {rules}.")
    } else if given.is_empty() && profile.unknown.is_empty() {
        "This profile allows nothing.".to_owned()
    } else {
        let mut text = format!("As far as dsp knows, this profile does not make a client {root}.");
        let change = because(Risk::Change).map(|rules| format!("change things: {rules}"));
        let secrets = because(Risk::Secrets)
            .map(|rules| format!("read what may contain credentials: {rules}"));
        let can: Vec<String> = change.into_iter().chain(secrets).collect();
        match can.as_slice() {
            [] if given.is_empty() => {}
            [] => text += " It can only read.",
            some => {
                let _ = write!(text, " It can {}.", some.join("; and "));
            }
        }
        text
    };
    if !profile.unknown.is_empty() {
        let requests: Vec<String> =
            profile.unknown.iter().take(NAMED).map(|entry| entry.value.to_string()).collect();
        let _ = write!(text, " Unknown to dsp: {}.", requests.join(", "));
    }
    text
}

/// The same as a phrase, for a list: `root on the host: POST /build and 2 more`.
#[must_use]
pub fn worst_in_short(profile: &Profile) -> String {
    let given = given(profile);
    let highest = given.iter().map(|rule| rule.risk()).max();
    let can = match highest {
        None => return "nothing".to_owned(),
        Some(Risk::Info | Risk::Read) => return "only read".to_owned(),
        Some(Risk::Secrets) => "read what may contain credentials",
        Some(Risk::Change) => "change things",
        Some(Risk::Root) => match profile.engine {
            EngineKind::Docker => "become root on the host",
            EngineKind::Podman => "become the user that podman runs as",
        },
    };
    let rules: Vec<String> = given
        .iter()
        .filter(|rule| Some(rule.risk()) == highest)
        .map(|rule| in_short(rule))
        .collect();
    let first = rules.first().map_or("", String::as_str);
    match rules.len().saturating_sub(1) {
        0 => format!("{can}: {first}"),
        more => format!("{can}: {first} and {more} more"),
    }
}

/// A rule, with what makes it risky if it has contents: `POST /containers/create with mounts /etc`.
#[must_use]
pub fn in_short(rule: &Rule) -> String {
    let names = rule.without_contents();
    let given = super::given(rule).unwrap_or_default();
    match given.first().filter(|given| given.risk > Risk::Change && given.risk == rule.risk()) {
        Some(given) => format!("{names} with {}", given.riskiest),
        None => names.to_string(),
    }
}

fn given(profile: &Profile) -> Vec<&Rule> {
    let denied = profile.denied();
    profile.allow.iter().map(|entry| &entry.value).filter(|rule| !denied.covers(rule)).collect()
}

/// Explains a profile: the worst in one sentence, and then every rule, riskiest first.
#[must_use]
pub fn profile(profile: &Profile) -> String {
    let mut text = worst(profile) + "\n\n" + &careful(profile);
    let mut entries: Vec<_> = profile.allow.iter().collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.value.risk()));
    let names = |rule: &Rule| rule.without_contents().to_string();
    let width = entries.iter().map(|entry| names(&entry.value).len()).max().unwrap_or(0);
    let denied = profile.denied();
    for entry in entries {
        let rule = &entry.value;
        let permits = match denied.covers(rule) {
            true => "(denied below)".to_owned(),
            false => super::permits(rule),
        };
        let risk = rule.risk();
        let style = style(risk);
        let _ = writeln!(text, "{style}{:<8}{style:#} {:<width$}  {permits}", risk, names(rule));
        if rule.has_terms() {
            for (label, value) in super::about_contents(rule) {
                let _ = writeln!(text, "{:<8}   {LABEL}{label:<12}{LABEL:#} {value}", "");
            }
        }
    }
    text += &gains(&profile.allow);
    for entry in &profile.deny {
        let _ = writeln!(text, "{:<8} {}", "denied", entry.value);
    }
    for entry in &profile.unknown {
        let _ = writeln!(text, "{:<8} {}  (nothing is known about it)", "unknown", entry.value);
    }
    text
}

/// Which rules would be less risky with contents; empty if there are none.
fn gains(allow: &[Entry<Rule>]) -> String {
    let could_be_less = |rule: &&Rule| {
        rule.contents().is_none()
            && Schema::of(rule.operation()).is_some()
            && Constraints::harmless().risk(rule.operation()) < rule.risk()
    };
    let mut rules: Vec<String> = allow
        .iter()
        .map(|entry| &entry.value)
        .filter(could_be_less)
        .map(ToString::to_string)
        .collect();
    rules.dedup();
    let named = rules.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match rules.len().saturating_sub(NAMED) {
        _ if rules.is_empty() => String::new(),
        0 => format!(
            "\nAny contents are allowed for {named}. A rule that says what requests may contain is less risky; dsp generate learns that from a recording.\n"
        ),
        more => format!(
            "\nAny contents are allowed for {named} and {more} more. A rule that says what requests may contain is less risky; dsp generate learns that from a recording.\n"
        ),
    }
}

/// The rules that match more or less than they name; empty if there are none.
fn careful(profile: &Profile) -> String {
    let found = profile.ambiguities();
    let mut text = String::new();
    for ambiguity in found.iter().take(NAMED) {
        let _ = writeln!(text, "{:<8} {ambiguity}", "careful");
    }
    let more = found.len().saturating_sub(NAMED);
    if more > 0 {
        let _ = writeln!(text, "{:<8} and {more} more like these; dsp check names each", "careful");
    }
    if text.is_empty() { text } else { text + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    fn said(rest: &str) -> String {
        worst(&parse(&format!("version: 1\nname: x\n{rest}")).unwrap())
    }

    #[test]
    fn a_phrase_says_it_too() {
        let said =
            |rest: &str| worst_in_short(&parse(&format!("version: 1\nname: x\n{rest}")).unwrap());
        insta::assert_snapshot!(
            [
                said(""),
                said("allow:\n  - GET /info\n"),
                said("allow:\n  - GET /info\n  - GET /containers/*/json\n"),
                said("allow:\n  - POST /containers/*/kill\n  - POST /containers/*/stop\n"),
                said("allow:\n  - GET /info\n  - POST /build\n  - POST /containers/create\n"),
                said("allow:\n  - GET /info\n  - POST /build\ndeny:\n  - POST /build\n"),
                said("engine: podman\nallow:\n  - POST /libpod/containers/create\n"),
            ]
            .join("\n"),
        );
    }

    #[test]
    fn one_sentence_says_the_worst() {
        insta::assert_snapshot!(
            [
                said(""),
                said("allow:\n  - GET /info\n"),
                said("allow:\n  - GET /info\n  - POST /build\n  - POST /containers/create\n"),
                said("allow:\n  - GET /info\n  - POST /build\ndeny:\n  - POST /build\n"),
                said("allow:\n  - POST /containers/*/stop\n  - GET /containers/*/json\n"),
                said("allow:\n  - POST /containers/ci-*/exec\ndeny:\n  - POST /containers/*/exec\n"),
                said("allow:\n  - POST /containers/*/exec\ndeny:\n  - POST /containers/ci-*/exec\n"),
                said("engine: podman\nallow:\n  - POST /libpod/containers/create\n"),
                said("allow: []\nunknown:\n  - GET /extension\n"),
                said("allow:\n  - POST /build\n  - POST /commit\n  - POST /session\n  - POST /grpc\n  - POST /swarm/init\n"),
            ]
            .join("\n"),
        );
    }
}
