//! Rules about clients.

use std::fmt;
use std::str::FromStr;

use super::Peer;
use super::client::{Client, ComposeService, Container};
use super::place::{ID_DIGITS, Unit};
use super::range::AddressRange;
use crate::text::printable;

/// The fewest digits of an ID that a rule may name. No engine makes two containers that have so many in
/// common.
const FEWEST_DIGITS: usize = 12;

/// The longest name of a unit, in bytes (systemd.unit(5)).
const LONGEST_UNIT: usize = 255;

/// Which clients are meant. A client matches if one of the rules does. What is not known of a client matches
/// no rule, and without rules no client matches.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Clients {
    /// Users, whose processes match.
    pub users: Vec<u32>,
    /// Groups: all groups of a process count.
    pub groups: Vec<u32>,
    /// Containers, whose processes match.
    pub containers: Vec<ContainerRule>,
    /// Units of systemd, whose processes match.
    pub units: Vec<UnitRule>,
    /// Users, of whose processes those match that run in what a person started: in no container and no
    /// service of the system.
    pub logins: Vec<u32>,
    /// Addresses of TCP clients.
    pub addresses: Vec<AddressRange>,
    /// Names in certificates. Letters match in either case.
    pub certificates: Vec<String>,
}

/// What has to be found out about a client before rules can be applied to it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// All groups of its process.
    pub groups: bool,
    /// Where its process runs.
    pub place: bool,
    /// What the engine says about its container.
    pub container: bool,
}

/// A container, or several, by what does not change unless somebody changes it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ContainerRule {
    /// The one with this name.
    Name(String),
    /// The one whose ID begins with these digits.
    Id(String),
    /// All of this service of Compose.
    Service(ComposeService),
}

/// A unit of systemd.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UnitRule(Unit);

/// Why a text is not a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RuleError {
    /// Not a container.
    #[error(
        "\"{}\" is not the name of a container, 12 to 64 digits of an ID, or PROJECT/SERVICE of Compose",
        printable(.0)
    )]
    Container(String),
    /// Not a unit.
    #[error(
        "\"{}\" is not the name of a service of systemd, such as traefik.service or \
         user@1000.service/backup.service",
        printable(.0)
    )]
    Unit(String),
    /// A unit of another kind.
    #[error("\"{}\" is not a service, and only services of systemd are told apart", printable(.0))]
    NotAService(String),
}

impl Clients {
    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_about_processes() && !self.is_about_machines()
    }

    /// Whether there is a rule that a process on a unix socket can match.
    #[must_use]
    pub fn is_about_processes(&self) -> bool {
        let Self { users, groups, containers, units, logins, addresses: _, certificates: _ } = self;
        let are_empty = [
            users.is_empty(),
            groups.is_empty(),
            containers.is_empty(),
            units.is_empty(),
            logins.is_empty(),
        ];
        are_empty.contains(&false)
    }

    /// Whether there is a rule that a client over TCP can match.
    #[must_use]
    pub fn is_about_machines(&self) -> bool {
        !self.addresses.is_empty() || !self.certificates.is_empty()
    }

    /// What has to be found out about a client for these rules.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let container = !self.containers.is_empty();
        let place = container || !self.units.is_empty() || !self.logins.is_empty();
        Needs { groups: !self.groups.is_empty(), place, container }
    }

    /// Whether a client matches one of the rules.
    #[must_use]
    pub fn admits(&self, client: &Client) -> bool {
        let by_peer = match client.peer {
            Peer::Process { user, group, .. } => {
                let mut groups = client.groups.iter().chain([&group]);
                let is_login = client.is_login && !client.is_hidden;
                self.users.contains(&user)
                    || (is_login && self.logins.contains(&user))
                    || groups.any(|group| self.groups.contains(group))
            }
            Peer::Address { ip, .. } => self.addresses.iter().any(|range| range.contains(ip)),
            Peer::Unknown => false,
        };
        let container = client.container.as_ref();
        let unit = client.unit.as_ref();
        let certificate = &client.certificate;
        by_peer
            || container.is_some_and(|it| self.containers.iter().any(|rule| rule.matches(it)))
            || unit.is_some_and(|unit| self.units.iter().any(|rule| rule.matches(unit)))
            || self
                .certificates
                .iter()
                .any(|rule| certificate.iter().any(|name| name.eq_ignore_ascii_case(rule)))
    }
}

impl Needs {
    /// Nothing.
    pub const NOTHING: Self = Self { groups: false, place: false, container: false };

    /// Where a process runs.
    pub const PLACE: Self = Self { groups: false, place: true, container: true };

    /// What has to be found out for both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            groups: self.groups || other.groups,
            place: self.place || other.place,
            container: self.container || other.container,
        }
    }

    /// Whether nothing has to be found out.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::NOTHING
    }
}

impl ContainerRule {
    /// Whether a container is meant.
    #[must_use]
    pub fn matches(&self, container: &Container) -> bool {
        match self {
            Self::Name(name) => *name == container.name,
            Self::Id(digits) => container.id.as_str().starts_with(digits.as_str()),
            Self::Service(service) => container.service.as_ref() == Some(service),
        }
    }
}

impl UnitRule {
    /// Whether a unit is meant. `user@1000.service` means all units of that user, too.
    #[must_use]
    pub fn matches(&self, unit: &Unit) -> bool {
        let Unit { name, of_user } = &self.0;
        *name == unit.name && (of_user.is_none() || *of_user == unit.of_user)
    }
}

/// Names, IDs and services can be told apart with `name:`, `id:` and `service:` in front of them. Without
/// that, what has only digits of an ID, and as many as an ID needs, is an ID, and what has a slash is a
/// service.
impl FromStr for ContainerRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Container(text.to_owned());
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (Some(kind), rest),
            None => (None, text),
        };
        let id = || is_id(rest).then(|| Self::Id(rest.to_owned()));
        let name = || is_name(rest).then(|| Self::Name(rest.to_owned()));
        let rule = match kind {
            None => service(rest).or_else(id).or_else(name),
            Some("name") => name(),
            Some("id") => id(),
            Some("service") => service(rest),
            Some(_) => None,
        };
        rule.ok_or_else(wrong)
    }
}

fn service(text: &str) -> Option<ContainerRule> {
    let (project, service) = text.split_once('/')?;
    let is_service = is_name(project) && is_name(service);
    is_service.then(|| {
        let (project, service) = (project.to_owned(), service.to_owned());
        ContainerRule::Service(ComposeService { project, service })
    })
}

fn is_id(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let longest = FEWEST_DIGITS..=ID_DIGITS;
    longest.contains(&text.len()) && text.bytes().all(is_digit)
}

/// The names that engines and Compose accept.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}

/// A name without a suffix is a service, as for `systemctl`.
impl FromStr for UnitRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (name, of_user) = match text.split_once('/') {
            Some((name, of_user)) => (name, Some(of_user)),
            None => (text, None),
        };
        let service = |name: &str| -> Result<Box<str>, RuleError> {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
            let is_unit = !name.is_empty() && name.bytes().all(is_letter);
            if !is_unit || name.len() > LONGEST_UNIT {
                return Err(RuleError::Unit(text.to_owned()));
            }
            if name.ends_with(".service") {
                return Ok(name.into());
            }
            if OTHER_UNITS.iter().any(|suffix| name.ends_with(suffix)) {
                return Err(RuleError::NotAService(text.to_owned()));
            }
            Ok(format!("{name}.service").into())
        };
        let (name, of_user) = (service(name)?, of_user.map(service).transpose()?);
        if of_user.is_some() && !name.starts_with("user@") {
            return Err(RuleError::Unit(text.to_owned()));
        }
        Ok(Self(Unit { name, of_user }))
    }
}

/// The other kinds of units (systemd.unit(5)).
const OTHER_UNITS: [&str; 10] = [
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];

impl fmt::Display for ContainerRule {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) if is_id(name) => write!(to, "name:{name}"),
            Self::Name(name) => to.write_str(name),
            Self::Id(digits) => to.write_str(digits),
            Self::Service(service) => service.fmt(to),
        }
    }
}

impl fmt::Display for UnitRule {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::ContainerId;

    const ID: &str = "4f1c0a7e5b8d42c9a6e3f1d0b7c85a294f1c0a7e5b8d42c9a6e3f1d0b7c85a29";

    fn process(user: u32, group: u32) -> Client {
        Client::of(Peer::Process { user, group, process: None })
    }

    fn in_container(name: &str, service: Option<(&str, &str)>) -> Client {
        let service = service.map(|(project, service)| ComposeService {
            project: project.to_owned(),
            service: service.to_owned(),
        });
        let id = ContainerId::parse(ID).unwrap();
        Client {
            container: Some(Container { id, name: name.to_owned(), service }),
            ..process(0, 0)
        }
    }

    fn containers(rules: &[&str]) -> Clients {
        let containers = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Clients { containers, ..Clients::default() }
    }

    #[test]
    fn without_a_rule_that_matches_nobody_is_admitted() {
        let all = [Client::default(), process(0, 0), in_container("web", Some(("a", "b")))];
        let other = Clients {
            users: vec![7],
            groups: vec![7],
            containers: vec!["other".parse().unwrap()],
            units: vec!["other".parse().unwrap()],
            logins: vec![7],
            addresses: vec!["0.0.0.0/0".parse().unwrap()],
            certificates: vec!["other".to_owned()],
        };
        for client in all {
            assert!(!Clients::default().admits(&client), "{client}");
            assert!(!other.admits(&client), "{client}");
        }
        assert!(Clients::default().is_empty() && !other.is_empty());
    }

    #[test]
    fn a_process_has_a_user_and_all_of_its_groups() {
        let clients = Clients { users: vec![5], groups: vec![20], ..Clients::default() };
        assert!(clients.admits(&process(5, 1)));
        assert!(clients.admits(&process(1, 20)));
        assert!(clients.admits(&Client { groups: vec![3, 20], ..process(1, 1) }));
        assert!(!clients.admits(&Client { groups: vec![3, 5], ..process(20, 1) }));
    }

    #[test]
    fn a_container_is_known_by_name_id_or_service() {
        let web = in_container("web", Some(("shop", "front")));
        for rule in ["web", "name:web", ID, "4f1c0a7e5b8d", "id:4f1c0a7e5b8d42", "shop/front"] {
            assert!(containers(&[rule]).admits(&web), "{rule}");
        }
        for rule in
            ["we", "webs", "Web", "id:4f1c0a7e5b8e", "name:4f1c0a7e5b8d", "shop/back", "front"]
        {
            assert!(!containers(&[rule]).admits(&web), "{rule}");
        }
        assert!(!containers(&["web"]).admits(&process(0, 0)));
        let needs = containers(&["web"]).needs();
        assert!(needs.place && needs.container && !needs.groups);
    }

    #[test]
    fn a_unit_is_known_by_name() {
        let unit = |name: &str, of_user: Option<&str>| {
            let unit = Unit { name: name.into(), of_user: of_user.map(Into::into) };
            Client { unit: Some(unit), ..process(0, 0) }
        };
        let units =
            |rule: &str| Clients { units: vec![rule.parse().unwrap()], ..Clients::default() };
        assert!(units("traefik").admits(&unit("traefik.service", None)));
        assert!(!units("backup").admits(&unit("user@1000.service", Some("backup.service"))));
        assert!(units("user@1000").admits(&unit("user@1000.service", Some("backup.service"))));
        let exact = units("user@1000/backup");
        assert!(exact.admits(&unit("user@1000.service", Some("backup.service"))));
        assert!(!exact.admits(&unit("user@1000.service", None)));
        assert!(!exact.admits(&unit("user@1001.service", Some("backup.service"))));
    }

    #[test]
    fn a_login_is_a_user_outside_of_containers_and_services() {
        let clients = Clients { logins: vec![5], ..Clients::default() };
        assert!(!clients.is_empty() && clients.is_about_processes());
        assert!(clients.needs().place && !clients.needs().container);
        let login = Client { is_login: true, ..process(5, 1) };
        assert!(clients.admits(&login));
        assert!(
            !clients.admits(&process(5, 1)),
            "where it runs was not found out, or it is no login"
        );
        assert!(!clients.admits(&Client { is_hidden: true, ..login.clone() }));
        assert!(!clients.admits(&Client { is_login: true, ..process(6, 5) }));
        let all = Clients { users: vec![5], ..Clients::default() };
        assert!(all.admits(&login) && all.admits(&process(5, 1)));
    }

    #[test]
    fn a_machine_is_known_by_address_or_certificate() {
        let machine = Client::of(Peer::of_tcp("10.1.2.3:4711".parse().unwrap()));
        let addresses = vec!["10.0.0.0/8".parse().unwrap()];
        assert!(Clients { addresses, ..Clients::default() }.admits(&machine));
        let names = Clients { certificates: vec!["CI.example".to_owned()], ..Clients::default() };
        assert!(!names.admits(&machine));
        assert!(names.admits(&Client { certificate: vec!["ci.EXAMPLE".to_owned()], ..machine }));
    }

    #[test]
    fn what_is_not_a_rule_says_what_is() {
        for text in ["", "a b", "/", "a/", "id:abc", "x:y", "name:", "a/b/c", "web\n"] {
            assert!(text.parse::<ContainerRule>().is_err(), "{text}");
        }
        for text in ["", "/", "a.service/b", "user@1/", "a b", "a.socket", "x.slice"] {
            assert!(text.parse::<UnitRule>().is_err(), "{text}");
        }
        let container = "a\u{1b}b".parse::<ContainerRule>().unwrap_err().to_string();
        assert_eq!(
            container,
            "\"a\\u{1b}b\" is not the name of a container, 12 to 64 digits of an ID, or PROJECT/SERVICE of \
             Compose"
        );
        let unit = "a.timer".parse::<UnitRule>().unwrap_err().to_string();
        assert_eq!(
            unit,
            "\"a.timer\" is not a service, and only services of systemd are told apart"
        );
    }

    #[test]
    fn rules_are_written_as_they_are_read() {
        for text in ["web", "shop/front", "4f1c0a7e5b8d", "name:4f1c0a7e5b8d"] {
            assert_eq!(text.parse::<ContainerRule>().unwrap().to_string(), text);
        }
        assert_eq!("a".parse::<UnitRule>().unwrap().to_string(), "a.service");
    }
}
