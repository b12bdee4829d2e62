//! Who may use the unix sockets of programs, changed while they are served.

use super::load::{HostingError, access};
use super::served::OpenSocket;
use crate::host::Host;
use crate::proxy::{FileAccess, PlacedSocket};

/// Changes of the files of sockets that dsp has opened. Those that systemd has opened stay as they are.
pub(super) struct AccessChanges(Vec<(PlacedSocket, FileAccess)>);

impl AccessChanges {
    /// Makes the changes that the new version of a file names: all of them, or none.
    pub(super) fn make(open: &[OpenSocket], new: &Host) -> Result<Self, HostingError> {
        let mut made = Self(Vec::new());
        for open in open {
            let address = &open.socket.address;
            let socket = new.sockets.iter().find(|socket| socket.address == *address);
            let (Some(file), Some(socket)) = (&open.file, socket) else { continue };
            if socket.settings == open.socket.settings {
                continue;
            }
            let changed = access(socket).and_then(|access| {
                let changed = file.change(access.file());
                changed.map_err(|source| HostingError::Access { address: address.clone(), source })
            });
            let before = changed.inspect_err(|_| made.undo())?;
            made.0.push((file.clone(), before));
        }
        Ok(made)
    }

    /// Undoes them, the last one first.
    pub(super) fn undo(&self) {
        for (file, before) in self.0.iter().rev() {
            // dsp has just changed this file, so it can do that again.
            let _ = file.change(*before);
        }
    }
}
