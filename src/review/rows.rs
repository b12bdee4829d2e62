//! The middle of a screen: the subject of a question, the possible answers, and their effect on the
//! file.

use anstyle::{AnsiColor, Style};

use super::facts::{holds, some};
use super::layout::{FAINT, STRONG, Span, fold, styled, wrap};
use super::session::{Mode, Session};
use super::{Choice, Decision, Item, Refusal, changed, narrowed, proposal};
use crate::profile::{Ambiguity, Rule};
use crate::report::printable;

const LABEL: Style = AnsiColor::Cyan.on_default();

/// How many names and clients are shown, unless the user asks for all.
pub(super) const MOST_SHOWN: usize = 6;

/// How many rules that match more than they name are listed.
const MOST_CAREFUL: usize = 3;

/// The columns of a label, including the gaps around it.
pub(super) const LABEL_COLUMNS: usize = 13;

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
    /// The number of lines up to the end of the list that has to be read before it is accepted.
    pub(super) list_end: usize,
    /// The line that is marked, and has to be in sight.
    pub(super) marked: Option<usize>,
}

/// The body of the current screen.
pub(super) fn body(session: &Session, item: Option<&Item>, columns: usize, shown: For) -> Body {
    let mut body = Body { shown, columns, lines: Vec::new(), list_end: 0, marked: None };
    match &session.mode {
        Mode::Help(_) => body.help(),
        Mode::Overview(at) => body.overview(session, Some(*at)),
        Mode::Search(line) => body.searched(session, &line.text()),
        Mode::Changes => body.changes(session),
        Mode::Likewise(choice) => body.likewise(session, *choice),
        _ => body.question(session, item),
    }
    body
}

impl Body {
    /// The question, and what the user does with it.
    fn question(&mut self, session: &Session, item: Option<&Item>) {
        let body = self;
        match item {
            None => body.done(session),
            // The values take the place of what is known about the rule.
            Some(Item::Rule { .. })
                if matches!(session.mode, Mode::Values(_) | Mode::Value(..)) => {}
            Some(Item::Rule { rule, accepted_as }) => body.rule(session, rule, *accepted_as),
            Some(Item::Group { rules, accepted_as }) => body.group(session, rules, *accepted_as),
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
                _ => {}
            }
        }
    }

    /// The rest of the rules of a kind, and what would be decided on all of them.
    fn likewise(&mut self, session: &Session, choice: Choice) {
        let Some(rest) = &session.asked.alike else { return };
        let rules = rest.rules();
        let verb = if choice == Choice::Deny { "Deny" } else { "Keep" };
        self.heading(&format!("{verb} all {} of these?", rules.len()));
        self.blank();
        match rest {
            Item::Section { .. } => self.section(session, rules),
            _ => {
                self.offered(session, rules);
                self.names_of(rules);
            }
        }
        self.blank();
        let decision = match choice {
            Choice::Deny => Decision::Deny(rest.subjects()),
            _ => Decision::Keep(rest.subjects()),
        };
        self.effect(session, "y would change the file like this:", Some(&decision));
    }

    fn changes(&mut self, session: &Session) {
        self.text("This review has changed the file like this:");
        let lines = changed(&session.start, session.draft.file_text(), self.columns);
        if lines.is_empty() {
            self.text("  (nothing)");
        }
        self.lines.extend(lines);
    }

    pub(super) fn blank(&mut self) {
        self.lines.push(String::new());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.lines.extend(wrap(&printable(text), self.columns, "  ", "  "));
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.lines.extend(styled(STRONG, &wrap(&printable(text), self.columns, "  ", "  ")));
    }

    pub(super) fn field(&mut self, label: &str, value: &str) {
        let gap = " ".repeat((LABEL_COLUMNS - 2).saturating_sub(label.len()).max(1));
        let front = [Span::plain("  "), Span::new(LABEL, label), Span::plain(gap)];
        let value = [Span::plain(printable(value))];
        self.lines.extend(fold(&front, &value, self.columns, LABEL_COLUMNS));
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
            let is_shown =
                self.shown == For::Screen && session.has_mark() && *choice == session.shown;
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
        if item.is_several() {
            self.lines.extend(wrap("look at each separately", self.columns, "  l  ", "     "));
        }
        if let Some(rest) = &session.asked.alike {
            let text = format!(
                "the same for all {} that are open of this kind, after their list",
                rest.rules().len()
            );
            self.lines.extend(wrap(&text, self.columns, "  K, D  ", "        "));
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
        let lines = changed(session.draft.file_text(), next.file_text(), self.columns);
        if lines.is_empty() {
            self.text("  (nothing)");
        }
        self.lines.extend(lines);
    }

    /// Warns about rules that match more or less than they name.
    pub(super) fn careful(&mut self, found: &[Ambiguity], is_meant: impl Fn(&Ambiguity) -> bool) {
        let found = found.iter().filter(|one| is_meant(one)).map(ToString::to_string);
        let text = some(found, MOST_CAREFUL);
        if !text.is_empty() {
            self.field("careful", &text);
        }
    }
}

fn narrow(wider: &Rule, narrower: Rule) -> Decision {
    Decision::Narrow { from: vec![wider.clone()], to: vec![narrower] }
}
