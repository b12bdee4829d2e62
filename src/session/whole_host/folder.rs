//! The folder of a socket: looks at names in it, and changes them. No call follows a link.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, RawMode, Stat, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

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

/// The folder, while no other dsp changes its names. It ends when this is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "holds the lock")] File);

impl Folder {
    /// Opens a folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// Locks the folder; `None` if another process has locked it.
    pub(super) fn lock(&self) -> io::Result<Option<Lock>> {
        // An open file of its own, so that the lock ends with it.
        let file = File::open(&self.path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
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
