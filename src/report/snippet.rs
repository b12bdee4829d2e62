//! A place in a file with the line it is on, as rustc shows it.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{fold, printable};
use crate::text::printable_lines;

/// A place in a text.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The name of the file.
    pub path: &'a str,
    /// All of its text.
    pub text: &'a str,
    /// The bytes that are meant.
    pub span: Range<usize>,
}

/// How far the renderer sets the text of a message or a hint in.
const MARGIN: usize = 12;

/// Renders an error that points into a file, with a hint below it, for a terminal `width` columns
/// wide if there is one. Styled; the caller strips the style where no terminal reads it.
#[must_use]
pub fn snippet(
    message: &str,
    place: &Place<'_>,
    hint: Option<&str>,
    width: Option<usize>,
) -> String {
    let shown = |text: &str| {
        let safe = printable(text);
        width.map_or_else(|| safe.clone(), |width| fold(&safe, width.saturating_sub(MARGIN)))
    };
    let end = place.text.len();
    let start = place.span.start.min(end);
    let span = start..place.span.end.clamp(start, end);
    let path = printable(place.path);
    let message = shown(message);
    let (lines, span, first) = excerpt(place.text, &span);
    let source = Snippet::source(lines)
        .line_start(first)
        .path(path.as_str())
        .annotation(AnnotationKind::Primary.span(span));
    let mut group = Level::ERROR.primary_title(message.as_str()).element(source);
    let hint = hint.map(shown);
    if let Some(hint) = &hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    Renderer::styled().render(&[group])
}

/// The lines that a range of bytes touches, safe to show; the range in them, and the number of the
/// first one.
pub(super) fn excerpt(text: &str, span: &Range<usize>) -> (String, Range<usize>, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let last = span.end.max(span.start + 1).saturating_sub(1).min(text.len());
    let behind = text.get(last..).and_then(|behind| behind.find('\n'));
    let end = behind.map_or(text.len(), |length| last + length);
    let lines = text.get(start..end).unwrap_or_default();
    let inside = span.start.saturating_sub(start)..span.end.saturating_sub(start);
    let (lines, span) = printable_lines(lines, &inside);
    (lines, span, before.matches('\n').count() + 1)
}
