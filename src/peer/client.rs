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
    /// Whether the process runs in what a person started, see [`Place::is_login`](super::Place::is_login).
    pub is_login: bool,
    /// Whether it could not be found out where its process runs, although that was asked for.
    pub is_hidden: bool,
    /// The names in the client's certificate, which was checked.
    pub certificate: Vec<String>,
}

/// A client of which more is known than its [`Peer`], with what logs and recordings say about it, which is
/// written once for a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identified {
    client: Client,
    text: Box<str>,
    place: usize,
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
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
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

impl Identified {
    /// A client about which no more will be found out.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let place = Place(&client).to_string();
        let text = format!("{place}{}", Who(&client)).into();
        Self { client, text, place: place.len() }
    }

    /// What is known.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How people read it, as [`Client`] is displayed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What distinguishes it from others, besides its [`Peer`]: the container, the unit and the certificate.
    #[must_use]
    pub fn place(&self) -> &str {
        self.text.get(..self.place).unwrap_or_default()
    }
}

/// What is known of a client besides its peer; each part ends in a comma.
struct Place<'a>(&'a Client);

/// The user or the address.
struct Who<'a>(&'a Client);

/// `container web (0123456789ab), user 0, group 0`. The number of the process is left out.
impl fmt::Display for Client {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}{}", Place(self), Who(self))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Client { container, unit, certificate, .. } = self.0;
        if let Some(Container { id, name, .. }) = container {
            write!(to, "container {} ({}), ", printable(name), id.short())?;
        }
        if let Some(unit) = unit {
            write!(to, "unit {unit}, ")?;
        }
        if let Some((first, others)) = certificate.split_first() {
            write!(to, "certificate {}", printable(first))?;
            others.iter().try_for_each(|name| write!(to, " {}", printable(name)))?;
            to.write_str(", ")?;
        }
        Ok(())
    }
}

impl fmt::Display for Who<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.peer {
            Peer::Process { user, group, .. } => write!(to, "user {user}, group {group}")?,
            Peer::Address { ip, .. } => ip.fmt(to)?,
            Peer::Unknown => to.write_str("unknown")?,
        }
        if self.0.is_hidden { to.write_str(" (where it runs is not known)") } else { Ok(()) }
    }
}

impl fmt::Display for ComposeService {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}", self.project, self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_displayed_with_what_is_known_of_it() {
        let process = Client::of(Peer::Process { user: 7, group: 8, process: None });
        let container = Container {
            id: ContainerId::parse(&"a".repeat(64)).unwrap(),
            name: "we\u{1b}b".to_owned(),
            service: None,
        };
        let unit = Unit { name: "a.service".into(), of_user: None };
        let names = vec!["ci.example".to_owned(), "b".to_owned()];
        let machine = Client::of(Peer::of_tcp("10.1.2.3:4711".parse().unwrap()));
        for (client, text, place) in [
            (process.clone(), "user 7, group 8", ""),
            (
                Client { container: Some(container), ..process.clone() },
                "container we\\u{1b}b (aaaaaaaaaaaa), user 7, group 8",
                "container we\\u{1b}b (aaaaaaaaaaaa), ",
            ),
            (
                Client { unit: Some(unit), ..process.clone() },
                "unit a.service, user 7, group 8",
                "unit a.service, ",
            ),
            (
                Client { is_hidden: true, ..process },
                "user 7, group 8 (where it runs is not known)",
                "",
            ),
            (
                Client { certificate: names, ..machine },
                "certificate ci.example b, 10.1.2.3",
                "certificate ci.example b, ",
            ),
        ] {
            assert_eq!(client.to_string(), text);
            let identified = Identified::new(client);
            assert_eq!((identified.as_str(), identified.place()), (text, place));
        }
    }
}
