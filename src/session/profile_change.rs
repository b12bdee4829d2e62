//! Changes the file of a profile.

use std::path::Path;
use std::time::Duration;

use crate::files::{self, Held, HoldError};
use crate::profile::{self, LoadError, MAX_BYTES, Profile};

/// How long to wait for another command that is changing the same profile.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A profile whose file is locked for a change.
pub struct ProfileChange {
    held: Held,
    text: String,
    profile: Profile,
}

/// dsp could not read the profile back, so it was not written.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableError {
    /// It is too long.
    #[error(
        "the profile would have {length} bytes, but dsp reads at most {MAX_BYTES}; nothing was \
         written. Leave out --names exact, or make a profile for each part of the program"
    )]
    TooLong {
        /// Its length in bytes.
        length: u64,
    },
    /// It is not valid.
    #[error("dsp could not read the profile back, so nothing was written: {message}")]
    Invalid {
        /// What is wrong with it.
        message: String,
    },
}

/// Why a profile cannot be changed. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It cannot be read, or is invalid.
    #[error("{0}")]
    Load(#[from] LoadError),
    /// It cannot be locked or written, or was changed in the meantime.
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// dsp could not read the new text back.
    #[error("{0}")]
    Unreadable(#[from] UnreadableError),
}

impl ProfileChange {
    /// Waits for other commands that are changing the profile, locks them out, and reads it.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn begin(path: &Path) -> Result<Self, ChangeError> {
        let held = match files::hold(path, MAX_BYTES + 1, LONGEST_WAIT) {
            Err(HoldError::Read { path, source }) => {
                return Err(LoadError::Io { path, source }.into());
            }
            held => held?,
        };
        let (text, profile) = profile::parse_bytes(path, held.bytes().to_vec())?;
        Ok(Self { held, text, profile })
    }

    /// The text before the change.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The profile before the change.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Replaces the text of the profile.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn finish(self, text: &str) -> Result<(), ChangeError> {
        check_readable(text)?;
        Ok(self.held.replace(text)?)
    }
}

/// Fails if dsp could not read the profile back.
///
/// # Errors
/// [`UnreadableError`].
pub fn check_readable(text: &str) -> Result<(), UnreadableError> {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if length > MAX_BYTES {
        return Err(UnreadableError::TooLong { length });
    }
    match profile::parse(text) {
        Ok(_) => Ok(()),
        Err(problem) => Err(UnreadableError::Invalid { message: problem.message }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TEXT: &str = "version: 1\nname: p\nallow:\n  - GET /info\n";

    #[test]
    fn a_text_that_would_not_read_back_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, TEXT).unwrap();
        let long = "x".repeat(usize::try_from(MAX_BYTES).unwrap() + 1);
        for text in ["version: 1\nname: p\nallow: [", &long] {
            let error = ProfileChange::begin(&path).unwrap().finish(text).unwrap_err();
            assert!(matches!(error, ChangeError::Unreadable(_)), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
        }
        let change = ProfileChange::begin(&path).unwrap();
        assert_eq!((change.text(), change.profile().allow.len()), (TEXT, 1));
        let next = TEXT.replace("/info", "/version");
        change.finish(&next).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), next);
        let error = ProfileChange::begin(folder.path()).err().unwrap();
        assert!(matches!(error, ChangeError::Load(_) | ChangeError::Hold(_)), "{error}");
    }
}
