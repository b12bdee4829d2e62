//! An error with an excerpt of the file, in the style of rustc.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{fold, printable};
use crate::text::printable_lines;

/// A place in a file.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The path to show.
    pub path: &'a str,
    /// The whole content of the file.
    pub text: &'a str,
    /// The range to mark, in bytes.
    pub span: Range<usize>,
}

/// The most columns by which the renderer indents a message or a hint.
const MARGIN: usize = 12;

/// Renders an error that points into a file, with a hint below it. Wrapped at `width` columns, if
/// any. The output is styled; the caller strips the styles if it does not go to a terminal.
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

/// The lines that a range of bytes touches, made safe to print; the range within them; and the
/// number of the first line.
pub(super) fn excerpt(text: &str, span: &Range<usize>) -> (String, Range<usize>, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let last = span.end.max(span.start + 1).saturating_sub(1).min(text.len());
    let newline = text.get(last..).and_then(|rest| rest.find('\n'));
    let end = newline.map_or(text.len(), |length| last + length);
    let lines = text.get(start..end).unwrap_or_default();
    let inside = span.start.saturating_sub(start)..span.end.saturating_sub(start);
    let (lines, span) = printable_lines(lines, &inside);
    (lines, span, before.matches('\n').count() + 1)
}
