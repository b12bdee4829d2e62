//! A request and the decision on it, and the line that a recording has for the two.

use std::borrow::Cow;

use jiff::Timestamp;

use super::Request;
use super::agent::agent;
use super::client::RecordedClient;
use super::peer::Who;
use super::query::{query, unknown};
use crate::api::{CanonicalRequest, Located, Refusal, Risk, redacted_method, redacted_path};
use crate::contents::{Facts, Unreadable};
use crate::http1::Arrival;
use crate::peer::Identified;
use crate::text::beginning;

/// The longest name or value of a denied request that is recorded, in bytes. Such a request is not evidence
/// of a need, and a client without rights must not fill the disk. Names of other requests are not cut.
const LONGEST_DENIED: usize = 512;

/// The longest reason of a denial that is recorded, in characters.
const LONGEST_REASON: usize = 4096;

/// A request, and the decision on it.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The request as received.
    pub arrival: Arrival<'a>,
    /// The canonical form, if there is one.
    pub request: Option<&'a CanonicalRequest>,
    /// The operation, if there is one.
    pub located: Option<&'a Located>,
    /// What its contents give away, or why they are not read; `None` if they were not looked at.
    pub contents: Option<&'a Result<Facts, Unreadable>>,
    /// Why `enforce` refuses it whatever the profile says.
    pub refusal: Option<&'a Refusal>,
    /// Why it is denied.
    pub denied: Option<&'a str>,
    /// Why it would be denied if denials were enforced.
    pub would_deny: Option<&'a str>,
}

impl<'a> Observation<'a> {
    /// The line of a recording for it, without the parts that may be secret.
    pub(super) fn line(&self, session: &'a str, seq: u64, time: Timestamp) -> Request<'a> {
        let parameters = self.parameters().map(|(name, value)| (name.into(), value));
        Request {
            session: session.into(),
            seq,
            time,
            connection: self.arrival.connection,
            peer: self.arrival.peer,
            client: self.client().map(Box::new),
            method: self.method(),
            path: self.path(),
            operation: self.operation().map(Cow::Borrowed),
            parameters: parameters.collect(),
            query: self.query().collect(),
            unread: self.unread(),
            contents: self.facts().map(Cow::Borrowed),
            unreadable: self.unreadable().map(Cow::Owned),
            refused: self.refusal.map(|refusal| refusal.to_string().into()),
            agent: self.agent(),
            denied: self.denied.map(cut).map(Cow::Borrowed),
            would_deny: self.would_deny.map(cut).map(Cow::Borrowed),
        }
    }

    /// What the contents give away, if they were read. Those of a denied request show no need.
    pub(super) fn facts(&self) -> Option<&'a Facts> {
        self.contents?.as_ref().ok().filter(|_| self.denied.is_none())
    }

    /// Why no rule allows the contents. If dsp only does not know a part of them, a rule without contents
    /// allows them, and they count as not read.
    pub(super) fn unreadable(&self) -> Option<String> {
        let why = self.contents?.as_ref().err().filter(|_| self.denied.is_none());
        let why = why.filter(|why| !why.is_unknown());
        why.map(ToString::to_string)
    }

    /// The method, if it is an HTTP method.
    pub(super) fn method(&self) -> Cow<'a, str> {
        redacted_method(self.arrival.method)
    }

    /// The path as received, without the query.
    pub(super) fn path(&self) -> Cow<'a, str> {
        redacted_path(self.arrival.target, self.request, self.located, self.longest())
    }

    /// The operation's name, if there is one.
    pub(super) fn operation(&self) -> Option<&'static str> {
        self.located.map(|located| located.operation.name)
    }

    /// The risk of allowing its operation; none if it has no operation.
    pub(super) fn risk(&self) -> Option<Risk> {
        self.located.map(|located| located.operation.risk)
    }

    /// The client's products.
    pub(super) fn agent(&self) -> Option<Cow<'a, str>> {
        self.arrival.agent.map(agent)
    }

    /// The client that asks, independently of its current process or port.
    pub(super) fn who(&self) -> Who {
        self.arrival.peer.who()
    }

    /// Where the client runs and what its certificate says, if that is known.
    fn client(&self) -> Option<RecordedClient<'a>> {
        self.arrival.client.and_then(|client| RecordedClient::of(client.client()))
    }

    /// What distinguishes the client from others of the same user or machine, as text.
    pub(super) fn place(&self) -> Option<&'a str> {
        self.arrival.client.map(Identified::place).filter(|place| !place.is_empty())
    }

    /// Whether it could not be read, and was forwarded with everything that followed on its connection.
    pub(super) fn is_unread(&self) -> bool {
        self.denied.is_none() && matches!(self.refusal, Some(Refusal::Framing(_)))
    }

    /// The operation's parameters and their values.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'static str, Cow<'a, str>)> {
        let longest = self.longest();
        self.located.into_iter().flat_map(move |located| {
            let names = located.operation.template.parameters();
            let values = located.values.iter();
            names.zip(values.map(move |value| crate::api::redacted_name(value, longest)))
        })
    }

    /// The query parameters that the operation has, and those of their values that may be recorded.
    pub(super) fn query(&self) -> impl Iterator<Item = (Cow<'a, str>, Option<Cow<'a, str>>)> {
        let (located, longest) = (self.located, self.longest());
        let request = self.request.into_iter();
        request.flat_map(move |request| query(request.query(), located, longest))
    }

    /// How many query parameters the operation does not have.
    pub(super) fn unread(&self) -> u64 {
        self.request.map_or(0, |request| unknown(request.query(), self.located))
    }

    fn longest(&self) -> usize {
        if self.denied.is_some() { LONGEST_DENIED } else { usize::MAX }
    }
}

/// The beginning of a reason.
fn cut(text: &str) -> &str {
    beginning(text, LONGEST_REASON)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::{Event, Response};
    use super::*;
    use crate::api::EngineKind;
    use crate::contents::{Facet, Fact};
    use crate::http1::{Disorder, Flaw, Outcome, Upstream};
    use crate::peer::Peer;

    /// The line as it is written, and what is read from it.
    fn written(event: &Event<'_>) -> (String, Event<'static>) {
        let line = serde_json::to_string(event).unwrap();
        let read = serde_json::from_str(&line).unwrap();
        (line, read)
    }

    #[test]
    fn a_line_has_its_fields_in_order_and_none_that_is_empty() {
        let target = "/v1.41/containers/web/json?size=1&x=2";
        let request = CanonicalRequest::parse(EngineKind::Docker, "GET", target).unwrap();
        let located = request.locate();
        let arrival = Arrival {
            at: Instant::now(),
            connection: 7,
            peer: Peer::Process { user: 1, group: 2, process: None },
            client: None,
            method: "GET",
            target,
            agent: Some("docker/28.1"),
        };
        let whole = Observation {
            arrival,
            request: Some(&request),
            located: located.as_ref(),
            contents: None,
            refusal: None,
            denied: Some("no"),
            would_deny: Some("not yet"),
        };
        let least = Observation {
            arrival: Arrival { peer: Peer::Unknown, target: "/x", agent: None, ..arrival },
            request: None,
            located: None,
            denied: None,
            would_deny: None,
            ..whole
        };
        let line = |observed: &Observation<'_>| {
            written(&Event::Request(observed.line("01", 3, Timestamp::UNIX_EPOCH))).0
        };
        insta::assert_snapshot!([line(&whole), line(&least)].join("\n"), @r#"
        {"request":{"session":"01","seq":3,"time":"1970-01-01T00:00:00Z","connection":7,"peer":{"user":1,"group":2},"method":"GET","path":"/v1.41/containers/web/json","operation":"ContainerInspect","parameters":{"id":"web"},"query":[["size","1"]],"unread":1,"agent":"docker/28.1","denied":"no","would_deny":"not yet"}}
        {"request":{"session":"01","seq":3,"time":"1970-01-01T00:00:00Z","connection":7,"method":"GET","path":"/[hidden]"}}
        "#);
        let ended = Outcome { status: Some(200), upgraded: true, ..Outcome::default() };
        let least = Outcome::default();
        let line = |outcome: &Outcome| written(&Event::Response(Response::of("01", 3, outcome))).0;
        insta::assert_snapshot!([line(&ended), line(&least)].join("\n"), @r#"
        {"response":{"session":"01","seq":3,"status":200,"milliseconds":0,"received":0,"sent":0,"upgraded":true}}
        {"response":{"session":"01","seq":3,"milliseconds":0,"received":0,"sent":0}}
        "#);
    }

    proptest! {
        #[test]
        fn a_request_is_read_as_it_was_written(
            method in "GET|POST|get|\\PC{0,3}",
            target in "(/v1\\.41|/containers|/json|/web|/build|/images|/a%2Fb|%0|/\\PC{1,4}){1,4}\
                       (\\?(size=1|t=x|buildargs=%7B%7D|x=%00\"é|&|;){0,4})?",
            agent in proptest::option::of(".{0,8}|[a-é]{4090,5000}"),
            denied in proptest::option::of("\\PC{0,8}"),
            would_deny in proptest::option::of("\\PC{0,8}"),
            contents in proptest::option::of(proptest::collection::vec("[a-zé.%\"]{1,8}", 0..4)),
            peer in prop_oneof![
                Just(Peer::Unknown),
                Just(Peer::Process { user: 1, group: 2, process: None }),
                Just(Peer::Address { ip: [127, 0, 0, 1].into(), port: 80 }),
            ],
        ) {
            let contents = contents.map(|values| -> Result<Facts, Unreadable> {
                if values.len() > 2 {
                    return Err(Unreadable::Twice("k".to_owned()));
                }
                Ok(values.into_iter().map(|value| Fact::new(Facet::Labels, value)).collect())
            });
            let request = CanonicalRequest::parse(EngineKind::Docker, &method, &target);
            let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
            let arrival = Arrival {
                at: Instant::now(),
                connection: 7,
                peer,
                client: None,
                method: &method,
                target: &target,
                agent: agent.as_deref(),
            };
            let observed = Observation {
                arrival,
                request: request.as_ref().ok(),
                refusal: request.as_ref().err(),
                contents: contents.as_ref(),
                located: located.as_ref(),
                denied: denied.as_deref(),
                would_deny: would_deny.as_deref(),
            };
            let line = observed.line("0123", 3, Timestamp::now());
            let (text, read) = written(&Event::Request(line.clone()));
            prop_assert_eq!(&read, &Event::Request(line.into_owned()));
            prop_assert_eq!(written(&read).0, text);
        }

        #[test]
        fn an_answer_is_read_as_it_was_written(
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
            // Which side gave no answer is not recorded.
            let upstream = Upstream::default();
            let outcome =
                Outcome { status, duration, received, sent, upgraded, upstream, unrouted, disorder };
            let line = Event::Response(Response::of("0123", 9, &outcome));
            let (text, read) = written(&line);
            prop_assert_eq!(&read, &line);
            prop_assert_eq!(written(&read).0, text);
        }
    }
}
