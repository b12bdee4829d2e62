//! The file that a session is appended to. Only whole lines are added, and one mark can be changed later.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::stream::Stream;
use super::{Event, LONGEST_LINE};
use crate::files;
use crate::text::shown;

/// How the first line of a recording begins.
const BEGINNING: &[u8] = b"{\"session\":";

/// How `"lossy":false` is spelled in a session's line, and what replaces it. Both have the same length.
const NOT_LOSSY: &[u8] = b"\"lossy\":false";
const LOSSY: &[u8] = b"\"lossy\":true ";

/// Why a session cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The file cannot be opened or written.
    #[error("cannot write the recording {}: {source}", shown(path))]
    Open {
        /// The file.
        path: PathBuf,
        /// The error from the operating system.
        source: io::Error,
    },
    /// The file contains something other than a recording, which appending would corrupt.
    #[error("{} exists and is not a dsp recording; choose another file", shown(path))]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// A recording that is being appended to.
#[derive(Debug)]
pub(super) struct AppendFile {
    stream: Stream,
    /// The offset of `"lossy":false`, and the file opened for writing there.
    mark: Option<(File, u64)>,
    dropped: u64,
    /// Whether the session's last line could not be written.
    is_failing: bool,
    /// The line, between two line breaks. The buffer is reused.
    line: Vec<u8>,
}

impl AppendFile {
    /// Appends a session's first line to the file at `path`, which is created if it does not exist. If a
    /// crash cut the last line, it is ended first.
    pub(super) fn begin(path: &Path, session: &Event<'_>) -> Result<Self, CreateError> {
        let open = |source| CreateError::Open { path: path.to_owned(), source };
        let mut file = files::append(path, 0o600).map_err(open)?;
        let torn = inspect(&mut file).map_err(open)?;
        let torn = torn.ok_or_else(|| CreateError::Foreign { path: path.to_owned() })?;

        let line = line(session).map_err(|error| open(error.into()))?;
        let stream = Stream::new(file.try_clone().map_err(open)?);
        if torn {
            stream.end_torn_line();
        }
        stream.write(&line).map_err(open)?;
        let mark = mark(path, &mut file, &line);
        Ok(Self { mark, ..Self::new(stream) })
    }

    /// Writes a session's first line to a stream. Nothing in it is changed later.
    pub(super) fn onto(stream: &Stream, session: &Event<'_>) -> io::Result<Self> {
        stream.write(&line(session)?)?;
        Ok(Self::new(stream.clone()))
    }

    fn new(stream: Stream) -> Self {
        Self { stream, mark: None, dropped: 0, is_failing: false, line: Vec::new() }
    }

    /// Whether the last line could not be written.
    pub(super) const fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// Marks the session as one with missing requests.
    pub(super) fn mark_lossy(&self) {
        // Best effort: if lines are lost, the count at the end reports that too.
        let _ = self.mark.as_ref().map(|(file, at)| file.write_all_at(LOSSY, *at));
    }

    /// How many lines could not be written.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Replaces the file, to simulate a disk that fills up.
    #[cfg(test)]
    pub(super) fn swap(&self, file: File) -> File {
        self.stream.swap(file)
    }

    /// Writes one line with one call, so that another process that appends to the same file cannot
    /// get in between. Returns whether the line was written. Batching the lines of several threads
    /// would make each wait for the others, because no request is forwarded before its line is
    /// written. If the reader of a pipe stalls, this waits for it once, and not again until it has
    /// read something.
    pub(super) fn append(&mut self, event: &Event<'_>) -> bool {
        self.line.clear();
        self.line.push(b'\n');
        let line = serde_json::to_writer(&mut self.line, event).map_err(io::Error::from);
        self.line.push(b'\n');
        let written = line.and_then(|()| self.stream.write(&self.line)).is_ok();
        if !written {
            self.dropped += 1;
            self.mark_lossy();
        }
        self.is_failing = !written;
        written
    }
}

/// A line of the file, between two line breaks.
fn line(event: &Event<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = vec![b'\n'];
    serde_json::to_writer(&mut line, event)?;
    line.push(b'\n');
    Ok(line)
}

/// Whether the file ends in the middle of a line. `None` if it contains something other than a recording.
fn inspect(file: &mut File) -> io::Result<Option<bool>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(Some(false));
    }
    file.seek(SeekFrom::Start(0))?;
    let mut first = Vec::new();
    let mut lines = BufReader::new(&mut *file);
    (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut first)?;
    let mut next = Vec::new();
    (&mut lines).take(BEGINNING.len() as u64).read_to_end(&mut next)?;
    let text = first.strip_suffix(b"\n");
    let begins = |text: &[u8]| text.starts_with(BEGINNING) || BEGINNING.starts_with(text);
    let is_recording = match text {
        // A crash may have left any part of the first line, even before another session began.
        Some(cut) if serde_json::from_slice::<Event<'_>>(cut).is_err() => {
            begins(cut) && !cut.is_empty() && begins(&next)
        }
        Some(_) => first.starts_with(BEGINNING),
        None => {
            begins(&first) && u64::try_from(first.len()).is_ok_and(|length| length < LONGEST_LINE)
        }
    };
    if !is_recording {
        return Ok(None);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(Some(last != *b"\n"))
}

/// The offset at which the line just written says that nothing was lost, and a handle that can write there.
/// The file itself is open for appending, and on Linux such a handle always writes at the end.
fn mark(path: &Path, file: &mut File, line: &[u8]) -> Option<(File, u64)> {
    let end = file.stream_position().ok()?;
    let within = line.windows(NOT_LOSSY.len()).rposition(|window| window == NOT_LOSSY)?;
    let back = u64::try_from(line.len().checked_sub(within)?).ok()?;
    let writable = OpenOptions::new().write(true).open(path).ok()?;
    // The name may refer to another file by now.
    let (found, own) = (writable.metadata().ok()?, file.metadata().ok()?);
    let is_same = (found.dev(), found.ino()) == (own.dev(), own.ino());
    (found.is_file() && is_same).then_some(())?;
    Some((writable, end.checked_sub(back)?))
}
