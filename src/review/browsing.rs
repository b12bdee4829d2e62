//! What keys do in the overview and in a search, and how they lead from question to question.

use super::overview::{Row, rows_of};
use super::queue::questions;
use super::session::{Mode, Session, Step, keys_of};
use super::{Item, Search, Subject, Topic};
use crate::terminal::{Key, LineEdit};

impl Session {
    /// The rows of the overview that match the search.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        // While a search is typed, it already narrows what is shown.
        let typed = match &self.mode {
            Mode::Search(line) => Search::parse(&line.text()).ok(),
            _ => None,
        };
        let search = typed.as_ref().unwrap_or(&self.search);
        let (profile, evidence) = (self.draft.profile(), self.evidence.as_ref());
        let mut rows = rows_of(profile, &self.now.wishes, search, evidence, &self.topics);
        rows.retain(|row| row.found > 0);
        rows
    }

    /// Whether the overview is shown.
    #[must_use]
    pub fn is_overview(&self) -> bool {
        matches!(self.mode, Mode::Overview(_))
    }

    /// Shows the overview, with the mark on the current question or on the first row that is open.
    pub(super) fn turn_to_overview(&mut self) -> Step {
        let rows = self.rows();
        let topic = self.asked.item.as_ref().map(Item::topic);
        let current = rows.iter().position(|row| Some(&row.topic) == topic.as_ref());
        let open = || rows.iter().position(|row| row.open > 0);
        let at = current.or_else(open).unwrap_or(0);
        self.turn_to(Mode::Overview(at))
    }

    /// Moves the mark of the overview by this many rows.
    pub fn move_mark(&mut self, by: isize) {
        let last = self.rows().len().saturating_sub(1);
        if let Mode::Overview(at) = &mut self.mode {
            *at = at.saturating_add_signed(by).min(last);
        }
    }

    pub(super) fn answer_overview(&mut self, at: usize, key: Key) -> Step {
        self.mode = Mode::Overview(at);
        match key {
            Key::Up => self.move_mark(-1),
            Key::Down => self.move_mark(1),
            Key::Home => self.move_mark(isize::MIN),
            Key::End => self.move_mark(isize::MAX),
            Key::Enter => return self.open_row(at),
            Key::Escape | Key::Char('o') if self.search.is_empty() => return self.ask(),
            Key::Escape => {
                self.search = Search::default();
                return self.turn_to_overview();
            }
            Key::Char('o') => return self.ask(),
            Key::Char('b' | 'u') => {
                let step = self.back();
                self.mode = Mode::Overview(at);
                self.move_mark(0);
                return step;
            }
            Key::Pasted(_) => return self.tell("pasted text is not an answer"),
            Key::Char(_) => {
                return self.tell("nothing is decided here: Enter shows the question of a row");
            }
            _ => {}
        }
        Step::Show
    }

    /// Asks about a row of the overview, by its index. What was skipped there is asked again.
    pub fn open_row(&mut self, at: usize) -> Step {
        let Some(row) = self.rows().into_iter().nth(at) else {
            return self.tell("there is no such row");
        };
        if row.open == 0 {
            return self.tell("everything in this row is decided; u takes back the last step");
        }
        let wishes = &mut self.now.wishes;
        wishes.skipped.retain(|subject| match subject {
            Subject::Rule(rule) => Topic::of(rule) != row.topic,
            Subject::Unknown(unknown) => Topic::Unknown(unknown.clone()) != row.topic,
        });
        wishes.is_rest_skipped &= row.topic != Topic::Rest;
        self.now.tally.skipped = self.now.tally.skipped.saturating_sub(row.skipped);
        let search = self.search.clone();
        let is_of_row = |item: &Item| item.topic() == row.topic;
        let found = self.go_to(|item| is_of_row(item) && search.finds(item));
        if !found {
            self.go_to(is_of_row);
        }
        self.ask()
    }

    /// Shows the next question that the search finds, or the previous one.
    pub(super) fn turn(&mut self, is_forward: bool) -> Step {
        let search = self.search.clone();
        if !self.go_by(is_forward, |item| search.finds(item)) {
            return self.tell(match search.is_empty() {
                true => "there is no other question",
                false => "no other open question matches the search",
            });
        }
        self.ask()
    }

    /// Makes the first question that is meant the current one. Those before it come last.
    pub(super) fn go_to(&mut self, is_meant: impl Fn(&Item) -> bool) -> bool {
        let mut items = questions(self.draft.profile(), &self.now.wishes);
        let Some(at) = items.iter().position(is_meant) else {
            self.find_question();
            return false;
        };
        items.rotate_left(at);
        self.now.order = items.iter().flat_map(keys_of).collect();
        self.find_question();
        true
    }

    /// Makes the next or previous question that is meant the current one.
    pub(super) fn go_by(&mut self, is_forward: bool, is_meant: impl Fn(&Item) -> bool) -> bool {
        let mut items = self.items();
        let others = 1..items.len();
        let is_at = |at: &usize| items.get(*at).is_some_and(&is_meant);
        let mut found = others;
        let at = if is_forward { found.find(is_at) } else { found.rfind(is_at) };
        let Some(at) = at else { return false };
        items.rotate_left(at);
        self.now.order = items.iter().flat_map(keys_of).collect();
        self.find_question();
        true
    }

    pub(super) fn type_search(&mut self, mut line: LineEdit, key: Key) -> Step {
        match key {
            Key::Escape => return self.turn_to_overview(),
            Key::Enter => match Search::parse(&line.text()) {
                Ok(search) => {
                    self.search = search;
                    self.mode = Mode::Ask;
                    let step = self.turn_to_overview();
                    if self.rows().is_empty() {
                        return self.tell("nothing matches; Esc shows all rows again");
                    }
                    return step;
                }
                Err(error) => drop(self.tell(&error.to_string())),
            },
            _ => drop(line.press(key)),
        }
        self.mode = Mode::Search(line);
        Step::Show
    }
}

impl Search {
    /// Whether a question is about something that was searched for.
    pub(super) fn finds(&self, item: &Item) -> bool {
        match item {
            Item::Unknown(unknown) => self.matches_unknown(unknown),
            Item::Rest => self.is_empty(),
            _ => item.rules().iter().any(|rule| self.matches(rule)),
        }
    }
}
