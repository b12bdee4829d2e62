//! What `dsp adopt` says about a configuration, for people.

use std::collections::BTreeMap;

use crate::adopt::{Adopted, DifferenceKind, Effect, OperationUse, Usage};
use crate::api::{Operation, Risk};
use crate::cli::output;
use crate::report::count;
use crate::text::printable;

/// The most operations that one line names.
const MOST_NAMED: usize = 6;

/// The most parts that could not be taken over and are listed.
const MOST_SHOWN: usize = 20;

/// Says what is granted, what was used, and what was not taken over.
pub(super) fn show(file: &str, adopted: &Adopted, usage: &Usage, is_compared: bool) {
    let risks: Vec<String> =
        usage.by_risk().map(|(risk, number)| format!("{number} {risk}")).collect();
    let operations = count(usage.operations.len(), "operation");
    let risks = if risks.is_empty() { String::new() } else { format!(": {}", risks.join(", ")) };
    output::note(&format!("{file}: {} grants {operations}{risks}", adopted.program.name()));
    if is_compared {
        compared(usage);
    }
    unread(adopted);
    differences(adopted);
}

/// What the program used.
fn compared(usage: &Usage) {
    let unused: Vec<&OperationUse> =
        usage.operations.iter().filter(|one| one.requests == 0).collect();
    output::note(&match (usage.used(), unused.len()) {
        (0, _) => "the program used none of them".to_owned(),
        (_, 0) => "the program used all of them".to_owned(),
        (used, 1) => format!("the program used {used} of them; it never used the other one"),
        (used, rest) => {
            format!("the program used {used} of them; it never used the other {rest}")
        }
    });
    let width = Risk::ALL.iter().map(|risk| risk.as_str().len()).max().unwrap_or_default();
    let requests = usage.operations.iter().map(|one| one.requests.to_string().len()).max();
    let requests = requests.unwrap_or_default().max("never".len());
    for one in &usage.operations {
        let used = if one.requests == 0 { "never".to_owned() } else { one.requests.to_string() };
        let risk = one.risk.as_str();
        output::say(&format!("  {risk:<width$}  {used:>requests$}  {}", one.operation));
    }
    if !usage.missing.is_empty() {
        let named = named(&usage.missing);
        output::warn(&format!("the program also used what is not granted: {named}"));
    }
}

/// What was not taken over, by what that means.
fn unread(adopted: &Adopted) {
    if adopted.unread.len() > MOST_SHOWN {
        let rest = count(adopted.unread.len() - MOST_SHOWN, "more line");
        output::warn(&format!("{rest} could not be taken over; --format json lists them all"));
    }
    for unread in adopted.unread.iter().take(MOST_SHOWN) {
        let place = unread.line.map_or(String::new(), |line| format!("line {line}: "));
        let text = format!("{place}{}: {}", printable(&unread.text), printable(&unread.reason));
        match unread.effect {
            Effect::Less => output::warn(&format!("{text} (the profile grants less)")),
            Effect::More => output::warn(&format!("{text} (the profile grants more)")),
            Effect::Apart => output::note(&text),
        }
    }
}

/// Where rules differ from the configuration.
fn differences(adopted: &Adopted) {
    let mut links = Vec::new();
    let mut wider = Vec::new();
    let mut left_out = Vec::new();
    let mut versions: BTreeMap<String, Vec<&'static Operation>> = BTreeMap::new();
    for difference in &adopted.granted.differences {
        match &difference.kind {
            DifferenceKind::Links => links.push(difference.operation),
            DifferenceKind::Wider => wider.push(difference.operation),
            DifferenceKind::LeftOut => left_out.push(difference.operation),
            kind @ DifferenceKind::Versions(_) => {
                let words = kind.versions_in_words(adopted.engine).unwrap_or_default();
                versions.entry(words).or_default().push(difference.operation);
            }
        }
    }
    if !wider.is_empty() {
        output::warn(&format!(
            "the proxy grants this for IDs and for some names only, and the profile for all names: {}",
            named(&wider)
        ));
    }
    if !left_out.is_empty() {
        output::warn(&format!(
            "the proxy grants this for names that no rule can describe, and the profile does not: {}",
            named(&left_out)
        ));
    }
    for (versions, operations) in versions {
        output::note(&format!(
            "the proxy grants {} only in requests {versions}; a profile allows any version, or no version",
            count(operations.len(), "operation")
        ));
    }
    if !links.is_empty() {
        output::note(&format!(
            "in {}, * also matches the name of a container in another one that is linked to it, as \
             web/db, and the proxy denies that",
            count(links.len(), "rule")
        ));
    }
}

/// Operations in a line.
fn named(operations: &[&'static Operation]) -> String {
    let mut named: Vec<String> =
        operations.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    if operations.len() > MOST_NAMED {
        named.push(format!("{} more", operations.len() - MOST_NAMED));
    }
    named.join(", ")
}
