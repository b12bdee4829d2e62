//! The client that asked, as a recording describes it.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::peer::Peer;

/// Identifies a client independently of its current process or port. Requests of two clients are different
/// requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    Process { user: u32, group: u32 },
    Machine(IpAddr),
    Unknown,
}

/// The form in a line. A later dsp may record more about a client.
#[derive(Deserialize, Serialize)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<SocketAddr>,
}

impl Peer {
    /// The client's identity.
    pub(super) fn who(self) -> Who {
        match self {
            Self::Process { user, group, .. } => Who::Process { user, group },
            Self::Address { ip, .. } => Who::Machine(ip),
            Self::Unknown => Who::Unknown,
        }
    }
}

impl Who {
    /// Two numbers. Two identities have the same numbers only if they are equal.
    pub(super) fn packed(self) -> (u8, u128) {
        match self {
            Self::Unknown => (0, 0),
            Self::Process { user, group } => (1, u128::from(user) << 32 | u128::from(group)),
            Self::Machine(IpAddr::V4(ip)) => (2, u128::from(u32::from(ip))),
            Self::Machine(IpAddr::V6(ip)) => (3, u128::from(ip)),
        }
    }

    /// The same numbers as bytes.
    pub(super) fn bytes(self) -> [u8; 17] {
        let (kind, number) = self.packed();
        let mut bytes = [0; 17];
        let [first, rest @ ..] = &mut bytes;
        (*first, *rest) = (kind, number.to_le_bytes());
        bytes
    }
}

impl Serialize for Peer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut written = Written { user: None, group: None, process: None, address: None };
        match *self {
            Self::Process { user, group, process } => {
                (written.user, written.group, written.process) = (Some(user), Some(group), process);
            }
            Self::Address { ip, port } => written.address = Some(SocketAddr::new(ip, port)),
            Self::Unknown => {}
        }
        written.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Peer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Written { user, group, process, address } = Written::deserialize(from)?;
        Ok(match (user.zip(group), address) {
            (Some((user, group)), _) => Self::Process { user, group, process },
            (None, Some(address)) => Self::Address { ip: address.ip(), port: address.port() },
            (None, None) => Self::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Peer {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_peer_is_read_as_it_was_written() {
        for (text, who) in [
            (r#"{"user":1000,"group":100,"process":7}"#, Who::Process { user: 1000, group: 100 }),
            (r#"{"user":0,"group":0}"#, Who::Process { user: 0, group: 0 }),
            (r#"{"address":"127.0.0.1:4711"}"#, Who::Machine([127, 0, 0, 1].into())),
            (r#"{"address":"[::1]:80"}"#, Who::Machine("::1".parse().unwrap())),
            ("{}", Who::Unknown),
        ] {
            let peer = read(text);
            assert_eq!(peer.who(), who);
            assert_eq!(serde_json::to_string(&peer).unwrap(), text);
        }
        assert_eq!(read(r#"{"pod":"later"}"#), Peer::Unknown);
    }

    #[test]
    fn two_are_told_apart() {
        let process = |user, group| Peer::Process { user, group, process: NonZeroU32::new(1) };
        let address = |ip: &str| Peer::Address { ip: ip.parse().unwrap(), port: 1 };
        let all = [
            process(0, 0),
            process(0, 1),
            process(1, 0),
            address("0.0.0.1"),
            address("::1"),
            address("::"),
            Peer::Unknown,
        ];
        for (place, one) in all.iter().enumerate() {
            for other in all.iter().skip(place + 1) {
                assert_ne!(one.who().bytes(), other.who().bytes());
            }
        }
    }
}
