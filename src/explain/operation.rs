//! What one operation permits.

use std::fmt::Write;

use super::{LABEL, STRONG, style};
use crate::api::{ApiVersion, Matter, Operation, Versions};

/// Says what an operation permits, how risky it is and why, since when it is there, what of a
/// request for it matters, what can be done with it at worst and what to do instead.
#[must_use]
pub fn operation(operation: &Operation) -> String {
    let mut text = format!("{STRONG}{operation}{STRONG:#}  ({})\n", operation.name);
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {LABEL}{label:<10}{LABEL:#} {value}");
        }
    };
    line("permits", operation.permits);
    let risk = style(operation.risk);
    line("risk", &format!("{risk}{}{risk:#}: {}", operation.risk, operation.reason));
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
    line("since", &since);
    line("under", &under);
    line("parameters", &operation.query.join(", "));
    line("hidden", &operation.secret_query.join(", "));
    if let Some(advice) = operation.advice() {
        for Matter { place, names, effect } in &advice.matters {
            line(place.as_str(), &format!("{}: {effect}", names.join(", ")));
        }
        line("at worst", advice.worst);
        line("instead", advice.instead);
    }
    let traits = operation.traits;
    let mut connection = Vec::new();
    connection.extend(traits.hijack.then_some("becomes a raw tunnel, into which dsp cannot look"));
    connection.extend((traits.stream && !traits.hijack).then_some("may flow without end"));
    connection.extend(traits.tar_in.then_some("takes a tar archive"));
    connection.extend(traits.tar_out.then_some("gives a tar archive"));
    line("connection", &connection.join("; "));
    text
}
