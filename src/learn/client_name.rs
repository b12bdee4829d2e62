//! What people call a client of a recording.

use std::fmt;

use crate::recording::{RecordedClient, Request};
use crate::text::beginning;

/// The length limit of a client's name, in characters.
const LONGEST_CLIENT: usize = 100;

/// Who asked: where the client ran, and the name that it gave itself. Each may be empty.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(super) struct ClientName {
    pub(super) place: Box<str>,
    pub(super) agent: Box<str>,
}

impl ClientName {
    /// `None` if the recording says neither.
    pub(super) fn of(request: &Request<'_>) -> Option<Self> {
        let place = request.client.as_deref().and_then(RecordedClient::name).unwrap_or_default();
        let agent = request.agent.as_deref().unwrap_or_default();
        let [place, agent] = [&place, agent].map(|name| beginning(name, LONGEST_CLIENT).into());
        let name = Self { place, agent };
        (name != Self { place: "".into(), agent: "".into() }).then_some(name)
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, agent } = self;
        let between = if place.is_empty() || agent.is_empty() { "" } else { ", " };
        write!(to, "{place}{between}{agent}")
    }
}
