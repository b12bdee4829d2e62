//! Rules of one operation that contain stars, indexed by a text that every matching value contains.

use std::collections::{BTreeSet, HashMap};

use super::Pattern;
use super::keywords::Keywords;

/// Up to this number of rules, trying each one is cheaper than a pass over the value.
const FEW: usize = 8;

/// The length limit, in bytes, of a text under which a rule is indexed.
const LONGEST_KEY: usize = 16;

/// Rules with stars. A lookup costs one pass over the values plus a match for each rule whose text
/// occurs in them. It does not depend on the number of other rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Globs {
    rules: Vec<Glob>,
    /// Rules with a single pattern other than `*` that is only a prefix, by parameter.
    beginnings: Vec<Beginnings>,
    /// Other rules, by a text in one of their parameters, by parameter.
    keyed: Vec<Keyed>,
    /// Rules that every lookup tries.
    tried: Vec<usize>,
    /// Rules that are not indexed yet.
    unfiled: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Glob {
    patterns: Vec<Pattern>,
    place: u32,
}

#[derive(Clone, Debug)]
struct Beginnings {
    parameter: usize,
    /// Whether the part after the prefix must not contain a slash.
    in_segments: bool,
    /// The hash is keyed, because clients choose what is looked up.
    by_text: HashMap<String, Vec<u32>>,
    /// The lengths of the prefixes, in bytes.
    lengths: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
struct Keyed {
    parameter: usize,
    keywords: Keywords,
    /// For each word, the rules that contain it.
    by_word: Vec<Vec<usize>>,
}

/// A text of a rule, and the index of its parameter.
type Key<'a> = (usize, &'a [u8]);

impl Globs {
    /// Adds the patterns of one rule, one per parameter.
    pub(super) fn add(&mut self, patterns: &[Pattern], place: u32) {
        match only_beginning(patterns) {
            Some((parameter, in_segments, beginning)) => {
                self.add_beginning(parameter, in_segments, beginning, place);
            }
            None => {
                self.unfiled.push(self.rules.len());
                self.rules.push(Glob { patterns: patterns.to_vec(), place });
            }
        }
    }

    fn add_beginning(&mut self, parameter: usize, in_segments: bool, beginning: &str, place: u32) {
        let same = |beginnings: &&mut Beginnings| {
            beginnings.parameter == parameter && beginnings.in_segments == in_segments
        };
        if self.beginnings.iter_mut().find(same).is_none() {
            let (by_text, lengths) = (HashMap::new(), BTreeSet::new());
            self.beginnings.push(Beginnings { parameter, in_segments, by_text, lengths });
        }
        if let Some(beginnings) = self.beginnings.iter_mut().find(same) {
            beginnings.lengths.insert(beginning.len());
            beginnings.by_text.entry(beginning.to_owned()).or_default().push(place);
        }
    }

    /// Indexes the added rules. Each goes under the text that the fewest rules share.
    pub(super) fn seal(&mut self) {
        let unfiled = std::mem::take(&mut self.unfiled);
        if unfiled.len() <= FEW {
            self.tried.extend(unfiled);
            return;
        }
        let patterns = |at: &usize| self.rules.get(*at).map(|rule| rule.patterns.as_slice());
        let mut shared: HashMap<Key<'_>, usize> = HashMap::new();
        for key in unfiled.iter().filter_map(patterns).flat_map(keys) {
            *shared.entry(key).or_default() += 1;
        }
        let rarity = |key: &Key<'_>| {
            (shared.get(key).copied().unwrap_or_default(), std::cmp::Reverse(key.1.len()))
        };
        let mut filed: Vec<HashMap<&[u8], Vec<usize>>> = Vec::new();
        let mut tried = Vec::new();
        for at in &unfiled {
            let Some((parameter, text)) = patterns(at).and_then(|own| keys(own).min_by_key(rarity))
            else {
                tried.push(*at);
                continue;
            };
            filed.resize_with(filed.len().max(parameter + 1), HashMap::new);
            if let Some(by_text) = filed.get_mut(parameter) {
                by_text.entry(text).or_default().push(*at);
            }
        }
        let keyed = filed.into_iter().enumerate().filter(|(_, by_text)| !by_text.is_empty());
        let keyed = keyed.map(|(parameter, by_text)| {
            let (words, by_word): (Vec<&[u8]>, Vec<Vec<usize>>) = by_text.into_iter().unzip();
            Keyed { parameter, keywords: Keywords::new(&words), by_word }
        });
        self.keyed = keyed.collect();
        self.tried.extend(tried);
    }

    /// Calls `found` with the index of each rule that matches these values until it returns true.
    /// Returns whether it did.
    pub(super) fn each(&self, values: &[String], found: &mut dyn FnMut(u32) -> bool) -> bool {
        let value =
            |parameter: usize| values.get(parameter).map(String::as_str).unwrap_or_default();
        for Beginnings { parameter, in_segments, by_text, lengths } in &self.beginnings {
            let value = value(*parameter);
            // If the prefix reaches past the last slash, the rest contains none for the star.
            let last_slash = if *in_segments { value.rfind('/') } else { None };
            let least = last_slash.map_or(0, |at| at + 1);
            // A length that ends within a character is not that of any prefix of this value.
            let fitting = lengths.range(least..).filter_map(|length| value.get(..*length));
            let mut places = fitting.filter_map(|beginning| by_text.get(beginning)).flatten();
            if places.any(|place| found(*place)) {
                return true;
            }
        }
        let mut try_rule = |at: &usize| {
            let rule = self.rules.get(*at).filter(|rule| fits(&rule.patterns, values));
            rule.is_some_and(|rule| found(rule.place))
        };
        if self.tried.iter().any(&mut try_rule) {
            return true;
        }
        self.keyed.iter().any(|Keyed { parameter, keywords, by_word }| {
            keywords.each(value(*parameter).as_bytes(), |word| {
                by_word.get(word).is_some_and(|rules| rules.iter().any(&mut try_rule))
            })
        })
    }
}

/// The parameter, whether its star excludes slashes, and its prefix, for a rule that says nothing
/// else.
fn only_beginning(patterns: &[Pattern]) -> Option<(usize, bool, &str)> {
    let mut narrowed = patterns.iter().enumerate().filter(|(_, own)| **own != Pattern::Any);
    let (Some((parameter, Pattern::Glob(glob))), None) = (narrowed.next(), narrowed.next()) else {
        return None;
    };
    match glob.pieces() {
        [beginning, end] if end.is_empty() => Some((parameter, glob.is_in_segments(), beginning)),
        _ => None,
    }
}

/// The texts under which a rule may be indexed: the ends of the pieces between its stars.
fn keys(patterns: &[Pattern]) -> impl Iterator<Item = Key<'_>> {
    patterns.iter().enumerate().flat_map(|(parameter, pattern)| {
        let pieces = pattern.pieces().iter().map(String::as_bytes);
        let ends = pieces.flat_map(|piece| {
            let head = piece.get(..LONGEST_KEY).unwrap_or(piece);
            let tail = piece.len().saturating_sub(LONGEST_KEY);
            let tail = piece.get(tail..).filter(|tail| tail.len() < piece.len());
            std::iter::once(head).chain(tail)
        });
        ends.filter(|key| !key.is_empty()).map(move |key| (parameter, key))
    })
}

fn fits(patterns: &[Pattern], values: &[String]) -> bool {
    let mut pairs = patterns.iter().zip(values);
    patterns.len() == values.len() && pairs.all(|(pattern, value)| pattern.matches(value))
}
