//! A thread in its own mount namespace. It starts a program there and keeps a socket mounted over
//! some paths while the program runs. Linux only.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use nix::sched::CloneFlags;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::process::{getgid, getuid};
use rustix::thread::CapabilitySet;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::intercept_error::InterceptError;
use crate::text::shown;

/// A mount namespace that exists as long as this value.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) is_without_root: bool,
    jobs: mpsc::Sender<Job>,
    /// Closing it ends the thread.
    _life: UnixStream,
}

/// A program to start in the namespace.
struct Job {
    command: Command,
    socket: PathBuf,
    runtime: Handle,
    reply: oneshot::Sender<Result<io::Result<Child>, InterceptError>>,
}

impl Namespace {
    /// Creates a namespace in which each of the paths can be covered.
    pub(super) fn enter(paths: &[PathBuf]) -> Result<Self, InterceptError> {
        let first = paths.first().map_or(Path::new("/"), PathBuf::as_path);
        let other = |source| InterceptError::Other { path: first.to_owned(), source };
        let is_without_root = !may_mount();
        if is_without_root {
            enter_user_namespace()
                .map_err(|source| InterceptError::NoNamespace { path: first.to_owned(), source })?;
        }
        let (life, ended) = UnixStream::pair().map_err(other)?;
        let (jobs, coming) = mpsc::channel();
        let (tell, told) = mpsc::sync_channel(1);
        let paths = paths.to_owned();
        thread::Builder::new()
            .name("intercept".to_owned())
            .spawn(move || match enter_mount_namespace(&paths) {
                Ok(changes) => {
                    let _ = tell.send(Ok(()));
                    if let Ok(job) = coming.recv() {
                        run(&paths, job, &changes, &ended);
                    }
                }
                Err(error) => {
                    let _ = tell.send(Err(error));
                }
            })
            .map_err(other)?;
        told.recv().unwrap_or_else(|_| Err(other(io::ErrorKind::BrokenPipe.into())))?;
        Ok(Self { is_without_root, jobs, _life: life })
    }

    /// Covers the paths with `socket` and starts a program. Callable once.
    pub(super) async fn spawn(
        &self,
        command: Command,
        socket: PathBuf,
    ) -> Result<io::Result<Child>, InterceptError> {
        let gone = || Ok(Err(io::ErrorKind::BrokenPipe.into()));
        let (reply, answer) = oneshot::channel();
        let job = Job { command, socket, runtime: Handle::current(), reply };
        if self.jobs.send(job).is_err() {
            return gone();
        }
        answer.await.unwrap_or_else(|_| gone())
    }
}

/// Whether this process is permitted to mount.
fn may_mount() -> bool {
    rustix::thread::capabilities(None)
        .is_ok_and(|held| held.effective.contains(CapabilitySet::SYS_ADMIN))
}

/// Moves this process, which has one thread, into a user namespace in which it may mount and has
/// the same user as before. No process can change its user there, which makes entering it safe.
fn enter_user_namespace() -> io::Result<()> {
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    nix::sched::unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| match error {
        // The system's own text for it is about a full disk.
        nix::Error::ENOSPC => io::Error::other("the limit for user namespaces is reached"),
        error => error.into(),
    })?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Moves only this thread into a mount namespace, and tests whether the paths can be covered by
/// mounting each over itself. Returns a watch on changes in their folders.
fn enter_mount_namespace(paths: &[PathBuf]) -> Result<OwnedFd, InterceptError> {
    let first = paths.first().map_or(Path::new("/"), PathBuf::as_path);
    let unwatched = |error: Errno| InterceptError::Other {
        path: first.to_owned(),
        source: io::Error::from(error),
    };
    let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(unwatched)?;
    for folder in paths.iter().filter_map(|path| path.parent()) {
        inotify::add_watch(&changes, folder, WatchFlags::CREATE | WatchFlags::MOVED_TO)
            .map_err(unwatched)?;
    }
    nix::sched::unshare(CloneFlags::CLONE_NEWNS)
        .map_err(|error| InterceptError::new(first, error.into()))?;
    // Later mounts of the system appear here too, but mounts made here stay here.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .map_err(|error| InterceptError::new(first, error.into()))?;
    for path in paths {
        mount_bind(path, path).map_err(|error| InterceptError::new(path, error.into()))?;
    }
    Ok(changes)
}

/// Starts the program and keeps the paths covered until it ends.
fn run(paths: &[PathBuf], job: Job, changes: &OwnedFd, ended: &UnixStream) {
    let Job { mut command, socket, runtime, reply } = job;
    let covered = paths.iter().try_for_each(|path| {
        mount_bind(&socket, path).map_err(|error| InterceptError::new(path, error.into()))
    });
    let started = covered.map(|()| {
        let _entered = runtime.enter();
        command.spawn()
    });
    let runs = matches!(started, Ok(Ok(_)));
    if reply.send(started).is_err() || !runs {
        return;
    }
    while wait(changes, ended) {
        for path in paths {
            if let Err(error) = cover(&socket, path) {
                let path = shown(path);
                tracing::error!(%path, %error, "cannot cover the path again, so requests bypass dsp");
            }
        }
    }
}

/// Covers a path that was replaced. A path that is gone can wait.
fn cover(socket: &Path, path: &Path) -> io::Result<()> {
    let identity = |path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    let wanted = identity(socket)?;
    match identity(path) {
        Ok(found) if found == wanted => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => match mount_bind(socket, path) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        },
    }
}

/// Waits until a file appears in the folders; false at the end.
fn wait(changes: &OwnedFd, ended: &UnixStream) -> bool {
    loop {
        let mut ready = [PollFd::new(changes, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
        match poll(&mut ready, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return false,
        }
        let [changed, over] = &ready;
        if !over.revents().is_empty() {
            return false;
        }
        if !changed.revents().is_empty() {
            // This only empties the queue; the caller examines the paths.
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut events = inotify::Reader::new(changes, &mut buffer);
            while events.next().is_ok() {}
            return true;
        }
    }
}
