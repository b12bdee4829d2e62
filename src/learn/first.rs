//! Where something was seen first: what a person looks for in a recording.

use std::num::NonZeroU32;

/// The first request of a kind.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct First {
    /// The index of its session in [`super::Evidence::sessions`].
    pub session: usize,
    /// Its line in the recording, from 1; `None` in a log.
    pub line: Option<NonZeroU32>,
    /// The index of its client, from 1; 0 without a name.
    pub(super) client: u8,
}

/// Where something was seen first, in words that find it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FirstSeen {
    /// The recording or log; `None` if it has no name.
    pub file: Option<String>,
    /// The line in the recording, from 1.
    pub line: Option<NonZeroU32>,
    /// What ran in the session: the container, or the program with its subcommand.
    pub subject: Option<String>,
    /// The client: where it ran, and the name that it gave itself.
    pub client: Option<String>,
}

impl First {
    /// Keeps the earlier of two.
    pub(super) fn note(known: &mut Option<Self>, other: Self) {
        *known = Some(known.map_or(other, |known| known.min(other)));
    }
}

impl std::fmt::Display for FirstSeen {
    /// `today.jsonl:12, pytest, docker-sdk-python/7.2.0`, without what is not known.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.file.as_ref().map(|file| match self.line {
            Some(line) => format!("{file}:{line}"),
            None => file.clone(),
        });
        let words = place.iter().chain(&self.subject).chain(&self.client);
        to.write_str(&words.map(String::as_str).collect::<Vec<_>>().join(", "))
    }
}
