//! Shared by the tests: a `dsp` command in its own folder, and engines.
#![allow(dead_code, reason = "each test module uses its part")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dsp::sample::{Options, SampleEngine};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Variables of the environment that could change the result of a test.
const SCRUBBED: [&str; 16] = [
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "CONTAINER_CONNECTION",
    "CONTAINER_HOST",
    "DOCKER_API_VERSION",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "NO_COLOR",
    "RUST_LOG",
    "XDG_RUNTIME_DIR",
];

/// A folder with an engine, for one test.
pub struct World {
    pub folder: TempDir,
    pub host: String,
    sample: Option<(Runtime, SampleEngine)>,
}

/// The result of a command.
pub struct Done {
    pub status: i32,
    pub out: String,
    pub err: String,
    pub signal: Option<i32>,
}

impl World {
    /// A folder and a sample engine.
    pub fn sample() -> Self {
        let folder = tempfile::Builder::new().prefix("dsp-it-").tempdir_in("/tmp").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let socket = folder.path().join("e.sock");
        let options = Options { tick: Duration::from_millis(50) };
        let engine =
            runtime.block_on(async { SampleEngine::start_with(&socket, options) }).unwrap();
        let host = engine.address().to_string();
        Self { folder, host, sample: Some((runtime, engine)) }
    }

    /// A folder without any engine.
    pub fn without_engine() -> Self {
        let folder = tempfile::Builder::new().prefix("dsp-it-").tempdir_in("/tmp").unwrap();
        let host = format!("unix://{}/none.sock", folder.path().display());
        Self { folder, host, sample: None }
    }

    /// A folder and the real engine that `scripts/test` started; `None` if there is none, unless
    /// one is required.
    pub fn real() -> Option<Self> {
        let host = std::env::var("DSP_TEST_ENGINE_HOST").ok();
        let required = std::env::var("DSP_TEST_ENGINE").is_ok_and(|value| value == "required");
        assert!(
            host.is_some() || !required,
            "DSP_TEST_ENGINE_HOST names no engine; run scripts/test"
        );
        let host = host?;
        let folder = tempfile::Builder::new().prefix("dsp-it-").tempdir_in("/tmp").unwrap();
        Some(Self { folder, host, sample: None })
    }

    /// The sample engine, to ask what it saw.
    pub fn engine(&self) -> &SampleEngine {
        &self.sample.as_ref().unwrap().1
    }

    /// Ends the sample engine, like one that disappears in the middle.
    pub fn stop_engine(&mut self) {
        self.sample = None;
    }

    /// Starts a sample engine where [`World::without_engine`] has none, or where it was stopped.
    pub fn start_engine(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let socket = self.host.strip_prefix("unix://").unwrap();
        let options = Options { tick: Duration::from_millis(50) };
        let engine = runtime.block_on(async { SampleEngine::start_with(socket.as_ref(), options) });
        self.sample = Some((runtime, engine.unwrap()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A command in this folder with a scrubbed environment and this engine.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        SCRUBBED.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.env("DOCKER_HOST", &self.host).env("HOME", self.folder.path());
        command
    }

    pub fn dsp_command(&self, args: &[&str]) -> Command {
        self.command(dsp_binary(), args)
    }

    /// Runs dsp to its end.
    pub fn dsp(&self, args: &[&str]) -> Done {
        self.finish(self.dsp_command(args))
    }

    /// Runs a shell line to its end, with dsp on the PATH.
    pub fn shell(&self, line: &str) -> Done {
        let mut command = self.command("sh", &["-c", line]);
        let folder = dsp_binary().parent().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", folder.display()));
        self.finish(command)
    }

    pub fn finish(&self, command: Command) -> Done {
        self.finish_with(command, |_| ())
    }

    /// Like [`World::finish`], and reports the process ID once it has started.
    pub fn finish_with(
        &self,
        mut command: Command,
        started: impl FnOnce(rustix::process::Pid),
    ) -> Done {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        started(rustix::process::Pid::from_child(&child));
        let output = wait_with_output(child);
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(self.folder.path().to_str().unwrap(), "[DIR]")
        };
        Done {
            status: output.status.code().unwrap_or(-1),
            signal: std::os::unix::process::ExitStatusExt::signal(&output.status),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Starts dsp as a listener on a socket in this folder and waits until it serves.
    pub fn serve(&self, args: &[&str]) -> Server {
        let socket = self.path("p.sock");
        let listen = format!("unix://{}", socket.display());
        let mut all = args.to_vec();
        all.extend(["--listen", &listen]);
        // It prints its addresses, one for each listener.
        let listeners = all.iter().filter(|word| **word == "--listen").count();
        Self::served(self.dsp_command(&all), socket, listeners)
    }

    /// Like [`World::serve`], with a prepared command.
    pub fn serve_command(&self, mut command: Command) -> Server {
        let socket = self.path("p.sock");
        command.arg("--listen").arg(format!("unix://{}", socket.display()));
        let listeners = command.get_args().filter(|word| *word == "--listen").count();
        Self::served(command, socket, listeners)
    }

    /// Like [`World::serve`], with a limit on open files.
    pub fn serve_with_files(&self, files: u32, args: &[&str]) -> Server {
        let socket = self.path("p.sock");
        let line = format!("ulimit -n {files}; exec \"$@\" --listen unix://{}", socket.display());
        let dsp = dsp_binary().to_str().unwrap();
        let words = [&["-c", &line, "sh", dsp], args].concat();
        Self::served(self.command("sh", &words), socket, 1)
    }

    /// Starts a command that serves this socket, and waits until it has printed so many addresses.
    pub fn served(mut command: Command, socket: PathBuf, listeners: usize) -> Server {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let mut printed = String::new();
        let mut byte = [0];
        while printed.lines().count() < listeners || !printed.ends_with('\n') {
            match out.read(&mut byte) {
                Ok(1) => printed.push(char::from(byte[0])),
                _ => panic!("dsp ended: {}", wait_with_error(child)),
            }
        }
        Server { child: Some(child), socket, printed }
    }
}

/// A serving dsp; ended when dropped.
pub struct Server {
    child: Option<Child>,
    pub socket: PathBuf,
    printed: String,
}

impl Server {
    pub fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The first address that it printed.
    pub fn first_address(&self) -> String {
        self.printed.lines().next().unwrap().trim_start_matches("DOCKER_HOST=").to_owned()
    }

    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.child.as_ref().unwrap())
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Ends it with a signal and returns its output.
    pub fn stop(mut self, signal: rustix::process::Signal) -> Done {
        self.signal(signal);
        self.wait()
    }

    pub fn wait(&mut self) -> Done {
        let output = wait_with_output(self.child.take().unwrap());
        Done {
            status: output.status.code().unwrap_or(-1),
            signal: std::os::unix::process::ExitStatusExt::signal(&output.status),
            out: std::mem::take(&mut self.printed),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Says that a test or a part of it needs something that is not here. `scripts/matrix` counts these
/// lines in the output of the test.
pub fn left_out(reason: &str) {
    eprintln!("left out: {reason}");
}

pub fn dsp_binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_dsp"))
}

fn wait_with_error(child: Child) -> String {
    String::from_utf8_lossy(&wait_with_output(child).stderr).into_owned()
}

/// Waits for a process, and ends it if it takes longer than a test may.
fn wait_with_output(child: Child) -> std::process::Output {
    let pid = rustix::process::Pid::from_child(&child);
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        if receive.recv_timeout(PATIENCE * 4) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(send);
    guard.join().unwrap();
    output
}

/// Waits until `done` returns true.
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends bytes and reads until the other side ends.
pub fn exchange(stream: &mut UnixStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until `end` arrives.
pub fn read_until(stream: &mut UnixStream, end: &str) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(end.as_bytes()) {
        match stream.read(&mut byte) {
            Ok(1) => answer.push(byte[0]),
            other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&answer)),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}
