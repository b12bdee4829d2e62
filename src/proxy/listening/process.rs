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
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::peer::Place;

/// The size limit, in bytes, for a file about a process. A path in it has at most 4096.
const LONGEST: u64 = 1 << 16;

/// More bytes than most of these files have.
const USUAL: usize = 4 << 10;

/// The file system of handles of processes (`PID_FS_MAGIC` of linux/magic.h).
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
const PIDFS: u64 = 0x5049_4446;

/// A process that connected, which may have ended.
#[derive(Debug)]
pub struct Process {
    pub(super) number: NonZeroU32,
    /// A handle of it (pidfd_open(2)); `None` if the system has none.
    pub(super) handle: Option<OwnedFd>,
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

    /// A number that no other process has until the system restarts; `None` if the system gives out none.
    #[must_use]
    pub fn identity(&self) -> Option<u64> {
        self.handle.as_ref().and_then(identity)
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
    // Room for the usual file, which is then read at once.
    let mut text = Vec::with_capacity(USUAL);
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

/// Since Linux 6.9, each process has its own inode number (pidfd_open(2)). Before, all handles had the same.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn identity(handle: &OwnedFd) -> Option<u64> {
    static HAS_NUMBERS: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let has_numbers = *HAS_NUMBERS.get_or_init(|| {
        rustix::fs::fstatfs(handle).is_ok_and(|found| u64::try_from(found.f_type) == Ok(PIDFS))
    });
    let found = has_numbers.then(|| rustix::fs::fstat(handle).ok())?;
    found.map(|found| found.st_ino)
}

/// The number is too short there.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn identity(_handle: &OwnedFd) -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn is_running(_handle: &OwnedFd) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Also of one that has ended: its ID may be another's by then.
    #[cfg(target_os = "linux")]
    #[test]
    fn each_process_has_an_identity_of_its_own() {
        let process = |number| {
            let pid = rustix::process::Pid::from_raw(number as i32).unwrap();
            let flags = rustix::process::PidfdFlags::empty();
            let handle = rustix::process::pidfd_open(pid, flags).ok();
            Process { number: NonZeroU32::new(number).unwrap(), handle }
        };
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let own = process(std::process::id());
        let (first, again) = (process(child.id()), process(child.id()));
        // Older systems have no such numbers.
        if own.identity().is_some() {
            assert_eq!(first.identity(), again.identity());
            assert_ne!(first.identity(), own.identity());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(first.identity(), again.identity());
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
        let login = Place { is_login: true, ..Place::default() };
        assert_eq!(process.place(folder.path()), Some(login));
        fs::write(files.join("cgroup"), "x".repeat(1 << 17)).unwrap();
        assert_eq!(process.place(folder.path()), None, "it is too long");
    }
}
