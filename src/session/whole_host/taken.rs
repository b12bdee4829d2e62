//! dsp's socket in the place of the engine's.

use std::io;

use super::folder::Found;
use super::socket::{GivenBack, HostSocket};
use super::socket_error::HostSocketError;
use crate::proxy::SocketFile;

/// What is at the usual path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// dsp's socket.
    Own,
    /// Nothing: the engine has removed what was there, and may be about to make its socket anew.
    Absent,
    /// Something else, most likely a socket that the engine has made anew.
    Other(Found),
}

/// dsp's socket, which takes the engine's place. When this is dropped, the place is given back.
#[derive(Debug)]
pub(super) struct Taken {
    socket: HostSocket,
    own: Found,
    pub(super) is_over: bool,
    /// Dropped last.
    _file: SocketFile,
}

impl Taken {
    /// Prepares to take the place with a socket that listens at [`HostSocket::record_path`], whose file is
    /// `file`: gives the engine's socket its second name.
    ///
    /// # Errors
    /// [`HostSocketError`].
    pub(super) fn prepare(socket: HostSocket, file: SocketFile) -> Result<Self, HostSocketError> {
        let own = socket.found(&socket.record)?;
        let own = own.ok_or_else(|| HostSocketError::Absent(socket.record_path()))?;
        let taken = Self { socket, own, is_over: false, _file: file };
        let socket = &taken.socket;
        let lock = socket.lock()?;
        socket.check()?;
        socket.changed(socket.folder.link(&socket.name, &socket.engine))?;
        drop(lock);
        Ok(taken)
    }

    /// The socket whose place it is.
    pub(super) fn socket(&self) -> &HostSocket {
        &self.socket
    }

    /// Takes the place.
    ///
    /// # Errors
    /// [`HostSocketError`].
    pub(super) fn take(&self) -> Result<(), HostSocketError> {
        let socket = &self.socket;
        let _lock = socket.lock()?;
        self.put_own()?;
        Ok(())
    }

    /// Puts dsp's socket in the place of the engine's. If the engine has made its socket anew since it got
    /// its second name, the new one gets that name.
    fn put_own(&self) -> Result<(), HostSocketError> {
        let socket = &self.socket;
        let folder = &socket.folder;
        socket.changed(folder.remove(&socket.spare))?;
        socket.changed(folder.link(&socket.record, &socket.spare))?;
        let came_out = socket.exchange()?;
        let known = socket.found(&socket.engine)?;
        let is_known = matches!((came_out, known), (Some(out), Some(known)) if out.is(&known));
        let moved = match is_known {
            true => folder.remove(&socket.spare),
            false => folder.rename(&socket.spare, &socket.engine),
        };
        socket.changed(moved)
    }

    /// What is in the place.
    ///
    /// # Errors
    /// [`HostSocketError`].
    pub(super) fn look(&self) -> Result<Standing, HostSocketError> {
        Ok(match self.socket.found(&self.socket.name)? {
            None => Standing::Absent,
            Some(found) if found.is(&self.own) => Standing::Own,
            Some(found) => Standing::Other(found),
        })
    }

    /// Takes the place again, of a socket that the engine has made anew and serves. Returns whether it did:
    /// it does not if that socket has changed since then, for example its mode.
    ///
    /// # Errors
    /// [`HostSocketError`].
    pub(super) fn take_again(&self, other: &Found) -> Result<bool, HostSocketError> {
        let socket = &self.socket;
        let _lock = socket.lock()?;
        if self.look()? != Standing::Other(*other) {
            return Ok(false);
        }
        socket.check()?;
        socket.changed(socket.folder.open_like(&socket.record, other))?;
        // Its second name is the new socket's before the place is taken, so that dsp never reaches itself.
        socket.changed(socket.folder.remove(&socket.spare))?;
        socket.changed(socket.folder.link(&socket.name, &socket.spare))?;
        socket.changed(socket.folder.rename(&socket.spare, &socket.engine))?;
        self.put_own().map(|()| true)
    }

    /// Gives the place back. The engine's socket keeps its second name for the requests that are open.
    ///
    /// Goes on without the lock if it cannot have it: another dsp changes no names while this one has the
    /// place, and a socket that nobody serves would be worse.
    ///
    /// # Errors
    /// [`HostSocketError`].
    pub(super) fn give_back(&self) -> Result<GivenBack, HostSocketError> {
        let socket = &self.socket;
        let _lock = socket.lock().ok();
        match self.look()? {
            Standing::Other(_) => Ok(GivenBack::ByEngine),
            Standing::Own => match socket.found(&socket.engine)? {
                Some(_) => socket.give_back_from(&self.own),
                None => Err(HostSocketError::Lost(socket.path().to_owned())),
            },
            Standing::Absent if socket.is_served(&socket.engine)? => {
                match socket.folder.link(&socket.engine, &socket.name) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        Ok(GivenBack::ByEngine)
                    }
                    linked => socket.changed(linked).map(|()| GivenBack::Back),
                }
            }
            Standing::Absent => Ok(GivenBack::Gone),
        }
    }

    /// Removes the names beside the usual one, after the place was given back. dsp's own goes with its
    /// file.
    pub(super) fn finish(mut self) -> Result<(), HostSocketError> {
        self.is_over = true;
        self.remove_names()
    }

    fn remove_names(&self) -> Result<(), HostSocketError> {
        let socket = &self.socket;
        socket.changed(socket.folder.remove(&socket.spare))?;
        socket.changed(socket.folder.remove(&socket.engine))
    }
}

impl Drop for Taken {
    /// What cannot be undone here is mended by the next dsp.
    fn drop(&mut self) {
        if !self.is_over && self.give_back().is_ok() {
            let _ = self.remove_names();
        }
    }
}
