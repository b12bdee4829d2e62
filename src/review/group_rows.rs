//! Rules that are decided on together: the list of their names, and what was recorded about them.

use textwrap::core::display_width;

use super::edit::is_count;
use super::facts::some;
use super::layout::wrap;
use super::rows::{Body, LABEL_COLUMNS, MOST_SHOWN};
use super::session::{Mode, Session};
use super::{Facts, Subject};
use crate::api::Risk;
use crate::learn::Evidence;
use crate::profile::Rule;
use crate::report::{count, printable};

/// The columns between two names.
const GAP: usize = 2;

impl Body {
    /// Rules that differ only in their names.
    pub(super) fn group(&mut self, session: &Session, rules: &[Rule], accepted_as: Option<Risk>) {
        let Some(first) = rules.first() else { return };
        self.operation(session, first, accepted_as);
        let is_one = |rule: &Rule| rules.contains(rule);
        self.careful(&session.draft.profile().ambiguities(), |one| is_one(&one.rule));
        self.comments(session, rules);
        match &session.evidence {
            None => self.field("seen", "not known, as no recording was given (--recording FILE)"),
            Some(evidence) => self.seen_together(evidence, rules, session.mode == Mode::Explain),
        }
        self.found(&session.search, rules);
        self.offered(session, rules);
        self.names_of(rules);
    }

    /// Which of the rules are only offered, as keeping these adds them to the file.
    pub(super) fn offered(&mut self, session: &Session, rules: &[Rule]) {
        let is_offered = |rule: &&Rule| session.draft.told_of_offer(rule).is_some();
        let names: Vec<String> = rules.iter().filter(is_offered).map(name).collect();
        if names.len() == rules.len() {
            self.field("offered", "all of them; what you do not keep is left out");
        } else if !names.is_empty() {
            let text = format!("{} of them; what you do not keep is left out:", names.len());
            self.field("offered", &text);
            self.columns_of(&names, LABEL_COLUMNS);
        }
    }

    /// The names of all rules, in columns. Nothing is shortened, because a person decides on all of them.
    pub(super) fn names_of(&mut self, rules: &[Rule]) {
        let label = if rules.iter().all(|rule| rule.patterns().len() <= 1) {
            "name"
        } else {
            "set of names"
        };
        self.field("names", &format!("{}:", count(rules.len(), label)));
        let names: Vec<String> = rules.iter().map(name).collect();
        self.columns_of(&names, LABEL_COLUMNS);
        self.list_end = self.lines.len();
    }

    /// Texts in as many columns as fit, read line by line.
    pub(super) fn columns_of(&mut self, texts: &[String], indent: usize) {
        let indent = indent.min(self.columns / 4);
        let widest = texts.iter().map(|text| display_width(text)).max().unwrap_or(0) + GAP;
        let in_a_line = ((self.columns.saturating_sub(indent) + GAP) / widest.max(1)).max(1);
        let margin = " ".repeat(indent);
        for line in texts.chunks(in_a_line) {
            let padded = line.iter().map(|text| {
                let gap = widest.saturating_sub(display_width(text));
                format!("{text}{}", " ".repeat(gap))
            });
            let line = padded.collect::<String>();
            self.lines.extend(wrap(line.trim_end(), self.columns, &margin, &margin));
        }
    }

    /// What people have written after some of the rules.
    fn comments(&mut self, session: &Session, rules: &[Rule]) {
        let comments = rules.iter().filter_map(|rule| {
            let comment = session.draft.comment(&Subject::Rule(rule.clone()));
            (!is_count(&comment)).then(|| format!("{}: {comment}", name(rule)))
        });
        let comments: Vec<String> = comments.collect();
        let most = if session.mode == Mode::Explain { usize::MAX } else { MOST_SHOWN };
        for (place, comment) in comments.iter().take(most).enumerate() {
            self.field(if place == 0 { "comments" } else { "" }, comment);
        }
        if let Some(more @ 1..) = comments.len().checked_sub(most) {
            self.field("", &format!("and {more} more; e shows them"));
        }
    }

    fn seen_together(&mut self, evidence: &Evidence, rules: &[Rule], is_long: bool) {
        let Some(first) = rules.first() else { return };
        // The counts are those of the operation, whatever the names are.
        match Facts::of(evidence, &Rule::any(first.operation())) {
            Some(facts) => self.facts_of_operation(&facts),
            None => return self.field("seen", "never in what was recorded"),
        }
        let missing: Vec<String> = unseen(evidence, rules).into_iter().map(name).collect();
        if !missing.is_empty() {
            let most = if is_long { usize::MAX } else { MOST_SHOWN };
            self.field("not seen", &some(missing.into_iter(), most));
        }
    }
}

/// The rules that nothing in the evidence needed.
fn unseen<'a>(evidence: &Evidence, rules: &'a [Rule]) -> Vec<&'a Rule> {
    let is_seen = |rule: &&Rule| {
        let known = evidence.of_operation(rule.operation());
        known.is_some_and(|known| known.demands.keys().any(|demand| known.matches(rule, demand)))
    };
    rules.iter().filter(|rule| !is_seen(rule)).collect()
}

/// The names that a rule allows, in readable form.
pub(super) fn name(rule: &Rule) -> String {
    let names: Vec<String> = rule.patterns().iter().map(ToString::to_string).collect();
    printable(&names.join(" "))
}
