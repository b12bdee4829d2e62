//! The choice of requests that are excluded by default.

use std::collections::BTreeSet;

/// The requests that a person chose.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Chosen {
    /// None of them.
    #[default]
    None,
    /// All of them.
    All,
    /// These, by the texts under which [`Evidence`](super::Evidence) lists them.
    Only(BTreeSet<String>),
}

impl Chosen {
    /// Whether a request was chosen.
    #[must_use]
    pub fn includes(&self, request: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(requests) => requests.contains(request),
        }
    }

    /// The first chosen request that is not one of `known`.
    #[must_use]
    pub fn missing<'a>(&'a self, known: &BTreeSet<String>) -> Option<&'a str> {
        match self {
            Self::None | Self::All => None,
            Self::Only(requests) => {
                requests.iter().find(|request| !known.contains(*request)).map(String::as_str)
            }
        }
    }
}
