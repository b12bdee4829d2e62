//! Reads files at a revision of the surrounding git repository.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::string::FromUtf8Error;

use crate::profile::MAX_BYTES;
use crate::text::{printable, shown};

/// Why a file at a revision cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// git cannot be run.
    #[error("cannot run git to read {}: {source}", shown(object))]
    Git {
        /// The revision and the file.
        object: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is too large for a profile.
    #[error("{} is larger than {MAX_BYTES} bytes; a profile is smaller", shown(object))]
    TooLarge {
        /// The revision and the file.
        object: PathBuf,
    },
    /// git does not have it.
    #[error("git has no {}: {}{}", shown(object), printable(said), hint(*is_missing_file))]
    Missing {
        /// The revision and the file.
        object: PathBuf,
        /// What git said.
        said: String,
        /// Whether the revision exists, but not the file, which was given from the root of the repository.
        is_missing_file: bool,
    },
    /// It is not text.
    #[error("{} is not valid UTF-8: {source}", shown(object))]
    NotText {
        /// The revision and the file.
        object: PathBuf,
        /// Where it is not text.
        source: FromUtf8Error,
    },
}

/// Reads the file that `object` names, as `REVISION:FILE`.
///
/// # Errors
/// [`RevisionError`].
pub fn read_revision(object: &Path, file: &str) -> Result<String, RevisionError> {
    let own = || object.to_owned();
    let failed = |source| RevisionError::Git { object: own(), source };
    let mut git = Command::new("git")
        .args(["cat-file", "blob", "--end-of-options"])
        .arg(object)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut bytes = Vec::new();
    if let Some(stdout) = git.stdout.take() {
        stdout.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    let output = git.wait_with_output().map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(RevisionError::TooLarge { object: own() });
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("fatal: ").to_owned();
        // git says this about a missing file only, and something else about a missing revision.
        let is_missing_file = said.starts_with("path ") && !file.starts_with("./");
        return Err(RevisionError::Missing { object: own(), said, is_missing_file });
    }
    String::from_utf8(bytes).map_err(|source| RevisionError::NotText { object: own(), source })
}

fn hint(is_missing_file: bool) -> &'static str {
    match is_missing_file {
        true => {
            "; paths are relative to the root of the repository or, with ./, to the current folder"
        }
        false => "",
    }
}
