//! What is known of a client, besides its [`Peer`].

use std::fmt;

use super::Peer;
use super::place::{ContainerId, Unit};
use crate::text::printable;

/// A client, as far as it was found out. What is not known, or was not asked for, is empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Client {
    /// The process or machine at the other end.
    pub peer: Peer,
    /// All groups that the process had when it connected, besides its primary group.
    pub groups: Vec<u32>,
    /// The container in which the process runs, as its engine has confirmed.
    pub container: Option<Container>,
    /// The unit of systemd in which the process runs.
    pub unit: Option<Unit>,
    /// The names in the client's certificate, which was checked.
    pub certificate: Vec<String>,
}

/// A container, as its engine describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Container {
    /// Its ID.
    pub id: ContainerId,
    /// Its name at the moment, without a slash.
    pub name: String,
    /// Its service in a project of Compose.
    pub service: Option<ComposeService>,
}

/// A service in a project of Compose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ComposeService {
    /// The name of the project.
    pub project: String,
    /// The name of the service in it.
    pub service: String,
}

impl Client {
    /// A client of which nothing but this is known.
    #[must_use]
    pub fn of(peer: Peer) -> Self {
        Self { peer, ..Self::default() }
    }
}

impl From<Peer> for Client {
    fn from(peer: Peer) -> Self {
        Self::of(peer)
    }
}

/// `container web (0123456789ab), user 0, group 0`. The number of the process is left out.
impl fmt::Display for Client {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Container { id, name, .. }) = &self.container {
            write!(to, "container {} ({}), ", printable(name), id.short())?;
        }
        if let Some(unit) = &self.unit {
            write!(to, "unit {unit}, ")?;
        }
        if let Some((first, others)) = self.certificate.split_first() {
            write!(to, "certificate {}", printable(first))?;
            others.iter().try_for_each(|name| write!(to, " {}", printable(name)))?;
            to.write_str(", ")?;
        }
        match self.peer {
            Peer::Process { user, group, .. } => write!(to, "user {user}, group {group}"),
            Peer::Address { ip, .. } => ip.fmt(to),
            Peer::Unknown => to.write_str("unknown"),
        }
    }
}

impl fmt::Display for ComposeService {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}", self.project, self.service)
    }
}
