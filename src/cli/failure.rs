//! The one place where an error is shown.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::guard::Unanswered;
use super::misuse::Misuse;
use super::status::Status;
use super::{help, output};
use crate::profile::{LoadError, Problem};
use crate::recording::ImportError;
use crate::report::{Place, snippet};
use crate::session::{NotReviewed, ReloadError, SourceError};
use crate::text::{is_unsafe, printable, spelled};

/// Shows an error and gives the exit status for it; `confined` when the status belongs to a program
/// that was to be run.
pub(super) fn show(error: &anyhow::Error, confined: bool) -> Status {
    if closed_pipe(error) {
        return Status::Done;
    }
    if let Some(Unanswered::Signal(number)) = error.downcast_ref() {
        return Status::Signal(*number);
    }
    match invalid(error) {
        Some((path, text, problem)) => {
            let path = spelled(path);
            let place = Place { path: &path, text, span: problem.span.clone() };
            let hint = problem.hint.as_deref();
            output::drawn(&snippet(&problem.message, &place, hint, output::width_of_stderr()));
        }
        None => output::error(&in_full(error)),
    }
    help::of(error).iter().for_each(|help| output::help(help));
    if let Some(ImportError::NoRequest { .. }) = error.downcast_ref() {
        return Status::NoVerdict;
    }
    if error.is::<NotReviewed>() && !confined {
        return Status::Findings;
    }
    if error.is::<Misuse>() {
        return Status::Usage;
    }
    if confined { Status::FailedForChild } else { Status::Failed }
}

/// Shows what clap says, which is help, the version, or what is wrong with the arguments, and gives
/// clap's exit status: 0, or 2 for wrong usage. The names of files that a pattern of the shell found
/// may stand where options do.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let mut text = error.render().ansi().to_string();
        for argument in std::env::args_os().skip(1) {
            // clap names an option without its value, a value without its option, and of several
            // short options one.
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

/// The profile that is wrong, if that is the error: its path, its text and what is wrong in it.
fn invalid(error: &anyhow::Error) -> Option<(&Path, &str, &Problem)> {
    let source = match error.downcast_ref() {
        Some(ReloadError::Source(source)) => Some(source),
        _ => error.downcast_ref(),
    };
    let load = match source {
        Some(SourceError::Load(load)) => Some(load),
        _ => error.downcast_ref(),
    };
    match load? {
        LoadError::Invalid { path, text, problem } => Some((path, text, problem)),
        _ => None,
    }
}

/// An error with its causes, as far as its own words do not hold them, as those of dsp's errors do.
fn in_full(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text {
        text if text.is_empty() => cause,
        text if text.contains(&cause) => text,
        text => format!("{text}: {cause}"),
    })
}

/// Whether the reader of stdout has gone, as `head` does when it has seen enough.
fn closed_pipe(error: &anyhow::Error) -> bool {
    let found = error.downcast_ref::<io::Error>();
    found.is_some_and(|found| found.kind() == io::ErrorKind::BrokenPipe)
}
