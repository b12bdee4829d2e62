//! The frequent lines, serialized as [`Event`](super::Event) would be but without building one.

use std::borrow::Cow;
use std::fmt::Display;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::observation::{Observation, cut};
use crate::http1::{Disorder, Outcome};
use crate::peer::Peer;

/// A request or an answer in the format of a recording.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Request(RequestLine<'a>),
    Response(ResponseLine<'a>),
}

/// [`Request`](super::Request), borrowed.
#[derive(Serialize)]
pub(super) struct RequestLine<'a> {
    session: &'a str,
    seq: u64,
    time: Timestamp,
    connection: u64,
    #[serde(skip_serializing_if = "Peer::is_unknown")]
    peer: Peer,
    method: Cow<'a, str>,
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    parameters: Parameters<'a>,
    #[serde(skip_serializing_if = "Query::is_empty")]
    query: Query<'a>,
    #[serde(skip_serializing_if = "super::event::is_zero")]
    unread: u64,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    refused: Option<&'a dyn Display>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denied: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_deny: Option<&'a str>,
}

/// [`Response`](super::Response), borrowed.
#[derive(Serialize)]
pub(super) struct ResponseLine<'a> {
    session: &'a str,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    milliseconds: u64,
    received: u64,
    sent: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    upgraded: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unrouted: bool,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "told")]
    refused: Option<Disorder>,
}

struct Parameters<'a>(&'a Observation<'a>);

struct Query<'a>(&'a Observation<'a>);

impl<'a> Line<'a> {
    /// The line of a request.
    pub(super) fn request(
        session: &'a str,
        seq: u64,
        time: Timestamp,
        observed: &'a Observation<'a>,
    ) -> Self {
        Self::Request(RequestLine {
            session,
            seq,
            time,
            connection: observed.arrival.connection,
            peer: observed.arrival.peer,
            method: observed.method(),
            path: observed.path(),
            operation: observed.operation(),
            parameters: Parameters(observed),
            query: Query(observed),
            unread: observed.unread(),
            refused: observed.refusal.map(|refusal| refusal as &dyn Display),
            agent: observed.agent(),
            denied: observed.denied.map(cut),
            would_deny: observed.would_deny.map(cut),
        })
    }

    /// The line of an answer.
    pub(super) fn response(session: &'a str, seq: u64, outcome: &Outcome) -> Self {
        let Outcome { status, duration, received, sent, upgraded, unrouted, disorder } = *outcome;
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::Response(ResponseLine {
            session,
            seq,
            status,
            milliseconds,
            received,
            sent,
            upgraded,
            unrouted,
            refused: disorder,
        })
    }
}

impl Parameters<'_> {
    fn is_empty(&self) -> bool {
        self.0.parameters().next().is_none()
    }
}

impl Query<'_> {
    fn is_empty(&self) -> bool {
        self.0.query().next().is_none()
    }
}

impl Serialize for Parameters<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.parameters())
    }
}

impl Serialize for Query<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.query())
    }
}

fn told<S: Serializer>(disorder: &Option<Disorder>, to: S) -> Result<S::Ok, S::Error> {
    as_text(&disorder.as_ref().map(|disorder| disorder as &dyn Display), to)
}

fn as_text<S: Serializer>(text: &Option<&dyn Display>, to: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => to.collect_str(text),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::{Event, Response};
    use super::*;
    use crate::api::{CanonicalRequest, EngineKind};
    use crate::http1::{Arrival, Flaw};

    fn text(line: &Line<'_>) -> String {
        serde_json::to_string(line).unwrap()
    }

    fn event(event: &Event) -> String {
        serde_json::to_string(event).unwrap()
    }

    proptest! {
        #[test]
        fn a_request_is_written_as_its_event_would_be(
            method in "GET|POST|get|\\PC{0,3}",
            target in "(/v1\\.41|/containers|/json|/web|/build|/images|/a%2Fb|%0|/\\PC{1,4}){1,4}\
                       (\\?(size=1|t=x|buildargs=%7B%7D|x=%00\"é|&|;){0,4})?",
            agent in proptest::option::of(".{0,8}|[a-é]{4090,5000}"),
            denied in proptest::option::of("\\PC{0,8}"),
            would_deny in proptest::option::of("\\PC{0,8}"),
            peer in prop_oneof![
                Just(Peer::Unknown),
                Just(Peer::Process { user: 1, group: 2, process: None }),
                Just(Peer::Address { ip: [127, 0, 0, 1].into(), port: 80 }),
            ],
        ) {
            let request = CanonicalRequest::parse(EngineKind::Docker, &method, &target);
            let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
            let arrival = Arrival {
                at: std::time::Instant::now(),
                connection: 7,
                peer,
                method: &method,
                target: &target,
                agent: agent.as_deref(),
            };
            let observed = Observation {
                arrival,
                request: request.as_ref().ok(),
                refusal: request.as_ref().err(),
                located: located.as_ref(),
                denied: denied.as_deref(),
                would_deny: would_deny.as_deref(),
            };
            let time = Timestamp::now();
            let line = text(&Line::request("0123", 3, time, &observed));
            let whole = Event::Request(observed.describe("0123", 3, time));
            prop_assert_eq!(&line, &event(&whole));
            prop_assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), whole);
        }

        #[test]
        fn an_answer_is_written_as_its_event_would_be(
            status: Option<u16>, milliseconds: u64, sizes: (u64, u64), flags: (bool, bool),
            disorder in prop_oneof![
                Just(None),
                Just(Some(Disorder::Body(Flaw::Chunk))),
                Just(Some(Disorder::Answer)),
                Just(Some(Disorder::Switched)),
            ],
        ) {
            let ((received, sent), (upgraded, unrouted)) = (sizes, flags);
            let duration = Duration::from_millis(milliseconds);
            let outcome =
                Outcome { status, duration, received, sent, upgraded, unrouted, disorder };
            let refused = disorder.map(|disorder| disorder.to_string());
            let session = "0123".to_owned();
            let response =
                Response { session, seq: 9, status, milliseconds, received, sent, upgraded, unrouted, refused };
            let line = text(&Line::response("0123", 9, &outcome));
            prop_assert_eq!(line, event(&Event::Response(response)));
        }
    }
}
