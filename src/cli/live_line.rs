//! A line on the terminal that shows the progress of a recording.

use std::time::Instant;

use console::Term;

use super::options::Verbosity;

/// A line on the terminal that is redrawn in place.
pub(super) struct LiveLine(Option<Term>);

impl LiveLine {
    /// The line, if the terminal is free for it, and the person has not asked for silence or for the log.
    pub(super) fn new(verbosity: Verbosity, is_free: bool) -> Self {
        let term = Term::stderr();
        let is_free = term.is_term() && is_free;
        Self((is_free && !verbosity.quiet && verbosity.verbose == 0).then_some(term))
    }

    /// Shows a text in place of the last one.
    pub(super) fn show(&self, line: &str) {
        let Some(term) = &self.0 else { return };
        // If the terminal cannot be drawn on, only this line is lost.
        let _ = term.clear_line().and_then(|()| term.write_str(line));
    }

    /// Removes the line.
    pub(super) fn clear(&self) {
        let _ = self.0.as_ref().map(Term::clear_line);
    }
}

/// `7 s`, `3 min`, `2 h`.
pub(super) fn age(since: Instant) -> String {
    match since.elapsed().as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
