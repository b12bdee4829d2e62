//! What the evidence says of one rule.

use std::collections::BTreeMap;

use crate::learn::{Evidence, Known, Names};
use crate::profile::looks_like_id;
use crate::profile::{Pattern, Rule};
use crate::report::{count, printable};

/// How much is shown of an id.
const SHORT_ID: usize = 12;

/// What was seen of the requests that a rule is about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// How often its operation was asked for.
    pub requests: u64,
    /// In how many sessions.
    pub sessions: usize,
    /// Of how many.
    pub of_sessions: usize,
    /// What ran in these sessions, as far as that is known, each once.
    pub commands: Vec<String>,
    /// The names that the rule was needed for; for an operation with several parameters, the values
    /// of all of them. Empty for one without.
    pub names: Vec<Vec<String>>,
    /// Who asked, and how often.
    pub clients: Vec<(Option<String>, u64)>,
    /// How the engine answered, and how often.
    pub statuses: Vec<(u16, u64)>,
    /// The pattern that all names share, when there is one that is narrower than the rule.
    pub shared: Option<Rule>,
}

impl Facts {
    /// What `evidence` says of `rule`; none when it was never needed.
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
        let about = Known {
            operation: known.operation,
            seen: known.seen.clone(),
            demands: matching,
            clients: Vec::new(),
            statuses: Vec::new(),
        };
        let shared = Names::Glob.rules(&about).into_iter().next();
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

    /// The rules that match the names that were seen and no others.
    #[must_use]
    pub fn exact(&self, rule: &Rule) -> Vec<Rule> {
        let exact = |values: &Vec<String>| {
            let patterns = values.iter().map(|value| Pattern::Exact(value.clone())).collect();
            Rule::narrowed(rule.operation(), patterns)
        };
        self.names.iter().map(exact).collect()
    }

    /// The names that a rule does not match, as people read them.
    #[must_use]
    pub fn missed(&self, rule: &Rule) -> Vec<String> {
        let fits = |values: &Vec<String>| {
            let pairs = || rule.patterns().iter().zip(values);
            rule.patterns().len() == values.len()
                && pairs().all(|(pattern, value)| pattern.matches(value))
        };
        self.names.iter().filter(|values| !fits(values)).map(|values| short_label(values)).collect()
    }

    /// The names, as people read them.
    pub fn labels(&self) -> impl Iterator<Item = String> + '_ {
        self.names.iter().map(|values| label(values))
    }

    /// The names with ids cut short.
    pub fn short_labels(&self) -> impl Iterator<Item = String> + '_ {
        self.names
            .iter()
            .map(|values| label(&values.iter().map(|value| shortened(value)).collect::<Vec<_>>()))
    }
}

/// What a pattern was checked against.
pub(super) fn holds(facts: Option<&Facts>) -> String {
    let held = match facts.map(|facts| facts.names.len()) {
        Some(0) | None => "no name was recorded to check it against".to_owned(),
        Some(1) => "it matches the one name that was seen".to_owned(),
        Some(all) => format!("it matches all {} seen", count(all, "name")),
    };
    format!("{held}; it would change the file like this:")
}

/// An id as the engine itself shows it.
fn shortened(name: &str) -> String {
    match name.get(..SHORT_ID) {
        Some(short) if looks_like_id(name) && name.len() > SHORT_ID => format!("{short}..."),
        _ => name.to_owned(),
    }
}

fn short_label(values: &[String]) -> String {
    label(&values.iter().map(|value| shortened(value)).collect::<Vec<_>>())
}

/// The values of the parameters of one request.
fn label(values: &[String]) -> String {
    printable(&values.join(" "))
}

/// The first few of a list, and how many more there are.
pub(super) fn some(list: impl Iterator<Item = String>, most: usize) -> String {
    let mut list: Vec<String> = list.collect();
    let more = list.len().saturating_sub(most);
    list.truncate(most);
    match more {
        0 => list.join(", "),
        more => format!("{} and {more} more", list.join(", ")),
    }
}
