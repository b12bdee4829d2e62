//! Explains what a rule allows requests to contain.

use super::pod_security::PodSecurity;
use crate::answers::{Answer, Hidden, Kind, risk_hiding};
use crate::api::{Operation, Risk};
use crate::contents::{Facet, Nesting, OWN, Schema, filters_by_owner};
use crate::profile::{Allowed, Constraints, Rule};

/// The number of values of a facet that a line names.
const MOST_VALUES: usize = 8;

/// What a rule allows of one facet, in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Given {
    /// The facet.
    pub facet: Facet,
    /// The values, riskiest first.
    pub values: String,
    /// The risk of the riskiest one.
    pub risk: Risk,
    /// The values with that risk, with the facet.
    pub riskiest: String,
}

/// What a rule allows requests to contain, riskiest facets first; `None` if it allows anything.
#[must_use]
pub fn given(rule: &Rule) -> Option<Vec<Given>> {
    let operation = rule.operation().risk;
    let of = |(facet, allowed): (Facet, &Allowed)| {
        let (risk, values, riskiest) = match allowed {
            Allowed::Any => (facet.risk_of_any(), "any".to_owned(), format!("any {facet}")),
            Allowed::Values(values) => {
                let mut values: Vec<(Risk, &str)> =
                    values.iter().map(|one| (facet.risk_of(one.as_str()), one.as_str())).collect();
                values.sort_by_key(|(risk, _)| std::cmp::Reverse(*risk));
                let risk = values.first().map_or(Risk::Info, |(risk, _)| *risk);
                let riskiest: Vec<&str> = values
                    .iter()
                    .filter(|(own, _)| *own == risk)
                    .map(|(_, value)| *value)
                    .collect();
                let values: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
                (risk, some(&values), format!("{facet} {}", some(&riskiest)))
            }
        };
        Given { facet, values, risk: risk.min(operation), riskiest }
    };
    let mut given: Vec<Given> = rule.contents()?.iter().map(of).collect();
    given.sort_by_key(|given| std::cmp::Reverse(given.risk));
    Some(given)
}

/// The first values, and how many more there are.
fn some(values: &[&str]) -> String {
    let named: Vec<&str> = values.iter().take(MOST_VALUES).copied().collect();
    match values.len().saturating_sub(MOST_VALUES) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// What a rule permits: what its operation does, or which contents it is limited to.
#[must_use]
pub fn permits(rule: &Rule) -> String {
    let permits = permits_of_contents(rule);
    match rule.hidden().is_empty() {
        true => permits,
        false => {
            let verb = if rule.hidden() == Kind::Environment.into() { "is" } else { "are" };
            format!("{permits}; the {} {verb} hidden", hidden_words(rule.hidden()))
        }
    }
}

/// Kinds of secrets in words: `environment, commands and credentials`.
fn hidden_words(hidden: Hidden) -> String {
    let words: Vec<&str> = hidden.iter().map(Kind::as_str).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, words)) => format!("{} and {last}", words.join(", ")),
        None => String::new(),
    }
}

fn permits_of_contents(rule: &Rule) -> String {
    match given(rule).as_deref() {
        None => rule.operation().permits.to_owned(),
        Some([]) => "only with harmless contents".to_owned(),
        Some([only]) if only.facet == Facet::Filters && only.values == OWN => {
            format!("{}, of what the profile made only", rule.operation().permits)
        }
        Some(given) => {
            let words: Vec<&str> = given.iter().map(|given| given.facet.as_str()).collect();
            format!("only with the {} that the rule names", words.join(", "))
        }
    }
}

/// What is known about the contents of a rule: pairs of a label and a text, in reading order.
#[must_use]
pub fn about_contents(rule: &Rule) -> Vec<(&'static str, String)> {
    let hides = |lines: &mut Vec<(&'static str, String)>| {
        if !rule.hidden().is_empty() {
            lines.push(("hides", hides(rule)));
        }
    };
    let mut lines = Vec::new();
    let Some(given) = given(rule) else {
        lines.extend(gain(rule.operation()).map(|gain| ("contents", gain)));
        hides(&mut lines);
        return lines;
    };
    if given.is_empty() {
        lines.push(("contents", "only what is harmless".to_owned()));
    }
    for Given { facet, values, risk, .. } in &given {
        let is_notable = matches!(risk, Risk::Root | Risk::Secrets);
        let risk = if is_notable { format!(" ({risk})") } else { String::new() };
        lines.push((facet.as_str(), format!("{values}{risk}")));
    }
    hides(&mut lines);
    lines.push(("at worst", at_worst(rule, &given)));
    lines.extend(PodSecurity::of(rule).map(|level| ("pods", level.to_string())));
    lines
}

/// What a rule takes out of answers, and what that leaves.
fn hides(rule: &Rule) -> String {
    let hidden = hidden_words(rule.hidden());
    let (operation, bare) = (rule.operation(), rule.without_contents());
    if rule.risk() < bare.risk() {
        return format!("{hidden}: {} instead of {}", rule.risk(), bare.risk());
    }
    let left = Answer::kinds_of(operation).without(rule.hidden());
    match left.is_empty() || rule.risk() < Risk::Secrets {
        true => hidden,
        false => format!("{hidden}; the {} can still be read", hidden_words(left)),
    }
}

/// What a rule could hide in the answers to an operation; `None` for nothing.
#[must_use]
pub(super) fn can_hide(operation: &Operation) -> Option<String> {
    let kinds = Answer::kinds_of(operation);
    let words: Vec<&str> = kinds.iter().map(Kind::as_str).collect();
    let enough = words.iter().find(|word| {
        let kind: Result<Kind, ()> = word.parse();
        kind.is_ok_and(|kind| risk_hiding(operation, kind.into()) < operation.risk)
    });
    let less = enough.map(|word| {
        let risk = risk_hiding(operation, kinds);
        format!("; with hide: {word}, it is {risk} instead of {}", operation.risk)
    });
    (!words.is_empty()).then(|| format!("{}{}", words.join(", "), less.unwrap_or_default()))
}

/// The worst that is left of a rule with contents.
fn at_worst(rule: &Rule, given: &[Given]) -> String {
    let risk = rule.risk();
    let worst: Vec<String> = given
        .iter()
        .filter(|given| given.risk == risk && risk > Risk::Change)
        .map(|given| given.riskiest.clone())
        .collect();
    let of_sockets = match rule.nesting() {
        Nesting::Under(Some(profile)) => format!(", and whatever {profile} allows"),
        _ => String::new(),
    };
    match worst.as_slice() {
        [] if filters_by_owner(rule.operation())
            && given.iter().any(|given| given.facet == Facet::Filters && given.values == OWN) =>
        {
            let events = match rule.operation().traits.stream {
                true => ", and of that only the events of containers",
                false => "",
            };
            format!("{risk}: only what was made through the profile{events}")
        }
        [] if rule.is_of_owner() => {
            format!("{risk}: whatever an object that was made through the profile can reach")
        }
        [] if rule.operation().template.parameters().count() > 0 => {
            format!("{risk}: whatever the object that it names can reach, whoever made it")
        }
        [] => format!("{risk}: what it names{of_sockets}, and nothing else of the host"),
        worst => format!("{risk}, because of {}{of_sockets}", worst.join("; ")),
    }
}

/// What contents would gain for a rule that allows any; `None` if they would gain nothing.
#[must_use]
pub fn gain(operation: &Operation) -> Option<String> {
    if Schema::of(operation).is_none() && filters_by_owner(operation) {
        let own = operation.risk_of_own();
        let less = match own < operation.risk {
            true => format!("; that is {own} instead of {}", operation.risk),
            false => String::new(),
        };
        return Some(format!(
            "everybody's; a rule with filters: \"{OWN}\" shows only what the profile made{less}"
        ));
    }
    let facets = Schema::of(operation)?.facets();
    let words: Vec<&str> = facets.iter().map(|facet| facet.as_str()).collect();
    let least = Constraints::harmless().risk(operation);
    let less = match least < operation.risk {
        true => format!("; limited to harmless ones, it is {least} instead of {}", operation.risk),
        false => String::new(),
    };
    (!words.is_empty()).then(|| format!("any; a rule can limit its {}{less}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    fn said(rule: &str) -> String {
        let profile = parse(&format!("version: 1\nname: x\nallow:\n  - {rule}\n")).unwrap();
        let rule = &profile.allow[0].value;
        let lines = about_contents(rule).into_iter();
        let lines: Vec<String> = lines.map(|(label, text)| format!("  {label}: {text}")).collect();
        format!(
            "{} {}: {}\n{}",
            rule.risk(),
            rule.without_contents(),
            permits(rule),
            lines.join("\n")
        )
    }

    #[test]
    fn contents_are_explained_by_what_is_left() {
        insta::assert_snapshot!(
            [
                said("POST /containers/create"),
                said("POST /containers/create: {}"),
                said("POST /containers/create: {image: [\"postgres:16\", \"alpine:3\"], mounts: [\"@socket\", data], network: [own]}"),
                said("POST /containers/create: {image: any, mounts: [/etc, /srv], ports: [\"*:80\"]}"),
                said("POST /containers/create: {privileged: true, mounts: any}"),
                said("POST /containers/*/exec: {}"),
                said("GET /info"),
                said("GET /volumes"),
                said("POST /containers/create: {image: any, mounts: [\"@socket:ryuk.yaml\"]}"),
                said("GET /volumes: {filters: [\"@own\"]}"),
                said("GET /events: {filters: [\"@own\"]}"),
                said("POST /containers/prune: {filters: [\"@own\"]}"),
                said("POST /containers/prune: {filters: [\"@own\", everything]}"),
                said("POST /build: {network: [host]}"),
                said("GET /containers/*/json: {hide: [environment]}"),
                said("GET /containers/*/json: {hide: [commands]}"),
                said("GET /containers/json: {filters: [\"@own\"], hide: [commands]}"),
                said("GET /images/*/history: {hide: [environment, commands]}"),
            ]
            .join("\n")
        );
    }
}
