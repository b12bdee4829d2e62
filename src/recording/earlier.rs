//! The sessions that a file contained before one that was appended to it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::{Event, Session, redact};

/// The longest first line of a session that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// How the first line of a session begins.
const SESSION: &[u8] = b"{\"session\":";

/// The sessions in the file at `path` before the one with this id, in order. Other lines are skipped
/// without being parsed, and so are malformed first lines. If the path is not a file, there are none.
///
/// # Errors
/// Returns the error from the operating system.
pub fn earlier(path: &Path, id: &str) -> io::Result<Vec<Session>> {
    let mut sessions = Vec::new();
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(sessions);
    }
    let mut lines = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        // The beginning decides whether the rest is read.
        let begin = u64::try_from(SESSION.len()).unwrap_or(LONGEST);
        if lines.by_ref().take(begin).read_until(b'\n', &mut line)? == 0 {
            return Ok(sessions);
        }
        let is_whole = |line: &[u8]| line.last() == Some(&b'\n');
        if line == SESSION {
            lines.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        }
        if !is_whole(&line) {
            lines.skip_until(b'\n')?;
        }
        let Ok(mut event) = serde_json::from_slice(&line) else { continue };
        redact::event(&mut event);
        if let Event::Session(session) = event {
            if session.id == id {
                return Ok(sessions);
            }
            sessions.push(session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sessions_before_it_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let session = |id: &str| {
            let session = Session { id: id.to_owned(), ..Session::begin(vec![id.to_owned()]) };
            serde_json::to_string(&Event::Session(session)).unwrap()
        };
        let text = format!(
            "{}\n{{\"request\":{{}}}}\n{{\"session\":{}\n{}\n{{\"end\":\n{}\n{}\n",
            session("a"),
            "x".repeat(3 << 20),
            session("b"),
            session("c"),
            session("d"),
        );
        std::fs::write(&path, text).unwrap();
        let ids = |id: &str| {
            let found = earlier(&path, id).unwrap();
            found.into_iter().map(|session| session.id).collect::<Vec<_>>()
        };
        assert_eq!(ids("c"), ["a", "b"]);
        assert_eq!(ids("a"), [""; 0]);
        assert_eq!(ids("none"), ["a", "b", "c", "d"]);
        assert!(earlier(folder.path(), "a").unwrap().is_empty(), "a folder holds none");
        assert!(earlier(Path::new("/dev/null"), "a").unwrap().is_empty());
        assert!(earlier(&folder.path().join("no"), "a").is_err());
    }
}
