//! The middle of a screen: the subject of a question, the possible answers, and their effect on the
//! file.

use anstyle::{AnsiColor, Style};

use super::edit::is_count;
use super::facts::{holds, holds_for, some};
use super::layout::{FAINT, STRONG, Span, fold, styled, wrap};
use super::session::{Mode, Session};
use super::{Choice, Decision, Facts, Item, Refusal, Subject, changed, narrowed, proposal};
use crate::api::Risk;
use crate::explain::{self, about, about_contents};
use crate::profile::{Ambiguity, ContentChange, Rule};
use crate::report::{count, printable, quoted};

const LABEL: Style = AnsiColor::Cyan.on_default();

/// How many names and clients are shown, unless the user asks for all.
const MOST_SHOWN: usize = 6;

/// How many rules that match more than they name are listed.
const MOST_CAREFUL: usize = 3;

/// The minimum width for showing a rule and what it permits side by side.
const WIDE: usize = 60;

/// The columns of a label, including the gaps around it.
const LABEL_COLUMNS: usize = 13;

/// The kind of output that shows a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum For {
    /// A screen. The effect that it shows depends on the marked answer.
    Screen,
    /// Lines that follow each other and do not change later.
    Lines,
}

/// The lines of a body. None of them is wider than the screen.
pub(super) struct Body {
    pub(super) shown: For,
    pub(super) columns: usize,
    pub(super) lines: Vec<String>,
}

/// The body of the current screen.
pub(super) fn body(
    session: &Session,
    item: Option<&Item>,
    columns: usize,
    shown: For,
) -> Vec<String> {
    let mut body = Body { shown, columns, lines: Vec::new() };
    match item {
        None => body.done(session),
        // The values take the place of what is known about the rule.
        Some(Item::Rule { .. }) if matches!(session.mode, Mode::Values(_) | Mode::Value(..)) => {}
        Some(Item::Rule { rule, accepted_as }) => body.rule(session, rule, *accepted_as),
        Some(Item::Unknown(_)) => {
            body.field("permits", "this request, exactly as it is written");
            body.field("risk", "unknown: the API that dsp knows has no such operation");
            body.comment(session, item);
        }
        Some(Item::Section { rules, .. }) => body.section(session, rules),
        Some(Item::Rest) => body.rest(session),
    }
    if let Some(item) = item {
        match &session.mode {
            Mode::Ask => body.choices(session, item),
            Mode::Explain => body.keys(item),
            Mode::Note(line) => body.note(session, item, &line.text()),
            Mode::Pattern(line) => body.pattern(session, item, &line.text()),
            Mode::Proposed(rule) => body.proposed(session, item, rule),
            Mode::Values(at) => body.values(session, item, *at, None),
            Mode::Value(at, line) => body.values(session, item, *at, Some(&line.text())),
        }
    }
    body.lines
}

impl Body {
    pub(super) fn blank(&mut self) {
        self.lines.push(String::new());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.lines.extend(wrap(&printable(text), self.columns, "  ", "  "));
    }

    fn heading(&mut self, text: &str) {
        self.lines.extend(styled(STRONG, &wrap(&printable(text), self.columns, "  ", "  ")));
    }

    fn field(&mut self, label: &str, value: &str) {
        let gap = " ".repeat((LABEL_COLUMNS - 2).saturating_sub(label.len()).max(1));
        let front = [Span::plain("  "), Span::new(LABEL, label), Span::plain(gap)];
        let value = [Span::plain(printable(value))];
        self.lines.extend(fold(&front, &value, self.columns, LABEL_COLUMNS));
    }

    fn rule(&mut self, session: &Session, rule: &Rule, accepted_as: Option<Risk>) {
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

    fn facts(&mut self, facts: &Facts, most: usize) {
        self.field("seen", &seen(facts));
        if !facts.names.is_empty() {
            let names: Vec<String> = match most {
                MOST_SHOWN => facts.short_labels().collect(),
                _ => facts.labels().collect(),
            };
            self.field("names", &some(names.into_iter(), most));
        }
        let client = |(name, requests): &(Option<String>, u64)| {
            let name = name.as_deref().map_or_else(|| "no name given".to_owned(), printable);
            if facts.clients.len() == 1 { name } else { format!("{name} ({requests})") }
        };
        let is_known = facts.clients.iter().any(|(name, _)| name.is_some());
        if is_known {
            self.field("clients", &some(facts.clients.iter().map(client), most));
        }
        if most > MOST_SHOWN && !facts.commands.is_empty() {
            self.field("programs", &some(facts.commands.iter().map(|text| printable(text)), 20));
        }
    }

    fn comment(&mut self, session: &Session, item: Option<&Item>) {
        let subject = item.and_then(|item| item.subjects().into_iter().next());
        let comment = subject.map(|subject| session.draft.comment(&subject)).unwrap_or_default();
        // A comment that `generate` wrote is shown with the evidence.
        if !is_count(&comment) {
            self.field("comment", &comment);
        }
    }

    fn section(&mut self, session: &Session, rules: &[Rule]) {
        let lines: Vec<(Risk, String, String)> = rules
            .iter()
            .map(|rule| {
                let names = rule.without_contents().to_string();
                (rule.risk(), printable(&names), explain::permits(rule))
            })
            .collect();
        let widest = lines.iter().map(|(_, rule, _)| rule.len()).max().unwrap_or(0);
        let side_by_side = self.columns >= WIDE && widest + 10 < self.columns / 2;
        for ((risk, rule, permits), operation) in lines.iter().zip(rules) {
            let word = Span::new(explain::style(*risk), risk.as_str());
            let gap = " ".repeat(6_usize.saturating_sub(risk.as_str().len()));
            if side_by_side {
                let rule = Span::plain(format!("{gap}{rule:<widest$}  "));
                let (front, permits) =
                    ([Span::plain("  "), word, rule], [Span::plain(permits.as_str())]);
                self.lines.extend(fold(&front, &permits, self.columns, widest + 10));
            } else {
                let rule = [word, Span::plain(format!("{gap}{rule}"))];
                self.lines.extend(fold(&[Span::plain("  ")], &rule, self.columns, 8));
                self.lines.extend(wrap(permits, self.columns, "        ", "        "));
            }
            if session.mode == Mode::Explain {
                let facts = session.evidence.as_ref().and_then(|all| Facts::of(all, operation));
                let seen = facts.map(|facts| format!("; {}", seen(&facts))).unwrap_or_default();
                let text = format!("{}{seen}", operation.operation().reason);
                self.lines.extend(wrap(&text, self.columns, "        ", "        "));
            }
        }
    }

    fn rest(&mut self, session: &Session) {
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

    /// Shows the answers, and the effect of the marked one.
    fn choices(&mut self, session: &Session, item: &Item) {
        let facts = session.facts();
        self.blank();
        for choice in Choice::of(item) {
            let text = choice.text(item, facts);
            let open = choice.check(item, facts, session.evidence.is_some());
            if open == Err(Refusal::NoName) {
                continue;
            }
            let is_shown = self.shown == For::Screen && *choice == session.shown;
            let mark = if is_shown { '>' } else { ' ' };
            let front = format!("{mark} {}  ", choice.key());
            let lines = match &open {
                Ok(()) => wrap(&text, self.columns, &front, "     "),
                Err(refusal) => {
                    let text = format!("({refusal})");
                    styled(FAINT, &wrap(&text, self.columns, &front, "     "))
                }
            };
            self.lines.extend(if is_shown { styled(STRONG, &lines) } else { lines });
        }
        if matches!(item, Item::Section { .. }) {
            self.lines.extend(wrap("look at each separately", self.columns, "  l  ", "     "));
        }
        if self.shown == For::Lines {
            return;
        }
        self.blank();
        let key = session.shown.key();
        let others = if Choice::of(item).len() > 1 { " (up and down show the others)" } else { "" };
        let (lead, decision) = match (session.shown, item) {
            (Choice::Pattern, Item::Rule { rule, .. }) => {
                let typed = proposal(rule, facts);
                match narrowed(rule, &typed, facts) {
                    Ok(narrower) => (
                        format!("{key} with {typed} would change the file like this{others}:"),
                        Some(narrow(rule, narrower)),
                    ),
                    Err(_) => (format!("{key} asks for the pattern first{others}"), None),
                }
            }
            (choice, item) => (
                format!("{key} would change the file like this{others}:"),
                choice.decision(item, facts),
            ),
        };
        self.effect(session, &lead, decision.as_ref());
    }

    /// Explains the keys in full.
    fn keys(&mut self, item: &Item) {
        self.blank();
        let is_one = matches!(item, Item::Rule { .. } | Item::Unknown(_));
        let rule = [
            ("d", "deny: moves it to deny:, where generate --update leaves it"),
            ("n", "names: a rule for each name that was recorded, and for no other"),
            ("g", "pattern: one rule, such as ci-*, which has to match all recorded names"),
            ("c", "comment: is written after the rule in the file"),
        ];
        let values = [("v", "values: looks at what requests may contain, one by one")];
        let all = [
            ("s", "skip: leaves it open for later"),
            ("b", "back: undoes the last answer, in the file too"),
            ("q", "quit: every answer is saved already; dsp review continues there"),
        ];
        self.field("k", "keep: accepts it, and records that under reviewed:");
        let values = values.iter().filter(|_| item.has_values());
        let rule = rule.iter().filter(|_| is_one).chain(values);
        rule.chain(&all).for_each(|(key, text)| self.field(key, text));
    }

    fn note(&mut self, session: &Session, item: &Item, text: &str) {
        let Some(subject) = item.subjects().into_iter().next() else { return };
        self.blank();
        let note = Decision::Note { subject, text: text.to_owned() };
        self.effect(session, "This would change the file like this:", Some(&note));
    }

    fn pattern(&mut self, session: &Session, item: &Item, typed: &str) {
        let Item::Rule { rule, .. } = item else { return };
        self.blank();
        let facts = session.facts();
        match narrowed(rule, typed, facts) {
            Ok(narrower) => {
                self.effect(session, &holds(facts), Some(&narrow(rule, narrower)));
            }
            Err(error) => self.text(&error.to_string()),
        }
    }

    fn proposed(&mut self, session: &Session, item: &Item, narrower: &Rule) {
        let Item::Rule { rule, .. } = item else { return };
        self.blank();
        self.heading(&format!("Narrow it to {narrower}?"));
        let lead = holds(session.facts());
        self.effect(session, &lead, Some(&narrow(rule, narrower.clone())));
    }

    /// Shows the lines of the file that a decision changes, after `lead`. Warnings come first, so that
    /// a long change cannot push them out of sight.
    pub(super) fn effect(&mut self, session: &Session, lead: &str, decision: Option<&Decision>) {
        let Some(decision) = decision else { return self.text(lead) };
        let next = match session.draft.decide(decision) {
            Ok(next) => next,
            Err(error) => {
                self.text(lead);
                return self.text(&error.to_string());
            }
        };
        let found = next.profile().new_ambiguities(session.draft.profile());
        self.careful(&found, |_| true);
        self.text(lead);
        let lines = changed(session.draft.text(), next.text(), self.columns);
        if lines.is_empty() {
            self.text("  (nothing)");
        }
        self.lines.extend(lines);
    }

    /// Warns about rules that match more or less than they name.
    fn careful(&mut self, found: &[Ambiguity], is_meant: impl Fn(&Ambiguity) -> bool) {
        let found = found.iter().filter(|one| is_meant(one)).map(ToString::to_string);
        let text = some(found, MOST_CAREFUL);
        if !text.is_empty() {
            self.field("careful", &text);
        }
    }

    fn done(&mut self, session: &Session) {
        let profile = session.draft.profile();
        let tally = session.tally();
        for (label, number) in [
            ("kept", tally.kept),
            ("denied", tally.denied),
            ("narrowed", tally.narrowed),
            ("skipped", tally.skipped),
        ] {
            if number > 0 {
                self.field(label, &number.to_string());
            }
        }
        self.blank();
        let path = quoted(&session.path);
        if profile.standing().is_reviewed() {
            self.text("Every rule is decided and saved. Next:");
            self.text(&format!("  dsp enforce --require-reviewed {path}"));
        } else {
            self.text("All answers are saved. The skipped rules are still open; to continue, run:");
            self.text(&format!("  dsp review {path}"));
        }
        self.blank();
        self.text("What this profile allows:");
        self.blank();
        for risk in Risk::ALL.into_iter().rev() {
            let rules = profile.allow.iter().filter(|entry| entry.value.risk() == risk);
            let rules: Vec<String> = rules.map(|entry| entry.value.to_string()).collect();
            if risk >= Risk::Secrets {
                rules.iter().enumerate().for_each(|(place, rule)| {
                    self.field(if place == 0 { risk.as_str() } else { "" }, rule);
                });
            } else if !rules.is_empty() {
                self.field(risk.as_str(), &count(rules.len(), "rule"));
            }
        }
        profile.unknown.iter().enumerate().for_each(|(place, entry)| {
            self.field(if place == 0 { "unknown" } else { "" }, &entry.value.to_string());
        });
    }
}

fn narrow(wider: &Rule, narrower: Rule) -> Decision {
    Decision::Narrow { from: vec![wider.clone()], to: vec![narrower] }
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
