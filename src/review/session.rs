//! The dialog: a key changes the state, and the caller is told what to do next.

use super::queue::{Wishes, questions};
use super::{Choice, Draft, Facts, Item};
use crate::learn::Evidence;
use crate::profile::Rule;
use crate::terminal::{Key, LineEdit};

/// A review of one profile.
#[derive(Debug)]
pub struct Session {
    pub(super) draft: Draft,
    pub(super) evidence: Option<Evidence>,
    /// The path of the file, for display.
    pub(super) path: String,
    past: Vec<Past>,
    pub(super) now: Now,
    /// The current question, which follows from the draft and `now`.
    pub(super) asked: Asked,
    pub(super) mode: Mode,
    /// The answer whose effect is shown.
    pub(super) shown: Choice,
    /// A number that changes whenever something else is shown from its beginning.
    pub(super) page: usize,
    pub(super) message: Option<Message>,
    /// Whether the whole list that the question is about has been on the screen.
    is_read: bool,
}

/// What the caller must do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Show the screen.
    Show,
    /// Save the draft and show the screen.
    Save,
    /// Stop the process until it is continued.
    Suspend,
    /// Leave the review.
    Leave(Leaving),
}

/// How a review was left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leaving {
    /// With the quit key, or at the end.
    Ended,
    /// With Ctrl-C.
    Interrupted,
}

/// How many answers of each kind were given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Rules and requests that were kept.
    pub kept: usize,
    /// Rules and requests that were denied.
    pub denied: usize,
    /// Rules that were narrowed.
    pub narrowed: usize,
    /// Rules and requests that were left open.
    pub skipped: usize,
}

/// What the keys currently do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// The user is asked a question.
    Ask,
    /// The question is explained in full.
    Explain,
    /// The user types a comment.
    Note(LineEdit),
    /// The user types a pattern.
    Pattern(LineEdit),
    /// The user has typed a pattern, and its effect is shown.
    Proposed(Rule),
    /// The user looks at the values of a rule, one of which is marked, by its index.
    Values(usize),
    /// The user types a narrower value.
    Value(usize, LineEdit),
}

/// The message about the last key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) is_error: bool,
}

/// The current question.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) item: Option<Item>,
    /// How many questions are left, including this one.
    left: usize,
    pub(super) facts: Option<Facts>,
}

/// The progress of a review, apart from the draft.
#[derive(Clone, Debug, Default)]
pub(super) struct Now {
    pub(super) wishes: Wishes,
    /// Questions that were answered or skipped.
    pub(super) answered: usize,
    pub(super) tally: Tally,
}

/// A state to return to, and what was done in it.
#[derive(Debug)]
struct Past {
    draft: Draft,
    now: Now,
    what: String,
}

impl Session {
    /// Begins with the open questions.
    #[must_use]
    pub fn new(path: String, draft: Draft, evidence: Option<Evidence>) -> Self {
        let mut session = Self {
            draft,
            evidence,
            path,
            past: Vec::new(),
            now: Now::default(),
            asked: Asked::default(),
            mode: Mode::Ask,
            shown: Choice::Keep,
            page: 0,
            message: None,
            is_read: true,
        };
        session.find_question();
        session
    }

    /// The profile with the decisions made so far.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The evidence that the questions were shown with.
    #[must_use]
    pub fn into_evidence(self) -> Option<Evidence> {
        self.evidence
    }

    /// The answers given in this session.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.now.tally
    }

    /// Starts again with a file that somebody else has changed in the meantime.
    pub fn begin_again(&mut self, draft: Draft) {
        let again = self.evidence.as_ref().filter(|_| self.draft.offered() > 0);
        let offering = again.and_then(|evidence| draft.clone().offering(evidence).ok());
        self.draft = offering.unwrap_or(draft);
        self.past.clear();
        self.now = Now::default();
        self.find_question();
        self.ask();
        self.message = Some(Message {
            text: "somebody else changed the file in the meantime, so your last answer was not \
                   saved; this is the current file"
                .to_owned(),
            is_error: true,
        });
    }

    /// The current question; `None` if there is nothing left to ask.
    #[must_use]
    pub fn item(&self) -> Option<&Item> {
        self.asked.item.as_ref()
    }

    /// The number of the question, and the number of all questions.
    #[must_use]
    pub fn position(&self) -> (usize, usize) {
        (self.now.answered + 1, self.now.answered + self.asked.left)
    }

    /// What the evidence says about the question.
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        self.asked.facts.as_ref()
    }

    /// The input line and its label. While there is one, keys are not answers.
    #[must_use]
    pub fn typed(&self) -> Option<(&'static str, &LineEdit)> {
        match &self.mode {
            Mode::Note(line) => Some(("comment: ", line)),
            Mode::Pattern(line) => Some(("pattern: ", line)),
            Mode::Value(_, line) => Some(("value: ", line)),
            Mode::Ask | Mode::Explain | Mode::Proposed(_) | Mode::Values(_) => None,
        }
    }

    /// Whether the question is about a list that has to be read before it is accepted.
    #[must_use]
    pub fn asks_about_a_list(&self) -> bool {
        matches!(self.mode, Mode::Ask | Mode::Explain)
            && matches!(self.asked.item, Some(Item::Group { .. }))
    }

    /// Says whether all of that list has been shown. By default it has.
    pub fn set_read(&mut self, is_read: bool) {
        self.is_read = is_read;
    }

    /// Handles a key.
    pub fn press(&mut self, key: Key) -> Step {
        match key {
            Key::Interrupt => return Step::Leave(Leaving::Interrupted),
            Key::Suspend => return Step::Suspend,
            _ => self.message = None,
        }
        match std::mem::replace(&mut self.mode, Mode::Ask) {
            Mode::Note(line) => self.type_note(line, key),
            Mode::Pattern(line) => self.type_pattern(line, key),
            Mode::Proposed(rule) => self.answer_proposal(rule, key),
            Mode::Values(at) => self.answer_values(at, key),
            Mode::Value(at, line) => self.type_value(at, line, key),
            Mode::Explain if matches!(key, Key::Char('e' | '?') | Key::Escape) => self.ask(),
            mode @ (Mode::Ask | Mode::Explain) => self.answer(mode, key),
        }
    }

    /// Finds the next question, once for everything that is shown about it.
    fn find_question(&mut self) {
        let items = questions(self.draft.profile(), &self.now.wishes);
        let left = items.len();
        let item = items.into_iter().next();
        let facts = match (&item, &self.evidence) {
            (Some(Item::Rule { rule, .. }), Some(evidence)) => Facts::of(evidence, rule),
            _ => None,
        };
        self.asked = Asked { item, left, facts };
    }

    /// Goes on with a new state. The old one can be returned to.
    pub(super) fn go_on(&mut self, now: Now, what: String, draft: Draft) {
        let now = std::mem::replace(&mut self.now, now);
        let draft = std::mem::replace(&mut self.draft, draft);
        self.past.push(Past { draft, now, what });
        self.find_question();
        self.ask();
    }

    /// Asks the question again, starting at its top.
    pub(super) fn ask(&mut self) -> Step {
        self.shown = Choice::Keep;
        self.turn_to(Mode::Ask)
    }

    /// Shows something else, starting at its top.
    pub(super) fn turn_to(&mut self, mode: Mode) -> Step {
        self.mode = mode;
        self.page += 1;
        Step::Show
    }

    /// Undoes the last answer, in the file too.
    pub(super) fn back(&mut self) -> Step {
        let Some(past) = self.past.pop() else {
            return self.tell("this is the first question of this session");
        };
        let is_saved = past.draft != self.draft;
        (self.draft, self.now) = (past.draft, past.now);
        self.find_question();
        self.ask();
        self.note(format!("taken back: {}", past.what));
        if is_saved { Step::Save } else { Step::Show }
    }

    /// Why rules of a list cannot be accepted yet.
    pub(super) fn unread(&self) -> Option<&'static str> {
        (!self.is_read).then_some("read the list to its end first: PgDn shows more of it")
    }

    pub(super) fn note(&mut self, text: String) {
        self.message = Some(Message { text, is_error: false });
    }

    pub(super) fn tell(&mut self, text: &str) -> Step {
        self.message = Some(Message { text: text.to_owned(), is_error: true });
        Step::Show
    }
}
