//! A question on the terminal that a signal can end, and that leaves the terminal as it was.
//!
//! dialoguer hides the cursor while it asks, and Ctrl-C then ends the process with the cursor still
//! hidden (console-rs/dialoguer issue 77); a signal from elsewhere would also leave the terminal in raw
//! mode. So signals are blocked while a question is asked. No handler is installed, so what the process
//! does with signals before and after does not change.

use std::fs::File;
use std::io::{self, PipeReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::thread;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::stdio::dup2_stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

const SHOW_CURSOR: &[u8] = b"\x1b[?25h";

/// How long a thread may take to change the mode of the terminal.
const LONGEST_CHANGE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// A signal with this number arrived, or the key that sends it was pressed.
    #[error("ended by signal {0}")]
    Signal(u8),
    /// The terminal does not work.
    #[error("cannot ask on the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// How a question is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum By {
    /// By single keys, for example to move a selection.
    Keys,
    /// By a line that the terminal edits itself.
    Line,
}

/// Asks a question on a separate thread.
///
/// # Errors
/// [`Unanswered`]. The process is expected to end after [`Unanswered::Signal`]: the thread may still
/// wait for a key.
pub(super) fn ask<T: Send + 'static>(
    by: By,
    question: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Unanswered> {
    // Declared in this order so that the terminal is restored before signals are unblocked.
    let signals = Blocked::new()?;
    let terminal = Terminal::take(by)?;
    let (sender, answer) = mpsc::channel();
    let (ended, end) = io::pipe()?;
    let thread = thread::Builder::new().name("dsp-question".to_owned()).spawn(move || {
        // Closed when the thread ends, also by a panic.
        let _end = end;
        // After a signal, no one receives the answer.
        let _ = sender.send(question());
    })?;
    if let Some(signal) = signals.wait(&ended)? {
        terminal.take_from_question(&ended)?;
        return Err(Unanswered::Signal(signal));
    }
    // The panic has printed its own message.
    let panicked = || io::Error::other("the question could not be shown");
    thread.join().map_err(|_| panicked())?;
    match answer.recv().map_err(|_| panicked())? {
        Ok(answer) => Ok(answer),
        // Ctrl-C: console raised the signal in that thread, and it was lost when the thread ended.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            Err(Unanswered::Signal(number(Signal::SIGINT)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The signals that end a question.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

fn number(signal: Signal) -> u8 {
    u8::try_from(signal as i32).unwrap_or(u8::MAX)
}

/// Restores the terminal's settings when dropped.
struct Terminal {
    handle: OwnedFd,
    before: Termios,
    by: By,
}

impl Terminal {
    fn take(by: By) -> io::Result<Self> {
        let handle = io::stdin().as_fd().try_clone_to_owned()?;
        let terminal = Self { before: tcgetattr(&handle)?, handle, by };
        if by == By::Keys {
            let mut keys = terminal.before.clone();
            // console changes the mode for one key at a time: what is typed between two keys would be
            // echoed, edited or turned into a signal.
            keys.local_modes -=
                LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
            tcsetattr(&terminal.handle, OptionalActions::Drain, &keys)?;
        }
        Ok(terminal)
    }

    /// Leaves the thread that still asks without a terminal: it would set the mode for its next key after
    /// the terminal has been restored. Returns when the thread has ended or waits for a key.
    fn take_from_question(&self, ended: &PipeReader) -> io::Result<()> {
        let nothing = File::open("/dev/null")?;
        // Where stdin is not a terminal, console opens one. This process opens no more files.
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(1), maximum })?;
        dup2_stdin(nothing)?;
        // A change of mode that has begun ends before this.
        let mut end = [PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
        let _ = poll(&mut end, Some(&LONGEST_CHANGE));
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // If the terminal is gone, there is no way to report that.
        if self.by == By::Keys {
            let _ = io::stderr().write_all(SHOW_CURSOR);
        }
        let _ = tcsetattr(&self.handle, OptionalActions::Drain, &self.before);
    }
}

/// Blocks signals, and unblocks them when dropped.
struct Blocked {
    before: SigSet,
    #[cfg(target_os = "linux")]
    arrived: nix::sys::signalfd::SignalFd,
}

impl Blocked {
    /// Blocks signals in this thread and in those that it starts.
    fn new() -> io::Result<Self> {
        let signals: SigSet = ENDING.into_iter().collect();
        let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        #[cfg(target_os = "linux")]
        let arrived = {
            use nix::sys::signalfd::{SfdFlags, SignalFd};
            SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
                .inspect_err(|_| {
                    let _ = before.thread_set_mask();
                })?
        };
        Ok(Self {
            before,
            #[cfg(target_os = "linux")]
            arrived,
        })
    }

    /// Waits for the end of a pipe, and returns the number of a signal that arrives first.
    fn wait(&self, ended: &PipeReader) -> io::Result<Option<u8>> {
        let mut sources = vec![PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
        #[cfg(target_os = "linux")]
        sources.push(PollFd::from_borrowed_fd(self.arrived.as_fd(), PollFlags::IN));
        loop {
            match poll(&mut sources, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            #[cfg(target_os = "linux")]
            if let Some(signal) = self.arrived.read_signal()? {
                return Ok(Some(u8::try_from(signal.ssi_signo).unwrap_or(u8::MAX)));
            }
            if sources.first().is_some_and(|source| !source.revents().is_empty()) {
                return Ok(None);
            }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // Cannot fail: the mask came from the system.
        let _ = self.before.thread_set_mask();
    }
}
