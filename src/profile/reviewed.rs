//! The `reviewed` part of a profile: what people have accepted.
//!
//! The part lists each accepted rule with the risk it had at the time, and records the rules under
//! `deny` and the oldest API version at that time, so that later widenings can be named. Everything
//! a person was shown has a mark, which is the beginning of a digest.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexSet;
use sha2::{Digest, Sha256};

use super::{ContentChange, Entry, Pattern, Rule, UnknownOperation};
use crate::api::{ApiVersion, Risk};
use crate::text::hex;

/// What people have accepted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reviewed {
    /// The digest in the file, in hexadecimal.
    pub digest: String,
    /// The marks of everything a person was shown; `None` if an older dsp wrote the part.
    pub marks: Option<Marks>,
    /// The profile's `min_api` at that time; only set with marks.
    pub min_api: Option<ApiVersion>,
    /// The rules that were denied at that time; only set with marks.
    pub deny: Vec<Entry<Rule>>,
    /// The accepted rules.
    pub kept: Vec<Entry<Kept>>,
    /// The accepted requests that are not in the catalogue.
    pub unknown: Vec<Entry<UnknownOperation>>,
}

/// An accepted rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// The risk of its operation at the time.
    pub risk: Risk,
    /// The rule.
    pub rule: Rule,
}

/// The marks of what a person was shown: the beginning of a digest of each item.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Marks(BTreeSet<String>);

impl Marks {
    /// The number of hexadecimal digits of a mark: enough that none matches by accident.
    const LENGTH: usize = 8;

    /// Reads marks, any number in each text. Anything that is not a mark matches nothing.
    #[must_use]
    pub fn parse<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let words = texts.flat_map(str::split_ascii_whitespace);
        Self(words.map(str::to_owned).collect())
    }

    /// The marks as written, sorted.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(super) fn has(&self, thing: &str) -> bool {
        self.0.contains(&Self::of(thing))
    }

    pub(super) fn add(&mut self, thing: &str) {
        self.0.insert(Self::of(thing));
    }

    fn of(thing: &str) -> String {
        let mut text = hex(&Sha256::digest(format!("dsp mark {thing}\n")));
        text.truncate(Self::LENGTH);
        text
    }
}

impl Reviewed {
    /// An index of what is listed as accepted.
    #[must_use]
    pub fn accepted(&self) -> Accepted<'_> {
        Accepted::of(self)
    }

    /// Accepts rules as they are today.
    pub fn accept<'a>(&mut self, rules: impl IntoIterator<Item = &'a Rule>) {
        let rules: IndexSet<&Rule> = rules.into_iter().collect();
        self.kept.retain(|kept| !rules.contains(&kept.value.rule));
        for rule in rules {
            let kept = Kept { risk: rule.risk(), rule: rule.clone() };
            self.marks.iter_mut().for_each(|marks| marks.add(&kept_line(&kept)));
            self.kept.push(Entry::new(kept));
        }
    }

    /// What a rule allows requests to contain beyond what was accepted for the same names; `None` if nothing
    /// was accepted for them.
    #[must_use]
    pub fn gained(&self, rule: &Rule) -> Option<Vec<ContentChange>> {
        let names = rule.without_contents();
        let mut kept = self.kept.iter().map(|entry| &entry.value);
        let kept = kept.find(|kept| {
            kept.rule.without_contents() == names && self.is_marked(&kept_line(kept))
        })?;
        Some(ContentChange::gained(&kept.rule, rule)).filter(|gained| !gained.is_empty())
    }

    /// Accepts a request that is not in the catalogue.
    pub fn accept_unknown(&mut self, unknown: &UnknownOperation) {
        self.marks.iter_mut().for_each(|marks| marks.add(&unknown_line(unknown)));
        self.unknown.push(Entry::new(unknown.clone()));
    }

    /// Whether a line of the list comes from a review, as far as its mark shows.
    pub(super) fn is_marked(&self, line: &str) -> bool {
        self.marks.as_ref().is_none_or(|marks| marks.has(line))
    }
}

/// An index of what was accepted.
#[derive(Debug)]
pub struct Accepted<'a> {
    exact: HashMap<&'a Rule, Risk>,
    /// Rules that match more than one name or have contents, by operation.
    wide: HashMap<usize, Vec<&'a Kept>>,
}

impl<'a> Accepted<'a> {
    fn of(reviewed: &'a Reviewed) -> Self {
        let (mut exact, mut wide) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for Entry { value: kept, .. } in &reviewed.kept {
            if !reviewed.is_marked(&kept_line(kept)) {
                continue;
            }
            let risk = exact.entry(&kept.rule).or_insert(kept.risk);
            *risk = kept.risk.max(*risk);
            let is_exact = |pattern: &Pattern| matches!(pattern, Pattern::Exact(_));
            if kept.rule.has_terms() || !kept.rule.patterns().iter().all(is_exact) {
                wide.entry(kept.rule.operation().index).or_default().push(kept);
            }
        }
        Self { exact, wide }
    }

    /// The risk with which the rule, or one that covers it, was accepted.
    #[must_use]
    pub fn risk_of(&self, rule: &Rule) -> Option<Risk> {
        let exact = self.exact.get(rule).copied();
        let with_any_contents = || {
            rule.has_terms().then_some(())?;
            self.exact.get(&rule.without_contents()).copied()
        };
        exact.or_else(with_any_contents).or_else(|| {
            let wide = self.wide.get(&rule.operation().index)?.iter();
            wide.filter(|kept| kept.rule.covers(rule)).map(|kept| kept.risk).max()
        })
    }
}

pub(super) fn kept_line(kept: &Kept) -> String {
    format!("{} {}", kept.risk, kept.rule)
}

pub(super) fn unknown_line(unknown: &UnknownOperation) -> String {
    format!("unknown {unknown}")
}

pub(super) fn open_line(rule: &Rule) -> String {
    format!("open {rule}")
}
