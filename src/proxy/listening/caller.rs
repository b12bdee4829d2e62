//! What a client shows of itself when it connects.

use tokio::net::UnixStream;

use super::process::Process;
use crate::api::Address;
use crate::peer::Peer;

/// A client that has just connected. What the system knows about it besides its [`Peer`] is asked for only
/// when it is needed, and as long as this exists.
#[derive(Debug)]
pub struct Caller<'a> {
    pub(super) peer: Peer,
    pub(super) listener: &'a Address,
    /// The connection; `None` over TCP.
    pub(super) stream: Option<&'a UnixStream>,
    pub(super) certificate: &'a [String],
}

impl Caller<'_> {
    /// The process or machine at the other end.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// The address that it connected to.
    #[must_use]
    pub fn listener(&self) -> &Address {
        self.listener
    }

    /// All groups that its process had when it connected, except that the primary group may be missing;
    /// `None` if the system does not report them.
    #[must_use]
    pub fn groups(&self) -> Option<Vec<u32>> {
        self.stream.and_then(groups)
    }

    /// Its process; `None` if this process cannot see it.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        let Peer::Process { process, .. } = self.peer else { return None };
        Process::of(process?, self.stream?)
    }

    /// The names in its certificate, which was checked.
    #[must_use]
    pub fn certificate(&self) -> &[String] {
        self.certificate
    }
}

#[cfg(target_os = "linux")]
fn groups(stream: &UnixStream) -> Option<Vec<u32>> {
    use std::os::unix::ffi::OsStrExt;

    let groups = nix::sys::socket::getsockopt(stream, super::peer_groups::PeerGroups).ok()?;
    let numbers = groups.as_bytes().chunks_exact(size_of::<u32>());
    numbers.map(|number| Some(u32::from_ne_bytes(number.try_into().ok()?))).collect()
}

#[cfg(not(target_os = "linux"))]
fn groups(_stream: &UnixStream) -> Option<Vec<u32>> {
    None
}
