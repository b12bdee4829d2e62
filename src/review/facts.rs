//! What the evidence says about one rule.

use std::collections::BTreeMap;

use crate::learn::{Evidence, Names};
use crate::profile::looks_like_id;
use crate::profile::{Pattern, Rule};
use crate::report::{count, printable};

/// How many characters of an ID are shown.
const SHORT_ID: usize = 12;

/// What was recorded about the requests that a rule covers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// How often the rule's operation was requested.
    pub requests: u64,
    /// The number of sessions in which it was requested.
    pub sessions: usize,
    /// The total number of sessions.
    pub of_sessions: usize,
    /// What ran in these sessions, if known, without duplicates.
    pub commands: Vec<String>,
    /// The names for which the rule was needed. If the operation has several parameters, an entry has
    /// the values of all of them. Empty if it has none.
    pub names: Vec<Vec<String>>,
    /// The clients that sent the requests, and how often each did.
    pub clients: Vec<(Option<String>, u64)>,
    /// The status codes of the engine's answers, and how often each occurred.
    pub statuses: Vec<(u16, u64)>,
    /// The pattern that all names share, if there is one and it is narrower than the rule.
    pub shared: Option<Rule>,
}

impl Facts {
    /// What `evidence` says about `rule`; `None` if the rule was never needed.
    #[must_use]
    pub fn of(evidence: &Evidence, rule: &Rule) -> Option<Self> {
        let known = evidence.known().find(|known| known.operation == rule.operation())?;
        let matching: BTreeMap<_, _> = known
            .demands
            .iter()
            .filter(|(demand, _)| rule.matches(&known.located(demand)))
            .map(|(demand, versions)| (demand.clone(), versions.clone()))
            .collect();
        if matching.is_empty() {
            return None;
        }
        let mut names: Vec<Vec<String>> =
            matching.keys().map(|demand| demand.names.clone()).collect();
        names.retain(|values| !values.is_empty());
        let mut commands = Vec::new();
        for place in &known.seen.sessions {
            let Some(session) = evidence.sessions().get(*place) else { continue };
            let command = match &session.container {
                Some(name) => format!("container {name}"),
                None => session.command.join(" "),
            };
            if !command.is_empty() && !commands.contains(&command) {
                commands.push(command);
            }
        }
        let about = known.with_demands(matching);
        let shared = Names::Glob.rules(&about).into_iter().next();
        let shared = shared.map(|shared| shared.with_contents(rule.contents().cloned()));
        Some(Self {
            requests: known.seen.requests,
            sessions: known.seen.sessions.len(),
            of_sessions: evidence.sessions().len(),
            commands,
            names,
            clients: known.clients.clone(),
            statuses: known.statuses.clone(),
            shared: shared.filter(|shared| rule.covers(shared) && shared != rule),
        })
    }

    /// The rules that match exactly the names that were seen.
    #[must_use]
    pub fn exact(&self, rule: &Rule) -> Vec<Rule> {
        let exact = |values: &Vec<String>| {
            let patterns = values.iter().map(|value| Pattern::Exact(value.clone())).collect();
            Rule::narrowed(rule.operation(), patterns).with_contents(rule.contents().cloned())
        };
        self.names.iter().map(exact).collect()
    }

    /// The names that a rule does not match, in readable form.
    #[must_use]
    pub fn missed(&self, rule: &Rule) -> Vec<String> {
        let fits = |values: &Vec<String>| {
            let pairs = || rule.patterns().iter().zip(values);
            rule.patterns().len() == values.len()
                && pairs().all(|(pattern, value)| pattern.matches(value))
        };
        self.names.iter().filter(|values| !fits(values)).map(|values| short_label(values)).collect()
    }

    /// The names, in readable form.
    pub fn labels(&self) -> impl Iterator<Item = String> + '_ {
        self.names.iter().map(|values| label(values))
    }

    /// The names, with IDs shortened.
    pub fn short_labels(&self) -> impl Iterator<Item = String> + '_ {
        self.names
            .iter()
            .map(|values| label(&values.iter().map(|value| shortened(value)).collect::<Vec<_>>()))
    }
}

/// Says which names a pattern was checked against.
pub(super) fn holds(facts: Option<&Facts>) -> String {
    let held = match facts.map(|facts| facts.names.len()) {
        Some(0) | None => "no name was recorded to check it against".to_owned(),
        Some(1) => "it matches the one name that was seen".to_owned(),
        Some(all) => format!("it matches all {} seen", count(all, "name")),
    };
    format!("{held}; it would change the file like this:")
}

/// The names that a rule matches; `None` for an operation without names.
pub(super) fn holds_for(rule: &Rule) -> Option<String> {
    let parameters: Vec<&str> = rule.operation().template.parameters().collect();
    let name = |(pattern, parameter): (&Pattern, &&str)| {
        let thing = if parameters.len() == 1 { "name" } else { *parameter };
        match pattern {
            Pattern::Any => format!("every {thing}"),
            Pattern::Own => format!("every {thing} of its own objects"),
            Pattern::Exact(_) => format!("the {thing} {pattern}"),
            Pattern::Glob(_) => format!("each {thing} like {pattern}"),
        }
    };
    let names: Vec<String> = rule.patterns().iter().zip(&parameters).map(name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// An ID, shortened as the engine itself shortens it.
fn shortened(name: &str) -> String {
    match name.get(..SHORT_ID) {
        Some(short) if looks_like_id(name) && name.len() > SHORT_ID => format!("{short}..."),
        _ => name.to_owned(),
    }
}

fn short_label(values: &[String]) -> String {
    label(&values.iter().map(|value| shortened(value)).collect::<Vec<_>>())
}

/// The parameter values of one request.
fn label(values: &[String]) -> String {
    printable(&values.join(" "))
}

/// The first few items of a list, and the number of items left out.
pub(super) fn some(list: impl Iterator<Item = String>, most: usize) -> String {
    let mut list: Vec<String> = list.collect();
    let more = list.len().saturating_sub(most);
    list.truncate(most);
    match more {
        0 => list.join(", "),
        more => format!("{} and {more} more", list.join(", ")),
    }
}
