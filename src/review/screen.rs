//! A screen: what is asked at the top, the keys at the bottom, and between them as much as there is
//! room for.

use anstyle::{AnsiColor, Style};
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

use super::session::{Mode, Session};
use super::{Choice, Item, rows};
use crate::api::Risk;
use crate::explain;
use crate::report::{count, printable};

pub(super) const STRONG: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default();
const KEY: Style = AnsiColor::Cyan.on_default();

/// The least room that a question is shown in.
const SMALLEST: (usize, usize) = (24, 6);

/// What a terminal shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Screen {
    /// The lines, styled; none is wider than the terminal, and no more than it has.
    pub lines: Vec<String>,
    /// Where the cursor stands, where something is typed: column and row, from 0.
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

impl Session {
    /// What is to be shown now.
    #[must_use]
    pub fn screen(&self) -> Screen {
        let (columns, rows) = self.size;
        if columns < SMALLEST.0 || rows < SMALLEST.1 {
            let lines = wrap("there is too little room; q ends the review", columns.max(1), "", "");
            return Screen { lines: lines.into_iter().take(rows).collect(), cursor: None };
        }
        let Layout { head, body, mut foot, cursor } = layout(self);
        let room = room(rows, &head, &foot);
        let below = body.len().saturating_sub(self.scroll + room);
        if let Some(line) = foot.first_mut() {
            *line = border(columns, below, self.scroll);
        }
        let mut lines: Vec<String> =
            head.into_iter().take(rows.saturating_sub(foot.len())).collect();
        let end = rows.saturating_sub(foot.len());
        lines.extend(body.into_iter().skip(self.scroll).take(room));
        lines.truncate(end);
        lines.resize(end, String::new());
        let surplus = foot.len().saturating_sub(rows);
        lines.extend(foot.into_iter().skip(surplus));
        let cursor = cursor.map(|(column, line)| (column, (end + line).min(rows - 1)));
        Screen { lines, cursor }
    }
}

/// How far the body can be scrolled.
pub(super) fn furthest(session: &Session) -> usize {
    let Layout { head, body, foot, .. } = layout(session);
    body.len().saturating_sub(room(session.size.1, &head, &foot))
}

/// How far one key scrolls.
pub(super) fn page(session: &Session) -> usize {
    let Layout { head, foot, .. } = layout(session);
    room(session.size.1, &head, &foot).saturating_sub(1).max(1)
}

fn room(rows: usize, head: &[String], foot: &[String]) -> usize {
    rows.saturating_sub(head.len() + foot.len())
}

fn layout(session: &Session) -> Layout {
    let columns = session.size.0;
    let item = session.item();
    let mut foot = vec![String::new()];
    if let Some(message) = &session.message {
        let style = if message.is_error { ERROR } else { STRONG };
        foot.extend(styled(style, &wrap(&printable(&message.text), columns, "", "")));
    }
    let mut cursor = None;
    let typed = match &session.mode {
        Mode::Note(line) => Some(("comment: ", line)),
        Mode::Pattern(line) => Some(("pattern: ", line)),
        Mode::Ask | Mode::Explain | Mode::Proposed(_) => None,
    };
    if let Some((label, line)) = typed {
        let before = format!("{label}{}", printable(&line.before()));
        let (shown, column) = window(&before, &printable(&line.text()), label, columns);
        cursor = Some((column, foot.len()));
        foot.push(shown);
    }
    foot.extend(legend(&keys(session, item.as_ref()), columns));
    let mut head = title(session, item.as_ref(), columns);
    head.push(String::new());
    Layout { head, body: rows::body(session, item.as_ref()), foot, cursor }
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
            let text = format!("{place}  what has changed beside the rules");
            return styled(STRONG, &wrap(&text, columns, "", "  "));
        }
        None => {
            let text = format!("[done]  {}", printable(&session.path));
            return styled(STRONG, &wrap(&text, columns, "", "  "));
        }
    };
    let line = format!("{place}  {word}  {}", printable(&text));
    let mut lines = wrap(&line, columns, "", "  ");
    // The first line is styled by its parts, as far as they stand there.
    let parts = [(place.as_str(), STRONG), (word, style)];
    if let Some((first, others)) = lines.split_first_mut() {
        let (place_and_word, rule) = first.split_at(first.len().min(place.len() + word.len() + 4));
        let mut front = place_and_word.to_owned();
        for (part, style) in parts {
            front = front.replacen(part, &format!("{style}{part}{style:#}"), 1);
        }
        *first = format!("{front}{STRONG}{rule}{STRONG:#}");
        for other in others {
            *other = format!("{STRONG}{other}{STRONG:#}");
        }
    }
    lines
}

/// The keys that mean something, with a word for each.
fn keys(session: &Session, item: Option<&Item>) -> Vec<(&'static str, &'static str)> {
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
    let mut keys = Vec::new();
    for choice in item.map(Choice::of).unwrap_or_default() {
        let has_evidence = session.evidence.is_some();
        if item.is_some_and(|item| choice.check(item, facts.as_ref(), has_evidence).is_ok()) {
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

/// The line above the keys, which tells where there is more.
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
/// else what stands before the place.
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

/// Folds a text between its words, and inside of those that are longer than a line.
pub(super) fn wrap(text: &str, columns: usize, first: &str, others: &str) -> Vec<String> {
    let options = Options::new(columns)
        .initial_indent(first)
        .subsequent_indent(others)
        .break_words(true)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

pub(super) fn styled(style: Style, lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("{style}{line}{style:#}")).collect()
}
