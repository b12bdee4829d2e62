//! The terminal during a dialogue: single keys and the alternate screen. However the dialogue ends,
//! everything is restored.

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

/// Switches to the alternate screen, so that the content of the terminal comes back afterwards; hides
/// the cursor; and turns on bracketed paste, so that pasted text is not read as answers.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h";
const LEAVE: &str = "\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// How long to wait after an escape for the rest of a key sequence.
const ESCAPE_TIME: Duration = Duration::from_millis(50);

/// The assumed size of a terminal that does not report it.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// A terminal that a dialogue has taken over. It is restored when dropped.
pub(super) struct Terminal {
    before: Termios,
    has_colours: bool,
}

impl Terminal {
    /// Whether stdin and stdout are terminals.
    pub(super) fn is_there() -> bool {
        termios::isatty(io::stdin()) && termios::isatty(io::stdout())
    }

    /// Takes over the terminal.
    ///
    /// # Errors
    /// If the terminal's settings cannot be read or changed.
    pub(super) fn take(has_colours: bool) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let terminal = Self { before, has_colours };
        let restored = terminal.before.clone();
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // First, so that the message does not go to the alternate screen and disappear with it.
            give_back(&restored);
            hook(info);
        }));
        terminal.enter()?;
        Ok(terminal)
    }

    /// Takes over the terminal again, after the process was stopped.
    pub(super) fn enter(&self) -> io::Result<()> {
        let mut raw = self.before.clone();
        // Read keys one by one and without echo, including Ctrl-C and Ctrl-Z.
        raw.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        write(ENTER)
    }

    /// Restores the terminal while the process is stopped.
    pub(super) fn leave(&self) {
        give_back(&self.before);
    }

    /// The size of the terminal in columns and rows.
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
            // Cleared first: after a full line, some terminals would clear its last character.
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
        // In a panic, the hook has restored it already, and hooks cannot be removed during a panic.
        if !std::thread::panicking() {
            give_back(&self.before);
            let _ = panic::take_hook();
        }
    }
}

fn give_back(before: &Termios) {
    // If the terminal is gone, there is no way to report that.
    let _ = write(LEAVE);
    let _ = tcsetattr(io::stdin(), OptionalActions::Drain, before);
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Receives the keys that are pressed from now on, until the terminal is gone. Keys that arrive at the
/// same time are in one batch.
pub(super) fn keys() -> mpsc::UnboundedReceiver<Vec<Key>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // A separate thread, which ends with the process: reads from a terminal block, and non-blocking
    // mode would also apply to every other program that shares the terminal.
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
