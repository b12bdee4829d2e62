//! What the contents of requests gave away, and in which sessions.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::Operation;
use crate::contents::{Fact, Facts, Schema};

/// What the contents of the requests for an operation gave away.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SeenContents {
    /// The sessions in which each fact was seen, by their index.
    pub facts: BTreeMap<Fact, BTreeSet<usize>>,
    /// The sessions in which contents were recorded.
    pub sessions: BTreeSet<usize>,
    /// The number of requests whose contents were not recorded although rules could decide on them.
    pub unread: u64,
}

impl SeenContents {
    /// Adds requests of a session with the same contents.
    pub(super) fn add(
        &mut self,
        operation: &Operation,
        facts: Option<&Facts>,
        session: usize,
        count: u64,
    ) {
        match facts {
            Some(facts) => {
                self.sessions.insert(session);
                for fact in facts.iter() {
                    self.facts.entry(fact.clone()).or_default().insert(session);
                }
            }
            None if Schema::of(operation).is_some() => self.unread += count,
            None => {}
        }
    }
}
