//! The only place that shows errors.

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

/// Shows an error and returns the exit status for it. `confined` says that dsp was to run a program,
/// to which the usual exit statuses belong.
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

/// If the error is an invalid profile, its path, its text and the problem.
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

/// An error with its causes, except those that the text contains already, as with dsp's own errors.
fn in_full(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text {
        text if text.is_empty() => cause,
        text if text.contains(&cause) => text,
        text => format!("{text}: {cause}"),
    })
}

/// Whether the reader of stdout has closed it, as `head` does once it has enough lines.
fn closed_pipe(error: &anyhow::Error) -> bool {
    let found = error.downcast_ref::<io::Error>();
    found.is_some_and(|found| found.kind() == io::ErrorKind::BrokenPipe)
}
