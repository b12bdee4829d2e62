//! Rules that match more, or less, than the names they spell. The engine accepts an ID or a prefix
//! of one in place of a name, and finds an image by several references.
//!
//! If the container `db` is removed, `DELETE /containers/db` applies to any other container whose
//! ID starts with `db`. And a container that is denied by name is still reachable by its ID if a
//! wider rule allows that.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{Pattern, Profile, Rule};
use crate::api::{Operation, ParameterKind};

/// A rule that does not match exactly what it names.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Ambiguity {
    /// The rule.
    pub rule: Rule,
    /// Its index: in `deny` for [`AmbiguityKind::Respelled`], otherwise in `allow`.
    pub place: usize,
    /// The reason.
    pub kind: AmbiguityKind,
}

/// Why a rule does not match exactly what it names.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum AmbiguityKind {
    /// A name it matches can also be a prefix of some other object's ID.
    Ids,
    /// A name it matches can also be a prefix of some other object's name.
    LongerNames,
    /// What it denies has other names, and this rule under `allow` matches them.
    Respelled(Rule),
}

/// Prefixes that a reference without a registry may have as well.
const BEGINNINGS: [&str; 4] =
    ["docker.io/library/", "index.docker.io/library/", "docker.io/", "library/"];

/// What may precede the prefix of an image ID.
const DIGEST: &str = "sha256:";

/// The number of wider rules examined for each denied one.
const MOST_WIDER: usize = 16;

impl Rule {
    /// Why the rule matches more than the names it spells. A rule that matches every name is not
    /// ambiguous, nor is one that spells out a whole ID, because that matches only one object.
    #[must_use]
    pub fn ambiguity(&self) -> Option<AmbiguityKind> {
        let mut kinds = self.patterns().iter().zip(self.operation().parameter_kinds());
        kinds.find_map(|(pattern, kind)| match pattern {
            Pattern::Any | Pattern::Own => None,
            Pattern::Exact(_) if kind == ParameterKind::NameBeginning => {
                Some(AmbiguityKind::LongerNames)
            }
            Pattern::Exact(_) | Pattern::Glob(_) => {
                can_be_id(pattern, kind).then_some(AmbiguityKind::Ids)
            }
        })
    }
}

impl Profile {
    /// The rules that do not match exactly what they name: those under `allow` in order, then those
    /// under `deny`.
    #[must_use]
    pub fn ambiguities(&self) -> Vec<Ambiguity> {
        let denied = self.denied();
        let is_any = |rule: &Rule| rule.patterns().iter().all(|own| *own == Pattern::Any);
        let open: HashSet<&Operation> = (self.allow.iter().map(|entry| &entry.value))
            .filter(|rule| is_any(rule))
            .map(Rule::operation)
            .collect();
        let mut seen = HashSet::new();
        let mut found: Vec<Ambiguity> = (self.allow.iter().enumerate())
            .map(|(place, entry)| (place, &entry.value))
            // Skip what a wider rule allows anyway, and what is denied.
            .filter(|(_, rule)| !open.contains(rule.operation()))
            .filter_map(|(place, rule)| Some((place, rule, rule.ambiguity()?)))
            .filter(|(_, rule, _)| !denied.covers(rule) && seen.insert(*rule))
            .map(|(place, rule, kind)| Ambiguity { rule: rule.clone(), place, kind })
            .collect();
        let wide = wide_rules(self);
        let mut seen = HashSet::new();
        for (place, rule) in self.deny.iter().map(|entry| &entry.value).enumerate() {
            let wider = wide.get(rule.operation()).into_iter().flatten();
            let mut wider = wider.filter(|wider| is_respelled(rule, wider));
            if let Some(wider) = wider.find(|wider| !denied.covers(wider))
                && seen.insert(rule)
            {
                let kind = AmbiguityKind::Respelled((*wider).clone());
                found.push(Ambiguity { rule: rule.clone(), place, kind });
            }
        }
        found
    }
}

impl Profile {
    /// The result of [`Profile::ambiguities`] without the entries that `before` has too.
    #[must_use]
    pub fn new_ambiguities(&self, before: &Self) -> Vec<Ambiguity> {
        let known = before.ambiguities();
        let known: HashSet<(&Rule, &AmbiguityKind)> =
            known.iter().map(|one| (&one.rule, &one.kind)).collect();
        let mut found = self.ambiguities();
        found.retain(|one| !known.contains(&(&one.rule, &one.kind)));
        found
    }
}

/// The rules under `allow` that contain a star, by operation: the widest of each, judged by length.
fn wide_rules(profile: &Profile) -> HashMap<&Operation, Vec<&Rule>> {
    let mut wide: HashMap<&Operation, Vec<&Rule>> = HashMap::new();
    for rule in profile.allow.iter().map(|entry| &entry.value) {
        if rule.patterns().iter().any(|own| !matches!(own, Pattern::Exact(_))) {
            wide.entry(rule.operation()).or_default().push(rule);
        }
    }
    for rules in wide.values_mut() {
        let length = |rule: &&Rule| -> usize {
            rule.patterns().iter().flat_map(Pattern::pieces).map(String::len).sum()
        };
        rules.sort_by_key(length);
        rules.truncate(MOST_WIDER);
    }
    wide
}

/// Whether something that `denied` names has another name that `allowed` matches.
fn is_respelled(denied: &Rule, allowed: &Rule) -> bool {
    let kinds = denied.operation().parameter_kinds();
    let pairs = || denied.patterns().iter().zip(allowed.patterns());
    pairs().zip(kinds).enumerate().any(|(place, ((denied, allowed), kind))| {
        let others_share = || {
            let others = pairs().enumerate().filter(|(other, _)| *other != place);
            others.into_iter().all(|(_, (one, other))| one.overlaps(other))
        };
        *denied != Pattern::Any && has_other_name(denied, allowed, kind) && others_share()
    })
}

/// Whether an object that `denied` matches by name has another name that `allowed` matches.
fn has_other_name(denied: &Pattern, allowed: &Pattern, kind: ParameterKind) -> bool {
    if matches!(allowed, Pattern::Exact(_)) {
        return false;
    }
    match kind {
        ParameterKind::Name | ParameterKind::Id => false,
        ParameterKind::NameBeginning => allowed.overlaps(denied),
        ParameterKind::HexId | ParameterKind::SwarmId => can_be_id(allowed, kind),
        ParameterKind::Image => can_be_id(allowed, kind) || fits_a_respelling(denied, allowed),
        ParameterKind::Reference => fits_a_respelling(denied, allowed),
    }
}

/// Whether `allowed` matches another reference to an image that `denied` names.
fn fits_a_respelling(denied: &Pattern, allowed: &Pattern) -> bool {
    let text = denied.to_string();
    let plain = BEGINNINGS.iter().find_map(|beginning| text.strip_prefix(beginning));
    let plain = plain.unwrap_or(&text);
    let plain = plain.strip_suffix(":latest").unwrap_or(plain);
    let fronts = BEGINNINGS.into_iter().chain([""]);
    let ends = ["", ":*", "@*"];
    let spellings = fronts.flat_map(|front| ends.map(|end| format!("{front}{plain}{end}")));
    spellings.filter(|spelling| *spelling != text).any(|spelling| {
        let pattern = Pattern::parse(&spelling);
        pattern.is_some_and(|other| allowed.overlaps(&other) && !denied.covers(&other))
    })
}

/// Whether the engine could read a value of the pattern as a prefix of an ID. A whole ID identifies
/// one object, and a text that starts with `sha256:` is clearly meant as an ID.
fn can_be_id(pattern: &Pattern, kind: ParameterKind) -> bool {
    let Some((is_of_id, longest)) = kind.ids() else { return false };
    match pattern {
        Pattern::Any => true,
        Pattern::Own => false,
        Pattern::Exact(name) => name.len() < longest && name.chars().all(is_of_id),
        Pattern::Glob(glob) => {
            let pieces = glob.pieces();
            let first = pieces.first().map(String::as_str).unwrap_or_default();
            let length: usize = pieces.iter().map(String::len).sum();
            let is_bare = pieces.iter().flat_map(|piece| piece.chars()).all(is_of_id);
            (is_bare && length < longest)
                || (kind == ParameterKind::Image
                    && !first.starts_with(DIGEST)
                    && can_be_digest(pieces, is_of_id))
        }
    }
}

/// Whether the pieces, with anything between them, can spell `sha256:` followed by characters of an
/// ID.
fn can_be_digest(pieces: &[String], is_of_id: fn(char) -> bool) -> bool {
    let mut tokens: Vec<Option<char>> = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        if place > 0 {
            tokens.push(None);
        }
        tokens.extend(piece.chars().map(Some));
    }
    // The positions in the tokens that are reachable so far.
    let mut reached = vec![0];
    for letter in DIGEST.chars() {
        let mut next = Vec::new();
        for place in reached {
            let mut at = place;
            // A star takes the letter and stays, or gives way to what follows it.
            while tokens.get(at) == Some(&None) {
                next.push(at);
                at += 1;
            }
            if tokens.get(at) == Some(&Some(letter)) {
                next.push(at + 1);
            }
        }
        next.sort_unstable();
        next.dedup();
        reached = next;
    }
    let is_rest_of_id =
        |at: &usize| tokens.iter().skip(*at).flatten().all(|letter| is_of_id(*letter));
    // Without room for a single character of an ID, nothing is named.
    let ends_open = |at: &usize| tokens.len() > *at;
    reached.iter().any(|at| ends_open(at) && is_rest_of_id(at))
}

impl Ambiguity {
    /// How to resolve the ambiguity.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.kind {
            AmbiguityKind::Ids => "use a name with a character that no id has, such as - or _",
            AmbiguityKind::LongerNames => "do not give other volumes a name with this prefix",
            AmbiguityKind::Respelled(_) => {
                "allow only the names that are meant, instead of denying one"
            }
        }
    }
}

/// The problem in one sentence, without a full stop.
impl fmt::Display for Ambiguity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, thing) = (&self.rule, self.rule.operation().thing());
        let by_id = rule.patterns().iter().zip(rule.operation().parameter_kinds());
        let exact = by_id.into_iter().find_map(|(pattern, kind)| match pattern {
            Pattern::Exact(name) if kind == ParameterKind::NameBeginning => Some(name),
            Pattern::Exact(name) => can_be_id(pattern, kind).then_some(name),
            Pattern::Any | Pattern::Glob(_) | Pattern::Own => None,
        });
        match (&self.kind, exact) {
            (AmbiguityKind::Ids, Some(name)) => {
                write!(formatter, "{rule} also matches any {thing} whose id begins with {name}")
            }
            (AmbiguityKind::Ids, None) => {
                write!(formatter, "{rule} also matches a {thing} by its id")
            }
            (AmbiguityKind::LongerNames, _) => {
                let name = exact.map(String::as_str).unwrap_or_default();
                write!(formatter, "{rule} also matches any {thing} whose name begins with {name}")
            }
            (AmbiguityKind::Respelled(wider), _) => {
                let spelling = match rule.operation().parameter_kinds().next() {
                    Some(ParameterKind::Image) => "its id, its digest or another reference",
                    Some(ParameterKind::Reference) => "its digest or another reference",
                    Some(ParameterKind::NameBeginning) => "the beginning of its name",
                    _ => "its id or the beginning of it",
                };
                write!(
                    formatter,
                    "{rule} is denied, but {wider} still allows the same {thing} by {spelling}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EngineKind;
    use crate::profile::parse;

    fn is_ambiguous(engine: EngineKind, text: &str) -> bool {
        Rule::parse(engine, text).unwrap().ambiguity().is_some()
    }

    #[test]
    fn a_name_of_hexadecimal_letters_is_the_beginning_of_ids() {
        let whole = "ab".repeat(32);
        for (name, expected) in [
            ("db", true),
            ("d", true),
            ("cafe*", true),
            ("*db", true),
            ("d*b", true),
            ("0*", true),
            ("deadbeefcafe", true),
            (whole.as_str(), false),
            ("DB", false),
            ("web", false),
            ("db-1", false),
            ("db_*", false),
            ("*-db", false),
            ("*", false),
        ] {
            let rule = format!("DELETE /containers/{name}");
            assert_eq!(is_ambiguous(EngineKind::Docker, &rule), expected, "{rule}");
            let rule = format!("GET /libpod/pods/{name}/json");
            assert_eq!(is_ambiguous(EngineKind::Podman, &rule), expected, "{rule}");
        }
    }

    #[test]
    fn each_kind_of_object_has_its_own_ids() {
        let docker = |text: &str| is_ambiguous(EngineKind::Docker, text);
        assert!(docker("GET /networks/fed") && docker("GET /images/ace/json"));
        assert!(docker("GET /services/web") && !docker("GET /services/web-1"));
        assert!(!docker("GET /volumes/db") && !docker("DELETE /volumes/db"));
        assert!(!docker("POST /exec/db/start"), "an exec has no name");
        assert!(docker("DELETE /containers/db/checkpoints/one"));
        assert!(!docker("DELETE /containers/web/checkpoints/db"));
        let podman = |text: &str| is_ambiguous(EngineKind::Podman, text);
        assert!(podman("DELETE /libpod/volumes/web") && podman("DELETE /volumes/web"));
        assert!(!podman("GET /libpod/volumes/db/json"));
        assert!(podman("GET /libpod/secrets/db/json") && !podman("GET /libpod/secrets/web/json"));
    }

    #[test]
    fn a_glob_on_images_can_take_the_digest_in_front_of_an_id() {
        let docker = |text: &str| is_ambiguous(EngineKind::Docker, text);
        for (name, expected) in [
            ("sha256:*", false),
            ("s*", true),
            ("*a*", true),
            ("*256:*", true),
            ("sha256*a", true),
            ("sh*x", false),
            ("reg:5000/*", false),
            ("busybox*", false),
        ] {
            assert_eq!(docker(&format!("GET /images/{name}/json")), expected, "{name}");
        }
    }

    fn described(rest: &str) -> String {
        let profile = parse(&format!("version: 1\nname: x\n{rest}")).unwrap();
        let lines: Vec<String> = profile.ambiguities().iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    fn rules(allow: &[&str], deny: &[&str]) -> String {
        let list = |key: &str, rules: &[&str]| {
            let lines: String = rules.iter().map(|rule| format!("  - {rule}\n")).collect();
            if rules.is_empty() { String::new() } else { format!("{key}:\n{lines}") }
        };
        list("allow", allow) + &list("deny", deny)
    }

    #[test]
    fn each_ambiguity_is_reported_with_its_reason() {
        insta::assert_snapshot!(
            [
                described(&rules(&["GET /containers/db/json", "DELETE /containers/ca*"], &[])),
                described(&rules(&["GET /containers/*/json"], &["GET /containers/keep/json"])),
                described(&rules(&["GET /images/*/get"], &["GET /images/busybox/get"])),
                described(&rules(&["GET /images/busybox*/json"], &["GET /images/busybox/json"])),
                described(&rules(&["GET /distribution/*/json"], &["GET /distribution/evil/x/json"])),
                described(&(rules(&["DELETE /libpod/volumes/db"], &[]) + "engine: podman\n")),
            ]
            .join("\n"),
            @r"
        GET /containers/db/json also matches any container whose id begins with db
        DELETE /containers/ca* also matches a container by its id
        GET /containers/keep/json is denied, but GET /containers/*/json still allows the same container by its id or the beginning of it
        GET /images/busybox/get is denied, but GET /images/*/get still allows the same image by its id, its digest or another reference
        GET /images/busybox/json is denied, but GET /images/busybox*/json still allows the same image by its id, its digest or another reference
        GET /distribution/evil/x/json is denied, but GET /distribution/*/json still allows the same image by its digest or another reference
        DELETE /libpod/volumes/db also matches any volume whose name begins with db
        "
        );
    }

    #[test]
    fn exact_and_harmless_rules_are_not_reported() {
        for (allow, deny) in [
            // A wider rule allows it anyway, or it is denied.
            (&["GET /containers/db/json", "GET /containers/*/json"][..], &[][..]),
            (&["GET /containers/db/json"], &["GET /containers/*/json"]),
            (&["GET /containers/db/json"], &["GET /containers/db/json"]),
            // Nothing allows another spelling.
            (&["GET /containers/web/json"], &["GET /containers/keep/json"]),
            (&["GET /containers/ci-*/json"], &["GET /containers/ci-keep/json"]),
            (&["GET /images/alpine/json"], &["GET /images/busybox/json"]),
            (&["GET /images/reg.example/*/json"], &["GET /images/busybox/json"]),
            (&["GET /volumes/*"], &["GET /volumes/keep"]),
            (&["POST /exec/*/start"], &["POST /exec/keep/start"]),
            // Everything is denied.
            (&["GET /containers/*/json"], &["GET /containers/*/json"]),
        ] {
            assert_eq!(described(&rules(allow, deny)), "", "{allow:?} {deny:?}");
        }
    }
}
