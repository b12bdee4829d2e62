//! Printing. Colours are dropped where no terminal reads them or `NO_COLOR` is set.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

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

/// Says something to the person, on stderr.
pub(super) fn talk(text: &str) {
    // There is nobody to tell that nobody can be told.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Says something of dsp's own, on stderr.
pub(super) fn note(text: &str) {
    talk(&format!("dsp: {text}"));
}

/// Warns of something that goes on all the same.
pub(super) fn warn(text: &str) {
    talk(&format!("{WARNING}warning{WARNING:#}: {text}"));
}

/// Tells of what could not be done.
pub(super) fn error(text: &str) {
    talk(&format!("{ERROR}error{ERROR:#}: {text}"));
}

/// Tells what to do about it.
pub(super) fn help(text: &str) {
    talk(&format!("  {HELP}help{HELP:#}: {text}"));
}
