//! The only place that shows errors.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use super::guard::Unanswered;
use super::help::{self, cause};
use super::matching::NotRequests;
use super::misuse::Misuse;
use super::output;
use super::status::Status;
use crate::host::HostError;
use crate::profile::LoadError;
use crate::recording::ImportError;
use crate::report::{Place, snippet};
use crate::session::{NotReviewed, SocketsError};
use crate::text::{is_unsafe, printable, spelled};
use crate::yaml::Problem;

/// What an error means for the exit status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// The reader of stdout has closed it, as `head` does once it has enough lines.
    ClosedPipe,
    /// A signal with this number ended a question.
    Signal(u8),
    /// The command line is wrong in a way that clap cannot find.
    Misuse,
    /// The profile has to be reviewed first, which is a verdict on it.
    NotReviewed,
    /// The evidence has no request.
    NoRequest,
    /// Anything else.
    Other,
}

impl Kind {
    fn of(error: &anyhow::Error) -> Self {
        // Only the system's own error: a file or an engine whose pipe is closed has a type around it.
        let closed_pipe = |found: &io::Error| found.kind() == io::ErrorKind::BrokenPipe;
        if error.downcast_ref().is_some_and(closed_pipe) {
            Self::ClosedPipe
        } else if let Some(Unanswered::Signal(number)) = cause(error) {
            Self::Signal(*number)
        } else if cause::<Misuse>(error).is_some()
            || matches!(cause(error), Some(SocketsError::OnlyLocal))
        {
            Self::Misuse
        } else if cause::<NotReviewed>(error).is_some() {
            Self::NotReviewed
        } else if let Some(ImportError::NoRequest { .. }) = cause(error) {
            Self::NoRequest
        } else {
            Self::Other
        }
    }

    /// The exit status. `confined` says that dsp was to run a program, to which most exit statuses belong.
    fn status(self, confined: bool) -> Status {
        match (self, confined) {
            (Self::ClosedPipe, _) => Status::Done,
            (Self::Signal(number), _) => Status::Signal(number),
            (Self::Misuse, _) => Status::Usage,
            (Self::NoRequest, _) => Status::NoVerdict,
            (Self::NotReviewed, false) => Status::Findings,
            (Self::Other, false) => Status::Failed,
            (Self::NotReviewed | Self::Other, true) => Status::FailedForChild,
        }
    }
}

/// Shows an error and returns the exit status for it. `confined` says that dsp was to run a program,
/// to which most exit statuses belong.
pub(super) fn show(error: &anyhow::Error, confined: bool) -> Status {
    let kind = Kind::of(error);
    if !matches!(kind, Kind::ClosedPipe | Kind::Signal(_)) {
        print(error);
    }
    kind.status(confined)
}

/// Prints an error, and what to do about it.
fn print(error: &anyhow::Error) {
    if let Some(LoadError::Invalid { path, text, problem }) = cause(error) {
        show_problem(path, text, problem);
    } else if let Some(HostError::Invalid { path, text, problem }) = cause(error) {
        show_problem(path, text, problem);
    } else if let Some(NotRequests { path, text, misread }) = cause(error) {
        show_place(path, text, &misread.span, &misread.message, Some(&misread.help));
    } else {
        output::error(&in_full(error));
    }
    help::of(error).iter().for_each(|help| output::help(help));
}

/// Draws an error in a file that a person wrote at its place.
fn show_problem(path: &Path, text: &str, problem: &Problem) {
    show_place(path, text, &problem.span, &problem.message, problem.hint.as_deref());
}

fn show_place(path: &Path, text: &str, span: &Range<usize>, message: &str, hint: Option<&str>) {
    let path = spelled(path);
    let place = Place { path: &path, text, span: span.clone() };
    output::drawn(&snippet(message, &place, hint, output::width_of_stderr()));
}

/// Shows clap's output, which is the help, the version or a usage error, and returns clap's exit
/// status: 0, or 2 for wrong usage. File names that the shell put in place of a pattern may end up as
/// options, so they are made safe to print.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let mut text = error.render().ansi().to_string();
        for argument in std::env::args_os().skip(1) {
            // clap mentions an option without its value, a value without its option, and only one of
            // several joined short options.
            let argument = spelled(&argument);
            let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
            for part in [&argument, name, value, "'-\n'"] {
                if part.chars().any(is_unsafe) {
                    text = text.replace(part, &printable(part));
                }
            }
        }
        output::drawn(text.trim_end());
    } else {
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// An error with its causes, except those that the text contains already, as with dsp's own errors.
fn in_full(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text {
        text if text.is_empty() => cause,
        text if text.contains(&cause) => text,
        text => format!("{text}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{EnforcementMode, JournalError, ProfileToEnforce, StartError};

    fn not_reviewed() -> anyhow::Error {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        std::fs::write(&path, "version: 1\nname: p\nallow:\n  - GET /info\n").unwrap();
        let mode = EnforcementMode { requires_reviewed: true, ..EnforcementMode::default() };
        ProfileToEnforce::load(&path, mode).unwrap_err().into()
    }

    #[test]
    fn the_status_follows_from_what_failed_however_deep_it_is() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdout = JournalError::Stdout { what: "recording", source: broken() };
        let cases: [(anyhow::Error, Kind, Status, Status); 7] = [
            (broken().into(), Kind::ClosedPipe, Status::Done, Status::Done),
            (Unanswered::Signal(2).into(), Kind::Signal(2), Status::Signal(2), Status::Signal(2)),
            (Misuse(String::new()).into(), Kind::Misuse, Status::Usage, Status::Usage),
            (
                StartError::from(SocketsError::OnlyLocal).into(),
                Kind::Misuse,
                Status::Usage,
                Status::Usage,
            ),
            (not_reviewed(), Kind::NotReviewed, Status::Findings, Status::FailedForChild),
            (StartError::from(stdout).into(), Kind::Other, Status::Failed, Status::FailedForChild),
            (anyhow::anyhow!("x"), Kind::Other, Status::Failed, Status::FailedForChild),
        ];
        for (error, kind, alone, confined) in cases {
            assert_eq!(Kind::of(&error), kind, "{error}");
            assert_eq!((kind.status(false), kind.status(true)), (alone, confined), "{error}");
            let error = error.context("outside");
            assert_eq!(Kind::of(&error), kind, "with a context");
        }
    }
}
