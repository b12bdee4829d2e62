//! A question on the terminal that a signal can end, and that leaves the terminal as it was.
//!
//! dialoguer hides the cursor while it asks, and the process then dies of Ctrl-C with the cursor still
//! hidden (console-rs/dialoguer issue 77); a signal from elsewhere would leave the terminal raw as
//! well. So signals wait while a question is asked, which also undoes nothing that the process does
//! with them before and after: no handler is installed.

use std::io::{self, PipeReader, Write};
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

const SHOW_CURSOR: &[u8] = b"\x1b[?25h";

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// A signal of this number came, or the key for it.
    #[error("ended by signal {0}")]
    Signal(u8),
    /// The terminal does not work.
    #[error("cannot ask on the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// How a question is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum By {
    /// By single keys, which move things on the screen.
    Keys,
    /// By a line that the terminal edits itself.
    Line,
}

/// Asks a question, on a thread of its own.
///
/// # Errors
/// [`Unanswered`]. The process is expected to end after [`Unanswered::Signal`]: the thread may still
/// wait for a key.
pub(super) fn ask<T: Send + 'static>(
    by: By,
    question: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Unanswered> {
    // The terminal is given back first and signals come through after that.
    let signals = Blocked::new()?;
    let _terminal = Terminal::take(by)?;
    let (sender, answer) = mpsc::channel();
    let (ended, end) = io::pipe()?;
    let thread = thread::Builder::new().name("dsp-question".to_owned()).spawn(move || {
        // Closed when the thread ends, also by a panic.
        let _end = end;
        // Nobody waits for an answer after a signal.
        let _ = sender.send(question());
    })?;
    if let Some(signal) = signals.wait(&ended)? {
        return Err(Unanswered::Signal(signal));
    }
    // Its own message was printed by the panic.
    let panicked = || io::Error::other("the question could not be shown");
    thread.join().map_err(|_| panicked())?;
    match answer.recv().map_err(|_| panicked())? {
        Ok(answer) => Ok(answer),
        // The key for it: console has sent the signal to the thread, with which it is gone.
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

/// The terminal as it was; given back when dropped.
struct Terminal {
    before: Termios,
    by: By,
}

impl Terminal {
    fn take(by: By) -> io::Result<Self> {
        let terminal = Self { before: tcgetattr(io::stdin())?, by };
        if by == By::Keys {
            let mut keys = terminal.before.clone();
            // console takes them away for each key alone: what is typed between two keys would be
            // echoed, edited and taken for a signal.
            keys.local_modes -=
                LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
            tcsetattr(io::stdin(), OptionalActions::Drain, &keys)?;
        }
        Ok(terminal)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // There is nobody to tell that the terminal has gone.
        if self.by == By::Keys {
            let _ = io::stderr().write_all(SHOW_CURSOR);
        }
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Signals that wait; they come through again when this is dropped.
struct Blocked {
    before: SigSet,
    #[cfg(target_os = "linux")]
    arrived: nix::sys::signalfd::SignalFd,
}

impl Blocked {
    /// Has signals wait for this thread and those that it starts.
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

    /// Waits for the end of a pipe, and returns the number of a signal that comes before.
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
        // The mask is one that the system gave.
        let _ = self.before.thread_set_mask();
    }
}
