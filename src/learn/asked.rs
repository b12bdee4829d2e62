//! The requests of sessions, before they are grouped by operation.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;

use indexmap::IndexMap;

use super::known::{path, versioned};
use super::{SessionState, Whose};
use crate::api::{ApiVersion, CanonicalRequest, HIDDEN, HIDDEN_IN_PATH, Operation};
use crate::contents::Facts;

/// The number of clients that are distinguished. A client can use a new name for each request.
pub(super) const MOST_CLIENTS: usize = 64;

/// A request of a session, and how often it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// The index of its target.
    pub(super) target: usize,
    pub(super) count: u64,
    pub(super) unrouted: bool,
    /// The index of the client, from 1; 0 without a name.
    pub(super) client: u8,
    /// The status of the first answer; 0 if unknown.
    pub(super) status: u16,
    /// Its line in the recording, from 1; `None` in a log.
    pub(super) line: Option<NonZeroU32>,
    /// Its number in the session, under which the answers to repetitions are kept.
    pub(super) seq: u64,
}

/// The requests of a session.
#[derive(Debug)]
pub(super) struct AskedIn {
    pub(super) state: SessionState,
    pub(super) askings: Vec<Asking>,
    /// The statuses of repeated requests, by the number of the first one.
    pub(super) repeated: HashMap<u64, IndexMap<u16, u64>>,
}

/// The order of targets.
pub(super) type Key<'a> = (usize, &'a [String], Option<&'a Facts>, &'a Whose, Option<ApiVersion>);

/// What a request asked for.
#[derive(Debug)]
pub(super) enum Target {
    /// An operation.
    Known(Asked),
    /// A request that is not in the catalogue.
    Unknown(Box<CanonicalRequest>),
    /// A request that `enforce` refuses, and why.
    Refused(String),
    /// A request that was denied.
    Denied(String),
}

/// An operation, the values of its parameters, and the requested version.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) operation: &'static Operation,
    pub(super) values: Vec<String>,
    /// What the contents gave away; `None` if that was not recorded.
    pub(super) facts: Option<Facts>,
    pub(super) whose: Whose,
    pub(super) version: Option<ApiVersion>,
    /// The keys of labels with which it limited what it was about.
    pub(super) labels: BTreeSet<String>,
}

impl Target {
    /// A sort key: by operation, values, contents and version.
    pub(super) fn key(&self) -> Option<Key<'_>> {
        match self {
            Self::Known(Asked { operation, values, facts, whose, version, .. }) => {
                Some((operation.index, values, facts.as_ref(), whose, *version))
            }
            Self::Denied(_) | Self::Refused(_) | Self::Unknown(_) => None,
        }
    }

    /// The target as people read it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Known(Asked { operation, values, version, .. }) => {
                format!("{} {}", operation.method, versioned(*version, &path(operation, values)))
            }
            Self::Unknown(request) => {
                format!("{} {}", request.method(), request.path().replace(HIDDEN_IN_PATH, HIDDEN))
            }
            Self::Denied(text) | Self::Refused(text) => text.clone(),
        }
    }
}
