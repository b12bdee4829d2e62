//! The terminal of a dialogue: single keys, a screen of its own, and everything as it was before
//! when the dialogue ends, however it ends.

use std::io::{self, Write};
use std::panic;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    self, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize,
    tcsetattr,
};
use tokio::sync::mpsc;

use crate::review::Screen;
use crate::terminal::{Key, Keys};

/// Another screen without a cursor, so that what was on the terminal is there again afterwards; and
/// pasted text comes between marks, so that it is not taken for answers.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h";
const LEAVE: &str = "\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// How long an escape waits for the rest of a longer key.
const ESCAPE_TIME: Duration = Duration::from_millis(50);

/// What is taken for the size of a terminal that does not tell it.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// A terminal in the hands of a dialogue; given back when it is dropped.
pub(super) struct Terminal {
    before: Termios,
    has_colours: bool,
}

impl Terminal {
    /// Whether there is a person at both ends.
    pub(super) fn is_there() -> bool {
        termios::isatty(io::stdin()) && termios::isatty(io::stdout())
    }

    /// Takes the terminal.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn take(has_colours: bool) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let terminal = Self { before, has_colours };
        let restored = terminal.before.clone();
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // First, so that the message is not lost with the other screen.
            give_back(&restored);
            hook(info);
        }));
        terminal.enter()?;
        Ok(terminal)
    }

    /// Takes the terminal again, after the process was stopped.
    pub(super) fn enter(&self) -> io::Result<()> {
        let mut raw = self.before.clone();
        // Keys come one by one and unseen, Ctrl-C and Ctrl-Z among them.
        raw.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        write(ENTER)
    }

    /// Gives the terminal back for as long as the process is stopped.
    pub(super) fn leave(&self) {
        give_back(&self.before);
    }

    /// Its columns and rows.
    pub(super) fn size() -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            _ => USUAL_SIZE,
        }
    }

    /// Shows a screen.
    pub(super) fn show(&self, screen: &Screen) -> io::Result<()> {
        let mut text = String::from("\x1b[?25l\x1b[H");
        for (row, line) in screen.lines.iter().enumerate() {
            let line = if self.has_colours {
                line.clone()
            } else {
                anstream::adapter::strip_str(line).to_string()
            };
            // Cleared first: behind a full line some terminals would clear its last character.
            let end = if row + 1 < screen.lines.len() { "\r\n" } else { "" };
            text += &format!("\x1b[2K{line}{end}");
        }
        text += "\x1b[0J";
        if let Some((column, row)) = screen.cursor {
            text += &format!("\x1b[{};{}H\x1b[?25h", row + 1, column + 1);
        }
        write(&text)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A panic has given it back already, and its hook cannot be taken away meanwhile.
        if !std::thread::panicking() {
            give_back(&self.before);
            let _ = panic::take_hook();
        }
    }
}

fn give_back(before: &Termios) {
    // There is nobody to tell that the terminal has gone.
    let _ = write(LEAVE);
    let _ = tcsetattr(io::stdin(), OptionalActions::Drain, before);
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// The keys that are pressed from now on, until the terminal is gone; together those that came at
/// once.
pub(super) fn keys() -> mpsc::UnboundedReceiver<Vec<Key>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // A thread of its own, which ends with the process: a read from a terminal can only be waited
    // for, and to have it never wait would change the terminal for every program that shares it.
    std::thread::spawn(move || {
        let mut keys = Keys::default();
        let mut bytes = [0; 64];
        loop {
            let stdin = io::stdin();
            let wait = Timespec::try_from(ESCAPE_TIME).ok().filter(|_| keys.is_waiting());
            let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut ready, wait.as_ref()) {
                Ok(0) => {}
                Ok(_) => match rustix::io::read(&stdin, &mut bytes) {
                    Ok(0) => return,
                    Ok(length) => keys.push(bytes.get(..length).unwrap_or_default()),
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(_) => return,
                },
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
            }
            let at_rest = ready.iter().all(|ready| ready.revents().is_empty());
            let pressed: Vec<Key> = std::iter::from_fn(|| keys.next(at_rest)).collect();
            if sender.send(pressed).is_err() {
                return;
            }
        }
    });
    receiver
}
