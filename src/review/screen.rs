//! A screen: the question at the top, the keys at the bottom, and as much as fits between them.

use anstyle::{AnsiColor, Style};
use textwrap::core::display_width;

use super::layout::{FAINT, STRONG, Span, fold, styled, wrap};
use super::overview_rows::{aside, heading};
use super::rows::{self, For};
use super::session::{Leaving, Mode, Session, Step};
use super::{Choice, Item, ValueChoice, values};
use crate::api::Risk;
use crate::explain;
use crate::report::{count, printable};
use crate::terminal::Key;

const ERROR: Style = AnsiColor::Red.on_default();
const KEY: Style = AnsiColor::Cyan.on_default();

/// The smallest terminal that can show a question.
const SMALLEST: (usize, usize) = (24, 6);

/// What a terminal shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Screen {
    /// The styled lines. They fit the terminal's width and height.
    pub lines: Vec<String>,
    /// The cursor's position during input: column and row, from 0.
    pub cursor: Option<(usize, usize)>,
}

/// The parts of a screen.
struct Layout {
    head: Vec<String>,
    body: Vec<String>,
    /// The number of lines of the body up to the end of a list that has to be read.
    list_end: usize,
    /// The line of the body that has to be in sight.
    marked: Option<usize>,
    foot: Vec<String>,
    /// The cursor's column, and its line in the foot.
    cursor: Option<(usize, usize)>,
}

/// How a review is shown: the size of the terminal, and which part is visible.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Columns and rows.
    size: (usize, usize),
    /// How many lines the body is scrolled down, on this page.
    scroll: usize,
    /// The furthest that this page was scrolled down, at this size.
    furthest: usize,
    page: usize,
}

impl View {
    /// A view with this many columns and rows.
    #[must_use]
    pub fn new(columns: usize, rows: usize) -> Self {
        Self { size: (columns, rows), scroll: 0, furthest: 0, page: 0 }
    }

    /// Resizes the view to this many columns and rows.
    pub fn resize(&mut self, columns: usize, rows: usize) {
        if self.size != (columns, rows) {
            // The lines of a list are others now.
            self.furthest = 0;
        }
        self.size = (columns, rows);
    }

    /// Handles a key: scrolls, or passes the key to the review.
    pub fn press(&mut self, session: &mut Session, key: Key) -> Step {
        if self.is_too_small() {
            // Nobody decides on what is not shown.
            return match key {
                Key::Char('q') => Step::Leave(Leaving::Ended),
                Key::Interrupt | Key::Suspend => session.press(key),
                _ => Step::Show,
            };
        }
        if session.is_overview() && matches!(key, Key::PageDown | Key::PageUp | Key::Char(' ')) {
            let room = Layout::of(session, self.size.0).room(self.size.1).saturating_sub(1).max(1);
            let step = isize::try_from(room).unwrap_or(1);
            session.move_mark(if key == Key::PageUp { -step } else { step });
            return Step::Show;
        }
        let is_down = key == Key::PageDown || (key == Key::Char(' ') && session.typed().is_none());
        if !is_down && key != Key::PageUp {
            let is_read = !session.asks_about_a_list() || self.has_shown_list(session);
            session.set_read(is_read);
            return session.press(key);
        }
        let layout = Layout::of(session, self.size.0);
        let (scroll, most) = (self.scroll(session), layout.most_scroll(self.size.1));
        let step = layout.room(self.size.1).saturating_sub(1).max(1);
        if self.page != session.page {
            self.furthest = 0;
        }
        self.page = session.page;
        self.scroll =
            if is_down { (scroll + step).min(most) } else { scroll.min(most).saturating_sub(step) };
        self.furthest = self.furthest.max(self.scroll);
        Step::Show
    }

    fn is_too_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }

    /// Whether all of the list that the question is about has been on the screen.
    fn has_shown_list(&self, session: &Session) -> bool {
        let layout = Layout::of(session, self.size.0);
        let furthest = if self.page == session.page { self.furthest } else { 0 };
        let scroll = furthest.max(self.scroll(session)).min(layout.most_scroll(self.size.1));
        scroll + layout.room(self.size.1) >= layout.list_end
    }

    /// How far the current page is scrolled. A new page begins at its top.
    fn scroll(&self, session: &Session) -> usize {
        if self.page == session.page { self.scroll } else { 0 }
    }

    /// The current screen.
    #[must_use]
    pub fn screen(&self, session: &Session) -> Screen {
        let (columns, rows) = self.size;
        if self.is_too_small() {
            let lines =
                wrap("the terminal is too small; q ends the review", columns.max(1), "", "");
            return Screen { lines: lines.into_iter().take(rows).collect(), cursor: None };
        }
        let layout = Layout::of(session, columns);
        let room = layout.room(rows);
        let scroll = match layout.marked {
            Some(marked) => marked.saturating_sub(room / 2),
            None => self.scroll(session),
        };
        let scroll = scroll.min(layout.most_scroll(rows));
        let Layout { head, body, mut foot, cursor, .. } = layout;
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
        match &session.mode {
            Mode::Overview(_) | Mode::Search(_) => head.extend(heading(session, columns)),
            _ => head.push(String::new()),
        }
        let body = rows::body(session, item, columns, For::Screen);
        Self { head, body: body.lines, list_end: body.list_end, marked: body.marked, foot, cursor }
    }

    /// How many lines of the body fit on this many rows.
    fn room(&self, rows: usize) -> usize {
        rows.saturating_sub(self.head.len() + self.foot.len())
    }

    /// How far the body can be scrolled on this many rows.
    fn most_scroll(&self, rows: usize) -> usize {
        self.body.len().saturating_sub(self.room(rows))
    }
}

/// The message about the last key.
#[must_use]
pub fn message(session: &Session, columns: usize) -> Vec<String> {
    let Some(message) = &session.message else { return Vec::new() };
    let style = if message.is_error { ERROR } else { STRONG };
    styled(style, &wrap(&printable(&message.text), columns, "", ""))
}

/// The whole current question, for a terminal that shows one line after another.
#[must_use]
pub fn lines(session: &Session, columns: usize) -> Vec<String> {
    let mut lines = title(session, session.item(), columns);
    lines.extend(rows::body(session, session.item(), columns, For::Lines).lines);
    lines
}

/// The heading of the question.
fn title(session: &Session, item: Option<&Item>, columns: usize) -> Vec<String> {
    if let Some(text) = aside(session) {
        return styled(STRONG, &wrap(&printable(&text), columns, "", "  "));
    }
    let (number, of) = session.position();
    let place = format!("[{number}/{of}]");
    let (word, style, text) = match item {
        Some(Item::Rule { rule, .. }) => {
            let risk = rule.risk();
            (risk.as_str(), explain::style(risk), rule.without_contents().to_string())
        }
        Some(Item::Group { rules, .. }) => {
            let risk = rules.first().map_or(Risk::Root, |rule| rule.risk());
            let operation = rules.first().map(|rule| rule.operation().to_string());
            let text = format!("{}: {} rules", operation.unwrap_or_default(), rules.len());
            (risk.as_str(), explain::style(risk), text)
        }
        Some(Item::Unknown(unknown)) => {
            ("unknown", explain::style(Risk::Root), unknown.to_string())
        }
        Some(Item::Section { name, rules }) => {
            let looks = format!("{} rules that only read", rules.len());
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

/// The keys that can be pressed now, with a word for each.
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
        (Mode::Value(..), _) => return vec![("Enter", "take it"), ("Esc", "leave it")],
        (Mode::Values(at), Some(Item::Rule { rule, .. })) => {
            let all = values(rule);
            let choices = ValueChoice::ALL.into_iter();
            let possible =
                |choice: &ValueChoice| all.get(*at).is_some_and(|value| choice.is_open(value));
            let word = |choice| match choice {
                ValueChoice::Drop => ("x", "drop"),
                ValueChoice::DropFacet => ("f", "drop all of it"),
                ValueChoice::Deny => ("d", "deny"),
                ValueChoice::Open => ("o", "open"),
                ValueChoice::Narrow => ("g", "narrow"),
            };
            let mut keys: Vec<_> = choices.filter(possible).map(word).collect();
            keys.extend([("Esc", "the rule"), ("u", "undo"), ("q", "quit")]);
            return keys;
        }
        (Mode::Help(_), _) => return vec![("Esc", "back"), ("q", "quit")],
        (Mode::Search(_), _) => return vec![("Enter", "search"), ("Esc", "leave it")],
        (Mode::Overview(_), _) => {
            let back = if session.search.is_empty() { "the question" } else { "all rows" };
            return vec![
                ("Enter", "open"),
                ("/", "search"),
                ("Esc", back),
                ("u", "undo"),
                ("?", "keys"),
                ("q", "quit"),
            ];
        }
        (Mode::Likewise(_), _) => {
            return vec![("y", "take it"), ("Esc", "leave it"), ("?", "keys"), ("q", "quit")];
        }
        (Mode::Changes, _) => {
            return vec![("d", "back"), ("Enter", "end the review"), ("u", "undo")];
        }
        (_, None) => {
            return vec![
                ("Enter", "end the review"),
                ("d", "changes"),
                ("o", "overview"),
                ("u", "undo"),
                ("?", "keys"),
            ];
        }
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
    keys.extend(item.is_some_and(Item::is_several).then_some(("l", "look at each")));
    keys.extend(item.is_some_and(Item::has_values).then_some(("v", "values")));
    let has_comment = matches!(item, Some(Item::Rule { .. } | Item::Unknown(_)));
    keys.extend(has_comment.then_some(("c", "comment")));
    keys.push(if session.mode == Mode::Explain { ("e", "question") } else { ("e", "explain") });
    keys.extend([("s", "skip"), ("u", "undo"), ("o", "overview"), ("?", "keys"), ("q", "quit")]);
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

/// The line above the keys. It says where there are more lines.
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

/// The part of a typed line that fits, and the cursor's column in it: the beginning of the line if the
/// cursor is in it, otherwise the part before the cursor.
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
