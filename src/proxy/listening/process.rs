//! The process at the other end of a unix socket, and where it runs.
//!
//! A process ID may belong to another process by the time it is looked up: its process may have ended. Since
//! Linux 6.5, the system gives out a handle of the process (`SO_PEERPIDFD`), which shows whether it still
//! exists after its files in `/proc` were read; then they were its own. On older systems, these files must
//! show the same start before and after, which leaves one gap: a process that ended before it was looked up
//! for the first time, and whose ID was given out again at once.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tokio::net::UnixStream;

use crate::peer::Place;

/// The size limit, in bytes, for a file about a process. A path in it has at most 4096.
const LONGEST: u64 = 1 << 16;

/// A process that connected, which may have ended.
#[derive(Debug)]
pub struct Process {
    number: NonZeroU32,
    /// A handle of it (pidfd_open(2)); `None` if the system has none.
    handle: Option<OwnedFd>,
}

impl Process {
    pub(super) fn of(number: NonZeroU32, stream: &UnixStream) -> Option<Self> {
        Some(Self { number, handle: handle(stream)? })
    }

    /// A process by its ID alone.
    #[must_use]
    pub fn numbered(number: NonZeroU32) -> Self {
        Self { number, handle: None }
    }

    /// Its process ID.
    #[must_use]
    pub fn number(&self) -> NonZeroU32 {
        self.number
    }

    /// Where it runs, according to this folder of processes, which is `/proc` except in tests. `None` if it
    /// has ended, or if that is not known.
    #[must_use]
    pub fn place(&self, processes: &Path) -> Option<Place> {
        let folder = processes.join(self.number.to_string());
        let place = match &self.handle {
            Some(handle) => {
                let cgroups = read(&folder.join("cgroup"))?;
                is_running(handle).then_some(cgroups)?
            }
            None => {
                let start = start(&folder)?;
                let cgroups = read(&folder.join("cgroup"))?;
                let again = read(&folder.join("cgroup"))?;
                (cgroups == again && Some(start) == self::start(&folder)).then_some(cgroups)?
            }
        };
        Place::parse(&place)
    }
}

/// The folder in which the processes of this one's namespace are; `None` if `/proc` is that of another.
pub fn processes() -> Option<&'static Path> {
    static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let folder = PathBuf::from("/proc");
        let own = std::fs::read_link(folder.join("self")).ok()?;
        (own == Path::new(&std::process::id().to_string())).then_some(folder)
    });
    FOLDER.as_deref()
}

/// When a process started, in ticks since the system started (proc_pid_stat(5)).
fn start(folder: &Path) -> Option<u64> {
    // The name of the program is in parentheses, and may contain any character.
    let stat = read(&folder.join("stat"))?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn read(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    let is_whole = (text.len() as u64) < LONGEST;
    String::from_utf8(text).ok().filter(|_| is_whole)
}

/// The handle of the process that connected: `Some(None)` if the system gives out none, and `None` if the
/// process is gone.
#[cfg(target_os = "linux")]
fn handle(stream: &UnixStream) -> Option<Option<OwnedFd>> {
    use nix::errno::Errno;
    use nix::sys::socket::{getsockopt, sockopt};

    match getsockopt(stream, sockopt::PeerPidfd) {
        Ok(handle) => Some(Some(handle)),
        Err(Errno::ENOPROTOOPT) => Some(None),
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn handle(_stream: &UnixStream) -> Option<Option<OwnedFd>> {
    None
}

/// Whether a process has not ended. Its handle can be read when it has.
#[cfg(target_os = "linux")]
fn is_running(handle: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let mut handles = [PollFd::new(handle, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut handles, Some(&at_once)), Ok(0))
}

#[cfg(not(target_os = "linux"))]
fn is_running(_handle: &OwnedFd) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::process::{Command, Stdio};

    use tokio::net::UnixListener;

    use super::*;
    use crate::api::Address;
    use crate::peer::Peer;
    use crate::proxy::Caller;

    fn caller<'a>(stream: &'a UnixStream, listener: &'a Address) -> Caller<'a> {
        Caller { peer: Peer::of_unix(stream), listener, stream: Some(stream), certificate: &[] }
    }

    #[tokio::test]
    async fn a_running_client_has_its_groups_and_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let address = Address::unix(&path).unwrap();
        let caller = caller(&stream, &address);
        let mut groups = caller.groups().unwrap();
        let mut own: Vec<u32> =
            rustix::process::getgroups().unwrap().iter().map(|group| group.as_raw()).collect();
        groups.sort_unstable();
        own.sort_unstable();
        assert_eq!(groups, own);
        let process = caller.process().unwrap();
        assert_eq!(process.number().get(), std::process::id());
        let expected = Place::parse(&fs::read_to_string("/proc/self/cgroup").unwrap());
        assert_eq!(process.place(processes().unwrap()), expected);
        // The same by its ID alone.
        let by_number = Process { handle: None, ..process };
        assert_eq!(by_number.place(processes().unwrap()), expected);
    }

    /// Its ID may belong to another process by the time that anybody looks.
    #[tokio::test]
    async fn a_client_that_has_ended_runs_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let mut curl = Command::new("curl")
            .args(["--silent", "--unix-socket", path.to_str().unwrap(), "http://d/"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let address = Address::unix(&path).unwrap();
        let before = caller(&stream, &address).process().unwrap();
        curl.kill().unwrap();
        curl.wait().unwrap();
        assert_eq!(before.place(processes().unwrap()), None, "its handle shows that it has ended");
        let after = caller(&stream, &address).process();
        assert_eq!(after.and_then(|process| process.place(processes().unwrap())), None);

        // Another process gets its ID, and has the files that it had.
        let number = before.number().get().to_string();
        let files = folder.path().join(number);
        fs::create_dir(&files).unwrap();
        fs::write(files.join("cgroup"), "0::/system.slice/traefik.service\n").unwrap();
        let start = ["S"; 19].join(" ") + " 4711 0\n";
        fs::write(files.join("stat"), format!("7 (a) b) c) {start}")).unwrap();
        assert_eq!(before.place(folder.path()), None);
        let place = Process { handle: None, ..before }.place(folder.path()).unwrap();
        assert_eq!(place.unit.unwrap().to_string(), "traefik.service");
    }

    #[test]
    fn what_does_not_look_like_a_process_runs_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("7");
        let process = Process::numbered(NonZeroU32::new(7).unwrap());
        assert_eq!(process.place(folder.path()), None);
        fs::create_dir(&files).unwrap();
        fs::write(files.join("cgroup"), "0::/\n").unwrap();
        for stat in ["", "7 (a", "7 (a) S 1", &format!("7 (a) {}", ["S"; 30].join(" "))] {
            fs::write(files.join("stat"), stat).unwrap();
            assert_eq!(process.place(folder.path()), None, "{stat}");
        }
        fs::write(files.join("stat"), format!("7 (a) {} 5", ["S"; 19].join(" "))).unwrap();
        assert_eq!(process.place(folder.path()), Some(Place::default()));
        fs::write(files.join("cgroup"), "x".repeat(1 << 17)).unwrap();
        assert_eq!(process.place(folder.path()), None, "it is too long");
    }
}
