//! The dialog: a key changes the state, and the caller is told what to do next.

use std::collections::HashMap;

use super::overview::{MANY, topics};
use super::queue::{Wishes, alike, questions};
use super::{Choice, Draft, Facts, Item, Search, Subject, Topic};
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
    /// Whether the user has marked an answer.
    pub(super) is_marked: bool,
    /// What the user has searched for.
    pub(super) search: Search,
    /// The rows of the overview, which stay where they are.
    pub(super) topics: Vec<Topic>,
    /// The text at the beginning of the review.
    pub(super) start: String,
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
    /// All rules are shown, one row for each operation. One row is marked, by its index.
    Overview(usize),
    /// The user types what to search for.
    Search(LineEdit),
    /// The rest of the rules of a kind is shown, and what would be decided on it.
    Likewise(Choice),
    /// All keys are explained. Then the review goes on as before.
    Help(Box<Mode>),
    /// All changes of this review are shown.
    Changes,
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
    /// If it is one of several rules of a kind: all of them that are open.
    pub(super) alike: Option<Item>,
}

/// The progress of a review, apart from the draft.
#[derive(Clone, Debug, Default)]
pub(super) struct Now {
    pub(super) wishes: Wishes,
    /// The order of the questions, if the user went to one of them: the key of each.
    pub(super) order: Vec<Option<Subject>>,
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
        let (topics, start) = (topics(draft.profile()), draft.file_text().to_owned());
        let is_many = draft.profile().standing().open_count() >= MANY;
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
            is_marked: false,
            search: Search::default(),
            topics,
            start,
        };
        session.find_question();
        if is_many {
            session.turn_to_overview();
        }
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
        self.topics = topics(self.draft.profile());
        self.draft.file_text().clone_into(&mut self.start);
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
            Mode::Search(line) => Some(("search: ", line)),
            Mode::Ask
            | Mode::Explain
            | Mode::Proposed(_)
            | Mode::Values(_)
            | Mode::Overview(_)
            | Mode::Likewise(_)
            | Mode::Help(_)
            | Mode::Changes => None,
        }
    }

    /// Whether the question is about a list that has to be read before it is accepted.
    #[must_use]
    pub fn asks_about_a_list(&self) -> bool {
        match self.mode {
            Mode::Likewise(_) => true,
            Mode::Ask | Mode::Explain => matches!(self.asked.item, Some(Item::Group { .. })),
            _ => false,
        }
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
        if self.typed().is_none() && !matches!(self.mode, Mode::Help(_)) {
            match key {
                Key::Char('?') => {
                    let mode = std::mem::replace(&mut self.mode, Mode::Ask);
                    return self.turn_to(Mode::Help(Box::new(mode)));
                }
                Key::Char('/') => return self.turn_to(Mode::Search(LineEdit::new(""))),
                Key::Char('q') => return Step::Leave(Leaving::Ended),
                _ => {}
            }
        }
        match std::mem::replace(&mut self.mode, Mode::Ask) {
            Mode::Note(line) => self.type_note(line, key),
            Mode::Pattern(line) => self.type_pattern(line, key),
            Mode::Search(line) => self.type_search(line, key),
            Mode::Proposed(rule) => self.answer_proposal(rule, key),
            Mode::Values(at) => self.answer_values(at, key),
            Mode::Value(at, line) => self.type_value(at, line, key),
            Mode::Overview(at) => self.answer_overview(at, key),
            Mode::Likewise(choice) => self.answer_likewise(choice, key),
            Mode::Help(mode) => self.leave_help(mode, key),
            Mode::Changes if matches!(key, Key::Char('d') | Key::Escape) => self.ask(),
            Mode::Explain if matches!(key, Key::Char('e') | Key::Escape) => self.ask(),
            mode @ (Mode::Ask | Mode::Explain | Mode::Changes) => self.answer(mode, key),
        }
    }

    fn leave_help(&mut self, mode: Box<Mode>, key: Key) -> Step {
        match key {
            Key::Char('?') | Key::Escape | Key::Enter => self.turn_to(*mode),
            Key::Char('q') => Step::Leave(Leaving::Ended),
            _ => {
                self.mode = Mode::Help(mode);
                self.tell("these are the keys; Esc goes back to where they can be used")
            }
        }
    }

    /// Finds the next question, once for everything that is shown about it.
    pub(super) fn find_question(&mut self) {
        let items = self.items();
        let left = items.len();
        let item = items.into_iter().next();
        let facts = match (&item, &self.evidence) {
            (Some(Item::Rule { rule, .. }), Some(evidence)) => Facts::of(evidence, rule),
            _ => None,
        };
        let alike = match &item {
            Some(Item::Rule { rule, .. }) => alike(self.draft.profile(), &self.now.wishes, rule),
            _ => None,
        };
        self.asked = Asked { item, left, facts, alike };
    }

    /// The questions that are left, in the order in which they are asked.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut items = questions(self.draft.profile(), &self.now.wishes);
        let places: HashMap<&Option<Subject>, usize> = self.now.order.iter().zip(0..).collect();
        items.sort_by_key(|item| {
            let places = keys_of(item).into_iter().filter_map(|key| places.get(&key).copied());
            places.min().unwrap_or(usize::MAX)
        });
        items
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
        self.is_marked = false;
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
            return self.tell("there is nothing to take back in this session");
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

/// What stays the same about the subjects of a question while it is edited; `None` for what changed besides
/// the rules.
pub(super) fn keys_of(item: &Item) -> Vec<Option<Subject>> {
    let key = |subject| match subject {
        Subject::Rule(rule) => Some(Subject::Rule(rule.without_contents())),
        Subject::Unknown(_) => Some(subject),
    };
    match item {
        Item::Rest => vec![None],
        _ => item.subjects().into_iter().map(key).collect(),
    }
}
