//! From what a configuration says to the rules of a profile: the catalogue's operations, one after the
//! other, for every name and every version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::decider::{Decider, States};
use super::grants::{Action, Grants};
use super::names::{NamePattern, Names, Walk};
use super::paths::{PathSet, escaped};
use crate::api::{ApiVersion, CanonicalRequest, EngineKind, Method, Operation, Part, Template};
use crate::profile::{Glob, Pattern, Rule};

/// The names that engines give to containers, networks, volumes and the like, and their IDs.
const NAME: &str = "[a-zA-Z0-9][a-zA-Z0-9_.-]+";

/// A container by its name in another one that has a link to it.
const LINK: &str = "[a-zA-Z0-9][a-zA-Z0-9_.-]+/[a-zA-Z0-9][a-zA-Z0-9_.-]+";

/// References of images and plugins: a registry, a path, a tag, a digest.
const REFERENCE: &str = "(?:[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[0-9]+)?/)?[a-z0-9]+(?:[._-][a-z0-9]+)*\
    (?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20})?(?:@sha256:[a-f0-9]{64})?";

/// Long and short IDs.
const ID: &str = "[a-f0-9]{12}|[a-f0-9]{64}";

static OF_NAMES: LazyLock<Option<PathSet>> = LazyLock::new(|| PathSet::own(NAME).ok());
static OF_LINKS: LazyLock<Option<PathSet>> = LazyLock::new(|| PathSet::own(LINK).ok());
static OF_REFERENCES: LazyLock<Option<PathSet>> = LazyLock::new(|| PathSet::own(REFERENCE).ok());
static OF_IDS: LazyLock<Option<PathSet>> = LazyLock::new(|| PathSet::own(ID).ok());

/// What a configuration grants, as rules.
#[derive(Clone, Debug, Default)]
pub struct Granted {
    /// The rules to allow, in the order of profiles.
    pub rules: Vec<GrantedRule>,
    /// The rules to deny: names that are excepted from a rule.
    pub denied: Vec<Rule>,
    /// Where the rules differ from the configuration.
    pub differences: Vec<Difference>,
    /// The places of rules that allow no request of the API.
    pub(super) idle: Vec<usize>,
}

/// A rule, and where it comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GrantedRule {
    /// The rule.
    pub rule: Rule,
    /// The lines of the file that grant it, from 1.
    pub lines: BTreeSet<usize>,
}

/// A difference between a rule and what the configuration grants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// The operation.
    pub operation: &'static Operation,
    /// What differs.
    pub kind: DifferenceKind,
}

/// The kinds of differences.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DifferenceKind {
    /// The configuration grants this only in requests with one of these versions in the path (`None`: none
    /// at all), out of those that were tried; a profile allows it with every version and without one.
    Versions(Vec<Option<ApiVersion>>),
    /// The configuration grants no names with a slash, as a container has them in another one that is
    /// linked to it; `*` matches those as well.
    Links,
    /// The configuration grants it for IDs, and for some names that no pattern describes; the rule has
    /// `*`.
    Wider,
    /// The configuration grants it for some names that no pattern describes; there is no rule.
    LeftOut,
}

impl DifferenceKind {
    /// The versions that it is granted with, in words: "with a version".
    #[must_use]
    pub fn versions_in_words(&self, engine: EngineKind) -> Option<String> {
        let Self::Versions(granted) = self else { return None };
        let known: Vec<ApiVersion> = granted.iter().copied().flatten().collect();
        let or_none = if granted.contains(&None) { " or without one" } else { "" };
        Some(match (known.first(), known.last()) {
            _ if known == versions(engine) => "with a version in the path".to_owned(),
            (Some(first), Some(last)) if first == last => format!("with version {first}{or_none}"),
            (Some(first), Some(last)) => {
                let all =
                    versions(engine).iter().filter(|one| *one >= first && *one <= last).count();
                let some = if all == known.len() { "" } else { "some " };
                let article = if some.is_empty() { "a version" } else { "versions" };
                format!("with {some}{article} from {first} to {last}{or_none}")
            }
            _ => "without a version in the path".to_owned(),
        })
    }
}

impl Granted {
    /// The rules for an engine of this kind.
    pub(super) fn by(grants: &Grants, engine: EngineKind) -> Self {
        let mut granted = Self::default();
        let mut matched = vec![false; grants.rules.len()];
        let mut operations: Vec<&'static Operation> =
            engine.catalogue().operations().iter().collect();
        operations.sort_by_key(|operation| operation.listing_key());
        let mut deciders: BTreeMap<Method, (Decider, Vec<Group>)> = BTreeMap::new();
        for operation in operations {
            // It permits nothing, on any path.
            if operation.method == Method::Options {
                continue;
            }
            let (decider, groups) = deciders.entry(operation.method).or_insert_with(|| {
                let decider = Decider::new(grants, operation.method);
                let groups = groups(&decider, grants.sees_version, engine);
                (decider, groups)
            });
            granted.add(grants, operation, &Search { decider, groups }, &mut matched);
        }
        granted.idle = (0..grants.rules.len())
            .filter(|place| {
                let allows = |rule: &super::grants::GrantRule| rule.action == Action::Allow;
                grants.rules.get(*place).is_some_and(allows)
                    && matched.get(*place).is_some_and(|matched| !matched)
            })
            .collect();
        granted
    }

    fn add(
        &mut self,
        grants: &Grants,
        operation: &'static Operation,
        search: &Search<'_>,
        matched: &mut [bool],
    ) {
        let served = |version: &Option<ApiVersion>| operation.versions.serve(*version);
        let mut by = BTreeSet::new();
        let mut found: Vec<(Names, Vec<Option<ApiVersion>>)> = Vec::new();
        for group in search.groups {
            let versions: Vec<_> =
                group.versions.iter().filter(|one| served(one)).copied().collect();
            if versions.is_empty() {
                continue;
            }
            let names = search.names(operation, &group.states, &mut by, matched);
            found.push((names, versions));
        }
        let Some(most) = found.iter().map(|(names, _)| names).max().cloned() else { return };
        if most == Names::Nothing {
            return;
        }
        let mut differ = |kind| self.differences.push(Difference { operation, kind });
        if found.iter().any(|(names, _)| *names != most) {
            let most = found.iter().filter(|(names, _)| *names == most);
            differ(DifferenceKind::Versions(
                most.flat_map(|(_, versions)| versions).copied().collect(),
            ));
        }
        let (mut allow, mut deny) = (Vec::new(), Vec::new());
        match &most {
            Names::Nothing => {}
            Names::Others => differ(DifferenceKind::LeftOut),
            Names::Ids => {
                differ(DifferenceKind::Wider);
                allow.push(Rule::any(operation));
            }
            Names::All => allow.push(Rule::any(operation)),
            Names::Only(patterns) => allow.extend(patterns.iter().map(|one| rule(operation, one))),
            Names::AllBut(patterns) => {
                allow.push(Rule::any(operation));
                deny.extend(patterns.iter().map(|one| rule(operation, one)));
            }
        }
        // A name that is a word of the API belongs to another operation.
        deny.retain(is_own);
        allow.retain(is_own);
        if allow.is_empty() {
            return;
        }
        let is_wide = matches!(most, Names::All | Names::AllBut(_) | Names::Ids);
        if is_wide && !search.has_links(operation) {
            differ(DifferenceKind::Links);
        }
        let line = |place: &usize| grants.rules.get(*place).and_then(|rule| rule.line);
        let lines: BTreeSet<usize> = by.iter().filter_map(line).collect();
        self.rules.extend(allow.into_iter().map(|rule| GrantedRule { rule, lines: lines.clone() }));
        self.denied.extend(deny);
    }
}

/// Versions with which the configuration decides alike, and the states after each of them.
struct Group {
    states: States,
    versions: Vec<Option<ApiVersion>>,
}

/// The versions of the API that are tried, with none first. The states after them are compared, so
/// that each kind is walked through once.
fn groups(decider: &Decider, sees_version: bool, engine: EngineKind) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for version in std::iter::once(None).chain(versions(engine).into_iter().map(Some)) {
        let states = match version {
            Some(version) if sees_version => {
                decider.read(&decider.start(), &format!("/v{version}"))
            }
            _ => decider.start(),
        };
        match groups.iter_mut().find(|group| group.states == states) {
            Some(group) => group.versions.push(version),
            None => groups.push(Group { states, versions: vec![version] }),
        }
    }
    groups
}

/// The versions that are tried.
fn versions(engine: EngineKind) -> Vec<ApiVersion> {
    match engine {
        EngineKind::Docker => (24..=60).map(|minor| ApiVersion::new(1, minor)).collect(),
        EngineKind::Podman => {
            let own = [(4, 0, 0), (4, 3, 1), (4, 9, 4), (5, 0, 0), (5, 8, 0)];
            let own = own.map(|(major, minor, patch)| ApiVersion::full(major, minor, patch));
            std::iter::once(ApiVersion::new(1, 41)).chain(own).collect()
        }
    }
}

/// The rules of one method, and the versions.
struct Search<'a> {
    decider: &'a Decider,
    groups: &'a [Group],
}

impl Search<'_> {
    /// The names for which an operation is granted after a version.
    fn names(
        &self,
        operation: &Operation,
        from: &States,
        by: &mut BTreeSet<usize>,
        matched: &mut [bool],
    ) -> Names {
        let mut decide = |states: &States| {
            let decided = self.decider.decide(states, |place| {
                if let Some(matched) = matched.get_mut(place) {
                    *matched = true;
                }
            });
            if decided.allowed {
                by.extend(decided.by);
            }
            decided.allowed
        };
        let path = Path::of(&operation.template);
        let before = self.decider.read(from, &path.before);
        let Some(middle) = path.names(false) else {
            return if decide(&before) { Names::All } else { Names::Nothing };
        };
        let mut walk = |names: &PathSet| {
            Walk::through(names, self.decider, &before, |states| {
                decide(&self.decider.read(states, &path.after))
            })
        };
        let Ok(found) = walk(&middle) else { return Names::Others };
        let names = found.names(false);
        if names != Names::Others {
            // A rule with several names says something about each, and not about pairs.
            let is_some = matches!(names, Names::Only(_) | Names::AllBut(_));
            return if is_some && path.parameters > 1 { Names::Others } else { names };
        }
        let ids = OF_IDS.as_ref().filter(|_| path.parameters == 1);
        let has_ids = ids.is_some_and(|ids| walk(ids).is_ok_and(|walk| walk.has_all()));
        if has_ids { Names::Ids } else { Names::Others }
    }

    /// Whether names with a slash are granted where names without one are, for an operation that has
    /// them.
    fn has_links(&self, operation: &Operation) -> bool {
        let path = Path::of(&operation.template);
        let Some(links) = path.names(true) else { return true };
        self.groups.iter().any(|group| {
            let before = self.decider.read(&group.states, &path.before);
            let walk = Walk::through(&links, self.decider, &before, |states| {
                self.decider.decide(&self.decider.read(states, &path.after), |_| {}).allowed
            });
            walk.is_ok_and(|walk| walk.has_all())
        })
    }
}

/// A path as text, names, text. The text between two names counts as a part of them.
struct Path<'a> {
    before: String,
    middle: &'a [Part],
    after: String,
    parameters: usize,
}

impl<'a> Path<'a> {
    fn of(template: &'a Template) -> Self {
        let parts = template.parts();
        let is_name = |part: &Part| !matches!(part, Part::Literal(_));
        let first = parts.iter().position(is_name).unwrap_or(parts.len());
        let last = parts.iter().rposition(is_name).map_or(parts.len(), |last| last + 1);
        let text = |parts: &[Part]| -> String {
            parts.iter().fold(String::new(), |text, part| match part {
                Part::Literal(word) => text + "/" + word,
                _ => text,
            })
        };
        let middle = parts.get(first..last).unwrap_or_default();
        let mut before = text(parts.get(..first).unwrap_or_default());
        if !middle.is_empty() {
            before.push('/');
        }
        let after = text(parts.get(last..).unwrap_or_default());
        Self { before, middle, after, parameters: template.parameters().count() }
    }

    /// The language of the names; with `links`, only names with a slash, if it has any.
    fn names(&self, links: bool) -> Option<PathSet> {
        match self.middle {
            [] => None,
            [Part::Several(_)] if links => OF_LINKS.clone(),
            _ if links => None,
            [Part::One(_) | Part::Several(_)] => OF_NAMES.clone(),
            [Part::Many(_)] => OF_REFERENCES.clone(),
            several => {
                let spelled: Vec<String> = several
                    .iter()
                    .map(|part| match part {
                        Part::Literal(word) => escaped(word),
                        Part::One(_) | Part::Several(_) => format!("(?:{NAME})"),
                        Part::Many(_) => format!("(?:{REFERENCE})"),
                    })
                    .collect();
                PathSet::own(&spelled.join("/")).ok()
            }
        }
    }
}

/// Whether requests with the names of a rule are for its operation. The engine tries words of the API before
/// names.
fn is_own(rule: &Rule) -> bool {
    let [Pattern::Exact(name)] = rule.patterns() else { return true };
    let operation = rule.operation();
    let path = operation.template.fill(|_| name.as_str().into());
    let request = CanonicalRequest::parse(operation.engine, operation.method.as_str(), &path);
    let located = request.ok().and_then(|request| request.locate());
    // With a version that it needs, it is the operation itself.
    located.is_none_or(|located| located.operation == operation)
}

/// The rule for a name.
fn rule(operation: &'static Operation, name: &NamePattern) -> Rule {
    let pattern = match name {
        NamePattern::Exactly(name) => Pattern::Exact(name.clone()),
        NamePattern::Beginning(beginning) => Pattern::Glob(Glob::prefix(beginning)),
    };
    Rule::narrowed(operation, vec![pattern])
}
