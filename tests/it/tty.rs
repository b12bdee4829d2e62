//! A real pseudo-terminal, and what a person would see on it.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rexpect::process::PtyProcess;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::{World, dsp_binary, wait_for};

/// A program on its own terminal.
pub struct Tty {
    process: PtyProcess,
    input: File,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    has_ended: bool,
}

impl Tty {
    /// Runs a shell line with dsp on the PATH, on a terminal of 80 columns and 24 rows.
    pub fn shell(world: &World, line: &str, environment: &[(&str, &str)]) -> Self {
        Self::start(world, &["sh", "-c", line], environment)
    }

    /// Runs `dsp` with these words between two checks of the terminal, and keeps its ID and status for
    /// [`Tty::end`]. As with an interactive shell, Ctrl-C ends dsp and not the shell.
    pub fn watched(world: &World, words: &str, environment: &[(&str, &str)]) -> Self {
        let line = format!(
            "stty -g >before; trap : INT; sh -c 'echo $$ >pid; exec dsp \"$@\"' sh {words}; echo $? >status; \
             stty -g >after"
        );
        Self::shell(world, &line, environment)
    }

    /// Waits for a watched run: its status, and a check that it restored the terminal.
    pub fn end(self, world: &World) -> (i32, Finished) {
        let finished = self.wait();
        assert!(!finished.other_screen, "the other screen is still there");
        assert!(finished.cursor, "the cursor is hidden");
        assert_eq!(world.read("before"), world.read("after"), "the terminal is not as it was");
        (world.read("status").trim().parse().unwrap(), finished)
    }

    /// Runs a program with dsp on the PATH.
    pub fn start(world: &World, words: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = world.command(words[0], &words[1..]);
        let folder = dsp_binary().parent().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", folder.display())).env("TERM", "xterm");
        command.envs(environment.iter().copied());
        // The child's input is the pseudo-terminal, not empty.
        command.stdin(std::process::Stdio::inherit());
        let process = PtyProcess::new(command).unwrap();
        let input = process.get_file_handle().unwrap();
        let mut output = process.get_file_handle().unwrap();
        let size = |number| NonZeroU16::new(number).unwrap();
        let parser = vt100::Parser::new(size(24), size(80), 0);
        let seen = Arc::new(Mutex::new(Seen { parser, raw: Vec::new(), has_ended: false }));
        let shared = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                let mut seen = shared.lock().unwrap();
                seen.parser.process(&bytes[..length]);
                seen.raw.extend(&bytes[..length]);
            }
            shared.lock().unwrap().has_ended = true;
        });
        Self { process, input, seen, reader: Some(reader) }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
    }

    /// Presses keys and waits until something is on the screen.
    pub fn press_until(&mut self, keys: &str, text: &str) {
        self.press(keys);
        self.wait_for(text);
    }

    /// Waits until something is on the screen.
    pub fn wait_for(&self, text: &str) {
        let start = std::time::Instant::now();
        while !self.contents().contains(text) {
            assert!(
                start.elapsed() < crate::support::PATIENCE,
                "waited for {text:?} on this screen:\n{}",
                self.contents()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// What is on the screen.
    pub fn contents(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Everything that was written to the terminal.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().raw).into_owned()
    }

    /// Whether the alternate screen is shown.
    pub fn has_other_screen(&self) -> bool {
        self.seen.lock().unwrap().parser.screen().alternate_screen()
    }

    /// Whether the cursor can be seen.
    pub fn has_cursor(&self) -> bool {
        !self.seen.lock().unwrap().parser.screen().hide_cursor()
    }

    /// Resizes the terminal.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = |number| NonZeroU16::new(number).unwrap();
        self.seen.lock().unwrap().parser.screen_mut().set_size(size(rows), size(columns));
        let winsize = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(self.input.as_fd(), winsize).unwrap();
    }

    /// Sends a signal to the process whose ID a shell has written to a file.
    pub fn signal(world: &World, signal: Signal) {
        let id = world.read("pid").trim().parse().unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until the program has ended and everything it wrote was read.
    pub fn wait(mut self) -> Finished {
        wait_for("the end of the program", || self.process.status().is_none_or(has_ended));
        // The other side is closed, so the reader ends.
        wait_for("the end of the output", || self.seen.lock().unwrap().has_ended);
        self.reader.take().unwrap().join().unwrap();
        Finished {
            contents: self.contents(),
            raw: self.raw(),
            other_screen: self.has_other_screen(),
            cursor: self.has_cursor(),
        }
    }
}

fn has_ended(status: rexpect::process::WaitStatus) -> bool {
    !matches!(status, rexpect::process::WaitStatus::StillAlive)
}

/// What a program has left on the terminal.
pub struct Finished {
    pub contents: String,
    pub raw: String,
    pub other_screen: bool,
    pub cursor: bool,
}
