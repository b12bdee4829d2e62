//! How wide a rule is: which values of its parameters it matches.

use std::collections::BTreeSet;

use super::{Demand, Known, Unknown};
use crate::api::is_incomplete;
use crate::profile::{Glob, Pattern, Rule, UnknownOperation, looks_like_id};
use crate::text::words;

/// The most names that are named next to `@own`. With more, they seem to vary.
const MOST_NAMED: usize = 4;

/// What rules do with the names that were seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Names {
    /// `*` for each parameter.
    #[default]
    Any,
    /// One rule per name.
    Exact,
    /// A glob if all names share a prefix that a person chose, otherwise `*`.
    Glob,
}

words!(Names, () = (), {
    Any = "any",
    Exact = "exact",
    Glob = "glob",
});

impl Names {
    /// The rules for an operation. They match every value that was seen. A name that was only
    /// partly recorded becomes a wildcard, because no request contains the recorded part alone.
    ///
    /// Names of objects that the recording made are not part of a profile, unless a person asked for exact
    /// ones: the next such object has another name, or at least another ID. If all others are names that
    /// a person knows, they are named next to `@own`.
    #[must_use]
    pub fn rules(self, known: &Known) -> Vec<Rule> {
        let operation = known.operation;
        // Of what does not exist, a rule for own objects says the same as the engine.
        let has_own = || known.demands.keys().any(|demand| demand.has_own_path(operation));
        let is_own = |demand: &Demand| {
            let is_known = self == Self::Exact && demand.names.iter().all(|name| is_name(name));
            let is_own = demand.has_own_path(operation) || (demand.is_absent() && has_own());
            is_own && !is_known
        };
        let split = |wanted: bool| {
            let demands = known.demands.iter().filter(|(demand, _)| is_own(demand) == wanted);
            demands.map(|(demand, versions)| (demand.clone(), versions.clone())).collect()
        };
        let (own, others) = (known.with_demands(split(true)), known.with_demands(split(false)));
        if own.demands.is_empty() {
            return self.rules_for_all(known);
        }
        let mut names = others.demands.keys().flat_map(|demand| &demand.names);
        let are_known = others.demands.len() <= MOST_NAMED && names.all(|name| is_name(name));
        let narrow = if are_known { Self::Exact } else { self };
        if !others.demands.is_empty() && !are_known && self != Self::Exact {
            return self.rules_for_all(known);
        }
        if others.demands.is_empty() {
            return self.own_rules(&own);
        }
        let mut rules = narrow.rules_for_all(&others);
        // A name that a rule allows for anybody needs no other rule.
        let is_left = |demand: &&Demand| {
            let located = known.located(demand);
            !rules.iter().any(|rule| rule.matches(&located))
        };
        let left = own.demands.iter().filter(|(demand, _)| is_left(demand));
        let left = left.map(|(demand, versions)| (demand.clone(), versions.clone())).collect();
        rules.extend(self.own_rules(&known.with_demands(left)));
        rules
    }

    /// The rules for an operation on own objects, given by all demands with such.
    fn own_rules(self, known: &Known) -> Vec<Rule> {
        let of = |demand: &Demand| {
            let rest = demand.names.iter().skip(1).map(|name| match self {
                Self::Exact if !is_incomplete(name) => Pattern::Exact(name.clone()),
                _ => Pattern::Any,
            });
            Rule::narrowed(known.operation, std::iter::once(Pattern::Own).chain(rest).collect())
        };
        let mut rules: Vec<Rule> = Vec::new();
        for rule in known.demands.keys().map(of) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        rules
    }

    /// The rules for an operation on anybody's objects.
    fn rules_for_all(self, known: &Known) -> Vec<Rule> {
        let operation = known.operation;
        match self {
            Self::Any => vec![Rule::any(operation)],
            Self::Exact => {
                let pattern = |value: &String| {
                    if is_incomplete(value) { Pattern::Any } else { Pattern::Exact(value.clone()) }
                };
                let rule = |demand: &Demand| {
                    Rule::narrowed(operation, demand.names.iter().map(pattern).collect())
                };
                let is_hidden =
                    |demand: &&Demand| demand.names.iter().any(|name| is_incomplete(name));
                // Several such names result in the same rule, which may have other names in it.
                let mut rules: Vec<Rule> = Vec::new();
                for wide in known.demands.keys().filter(is_hidden).map(rule) {
                    if !rules.contains(&wide) {
                        rules.push(wide);
                    }
                }
                let wide = rules.clone();
                let is_in = |wide: &Rule, values: &[String]| {
                    let mut pairs = wide.patterns().iter().zip(values);
                    pairs.all(|(pattern, value)| pattern.matches(value))
                };
                let others = known.demands.keys().filter(|demand| !is_hidden(demand));
                let others =
                    others.filter(|demand| !wide.iter().any(|wide| is_in(wide, &demand.names)));
                rules.extend(others.map(rule));
                rules
            }
            Self::Glob => {
                let parameters = operation.template.parameters().count();
                let patterns = (0..parameters).map(|place| glob(&values(known, place))).collect();
                let rule = Rule::narrowed(operation, patterns);
                // A star may stop at a slash that one of the names contains.
                let is_for = |demand: &Demand| {
                    let mut pairs = rule.patterns().iter().zip(&demand.names);
                    pairs.all(|(pattern, value)| pattern.matches(value))
                };
                let is_for_all = known.demands.keys().all(is_for);
                vec![if is_for_all { rule } else { Rule::any(operation) }]
            }
        }
    }
}

/// Whether a person can know a name: it was recorded, and is not an ID.
fn is_name(name: &str) -> bool {
    let digits = name.strip_prefix("sha256:").unwrap_or(name);
    !is_incomplete(name) && !looks_like_id(digits)
}

impl Unknown {
    /// The entry of a profile for the request; `None` if a part of its path was not recorded,
    /// because no request contains the rest alone.
    #[must_use]
    pub fn listed(&self) -> Option<UnknownOperation> {
        let is_whole = !is_incomplete(self.request.meant());
        is_whole.then(|| UnknownOperation::of(&self.request)).flatten()
    }
}

fn values(known: &Known, place: usize) -> BTreeSet<&str> {
    known.demands.keys().filter_map(|demand| demand.names.get(place)).map(String::as_str).collect()
}

/// The narrowest pattern that a person would write for these names: their common prefix up to its
/// last separator, if there is more than one name.
fn glob(names: &BTreeSet<&str>) -> Pattern {
    if names.iter().any(|name| is_incomplete(name)) {
        return Pattern::Any;
    }
    let mut names = names.iter();
    let Some(first) = names.next().filter(|name| !looks_like_id(name)) else { return Pattern::Any };
    let mut prefix = *first;
    let mut others = 0;
    for name in names {
        if looks_like_id(name) {
            return Pattern::Any;
        }
        let shared = prefix.chars().zip(name.chars()).take_while(|(a, b)| a == b);
        let length = shared.map(|(character, _)| character.len_utf8()).sum();
        prefix = prefix.get(..length).unwrap_or_default();
        others += 1;
    }
    let end = prefix.rfind(['-', '_', '.', '/', ':']).map(|last| last + 1);
    match end.and_then(|end| prefix.get(..end)) {
        Some(prefix) if others > 0 && prefix.len() > 1 => Pattern::Glob(Glob::prefix(prefix)),
        _ => Pattern::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::told::evidence;
    use crate::learn::{Generated, Options, Wishes, generate, prove, update};

    fn proposed(names: &[&str]) -> String {
        glob(&names.iter().copied().collect()).to_string()
    }

    #[test]
    fn a_glob_is_what_all_names_share_up_to_a_separator() {
        assert_eq!(proposed(&["ci-1", "ci-2", "ci-db"]), "ci-*");
        assert_eq!(proposed(&["[hidden]@reg/a", "[hidden]@reg/b"]), "*");
        assert_eq!(proposed(&["ci-web-1", "ci-web-2"]), "ci-web-*");
        assert_eq!(proposed(&["reg.local/a", "reg.local/b/c"]), "reg.local/*");
        assert_eq!(proposed(&["web", "worker"]), "*", "a shared letter is not a chosen prefix");
        assert_eq!(proposed(&["ci-1"]), "*", "one name shows no prefix");
        assert_eq!(proposed(&["-a", "-b"]), "*");
    }

    /// The rules that are generated from sessions, proved.
    fn rules(sessions: &[&[&str]], names: Names) -> String {
        let evidence = evidence(sessions);
        let options = Options { names, ..Options::default() };
        let Generated { profile, .. } = generate(&evidence, &options);
        prove(&evidence, &profile, None).unwrap();
        let rules = profile.allow.iter().map(|entry| entry.value.to_string());
        rules.collect::<Vec<_>>().join("\n")
    }

    const OWN: &[&str] = &[
        "POST /networks/create",
        "+network OTHER back",
        "POST /containers/create?name=web network=back network=front",
        "+container ID web",
        "POST /containers/ID/start",
        "POST /containers/web/exec",
        "+exec e1",
        "POST /exec/e1/start",
        "DELETE /containers/ID",
        "DELETE /networks/back",
    ];

    #[test]
    fn rules_are_about_own_objects_if_all_were() {
        insta::assert_snapshot!(rules(&[OWN], Names::Any), @r#"
        POST /containers/create: {network: ["@own", "front"]}
        DELETE /containers/@own
        POST /containers/@own/exec: {}
        POST /containers/@own/start: {}
        POST /exec/@own/start
        POST /networks/create: {}
        DELETE /networks/@own
        "#);
        let exact = rules(&[OWN], Names::Exact);
        assert!(exact.contains("POST /containers/web/exec: {}"), "{exact}");
        assert!(exact.contains("POST /containers/@own/start"), "{exact}");
    }

    #[test]
    fn other_objects_are_named_if_a_person_knows_them() {
        let with = |line: &'static str| {
            let rules = rules(&[&[OWN, &[line]].concat()], Names::Any);
            let of_start = rules.lines().filter(|rule| rule.contains("/start"));
            of_start.map(|rule| rule.replace(": {}", "")).collect::<Vec<_>>()
        };
        let (own, exec) = ("POST /containers/@own/start", "POST /exec/@own/start");
        assert_eq!(with("POST /containers/db/start"), [own, "POST /containers/db/start", exec]);
        assert_eq!(with("POST /containers/OTHER/start"), ["POST /containers/*/start", exec]);
        // What does not exist is answered in the same way by a rule for own objects.
        let before = [&["GET /networks/back 404"], OWN, &["GET /networks/back"]].concat();
        let rules = |lines: &[&str]| rules(&[lines], Names::Any);
        assert!(!rules(&before).contains("GET /networks/back"), "{}", rules(&before));
        let absent = [&["GET /networks/back 404"], OWN].concat();
        assert!(rules(&absent).contains("GET /networks/*"), "{}", rules(&absent));
    }

    #[test]
    fn a_value_is_own_if_it_was_each_time() {
        let of = |sessions: &[&[&str]]| {
            let rules = rules(sessions, Names::Any);
            rules.lines().find(|rule| rule.contains("/containers/create")).unwrap().to_owned()
        };
        assert!(of(&[OWN]).contains("network: [\"@own\", \"front\"]"), "{}", of(&[OWN]));
        let before = [&["POST /containers/create network=back"], OWN].concat();
        assert!(of(&[&before]).contains("network: [\"back\", \"front\"]"), "{}", of(&[&before]));
    }

    /// The other session shows that the name may be that of an image of others.
    #[test]
    fn a_name_that_was_given_to_an_image_of_others_is_not_own() {
        let built: &[&str] =
            &["POST /build", "+image OTHER own:1", "POST /images/own:1/tag?repo=own&tag=2"];
        let own = rules(&[built], Names::Any);
        assert!(own.contains("POST /images/@own/tag"), "{own}");
        let tagged: &[&str] =
            &["POST /images/theirs:1/tag?repo=own&tag=1", "POST /images/own:1/tag?repo=own&tag=2"];
        let both = rules(&[built, tagged], Names::Any);
        assert!(both.contains("POST /images/own:1/tag"), "{both}");
    }

    #[test]
    fn an_update_never_narrows_and_adds_what_is_own() {
        let evidence = evidence(&[OWN]);
        let text = "version: 1\nname: x\nallow:\n  - POST /containers/*/start\n";
        let profile = crate::profile::parse(text).unwrap();
        let updated = update(text, &profile, &evidence, Wishes::default()).unwrap();
        assert!(updated.text.contains("  - POST /containers/*/start\n"), "{}", updated.text);
        assert!(updated.text.contains("  - POST /exec/@own/start"), "{}", updated.text);
        let profile = crate::profile::parse(&updated.text).unwrap();
        prove(&evidence, &profile, None).unwrap();
        let again = update(&updated.text, &profile, &evidence, Wishes::default()).unwrap();
        assert_eq!((again.added, again.values), (vec![], vec![]));
        // Another program's object stays denied, and is not added without a person.
        let others = self::evidence(&[&["POST /exec/OTHER/start"]]);
        let kept = update(&updated.text, &profile, &others, Wishes::default()).unwrap();
        assert_eq!((kept.added.len(), kept.kept_out.len()), (0, 1));
    }

    #[test]
    fn ids_are_never_globbed() {
        assert_eq!(proposed(&["deadbeefcafe", "deadbeef0000"]), "*");
        assert_eq!(proposed(&["ci-1", "deadbeefcafe"]), "*");
        assert_eq!(proposed(&["sha256:aa", "sha256:bb"]), "sha256:*");
    }
}
