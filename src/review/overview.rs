//! The overview: one row for each operation, section and unknown request, with how much of it is open.

use std::collections::HashSet;

use super::queue::Wishes;
use super::{Search, Subject, Topic};
use crate::api::{Operation, Risk};
use crate::learn::Evidence;
use crate::profile::{Profile, Rule};

/// From this number of open rules on, a review begins with its overview.
pub(super) const MANY: usize = 20;

/// A row of the overview.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// What it is about.
    pub topic: Topic,
    /// How many rules it has under `allow`, or 1.
    pub rules: usize,
    /// How many of them nobody has accepted yet, including those that were skipped.
    pub open: usize,
    /// How many were skipped in this review.
    pub skipped: usize,
    /// How many are under `deny`.
    pub denied: usize,
    /// How many match the search; all if there is none.
    pub found: usize,
    /// How many requests of its operations were recorded; `None` if no recording was given.
    pub seen: Option<u64>,
    operations: Vec<&'static Operation>,
}

impl Row {
    fn new(topic: Topic) -> Self {
        Self {
            topic,
            rules: 0,
            open: 0,
            skipped: 0,
            denied: 0,
            found: 0,
            seen: None,
            operations: Vec::new(),
        }
    }

    /// The order of rows, the same as that of questions.
    fn rank(&self) -> usize {
        match &self.topic {
            Topic::Operation(_, Risk::Root) => 0,
            Topic::Unknown(_) => 1,
            Topic::Operation(_, Risk::Change) => 2,
            Topic::Operation(..) => 3,
            Topic::Section(_) => 4,
            Topic::Rest => 5,
        }
    }
}

/// All topics of a profile, in the order of the rows.
pub(super) fn topics(profile: &Profile) -> Vec<Topic> {
    let rows = rows_of(profile, &Wishes::default(), &Search::default(), None, &[]);
    rows.into_iter().map(|row| row.topic).collect()
}

/// The rows of a profile. Those whose topic is in `order` stay in this order.
pub(super) fn rows_of(
    profile: &Profile,
    wishes: &Wishes,
    search: &Search,
    evidence: Option<&Evidence>,
    order: &[Topic],
) -> Vec<Row> {
    let standing = profile.standing();
    let mut rows: Vec<Row> = Vec::new();
    let open: HashSet<usize> = standing.open.iter().map(|open| open.place).collect();
    let mut seen = HashSet::new();
    for (place, entry) in profile.allow.iter().enumerate() {
        if seen.insert(&entry.value) {
            let is_skipped = wishes.skipped.contains(&Subject::Rule(entry.value.clone()));
            count_in(&mut rows, &entry.value, search, |row| {
                row.rules += 1;
                row.open += usize::from(open.contains(&place));
                row.skipped += usize::from(is_skipped);
            });
        }
    }
    for entry in profile.deny.iter().filter(|entry| entry.value.contents().is_none()) {
        count_in(&mut rows, &entry.value, search, |row| row.denied += 1);
    }
    for (place, entry) in profile.unknown.iter().enumerate() {
        let mut row = Row::new(Topic::Unknown(entry.value.clone()));
        row.rules = 1;
        row.open = usize::from(standing.open_unknown.contains(&place));
        row.skipped = usize::from(wishes.skipped.contains(&Subject::Unknown(entry.value.clone())));
        row.found = usize::from(search.matches_unknown(&entry.value));
        rows.push(row);
    }
    if standing.is_changed() || (standing.open_count() == 0 && !standing.has_begun) {
        let mut row = Row::new(Topic::Rest);
        (row.rules, row.open, row.skipped) = (1, 1, usize::from(wishes.is_rest_skipped));
        row.found = usize::from(search.is_empty());
        rows.push(row);
    }
    for row in &mut rows {
        let requests = |operation: &&Operation| {
            let known = evidence.and_then(|evidence| evidence.of_operation(operation));
            known.map_or(0, |known| known.seen.requests)
        };
        row.seen = evidence.map(|evidence| match &row.topic {
            Topic::Unknown(unknown) => {
                let text = unknown.to_string();
                let mut all = evidence.unknown();
                all.find(|(other, _)| *other == text).map_or(0, |(_, own)| own.seen.requests)
            }
            _ => row.operations.iter().map(requests).sum(),
        });
    }
    let place = |row: &Row| order.iter().position(|topic| *topic == row.topic);
    rows.sort_by_key(|row| (row.rank(), place(row).unwrap_or(usize::MAX)));
    rows
}

/// Counts a rule in the row of its topic.
fn count_in(rows: &mut Vec<Row>, rule: &Rule, search: &Search, count: impl FnOnce(&mut Row)) {
    let topic = Topic::of(rule);
    if !rows.iter().any(|row| row.topic == topic) {
        rows.push(Row::new(topic.clone()));
    }
    let Some(row) = rows.iter_mut().find(|row| row.topic == topic) else { return };
    row.found += usize::from(search.matches(rule));
    if !row.operations.contains(&rule.operation()) {
        row.operations.push(rule.operation());
    }
    count(row);
}
