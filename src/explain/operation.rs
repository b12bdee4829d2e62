//! Explains what an operation permits.

use std::fmt::Write;

use super::contents::{can_hide, gain};
use super::{LABEL, STRONG, style};
use crate::api::{ApiVersion, Matter, Operation, Versions};
use crate::contents::{OWN, why_not_by_owner};

/// Says what an operation permits, its risk and the reason, its API versions, which parts of a
/// request matter, the worst that can be done with it, and what to do instead.
#[must_use]
pub fn operation(operation: &Operation) -> String {
    let mut text = format!("{STRONG}{operation}{STRONG:#}  ({})\n", operation.name);
    for (label, value) in about(operation) {
        let value = match value.strip_prefix(operation.risk.as_str()) {
            Some(rest) if label == "risk" => {
                let risk = style(operation.risk);
                format!("{risk}{}{risk:#}{rest}", operation.risk)
            }
            _ => value,
        };
        let _ = writeln!(text, "  {LABEL}{label:<10}{LABEL:#} {value}");
    }
    text
}

/// What is known about an operation: pairs of a label and a text, in reading order. Empty ones are
/// left out.
#[must_use]
pub fn about(operation: &Operation) -> Vec<(&'static str, String)> {
    let (since, under) = match &operation.versions {
        Versions::Documented { since, .. } if *since > ApiVersion::FLOOR => {
            (format!("API {since}"), String::new())
        }
        Versions::Any | Versions::Documented { .. } => Default::default(),
        Versions::Prefixed(digits) => {
            let (from, to) = (digits.start(), digits.end());
            (String::new(), format!("API versions {from}.* to {to}.* of podman only"))
        }
    };
    let mut lines = vec![
        ("permits", operation.permits.to_owned()),
        ("risk", format!("{}: {}", operation.risk, operation.reason)),
    ];
    let advice = operation.advice();
    if let Some(advice) = &advice {
        lines.push(("at worst", advice.worst.to_owned()));
        lines.push(("instead", advice.instead.to_owned()));
    }
    lines.extend([("since", since), ("under", under), ("connection", connection(operation))]);
    for Matter { place, names, effect } in advice.iter().flat_map(|advice| &advice.matters) {
        lines.push((place.as_str(), format!("{}: {effect}", names.join(", "))));
    }
    lines.extend(gain(operation).map(|gain| ("contents", gain)));
    lines.extend(can_hide(operation).map(|kinds| ("can hide", kinds)));
    let no_owner = why_not_by_owner(operation);
    lines.extend(no_owner.map(|why| ("own", format!("no rule can limit it to {OWN}: {why}"))));
    lines.push(("parameters", operation.query.join(", ")));
    lines.push(("hidden", operation.secret_query.join(", ")));
    lines.retain(|(_, text)| !text.is_empty());
    lines
}

/// What is special about the operation's connection, if anything.
fn connection(operation: &Operation) -> String {
    let traits = operation.traits;
    let mut words = Vec::new();
    words.extend(traits.hijack.then_some("becomes a raw tunnel, which dsp cannot inspect"));
    words.extend((traits.stream && !traits.hijack).then_some("may last for ever"));
    words.extend(traits.tar_in.then_some("takes a tar archive"));
    words.extend(traits.tar_out.then_some("returns a tar archive"));
    words.join("; ")
}
