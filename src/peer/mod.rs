//! The process or machine at the other end of a client's connection. The proxy divides its
//! connections by client, and recordings name the client.

mod client;
mod clients;
mod place;
mod program;
mod range;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

pub use client::{Client, ComposeService, Container, Identified};
pub use clients::{Clients, ContainerRule, Needs, RuleError, UnitRule};
pub use place::{ContainerId, ContainerPlace, Place, Unit};
pub use program::HostProgram;
pub use range::{AddressRange, AddressRangeError};

/// The identity of a client as the system reports it, determined once, when the connection is
/// accepted. It contains no text from the client.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Peer {
    /// A process of this machine, on a unix socket, as it was when it connected (`SO_PEERCRED` of
    /// unix(7)).
    Process {
        /// Its user ID.
        user: u32,
        /// Its primary group ID.
        group: u32,
        /// Its process ID; `None` if this process cannot see it, for example in another container.
        process: Option<NonZeroU32>,
    },
    /// A TCP client.
    Address {
        /// The IP address. An IPv4-mapped IPv6 address becomes an IPv4 address.
        ip: IpAddr,
        /// Its port.
        port: u16,
    },
    /// The system does not report it.
    #[default]
    Unknown,
}

impl Peer {
    /// A TCP client with this address.
    #[must_use]
    pub fn of_tcp(address: SocketAddr) -> Self {
        Self::Address { ip: address.ip().to_canonical(), port: address.port() }
    }

    /// Whether the client is unknown.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::Unknown
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

    #[test]
    fn a_tcp_client_is_its_address() {
        let peer = |text: &str| Peer::of_tcp(text.parse().unwrap()).to_string();
        assert_eq!(peer("127.0.0.1:4711"), "127.0.0.1:4711");
        assert_eq!(peer("[::ffff:10.0.0.7]:80"), "10.0.0.7:80");
        assert_eq!(peer("[::1]:80"), "[::1]:80");
    }

    #[test]
    fn nobody_is_unknown_by_chance() {
        assert!(Peer::default().is_unknown());
        assert!(!Peer::Process { user: 0, group: 0, process: None }.is_unknown());
    }
}
