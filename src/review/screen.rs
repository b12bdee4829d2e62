//! A screen: what is asked at the top, the keys at the bottom, and between them as much as there is
//! room for.

use anstyle::{AnsiColor, Style};
use textwrap::core::display_width;

use super::layout::{FAINT, STRONG, Span, fold, styled, wrap};
use super::rows::{self, For};
use super::session::{Mode, Session, Step};
use super::{Choice, Item};
use crate::api::Risk;
use crate::explain;
use crate::report::{count, printable};
use crate::terminal::Key;

const ERROR: Style = AnsiColor::Red.on_default();
const KEY: Style = AnsiColor::Cyan.on_default();

/// The smallest terminal that a question is shown on.
const SMALLEST: (usize, usize) = (24, 6);

/// What a terminal shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Screen {
    /// The lines, styled; none is wider than the terminal, and no more than it has.
    pub lines: Vec<String>,
    /// Where the cursor is while something is typed: column and row, from 0.
    pub cursor: Option<(usize, usize)>,
}

/// The parts of a screen.
struct Layout {
    head: Vec<String>,
    body: Vec<String>,
    foot: Vec<String>,
    /// The column of the cursor and its line in the foot.
    cursor: Option<(usize, usize)>,
}

/// How a review is shown: on how large a terminal, and which part of it.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Columns and rows.
    size: (usize, usize),
    /// How many lines the body is scrolled down, on this page.
    scroll: usize,
    page: usize,
}

impl View {
    /// A view of so many columns and rows.
    #[must_use]
    pub fn new(columns: usize, rows: usize) -> Self {
        Self { size: (columns, rows), scroll: 0, page: 0 }
    }

    /// Fits the view to so many columns and rows.
    pub fn resize(&mut self, columns: usize, rows: usize) {
        self.size = (columns, rows);
    }

    /// Takes a key: scrolls, or passes it to the review.
    pub fn press(&mut self, session: &mut Session, key: Key) -> Step {
        let is_down = key == Key::PageDown || (key == Key::Char(' ') && session.typed().is_none());
        if !is_down && key != Key::PageUp {
            return session.press(key);
        }
        let layout = Layout::of(session, self.size.0);
        let (scroll, most) = (self.scroll(session), layout.most_scroll(self.size.1));
        let step = layout.room(self.size.1).saturating_sub(1).max(1);
        self.page = session.page;
        self.scroll =
            if is_down { (scroll + step).min(most) } else { scroll.min(most).saturating_sub(step) };
        Step::Show
    }

    /// How far the present page is scrolled; another one begins at its top.
    fn scroll(&self, session: &Session) -> usize {
        if self.page == session.page { self.scroll } else { 0 }
    }

    /// What is to be shown now.
    #[must_use]
    pub fn screen(&self, session: &Session) -> Screen {
        let (columns, rows) = self.size;
        if columns < SMALLEST.0 || rows < SMALLEST.1 {
            let lines =
                wrap("the terminal is too small; q ends the review", columns.max(1), "", "");
            return Screen { lines: lines.into_iter().take(rows).collect(), cursor: None };
        }
        let layout = Layout::of(session, columns);
        let room = layout.room(rows);
        let scroll = self.scroll(session).min(layout.most_scroll(rows));
        let Layout { head, body, mut foot, cursor } = layout;
        let below = body.len().saturating_sub(scroll + room);
        if let Some(line) = foot.first_mut() {
            *line = border(columns, below, scroll);
        }
        let mut lines: Vec<String> =
            head.into_iter().take(rows.saturating_sub(foot.len())).collect();
        let end = rows.saturating_sub(foot.len());
        lines.extend(body.into_iter().skip(scroll).take(room));
        lines.truncate(end);
        lines.resize(end, String::new());
        let surplus = foot.len().saturating_sub(rows);
        lines.extend(foot.into_iter().skip(surplus));
        let cursor = cursor.map(|(column, line)| (column, (end + line).min(rows - 1)));
        Screen { lines, cursor }
    }
}

impl Layout {
    fn of(session: &Session, columns: usize) -> Self {
        let item = session.item();
        let mut foot = vec![String::new()];
        foot.extend(message(session, columns));
        let mut cursor = None;
        if let Some((label, line)) = session.typed() {
            let before = format!("{label}{}", printable(&line.before()));
            let (shown, column) = window(&before, &printable(&line.text()), label, columns);
            cursor = Some((column, foot.len()));
            foot.push(shown);
        }
        foot.extend(legend(&keys(session), columns));
        let mut head = title(session, item, columns);
        head.push(String::new());
        let body = rows::body(session, item, columns, For::Screen);
        Self { head, body, foot, cursor }
    }

    /// How many lines of the body can be shown on so many rows.
    fn room(&self, rows: usize) -> usize {
        rows.saturating_sub(self.head.len() + self.foot.len())
    }

    /// How far the body can be scrolled on so many rows.
    fn most_scroll(&self, rows: usize) -> usize {
        self.body.len().saturating_sub(self.room(rows))
    }
}

/// What is said about the last key.
#[must_use]
pub fn message(session: &Session, columns: usize) -> Vec<String> {
    let Some(message) = &session.message else { return Vec::new() };
    let style = if message.is_error { ERROR } else { STRONG };
    styled(style, &wrap(&printable(&message.text), columns, "", ""))
}

/// All of the present question, for a terminal that shows one line after the other.
#[must_use]
pub fn lines(session: &Session, columns: usize) -> Vec<String> {
    let mut lines = title(session, session.item(), columns);
    lines.extend(rows::body(session, session.item(), columns, For::Lines));
    lines
}

/// The question.
fn title(session: &Session, item: Option<&Item>, columns: usize) -> Vec<String> {
    let (number, of) = session.position();
    let place = format!("[{number}/{of}]");
    let (word, style, text) = match item {
        Some(Item::Rule { rule, .. }) => {
            let risk = rule.risk();
            (risk.as_str(), explain::style(risk), rule.to_string())
        }
        Some(Item::Unknown(unknown)) => {
            ("unknown", explain::style(Risk::Root), unknown.to_string())
        }
        Some(Item::Section { name, rules }) => {
            let looks = format!("{} rules that only look", rules.len());
            return styled(STRONG, &wrap(&format!("{place}  {name}: {looks}"), columns, "", "  "));
        }
        Some(Item::Rest) => {
            let text = format!("{place}  what has changed besides the rules");
            return styled(STRONG, &wrap(&text, columns, "", "  "));
        }
        None => {
            let text = format!("[done]  {}", printable(&session.path));
            return styled(STRONG, &wrap(&text, columns, "", "  "));
        }
    };
    let parts = [
        Span::new(STRONG, place),
        Span::plain("  "),
        Span::new(style, word),
        Span::plain("  "),
        Span::new(STRONG, printable(&text)),
    ];
    fold(&[], &parts, columns, 2)
}

/// The keys that are answers now, with a word for each.
#[must_use]
pub fn keys(session: &Session) -> Vec<(&'static str, &'static str)> {
    let item = session.item();
    match (&session.mode, item) {
        (Mode::Note(_), _) => {
            return vec![("Enter", "write it"), ("Esc", "leave it")];
        }
        (Mode::Pattern(_), _) => {
            return vec![("Enter", "check it"), ("Esc", "leave it")];
        }
        (Mode::Proposed(_), _) => {
            return vec![("y", "take it"), ("g", "change it"), ("Esc", "leave it")];
        }
        (_, None) => return vec![("Enter", "end the review"), ("b", "back")],
        _ => {}
    }
    let facts = session.facts();
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for choice in item.map(Choice::of).unwrap_or_default() {
        let has_evidence = session.evidence.is_some();
        if item.is_some_and(|item| choice.check(item, facts, has_evidence).is_ok()) {
            keys.push(match choice {
                Choice::Keep => ("k", "keep"),
                Choice::Deny => ("d", "deny"),
                Choice::Names => ("n", "names"),
                Choice::Pattern => ("g", "pattern"),
            });
        }
    }
    keys.extend(matches!(item, Some(Item::Section { .. })).then_some(("l", "look at each")));
    let has_comment = matches!(item, Some(Item::Rule { .. } | Item::Unknown(_)));
    keys.extend(has_comment.then_some(("c", "comment")));
    keys.push(if session.mode == Mode::Explain { ("e", "question") } else { ("e", "explain") });
    keys.extend([("s", "skip"), ("b", "back"), ("q", "quit")]);
    keys
}

fn legend(keys: &[(&str, &str)], columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut width) = (String::new(), 0);
    for (key, word) in keys {
        let own = key.len() + 1 + word.len();
        if width > 0 && width + 2 + own > columns {
            lines.push(std::mem::take(&mut line));
            width = 0;
        }
        let gap = if width > 0 { "  " } else { "" };
        line += &format!("{gap}{KEY}{key}{KEY:#} {word}");
        width += gap.len() + own;
    }
    lines.push(line);
    lines
}

/// The line above the keys, which says where there is more.
fn border(columns: usize, below: usize, above: usize) -> String {
    let more = match (above, below) {
        (0, 0) => String::new(),
        (_, 0) => "-- PgUp: back up ".to_owned(),
        (0, below) => format!("-- PgDn: {} ", count(below, "more line")),
        (_, below) => format!("-- PgUp, PgDn: {} ", count(below, "more line")),
    };
    let line = format!("{more}{}", "-".repeat(columns.saturating_sub(more.len())));
    let line: String = line.chars().take(columns).collect();
    format!("{FAINT}{line}{FAINT:#}")
}

/// The part of a typed line that fits, and the column of its place: the front of a line that fits,
/// otherwise what comes before the place.
fn window(before: &str, text: &str, label: &str, columns: usize) -> (String, usize) {
    let room = columns.saturating_sub(1);
    let whole = format!("{label}{text}");
    let place = display_width(before);
    if display_width(&whole) <= room {
        return (whole, place);
    }
    let mut shown = String::new();
    let mut skip = place.saturating_sub(room);
    let mut width = 0;
    let mut skipped = 0;
    for letter in whole.chars() {
        let own = display_width(letter.encode_utf8(&mut [0; 4]));
        if skip > 0 {
            skip = skip.saturating_sub(own);
            skipped += own;
        } else if width + own <= room {
            width += own;
            shown.push(letter);
        } else {
            break;
        }
    }
    (shown, place.saturating_sub(skipped))
}
