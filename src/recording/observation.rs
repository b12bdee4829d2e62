//! A request and the decision on it, and the line that a recording has for the two.

use std::borrow::Cow;

use jiff::Timestamp;

use super::peer::Who;
use super::{Request, redact};
use crate::api::{CanonicalRequest, Located, Refusal, Risk, told_method, told_path};
use crate::http1::Arrival;

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
    /// Why `enforce` refuses it whatever the profile says.
    pub refusal: Option<&'a Refusal>,
    /// Why it is denied.
    pub denied: Option<&'a str>,
    /// Why it would be denied if denials were enforced.
    pub would_deny: Option<&'a str>,
}

impl<'a> Observation<'a> {
    /// The line of a recording for it, without the parts that may be secret.
    pub(super) fn describe(&self, session: &str, seq: u64, time: Timestamp) -> Request {
        let parameters =
            self.parameters().map(|(name, value)| (name.to_owned(), value.into_owned()));
        let query = self.query().map(|(key, value)| (key.into_owned(), value.map(Cow::into_owned)));
        Request {
            session: session.to_owned(),
            seq,
            time,
            connection: self.arrival.connection,
            peer: self.arrival.peer,
            method: self.method().into_owned(),
            path: self.path().into_owned(),
            operation: self.operation().map(str::to_owned),
            parameters: parameters.collect(),
            query: query.collect(),
            unread: self.unread(),
            refused: self.refusal.map(ToString::to_string),
            agent: self.agent().map(Cow::into_owned),
            denied: self.denied.map(|denied| cut(denied).to_owned()),
            would_deny: self.would_deny.map(|denied| cut(denied).to_owned()),
        }
    }

    /// The method, if it is an HTTP method.
    pub(super) fn method(&self) -> Cow<'a, str> {
        told_method(self.arrival.method)
    }

    /// The path as received, without the query.
    pub(super) fn path(&self) -> Cow<'a, str> {
        told_path(self.arrival.target, self.request, self.located, self.longest())
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
        self.arrival.agent.map(redact::agent)
    }

    /// The client that asks, independently of its current process or port.
    pub(super) fn who(&self) -> Who {
        self.arrival.peer.who()
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
            names.zip(values.map(move |value| crate::api::told_name(value, longest)))
        })
    }

    /// The query parameters that the operation has, and those of their values that may be recorded.
    pub(super) fn query(&self) -> impl Iterator<Item = (Cow<'a, str>, Option<Cow<'a, str>>)> {
        let (located, longest) = (self.located, self.longest());
        let request = self.request.into_iter();
        request.flat_map(move |request| redact::query(request.query(), located, longest))
    }

    /// How many query parameters the operation does not have.
    pub(super) fn unread(&self) -> u64 {
        self.request.map_or(0, |request| redact::unknown(request.query(), self.located))
    }

    fn longest(&self) -> usize {
        if self.denied.is_some() { LONGEST_DENIED } else { usize::MAX }
    }
}

/// The beginning of a reason.
pub(super) fn cut(text: &str) -> &str {
    redact::beginning(text, LONGEST_REASON)
}
