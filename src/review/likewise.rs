//! Deciding on the rest of the rules of a kind as on one of them, after their list was shown.

use super::answering::name;
use super::session::{Mode, Session, Step};
use super::{Choice, Item};
use crate::terminal::Key;

impl Session {
    /// Shows the list of what would be decided likewise, or skips it.
    pub(super) fn likewise(&mut self, letter: char) -> Step {
        let Some(rest) = self.asked.alike.clone() else {
            let is_several = self.asked.item.as_ref().is_some_and(Item::is_several);
            return self.tell(&if is_several {
                format!("{} already decides on all of these", letter.to_ascii_lowercase())
            } else {
                format!("{letter}: no other open rule is of this kind")
            });
        };
        match letter {
            'S' => self.skip(rest),
            'D' => self.turn_to(Mode::Likewise(Choice::Deny)),
            _ => self.turn_to(Mode::Likewise(Choice::Keep)),
        }
    }

    /// Decides on the list with a key of its own, as the letter alone must not decide on what is shown only
    /// after it.
    pub(super) fn answer_likewise(&mut self, choice: Choice, key: Key) -> Step {
        let Some(rest) = self.asked.alike.clone() else { return self.ask() };
        match key {
            Key::Char('y') => {
                if choice == Choice::Keep
                    && !rest.is_low()
                    && let Some(why) = self.unread()
                {
                    self.mode = Mode::Likewise(choice);
                    return self.tell(why);
                }
                match choice {
                    Choice::Deny => self.decide(&rest, &super::Decision::Deny(rest.subjects())),
                    _ => self.decide(&rest, &super::Decision::Keep(rest.subjects())),
                }
            }
            Key::Escape | Key::Char('b' | 'u') => self.ask(),
            _ => {
                self.mode = Mode::Likewise(choice);
                self.tell("y decides on all of them, Escape on none")
            }
        }
    }

    /// Says how many rules of the same kind are left, and which key decides on them as the last one did.
    pub(super) fn offer_likewise(&mut self, before: &Item, letter: char) {
        let is_same = self.asked.item.as_ref().is_some_and(|item| item.topic() == before.topic());
        if let Some(rest) = self.asked.alike.as_ref().filter(|_| is_same) {
            let text = format!("{letter} does the same with the {} others", rest.rules().len());
            let verb = match letter {
                'K' => "kept",
                'D' => "denied",
                _ => "skipped",
            };
            self.note(format!("{} {verb}; {text}", name(before)));
        }
    }
}
