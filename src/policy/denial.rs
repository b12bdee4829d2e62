//! Why a request is not forwarded. The reason is a type, and only this module turns it into text.

use std::fmt;
use std::sync::Arc;

use super::{Missing, Stray};
use crate::api::{ApiVersion, EngineKind, Object, ObjectKind, Refusal, redacted_name};
use crate::contents::{Fact, Unreadable};
use crate::profile::{Rule, spelled_value};
use crate::text::printable;

/// Why a request is not forwarded.
///
/// [`fmt::Display`] writes the text for the client and for the log. It is printable, and it repeats
/// nothing that the client sent except the canonical path, without parts that may be secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// The rule that would allow the request, if there is one.
    pub rule: Option<Rule>,
    /// Set if the profile's engine does not have the operation, but another engine does.
    elsewhere: Option<Elsewhere>,
    /// What the text names; empty if the request cannot be read.
    subject: Subject,
}

/// The reason for a denial.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// No profile can allow the request.
    Refused(Refusal),
    /// The request came over TCP, and a web page may have sent it.
    Stray(Stray),
    /// The request asks for an API version older than the profile's `min_api`.
    BelowMinApi {
        /// The requested version.
        asked: ApiVersion,
        /// The profile's `min_api`.
        least: ApiVersion,
    },
    /// A rule under `deny` matches the request.
    Denied {
        /// The rule.
        rule: Rule,
        /// What the rule denies of the contents; `None` if it denies any contents.
        given: Option<Fact>,
    },
    /// No rule under `allow` matches the request.
    NotAllowed {
        /// Whether a rule allows the operation for other names.
        is_narrowed: bool,
    },
    /// The decision depends on the body, and the body could be read in several ways or not at all.
    Unreadable(Unreadable),
    /// The decision depends on the body, which cannot be had.
    Missing(Missing),
    /// Rules allow the request with other contents. This one allows most of what it gives away.
    Contents {
        /// The rule.
        rule: Rule,
        /// What the rule would have to allow, too.
        lacking: Vec<Fact>,
    },
    /// Rules allow the request with some contents, and the contents of a recorded request are not known.
    NoContents,
    /// No rule allows the network that the body names, and the engine would take that one.
    OtherNetwork,
    /// Rules allow the request for own objects, and this is not one.
    NotOwn(NotOwn),
    /// The request creates something with this name, which is somebody else's already, and the engine would
    /// answer with what is there or replace it.
    NameTaken(Object),
    /// Rules allow the request for own objects, and the engine did not say whose this one is.
    OwnerUnknown(Object),
    /// The gate asked for the body again although it had received it. No gate does that.
    Undecided,
    /// The catalogue of this engine does not have the operation, and `unknown` does not list it.
    Unknown(EngineKind),
    /// Nobody knows yet which engine there is, because it has not answered.
    NoEngine,
    /// The request could not be recorded, and no request may be forwarded without a record.
    Unrecorded,
}

/// An object that is not an own one: it belongs to somebody else, or does not exist. The client is not
/// told which.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotOwn {
    /// The object.
    pub object: Object,
    /// Whether it exists.
    pub exists: bool,
    /// The engine in whose words the client is told.
    pub engine: EngineKind,
    /// Whether the request removes it and does not mind if it does not exist.
    pub may_be_absent: bool,
}

/// What a client is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The text that it shows.
    pub message: String,
    /// The reason as podman's clients tell it apart; `None` for the clients of Docker Engine.
    pub cause: Option<String>,
}

/// The subject of a denial.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Subject {
    /// The method and the path, without parts that may be secret.
    pub(super) asked: String,
    /// The profile's name.
    pub(super) profile: Arc<str>,
}

/// An operation that the profile's engine does not have, but another engine does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Elsewhere {
    /// The profile's engine.
    pub(super) own: EngineKind,
    /// The engine that has the operation.
    pub(super) other: EngineKind,
}

impl Denial {
    /// A denial by a profile.
    pub(super) fn by_profile(reason: Reason, rule: Option<Rule>, subject: Subject) -> Self {
        Self { reason, rule, elsewhere: None, subject }
    }

    /// A denial of a request that no profile can allow.
    #[must_use]
    pub fn refused(refusal: Refusal) -> Self {
        Self::by_profile(Reason::Refused(refusal), None, Subject::default())
    }

    /// A denial of a request that a web page may have sent.
    #[must_use]
    pub fn stray(stray: Stray) -> Self {
        Self::by_profile(Reason::Stray(stray), None, Subject::default())
    }

    /// A denial of a request on which the gate did not decide.
    #[must_use]
    pub fn undecided() -> Self {
        Self::by_profile(Reason::Undecided, None, Subject::default())
    }

    /// A denial of a request that arrives before the engine has answered for the first time.
    #[must_use]
    pub fn no_engine() -> Self {
        Self::by_profile(Reason::NoEngine, None, Subject::default())
    }

    /// A denial of a request that could not be recorded.
    #[must_use]
    pub fn unrecorded() -> Self {
        Self::by_profile(Reason::Unrecorded, None, Subject::default())
    }

    /// The reason in a word or two, for metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.reason {
            Reason::Refused(_) => "refused",
            Reason::Stray(_) => "web-page",
            Reason::BelowMinApi { .. } => "min-api",
            Reason::Denied { .. } => "denied",
            Reason::NotAllowed { is_narrowed: false } => "not-allowed",
            Reason::NotAllowed { is_narrowed: true } => "other-name",
            Reason::Unreadable(_) | Reason::Missing(_) => "body",
            Reason::Contents { .. } | Reason::NoContents | Reason::OtherNetwork => "contents",
            Reason::NotOwn(_) | Reason::NameTaken(_) => "not-own",
            Reason::OwnerUnknown(_) => "owner-unknown",
            Reason::Undecided => "undecided",
            Reason::Unknown(_) => "unknown-operation",
            Reason::NoEngine => "no-engine",
            Reason::Unrecorded => "unrecorded",
        }
    }

    /// Names the engine that has the operation.
    pub(super) fn with_elsewhere(self, elsewhere: Option<Elsewhere>) -> Self {
        Self { elsewhere, ..self }
    }

    /// The denial without advice on how to allow the request.
    #[must_use]
    pub fn cause(&self) -> Cause<'_> {
        Cause(self)
    }

    /// Whether it tells the client what an engine would tell it, too: that an object does not exist.
    /// Nobody has to know of that.
    #[must_use]
    pub fn is_of_absent(&self) -> bool {
        matches!(&self.reason, Reason::NotOwn(NotOwn { exists: false, .. }))
    }

    /// The message for the client. About an object that is not there for it, it is the engine's own, for
    /// programs look at it.
    ///
    /// `text` is the denial as [`fmt::Display`] writes it, which observers have already been given.
    #[must_use]
    pub fn answer(&self, text: &str) -> Answer {
        match &self.reason {
            Reason::NotOwn(NotOwn { object, engine: EngineKind::Docker, .. }) => {
                Answer { message: absent(object), cause: None }
            }
            Reason::NotOwn(NotOwn { object, engine: EngineKind::Podman, .. }) => {
                absent_of_podman(object)
            }
            _ => Answer { message: format!("dsp: {text}"), cause: None },
        }
    }

    /// The status of the answer: 400 if the request itself is faulty, 408 or 413 if its body is too slow or too long, 404 if its
    /// object is not the owner's (204 if the request only removes what exists), 409 if
    /// its name is somebody else's, 502 if the engine has not answered yet, 503 if it could not be recorded or the engine does not say whose its object is,
    /// and 403 if it is not allowed.
    #[must_use]
    pub fn status(&self) -> u16 {
        match &self.reason {
            Reason::Refused(refusal) => refusal.status(),
            Reason::NoEngine => 502,
            Reason::Unrecorded | Reason::OwnerUnknown(_) => 503,
            // For the client, there is no such object: programs wait for one to be gone in this way.
            Reason::NotOwn(NotOwn { may_be_absent: true, .. }) => 204,
            Reason::NotOwn(_) => 404,
            Reason::NameTaken(_) => 409,
            Reason::Unreadable(why) if why.is_unknown() => 403,
            Reason::Missing(Missing::TooLong) => 413,
            Reason::Missing(Missing::TooSlow) => 408,
            Reason::Missing(Missing::NoMemory) => 503,
            Reason::Missing(_) => 400,
            Reason::Unreadable(_) => 400,
            _ => 403,
        }
    }
}

/// What podman says of an object that does not exist (podman `libpod/define/errors.go`).
fn absent_of_podman(object: &Object) -> Answer {
    let Object { kind, name } = object;
    let name = printable(&redacted_name(name, LONGEST_NAME));
    let cause = match kind {
        ObjectKind::Exec => "no such exec session".to_owned(),
        ObjectKind::Image => "image not known".to_owned(),
        ObjectKind::Network => "network not found".to_owned(),
        kind => format!("no such {kind}"),
    };
    let message = match kind {
        ObjectKind::Container | ObjectKind::Pod => {
            format!("no {kind} with name or ID \"{name}\" found: {cause}")
        }
        ObjectKind::Volume => format!("no volume with name \"{name}\" found: {cause}"),
        ObjectKind::Network => format!("unable to find network with name or ID {name}: {cause}"),
        ObjectKind::Secret => format!("no secret with name or id \"{name}\": {cause}"),
        _ => format!("{name}: {cause}"),
    };
    Answer { message, cause: Some(cause) }
}

/// What Docker says of an object that does not exist.
fn absent(object: &Object) -> String {
    let name = printable(&redacted_name(&object.name, LONGEST_NAME));
    match object.kind {
        ObjectKind::Container => format!("No such container: {name}"),
        ObjectKind::Exec => format!("No such exec instance: {name}"),
        ObjectKind::Volume => format!("get {name}: no such volume"),
        ObjectKind::Image => {
            let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
            format!("No such image: {name}{}", if has_tag { "" } else { ":latest" })
        }
        kind => format!("{kind} {name} not found"),
    }
}

/// The longest name, in bytes, that an answer repeats.
const LONGEST_NAME: usize = 256;

/// The number of facts that a text names.
const MOST_TOLD: usize = 4;

/// The length, in bytes, after which a text names no further fact.
const LONG_TOLD: usize = 300;

/// The first facts, and how many more there are.
fn told(facts: &[Fact], told: impl Fn(&Fact, Option<&Fact>) -> String) -> String {
    let (mut text, mut named, mut before) = (String::new(), 0, None);
    for fact in facts.iter().take(MOST_TOLD) {
        if named > 0 && text.len() > LONG_TOLD {
            break;
        }
        let comma = if named > 0 { ", " } else { "" };
        text = format!("{text}{comma}{}", told(fact, before));
        (named, before) = (named + 1, Some(fact));
    }
    match facts.len() - named {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// A denial without advice on how to allow the request.
#[derive(Clone, Copy, Debug)]
pub struct Cause<'a>(&'a Denial);

/// A value as a line of a profile: `mounts: - /srv`.
struct Line<'a>(&'a Fact);

impl fmt::Display for Line<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fact { facet, value } = self.0;
        match facet.is_flag() {
            true => write!(to, "{facet}: {value}"),
            false => write!(to, "{facet}: - {}", spelled_value(value)),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause().fmt(to)?;
        match (&self.reason, &self.rule) {
            (Reason::Contents { rule, lacking }, _) => {
                let lines = told(lacking, |fact, _| Line(fact).to_string());
                write!(to, "; to allow it, add to \"{}\": {lines}", rule.without_contents())?;
            }
            (Reason::Unreadable(_) | Reason::NoContents, Some(rule)) => {
                write!(to, "; to allow any contents: - {rule}")?;
            }
            (_, Some(rule)) => write!(to, "; to allow it: - {rule}")?,
            (_, None) => {}
        }
        if let Reason::BelowMinApi { asked, .. } = &self.reason {
            write!(to, "; to allow it: min_api: \"{asked}\", or no min_api")?;
        }
        if let Some(Elsewhere { own, other }) = self.elsewhere {
            write!(
                to,
                "; it is an operation of {}, and the profile is for {}: a profile for it says \
                 engine: {other}",
                other.title(),
                own.title(),
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Denial { reason, subject, .. } = self.0;
        let Subject { asked, profile } = subject;
        match reason {
            Reason::Refused(refusal) => write!(to, "the request is refused: {refusal}"),
            Reason::Stray(stray) => write!(to, "{stray}"),
            Reason::BelowMinApi { asked, least } => write!(
                to,
                "API version {asked} is older than min_api \"{least}\" of profile \"{profile}\""
            ),
            Reason::Denied { given: None, .. } => {
                write!(to, "{asked} is denied by profile \"{profile}\"")
            }
            Reason::Denied { given: Some(fact), .. } => {
                write!(to, "{asked} is denied by profile \"{profile}\" with {fact}")
            }
            Reason::NotAllowed { .. } => {
                write!(to, "{asked} is not allowed by profile \"{profile}\"")
            }
            Reason::Unreadable(why) => write!(
                to,
                "{asked} is not allowed by profile \"{profile}\", which decides on its contents: {why}"
            ),
            Reason::Contents { lacking, .. } => {
                let given = told(lacking, |fact, before| match before {
                    Some(before) if before.facet == fact.facet => fact.value.clone(),
                    _ => fact.to_string(),
                });
                write!(to, "{asked} is not allowed by profile \"{profile}\" with {given}")
            }
            Reason::NoContents => write!(
                to,
                "{asked} is allowed by profile \"{profile}\" with some contents, and its contents were \
                 not recorded"
            ),
            Reason::Missing(why) => write!(
                to,
                "{asked} is not allowed by profile \"{profile}\" without its body, and {why}"
            ),
            Reason::OtherNetwork => write!(
                to,
                "{asked} is not allowed by profile \"{profile}\": the body names this network, which the \
                 engine prefers to the one in the path"
            ),
            Reason::NotOwn(NotOwn { object, .. }) => write!(
                to,
                "{asked} is allowed by profile \"{profile}\" for own objects only, and this {} is not one",
                object.kind
            ),
            Reason::NameTaken(object) => write!(
                to,
                "Conflict. The name of the {} is in use: {asked} is allowed by profile \"{profile}\" for own \
                 objects only",
                object.kind
            ),
            Reason::OwnerUnknown(object) => write!(
                to,
                "{asked} is allowed by profile \"{profile}\" for own objects only, and the engine does not \
                 say whose this {} is",
                object.kind
            ),
            Reason::Undecided => to.write_str("the profile does not decide on the request"),
            Reason::NoEngine => to.write_str("the engine has not answered yet; try again later"),
            Reason::Unrecorded => {
                to.write_str("the audit log cannot be written, so nothing is admitted")
            }
            Reason::Unknown(engine) => write!(
                to,
                "{asked} is not a known operation of {} and not allowed by profile \"{profile}\"",
                engine.api()
            ),
        }
    }
}
