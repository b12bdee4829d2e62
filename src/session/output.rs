//! Where a recording or an audit log is written.

use std::io;
use std::path::{Path, PathBuf};

use crate::recording::{CreateError, Purpose, Session, Stream, Writer};

/// Where a recording or an audit log is written.
#[derive(Clone, Debug)]
pub enum JournalOutput {
    /// A file. Each session is appended to it.
    File(PathBuf),
    /// This process's standard output.
    Stdout(Stream),
}

/// Why a recording or an audit log cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be written.
    #[error("{0}")]
    File(#[from] CreateError),
    /// Standard output cannot be written.
    #[error("cannot write the {what} to stdout: {source}")]
    Stdout {
        /// What was to be written.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

impl JournalOutput {
    /// The file; `None` for standard output.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdout(_) => None,
        }
    }

    /// Writes the beginning of a session.
    ///
    /// # Errors
    /// When the file or standard output cannot be written.
    pub(super) fn begin(
        &self,
        session: &Session,
        purpose: Purpose,
    ) -> Result<Writer, JournalError> {
        let what = match purpose {
            Purpose::Evidence => "recording",
            Purpose::Audit => "audit log",
        };
        let stdout = |source| JournalError::Stdout { what, source };
        let writer = match self {
            Self::File(path) => Writer::create(path, session)?,
            Self::Stdout(stream) => Writer::onto(stream, session).map_err(stdout)?,
        };
        Ok(writer.for_purpose(purpose))
    }
}
