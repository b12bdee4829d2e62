//! Decides which signals to forward to the program.
//!
//! A terminal sends Ctrl-C to every process in its foreground group. A program in the same group as
//! dsp has received it already, and a second one would make many programs abort at once. A signal
//! sent to dsp alone has not reached the program.

use std::fs::File;
use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// The signals that dsp receives while a program runs.
pub(super) struct Incoming {
    hangup: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Incoming {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::HUP,
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.terminate.recv() => Signal::TERM,
        }
    }
}

/// The rules for the signals that reach dsp.
#[derive(Debug)]
pub(super) struct Plan {
    terminal_delivers: bool,
    terminated: bool,
}

impl Plan {
    pub(super) fn new(terminal_delivers: bool) -> Self {
        Self { terminal_delivers, terminated: false }
    }

    /// The signal to forward, if any. Signals of the keyboard are forwarded only if no terminal has
    /// delivered them. A second TERM becomes a KILL, for programs that ignore the first.
    pub(super) fn pass_on(&mut self, signal: Signal) -> Option<Signal> {
        match signal {
            Signal::TERM if self.terminated => Some(Signal::KILL),
            Signal::TERM => {
                self.terminated = true;
                Some(Signal::TERM)
            }
            _ if self.terminal_delivers => None,
            keyboard => Some(keyboard),
        }
    }
}

/// Whether this process, and therefore the program, is in the foreground group of a terminal.
pub(super) fn terminal_delivers() -> bool {
    let Ok(terminal) = File::open("/dev/tty") else { return false };
    let foreground = rustix::termios::tcgetpgrp(&terminal).ok();
    foreground == Some(rustix::process::getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminals_signals_are_not_sent_twice() {
        let mut plan = Plan::new(true);
        assert_eq!(plan.pass_on(Signal::INT), None);
        assert_eq!(plan.pass_on(Signal::TERM), Some(Signal::TERM));
        assert_eq!(plan.pass_on(Signal::TERM), Some(Signal::KILL));
        let mut plan = Plan::new(false);
        assert_eq!(plan.pass_on(Signal::INT), Some(Signal::INT));
        assert_eq!(plan.pass_on(Signal::HUP), Some(Signal::HUP));
    }
}
