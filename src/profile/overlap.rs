//! Finds rules that match a common request, without trying each pair.

use std::collections::HashMap;

use super::index::{RuleIndex, is_exact};
use super::{Pattern, Rule};
use crate::api::{EngineKind, Operation};

/// For each of `rules`, whether it matches a request that one of `others` matches too. All are for
/// this engine.
#[must_use]
pub fn shared(engine: EngineKind, rules: &[&Rule], others: &[&Rule]) -> Vec<bool> {
    let index = RuleIndex::new(engine, others.iter().copied());
    let mut is_shared: Vec<bool> = rules.iter().map(|rule| index.covers(rule)).collect();
    let own = RuleIndex::new(engine, rules.iter().copied());
    for other in others {
        own.each_cover(other, |place| {
            if let Some(slot) = is_shared.get_mut(place) {
                *slot = true;
            }
            false
        });
    }
    // The rest are globs that do not cover each other.
    let mut partial: HashMap<Kind<'_>, Vec<&[Pattern]>> = HashMap::new();
    for other in others.iter().filter(|other| !is_exact(other.patterns())) {
        partial.entry(kind(other)).or_default().push(other.patterns());
    }
    let partial: HashMap<Kind<'_>, Globs<'_>> =
        partial.into_iter().map(|(kind, others)| (kind, Globs::new(others))).collect();
    for (rule, slot) in rules.iter().zip(&mut is_shared).filter(|(_, slot)| !**slot) {
        if !is_exact(rule.patterns())
            && let Some(globs) = partial.get(&kind(rule))
        {
            *slot = globs.overlap(rule.patterns());
        }
    }
    is_shared
}

/// Only rules of one operation can match the same request. If no star takes a slash, they also need
/// the same number of slashes; rules with several parameters are not grouped by this number.
type Kind<'a> = (&'a Operation, Option<usize>);

fn kind(rule: &Rule) -> Kind<'_> {
    let slashes = match rule.patterns() {
        [pattern] => pattern.slashes(),
        _ => None,
    };
    (rule.operation(), slashes)
}

/// Rules of one kind.
struct Globs<'a> {
    rules: Vec<&'a [Pattern]>,
    /// The prefixes and suffixes of the patterns, by parameter.
    ends: Vec<Ends<'a>>,
}

impl<'a> Globs<'a> {
    fn new(rules: Vec<&'a [Pattern]>) -> Self {
        let parameters = rules.iter().map(|patterns| patterns.len()).max().unwrap_or_default();
        let of = |parameter: usize| {
            rules.iter().filter_map(move |patterns| patterns.get(parameter).map(Pattern::ends))
        };
        let ends = (0..parameters).map(|parameter| Ends::new(of(parameter))).collect();
        Self { rules, ends }
    }

    fn overlap(&self, patterns: &[Pattern]) -> bool {
        let mut pairs = self.ends.iter().zip(patterns);
        if !pairs.all(|(ends, pattern)| ends.meet(pattern.ends())) {
            return false;
        }
        // For one pattern without slashes this comparison is complete.
        if let [pattern] = patterns
            && pattern.slashes().unwrap_or_default() == 0
        {
            return true;
        }
        self.rules
            .iter()
            .any(|rule| rule.iter().zip(patterns).all(|(one, other)| one.overlaps(other)))
    }
}

/// Pairs of a prefix and a suffix. Two pairs overlap if one prefix starts with the other and one
/// suffix ends with the other, because the stars in between take everything else.
///
/// The pairs are sorted by prefix. Those that start with a given text are adjacent, and an adjacent
/// range of any length consists of a few rows whose suffixes are precomputed.
struct Ends<'a> {
    /// All prefixes, sorted.
    beginnings: Vec<&'a str>,
    /// For each prefix, the index of the longest other one that it starts with.
    parents: Vec<Option<usize>>,
    /// All suffixes, each reversed, sorted.
    ends: Vec<Vec<u8>>,
    /// The suffixes of each prefix, then of each two, each four and so on.
    rows: Vec<Vec<Row>>,
}

/// Indices of suffixes, sorted, without those that end with another one in the row.
type Row = Vec<usize>;

impl<'a> Ends<'a> {
    fn new(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut pairs: Vec<(&str, Vec<u8>)> =
            pairs.map(|(beginning, end)| (beginning, reversed(end))).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut ends: Vec<Vec<u8>> = pairs.iter().map(|(_, end)| end.clone()).collect();
        ends.sort_unstable();
        ends.dedup();
        let (mut beginnings, mut single): (Vec<&str>, Vec<Row>) = (Vec::new(), Vec::new());
        for (beginning, end) in pairs {
            if beginnings.last() != Some(&beginning) {
                beginnings.push(beginning);
                single.push(Row::new());
            }
            let place = ends.partition_point(|other| *other < end);
            if let Some(row) = single.last_mut() {
                push(row, place, &ends);
            }
        }
        let parents = parents(&beginnings);
        let mut rows = vec![single];
        while let Some(last) = rows.last().filter(|last| last.len() > 1) {
            let longer = last.chunks(2).map(|two| joined(two, &ends)).collect();
            rows.push(longer);
        }
        Self { beginnings, parents, ends, rows }
    }

    /// Whether the pair overlaps one of these.
    fn meet(&self, (beginning, end): (&str, &str)) -> bool {
        let end = reversed(end);
        let place = self.ends.partition_point(|other| *other < end);
        let has = |row: Option<&Row>| row.is_some_and(|row| self.has(row, place, &end));
        // The prefixes that start with this one.
        let first = self.beginnings.partition_point(|other| *other < beginning);
        let following = self.beginnings.get(first..).unwrap_or_default();
        let (mut from, mut to) =
            (first, first + following.partition_point(|other| other.starts_with(beginning)));
        for rows in &self.rows {
            if from >= to {
                break;
            }
            if from % 2 == 1 {
                if has(rows.get(from)) {
                    return true;
                }
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                if has(rows.get(to)) {
                    return true;
                }
            }
            (from, to) = (from / 2, to / 2);
        }
        // The prefixes that this one starts with: the preceding one or its ancestors.
        let mut next = first.checked_sub(1);
        while let Some(at) = next {
            let is_beginning =
                self.beginnings.get(at).is_some_and(|other| beginning.starts_with(other));
            if is_beginning && has(self.rows.first().and_then(|rows| rows.get(at))) {
                return true;
            }
            next = self.parents.get(at).copied().flatten();
        }
        false
    }

    /// Whether `end` and some suffix in the row end with one another. `place` is the index that
    /// `end` has or would have among all suffixes.
    fn has(&self, row: &Row, place: usize, end: &[u8]) -> bool {
        #[cfg(test)]
        crate::api::steps::take();
        let at = row.partition_point(|other| *other < place);
        let known = |at: usize| row.get(at).and_then(|place| self.ends.get(*place));
        known(at).is_some_and(|other| other.starts_with(end))
            || at.checked_sub(1).and_then(known).is_some_and(|other| end.starts_with(other))
    }
}

fn reversed(text: &str) -> Vec<u8> {
    text.bytes().rev().collect()
}

/// For each prefix, the index of the longest other one that it starts with.
fn parents(beginnings: &[&str]) -> Vec<Option<usize>> {
    let mut open: Vec<usize> = Vec::new();
    let mut parents = Vec::new();
    for (place, beginning) in beginnings.iter().enumerate() {
        let is_parent =
            |at: &usize| beginnings.get(*at).is_some_and(|other| beginning.starts_with(other));
        while open.pop_if(|at| !is_parent(at)).is_some() {}
        parents.push(open.last().copied());
        open.push(place);
    }
    parents
}

/// Adds a suffix to a row whose last one does not come after it.
fn push(row: &mut Row, place: usize, ends: &[Vec<u8>]) {
    let last = row.last().and_then(|last| ends.get(*last));
    let is_known = last.zip(ends.get(place)).is_some_and(|(last, end)| end.starts_with(last));
    if !is_known {
        row.push(place);
    }
}

/// The suffixes of one or two rows.
fn joined(rows: &[Row], ends: &[Vec<u8>]) -> Row {
    let mut all: Vec<usize> = rows.concat();
    // Two sorted runs, which the stable sort merges.
    all.sort();
    let mut row = Row::new();
    all.into_iter().for_each(|place| push(&mut row, place, ends));
    row
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule() -> impl Strategy<Value = Rule> {
        let name = "[ab/]{0,3}[*][ab/]{0,2}([*][ab]{0,2})?|[ab]{1,3}";
        (0..4usize, name, name).prop_filter_map("no rule", |(which, one, other)| {
            let text = match which {
                0 => format!("GET /containers/{one}/json"),
                1 => format!("GET /images/{one}/json"),
                2 => format!("POST /plugins/{one}/enable"),
                _ => format!("DELETE /containers/{one}/checkpoints/{other}"),
            };
            Rule::parse(EngineKind::Docker, &text).ok()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn it_agrees_with_trying_each_pair(
            rules in prop::collection::vec(rule(), 0..4),
            others in prop::collection::vec(rule(), 0..6),
        ) {
            let (rules, others): (Vec<_>, Vec<_>) =
                (rules.iter().collect(), others.iter().collect());
            let tried: Vec<bool> = rules
                .iter()
                .map(|rule| others.iter().any(|other| rule.overlaps(other)))
                .collect();
            prop_assert_eq!(shared(EngineKind::Docker, &rules, &others), tried);
        }

        #[test]
        fn ends_meet_as_their_texts_do(
            pairs in prop::collection::vec(("[ab]{0,4}", "[ab]{0,4}"), 0..40),
            asked in prop::collection::vec(("[ab]{0,4}", "[ab]{0,4}"), 8),
        ) {
            let known = Ends::new(pairs.iter().map(|(one, other)| (one.as_str(), other.as_str())));
            for (beginning, end) in &asked {
                let meets = |(one, other): &(String, String)| {
                    (one.starts_with(beginning) || beginning.starts_with(one))
                        && (other.ends_with(end) || end.ends_with(other))
                };
                prop_assert_eq!(known.meet((beginning, end)), pairs.iter().any(meets));
            }
        }
    }
}
