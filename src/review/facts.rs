//! What the evidence says about one rule.

use std::collections::{BTreeMap, BTreeSet};

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
    /// Those of the names under which only objects were meant that the recording had made.
    pub own: BTreeSet<Vec<String>>,
    /// The names of objects that were asked for by their IDs, by these IDs.
    pub known_as: BTreeMap<String, String>,
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
            .filter(|(demand, _)| known.matches(rule, demand))
            .map(|(demand, versions)| (demand.clone(), versions.clone()))
            .collect();
        if matching.is_empty() {
            return None;
        }
        let mut names: Vec<Vec<String>> =
            matching.keys().map(|demand| demand.names.clone()).collect();
        names.retain(|values| !values.is_empty());
        names.dedup();
        let is_own = |values: &&Vec<String>| {
            let mut demands = matching.keys().filter(|demand| demand.names == **values);
            demands.all(|demand| demand.has_own_path(known.operation))
        };
        let own = names.iter().filter(is_own).cloned().collect();
        let known_as = names.iter().filter_map(|values| {
            let id = values.first()?;
            let name = evidence.object_names().of(known.operation.object()?, id)?;
            Some((id.clone(), name.to_owned()))
        });
        let known_as = known_as.collect();
        let mut commands = Vec::new();
        for place in &known.seen.sessions {
            let Some(session) = evidence.sessions().get(*place) else { continue };
            let command = match &session.container {
                Some(name) => format!("container {name}"),
                None => match &session.client {
                    Some(client) => client.to_string(),
                    None => session.command.join(" "),
                },
            };
            if !command.is_empty() && !commands.contains(&command) {
                commands.push(command);
            }
        }
        let about = known.with_demands(matching);
        let shared = Names::Glob.rules(&about).into_iter().next();
        let shared = shared.map(|shared| shared.with_terms_of(rule));
        Some(Self {
            requests: known.seen.requests,
            sessions: known.seen.sessions.len(),
            of_sessions: evidence.sessions().len(),
            commands,
            names,
            own,
            known_as,
            clients: known.clients.clone(),
            statuses: known.statuses.clone(),
            shared: shared.filter(|shared| rule.covers(shared) && shared != rule),
        })
    }

    /// The rules that match the names that were seen, and own objects under any name.
    #[must_use]
    pub fn exact(&self, rule: &Rule) -> Vec<Rule> {
        let exact = |values: &Vec<String>| {
            let is_own = self.own.contains(values);
            let pattern = |(place, value): (usize, &String)| match place {
                0 if is_own => Pattern::Own,
                _ => Pattern::Exact(value.clone()),
            };
            let patterns = values.iter().enumerate().map(pattern).collect();
            Rule::narrowed(rule.operation(), patterns).with_terms_of(rule)
        };
        let mut rules: Vec<Rule> = Vec::new();
        for rule in self.names.iter().map(exact) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        rules
    }

    /// Whether some name is an ID of an object that is not known to be own: the next one has another.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        let others = self.names.iter().filter(|values| !self.own.contains(*values));
        others.flatten().any(|name| looks_like_id(name))
    }

    /// The names that a rule does not match, in readable form.
    #[must_use]
    pub fn missed(&self, rule: &Rule) -> Vec<String> {
        let fits = |values: &Vec<String>| {
            let pairs = || rule.patterns().iter().zip(values);
            rule.patterns().len() == values.len()
                && pairs().all(|(pattern, value)| pattern.matches(value))
        };
        self.names
            .iter()
            .filter(|values| !fits(values))
            .map(|values| self.short_label(values))
            .collect()
    }

    /// The names, in readable form.
    pub fn labels(&self) -> impl Iterator<Item = String> + '_ {
        self.names.iter().map(|values| self.label(values, Clone::clone))
    }

    /// The names, with IDs shortened.
    pub fn short_labels(&self) -> impl Iterator<Item = String> + '_ {
        self.names.iter().map(|values| self.short_label(values))
    }

    fn short_label(&self, values: &[String]) -> String {
        self.label(values, |value| shortened(value))
    }

    /// The parameter values of one request, and the name of the object that is named by its ID.
    fn label(&self, values: &[String], spell: impl Fn(&String) -> String) -> String {
        let spelled = values.iter().map(spell).collect::<Vec<_>>().join(" ");
        let known_as = values.first().and_then(|id| self.known_as.get(id));
        let known_as = known_as.map(|name| format!(" ({name})")).unwrap_or_default();
        printable(&format!("{spelled}{known_as}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EngineKind;
    use crate::learn::told::evidence;
    use crate::review::{Choice, Item};

    /// The names as they are shown, the answer that narrows to them, and the rules that it writes.
    fn told(lines: &[&str]) -> String {
        let rule = Rule::parse(EngineKind::Docker, "POST /containers/*/start").unwrap();
        let facts = Facts::of(&evidence(&[lines]), &rule).unwrap();
        let item = Item::Rule { rule: rule.clone(), accepted_as: None };
        let names: Vec<String> = facts.short_labels().collect();
        let answer = match Choice::Names.check(&item, Some(&facts), true) {
            Ok(()) => Choice::Names.text(&item, Some(&facts)),
            Err(refusal) => format!("({refusal})"),
        };
        let rules = facts.exact(&rule);
        let rules: Vec<String> =
            rules.iter().map(|rule| rule.without_contents().to_string()).collect();
        format!("{} | {answer} | {}", names.join(", "), rules.join(", "))
    }

    #[test]
    fn ids_have_names_and_are_not_what_a_rule_is_narrowed_to() {
        let own = ["POST /containers/create?name=web", "+container ID web"];
        let with = |lines: &[&'static str]| told(&[&own, lines].concat());
        insta::assert_snapshot!(
            [
                with(&["POST /containers/ID/start"]),
                with(&["POST /containers/ID/start", "POST /containers/web/start"]),
                with(&["POST /containers/ID/start", "POST /containers/db/start"]),
                with(&["POST /containers/ID/start", "POST /containers/OTHER/start"]),
                told(&["POST /containers/db/start", "POST /containers/web/start"]),
                told(&["POST /containers/OTHER/start"]),
            ]
            .join("\n"),
            @r#"
            4f5ce1b0a3d2... (web) | narrow it to @own: what the program itself has made | POST /containers/@own/start
            4f5ce1b0a3d2... (web), web | narrow it to @own: what the program itself has made | POST /containers/@own/start
            4f5ce1b0a3d2... (web), db | narrow it to @own and the one other name that was seen | POST /containers/@own/start, POST /containers/db/start
            4f5ce1b0a3d2... (web), 9a5ce1b0a3d2... | (the names seen are IDs, which are different every time) | POST /containers/@own/start, POST /containers/9a5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c/start
            db, web | narrow it to the 2 names seen | POST /containers/db/start, POST /containers/web/start
            9a5ce1b0a3d2... | (the names seen are IDs, which are different every time) | POST /containers/9a5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c/start
            "#
        );
    }
}
