//! The folder of a socket: looks at names in it, and changes them. No call follows a link.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, RawMode, Stat, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use rustix::process::geteuid;

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    handle: OwnedFd,
    path: PathBuf,
}

/// A file with one or several names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Found {
    device: u64,
    inode: u64,
    pub(super) is_socket: bool,
    mode: u32,
    owner: u32,
    group: u32,
}

/// While this exists, no other dsp changes the names in the folder.
pub(super) struct Lock<'a> {
    folder: &'a Folder,
    name: &'a OsStr,
    /// Closed last, which ends the lock.
    _file: OwnedFd,
}

impl Folder {
    /// Opens a folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// Locks the names in this folder with a file of dsp's own; `None` if another process has the lock.
    ///
    /// The folder itself is not locked, because everybody who may read it could have that lock for ever. The
    /// file is its user's only, and it is gone when the lock ends.
    pub(super) fn lock<'a>(&'a self, name: &'a OsStr) -> io::Result<Option<Lock<'a>>> {
        // A pipe of that name must not make dsp wait.
        let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::NOFOLLOW;
        let flags = flags | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?;
        let found = rustix::fs::fstat(&file)?;
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        let found = Found::of(&found);
        if !is_file || found.owner != geteuid().as_raw() || found.mode & 0o077 != 0 {
            let name = crate::text::shown(Path::new(name)).to_string();
            return Err(io::Error::other(format!("{name} is not a file of dsp; remove it")));
        }
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // Whoever had the lock before may have removed the file after it was opened here.
        let is_current = self.found(name)?.is_some_and(|now| now.is(&found));
        // A lock that is not current must not be made, because its end would remove the other's file.
        Ok(if is_current { Some(Lock { folder: self, name, _file: file }) } else { None })
    }

    /// The file that has this name, if there is one.
    pub(super) fn found(&self, name: &OsStr) -> io::Result<Option<Found>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Found::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a file a second name, which no file may have.
    pub(super) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty())?)
    }

    /// Gives each of two files the name of the other, in one step: neither name is without a file at any
    /// moment.
    #[cfg(target_os = "linux")]
    pub(super) fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<()> {
        let (folder, how) = (&self.handle, rustix::fs::RenameFlags::EXCHANGE);
        Ok(rustix::fs::renameat_with(folder, one, folder, other, how)?)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn exchange(&self, _one: &OsStr, _other: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Renames a file, in the place of one that has the new name.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Takes a name away, if there is one.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets those use a socket who may use another one.
    pub(super) fn open_like(&self, name: &OsStr, other: &Found) -> io::Result<()> {
        let (owner, group) = (Uid::from_raw(other.owner), Gid::from_raw(other.group));
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::chownat(&self.handle, name, Some(owner), Some(group), flags)?;
        let mode = Mode::from_raw_mode(other.mode as RawMode);
        Ok(rustix::fs::chmodat(&self.handle, name, mode, AtFlags::empty())?)
    }

    /// Whether a program listens on a socket.
    pub(super) fn is_served(&self, name: &OsStr) -> io::Result<bool> {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        let address = SocketAddrUnix::new(self.path.join(name))?;
        match rustix::net::connect(&socket, &address) {
            // A full backlog also means that a program is listening.
            Ok(()) | Err(Errno::AGAIN) => Ok(true),
            Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Lock<'_> {
    /// Removes the file while it is locked, so that nobody else can have locked it.
    fn drop(&mut self) {
        // A file that stays does no harm: the next dsp locks it.
        let _ = self.folder.remove(self.name);
    }
}

impl Found {
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        reason = "the types differ between systems"
    )]
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            is_socket: FileType::from_raw_mode(stat.st_mode) == FileType::Socket,
            mode: u32::from(Mode::from_raw_mode(stat.st_mode).bits()),
            owner: stat.st_uid,
            group: stat.st_gid,
        }
    }

    /// Whether both are one file.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn only_a_file_of_its_own_is_locked() {
        let made = tempfile::tempdir().unwrap();
        let folder = Folder::open(made.path()).unwrap();
        let (name, lock) = (OsStr::new("lock"), made.path().join("lock"));
        fs::write(made.path().join("other"), "").unwrap();
        symlink("other", &lock).unwrap();
        assert!(folder.lock(name).is_err(), "a link");
        fs::remove_file(&lock).unwrap();
        rustix::fs::mknodat(&folder.handle, name, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(folder.lock(name).is_err(), "a pipe");
        fs::remove_file(&lock).unwrap();
        fs::write(&lock, "").unwrap();
        fs::set_permissions(&lock, fs::Permissions::from_mode(0o644)).unwrap();
        let error = folder.lock(name).err().expect("others may open and lock it");
        assert_eq!(error.to_string(), "lock is not a file of dsp; remove it");
        assert!(lock.exists(), "what is not dsp's stays");
        fs::set_permissions(&lock, fs::Permissions::from_mode(0o600)).unwrap();
        drop(folder.lock(name).unwrap().expect("nobody has the lock"));
        assert!(!lock.exists());
    }

    #[test]
    fn one_at_a_time_has_the_lock() {
        let made = tempfile::tempdir().unwrap();
        let name = OsStr::new("lock");
        let (inside, times) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let folder = Folder::open(made.path()).unwrap();
                    for _ in 0..500 {
                        let Some(lock) = folder.lock(name).unwrap() else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        assert!(made.path().join(name).exists());
                        inside.fetch_sub(1, Ordering::SeqCst);
                        times.fetch_add(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_ne!(times.into_inner(), 0);
        assert_eq!(fs::read_dir(made.path()).unwrap().count(), 0);
    }
}
