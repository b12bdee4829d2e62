//! What an answer does: it changes the draft, and the next question follows.

use super::edit::is_count;
use super::session::{Leaving, Mode, Session, Step};
use super::{Choice, Decision, Item, proposal};
use crate::report::{count, printable};
use crate::terminal::{Key, LineEdit};

impl Session {
    pub(super) fn answer(&mut self, mode: Mode, key: Key) -> Step {
        self.mode = mode;
        match key {
            Key::Char('b' | 'u') => return self.back(),
            Key::Char('o') => return self.turn_to_overview(),
            _ => {}
        }
        let Some(item) = self.asked.item.clone() else {
            return match key {
                Key::Enter => Step::Leave(Leaving::Ended),
                Key::Char('d') => self.turn_to(Mode::Changes),
                _ if self.draft.profile().standing().is_reviewed() => {
                    self.tell("everything is decided: Enter ends the review")
                }
                _ => self.tell("what was skipped is open: o shows it, Enter ends the review"),
            };
        };
        match key {
            Key::Up | Key::Down => self.show_next(&item, key == Key::Down),
            Key::Char('e') => self.turn_to(Mode::Explain),
            Key::Char(letter @ ('K' | 'D' | 'S')) => self.likewise(letter),
            Key::Char(bracket @ (']' | '[')) => self.turn(bracket == ']'),
            Key::Char('s') => self.skip(item),
            Key::Char('l') if item.is_several() => self.open(&item),
            Key::Char('v') if item.has_values() => self.turn_to(Mode::Values(0)),
            Key::Char('c') if matches!(item, Item::Rule { .. } | Item::Unknown(_)) => {
                let comment = item.subjects().first().map(|subject| self.draft.comment(subject));
                // The user's comment does not start from the counts that `generate` wrote.
                let comment = comment.filter(|comment| !is_count(comment)).unwrap_or_default();
                self.mode = Mode::Note(LineEdit::new(&comment));
                Step::Show
            }
            Key::Enter if self.has_mark() => self.choose(&item, self.shown),
            Key::Enter => {
                self.tell("Enter decides nothing here; k keeps it, or the arrows mark an answer")
            }
            Key::Char(letter) => {
                match Choice::of(&item).iter().find(|choice| choice.key() == letter) {
                    Some(choice) => self.choose(&item, *choice),
                    None => {
                        let key = printable(&letter.to_string());
                        self.tell(&format!("{key} means nothing here"))
                    }
                }
            }
            Key::Pasted(_) => self.tell("pasted text is not an answer"),
            _ => Step::Show,
        }
    }

    /// Whether an answer is marked, which Enter takes. What only reads is marked to be kept; with anything
    /// else the user has to move the mark first.
    pub(super) fn has_mark(&self) -> bool {
        self.is_marked || self.asked.item.as_ref().is_some_and(Item::is_low)
    }

    /// Shows the effect of the next possible answer.
    fn show_next(&mut self, item: &Item, down: bool) -> Step {
        let (facts, has_evidence) = (self.asked.facts.as_ref(), self.evidence.is_some());
        let is_open = |choice: &Choice| choice.check(item, facts, has_evidence).is_ok();
        let open: Vec<Choice> = Choice::of(item).iter().copied().filter(is_open).collect();
        let at = open.iter().position(|choice| *choice == self.shown).unwrap_or(0);
        let next = if down { at + 1 } else { at.saturating_sub(1) };
        self.is_marked = true;
        if let Some(choice) = open.get(next) {
            self.shown = *choice;
        }
        Step::Show
    }

    fn choose(&mut self, item: &Item, choice: Choice) -> Step {
        let facts = self.asked.facts.as_ref();
        if let Err(refusal) = choice.check(item, facts, self.evidence.is_some()) {
            return self.tell(&format!("{}: {refusal}", choice.key()));
        }
        if choice == Choice::Keep
            && matches!(item, Item::Group { .. })
            && let Some(why) = self.unread()
        {
            return self.tell(why);
        }
        if choice == Choice::Pattern {
            return match item {
                Item::Rule { rule, .. } => {
                    let line = LineEdit::new(&proposal(rule, facts));
                    self.turn_to(Mode::Pattern(line))
                }
                _ => Step::Show,
            };
        }
        match choice.decision(item, facts) {
            Some(decision) => self.decide(item, &decision),
            None => Step::Show,
        }
    }

    /// Makes a decision on the current question.
    pub(super) fn decide(&mut self, item: &Item, decision: &Decision) -> Step {
        let next = match self.draft.decide(decision) {
            Ok(next) => next,
            Err(error) => return self.tell(&error.to_string()),
        };
        let mut now = self.now.clone();
        let verb = match decision {
            Decision::Keep(subjects) => {
                now.tally.kept += subjects.len();
                "kept"
            }
            Decision::Deny(subjects) => {
                now.tally.denied += subjects.len();
                "denied"
            }
            Decision::Narrow { from, .. } => {
                now.tally.narrowed += from.len();
                "narrowed"
            }
            Decision::Note { .. } => "commented",
            Decision::Contents { .. } | Decision::DenyContents(_) => "changed",
            Decision::Confirm => "kept",
        };
        let what = format!("{} {verb}", name(item));
        let is_answer = !matches!(decision, Decision::Note { .. } | Decision::Contents { .. });
        now.answered += usize::from(is_answer);
        let told = item.is_several().then(|| format!("{what}; u takes it back"));
        self.go_on(now, what, next);
        told.into_iter().for_each(|told| self.note(told));
        match decision {
            Decision::Keep(_) if !item.is_several() => self.offer_likewise(item, 'K'),
            Decision::Deny(_) if !item.is_several() => self.offer_likewise(item, 'D'),
            _ => {}
        }
        Step::Save
    }

    pub(super) fn skip(&mut self, item: Item) -> Step {
        let mut now = self.now.clone();
        let what = format!("{} skipped", name(&item));
        now.answered += 1;
        now.tally.skipped += item.subjects().len().max(1);
        now.wishes.is_rest_skipped |= item == Item::Rest;
        now.wishes.skipped.extend(item.subjects());
        let told = item.is_several().then(|| format!("{what}; u takes it back"));
        self.go_on(now, what, self.draft.clone());
        match told {
            Some(told) => self.note(told),
            None => self.offer_likewise(&item, 'S'),
        }
        Step::Show
    }

    /// Asks about the rules of a group or a section one by one.
    fn open(&mut self, item: &Item) -> Step {
        let mut now = self.now.clone();
        now.wishes.opened.push(item.topic());
        let what = format!("{} opened", name(item));
        self.go_on(now, what, self.draft.clone());
        Step::Show
    }
}

/// How a question is named in a message.
pub(super) fn name(item: &Item) -> String {
    match item {
        Item::Rule { rule, .. } => format!("{} was", rule.without_contents()),
        Item::Unknown(unknown) => format!("{unknown} was"),
        Item::Group { rules, .. } => {
            let operation = rules.first().map(|rule| rule.operation().to_string());
            format!("{} of {} were", count(rules.len(), "rule"), operation.unwrap_or_default())
        }
        Item::Section { rules, name } => {
            format!("{} of {name} were", count(rules.len(), "rule"))
        }
        Item::Rest => "the rest was".to_owned(),
    }
}
