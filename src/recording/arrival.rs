//! A request as the proxy saw it: what tells it from others, and its line in a recording.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{Request, redact};
use crate::api::{CanonicalRequest, Located, Refusal, RefusalKind};

/// The longest method, path or client name in characters that is recorded.
const LONGEST_TEXT: usize = 4096;

/// A request, as the proxy saw it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The number of the client's connection.
    pub connection: u64,
    /// The method as received.
    pub method: &'a str,
    /// The target as received.
    pub target: &'a str,
    /// The canonical form, if there is one.
    pub request: Option<&'a CanonicalRequest>,
    /// The operation, if there is one.
    pub located: Option<&'a Located>,
    /// Why `enforce` refuses it whatever the profile says.
    pub refusal: Option<&'a Refusal>,
    /// The client's own name for itself.
    pub agent: Option<&'a str>,
    /// Why it is denied.
    pub denied: Option<&'a str>,
    /// Why it would be denied if denials were in force.
    pub would_deny: Option<&'a str>,
}

/// What was decided over a request, as far as it makes two requests different.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Standing {
    refusal: Option<RefusalKind>,
    is_denied: bool,
    would_be_denied: bool,
}

/// What a recording would say of a request, in bytes that two requests share only when it would say
/// the same of both.
#[derive(Debug, Default)]
pub(super) struct Identity {
    bytes: Vec<u8>,
    shape: usize,
    has_hidden: bool,
}

impl<'a> Arrival<'a> {
    /// The line of a recording for it: cut to a length, and without what may be secret.
    pub(super) fn describe(&self, session: &str, seq: u64, time: Timestamp) -> Request {
        let parameters = self.parameters().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = self.query().map(|(key, value)| (key.into_owned(), value.map(Cow::into_owned)));
        Request {
            session: session.to_owned(),
            seq,
            time,
            connection: self.connection,
            method: cut(self.method).to_owned(),
            path: cut(self.path()).to_owned(),
            operation: self.operation().map(str::to_owned),
            parameters: parameters.collect(),
            query: query.collect(),
            refused: self.refusal.map(ToString::to_string),
            agent: self.agent.map(|agent| cut(agent).to_owned()),
            denied: self.denied.map(|denied| cut(denied).to_owned()),
            would_deny: self.would_deny.map(|denied| cut(denied).to_owned()),
        }
    }

    /// The path as received, without the query.
    pub(super) fn path(&self) -> &'a str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The operation's name, if there is one.
    pub(super) fn operation(&self) -> Option<&'static str> {
        self.located.map(|located| located.operation.name)
    }

    /// What was decided over it.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            refusal: self.refusal.map(Refusal::kind),
            is_denied: self.denied.is_some(),
            would_be_denied: self.would_deny.is_some(),
        }
    }

    /// Whether nobody could read it, and it went on with all that followed on its connection.
    pub(super) fn is_unread(&self) -> bool {
        self.denied.is_none() && matches!(self.refusal, Some(Refusal::Framing(_)))
    }

    /// The operation's parameters and their values.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        self.located.into_iter().flat_map(|located| {
            let names = located.operation.template.parameters();
            names.zip(located.values.iter().map(String::as_str))
        })
    }

    /// The query's names and those of its values that may be recorded.
    pub(super) fn query(&self) -> impl Iterator<Item = (Cow<'a, str>, Option<Cow<'a, str>>)> {
        let located = self.located;
        let request = self.request.into_iter();
        request.flat_map(move |request| redact::query(request.query(), located))
    }
}

impl Identity {
    /// Makes this the identity of a request.
    pub(super) fn set(&mut self, arrival: &Arrival<'_>) {
        let Standing { is_denied, would_be_denied, .. } = arrival.standing();
        self.bytes.clear();
        self.bytes.extend([is_denied, would_be_denied].map(u8::from));
        self.add(arrival.refusal.map(ToString::to_string).as_deref());
        self.add(Some(cut(arrival.method)));
        self.add(Some(cut(arrival.path())));
        self.add(arrival.agent.map(cut));
        for (key, _) in arrival.query() {
            self.add(Some(&key));
        }
        self.shape = self.bytes.len();
        self.has_hidden = false;
        for (_, value) in arrival.query() {
            self.has_hidden |= value.is_none();
            self.add(value.as_deref());
        }
    }

    /// All of it.
    pub(super) fn exact(&self) -> &[u8] {
        &self.bytes
    }

    /// All but the values of the query.
    pub(super) fn shape(&self) -> &[u8] {
        self.bytes.get(..self.shape).unwrap_or_default()
    }

    /// Whether a value of the query is not recorded, as it may be secret.
    pub(super) fn has_hidden(&self) -> bool {
        self.has_hidden
    }

    /// The length before each text keeps two neighbours from being read as two others. No head of a
    /// request is as long as what stands for none.
    fn add(&mut self, text: Option<&str>) {
        let length = text.and_then(|text| u32::try_from(text.len()).ok()).unwrap_or(u32::MAX);
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(text.unwrap_or_default().as_bytes());
    }
}

/// The beginning of a text.
pub(super) fn cut(text: &str) -> &str {
    redact::beginning(text, LONGEST_TEXT)
}
