//! The file of a unix socket.
//!
//! Another user may be able to write to the folder of a socket and replace the file with something else
//! at any moment. So no operation follows the path again: the folder is opened once, its entries are
//! inspected without following links, and only the inspected file is changed.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, RawMode, Stat, Uid};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use rustix::process::{getegid, geteuid};

/// The open folder of a socket, and the socket's name in it.
#[derive(Debug)]
pub(crate) struct Place {
    folder: OwnedFd,
    name: OsString,
    path: PathBuf,
}

/// Identifies a file independently of its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

/// The file found at a place.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) identity: Identity,
    pub(crate) is_socket: bool,
    is_own: bool,
    pub(super) mode: u32,
    pub(super) owner: u32,
    pub(super) group: u32,
}

/// A folder on the path to a socket in which other users could replace the socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hazard {
    /// The folder.
    pub folder: PathBuf,
    /// Its owner, if that is another user.
    owner: Option<u32>,
}

impl fmt::Display for Hazard {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Some(owner) => write!(to, "belongs to user {owner}"),
            None => to.write_str("can be written to by others"),
        }
    }
}

/// The flags for opening a folder. `PATH` needs no permission to list it.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Place {
    /// Opens the folder of a path.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let folder = rustix::fs::openat(CWD, parent(path), FOLDER, Mode::empty())?;
        Ok(Self { folder, name, path: path.to_owned() })
    }

    /// Returns the file there, if there is one. Links are not followed.
    pub(crate) fn found(&self) -> io::Result<Option<Found>> {
        match rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Found::of(&stat))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Connects to the file that was found, to see whether a program is listening on it.
    pub(crate) fn connect(&self, found: &Found) -> io::Result<()> {
        let socket = unix_socket()?;
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let file = self.open(found.identity)?;
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
                // /proc is not mounted.
                Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => {}
                connected => return Ok(connected?),
            }
        }
        let _ = found;
        Ok(rustix::net::connect(&socket, &SocketAddrUnix::new(&self.path)?)?)
    }

    /// Removes a file unless another file has replaced it.
    pub(crate) fn remove(&self, identity: Identity) -> io::Result<()> {
        if self.found()?.is_some_and(|found| found.identity == identity) {
            rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty())?;
        }
        Ok(())
    }

    /// Binds a socket here. Its file has the mode from the moment it is created, and no client can
    /// connect until the socket listens.
    pub(crate) fn bind(&self, socket: &OwnedFd, mode: u32) -> io::Result<Identity> {
        let raw = Mode::from_raw_mode(mode as RawMode);
        // On Linux the file gets the mode that the socket has when it is bound, minus the umask; other
        // systems reject this call.
        let _ = rustix::fs::fchmod(socket, raw);
        let address = SocketAddrUnix::new(&self.path)?;
        let bind = || rustix::net::bind(socket, &address);
        if mode & 0o077 == 0 {
            bind()?
        } else {
            without_umask(bind)?
        }
        let found = self.found()?.filter(|found| found.is_socket && found.is_own);
        let found = found.ok_or_else(replaced)?;
        if found.mode != mode {
            self.set_mode(found.identity, mode)?;
        }
        Ok(found.identity)
    }

    /// Sets the owner and the group of a file.
    pub(crate) fn give(
        &self,
        identity: Identity,
        owner: Option<u32>,
        group: Option<u32>,
    ) -> io::Result<()> {
        let (owner, group) = (owner.map(Uid::from_raw), group.map(Gid::from_raw));
        #[cfg(target_os = "linux")]
        {
            let file = self.open(identity)?;
            rustix::fs::chownat(&file, "", owner, group, AtFlags::EMPTY_PATH)?;
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = identity;
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(&self.folder, &self.name, owner, group, flags)?;
        }
        Ok(())
    }

    /// Sets the mode of a file: one that was not created with it, because a default ACL of the folder (acl(5))
    /// took precedence over the umask, or one that is being served.
    #[cfg(target_os = "linux")]
    pub(super) fn set_mode(&self, identity: Identity, mode: u32) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        let mode = Mode::from_raw_mode(mode as RawMode);
        let file = self.open(identity)?;
        // Through /proc, because fchmod(2) does not accept a file opened with `O_PATH`.
        Ok(rustix::fs::chmod(format!("/proc/self/fd/{}", file.as_raw_fd()), mode)?)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn set_mode(&self, identity: Identity, mode: u32) -> io::Result<()> {
        if self.found()?.is_none_or(|found| found.identity != identity) {
            return Err(replaced());
        }
        let (mode, flags) = (Mode::from_raw_mode(mode as RawMode), AtFlags::SYMLINK_NOFOLLOW);
        Ok(rustix::fs::chmodat(&self.folder, &self.name, mode, flags)?)
    }

    /// Opens the file itself, if it is still the expected one.
    #[cfg(target_os = "linux")]
    fn open(&self, identity: Identity) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.folder, &self.name, flags, Mode::empty())?;
        let found = Found::of(&rustix::fs::fstat(&file)?);
        if found.identity == identity && found.is_socket { Ok(file) } else { Err(replaced()) }
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
            identity: Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 },
            is_socket: FileType::from_raw_mode(stat.st_mode) == FileType::Socket,
            // With a second link, the file may be a socket from elsewhere.
            is_own: stat.st_uid == geteuid().as_raw() && stat.st_nlink == 1,
            mode: u32::from(Mode::from_raw_mode(stat.st_mode).bits()),
            owner: stat.st_uid,
            group: stat.st_gid,
        }
    }
}

pub(super) fn replaced() -> io::Error {
    io::Error::other("another program put something else in its place")
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Returns the first folder on the path in which other users could replace something.
pub(crate) fn hazard(path: &Path) -> Option<Hazard> {
    let folder = fs::canonicalize(parent(path)).ok()?;
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    folder.ancestors().find_map(|folder| {
        let found = fs::symlink_metadata(folder).ok()?;
        let hazard = |owner| Some(Hazard { folder: folder.to_owned(), owner });
        let (owner, mode) = (found.uid(), found.mode());
        if owner != user && owner != 0 {
            return hazard(Some(owner));
        }
        // In a sticky folder such as /tmp, users can only remove their own files.
        let is_sticky = mode & 0o1000 != 0;
        let is_open = mode & 0o002 != 0 || (mode & 0o020 != 0 && found.gid() != group);
        if is_open && !is_sticky { hazard(None) } else { None }
    })
}

/// Runs `make`, which creates a file that needs its full mode. The umask belongs to the process, so a
/// thread with its own umask runs it. Where a thread cannot have one (in most containers), the
/// process's umask is cleared for that moment; dsp sets the mode of every other file that it creates
/// explicitly.
fn without_umask<T: Send>(make: impl Fn() -> T + Sync) -> T {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CloneFlags, unshare};
        let made = std::thread::scope(|scope| {
            let own = scope.spawn(|| {
                unshare(CloneFlags::CLONE_FS).ok()?;
                rustix::process::umask(Mode::empty());
                Some(make())
            });
            own.join().ok().flatten()
        });
        if let Some(made) = made {
            return made;
        }
    }
    static ONE_AT_A_TIME: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
    let _held = ONE_AT_A_TIME.lock();
    let usual = rustix::process::umask(Mode::empty());
    let made = make();
    rustix::process::umask(usual);
    made
}

/// Creates a unix socket that child processes do not inherit and that does not block.
#[cfg(target_os = "linux")]
pub(crate) fn unix_socket() -> io::Result<OwnedFd> {
    use rustix::net::SocketFlags;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// The same on systems that cannot create such a socket in one step.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unix_socket() -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

/// Sets the mode of a folder that this user owns. The folder is opened first, so a replaced path does
/// no harm.
///
/// # Errors
/// An error of the system; also if another user owns the folder, or the path is a link.
pub fn open_folder_to(path: &Path, mode: u32) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty())?;
    if rustix::fs::fstat(folder.as_fd())?.st_uid != geteuid().as_raw() {
        return Err(replaced());
    }
    Ok(rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode as RawMode))?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn bound(place: &Place, mode: u32) -> (OwnedFd, Identity) {
        let socket = unix_socket().unwrap();
        let identity = place.bind(&socket, mode).unwrap();
        (socket, identity)
    }

    #[test]
    fn a_socket_has_its_mode_whatever_the_umask() {
        let folder = tempfile::tempdir().unwrap();
        for wanted in [0o600, 0o660, 0o666, 0o606] {
            let path = folder.path().join(format!("{wanted:o}"));
            let place = Place::of(&path).unwrap();
            let _bound = bound(&place, wanted);
            assert_eq!(mode(&path), wanted);
        }
        let made = folder.path().join("made");
        fs::write(&made, "").unwrap();
        assert_eq!(mode(&made) & 0o022, 0, "the umask of this process is what it was");
    }

    #[test]
    fn what_took_the_place_is_neither_given_away_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("s"), folder.path().join("other"));
        fs::write(&other, "").unwrap();
        fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
        let place = Place::of(&path).unwrap();
        let (_socket, identity) = bound(&place, 0o666);
        fs::remove_file(&path).unwrap();
        symlink(&other, &path).unwrap();
        assert!(place.give(identity, Some(geteuid().as_raw()), None).is_err());
        place.remove(identity).unwrap();
        assert!(path.is_symlink());
        assert_eq!(mode(&other), 0o600);
        // A socket of another program in the same place.
        fs::remove_file(&path).unwrap();
        let (_second, _) = bound(&place, 0o600);
        assert!(place.give(identity, Some(geteuid().as_raw()), None).is_err());
        place.remove(identity).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn a_link_to_a_socket_is_not_connected_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, served) = (folder.path().join("s"), folder.path().join("served"));
        let _listener = std::os::unix::net::UnixListener::bind(&served).unwrap();
        let place = Place::of(&path).unwrap();
        let (_socket, _) = bound(&place, 0o600);
        let found = place.found().unwrap().unwrap();
        assert!(place.connect(&found).is_err(), "nobody listens");
        fs::remove_file(&path).unwrap();
        symlink(&served, &path).unwrap();
        assert!(place.connect(&found).is_err());
        assert!(!place.found().unwrap().unwrap().is_socket);
    }

    #[test]
    fn a_folder_that_others_write_to_is_a_hazard() {
        let folder = tempfile::tempdir().unwrap();
        let (open, path) = (folder.path().join("open"), folder.path().join("open/deep/s"));
        fs::create_dir_all(open.join("deep")).unwrap();
        assert_eq!(hazard(&path), None);
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let found = hazard(&path).unwrap();
        assert_eq!((found.folder.as_path(), found.owner), (&*open.canonicalize().unwrap(), None));
        fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(hazard(&path), None, "everybody removes their own only");
    }

    #[test]
    fn the_mode_of_a_folder_is_not_set_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (own, link) = (folder.path().join("own"), folder.path().join("link"));
        fs::create_dir(&own).unwrap();
        open_folder_to(&own, 0o711).unwrap();
        assert_eq!(mode(&own), 0o711);
        symlink(&own, &link).unwrap();
        assert!(open_folder_to(&link, 0o777).is_err());
        assert_eq!(mode(&own), 0o711);
    }
}
