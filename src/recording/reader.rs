//! Reads a recording line by line, and reports errors with their position.
//!
//! If a crash cut a line, only that line is lost. Anything else that does not belong in a recording is an
//! error: evidence that was edited or mixed up must not silently become a profile.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Event, FORMAT_VERSION, redact};
use crate::text::{printable, shown};

/// The longest line that is read, in bytes. Lines that dsp writes are shorter.
pub const LONGEST_LINE: u64 = 1 << 20;

/// The events of a recording, in order.
#[derive(Debug)]
pub struct Reader<R> {
    path: PathBuf,
    lines: R,
    line: usize,
    /// The next line, read ahead to distinguish a torn line from a broken one.
    ahead: Option<Vec<u8>>,
    torn: usize,
    done: bool,
}

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("cannot read the recording {}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error from the operating system.
        source: io::Error,
    },
    /// The path is a folder, a socket or similar.
    #[error("{} is not a file; name a recording that `dsp record` wrote", shown(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A line that cannot come from any version of dsp.
    #[error(
        "{}:{line}:{column}: {reason}; a recording is what `dsp record` writes, one JSON event a line",
        shown(path)
    )]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The reason.
        reason: String,
    },
    /// A file that a later version of dsp wrote.
    #[error(
        "{}:{line}:1: the recording has format version {version}, and this dsp reads up to {FORMAT_VERSION}; use a newer dsp",
        shown(path)
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Its version.
        version: u32,
    },
}

/// Parsed first in a session, so that the fields of a later version cannot hide the version.
#[derive(Deserialize)]
struct Versioned {
    session: Option<Version>,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Reader<BufReader<File>> {
    /// Opens the recording at `path`.
    ///
    /// # Errors
    /// [`ReadError::Io`] and [`ReadError::NotAFile`].
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let io = |source| ReadError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.is_dir() {
            return Err(ReadError::NotAFile { path: path.to_owned() });
        }
        Ok(Self::new(path, BufReader::with_capacity(1 << 16, file)))
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads a recording from any reader. Error messages call it `path`.
    pub fn new(path: &Path, lines: R) -> Self {
        Self { path: path.to_owned(), lines, line: 0, ahead: None, torn: 0, done: false }
    }

    /// The number of the last line that was read, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// How many lines so far were cut.
    #[must_use]
    pub fn torn(&self) -> usize {
        self.torn
    }

    fn next_event(&mut self) -> Result<Option<Event<'static>>, ReadError> {
        while let Some(line) = self.take_line()? {
            self.line += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.check_version(&line)?;
            // Without its line break, so that a line that was cut within a text is reported as cut too.
            match serde_json::from_slice(line.trim_ascii_end()) {
                Ok(mut event) => {
                    redact::event(&mut event);
                    return Ok(Some(event));
                }
                Err(error) => {
                    // A crash leaves only the first bytes of an event, at the end of the file or before the
                    // start of another session.
                    let cut = is_beginning(&line, &error) && self.line_begins()?;
                    if !cut {
                        return Err(self.bad_line(error.column(), &error));
                    }
                    self.torn += 1;
                }
            }
        }
        Ok(None)
    }

    /// Whether the next line starts a session, or there is no next line.
    fn line_begins(&mut self) -> Result<bool, ReadError> {
        if self.ahead.is_none() {
            self.ahead = self.read_line()?;
        }
        // A second crash may have left only the first byte of that line.
        let begins = |line: &Vec<u8>| line.starts_with(b"{\"") || line.trim_ascii_end() == b"{";
        Ok(self.ahead.as_ref().is_none_or(begins))
    }

    fn check_version(&self, line: &[u8]) -> Result<(), ReadError> {
        if !line.starts_with(b"{\"session\"") {
            return Ok(());
        }
        match serde_json::from_slice::<Versioned>(line) {
            Ok(Versioned { session: Some(Version { version }) }) if version > FORMAT_VERSION => {
                Err(ReadError::Newer { path: self.path.clone(), line: self.line, version })
            }
            _ => Ok(()),
        }
    }

    fn bad_line(&self, column: usize, error: &serde_json::Error) -> ReadError {
        let mut reason = error.to_string();
        if let Some(at) = reason.rfind(" at line ") {
            reason.truncate(at);
        }
        ReadError::BadLine {
            path: self.path.clone(),
            line: self.line,
            column: column.max(1),
            reason: printable(&reason),
        }
    }

    fn take_line(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        match self.ahead.take() {
            Some(line) => Ok(Some(line)),
            None => self.read_line(),
        }
    }

    fn read_line(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let mut line = Vec::new();
        let read = (&mut self.lines).take(LONGEST_LINE).read_until(b'\n', &mut line);
        read.map_err(|source| ReadError::Io { path: self.path.clone(), source })?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') && u64::try_from(line.len()).unwrap_or(0) >= LONGEST_LINE {
            let reason = format!("a line of more than {LONGEST_LINE} bytes");
            let (path, line) = (self.path.clone(), self.line + 1);
            return Err(ReadError::BadLine { path, line, column: 1, reason });
        }
        Ok(Some(line))
    }
}

/// Whether a line that cannot be parsed is the beginning of one that can. For a cut within a number or
/// after a decimal point, serde_json may report a wrong character after the last one instead of an early
/// end. With one more digit it reports an early end, as for all other cuts.
fn is_beginning(line: &[u8], error: &serde_json::Error) -> bool {
    let line = line.trim_ascii_end();
    let at_the_end = error.is_syntax() && error.column() >= line.len();
    let ends_early = || {
        let longer = [line, b"0"].concat();
        serde_json::from_slice::<IgnoredAny>(&longer).is_err_and(|error| error.is_eof())
    };
    line.first() == Some(&b'{') && (error.is_eof() || (at_the_end && ends_early()))
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event<'static>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_event().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(usize, usize), String> {
        let mut reader = Reader::new(Path::new("r.jsonl"), text.as_bytes());
        let mut events = 0;
        for event in &mut reader {
            event.map_err(|error| error.to_string())?;
            events += 1;
        }
        Ok((events, reader.torn()))
    }

    const SESSION: &str =
        r#"{"session":{"version":1,"id":"a","start":"2026-01-01T00:00:00Z","dsp":"0.1.0"}}"#;

    #[test]
    fn a_cut_line_costs_that_line() {
        assert_eq!(read(&format!("{SESSION}\n{{\"end\":{{\"sess")), Ok((1, 1)));
        assert_eq!(read(&format!("{SESSION}\n{{\"end\":{{\"sess\n{SESSION}\n")), Ok((2, 1)));
        assert_eq!(read(&format!("{SESSION}\n{{\"end\n{{")), Ok((1, 2)));
        assert_eq!(read(&format!("{SESSION}\n{{\"end\n{{\n{SESSION}\n")), Ok((2, 2)));
        let repeat = r#"{"repeat":{"session":"a","seq":1,"count":2,"statuses":{"200":1,"404":1}}}"#;
        // A later dsp may write fields that this one ignores.
        let fields = r#""a":[-1.5e-7,1e+2,true,null],"b":"\u00e9\ud83d\ude00","c":0.25,"version""#;
        let later = SESSION.replace("\"version\"", fields);
        for line in [SESSION, repeat, &later] {
            for cut in 1..line.len() {
                assert_eq!(read(&line[..cut]), Ok((0, 1)), "{}", &line[..cut]);
            }
        }
        assert_eq!(read(""), Ok((0, 0)));
    }

    #[test]
    fn what_no_dsp_wrote_is_an_error_with_its_place() {
        let error = read("hello\n").unwrap_err();
        assert!(error.starts_with("r.jsonl:1:1: expected value"), "{error}");
        let error = read(&format!("{SESSION}\n{{\"session\":1}}\n")).unwrap_err();
        assert!(error.starts_with("r.jsonl:2:"), "{error}");
        let error = read(&SESSION.replace("\"version\":1", "\"version\":7")).unwrap_err();
        assert!(error.contains("format version 7") && error.contains("newer dsp"), "{error}");
        assert!(read(&"x".repeat(2 << 20)).unwrap_err().contains("a line of more than"));
    }

    /// Whole lines, and one that a crash cut before the next session began.
    const LINES: &str = r#"\{"session":\{"version":1,"id":"[aé]","start":"2026-01-01T00:00:00Z","dsp":"0"\}\}\n|\{"end":\{"sess\n\{"session":\{"version":1,"id":"b","start":"2026-01-01T00:00:00Z","dsp":"0"\}\}\n|\{"repeat":\{"session":"a","seq":[1-9][0-9]{0,2},"count":1(,"statuses":\{"200":1,"404":[0-9]\})?\}\}\n|\n"#;

    proptest! {
        #[test]
        fn a_cut_anywhere_costs_at_most_the_line_that_was_cut(
            lines in prop::collection::vec(LINES, 1..6),
        ) {
            let text = lines.concat();
            for (cut, _) in text.char_indices() {
                let whole = text[..cut].rfind('\n').map_or(0, |end| end + 1);
                let (kept, torn) = read(&text[..whole]).map_err(TestCaseError::fail)?;
                let (events, cut_lines) = read(&text[..cut]).map_err(TestCaseError::fail)?;
                prop_assert!((kept..=kept + 1).contains(&events), "{}", &text[..cut]);
                prop_assert!((torn..=torn + 1).contains(&cut_lines), "{}", &text[..cut]);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for bytes in [bytes.clone(), [SESSION.as_bytes(), b"\n", &bytes].concat()] {
                let _ = Reader::new(Path::new("r.jsonl"), bytes.as_slice()).count();
            }
        }
    }
}
