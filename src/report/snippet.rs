//! An error with an excerpt of the file, in the style of rustc.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{fold, printable};
use crate::text::{Excerpt, LineStarts};

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
    let excerpt = LineStarts::of(place.text).excerpt(place.text, &span);
    let source = excerpt.map(|Excerpt { lines, line, span }| {
        let mark = AnnotationKind::Primary.span(span);
        Snippet::source(lines).line_start(line).path(path.as_str()).annotation(mark)
    });
    let mut group = Level::ERROR.primary_title(message.as_str()).elements(source);
    let hint = hint.map(shown);
    if let Some(hint) = &hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    Renderer::styled().render(&[group])
}
