//! One operation of the Engine API: what the catalogue knows about it.

use std::fmt;

use super::{ApiVersion, Method, Risk, Template};

/// What happens on the connection of an operation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traits {
    /// The connection becomes a raw tunnel once the engine has answered.
    pub hijack: bool,
    /// The answer or the request may flow for as long as the program runs.
    pub stream: bool,
    /// The request carries a tar archive.
    pub tar_in: bool,
    /// The answer is a tar archive.
    pub tar_out: bool,
}

/// An operation of the Engine API, a row of the catalogue.
///
/// There is exactly one value for each row, so operations are compared by identity.
#[derive(Debug)]
pub struct Operation {
    /// The row's number, from 0, dense: a table of operations can be a vector.
    pub index: usize,
    /// The unique name, as in the engine's own API description where it has one.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path.
    pub template: Template,
    /// The heading under which the API's documentation lists it.
    pub section: &'static str,
    /// The first API version that has it; 1.24 means that version or an earlier one.
    pub since: ApiVersion,
    /// The last API version that has it.
    pub until: ApiVersion,
    /// What happens on its connection.
    pub traits: Traits,
    /// The query parameters that the engine reads.
    pub query: Vec<&'static str>,
    /// The query parameters whose values never go into a recording.
    pub secret_query: Vec<&'static str>,
    /// How much a right to it gives away.
    pub risk: Risk,
    /// What it permits: "list containers".
    pub permits: &'static str,
    /// Why it has its risk.
    pub reason: &'static str,
}

impl Operation {
    /// A key that sorts operations as profiles list them: the handshake first, then by path, then
    /// by method.
    #[must_use]
    pub fn listing_key(&self) -> (bool, &Template, usize) {
        let rank = Method::ALL.iter().position(|method| *method == self.method);
        let handshake = matches!(self.name, "SystemPing" | "SystemPingHead");
        (!handshake, &self.template, rank.unwrap_or(usize::MAX))
    }
}

/// The rule that permits the whole operation: `GET /containers/*/json`.
impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.template)
    }
}

impl Eq for Operation {}

impl std::hash::Hash for Operation {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}
