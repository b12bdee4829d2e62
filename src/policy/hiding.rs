//! What is taken out of the answer to a request that is allowed.

use super::Permit;
use super::asked::{Asked, Source};
use super::ownership::{OfContents, Ownership};
use crate::answers::{Hidden, Hide};
use crate::api::{Located, Operation};
use crate::contents::{Facts, Unreadable};
use crate::profile::{Profile, Rule, RuleIndex};

/// The rules for the operations of which some rule hides something.
///
/// Rules are independent: what one hides, another one that allows the same request shows. So only what
/// each of them hides is hidden.
#[derive(Debug)]
pub(super) struct Hiding {
    /// For each operation of the engine, whether a rule about it hides something.
    operations: Vec<bool>,
    index: RuleIndex,
    rules: Vec<Rule>,
}

impl Hiding {
    /// What the rules of a profile say; `None` if none hides anything.
    pub(super) fn of(profile: &Profile) -> Option<Box<Self>> {
        let mut operations = vec![false; profile.engine.catalogue().operations().len()];
        let rules = || profile.allow.iter().map(|entry| &entry.value);
        for rule in rules().filter(|rule| !rule.hidden().is_empty()) {
            if let Some(hides) = operations.get_mut(rule.operation().index) {
                *hides = true;
            }
        }
        let is_about = |rule: &&Rule| operations.get(rule.operation().index) == Some(&true);
        let rules: Vec<Rule> = rules().filter(is_about).cloned().collect();
        if rules.is_empty() {
            return None;
        }
        Some(Box::new(Self { operations, index: RuleIndex::new(profile.engine, &rules), rules }))
    }

    /// Whether some rule hides something in the answers to an operation.
    pub(super) fn is_about(&self, operation: &Operation) -> bool {
        self.operations.get(operation.index) == Some(&true)
    }

    /// What is hidden in the answer to a request that is allowed; `None` for nothing.
    pub(super) fn of_answer(
        &self,
        located: &Located,
        permit: &Permit,
        contents: Option<&Result<Facts, Unreadable>>,
        asked: &Asked<'_>,
        ownership: &Ownership,
    ) -> Option<Hide> {
        if !self.is_about(located.operation) {
            return None;
        }
        let facts = match (asked.source, contents) {
            (_, Some(Ok(facts))) => Some(facts),
            (Source::Recorded(facts), _) => facts,
            (Source::Body(_), _) => None,
        };
        let admits = |rule: &Rule| match (rule.contents(), facts) {
            (None, _) => true,
            (Some(_), Some(facts)) => {
                let own = || ownership.of_contents(rule, facts, asked);
                // A rule about own objects is not a reason to show what the engine does not filter.
                let is_of_own = |own: OfContents| {
                    own.is_admitted() && (!own.is_filtered || permit.is_filtered())
                };
                rule.admits(Some(facts)) || is_of_own(own())
            }
            // Its contents were not read, because another rule allows any.
            (Some(_), None) => false,
        };
        let own = ownership.of_path(located, false, asked).located(located);
        let mut hidden = Hidden::EVERYTHING;
        for located in std::iter::once(located).chain(&own) {
            self.index.each_match(located, |place| {
                if let Some(rule) = self.rules.get(place).filter(|rule| admits(rule)) {
                    hidden = hidden.and(rule.hidden());
                }
                false
            });
        }
        Hide::of(located.operation, hidden)
    }
}

#[cfg(test)]
mod tests {
    use crate::answers::Hide;
    use crate::policy::{Body, Enforcer, Found, Gate, Owners, Request, Verdict};
    use crate::profile::parse;

    /// What is hidden in the answer to a `GET`, if these containers are own ones; `-` if it is denied.
    fn hidden(rules: &str, target: &str, own: &[&str]) -> String {
        let text = format!("version: 1\nname: ci\nallow:\n{rules}");
        let gate = Enforcer::new(&parse(&text).unwrap_or_else(|error| panic!("{error:?}")));
        let mut owners = Owners::default();
        loop {
            let request =
                Request { body: Body::Absent, owners: &owners, ..Request::new("GET", target) };
            match gate.decide(&request).verdict {
                Verdict::Forward(permit) => {
                    return permit.hide().map(Hide::kinds).unwrap_or_default().to_string();
                }
                Verdict::FindOwners(objects) => {
                    for object in objects {
                        let owner = if own.contains(&object.name.as_str()) { "ci" } else { "" };
                        let found = Found::object(object.name.clone(), owner);
                        owners.add(object, found);
                    }
                }
                Verdict::Deny(_) => return "-".to_owned(),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_rule_hides_what_it_says() {
        let rules = "  - GET /containers/*/json: {hide: [environment, commands]}\n  - GET /info\n";
        assert_eq!(hidden(rules, "/v1.41/containers/web/json", &[]), "environment, commands");
        assert_eq!(hidden(rules, "/containers/web/json?size=1", &[]), "environment, commands");
        assert_eq!(hidden(rules, "/info", &[]), "");
        assert_eq!(hidden(rules, "/containers/web/top", &[]), "-");
    }

    /// Rules are independent: a request that two rules allow shows what either shows.
    #[test]
    fn what_one_rule_hides_another_one_shows() {
        let rules = "  - GET /containers/*/json: {hide: environment}\n  - GET /containers/web/json\n  \
            - GET /containers/ci-*/json: {hide: [environment, commands]}\n";
        assert_eq!(hidden(rules, "/containers/web/json", &[]), "");
        assert_eq!(hidden(rules, "/containers/db/json", &[]), "environment");
        assert_eq!(hidden(rules, "/containers/ci-1/json", &[]), "environment");
        let both = "  - GET /containers/a*/json: {hide: [environment, commands]}\n  \
            - GET /containers/*b/json: {hide: [commands, credentials]}\n";
        assert_eq!(hidden(both, "/containers/ab/json", &[]), "commands");
        assert_eq!(hidden(both, "/containers/a/json", &[]), "environment, commands");
    }

    #[test]
    fn own_objects_may_show_more_than_those_of_others() {
        let rules = "  - GET /containers/*/json: {hide: environment}\n  \
            - GET /containers/@own/json\n";
        assert_eq!(hidden(rules, "/containers/mine/json", &["mine"]), "");
        assert_eq!(hidden(rules, "/containers/theirs/json", &["mine"]), "environment");
        let lists = "  - GET /containers/json: {filters: [\"@own\"]}\n  \
            - GET /containers/json: {filters: [everything], hide: commands}\n";
        assert_eq!(hidden(lists, "/containers/json", &[]), "commands");
        let own = "  - GET /containers/json: {filters: [\"@own\"], hide: commands}\n";
        assert_eq!(hidden(own, "/containers/json", &[]), "commands");
    }

    #[test]
    fn a_mapping_that_only_hides_allows_any_contents() {
        let rules = "  - GET /containers/json: {hide: commands}\n";
        assert_eq!(hidden(rules, "/containers/json?all=1", &[]), "commands");
        let closed = "  - GET /containers/json: {filters: [], hide: commands}\n";
        assert_eq!(hidden(closed, "/containers/json", &[]), "-");
    }
}
