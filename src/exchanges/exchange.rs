//! A request with its answer.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::api::{CanonicalRequest, EngineKind, Operation, Risk};
use crate::contents::Facts;
use crate::learn::program_of;
use crate::peer::Peer;
use crate::profile::Constraints;
use crate::recording::{RecordedClient, Request, Response, Session};
use crate::text::words;

/// What is said about the session of a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SessionOf {
    /// Its ID.
    pub id: String,
    /// The engine that was recorded.
    pub engine: EngineKind,
    /// The container that was recorded, if it was one.
    pub container: Option<String>,
    /// The client of a whole host that was recorded, or the program with its sub-command; `None` for a
    /// listener.
    pub program: Option<String>,
    /// The labels that the user gave it.
    pub labels: IndexMap<String, String>,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// The status; `None` if the engine did not answer.
    pub status: Option<u16>,
    /// The time until the end of the answer, in milliseconds.
    pub milliseconds: u64,
    /// Bytes of body or tunnel from the client.
    pub received: u64,
    /// Bytes of body or tunnel to the client.
    pub sent: u64,
    /// Whether the connection became a tunnel.
    pub upgraded: bool,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It went to the engine, as everything does that is recorded.
    Allowed,
    /// It went to the engine, and a profile would have denied it.
    WouldDeny,
    /// A profile denied it.
    Denied,
    /// It went to the engine, and no profile could allow it.
    Refused,
}

words!(Fate, () = (), {
    Allowed = "allowed",
    WouldDeny = "would-deny",
    Denied = "denied",
    Refused = "refused",
});

/// A request with its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The line of the request in its file, from 1.
    pub line: usize,
    /// Its session.
    pub session: Arc<SessionOf>,
    /// The request.
    pub request: Request<'static>,
    /// Its answer; `None` while it is open, or if the recording ends before it.
    pub answer: Option<Answer>,
    /// How often it was sent, with the first time.
    pub times: u64,
    /// The operation; `None` if the catalogue does not have it.
    pub operation: Option<&'static Operation>,
}

impl SessionOf {
    /// What the first line of a session says.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let client = session.client.as_ref().map(ToString::to_string);
        Self {
            id: session.id.clone(),
            engine: session.engine.as_ref().map(|engine| engine.kind).unwrap_or_default(),
            container: session.container.clone(),
            program: client.or_else(|| program_of(&session.command)),
            labels: session.labels.clone(),
        }
    }
}

impl From<&Response<'_>> for Answer {
    fn from(response: &Response<'_>) -> Self {
        let Response { status, milliseconds, received, sent, upgraded, .. } = *response;
        Self { status, milliseconds, received, sent, upgraded }
    }
}

impl Exchange {
    /// A request at this line, which nobody has answered yet.
    #[must_use]
    pub fn new(line: usize, session: Arc<SessionOf>, request: Request<'static>) -> Self {
        let canonical = CanonicalRequest::parse(session.engine, &request.method, &request.path);
        let located = canonical.ok().and_then(|canonical| canonical.locate());
        let operation = located.map(|located| located.operation);
        Self { line, session, request, answer: None, times: 1, operation }
    }

    /// What became of it.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let Request { denied, would_deny, refused, .. } = &self.request;
        match (denied, would_deny, refused) {
            (Some(_), ..) => Fate::Denied,
            (None, Some(_), _) => Fate::WouldDeny,
            (None, None, Some(_)) => Fate::Refused,
            (None, None, None) => Fate::Allowed,
        }
    }

    /// Why it was denied, or would be.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        let Request { denied, would_deny, refused, .. } = &self.request;
        denied.as_deref().or(would_deny.as_deref()).or(refused.as_deref())
    }

    /// The risk of allowing just this request: with its contents, if they were recorded. `None` if nothing
    /// is known about it.
    #[must_use]
    pub fn risk(&self) -> Option<Risk> {
        let operation = self.operation?;
        let risk = self.facts().map(|facts| Constraints::of(facts).risk(operation));
        Some(risk.map_or(operation.risk, |risk| risk.min(operation.risk)))
    }

    /// What its contents gave away.
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        self.request.contents.as_deref()
    }

    /// Where the client ran, if that is known: its container, unit or certificate; else its user or address.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let named = self.request.client.as_deref().and_then(RecordedClient::name);
        named.or_else(|| match self.request.peer {
            Peer::Process { user, .. } => Some(format!("uid {user}")),
            Peer::Address { ip, .. } => Some(ip.to_string()),
            Peer::Unknown => None,
        })
    }

    /// Who asked, in short: where the client ran, else what was recorded, else what it calls itself.
    #[must_use]
    pub fn client(&self) -> String {
        let named = self.request.client.as_deref().and_then(RecordedClient::name);
        let agent = || self.request.agent.as_deref().map(str::to_owned);
        let SessionOf { container, program, .. } = &*self.session;
        let recorded = || container.as_ref().or(program.as_ref()).cloned();
        let found = named.or_else(recorded).or_else(agent);
        found.or_else(|| self.place()).unwrap_or_else(|| "unknown".to_owned())
    }
}
