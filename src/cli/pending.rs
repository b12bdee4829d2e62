//! What is open in a profile, and the commands that resolve it.

use std::fmt::Write;

use super::output::STRONG;
use crate::explain;
use crate::learn::Evidence;
use crate::profile::looks_like_id;
use crate::profile::{Pattern, Profile, Rule};
use crate::report::{printable, quoted};
use crate::review::{Facts, Item, Subject, is_low, open, queue};

/// Lists the open rules, the riskiest first, and below them the commands to decide on them.
pub(super) fn list(
    path: &str,
    profile: &Profile,
    evidence: Option<&Evidence>,
    has_advice: bool,
) -> String {
    let items = queue(profile);
    let mut lines: Vec<[String; 3]> = Vec::new();
    for item in &items {
        match item {
            Item::Rule { rule, accepted_as } => lines.push(line(rule, *accepted_as)),
            Item::Group { rules, accepted_as } => {
                lines.extend(rules.iter().map(|rule| line(rule, *accepted_as)));
            }
            Item::Section { rules, .. } => lines.extend(rules.iter().map(|rule| line(rule, None))),
            Item::Unknown(unknown) => lines.push([
                "unknown".to_owned(),
                unknown.to_string(),
                "dsp knows nothing about it".to_owned(),
            ]),
            Item::Rest => lines.extend(
                profile
                    .standing()
                    .changes
                    .iter()
                    .map(|change| ["changes".to_owned(), change.to_string(), String::new()]),
            ),
        }
    }
    let width = lines.iter().map(|[_, rule, _]| rule.len()).max().unwrap_or(0);
    let mut text = format!("{STRONG}{}: {}{STRONG:#}\n", printable(path), open(profile));
    for [risk, rule, permits] in &lines {
        let _ = writeln!(text, "{risk:<8} {:<width$}  {}", printable(rule), printable(permits));
    }
    for ambiguity in profile.ambiguities() {
        let _ = writeln!(text, "{:<8} {}", "careful", printable(&ambiguity.to_string()));
    }
    if has_advice {
        text.push_str(&advice(path, &items, evidence));
    }
    text
}

/// Counts decisions in words: `2 kept, 1 denied`.
pub(super) fn words(numbers: &[(usize, &str)]) -> String {
    let given = numbers.iter().filter(|(number, _)| *number > 0);
    let words: Vec<String> = given.map(|(number, word)| format!("{number} {word}")).collect();
    if words.is_empty() { "nothing decided".to_owned() } else { words.join(", ") }
}

fn line(rule: &Rule, accepted_as: Option<crate::api::Risk>) -> [String; 3] {
    let again = accepted_as.map_or_else(String::new, |before| format!(" (accepted as {before})"));
    [
        rule.risk().to_string(),
        rule.without_contents().to_string(),
        format!("{}{again}", explain::permits(rule)),
    ]
}

/// The commands that resolve what is open, with open rules as examples.
fn advice(path: &str, items: &[Item], evidence: Option<&Evidence>) -> String {
    let review = format!("dsp review {}", printable(&quoted(path)));
    let mut text = format!("on a terminal, dsp asks for each: {review}\n");
    let mut lines: Vec<String> = Vec::new();
    let subjects: Vec<_> = items.iter().flat_map(Item::subjects).collect();
    if let Some(first) = subjects.first() {
        let first = match first {
            Subject::Rule(rule) => rule.without_contents().to_string(),
            Subject::Unknown(unknown) => unknown.to_string(),
        };
        let first = printable(&quoted(&first));
        lines.extend([format!("{review} --keep {first}"), format!("{review} --deny {first}")]);
    }
    let rules = items.iter().flat_map(Item::rules);
    if let Some(narrower) = rules.clone().find_map(|rule| narrower(rule, evidence)) {
        lines.push(format!("{review} --narrow {}", printable(&quoted(&narrower))));
    }
    if rules.clone().any(is_low) {
        lines.push(format!("{review} --keep info --keep read"));
    }
    if items.contains(&Item::Rest) {
        lines.push(format!("{review} --keep changes"));
    }
    text.push_str("from a script:\n");
    lines.iter().for_each(|line| {
        let _ = writeln!(text, "  {line}");
    });
    text
}

/// A narrower rule as an example, for a name from the evidence if possible.
fn narrower(rule: &Rule, evidence: Option<&Evidence>) -> Option<String> {
    let is_any = |pattern: &Pattern| *pattern == Pattern::Any;
    if !rule.patterns().iter().any(is_any) {
        return None;
    }
    let facts = evidence.and_then(|evidence| Facts::of(evidence, rule));
    let has_id = |rule: &Rule| {
        let is_id = |pattern: &Pattern| looks_like_id(&pattern.to_string());
        rule.patterns().iter().any(is_id)
    };
    let exact = facts.map(|facts| facts.exact(rule)).unwrap_or_default();
    match exact.into_iter().find(|exact| !has_id(exact)) {
        Some(exact) => Some(exact.to_string()),
        None => {
            let patterns = rule.patterns().iter().map(|_| Pattern::Exact("NAME".to_owned()));
            Some(Rule::narrowed(rule.operation(), patterns.collect()).to_string())
        }
    }
}
