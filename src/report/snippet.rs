//! A place in a file with the line it is on, as rustc shows it.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{fold, printable};

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
    let source = Snippet::source(place.text)
        .path(path.as_str())
        .annotation(AnnotationKind::Primary.span(span));
    let mut group = Level::ERROR.primary_title(message.as_str()).element(source);
    let hint = hint.map(shown);
    if let Some(hint) = &hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    Renderer::styled().render(&[group])
}
