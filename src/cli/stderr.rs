//! Writes to stderr on a separate thread while dsp serves, so that a stalled reader delays neither the
//! service nor the end. Lines that are not read in time are dropped and counted.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The most bytes that may wait to be written.
const MOST: usize = 1 << 20;

/// How long a line waits for room.
const PATIENCE: Duration = Duration::from_secs(1);

/// After a line has waited in vain, no line waits for at least this long, nor until something is read.
const IMPATIENCE: Duration = Duration::from_secs(10);

/// How long a message waits until it is written.
const WORD: Duration = Duration::from_millis(100);

/// How long dsp waits at its end until everything is written.
const LAST_WORDS: Duration = Duration::from_secs(1);

static LINES: OnceLock<Lines> = OnceLock::new();

/// Starts the thread that writes from now on.
pub(super) fn start() {
    if LINES.set(Lines::default()).is_err() {
        return;
    }
    let Some(lines) = LINES.get() else { return };
    let write = || lines.write_all_to(&mut io::stderr());
    let started = thread::Builder::new().name("dsp-stderr".to_owned()).spawn(write);
    lines.state.lock().is_served = started.is_ok();
}

/// Writes a message. It is on stderr when this returns, unless the reader has stalled.
pub(super) fn say(text: &str) -> io::Result<()> {
    match LINES.get().filter(|lines| lines.state.lock().is_served) {
        Some(lines) => {
            let is_plain =
                anstream::AutoStream::choice(&io::stderr()) == anstream::ColorChoice::Never;
            let line = format!("{text}\n");
            let stripped = is_plain.then(|| anstream::adapter::strip_str(&line).to_string());
            lines.push(stripped.unwrap_or(line).into_bytes());
            lines.wait(WORD);
            Ok(())
        }
        None => writeln!(anstream::stderr().lock(), "{text}"),
    }
}

/// Writes a prompt without a line break. Only before dsp serves.
pub(super) fn say_part(text: &str) -> io::Result<()> {
    let mut stderr = anstream::stderr().lock();
    write!(stderr, "{text}")?;
    stderr.flush()
}

/// Waits until everything is written, but at most a second.
pub(super) fn finish() {
    if let Some(lines) = LINES.get() {
        lines.wait(LAST_WORDS);
    }
}

/// The destination of the log. Each call writes a whole line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log;

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match LINES.get().filter(|lines| lines.state.lock().is_served) {
            Some(lines) => lines.push(line.to_vec()),
            None => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines that wait to be written.
#[derive(Debug, Default)]
struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_served: bool,
    waiting: VecDeque<Vec<u8>>,
    /// The size of the lines that wait or are being written.
    bytes: usize,
    /// The number of lines that were dropped and not yet reported.
    dropped: u64,
    /// Whether a line has waited in vain and nothing was read since. Until `impatient`, no line
    /// waits for room.
    is_stalled: bool,
    impatient: Option<Instant>,
}

impl Lines {
    /// Queues a line, or drops it if nobody reads.
    fn push(&self, line: Vec<u8>) {
        let mut state = self.state.lock();
        let has_room = |state: &State| state.bytes == 0 || state.bytes + line.len() <= MOST;
        let is_impatient = state.impatient.is_some_and(|until| Instant::now() < until);
        if !has_room(&state) && !is_impatient && !state.is_stalled {
            let lacks_room = |state: &mut State| !has_room(state);
            self.changed.wait_while_for(&mut state, lacks_room, PATIENCE);
            if !has_room(&state) {
                state.is_stalled = true;
                state.impatient = Some(Instant::now() + IMPATIENCE);
            }
        }
        if has_room(&state) {
            state.bytes += line.len();
            state.waiting.push_back(line);
        } else {
            state.dropped += 1;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until everything is written, but at most this long.
    fn wait(&self, most: Duration) {
        let is_unwritten = |state: &mut State| state.bytes > 0 || state.dropped > 0;
        self.changed.wait_while_for(&mut self.state.lock(), is_unwritten, most);
    }

    /// Writes all lines, and never returns.
    fn write_all_to(&self, to: &mut impl Write) {
        loop {
            self.write_some_to(to);
        }
    }

    /// Waits for something to write, and writes it.
    fn write_some_to(&self, to: &mut impl Write) {
        let is_idle = |state: &mut State| state.waiting.is_empty() && state.dropped == 0;
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, is_idle);
        let mut text = Vec::new();
        for line in state.waiting.drain(..) {
            text.extend_from_slice(&line);
        }
        let dropped = std::mem::take(&mut state.dropped);
        if dropped > 0 {
            let what = "lines of the log are missing here, because they were not read in time";
            text.extend_from_slice(format!("dsp: {dropped} {what}\n").as_bytes());
            // So that `wait` also waits for this line, which was never queued.
            state.bytes += 1;
        }
        let counted = state.bytes;
        drop(state);
        // If stderr does not work, there is no way to report that.
        let _ = to.write_all(&text).and_then(|()| to.flush());
        let mut state = self.state.lock();
        state.bytes -= counted;
        state.is_stalled = false;
        drop(state);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;

    use super::*;

    /// A reader that reads one piece of output for each message on the channel.
    struct Reader(mpsc::Receiver<()>, Vec<u8>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)?;
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_is_lost_on_a_reader_that_reads() {
        let lines = Arc::new(Lines::default());
        let writer = Arc::clone(&lines);
        let written = thread::spawn(move || {
            let mut all = Vec::new();
            while !all.ends_with(b"end\n") {
                writer.write_some_to(&mut all);
            }
            all
        });
        let line = [&[b'x'; 99][..], b"\n"].concat();
        (0..30_000).for_each(|_| lines.push(line.clone()));
        lines.wait(LAST_WORDS);
        lines.push(b"end\n".to_vec());
        assert_eq!(written.join().unwrap().len(), 3_000_004);
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted() {
        let lines = Arc::new(Lines::default());
        let (read, may_read) = mpsc::channel();
        let writer = Arc::clone(&lines);
        let written = thread::spawn(move || {
            let mut reader = Reader(may_read, Vec::new());
            while !reader.1.ends_with(b"in time\n") {
                writer.write_some_to(&mut reader);
            }
            reader.1
        });
        let start = Instant::now();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        (0..10_000).for_each(|_| lines.push(line.clone()));
        assert!(start.elapsed() < 5 * PATIENCE, "it waits once: {:?}", start.elapsed());
        assert!(lines.state.lock().bytes <= MOST);
        for _ in 0..3 {
            let _ = read.send(());
        }
        let text = String::from_utf8(written.join().unwrap()).unwrap();
        let dropped = text.lines().find_map(|line| line.strip_prefix("dsp: "));
        let dropped: usize = dropped.unwrap().split(' ').next().unwrap().parse().unwrap();
        let kept = text.lines().filter(|line| line.starts_with('x')).count();
        assert!(dropped > 8_000, "{dropped}");
        assert_eq!(dropped + kept, 10_000);
    }
}
