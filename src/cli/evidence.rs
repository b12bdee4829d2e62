//! Reads recordings for `generate` and `check`.

use std::path::PathBuf;

use super::output;
use crate::learn::{Evidence, Gathering};
use crate::recording::{ReadError, Reader};
use crate::report::count;

/// Reads all recordings into one body of evidence, and warns of lines that were cut.
///
/// # Errors
/// The first file that cannot be used.
pub(super) fn read(recordings: &[PathBuf]) -> Result<Evidence, ReadError> {
    let mut gathering = Gathering::default();
    for path in recordings {
        let mut reader = Reader::open(path)?;
        for event in &mut reader {
            gathering.absorb(event?);
        }
        if reader.torn() > 0 {
            let torn = count(u64::try_from(reader.torn()).unwrap_or(u64::MAX), "line");
            output::warn(&format!("{}: {torn} cut in the middle, left out", path.display()));
        }
    }
    Ok(gathering.finish())
}

/// `1 session`, `recording.jsonl` or `3 recordings`.
pub(super) fn names(recordings: &[PathBuf]) -> String {
    match recordings {
        [one] => one.display().to_string(),
        many => format!("{} recordings", many.len()),
    }
}
