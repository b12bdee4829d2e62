//! Advice on errors.

use std::error::Error;
use std::io;

use super::hint::Hinted;
use super::logs;
use crate::child::InterceptError;
use crate::recording::{ImportError, ReadError};
use crate::session::{NotReviewed, SourceError};
use crate::text::{quoted, spelled};

/// An error that may have advice.
trait Help: Error + Send + Sync + 'static {
    /// What the user can do about it.
    fn help(&self) -> Option<String>;
}

/// What the user can do about an error, or about one of its causes.
pub(super) fn of(error: &anyhow::Error) -> Option<String> {
    let askers = [
        ask::<Hinted>,
        ask::<ImportError>,
        ask::<InterceptError>,
        ask::<NotReviewed>,
        ask::<ReadError>,
        ask::<SourceError>,
    ];
    askers.into_iter().find_map(|ask| ask(error))
}

fn ask<E: Help>(error: &anyhow::Error) -> Option<String> {
    cause::<E>(error).and_then(Help::help)
}

/// The error itself or its first cause that is of this type.
pub(super) fn cause<E: Error + 'static>(error: &anyhow::Error) -> Option<&E> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

impl Help for Hinted {
    fn help(&self) -> Option<String> {
        Some(self.help.clone())
    }
}

impl Help for ImportError {
    fn help(&self) -> Option<String> {
        logs::advice(self)
    }
}

impl Help for InterceptError {
    fn help(&self) -> Option<String> {
        self.advice().map(str::to_owned)
    }
}

impl Help for NotReviewed {
    fn help(&self) -> Option<String> {
        Some(Self::help(self))
    }
}

impl Help for ReadError {
    fn help(&self) -> Option<String> {
        match self {
            // The default recording.
            Self::Io { path, source }
                if source.kind() == io::ErrorKind::NotFound
                    && path.as_os_str() == "recording.jsonl" =>
            {
                Some("record a program first: dsp record -- docker stats --no-stream".to_owned())
            }
            Self::NotAFile { path } if path.is_dir() => Some(format!(
                "for the recordings of a whole host: dsp generate --whole-host {} -o policy",
                quoted(&spelled(path))
            )),
            Self::BadLine { line: 1, .. } => {
                Some("if it is the log of another program, name the program with --from".to_owned())
            }
            _ => None,
        }
    }
}

impl Help for SourceError {
    fn help(&self) -> Option<String> {
        Self::help(self)
    }
}
