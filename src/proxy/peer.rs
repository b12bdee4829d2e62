//! Who is at the other end of a client's connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

/// Who a client is, as far as the system says. It is asked once, when the connection is accepted, and
/// holds no text of the client's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Peer {
    /// A process of this machine, on a unix socket, as it was when it connected (`SO_PEERCRED` of
    /// unix(7)).
    Process {
        /// Its user.
        user: u32,
        /// Its main group.
        group: u32,
        /// Its number; none for a process that this one cannot see, as of another container.
        process: Option<NonZeroU32>,
    },
    /// A TCP client.
    Address {
        /// The machine. An IPv4 address that came in as IPv6 is an IPv4 address here.
        ip: IpAddr,
        /// Its port.
        port: u16,
    },
    /// The system does not say.
    Unknown,
}

/// Those who share their connections: a user of this machine, or another machine.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Party {
    User(u32),
    /// Its address; of IPv6 the first half, in which one machine has as many as it likes.
    Machine(IpAddr),
    Unknown,
}

/// A process of a user.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Process {
    user: u32,
    process: NonZeroU32,
}

impl Peer {
    /// Whose connection this is.
    pub(super) fn party(&self) -> Party {
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

    /// Which process of that party it is, where that can be told. All containers may run as the same
    /// user, and then this is what tells them apart.
    pub(super) fn process(&self) -> Option<Process> {
        match *self {
            Self::Process { user, process, .. } => process.map(|process| Process { user, process }),
            Self::Address { .. } | Self::Unknown => None,
        }
    }

    /// The process at the other end of a unix socket.
    pub(super) fn of_unix(stream: &tokio::net::UnixStream) -> Self {
        stream.peer_cred().map_or(Self::Unknown, |found| Self::Process {
            user: found.uid(),
            group: found.gid(),
            process: found.pid().and_then(|process| NonZeroU32::new(process.try_into().ok()?)),
        })
    }

    /// A TCP client at an address.
    pub(super) fn of_tcp(address: SocketAddr) -> Self {
        Self::Address { ip: address.ip().to_canonical(), port: address.port() }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { user, group, process: Some(process) } => {
                write!(to, "user {user}, group {group}, process {process}")
            }
            Self::Process { user, group, process: None } => {
                write!(to, "user {user}, group {group}")
            }
            Self::Address { ip, port } => SocketAddr::new(*ip, *port).fmt(to),
            Self::Unknown => to.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_unix_socket_tells_user_group_and_process() {
        let (ours, _theirs) = tokio::net::UnixStream::pair().unwrap();
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

    #[test]
    fn a_tcp_client_is_its_address() {
        let peer = |text: &str| Peer::of_tcp(text.parse().unwrap()).to_string();
        assert_eq!(peer("127.0.0.1:4711"), "127.0.0.1:4711");
        assert_eq!(peer("[::ffff:10.0.0.7]:80"), "10.0.0.7:80");
        assert_eq!(peer("[::1]:80"), "[::1]:80");
    }
}
