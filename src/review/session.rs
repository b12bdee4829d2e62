//! The dialog: a key changes the state, and the caller is told what to do next.

use std::collections::BTreeSet;

use super::edit::is_count;
use super::{Choice, Decision, Draft, Facts, Item, proposal, queue};
use crate::learn::Evidence;
use crate::profile::Rule;
use crate::report::{count, printable};
use crate::terminal::{Key, LineEdit};

/// A review of one profile.
#[derive(Debug)]
pub struct Session {
    pub(super) draft: Draft,
    pub(super) evidence: Option<Evidence>,
    /// The path of the file, for display.
    pub(super) path: String,
    past: Vec<Past>,
    now: Now,
    /// The current question, which follows from the draft and `now`.
    pub(super) asked: Asked,
    pub(super) mode: Mode,
    /// The answer whose effect is shown.
    pub(super) shown: Choice,
    /// A number that changes whenever something else is shown from its beginning.
    pub(super) page: usize,
    pub(super) message: Option<Message>,
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
    /// Questions that were left open.
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
struct Now {
    skipped: Vec<Item>,
    /// Sections whose rules are shown one by one.
    opened: BTreeSet<&'static str>,
    /// Questions that were answered or skipped.
    answered: usize,
    tally: Tally,
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
        };
        session.find_question();
        session
    }

    /// The profile with the decisions made so far.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The answers given in this session.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.now.tally
    }

    /// Starts again with a file that somebody else has changed in the meantime.
    pub fn begin_again(&mut self, draft: Draft) {
        self.draft = draft;
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
        let mut items = queue(self.draft.profile(), &self.now.opened);
        items.retain(|item| !self.now.skipped.contains(item));
        let left = items.len();
        let item = items.into_iter().next();
        let facts = match (&item, &self.evidence) {
            (Some(Item::Rule { rule, .. }), Some(evidence)) => Facts::of(evidence, rule),
            _ => None,
        };
        self.asked = Asked { item, left, facts };
    }

    fn answer(&mut self, mode: Mode, key: Key) -> Step {
        self.mode = mode;
        match key {
            Key::Char('q') => return Step::Leave(Leaving::Ended),
            Key::Char('b') => return self.back(),
            _ => {}
        }
        let Some(item) = self.asked.item.clone() else {
            return match key {
                Key::Enter => Step::Leave(Leaving::Ended),
                _ => self.tell("everything is decided: Enter ends the review"),
            };
        };
        match key {
            Key::Up | Key::Down => self.show_next(&item, key == Key::Down),
            Key::Char('e' | '?') => self.turn_to(Mode::Explain),
            Key::Char('s') => self.skip(item),
            Key::Char('l') if matches!(item, Item::Section { .. }) => self.open(&item),
            Key::Char('v') if item.has_values() => self.turn_to(Mode::Values(0)),
            Key::Char('c') if matches!(item, Item::Rule { .. } | Item::Unknown(_)) => {
                let comment = item.subjects().first().map(|subject| self.draft.comment(subject));
                // The user's comment does not start from the counts that `generate` wrote.
                let comment = comment.filter(|comment| !is_count(comment)).unwrap_or_default();
                self.mode = Mode::Note(LineEdit::new(&comment));
                Step::Show
            }
            Key::Enter if item.is_low() => self.choose(&item, Choice::Keep),
            Key::Enter => self.tell("Enter decides nothing here; k keeps it"),
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

    /// Shows the effect of the next possible answer.
    fn show_next(&mut self, item: &Item, down: bool) -> Step {
        let (facts, has_evidence) = (self.asked.facts.as_ref(), self.evidence.is_some());
        let is_open = |choice: &Choice| choice.check(item, facts, has_evidence).is_ok();
        let open: Vec<Choice> = Choice::of(item).iter().copied().filter(is_open).collect();
        let at = open.iter().position(|choice| *choice == self.shown).unwrap_or(0);
        let next = if down { at + 1 } else { at.saturating_sub(1) };
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
        let (verb, one) = match decision {
            Decision::Keep(subjects) => {
                now.tally.kept += subjects.len();
                ("kept", None)
            }
            Decision::Deny(_) => ("denied", Some(&mut now.tally.denied)),
            Decision::Narrow { .. } => ("narrowed", Some(&mut now.tally.narrowed)),
            Decision::Note { .. } => ("commented", None),
            Decision::Contents { .. } => ("changed", None),
            Decision::DenyContents(_) => ("changed", None),
            Decision::Confirm => ("kept", None),
        };
        if let Some(one) = one {
            *one += 1;
        }
        let what = format!("{} {verb}", name(item));
        let is_answer = !matches!(decision, Decision::Note { .. } | Decision::Contents { .. });
        now.answered += usize::from(is_answer);
        self.go_on(now, what, next);
        Step::Save
    }

    fn go_on(&mut self, now: Now, what: String, draft: Draft) {
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

    fn skip(&mut self, item: Item) -> Step {
        let mut now = self.now.clone();
        let what = format!("{} skipped", name(&item));
        now.skipped.push(item);
        now.answered += 1;
        now.tally.skipped += 1;
        self.go_on(now, what, self.draft.clone());
        Step::Show
    }

    /// Asks about the rules of a section one by one.
    fn open(&mut self, item: &Item) -> Step {
        let Item::Section { name: section, .. } = item else { return Step::Show };
        let mut now = self.now.clone();
        now.opened.insert(section);
        let what = format!("{} opened", name(item));
        self.go_on(now, what, self.draft.clone());
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
        self.message =
            Some(Message { text: format!("taken back: {}", past.what), is_error: false });
        if is_saved { Step::Save } else { Step::Show }
    }

    pub(super) fn tell(&mut self, text: &str) -> Step {
        self.message = Some(Message { text: text.to_owned(), is_error: true });
        Step::Show
    }
}

/// How a question is named in a message.
fn name(item: &Item) -> String {
    match item {
        Item::Rule { rule, .. } => format!("{} was", rule.without_contents()),
        Item::Unknown(unknown) => format!("{unknown} was"),
        Item::Section { rules, name } => {
            format!("{} of {name} were", count(rules.len(), "rule"))
        }
        Item::Rest => "the rest was".to_owned(),
    }
}
