//! The lines of a recording, version 3. Version 1 has no contents, and version 2 does not say what was made.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::client::RecordedClient;
use crate::api::{EngineKind, ObjectKind};
use crate::contents::Facts;
use crate::http1::Outcome;
use crate::peer::Peer;
use crate::text::printable;

/// The version of the format that this dsp writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 3;

/// One line. Its only key is the name of the event: `{"request":{...}}`.
///
/// The recorder writes lines that borrow their texts from the request. An event that was read owns them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event<'a> {
    /// A session begins.
    Session(Session),
    /// A request arrived. Written before it is forwarded.
    Request(Request<'a>),
    /// The answer to a request has ended.
    Response(Response<'a>),
    /// The engine has created an object.
    Made(Made<'a>),
    /// An earlier request was repeated.
    Repeat(Repeat<'a>),
    /// The session has ended normally.
    End(End<'a>),
}

/// The start of a session: one run of `dsp record`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Session {
    /// [`FORMAT_VERSION`] of the writer.
    pub version: u32,
    /// A random name, so that a file that is appended to or read twice is counted once.
    pub id: String,
    /// When it began.
    pub start: Timestamp,
    /// The version of dsp that wrote it.
    pub dsp: String,
    /// The program that was run and its sub-command, possibly with its arguments; none for a listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Whether the user asked to record the arguments of the command. If not, they are not shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub arguments: bool,
    /// The container that sent these requests; none if the command sent them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The clients that sent these requests, under `record --whole-host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<SessionClient>,
    /// The labels that the user gave the session with `--label`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// The engine behind the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Whether lines were lost. This is the only value that is changed in place, because a full disk has no
    /// room for another line.
    #[serde(default)]
    pub lossy: bool,
}

/// The clients whose requests are a session, as a rule about clients in a host file names them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionClient {
    /// Those in a container, or in all containers of a service of Compose.
    Container(String),
    /// Those in a service of systemd.
    Unit(String),
    /// What a user started outside of these: the name of the user, or the number if it has no name.
    Login(String),
}

impl SessionClient {
    /// The key of the rule.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Container(_) => "container",
            Self::Unit(_) => "unit",
            Self::Login(_) => "login",
        }
    }

    /// The value of the rule.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Container(value) | Self::Unit(value) | Self::Login(value) => value,
        }
    }
}

/// `container shop/front`
impl fmt::Display for SessionClient {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.key(), printable(self.value()))
    }
}

/// The engine's description of itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Engine {
    /// The kind of engine. Docker Engine is left out.
    #[serde(default, skip_serializing_if = "is_default", with = "kind")]
    pub kind: EngineKind,
    /// Its version.
    pub version: String,
    /// The newest API version that it supports.
    pub api: String,
    /// The oldest API version that it supports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_api: Option<String>,
}

/// A request, as it arrived.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Request<'a> {
    /// The session's id.
    pub session: Cow<'a, str>,
    /// Its number within the session, from 1.
    pub seq: u64,
    /// When it arrived.
    pub time: Timestamp,
    /// The number of the client's connection within the session, from 1.
    pub connection: u64,
    /// The client that asked; unknown in recordings of earlier versions.
    #[serde(default, skip_serializing_if = "Peer::is_unknown")]
    pub peer: Peer,
    /// Where it runs and what its certificate says, if that was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Box<RecordedClient<'a>>>,
    /// The method as received if it is an HTTP method, else its length.
    pub method: Cow<'a, str>,
    /// The path as received, version included, without the query and without parts that may be secret. If
    /// the target is not a path, its length.
    pub path: Cow<'a, str>,
    /// The operation's name in the catalogue, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Cow<'a, str>>,
    /// The values of the operation's parameters.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<Cow<'a, str>, Cow<'a, str>>,
    /// The query parameters that the operation has, in order, with their values. A value that may be secret
    /// is null.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(Cow<'a, str>, Option<Cow<'a, str>>)>,
    /// How many query parameters the operation does not have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread: u64,
    /// What the contents give away, by facet; none if they were not read. Bodies are never recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Cow<'a, Facts>>,
    /// Why no rule about contents could allow the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Cow<'a, str>>,
    /// Why `enforce` would refuse the request whatever the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Cow<'a, str>>,
    /// The name that the client gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Cow<'a, str>>,
    /// Why `enforce` denied it; none in a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<Cow<'a, str>>,
    /// Why `enforce --audit`, which let it through, would have denied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_deny: Option<Cow<'a, str>>,
}

/// The end of an answer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Response<'a> {
    /// The session's id.
    pub session: Cow<'a, str>,
    /// The number of the request.
    pub seq: u64,
    /// The status; none if the engine did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The time from the arrival of the request to the end of the answer.
    pub milliseconds: u64,
    /// Bytes of body or tunnel from the client to the engine.
    pub received: u64,
    /// Bytes of body or tunnel from the engine to the client.
    pub sent: u64,
    /// Whether the connection became a tunnel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub upgraded: bool,
    /// Whether the engine has no such route, for example because it is older than the operation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrouted: bool,
    /// Why `enforce` would end the exchange whatever the profile says, if that became known only after the
    /// head. If `upgraded` is set, everything after that on the connection was forwarded without being
    /// read; otherwise it was cut off. A request that is counted has at most one such line, without a
    /// status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Cow<'a, str>>,
}

/// An object that a request created. If it got several names, there is a line for each.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Made<'a> {
    /// The session's id.
    pub session: Cow<'a, str>,
    /// The number of the request, or of the earlier one that it repeats.
    pub seq: u64,
    /// The kind of object.
    #[serde(with = "object_kind")]
    pub kind: ObjectKind,
    /// Its ID in full; the name of a volume, which has no ID.
    pub id: Cow<'a, str>,
    /// The name that the request gave to it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
}

/// How often a request was repeated. Counts only grow, so a line replaces the previous ones for the same
/// request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Repeat<'a> {
    /// The session's id.
    pub session: Cow<'a, str>,
    /// The number of the first such request.
    pub seq: u64,
    /// How often it was repeated, without the first time.
    pub count: u64,
    /// How many of those were only similar to the first one: polls with another time, and denied requests.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub alike: u64,
    /// How the repeated requests were answered: status and count.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub statuses: IndexMap<u16, u64>,
    /// When the last of them arrived, and from which client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
}

/// The last time that a request arrived.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Last {
    /// When it arrived.
    pub time: Timestamp,
    /// The number of the client's connection.
    pub connection: u64,
    /// The client that asked.
    #[serde(default, skip_serializing_if = "Peer::is_unknown")]
    pub peer: Peer,
}

/// The end of a session.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct End<'a> {
    /// The session's id.
    pub session: Cow<'a, str>,
    /// When it ended.
    pub time: Timestamp,
    /// How many requests there were, including repeated ones.
    pub requests: u64,
    /// How many lines could not be written.
    pub dropped: u64,
    /// The exit status of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_default(kind: &EngineKind) -> bool {
    *kind == EngineKind::default()
}

/// The name of a kind of engine.
mod kind {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::api::EngineKind;

    pub(super) fn serialize<S: Serializer>(kind: &EngineKind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(kind.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<EngineKind, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// A kind of object.
mod object_kind {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::api::ObjectKind;

    pub(super) fn serialize<S: Serializer>(kind: &ObjectKind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(kind.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectKind, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|()| de::Error::custom("an unknown kind of object"))
    }
}

impl Event<'_> {
    /// The id of the session that the line belongs to.
    #[must_use]
    pub fn session(&self) -> &str {
        match self {
            Self::Session(session) => &session.id,
            Self::Request(request) => &request.session,
            Self::Response(response) => &response.session,
            Self::Made(made) => &made.session,
            Self::Repeat(repeat) => &repeat.session,
            Self::End(end) => &end.session,
        }
    }

    /// Moves the line to the session with this id.
    pub(super) fn set_session(&mut self, id: &str) {
        let id = id.to_owned();
        match self {
            Self::Session(session) => session.id = id,
            Self::Request(request) => request.session = id.into(),
            Self::Response(response) => response.session = id.into(),
            Self::Made(made) => made.session = id.into(),
            Self::Repeat(repeat) => repeat.session = id.into(),
            Self::End(end) => end.session = id.into(),
        }
    }
}

impl Request<'_> {
    /// The same line with texts of its own.
    pub(super) fn into_owned(self) -> Request<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Request {
            session: own(self.session),
            seq: self.seq,
            time: self.time,
            connection: self.connection,
            peer: self.peer,
            client: self.client.map(|client| Box::new(client.into_owned())),
            method: own(self.method),
            path: own(self.path),
            operation: self.operation.map(own),
            parameters: self
                .parameters
                .into_iter()
                .map(|(name, value)| (own(name), own(value)))
                .collect(),
            query: self.query.into_iter().map(|(key, value)| (own(key), value.map(own))).collect(),
            unread: self.unread,
            contents: self.contents.map(|contents| Cow::Owned(contents.into_owned())),
            unreadable: self.unreadable.map(own),
            refused: self.refused.map(own),
            agent: self.agent.map(own),
            denied: self.denied.map(own),
            would_deny: self.would_deny.map(own),
        }
    }
}

impl<'a> Response<'a> {
    /// The line for the end of a request.
    pub(super) fn of(session: &'a str, seq: u64, outcome: &Outcome) -> Self {
        let Outcome { status, duration, received, sent, upgraded, unrouted, disorder, .. } =
            *outcome;
        Self {
            session: session.into(),
            seq,
            status,
            milliseconds: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            received,
            sent,
            upgraded,
            unrouted,
            refused: disorder.map(|disorder| disorder.to_string().into()),
        }
    }
}
