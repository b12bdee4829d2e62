//! Edits a profile's text line by line, and the profile as a value. An edit is accepted only if the
//! text parses as exactly the intended profile.

use std::collections::HashSet;

use super::decision::{ContentEdit, DraftError, Subject};
use crate::contents::Facet;
use crate::learn;
use crate::profile::{
    self, Constraints, Entry, Insertion, Kept, Profile, Reviewed, Rule, RuleIndex,
    UnknownOperation, ValuePattern, Widened, add_value, close_facet, comment, emit_reviewed,
    insert, key_span, open_facet, remove_all, remove_value, replace, rule_lines, set_comment,
    set_part,
};

/// A step of a change of contents.
enum Step<'a> {
    Add(&'a ValuePattern),
    Remove(&'a ValuePattern),
    Open(Facet),
    Close(Facet),
}

/// A text, and the profile that it should describe.
pub(super) struct Edit {
    text: String,
    profile: Profile,
    /// What was widened since the last review, besides rules.
    changes: Vec<Widened>,
}

impl Edit {
    /// Begins an edit of a profile and the text that it was parsed from.
    pub(super) fn of(text: &str, profile: &Profile) -> Self {
        let changes = profile.standing().changes;
        Self { text: text.to_owned(), profile: profile.clone(), changes }
    }

    /// The profile as far as it is edited.
    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Accepts rules and requests with the risk that they have today.
    pub(super) fn keep(
        &self,
        reviewed: &mut Reviewed,
        subjects: &[Subject],
    ) -> Result<(), DraftError> {
        let allowed: HashSet<&Rule> = self.profile.allow.iter().map(|entry| &entry.value).collect();
        let listed: HashSet<&UnknownOperation> =
            self.profile.unknown.iter().map(|entry| &entry.value).collect();
        let mut kept = Vec::new();
        for subject in subjects {
            let is_there = match subject {
                Subject::Rule(rule) => {
                    kept.push(rule);
                    allowed.contains(rule)
                }
                Subject::Unknown(unknown) => {
                    reviewed.accept_unknown(unknown);
                    listed.contains(unknown)
                }
            };
            if !is_there {
                return Err(DraftError::NotThere(subject.to_string()));
            }
        }
        reviewed.accept(kept);
        Ok(())
    }

    /// Moves rules from `allow` to `deny`, with everything that they cover.
    pub(super) fn deny(&mut self, rules: &[&Rule]) -> Result<(), DraftError> {
        let mut denials: Vec<(Rule, String)> = Vec::new();
        for rule in rules {
            let entry = entry_of(&self.profile.allow, rule);
            let entry = entry.ok_or_else(|| DraftError::NotThere(rule.to_string()))?;
            let comment = comment(&self.text, entry).ok_or(DraftError::NotALine("allow"))?;
            // What requests may contain no longer matters if all of them are denied.
            denials.push((rule.without_contents(), comment));
        }
        let covering = RuleIndex::new(self.profile.engine, denials.iter().map(|(rule, _)| rule));
        self.remove_rules(|allowed| covering.covers(allowed))?;
        self.add_denials(denials)
    }

    /// Denies requests that contain something, and no longer allows them to.
    pub(super) fn deny_contents(&mut self, rule: &Rule) -> Result<(), DraftError> {
        let Some(denied) = rule.contents() else { return self.deny(&[rule]) };
        let names = rule.without_contents();
        for value in denied.values() {
            let mut place = 0;
            while let Some(entry) = self.profile.allow.get(place) {
                if names.covers(&entry.value.without_contents())
                    && entry
                        .value
                        .contents()
                        .is_some_and(|own| own.values().any(|own| own == value))
                {
                    let own = entry.value.clone();
                    self.contents(&own, &ContentEdit::Remove(value.clone()))?;
                }
                place += 1;
            }
        }
        self.add_denials(vec![(rule.clone(), String::new())])
    }

    /// Changes what a rule allows requests to contain.
    pub(super) fn contents(&mut self, rule: &Rule, edit: &ContentEdit) -> Result<(), DraftError> {
        let there = || DraftError::NotThere(rule.to_string());
        let place = self.profile.allow.iter().position(|entry| entry.value == *rule);
        let place = place.ok_or_else(there)?;
        let mut contents = rule.contents().cloned().ok_or_else(there)?;
        let steps: Vec<Step<'_>> = match edit {
            ContentEdit::Remove(value) | ContentEdit::Deny(value) => vec![Step::Remove(value)],
            ContentEdit::Replace { from, to } => vec![Step::Add(to), Step::Remove(from)],
            ContentEdit::Only(value) => vec![Step::Close(value.facet()), Step::Add(value)],
            ContentEdit::Open(facet) => vec![Step::Open(*facet)],
            ContentEdit::Close(facet) => vec![Step::Close(*facet)],
        };
        for step in steps {
            let entry = self.profile.allow.get(place).ok_or_else(there)?;
            let text = match step {
                Step::Add(value) => {
                    contents.add(value.clone());
                    add_value(&self.text, entry, value)
                }
                Step::Remove(value) => {
                    contents.remove(value);
                    remove_value(&self.text, entry, value)
                }
                Step::Open(facet) => {
                    contents.open(facet);
                    open_facet(&self.text, entry, facet)
                }
                Step::Close(facet) => {
                    contents.close(facet);
                    close_facet(&self.text, entry, facet)
                }
            };
            self.text = text.ok_or(DraftError::NotALine("allow"))?;
            if let Some(entry) = self.profile.allow.get_mut(place) {
                let rule = entry.value.clone().with_contents(Some(contents.clone()));
                *entry = Entry::new(rule);
            }
            self.find_spans()?;
        }
        match edit {
            ContentEdit::Deny(value) => {
                let mut only = Constraints::harmless();
                only.add(value.clone());
                self.add_denials(vec![(rule.clone().with_contents(Some(only)), String::new())])
            }
            _ => Ok(()),
        }
    }

    /// Adds rules to `deny`, with their comments, unless others there deny as much.
    fn add_denials(&mut self, denials: Vec<(Rule, String)>) -> Result<(), DraftError> {
        let mut fresh: Vec<(Rule, String)> = Vec::new();
        for (rule, comment) in denials {
            let earlier = self.profile.deny.iter().map(|entry| &entry.value);
            let mut earlier = earlier.chain(fresh.iter().map(|(rule, _)| rule));
            if !earlier.any(|other| other.denies_all_of(&rule)) {
                fresh.push((rule, comment));
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        if key_span(&self.text, "deny").is_none() {
            // A new list is written at the end, but `reviewed` must come after all others.
            self.text = set_part(&self.text, "reviewed", "");
            self.profile.reviewed = None;
        }
        let after = self.profile.deny.len();
        let insertion = |(rule, comment): &(Rule, String)| Insertion {
            line: rule_lines(rule).join("\n"),
            comment: comment.clone(),
            after,
        };
        let insertions = fresh.iter().map(insertion).collect();
        self.text = insert(&self.text, "deny", &self.profile.deny, insertions)
            .ok_or(DraftError::NotALine("deny"))?;
        self.profile.deny.extend(fresh.into_iter().map(|(rule, _)| Entry::new(rule)));
        self.find_spans()
    }

    /// Removes a request from `unknown`.
    pub(super) fn drop_unknown(&mut self, unknown: &UnknownOperation) -> Result<(), DraftError> {
        entry_of(&self.profile.unknown, unknown)
            .ok_or_else(|| DraftError::NotThere(unknown.to_string()))?;
        let places = places_of(&self.profile.unknown, |other| other == unknown);
        self.text = remove_all(&self.text, "unknown", &self.profile.unknown, &places)
            .ok_or(DraftError::NotALine("unknown"))?;
        self.profile.unknown.retain(|entry| entry.value != *unknown);
        self.find_spans()
    }

    /// Replaces the first of the wider rules with the narrower ones, and removes the other wider rules.
    pub(super) fn narrow(&mut self, from: &[Rule], to: &[Rule]) -> Result<(), DraftError> {
        let wider = RuleIndex::new(self.profile.engine, from);
        let from: HashSet<&Rule> = from.iter().collect();
        let allowed: HashSet<&Rule> = self.profile.allow.iter().map(|entry| &entry.value).collect();
        let is_narrower = |rule: &Rule| wider.covers(rule) && !from.contains(rule);
        if let Some(wrong) = to.iter().find(|rule| !is_narrower(rule)) {
            return Err(DraftError::NotNarrower(wrong.to_string()));
        }
        if let Some(gone) = from.iter().find(|rule| !allowed.contains(*rule)) {
            return Err(DraftError::NotThere(gone.to_string()));
        }
        let is_wider = |entry: &Entry<Rule>| from.contains(&entry.value);
        let place = self.profile.allow.iter().position(is_wider);
        let place = place.ok_or(DraftError::NotALine("allow"))?;
        let entry = self.profile.allow.get(place).ok_or(DraftError::NotALine("allow"))?;
        let old = comment(&self.text, entry).ok_or(DraftError::NotALine("allow"))?;
        let mut seen = allowed;
        let fresh: Vec<Rule> = to.iter().filter(|rule| seen.insert(*rule)).cloned().collect();
        // A count is no longer true if one rule becomes several.
        let comment = if fresh.len() > 1 && is_count(&old) { "" } else { old.as_str() };
        let Some((first, others)) = fresh.split_first() else {
            return self.remove_rules(|rule| from.contains(rule));
        };
        self.text = set_comment(&self.text, entry, comment).ok_or(DraftError::NotALine("allow"))?;
        self.find_spans()?;
        let entry = self.profile.allow.get(place).ok_or(DraftError::NotALine("allow"))?;
        self.text = replace(&self.text, entry, &rule_lines(first).join("\n"))
            .ok_or(DraftError::NotALine("allow"))?;
        if let Some(entry) = self.profile.allow.get_mut(place) {
            *entry = Entry::new(first.clone());
        }
        self.find_spans()?;
        let insertion = |rule: &Rule| Insertion {
            line: rule_lines(rule).join("\n"),
            comment: comment.to_owned(),
            after: place + 1,
        };
        let insertions = others.iter().map(insertion).collect();
        self.text = insert(&self.text, "allow", &self.profile.allow, insertions)
            .ok_or(DraftError::NotALine("allow"))?;
        let others = others.iter().cloned().map(Entry::new);
        self.profile.allow.splice(place + 1..place + 1, others);
        self.find_spans()?;
        self.remove_rules(|rule| from.contains(rule))
    }

    /// Removes the matching rules from `allow`.
    pub(super) fn remove_rules(
        &mut self,
        is_gone: impl Fn(&Rule) -> bool,
    ) -> Result<(), DraftError> {
        let places = places_of(&self.profile.allow, &is_gone);
        if places.is_empty() {
            return Ok(());
        }
        self.text = remove_all(&self.text, "allow", &self.profile.allow, &places)
            .ok_or(DraftError::NotALine("allow"))?;
        self.profile.allow.retain(|entry| !is_gone(&entry.value));
        self.find_spans()
    }

    /// Replaces the comment of a rule or request.
    pub(super) fn note(&mut self, subject: &Subject, note: &str) -> Result<(), DraftError> {
        let there = || DraftError::NotThere(subject.to_string());
        let (list, text) = match subject {
            Subject::Rule(rule) => {
                let entry = entry_of(&self.profile.allow, rule).ok_or_else(there)?;
                ("allow", set_comment(&self.text, entry, note))
            }
            Subject::Unknown(unknown) => {
                let entry = entry_of(&self.profile.unknown, unknown).ok_or_else(there)?;
                ("unknown", set_comment(&self.text, entry, note))
            }
        };
        self.text = text.ok_or(DraftError::NotALine(list))?;
        Ok(())
    }

    /// Writes down which parts of the current profile are accepted. Anything else that was widened
    /// stays open until it is confirmed.
    pub(super) fn seal(&mut self, reviewed: Reviewed, is_confirmed: bool) {
        let mut kept: Vec<Entry<Kept>> = Vec::new();
        let (accepted, mut seen) = (reviewed.accepted(), HashSet::new());
        for entry in &self.profile.allow {
            let rule = &entry.value;
            if let Some(risk) = accepted.risk_of(rule)
                && seen.insert(rule)
            {
                kept.push(Entry::new(Kept { risk, rule: rule.clone() }));
            }
        }
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.value.risk));
        let mut unknown: Vec<Entry<UnknownOperation>> = Vec::new();
        let mut listed: HashSet<&UnknownOperation> =
            reviewed.unknown.iter().map(|entry| &entry.value).collect();
        for entry in &self.profile.unknown {
            if listed.remove(&entry.value) {
                unknown.push(Entry::new(entry.value.clone()));
            }
        }
        let mut sealed = Reviewed { kept, unknown, ..reviewed };
        if is_confirmed || self.changes.is_empty() {
            sealed.seal(&self.profile);
        } else {
            sealed.seal_rules(&self.profile, &self.changes);
        }
        self.text = set_part(&self.text, "reviewed", &emit_reviewed(&sealed));
        self.text = learn::summarised(&self.text, &self.profile);
        self.profile.reviewed = Some(sealed);
    }

    /// Parses the text in the middle of an edit, to find the current position of each entry.
    fn find_spans(&mut self) -> Result<(), DraftError> {
        let read = profile::parse(&self.text).map_err(|_| DraftError::Unfaithful)?;
        if read != self.profile {
            return Err(DraftError::Unfaithful);
        }
        self.profile = read;
        Ok(())
    }

    /// The edited text and the profile that it describes.
    pub(super) fn read_back(mut self) -> Result<(String, Profile), DraftError> {
        self.find_spans()?;
        Ok((self.text, self.profile))
    }
}

/// The positions of the matching entries, in order.
fn places_of<T>(entries: &[Entry<T>], is_meant: impl Fn(&T) -> bool) -> Vec<usize> {
    let meant = entries.iter().enumerate().filter(|(_, entry)| is_meant(&entry.value));
    meant.map(|(place, _)| place).collect()
}

/// The first entry with this value.
pub(super) fn entry_of<'a, T: PartialEq>(
    entries: &'a [Entry<T>],
    value: &T,
) -> Option<&'a Entry<T>> {
    entries.iter().find(|entry| entry.value == *value)
}

/// Whether a comment is empty or from `generate`: `seen in 1 of 2 sessions, 3 containers`.
pub(super) fn is_count(comment: &str) -> bool {
    comment.is_empty()
        || comment.split(", ").all(|part| {
            let words: Vec<&str> = part.split(' ').collect();
            let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
            match words.as_slice() {
                [number, _] => is_number(number),
                ["seen", "in", seen, "of", all, "sessions"] => is_number(seen) && is_number(all),
                _ => false,
            }
        })
}
