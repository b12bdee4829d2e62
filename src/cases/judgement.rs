//! What a profile decides on a request.

use std::collections::HashSet;

use super::Ruling;
use crate::answers::Hide;
use crate::api::Object;
use crate::policy::{
    Body, Decision, Denial, Enforcer, Found, Gate, Head, Owners, Permit, Request, Verdict,
};
use crate::profile::{Entry, Profile, Rule};

/// Whose the objects are that a request names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Own {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Those with these names were made through the profile. All others belong to somebody else.
    Named(HashSet<String>),
}

/// What a profile decides on a request.
#[derive(Debug)]
pub struct Judgement<'a> {
    /// The ruling.
    pub ruling: Ruling,
    /// The first rule that allows it, perhaps for own objects only; `None` for a denial, and for a request
    /// that is allowed under `unknown`.
    pub rule: Option<&'a Entry<Rule>>,
    /// The name of the operation; `None` if the catalogue does not have it.
    pub operation: Option<&'static str>,
    /// What is hidden in the answer.
    pub hidden: Option<Hide>,
    /// Whether the answer is about own objects only.
    pub is_filtered: bool,
    /// Why it is not forwarded, or why not for the objects of others.
    pub denial: Option<Denial>,
}

/// How often a gate is asked about one request. A gate asks for owners, for volumes and for owners of
/// what it learnt from that.
const MOST_ROUNDS: usize = 6;

/// Decides on a request by a profile. Without a body, the request has none.
#[must_use]
pub fn judge<'a>(
    profile: &'a Profile,
    method: &str,
    target: &str,
    body: Option<&[u8]>,
    own: &Own,
) -> Judgement<'a> {
    let request = asked(method, target, body);
    let gate = Enforcer::new(profile);
    let assumed: &[Assumed<'_>] = match own {
        Own::Unknown => &[Assumed::Others, Assumed::Own],
        Own::Named(names) => &[Assumed::Named(names)],
    };
    let mut denial = None;
    let mut operation = None;
    for (round, assumed) in assumed.iter().enumerate() {
        let decision = decide(&gate, &request, *assumed);
        operation = decision.located.as_ref().map(|located| located.operation.name);
        match decision.verdict {
            Verdict::Forward(permit) => {
                let ruling = if round == 0 { Ruling::Allow } else { Ruling::Own };
                let rule = deciding(profile, &request, *assumed);
                return allowed(ruling, rule, operation, &permit, denial);
            }
            Verdict::Deny(why) => denial = denial.or(Some(why)),
            Verdict::ReadBody { .. } | Verdict::FindOwners(_) | Verdict::MakeVolumes(_) => {
                denial = denial.or_else(|| Some(Denial::undecided()));
            }
        }
    }
    let (ruling, rule) = (Ruling::Deny, None);
    Judgement { ruling, rule, operation, hidden: None, is_filtered: false, denial }
}

fn allowed<'a>(
    ruling: Ruling,
    rule: Option<&'a Entry<Rule>>,
    operation: Option<&'static str>,
    permit: &Permit,
    denial: Option<Denial>,
) -> Judgement<'a> {
    let (hidden, is_filtered) = (permit.hide(), permit.is_filtered());
    Judgement { ruling, rule, operation, hidden, is_filtered, denial }
}

/// The request, with the type of body that clients send.
fn asked<'a>(method: &'a str, target: &'a str, body: Option<&'a [u8]>) -> Request<'a> {
    let content_type = body.and_then(|body| match body.trim_ascii_start().first()? {
        b'{' | b'[' => Some(&b"application/json"[..]),
        _ => Some(&b"application/x-tar"[..]),
    });
    Request {
        head: Head { content_type, ..Request::new(method, target).head },
        body: body.filter(|body| !body.is_empty()).map_or(Body::Absent, Body::Whole),
        ..Request::new(method, target)
    }
}

/// What is assumed about the owners of objects.
#[derive(Clone, Copy, Debug)]
enum Assumed<'a> {
    /// All belong to somebody else.
    Others,
    /// All are the profile's own.
    Own,
    /// These are the profile's own.
    Named(&'a HashSet<String>),
}

impl Assumed<'_> {
    fn found(self, object: &Object, owner: &str) -> Found {
        let is_own = match self {
            Self::Others => false,
            Self::Own => true,
            Self::Named(names) => names.contains(&object.name),
        };
        Found::object(object.name.clone(), if is_own { owner } else { "" })
    }
}

/// Asks a gate, and answers its questions.
fn decide(gate: &Enforcer, request: &Request<'_>, assumed: Assumed<'_>) -> Decision {
    let owner = gate.owner().map_or("", |owner| owner);
    let mut owners = Owners::default();
    let mut decision = gate.decide(request);
    for _ in 0..MOST_ROUNDS {
        match &decision.verdict {
            Verdict::FindOwners(objects) => {
                for object in objects {
                    owners.add(object.clone(), assumed.found(object, owner));
                }
            }
            // A volume that does not exist yet is made for the owner.
            Verdict::MakeVolumes(volumes) => {
                for volume in volumes {
                    let object = volume.object.clone();
                    owners.add(object.clone(), Assumed::Own.found(&object, owner));
                }
            }
            Verdict::Forward(_) | Verdict::Deny(_) | Verdict::ReadBody { .. } => break,
        }
        decision = gate.decide(&Request { owners: &owners, ..*request });
    }
    decision
}

/// The first rule that allows the request if no other one is there.
fn deciding<'a>(
    profile: &'a Profile,
    request: &Request<'_>,
    assumed: Assumed<'_>,
) -> Option<&'a Entry<Rule>> {
    profile.allow.iter().find(|entry| {
        let gate = Enforcer::new(&profile.with_one_rule(entry));
        matches!(decide(&gate, request, assumed).verdict, Verdict::Forward(_))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    const TEXT: &str = "version: 1\nname: ci\nallow:\n  - GET /info\n  - GET /containers/*/json: {hide: environment}\n  \
        - GET /containers/json:\n      filters:\n        - \"@own\"\n  \
        - POST /containers/create:\n      image:\n        - app:1\n  \
        - POST /containers/create:\n      image:\n        - app:2\n      mounts:\n        - \"@own\"\n  \
        - DELETE /containers/@own\n  - POST /containers/ci-*/start\n\
        deny:\n  - POST /containers/ci-0/start\nunknown:\n  - GET /extension\n";

    fn said(method: &str, target: &str, body: Option<&str>, own: &Own) -> String {
        let profile = parse(TEXT).unwrap_or_else(|problem| panic!("{}", problem.message));
        let judgement = judge(&profile, method, target, body.map(str::as_bytes), own);
        let rule = judgement.rule.map_or("-".to_owned(), |entry| entry.value.to_string());
        let denial = judgement.denial.as_ref().map_or("-", Denial::code);
        let hidden = judgement.hidden.map_or("-".to_owned(), |hide| hide.kinds().to_string());
        let operation = judgement.operation.unwrap_or("-");
        let filtered = if judgement.is_filtered { " filtered" } else { "" };
        format!(
            "{method} {target}: {} by {rule} ({operation}), hides {hidden}, denied {denial}{filtered}",
            judgement.ruling
        )
    }

    #[test]
    fn the_rule_or_the_reason_is_named() {
        let unknown = &Own::Unknown;
        let create = |body| said("POST", "/containers/create", Some(body), unknown);
        insta::assert_snapshot!(
            [
                said("GET", "/info", None, unknown),
                said("GET", "/v1.41/%69nfo", None, unknown),
                said("GET", "/version", None, unknown),
                said("GET", "/containers/x/json", None, unknown),
                said("GET", "/containers/json", None, unknown),
                said("POST", "/containers/ci-0/start", None, unknown),
                said("POST", "/containers/ci-1/start", None, unknown),
                said("POST", "/containers/web/start", None, unknown),
                said("DELETE", "/containers/web", None, unknown),
                said("GET", "/extension", None, unknown),
                said("GET", "/../info", None, unknown),
                said("POST", "/containers/create", None, unknown),
                create("{\"Image\": \"app:1\"}"),
                create("{\"Image\": \"app:2\", \"HostConfig\": {\"Binds\": [\"data:/data\"]}}"),
                create("{\"Image\": \"app:1\", \"HostConfig\": {\"Privileged\": true}}"),
                create("{\"Image\": "),
            ]
            .join("\n")
        );
    }

    #[test]
    fn own_objects_can_be_named() {
        let own = Own::Named(HashSet::from(["web".to_owned()]));
        let is = |target: &str| said("DELETE", target, None, &own);
        assert!(is("/containers/web").contains(": allow by DELETE /containers/@own"));
        assert!(is("/containers/db").contains(": deny by -"), "{}", is("/containers/db"));
    }
}
