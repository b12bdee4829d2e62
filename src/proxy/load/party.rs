//! Identifies who a client's connection counts for when connections are shared out.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::os::unix::net::UnixStream;

use crate::peer::Peer;

/// The unit that a share of connections belongs to: a user of this machine, or another machine.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Party {
    User(u32),
    /// Its address. For IPv6 only the first half, because one machine can use any address in the
    /// second.
    Machine(IpAddr),
    Unknown,
}

/// A process, with its user.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Process {
    user: u32,
    process: NonZeroU32,
}

impl Peer {
    /// The party that the connection counts for.
    pub(crate) fn party(&self) -> Party {
        match *self {
            Self::Process { user, .. } => Party::User(user),
            Self::Address { ip: IpAddr::V6(ip), .. } => {
                let half = ip.to_bits() >> 64 << 64;
                Party::Machine(IpAddr::V6(half.into()))
            }
            Self::Address { ip, .. } => Party::Machine(ip),
            Self::Unknown => Party::Unknown,
        }
    }

    /// The process, if it is known. All containers may run as the same user, and then only the process
    /// tells them apart.
    pub(crate) fn process(&self) -> Option<Process> {
        match *self {
            Self::Process { user, process, .. } => process.map(|process| Process { user, process }),
            Self::Address { .. } | Self::Unknown => None,
        }
    }

    /// The process at the other end of a unix socket.
    pub(crate) fn of_unix(stream: &UnixStream) -> Self {
        credentials(stream).unwrap_or_default()
    }
}

#[cfg(target_os = "linux")]
fn credentials(stream: &UnixStream) -> Option<Peer> {
    use nix::sys::socket::{getsockopt, sockopt};

    let found = getsockopt(stream, sockopt::PeerCredentials).ok()?;
    // A process that this one cannot see has the number 0.
    let process = u32::try_from(found.pid()).ok().and_then(NonZeroU32::new);
    Some(Peer::Process { user: found.uid(), group: found.gid(), process })
}

#[cfg(not(target_os = "linux"))]
fn credentials(stream: &UnixStream) -> Option<Peer> {
    let stream = tokio::net::UnixStream::from_std(stream.try_clone().ok()?).ok()?;
    let found = stream.peer_cred().ok()?;
    let process = found.pid().and_then(|process| NonZeroU32::new(process.try_into().ok()?));
    Some(Peer::Process { user: found.uid(), group: found.gid(), process })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_names_user_group_and_process() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = Peer::of_unix(&ours);
        let user = rustix::process::getuid().as_raw();
        let group = rustix::process::getgid().as_raw();
        let process = NonZeroU32::new(std::process::id());
        assert_eq!(peer, Peer::Process { user, group, process });
        assert_eq!(
            peer.to_string(),
            format!("user {user}, group {group}, process {}", std::process::id())
        );
    }
}
