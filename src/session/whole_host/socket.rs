//! Takes the place of the engine's socket, and gives it back.
//!
//! While dsp has the place, the folder of `docker.sock` has these names:
//!
//! | name | what it is |
//! |---|---|
//! | `docker.sock` | dsp's socket |
//! | `docker.sock.dsp-record` | the same, so that it is known as dsp's after a crash |
//! | `docker.sock.dsp-engine` | the engine's socket, where dsp reaches it |
//!
//! Two more names exist for a moment: `docker.sock.dsp-spare` while two names are exchanged, and
//! `docker.sock.dsp-lock`, a file whose lock keeps another dsp from changing names meanwhile. Whatever comes
//! out of an exchange is looked at, and put back if it is not what was expected: an engine may make its
//! socket anew at any moment. So no socket of an engine is lost, and `docker.sock` is never without one
//! because of dsp. The names alone say what a dsp that was killed has left ([`HostSocket::mend`]).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::{Folder, Found, Lock};
use super::open_connections::open_connections;
use super::socket_error::HostSocketError;
use crate::follow;
use crate::wire::EngineAddress;

/// The longest path of a socket, in bytes (unix(7)).
const LONGEST_PATH: usize = 107;

/// How often, and in which distance, the lock is tried. It is held for a moment only.
const LOCK_TIMES: u32 = 20;
const LOCK_AFTER: Duration = Duration::from_millis(5);

const RECORD: &str = ".dsp-record";
const ENGINE: &str = ".dsp-engine";
const SPARE: &str = ".dsp-spare";
const LOCK: &str = ".dsp-lock";

/// The engine's socket, whose place dsp can take.
#[derive(Debug)]
pub struct HostSocket {
    pub(super) folder: Folder,
    path: PathBuf,
    pub(super) name: OsString,
    pub(super) record: OsString,
    pub(super) engine: OsString,
    pub(super) spare: OsString,
    lock: OsString,
    /// All paths that lead to it.
    paths: Vec<String>,
    connections: usize,
}

/// What was mended of an earlier dsp.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mended {
    /// There was nothing to mend.
    Nothing,
    /// The engine's socket has its name again.
    GivenBack,
    /// Names that nobody uses were removed; the engine's socket had its own.
    Removed,
}

/// How the place was given back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GivenBack {
    /// The engine's socket has its name again.
    Back,
    /// It had its name already, because the engine has made it anew.
    ByEngine,
    /// The engine has removed its socket, because it has ended.
    Gone,
}

impl HostSocket {
    /// Finds the socket of an engine.
    ///
    /// # Errors
    /// [`HostSocketError`]; a socket that does not exist is not an error yet.
    pub fn find(engine: &EngineAddress) -> Result<Self, HostSocketError> {
        let Some(path) = engine.socket() else {
            return Err(HostSocketError::NotHere { engine: engine.clone() });
        };
        let path = resolved(path).map_err(|_| HostSocketError::Absent(path.to_owned()))?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(HostSocketError::NotASocket(path));
        };
        let beside = |suffix: &str| {
            let mut beside = name.to_owned();
            beside.push(suffix);
            beside
        };
        if path.as_os_str().len() + RECORD.len().max(ENGINE.len()) > LONGEST_PATH {
            return Err(HostSocketError::TooLong(path));
        }
        let folder = Folder::open(parent);
        let folder = folder.map_err(|source| HostSocketError::of(&path, source))?;
        let mut paths = follow::known_paths(Some(&path));
        paths.retain(|other| resolved(Path::new(other)).is_ok_and(|other| other == path));
        let connections = open_connections(&paths);
        let (record, engine, spare) = (beside(RECORD), beside(ENGINE), beside(SPARE));
        let (name, lock) = (name.to_owned(), beside(LOCK));
        Ok(Self { folder, name, record, engine, spare, lock, path, paths, connections })
    }

    /// Where the socket is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the engine's socket is while dsp has its place.
    #[must_use]
    pub fn engine_path(&self) -> PathBuf {
        self.beside(&self.engine)
    }

    /// How many connections there were when the socket was found.
    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    /// Where dsp listens before it takes the place.
    pub(super) fn record_path(&self) -> PathBuf {
        self.beside(&self.record)
    }

    /// The paths that lead to the socket, as containers ask for it.
    pub(super) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Mends what a dsp has left that was killed: gives the place back, and removes its names.
    ///
    /// # Errors
    /// [`HostSocketError::Taken`] if that dsp still runs, and others.
    pub fn mend(&self) -> Result<Mended, HostSocketError> {
        let _lock = self.lock()?;
        let (record, spare) = (self.found(&self.record)?, self.found(&self.spare)?);
        let mut engine = self.found(&self.engine)?;
        if [record, engine, spare].iter().all(Option::is_none) {
            return Ok(Mended::Nothing);
        }
        if record.is_some() && self.is_served(&self.record)? {
            return Err(HostSocketError::Taken(self.path.clone()));
        }
        if self.is_better(spare, engine, record)? {
            self.changed(self.folder.rename(&self.spare, &self.engine))?;
            engine = spare;
        }
        let at = self.found(&self.name)?;
        // If somebody has removed dsp's other name, a socket that nobody serves is taken for dsp's.
        let is_own = match (&at, &record) {
            (Some(at), Some(record)) => at.is(record),
            (Some(at), None) => at.is_socket && !self.is_served(&self.name)?,
            (None, _) => false,
        };
        let mended = match at {
            Some(at) if is_own => match engine.filter(|engine| !engine.is(&at)) {
                Some(_) => self.give_back_from(&at).map(|_| Mended::GivenBack)?,
                None => return Err(HostSocketError::Lost(self.path.clone())),
            },
            None if engine.is_some() && self.is_served(&self.engine)? => {
                self.changed(self.folder.link(&self.engine, &self.name))?;
                Mended::GivenBack
            }
            Some(_) | None => Mended::Removed,
        };
        self.remove_names()?;
        Ok(mended)
    }

    /// Whether what has the spare name is the engine's socket, rather than what has the engine's name.
    fn is_better(
        &self,
        spare: Option<Found>,
        engine: Option<Found>,
        record: Option<Found>,
    ) -> Result<bool, HostSocketError> {
        let is_own = |found: &Found| record.is_some_and(|record| record.is(found));
        let Some(spare) = spare.filter(|spare| !is_own(spare)) else { return Ok(false) };
        let Some(engine) = engine.filter(|engine| !is_own(engine)) else { return Ok(true) };
        if engine.is(&spare) || !self.is_served(&self.spare)? {
            return Ok(false);
        }
        if self.is_served(&self.engine)? {
            let (name, path) = (self.beside(&self.spare), self.path.clone());
            return Err(HostSocketError::Unclear { name, path });
        }
        Ok(true)
    }

    /// Whether a socket is there.
    ///
    /// # Errors
    /// [`HostSocketError`].
    pub(super) fn check(&self) -> Result<(), HostSocketError> {
        match self.found(&self.name)? {
            None => Err(HostSocketError::Absent(self.path.clone())),
            Some(found) if found.is_socket => Ok(()),
            Some(_) => Err(HostSocketError::NotASocket(self.path.clone())),
        }
    }

    /// Puts the engine's socket in the place of dsp's, which is `own`.
    pub(super) fn give_back_from(&self, own: &Found) -> Result<GivenBack, HostSocketError> {
        self.changed(self.folder.remove(&self.spare))?;
        self.changed(self.folder.link(&self.engine, &self.spare))?;
        let came_out = self.exchange()?;
        if came_out.is_some_and(|it| it.is(own)) {
            self.changed(self.folder.remove(&self.spare))?;
            return Ok(GivenBack::Back);
        }
        // The engine has made its socket anew just now.
        self.exchange()?;
        self.changed(self.folder.remove(&self.spare))?;
        Ok(GivenBack::ByEngine)
    }

    /// Exchanges the spare name with the usual one. Returns what had the usual name.
    pub(super) fn exchange(&self) -> Result<Option<Found>, HostSocketError> {
        self.changed(self.folder.exchange(&self.spare, &self.name))?;
        self.found(&self.spare)
    }

    /// Removes the names beside the usual one. A socket that is served under another name only stays.
    fn remove_names(&self) -> Result<(), HostSocketError> {
        let at = self.found(&self.name)?;
        for name in [&self.spare, &self.engine, &self.record] {
            let Some(found) = self.found(name)? else { continue };
            let is_second = at.is_some_and(|at| at.is(&found));
            if !found.is_socket || (!is_second && self.is_served(name)?) {
                let (name, path) = (self.beside(name), self.path.clone());
                return Err(HostSocketError::Unclear { name, path });
            }
            self.changed(self.folder.remove(name))?;
        }
        Ok(())
    }

    /// Keeps other dsps from changing the names.
    ///
    /// # Errors
    /// [`HostSocketError::Taken`] if another one does so for longer than a moment, and others.
    pub(super) fn lock(&self) -> Result<Lock<'_>, HostSocketError> {
        for _ in 0..LOCK_TIMES {
            if let Some(lock) = self.changed(self.folder.lock(&self.lock))? {
                return Ok(lock);
            }
            std::thread::sleep(LOCK_AFTER);
        }
        Err(HostSocketError::Taken(self.path.clone()))
    }

    pub(super) fn found(&self, name: &OsStr) -> Result<Option<Found>, HostSocketError> {
        self.changed(self.folder.found(name))
    }

    pub(super) fn is_served(&self, name: &OsStr) -> Result<bool, HostSocketError> {
        self.changed(self.folder.is_served(name))
    }

    pub(super) fn changed<T>(&self, result: io::Result<T>) -> Result<T, HostSocketError> {
        result.map_err(|source| HostSocketError::of(&self.path, source))
    }

    fn beside(&self, name: &OsStr) -> PathBuf {
        self.path.with_file_name(name)
    }
}

/// A path without links. The last part may be absent.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let found = fs::canonicalize(path);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return found };
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(fs::canonicalize(parent)?.join(name))
        }
        found => found,
    }
}
