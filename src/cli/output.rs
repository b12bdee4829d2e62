//! Printing. Colours are dropped where no terminal reads them or `NO_COLOR` is set.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use console::Term;

use super::stderr;
use crate::report::fold;
use crate::text::guarded;

/// The fewest columns that text is folded for; a narrower terminal folds it itself.
const NARROWEST: usize = 40;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const HELP: Style = AnsiColor::Cyan.on_default();
pub(super) const STRONG: Style = Style::new().bold();

/// Writes data to stdout.
///
/// # Errors
/// When stdout is closed; a reader that has seen enough is no failure, which [`super::failure`]
/// knows.
pub(super) fn data(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a text for a person to stdout, folded to the terminal where there is one.
///
/// # Errors
/// As [`data`].
pub(super) fn text(text: &str) -> io::Result<()> {
    data(&guarded(&folded(text, &Term::stdout())))
}

/// Says something to the person, on stderr.
pub(super) fn say(text: &str) {
    drawn(&folded(text, &Term::stderr()));
}

/// Shows what has a layout of its own, on stderr.
pub(super) fn drawn(text: &str) {
    // There is nobody to tell that nobody can be told.
    let _ = stderr::say(&guarded(text));
}

fn folded(text: &str, term: &Term) -> String {
    width(term).map_or_else(|| text.to_owned(), |width| fold(text, width))
}

/// Whether colours are wanted on stdout.
pub(super) fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// The columns to fold for on stderr, where there is a terminal.
pub(super) fn width_of_stderr() -> Option<usize> {
    width(&Term::stderr())
}

/// The columns to fold for on stdout, where there is a terminal.
pub(super) fn width_of_stdout() -> Option<usize> {
    width(&Term::stdout())
}

fn width(term: &Term) -> Option<usize> {
    let (_, columns) = term.size_checked()?;
    let columns = usize::from(columns);
    (term.is_term() && columns >= NARROWEST).then_some(columns)
}

/// Says something of dsp's own, on stderr.
pub(super) fn note(text: &str) {
    say(&format!("dsp: {text}"));
}

/// Warns of something that goes on all the same.
pub(super) fn warn(text: &str) {
    say(&format!("{WARNING}warning{WARNING:#}: {text}"));
}

/// Tells of what could not be done.
pub(super) fn error(text: &str) {
    say(&format!("{ERROR}error{ERROR:#}: {text}"));
}

/// Tells what to do about it.
pub(super) fn help(text: &str) {
    say(&format!("  {HELP}help{HELP:#}: {text}"));
}
