//! What is known about the subject of a question: what it permits, its risk, and what was recorded.

use super::edit::is_count;
use super::facts::{holds_for, some};
use super::group_rows::name;
use super::layout::{Span, fold, wrap};
use super::rows::{Body, MOST_SHOWN};
use super::session::{Mode, Session};
use super::{Facts, Item, Subject};
use crate::api::Risk;
use crate::explain::{self, about, about_contents};
use crate::profile::{ContentChange, Rule};
use crate::report::{count, printable};

/// The minimum width for showing a rule and what it permits side by side.
const WIDE: usize = 60;

impl Body {
    /// What a rule permits, whatever its names are.
    pub(super) fn operation(&mut self, session: &Session, rule: &Rule, accepted_as: Option<Risk>) {
        let operation = rule.operation();
        if let Some(before) = accepted_as {
            let risk = rule.risk();
            self.field("again", &format!("it was accepted as {before}, and is {risk} today"));
        }
        let is_long = session.mode == Mode::Explain;
        let reviewed = session.draft.profile().reviewed.as_ref();
        if let Some(gained) = reviewed.and_then(|reviewed| reviewed.gained(rule)) {
            self.field("new", &ContentChange::told(&gained));
        }
        if let Some(told) = session.draft.told_of_offer(rule) {
            self.field("offered", told);
        }
        let contents = if rule.has_terms() { about_contents(rule) } else { Vec::new() };
        let has_contents = !contents.is_empty();
        for (label, text) in about(operation) {
            // What an operation can do with any contents is not what this rule allows.
            let text = match label {
                "permits" if has_contents => explain::permits(rule),
                "risk" if has_contents => rule.risk().to_string(),
                "at worst" | "instead" | "contents" if has_contents => continue,
                _ => text,
            };
            if is_long || matches!(label, "permits" | "risk") {
                self.field(label, &text);
            }
        }
        for (label, text) in &contents {
            self.field(label, text);
        }
    }

    pub(super) fn rule(&mut self, session: &Session, rule: &Rule, accepted_as: Option<Risk>) {
        let is_long = session.mode == Mode::Explain;
        self.operation(session, rule, accepted_as);
        if let Some(names) = holds_for(rule) {
            self.field("for", &names);
        }
        self.careful(&session.draft.profile().ambiguities(), |one| one.rule == *rule);
        let subject = Subject::Rule(rule.clone());
        self.comment(session, Some(&Item::Rule { rule: rule.clone(), accepted_as }));
        if session.evidence.is_none() {
            self.field("seen", "not known, as no recording was given (--recording FILE)");
            return;
        }
        match session.facts() {
            Some(facts) => self.facts(facts, if is_long { usize::MAX } else { MOST_SHOWN }),
            None if is_handshake(&subject) => {
                self.field(
                    "seen",
                    "never; clients fall back to it if the other form of the ping fails",
                );
            }
            None => self.field("seen", "never in what was recorded"),
        }
    }

    /// What was recorded about an operation, whatever the names were.
    pub(super) fn facts_of_operation(&mut self, facts: &Facts) {
        self.field("seen", &seen(facts));
        self.clients(facts, MOST_SHOWN);
    }

    fn facts(&mut self, facts: &Facts, most: usize) {
        self.field("seen", &seen(facts));
        if !facts.names.is_empty() {
            let names: Vec<String> = match most {
                MOST_SHOWN => facts.short_labels().collect(),
                _ => facts.labels().collect(),
            };
            self.field("names", &some(names.into_iter(), most));
        }
        self.clients(facts, most);
        if most > MOST_SHOWN && !facts.commands.is_empty() {
            self.field("programs", &some(facts.commands.iter().map(|text| printable(text)), 20));
        }
    }

    fn clients(&mut self, facts: &Facts, most: usize) {
        let client = |(name, requests): &(Option<String>, u64)| {
            let name = name.as_deref().map_or_else(|| "no name given".to_owned(), printable);
            if facts.clients.len() == 1 { name } else { format!("{name} ({requests})") }
        };
        let is_known = facts.clients.iter().any(|(name, _)| name.is_some());
        if is_known {
            self.field("clients", &some(facts.clients.iter().map(client), most));
        }
    }

    pub(super) fn comment(&mut self, session: &Session, item: Option<&Item>) {
        let subject = item.and_then(|item| item.subjects().into_iter().next());
        let comment = subject.map(|subject| session.draft.comment(&subject)).unwrap_or_default();
        // A comment that `generate` wrote is shown with the evidence.
        if !is_count(&comment) {
            self.field("comment", &comment);
        }
    }

    pub(super) fn section(&mut self, session: &Session, rules: &[Rule]) {
        let lines: Vec<Line> = lines_of(rules);
        let widest = lines.iter().map(|line| line.rule.len()).max().unwrap_or(0);
        let side_by_side = self.columns >= WIDE && widest + 10 < self.columns / 2;
        for line in lines {
            let risk = line.first.risk();
            let permits = explain::permits(line.first);
            let word = Span::new(explain::style(risk), risk.as_str());
            let gap = " ".repeat(6_usize.saturating_sub(risk.as_str().len()));
            if side_by_side {
                let rule = Span::plain(format!("{gap}{:<widest$}  ", line.rule));
                let (front, permits) = ([Span::plain("  "), word, rule], [Span::plain(permits)]);
                self.lines.extend(fold(&front, &permits, self.columns, widest + 10));
            } else {
                let rule = [word, Span::plain(format!("{gap}{}", line.rule))];
                self.lines.extend(fold(&[Span::plain("  ")], &rule, self.columns, 8));
                self.lines.extend(wrap(&permits, self.columns, "        ", "        "));
            }
            self.columns_of(&line.names, 8);
            if session.mode == Mode::Explain {
                let facts = session.evidence.as_ref().and_then(|all| Facts::of(all, line.first));
                let seen = facts.map(|facts| format!("; {}", seen(&facts))).unwrap_or_default();
                let text = format!("{}{seen}", line.first.operation().reason);
                self.lines.extend(wrap(&text, self.columns, "        ", "        "));
            }
        }
    }

    pub(super) fn rest(&mut self, session: &Session) {
        let profile = session.draft.profile();
        match &profile.reviewed {
            Some(_) => self.text(
                "Besides its rules, the profile now allows more than the last review saw. This is all of \
                 it:",
            ),
            None => self.text("Nobody has reviewed this profile. This is all of it:"),
        }
        self.blank();
        let changes = profile.standing().changes;
        if !changes.is_empty() {
            self.list("changed", changes.iter().map(ToString::to_string).collect());
        }
        self.field("engine", &profile.engine.to_string());
        let min_api = profile.min_api.map(|version| version.to_string());
        self.field("min_api", &min_api.unwrap_or_else(|| "the lowest that dsp accepts".into()));
        let denied = profile.deny.iter().map(|entry| entry.value.to_string());
        self.list("denied", denied.collect());
        let kept = profile.reviewed.iter().flat_map(|reviewed| &reviewed.kept);
        let kept = kept.map(|kept| format!("{}: {}", kept.value.risk, kept.value.rule));
        let unknown = profile.reviewed.iter().flat_map(|reviewed| &reviewed.unknown);
        let unknown = unknown.map(|entry| format!("unknown: {}", entry.value));
        self.list("accepted", kept.chain(unknown).collect());
    }

    fn list(&mut self, label: &str, values: Vec<String>) {
        if values.is_empty() {
            self.field(label, "nothing");
        }
        for (place, value) in values.iter().enumerate() {
            self.field(if place == 0 { label } else { "" }, value);
        }
    }
}

/// A line about a rule, or about several that differ only in their names.
pub(super) struct Line<'a> {
    /// The first of the rules.
    pub(super) first: &'a Rule,
    /// The rule without its contents, or the operation and the number of its rules.
    pub(super) rule: String,
    /// The names of the rules, if there are several.
    pub(super) names: Vec<String>,
}

/// One line for each rule, or for several that differ only in their names, in the order of the rules.
pub(super) fn lines_of(rules: &[Rule]) -> Vec<Line<'_>> {
    let mut lines: Vec<(&Rule, Vec<&Rule>)> = Vec::new();
    for rule in rules {
        let is_same = |first: &Rule| {
            first.operation() == rule.operation()
                && first.clone().with_terms_of(rule) == *first
                && !rule.patterns().is_empty()
        };
        match lines.iter_mut().find(|(first, _)| is_same(first)) {
            Some((_, own)) => own.push(rule),
            None => lines.push((rule, vec![rule])),
        }
    }
    lines
        .into_iter()
        .map(|(first, own)| match own.as_slice() {
            [_] => Line {
                first,
                rule: printable(&first.without_contents().to_string()),
                names: Vec::new(),
            },
            _ => Line {
                first,
                rule: format!("{}: {} rules", first.operation(), own.len()),
                names: own.into_iter().map(name).collect(),
            },
        })
        .collect()
}

/// How often something was requested, and how it was answered.
fn seen(facts: &Facts) -> String {
    let requests = count(facts.requests, "request");
    let sessions = match facts.of_sessions {
        1 => String::new(),
        all => format!(" in {} of {}", facts.sessions, count(all, "session")),
    };
    let statuses = facts.statuses.iter().map(|(status, count)| match facts.statuses.len() {
        1 => status.to_string(),
        _ => format!("{status} ({count})"),
    });
    let statuses = some(statuses, MOST_SHOWN);
    let answers =
        if statuses.is_empty() { String::new() } else { format!("; answered {statuses}") };
    format!("{requests}{sessions}{answers}")
}

/// Whether it is one of the two forms of the ping, which `generate` adds even if they were not seen.
fn is_handshake(subject: &Subject) -> bool {
    match subject {
        Subject::Rule(rule) => rule.operation().traits.handshake,
        Subject::Unknown(_) => false,
    }
}
