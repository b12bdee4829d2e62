//! Applies the `accept` entries of a profile, and finds those that are out of date.

use std::collections::{BTreeMap, HashMap};

use super::{Check, Options};
use crate::profile::{CheckCode, Rule, RuleIndex, Subject};
use crate::report::Finding;

impl Check<'_> {
    /// Excludes the findings that an entry under `accept` matches from the verdict, and reports the
    /// entries that match nothing or have expired.
    pub(super) fn accept(&mut self, options: &Options) {
        let is_left_out = |code| options.severities.get(&code) == Some(&None);
        let about = self.accepted();
        for (entry, about) in self.profile.accept.iter().zip(about) {
            let accepted = &entry.value;
            if is_left_out(accepted.code) {
                continue;
            }
            let is_expired = accepted.is_expired(options.today);
            let mut is_matched = false;
            for place in about {
                is_matched = true;
                if let Some(found) = self.found.get_mut(place).filter(|_| !is_expired) {
                    found.finding.accepted.get_or_insert_with(|| accepted.reason.clone());
                }
            }
            let (code, message) = match (is_expired, accepted.until) {
                (true, Some(last)) => (
                    CheckCode::ExpiredAcceptance,
                    format!("{} was accepted until {last}", accepted.code),
                ),
                _ if !is_matched => {
                    let about = accepted.rule.as_ref().map(|rule| format!(" about {rule}"));
                    let about = about.unwrap_or_default();
                    let message = format!("there is no {}{about} to accept", accepted.code);
                    (CheckCode::UnmatchedAcceptance, message)
                }
                _ => continue,
            };
            let help = match code {
                CheckCode::ExpiredAcceptance => "fix the finding, or set a new date with until:",
                _ => "remove the entry",
            };
            let mut finding = Finding {
                subject: accepted.rule.as_ref().map(ToString::to_string),
                region: Self::region(entry.span.clone(), &accepted.reason),
                help: Some(help.to_owned()),
                ..Self::finding(code, message)
            };
            match options.severities.get(&code) {
                Some(None) => continue,
                Some(Some(severity)) => finding.severity = *severity,
                None => {}
            }
            self.push(code, None, finding);
        }
    }

    /// For each entry under `accept`, the indices of the findings that it matches.
    fn accepted(&self) -> Vec<Vec<usize>> {
        let mut about = vec![Vec::new(); self.profile.accept.len()];
        let mut by_code: BTreeMap<CheckCode, Accepted<'_>> = BTreeMap::new();
        for (place, entry) in self.profile.accept.iter().enumerate() {
            let accepted = by_code.entry(entry.value.code).or_default();
            match &entry.value.rule {
                None => accepted.all.push(place),
                Some(Subject::Text(text)) => accepted.texts.entry(text).or_default().push(place),
                Some(Subject::Rule(rule)) => accepted.rules.push((place, rule)),
            }
        }
        let engine = self.profile.engine;
        let index = |accepted: &Accepted<'_>| {
            RuleIndex::new(engine, accepted.rules.iter().map(|(_, rule)| *rule))
        };
        let indexes: BTreeMap<CheckCode, RuleIndex> =
            by_code.iter().map(|(code, accepted)| (*code, index(accepted))).collect();
        for (place, found) in self.found.iter().enumerate() {
            let (Some(accepted), Some(index)) =
                (by_code.get(&found.code), indexes.get(&found.code))
            else {
                continue;
            };
            let mut entries = accepted.all.clone();
            match &found.subject {
                None => {}
                Some(Subject::Text(text)) => {
                    entries.extend(accepted.texts.get(text.as_str()).into_iter().flatten());
                }
                Some(Subject::Rule(rule)) => index.each_cover(rule, |at| {
                    entries.extend(accepted.rules.get(at).map(|(entry, _)| *entry));
                    false
                }),
            }
            for entry in entries {
                if let Some(own) = about.get_mut(entry) {
                    own.push(place);
                }
            }
        }
        about
    }
}

/// The entries under `accept` for one kind of finding, by index.
#[derive(Default)]
struct Accepted<'a> {
    /// Those that match every finding of the kind.
    all: Vec<usize>,
    texts: HashMap<&'a str, Vec<usize>>,
    rules: Vec<(usize, &'a Rule)>,
}
