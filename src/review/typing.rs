//! What keys do while the user types something or looks at the values of a rule.

use super::session::{Mode, Session, Step};
use super::{ContentEdit, Decision, Item, ValueChoice, narrowed, narrowed_value, values};
use crate::profile::Rule;
use crate::report::printable;
use crate::terminal::{Key, LineEdit};

impl Session {
    pub(super) fn type_note(&mut self, mut line: LineEdit, key: Key) -> Step {
        match (key, self.asked.item.clone()) {
            (Key::Escape, _) | (_, None) => self.ask(),
            (Key::Enter, Some(item)) => match item.subjects().into_iter().next() {
                Some(subject) => self.decide(&item, &Decision::Note { subject, text: line.text() }),
                None => self.ask(),
            },
            _ => {
                line.press(key);
                self.mode = Mode::Note(line);
                Step::Show
            }
        }
    }

    pub(super) fn type_pattern(&mut self, mut line: LineEdit, key: Key) -> Step {
        let Some(Item::Rule { rule, .. }) = &self.asked.item else { return self.ask() };
        match key {
            Key::Escape => return self.ask(),
            Key::Enter => match narrowed(rule, &line.text(), self.asked.facts.as_ref()) {
                Ok(rule) => return self.turn_to(Mode::Proposed(rule)),
                // The reason is shown in place of the effect.
                Err(_) => drop(self.tell("this pattern is not accepted, for the reason above")),
            },
            _ => drop(line.press(key)),
        }
        self.mode = Mode::Pattern(line);
        Step::Show
    }

    /// Accepts the proposed rule with a separate key: Enter has just ended the input line, and must not
    /// accept a rule as well.
    pub(super) fn answer_proposal(&mut self, rule: Rule, key: Key) -> Step {
        let Some(item) = self.asked.item.clone() else { return self.ask() };
        match (key, &item) {
            (Key::Char('y'), Item::Rule { rule: wider, .. }) => {
                let decision = Decision::Narrow { from: vec![wider.clone()], to: vec![rule] };
                self.decide(&item, &decision)
            }
            (Key::Char('g'), Item::Rule { .. }) => {
                let typed = match rule.patterns() {
                    [pattern] => pattern.to_string(),
                    _ => rule.to_string(),
                };
                self.mode = Mode::Pattern(LineEdit::new(&typed));
                Step::Show
            }
            (Key::Escape | Key::Char('b' | 'u'), _) => self.ask(),
            _ => {
                self.mode = Mode::Proposed(rule);
                self.tell("y accepts it, g changes the pattern, Escape leaves the rule as it was")
            }
        }
    }

    /// Decides on the marked value of a rule, and shows the others again.
    pub(super) fn answer_values(&mut self, at: usize, key: Key) -> Step {
        let Some(Item::Rule { rule, .. }) = self.asked.item.clone() else { return self.ask() };
        let all = values(&rule);
        let Some(value) = all.get(at) else { return self.ask() };
        match key {
            Key::Escape | Key::Enter | Key::Char('v') => return self.ask(),
            Key::Char('b' | 'u') => return self.back(),
            Key::Up => self.mode = Mode::Values(at.saturating_sub(1)),
            Key::Down => self.mode = Mode::Values((at + 1).min(all.len().saturating_sub(1))),
            Key::Char(letter) => {
                self.mode = Mode::Values(at);
                let mut choices = ValueChoice::ALL.into_iter();
                let choice = choices.find(|one| one.key() == letter && one.is_open(value));
                return match choice {
                    None => {
                        self.tell(&format!("{} means nothing here", printable(&letter.to_string())))
                    }
                    Some(choice) => match choice.edit(value) {
                        Some(edit) => self.change_values(at, edit),
                        None => {
                            let text = value.value.as_ref().map_or("", |value| value.as_str());
                            self.turn_to(Mode::Value(at, LineEdit::new(text)))
                        }
                    },
                };
            }
            _ => self.mode = Mode::Values(at),
        }
        Step::Show
    }

    pub(super) fn type_value(&mut self, at: usize, mut line: LineEdit, key: Key) -> Step {
        let Some(Item::Rule { rule, .. }) = self.asked.item.clone() else { return self.ask() };
        let all = values(&rule);
        let Some(value) = all.get(at) else { return self.ask() };
        match key {
            Key::Escape => return self.turn_to(Mode::Values(at)),
            Key::Enter => match narrowed_value(value, &line.text()) {
                Ok(edit) => return self.change_values(at, edit),
                Err(why) => drop(self.tell(&why)),
            },
            _ => drop(line.press(key)),
        }
        self.mode = Mode::Value(at, line);
        Step::Show
    }

    fn change_values(&mut self, at: usize, edit: ContentEdit) -> Step {
        let Some(item @ Item::Rule { rule, .. }) = &self.asked.item.clone() else {
            return self.ask();
        };
        let step = self.decide(item, &Decision::Contents { rule: rule.clone(), edit });
        // The rule may have lost its last value, or may be accepted as it is now.
        let left = match &self.asked.item {
            Some(Item::Rule { rule: now, .. })
                if now.without_contents() == rule.without_contents() =>
            {
                values(now).len()
            }
            _ => 0,
        };
        if step == Step::Save && left > 0 {
            self.mode = Mode::Values(at.min(left - 1));
        }
        step
    }
}
