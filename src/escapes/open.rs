//! The escapes that a profile leaves open, decided by the code that decides on requests.

use std::collections::{HashMap, HashSet};

use super::data::shows;
use super::{Escape, fill, of};
use crate::api::{CanonicalRequest, Located};
use crate::contents::Facet;
use crate::peer::Peer;
use crate::policy::{Body, Enforcer, Found, Gate, Head, Owners, Request, Verdict};
use crate::profile::{Entry, Pattern, Profile, Rule};

/// An escape that a profile leaves open.
#[derive(Clone, Debug)]
pub struct Open {
    /// The escape.
    pub escape: &'static Escape,
    /// The rule that allows it.
    pub rule: Rule,
}

/// What stands for a part of the host. An escape is open if it is open for one of these: a profile
/// that lets a program mount one folder may have one that leads to the host.
const HOSTS: [Host; 4] = [
    Host { folder: "/", socket: "/var/run/docker.sock" },
    Host { folder: "/etc", socket: "/run/docker.sock" },
    Host { folder: "/root", socket: "/run/containerd/containerd.sock" },
    Host { folder: "/var/lib/docker", socket: "/run/podman/podman.sock" },
];

#[derive(Clone, Copy)]
struct Host {
    folder: &'static str,
    socket: &'static str,
}

/// The ID of a container of others, which no rule names.
const THEIR_ID: &str = "0d5b0e5ca9e00d5b0e5ca9e00d5b0e5ca9e00d5b0e5ca9e00d5b0e5ca9e00d5b";

/// How many rules that differ only in their names are tried.
const MOST_ALIKE: usize = 3;

/// The number of digits of a short ID.
const SHORT: usize = 12;

/// The escapes that a profile leaves open, in the order of the data, each with the first rule that
/// allows it.
///
/// A request names what the profile lets it name, such as an image or a container of the
/// attacker's own, so that it is never denied for another reason than the one that counts.
#[must_use]
pub fn left_open(profile: &Profile) -> Vec<Open> {
    let asked: HashSet<usize> =
        of(profile.engine).filter_map(|escape| Some(escape.located()?.operation.index)).collect();
    let rules: Vec<(&Rule, Enforcer)> = representatives(profile, &asked)
        .map(|entry| (&entry.value, Enforcer::new(&profile.with_one_rule(entry))))
        .collect();
    of(profile.engine).filter_map(|escape| open(escape, &rules)).collect()
}

/// Open escapes, grouped by the rule that leaves them open.
#[must_use]
pub fn by_rule(open: &[Open]) -> Vec<(&Rule, Vec<&Open>)> {
    let mut rules: Vec<(&Rule, Vec<&Open>)> = Vec::new();
    for one in open {
        match rules.iter_mut().find(|(rule, _)| *rule == &one.rule) {
            Some((_, list)) => list.push(one),
            None => rules.push((&one.rule, vec![one])),
        }
    }
    rules
}

/// Rules about these operations, without those that differ from earlier ones only in their names: what
/// the attacker's own objects are called makes no difference.
fn representatives<'a>(
    profile: &'a Profile,
    asked: &HashSet<usize>,
) -> impl Iterator<Item = &'a Entry<Rule>> {
    let mut seen: HashMap<_, usize> = HashMap::new();
    let about = profile.allow.iter().filter(|entry| asked.contains(&entry.value.operation().index));
    about.filter(move |entry| {
        let rule = &entry.value;
        let forms: Vec<_> = rule.patterns().iter().map(std::mem::discriminant).collect();
        let alike = seen
            .entry((rule.operation().index, rule.contents(), rule.hidden(), forms))
            .or_default();
        *alike += 1;
        *alike <= MOST_ALIKE
    })
}

fn open(escape: &'static Escape, rules: &[(&Rule, Enforcer)]) -> Option<Open> {
    let located = escape.located()?;
    let mut about = rules.iter().filter(|(rule, _)| *rule.operation() == *located.operation);
    let (rule, _) = about.find(|(rule, gate)| {
        HOSTS.iter().any(|host| escape.is_forwarded(gate, &Words { rule, host: *host, escape }))
    })?;
    Some(Open { escape, rule: (*rule).clone() })
}

impl Escape {
    /// The operation that it is, if the engine still has it.
    fn located(&self) -> Option<Located> {
        let target = self.spelled(fill(self.target, |name| Some(name.into()))?)?;
        CanonicalRequest::parse(self.engine, self.method.as_str(), &target).ok()?.locate()
    }

    /// The target with the version that it needs.
    fn spelled(&self, target: Vec<u8>) -> Option<String> {
        let version = self.version().map(|version| format!("/v{version}")).unwrap_or_default();
        Some(version + &String::from_utf8(target).ok()?)
    }

    /// Whether a gate lets it through.
    fn is_forwarded(&self, gate: &Enforcer, words: &Words<'_>) -> bool {
        let value = |name: &str| Some(words.value(name).into_bytes());
        let target = fill(self.target, value).and_then(|target| self.spelled(target));
        let (Some(target), Some(body)) = (target, fill(self.body, value)) else { return false };
        let named = |name: &str| {
            let mut head = self.head.iter();
            head.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_bytes())
        };
        let content_type = named("Content-Type").or(match body.first() {
            None => None,
            Some(b'{' | b'[') => Some(&b"application/json"[..]),
            Some(_) => Some(&b"application/x-tar"[..]),
        });
        let method = self.method.as_str();
        let asked = Request {
            head: Head { method, target: &target, content_type, flaw: None },
            body: if body.is_empty() { Body::Absent } else { Body::Whole(&body) },
            peer: Peer::default(),
            owners: Owners::NONE,
        };
        let mut owners = Owners::default();
        for _ in 0..MOST_ROUNDS {
            let objects = match gate.decide(&Request { owners: &owners, ..asked }).verdict {
                Verdict::FindOwners(objects) => objects,
                Verdict::MakeVolumes(volumes) => {
                    volumes.into_iter().map(|volume| volume.object).collect()
                }
                // What is about own objects only is no way to those of others.
                // Neither is an answer in which what counts is hidden.
                Verdict::Forward(permit) => {
                    let shows = shows(self.name).zip(permit.hide());
                    let is_hidden = shows.is_some_and(|(kind, hide)| hide.kinds().has(kind));
                    return !permit.is_filtered() && !is_hidden;
                }
                Verdict::Deny(_) | Verdict::ReadBody { .. } => return false,
            };
            for object in objects {
                let is_own = OWN_OBJECTS.contains(&object.name.as_str());
                let owner = if is_own { gate.owner().map_or("", |owner| owner) } else { "" };
                let found = Found::object(object.name.clone(), owner);
                owners.add(object, found);
            }
        }
        false
    }
}

/// The placeholders of objects that the attacker made through the profile. A rule about own objects sees
/// their names.
const OWN_OBJECTS: [&str; 4] = ["own", "own-network", "created", "made"];

/// How often a gate is asked about one request.
const MOST_ROUNDS: usize = 6;

/// What stands for the placeholders of an escape when it is tried against a rule.
struct Words<'a> {
    rule: &'a Rule,
    host: Host,
    escape: &'a Escape,
}

impl Words<'_> {
    fn value(&self, name: &str) -> String {
        let (of_name, of_content) = (|| self.of_path(name), |facet| self.of_contents(facet));
        let image = || of_content(Facet::Image).unwrap_or_else(|| "busybox:latest".to_owned());
        match name {
            "folder" => self.host.folder.to_owned(),
            "socket" => self.host.socket.to_owned(),
            "image" => of_name().unwrap_or_else(image),
            "own" | "created" => of_name().unwrap_or_else(|| name.to_owned()),
            "own-network" => {
                of_name().or_else(|| of_content(Facet::Network)).unwrap_or_else(|| name.to_owned())
            }
            "own-image" => split(&image()).0.to_owned(),
            "own-tag" => split(&image()).1.to_owned(),
            "their-image-id" => format!("sha256:{THEIR_ID}"),
            "their-id" | "their-network-id" => THEIR_ID.to_owned(),
            "their-short-id" => THEIR_ID.chars().take(SHORT).collect(),
            "their-image" => "registry.example/theirs".to_owned(),
            "server" => "http://127.0.0.1:1".to_owned(),
            "server-address" => "127.0.0.1:1".to_owned(),
            name => name.to_owned(),
        }
    }

    /// A name that the rule allows in the path, if the placeholder is there.
    fn of_path(&self, name: &str) -> Option<String> {
        let (path, _) = self.escape.target.split_once('?').unwrap_or((self.escape.target, ""));
        if !path.contains(&format!("{{{name}}}")) {
            return None;
        }
        match self.rule.patterns().first()? {
            Pattern::Any | Pattern::Own => None,
            Pattern::Exact(name) => Some(name.clone()),
            Pattern::Glob(glob) => Some(glob.pieces().join(STAR)),
        }
    }

    /// A plain value that the rule allows in the contents.
    fn of_contents(&self, facet: Facet) -> Option<String> {
        let mut values = self.rule.contents()?.values().filter(|value| value.facet() == facet);
        let is_plain = |text: &str| match facet {
            Facet::Network => !text.contains([':', '=', '@']) && text != "host",
            _ => !text.contains('@'),
        };
        let value = values.find(|value| is_plain(value.as_str()))?;
        Some(value.as_str().replace('*', STAR))
    }
}

/// What a star becomes.
const STAR: &str = "x";

/// The repository and the tag of an image.
fn split(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escapes::Concern;
    use crate::escapes::data::hidden;
    use crate::profile::parse;

    fn profile(allow: &str) -> Profile {
        let text = format!("version: 1\nname: p\nallow:\n{allow}");
        parse(&text).unwrap_or_else(|problem| panic!("{}: {text}", problem.message))
    }

    fn names(allow: &str) -> Vec<&'static str> {
        left_open(&profile(allow)).iter().map(|open| open.escape.name).collect()
    }

    #[test]
    fn a_rule_without_contents_leaves_everything_open_that_is_this_operation() {
        let open = left_open(&profile("  - POST /containers/create\n"));
        for escape in of(crate::api::EngineKind::Docker) {
            let is_create = escape.target == "/containers/create";
            let is_open = open.iter().any(|open| open.escape == escape);
            assert_eq!(is_create, is_open, "{}", escape.name);
        }
        assert!(open.iter().all(|open| open.rule.to_string() == "POST /containers/create"));
    }

    #[test]
    fn a_rule_with_contents_leaves_open_what_it_names() {
        let image = "  - POST /containers/create:\n      image:\n        - app:1\n";
        assert_eq!(names(image), Vec::<&str>::new());
        let host = names(&format!("{image}      network:\n        - host\n"));
        assert_eq!(host, ["network-of-the-host"]);
        let etc = names(&format!("{image}      mounts:\n        - /etc:ro\n"));
        assert!(etc.contains(&"bind-read-only") && etc.contains(&"mount-read-only"), "{etc:?}");
        assert!(!etc.contains(&"bind") && !etc.contains(&"volume-bind"), "{etc:?}");
        let all = names(&format!("{image}      privileged: true\n"));
        assert_eq!(all, ["privileged"]);
    }

    #[test]
    fn a_name_that_the_rule_allows_is_used_for_what_is_the_attacker_s_own() {
        let of = |rule: &str| names(&format!("  - {rule}\n"));
        let exec = of("POST /containers/app-*/exec");
        assert!(exec.contains(&"exec-privileged") && exec.contains(&"exec-twice"), "{exec:?}");
        assert!(!exec.contains(&"exec-in-another-container"), "{exec:?}");
        let all = of("POST /containers/*/exec");
        assert!(all.contains(&"exec-in-another-container"), "{all:?}");
        let confined = of("POST /containers/app-*/exec: {}");
        assert_eq!(confined, Vec::<&str>::new());
        let import = "POST /images/create:\n      image:\n        - app:1\n      source:\n        - http://127.0.0.1:1";
        assert!(of(import).contains(&"import-from-an-address"), "{:?}", of(import));
    }

    #[test]
    fn what_is_hidden_is_closed() {
        let of = |rule: &str| names(&format!("  - {rule}\n"));
        assert_eq!(of("GET /containers/*/json"), ["inspect-another-container"]);
        assert_eq!(of("GET /containers/*/json: {hide: environment}"), Vec::<&str>::new());
        assert_eq!(of("GET /containers/*/json: {hide: commands}"), ["inspect-another-container"]);
        assert_eq!(of("GET /images/*/history: {hide: commands}"), Vec::<&str>::new());
        assert_eq!(of("GET /swarm: {hide: credentials}"), Vec::<&str>::new());
        for name in hidden() {
            let kind = shows(name).unwrap_or_else(|| panic!("{name} has no kind"));
            let mut escapes = crate::api::EngineKind::ALL.into_iter().flat_map(super::of);
            let escape = escapes.find(|escape| escape.name == name).unwrap();
            let operation = escape.located().unwrap().operation;
            assert!(crate::answers::Answer::kinds_of(operation).has(kind), "{name}");
        }
    }

    #[test]
    fn what_is_denied_is_closed() {
        let deny = "  - POST /containers/create\ndeny:\n  - POST /containers/create:\n      privileged: true\n";
        let open = names(deny);
        assert!(open.contains(&"bind") && !open.contains(&"privileged"), "{open:?}");
    }

    #[test]
    fn a_profile_that_only_looks_leaves_nothing_open_that_contents_could_close() {
        let open = left_open(&profile("  - GET /containers/json\n  - GET /version\n"));
        assert!(open.iter().all(|open| open.escape.concern == Concern::Owner), "{open:?}");
    }
}
