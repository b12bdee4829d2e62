//! An open file that the lines of one session, or of several, are written to.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::outlet::Outlet;

/// An open file, such as a pipe, that the lines of one session, or of several, are written to.
#[derive(Clone, Debug)]
pub struct Stream(Arc<Mutex<Lines>>);

/// The lines of an open file. Each is written whole before the next one begins: the system may split a
/// line that is longer than what it writes to a pipe at once.
#[derive(Debug)]
struct Lines {
    outlet: Outlet,
    /// Whether the last line could not be written. Part of it may have been written, so the next line must
    /// begin with a line break.
    is_failing: bool,
}

impl Stream {
    /// Writes to a file that other programs may have opened, too, from its current position.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self(Arc::new(Mutex::new(Lines { outlet: Outlet::shared(file), is_failing: false })))
    }

    /// Begins the next line with a line break, because the file ends in the middle of a line.
    pub(super) fn end_torn_line(&self) {
        self.0.lock().is_failing = true;
    }

    /// Writes a line, which is given between two line breaks, with one call if it is to a file. If the
    /// reader of a pipe stalls, this waits for it once, and not again until it has read something.
    pub(super) fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut lines = self.0.lock();
        let was_failing = lines.is_failing;
        let line = if was_failing { line } else { line.get(1..).unwrap_or_default() };
        let written = lines.outlet.write(line, !was_failing);
        lines.is_failing = written.is_err();
        written
    }

    /// Replaces the file, to simulate a disk that fills up.
    #[cfg(test)]
    pub(super) fn swap(&self, file: File) -> File {
        std::mem::replace(&mut self.0.lock().outlet, Outlet::of(file)).into_file()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn long_lines_of_several_sessions_are_not_mixed() {
        let (mut reader, writer) = io::pipe().unwrap();
        let stream = Stream::new(File::from(OwnedFd::from(writer)));
        let mut all = String::new();
        std::thread::scope(|scope| {
            for letter in ["a", "b", "c", "d"] {
                let stream = stream.clone();
                let line = format!("\n{}\n", letter.repeat(100_000));
                scope.spawn(move || (0..20).for_each(|_| stream.write(line.as_bytes()).unwrap()));
            }
            drop(stream);
            reader.read_to_string(&mut all).unwrap();
        });
        assert_eq!(all.lines().count(), 80);
        for line in all.lines() {
            let first = line.get(..1).unwrap();
            assert!(line.len() == 100_000 && line.matches(first).count() == 100_000);
        }
    }

    #[test]
    fn after_a_line_that_was_cut_the_next_one_begins_on_its_own_whoever_writes_it() {
        let (mut reader, writer) = io::pipe().unwrap();
        let stream = Stream::new(File::from(OwnedFd::from(writer)));
        let other = stream.clone();
        let long = [b"\n", vec![b'x'; 1 << 20].as_slice(), b"\n"].concat();
        assert!(stream.write(&long).is_err(), "nobody reads");
        let mut room = vec![0; 32 << 10];
        reader.read_exact(&mut room).unwrap();
        other.write(b"\nnext\n").unwrap();
        drop((stream, other));
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert!(rest.starts_with('x') && rest.ends_with("x\nnext\n"));
    }
}
