//! Where the parts of an entry are in a profile's text: its line, its comment and its contents.

use std::ops::Range;

use super::file_kind::KIND;
use super::hide::HIDE;
use super::written::{Item, Values, Written};
use super::{Entry, Rule};
use crate::contents::Facet;
use crate::yaml::{Spanned, from_yaml, span};

/// Where the contents of a rule are.
#[derive(Debug)]
pub(super) struct Layout {
    /// The position after the colon of the rule.
    pub(super) colon: usize,
    /// The braces with everything in them; `None` if the facets are on lines of their own.
    pub(super) braces: Option<Range<usize>>,
    /// The facets as written.
    pub(super) facets: Vec<FacetPlace>,
}

/// Where a facet is.
#[derive(Debug)]
pub(super) struct FacetPlace {
    /// The facet; `None` for what the answers hide.
    pub(super) facet: Option<Facet>,
    /// Its word, with any quotes.
    pub(super) key: Range<usize>,
    /// The position after its colon.
    pub(super) colon: usize,
    /// How its values are written.
    pub(super) form: Form,
    /// The values, with any quotes.
    pub(super) items: Vec<(String, Range<usize>)>,
}

/// How the values of a facet are written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// One value next to the facet.
    One,
    /// A line for each value.
    Lines,
    /// A list in these brackets.
    Brackets(Range<usize>),
}

impl Layout {
    /// Finds the contents of an entry, which were parsed from this text; `None` if it has none, or if
    /// they are written in a way that is not edited.
    pub(super) fn of(text: &str, entry: &Entry<Rule>) -> Option<Self> {
        let span = entry.span.as_ref()?;
        let start = quoted(text, span).start;
        let own = text.get(start..entry.end?)?;
        match from_yaml::<Item>(own, &KIND).ok()? {
            Item::Line(_) => None,
            Item::Mapping { line, contents } => {
                Some(Self::read(own, &line, &contents)?.moved(start))
            }
        }
    }

    /// Finds contents that were read from this text.
    pub(super) fn read(text: &str, line: &Spanned<String>, written: &Written) -> Option<Self> {
        let colon = after_colon(text, &span(text, line))?;
        let start = next_token(text, colon);
        let braces = match text.get(start..)?.starts_with('{') {
            true => Some(start..flow_end(text, start)?),
            false => None,
        };
        let facets = written.entries();
        let facets = facets.map(|(key, values)| FacetPlace::read(text, key, values));
        Some(Self { colon, braces, facets: facets.collect::<Option<_>>()? })
    }

    /// Where the contents end.
    pub(super) fn end(&self) -> usize {
        let last = || self.facets.last().map_or(self.colon, FacetPlace::end);
        self.braces.as_ref().map_or_else(last, |braces| braces.end)
    }

    /// The same in a text with so many more bytes before it.
    fn moved(mut self, by: usize) -> Self {
        let move_range = |range: &mut Range<usize>| *range = range.start + by..range.end + by;
        self.colon += by;
        self.braces.iter_mut().for_each(move_range);
        for place in &mut self.facets {
            place.colon += by;
            move_range(&mut place.key);
            if let Form::Brackets(brackets) = &mut place.form {
                move_range(brackets);
            }
            place.items.iter_mut().for_each(|(_, range)| move_range(range));
        }
        self
    }
}

impl FacetPlace {
    fn read(text: &str, key: &Spanned<String>, values: &Spanned<Values>) -> Option<Self> {
        let facet = match key.value.as_str() {
            HIDE => None,
            word => Some(word.parse().ok()?),
        };
        let key = quoted(text, &span(text, key));
        let colon = after_colon(text, &key)?;
        let start = next_token(text, colon);
        let items = Values::places(values, text).into_iter();
        let items = items.map(|(value, span)| (value, quoted(text, &span))).collect();
        let form = match &values.value {
            _ if text.get(start..)?.starts_with('[') => {
                Form::Brackets(start..flow_end(text, start)?)
            }
            Values::One(_) => Form::One,
            Values::Many(_) => Form::Lines,
        };
        Some(Self { facet, key, colon, form, items })
    }

    /// Its place in the order in which dsp writes a rule.
    pub(super) fn order(&self) -> (bool, Option<Facet>) {
        (self.facet.is_none(), self.facet)
    }

    /// Where its values end.
    pub(super) fn end(&self) -> usize {
        match &self.form {
            Form::Brackets(brackets) => brackets.end,
            Form::One | Form::Lines => self.items.last().map_or(self.colon, |(_, last)| last.end),
        }
    }
}

/// The range of a value, including any quotes around it.
pub(super) fn quoted(text: &str, span: &Range<usize>) -> Range<usize> {
    let before = text.get(..span.start).and_then(|before| before.chars().next_back());
    let after = text.get(span.end..).and_then(|after| after.chars().next());
    match (before, after) {
        (Some(one @ ('"' | '\'')), Some(other)) if one == other => span.start - 1..span.end + 1,
        _ => span.clone(),
    }
}

/// The start of an entry's line; `None` if anything but its dash precedes it.
pub(super) fn line_start(text: &str, at: usize) -> Option<usize> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let before = text.get(start..at)?;
    let quote = before.trim_end_matches(['"', '\'']);
    (quote.trim() == "-").then_some(start)
}

/// The position after the line that has this position, and nothing but a comment after it.
pub(super) fn line_end(text: &str, at: usize) -> Option<usize> {
    let end = comment_after(text, at)?.end;
    Some(text.get(end..)?.find('\n').map_or(text.len(), |rest| end + rest + 1))
}

/// The range of the comment on the line of a position, from its `#` to the end of the line; empty, at
/// the end of the line's text, if there is no comment. `None` if anything else follows.
pub(super) fn comment_after(text: &str, at: usize) -> Option<Range<usize>> {
    let line = text.get(at..)?.lines().next().unwrap_or_default();
    let comment = line.trim_start();
    let start = at + line.len() - comment.len();
    match comment.chars().next() {
        None => Some(at + line.len()..at + line.len()),
        Some('#') if start > at => Some(start..start + comment.len()),
        Some(_) => None,
    }
}

/// Where the comment of an entry starts, or would start: after its rule, or after the contents if
/// they begin on the same line.
pub(super) fn comment_place<T>(text: &str, entry: &Entry<T>) -> Option<usize> {
    let span = entry.span.as_ref()?;
    line_start(text, span.start)?;
    let value = quoted(text, span);
    if entry.end? <= value.end {
        return Some(value.end);
    }
    let colon = after_colon(text, span)?;
    Some(if comment_after(text, colon).is_some() { colon } else { entry.end? })
}

/// The position after the colon of a key.
fn after_colon(text: &str, key: &Range<usize>) -> Option<usize> {
    let end = quoted(text, key).end;
    let rest = text.get(end..)?;
    let colon = rest.trim_start_matches([' ', '\t']);
    colon.starts_with(':').then(|| end + rest.len() - colon.len() + 1)
}

/// The position of the next thing that is neither space nor a comment.
fn next_token(text: &str, at: usize) -> usize {
    let mut at = at;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let token = rest.trim_start();
        at += rest.len() - token.len();
        match token.starts_with('#') {
            true => at += token.find('\n').unwrap_or(token.len()),
            false => return at,
        }
    }
}

/// The position after the bracket that closes the one at a position.
fn flow_end(text: &str, open: usize) -> Option<usize> {
    let mut characters = text.get(open..)?.char_indices().peekable();
    let (mut depth, mut before, mut is_plain) = (0_usize, ' ', false);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' if !is_plain => loop {
                match characters.next()?.1 {
                    '\\' => drop(characters.next()),
                    '"' => break,
                    _ => {}
                }
            },
            '\'' if !is_plain => loop {
                if characters.next()?.1 == '\''
                    && characters.next_if(|(_, next)| *next == '\'').is_none()
                {
                    break;
                }
            },
            '#' if before.is_whitespace() => {
                while characters.next_if(|(_, next)| *next != '\n').is_some() {}
            }
            '[' | '{' => (depth, is_plain) = (depth + 1, false),
            ']' | '}' if depth <= 1 => return Some(open + at + 1),
            ']' | '}' => (depth, is_plain) = (depth - 1, false),
            ',' => is_plain = false,
            ':' => {
                let is_inside =
                    |(_, next): &(usize, char)| !next.is_whitespace() && !",[]{}".contains(*next);
                is_plain = is_plain && characters.peek().is_some_and(is_inside);
            }
            _ if character.is_whitespace() => {}
            _ => is_plain = true,
        }
        before = character;
    }
    None
}
