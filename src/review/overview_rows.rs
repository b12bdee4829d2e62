//! The rows of the overview on a screen, and the headings of what is not a question.

use textwrap::core::display_width;

use super::layout::{FAINT, STRONG, Span, fold, styled, wrap};
use super::overview::Row;
use super::rows::{Body, For};
use super::session::{Mode, Session};
use super::{Search, Topic, open};
use crate::api::Risk;
use crate::explain;
use crate::report::printable;

/// The columns of a risk.
const RISK: usize = 8;
/// The columns of each number.
const NUMBER: usize = 7;
/// The width below which only the number of open rules is shown.
const NARROW: usize = 60;

/// A heading, and the number under it.
type Column = (&'static str, fn(&Row) -> String);

/// The columns of the numbers, as far as there is room for them.
fn numbers(columns: usize, has_evidence: bool) -> Vec<Column> {
    let open: Column = ("open", |row| match (row.open, row.skipped) {
        (0, _) => "-".to_owned(),
        (open, _) => open.to_string(),
    });
    if columns < NARROW {
        return vec![open];
    }
    let mut all: Vec<Column> = vec![
        ("rules", |row| row.rules.to_string()),
        open,
        ("skip", |row| nonzero(row.skipped)),
        ("denied", |row| nonzero(row.denied)),
    ];
    if has_evidence {
        all.push(("seen", |row| row.seen.map_or_else(String::new, |seen| seen.to_string())));
    }
    all
}

fn nonzero(number: usize) -> String {
    if number == 0 { "-".to_owned() } else { number.to_string() }
}

/// The heading of what is not a question.
pub(super) fn aside(session: &Session) -> Option<String> {
    match &session.mode {
        Mode::Overview(_) | Mode::Search(_) => {
            let open = open(session.draft.profile());
            let open = if open.is_empty() { "everything is decided".to_owned() } else { open };
            let search = session.search.typed();
            let search = match &session.mode {
                Mode::Overview(_) if !search.is_empty() => {
                    format!("; those that match \"{search}\"")
                }
                _ => String::new(),
            };
            Some(format!("[overview]  {}: {open}{search}", session.path))
        }
        Mode::Help(_) => Some("[keys]  what they do".to_owned()),
        Mode::Changes => Some(format!("[changes]  {}", session.path)),
        _ => None,
    }
}

/// The heading above the rows.
pub(super) fn heading(session: &Session, columns: usize) -> Vec<String> {
    let numbers = numbers(columns, session.evidence.is_some());
    let room = columns.saturating_sub(2 + RISK + NUMBER * numbers.len());
    let words: String = numbers.iter().map(|(word, _)| format!("{word:>NUMBER$}")).collect();
    let what = if room < 9 { "" } else { "operation" };
    let line = format!("  {:<RISK$}{what:<room$}{words}", "risk");
    styled(FAINT, &[line.chars().take(columns).collect()])
}

impl Body {
    /// The rows, one line each, with a mark or, line by line, with their numbers.
    pub(super) fn overview(&mut self, session: &Session, at: Option<usize>) {
        let rows = session.rows();
        let numbers = numbers(self.columns, session.evidence.is_some());
        if rows.is_empty() {
            self.text("No rule matches.");
        }
        for (place, row) in rows.iter().enumerate() {
            let is_marked = at == Some(place) && self.shown == For::Screen;
            if is_marked {
                self.marked = Some(self.lines.len());
            }
            let front = match self.shown {
                For::Screen if is_marked => "> ".to_owned(),
                For::Screen => "  ".to_owned(),
                For::Lines => format!("{:>3}  ", place + 1),
            };
            let room = self.columns.saturating_sub(front.len() + RISK + NUMBER * numbers.len());
            let (risk, style, what) = described(row);
            let what = cut(&printable(&what), room.saturating_sub(1));
            let gap = " ".repeat(room.saturating_sub(display_width(&what)));
            let cells: String =
                numbers.iter().map(|(_, cell)| format!("{:>NUMBER$}", cell(row))).collect();
            let text = format!("{what}{gap}{cells}");
            let text = match (is_marked, row.open) {
                (true, _) => Span::new(STRONG, text),
                (false, 0) => Span::new(FAINT, text),
                (false, _) => Span::plain(text),
            };
            let gap = " ".repeat(RISK.saturating_sub(risk.len()));
            let front = [Span::plain(front), Span::new(style, risk), Span::plain(gap)];
            // The text has the width of the screen, so it is not wrapped.
            let line: String = front.iter().chain([&text]).map(Span::to_string).collect();
            self.lines.push(line);
        }
        if self.shown == For::Lines {
            self.blank();
            self.text(
                "A number shows the question of a row, and Enter that of the first open one.",
            );
        }
    }

    /// How many rules of a group the search matches.
    pub(super) fn found(&mut self, search: &Search, rules: &[crate::profile::Rule]) {
        let found = rules.iter().filter(|rule| search.matches(rule)).count();
        if !search.is_empty() && found < rules.len() {
            let text = format!(
                "{found} of these {} match \"{}\"; l looks at each separately",
                rules.len(),
                search.typed()
            );
            let front = [Span::plain("  "), Span::new(STRONG, "search"), Span::plain("     ")];
            self.lines.extend(fold(&front, &[Span::plain(printable(&text))], self.columns, 13));
        }
    }

    /// What is typed is a search, or why it is not one.
    pub(super) fn searched(&mut self, session: &Session, typed: &str) {
        match Search::parse(typed) {
            Ok(_) => self.overview(session, None),
            Err(error) => {
                let lines = wrap(&printable(&error.to_string()), self.columns, "  ", "  ");
                self.lines.extend(lines);
            }
        }
    }
}

/// The risk of a row, its style, and what the row is about.
fn described(row: &Row) -> (&'static str, anstyle::Style, String) {
    match &row.topic {
        Topic::Operation(operation, risk) => {
            (risk.as_str(), explain::style(*risk), operation.to_string())
        }
        Topic::Section(name) => {
            (Risk::Read.as_str(), explain::style(Risk::Read), format!("{name}, what only reads"))
        }
        Topic::Unknown(unknown) => ("unknown", explain::style(Risk::Root), unknown.to_string()),
        Topic::Rest => ("changes", STRONG, "what has changed besides the rules".to_owned()),
    }
}

/// A text without its middle, if it does not fit: its first word and its end say what it is.
fn cut(text: &str, columns: usize) -> String {
    if display_width(text) <= columns {
        return text.to_owned();
    }
    let (first, rest) = text.split_once(' ').unwrap_or(("", text));
    let front = format!("{first} ...");
    let mut end: Vec<char> = Vec::new();
    let mut free = columns.saturating_sub(display_width(&front));
    for letter in rest.chars().rev() {
        let own = display_width(letter.encode_utf8(&mut [0; 4]));
        if own > free {
            break;
        }
        free -= own;
        end.push(letter);
    }
    let cut: String = front.chars().chain(end.into_iter().rev()).collect();
    // Of a screen that is narrower than that, the beginning.
    cut.chars().take(columns).collect()
}
