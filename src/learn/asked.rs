//! What sessions asked for, before it is folded by operation.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::SessionState;
use super::known::{path, versioned};
use crate::api::{ApiVersion, CanonicalRequest, HIDDEN, Operation};

/// So many clients are told apart, because a client may call itself anything, each time something else.
pub(super) const MOST_CLIENTS: usize = 64;

/// [`HIDDEN`] as a path spells it.
const HIDDEN_IN_PATH: &str = "%5Bhidden%5D";

/// One of a session's requests, with how often it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// The place of what it asked for.
    pub(super) target: usize,
    pub(super) count: u64,
    pub(super) unrouted: bool,
    /// The place of the client that asked, from 1; 0 without a name.
    pub(super) client: u8,
    /// How the first of them was answered; 0 when nothing says so.
    pub(super) status: u16,
    /// Its number in the session, by which the answers of repeated ones are kept.
    pub(super) seq: u64,
}

/// What a session asked for.
#[derive(Debug)]
pub(super) struct AskedIn {
    pub(super) state: SessionState,
    pub(super) askings: Vec<Asking>,
    /// How repeated requests were answered, by the number of the first.
    pub(super) repeated: HashMap<u64, IndexMap<u16, u64>>,
}

/// What a request asked for.
#[derive(Debug)]
pub(super) enum Target {
    /// An operation.
    Known(Asked),
    /// A request that no operation is.
    Unknown(Box<CanonicalRequest>),
    /// A request that `enforce` refuses, and why.
    Refused(String),
    /// A request that was denied.
    Denied(String),
}

/// An operation, the values of its parameters, and the version that was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) operation: &'static Operation,
    pub(super) values: Vec<String>,
    pub(super) version: Option<ApiVersion>,
}

impl Target {
    /// A key that sorts targets by operation, values and version.
    pub(super) fn key(&self) -> Option<(usize, &[String], Option<ApiVersion>)> {
        match self {
            Self::Known(asked) => Some((asked.operation.index, &asked.values, asked.version)),
            Self::Denied(_) | Self::Refused(_) | Self::Unknown(_) => None,
        }
    }

    /// What it asked for, as people read it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Known(Asked { operation, values, version }) => {
                format!("{} {}", operation.method, versioned(*version, &path(operation, values)))
            }
            Self::Unknown(request) => {
                format!("{} {}", request.method(), request.path().replace(HIDDEN_IN_PATH, HIDDEN))
            }
            Self::Denied(text) | Self::Refused(text) => text.clone(),
        }
    }
}
