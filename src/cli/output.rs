//! Printing. Colours are left out if the output is not a terminal, or `NO_COLOR` is set.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use console::Term;

use super::stderr;
use crate::report::fold;
use crate::text::guarded;

/// The smallest width to wrap text for, in columns. Narrower terminals wrap it themselves.
const NARROWEST: usize = 40;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const HELP: Style = AnsiColor::Cyan.on_default();
pub(super) const STRONG: Style = Style::new().bold();

/// Writes data to stdout.
///
/// # Errors
/// If stdout is closed. [`super::failure`] does not treat that as a failure.
pub(super) fn data(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a text for people to stdout, wrapped to the width of the terminal, if it is one.
///
/// # Errors
/// As [`data`].
pub(super) fn text(text: &str) -> io::Result<()> {
    data(&guarded(&folded(text, &Term::stdout())))
}

/// Writes a message to stderr, wrapped to the width of the terminal, if it is one.
pub(super) fn say(text: &str) {
    drawn(&folded(text, &Term::stderr()));
}

/// Writes text that already has a layout to stderr.
pub(super) fn drawn(text: &str) {
    // If stderr does not work, there is no way to report that.
    let _ = stderr::say(&guarded(text));
}

fn folded(text: &str, term: &Term) -> String {
    width(term).map_or_else(|| text.to_owned(), |width| fold(text, width))
}

/// Whether colours are wanted on stdout.
pub(super) fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// The width to wrap text for on stderr, if it is a terminal.
pub(super) fn width_of_stderr() -> Option<usize> {
    width(&Term::stderr())
}

/// The width to wrap text for on stdout, if it is a terminal.
pub(super) fn width_of_stdout() -> Option<usize> {
    width(&Term::stdout())
}

fn width(term: &Term) -> Option<usize> {
    let (_, columns) = term.size_checked()?;
    let columns = usize::from(columns);
    (term.is_term() && columns >= NARROWEST).then_some(columns)
}

/// Writes a note from dsp to stderr.
pub(super) fn note(text: &str) {
    say(&format!("dsp: {text}"));
}

/// Writes a warning to stderr.
pub(super) fn warn(text: &str) {
    say(&format!("{WARNING}warning{WARNING:#}: {text}"));
}

/// Writes an error to stderr.
pub(super) fn error(text: &str) {
    say(&format!("{ERROR}error{ERROR:#}: {text}"));
}

/// Writes what to do about the previous warning or error to stderr.
pub(super) fn help(text: &str) {
    say(&format!("  {HELP}help{HELP:#}: {text}"));
}
