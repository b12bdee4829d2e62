//! What a host file says.

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;

use crate::api::Address;
use crate::peer::Clients;
use crate::profile::Name;
use crate::wire::SshHost;

/// The programs of a host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// What concerns all programs. It cannot change while dsp serves.
    pub settings: Settings,
    /// The programs, by their names, in the order of the file.
    pub programs: IndexMap<Name, Program>,
    /// Each socket on which programs are served, once.
    pub sockets: Vec<Socket>,
}

/// What concerns all programs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The engine, as `-H` names it; `None` is the one that the docker CLI would use.
    pub engine: Option<EngineSetting>,
    /// Where `dsp reload` connects.
    pub control: Option<Address>,
    /// Where metrics and health are served.
    pub metrics: Option<Address>,
    /// How long open requests may go on at the end.
    pub grace: Duration,
    /// How long a body may make no progress; `None` for no limit.
    pub body_timeout: Option<Duration>,
    /// How many connections there may be at once; `None` for the usual limit.
    pub max_connections: Option<usize>,
}

/// Which engine a host file names. `DOCKER_TLS_VERIFY` decides on TLS, as with `-H`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EngineSetting {
    /// One at a socket, or over TCP.
    Address(Address),
    /// One on another machine, through the program `ssh`.
    Ssh(SshHost),
}

impl EngineSetting {
    /// Its text for `-H`.
    #[must_use]
    pub fn spelled(&self) -> String {
        match self {
            Self::Address(address) => address.spelled(),
            Self::Ssh(host) => host.to_string(),
        }
    }
}

/// A program: what it may do, and where it connects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    /// The profile: a file, or one that is part of dsp (`builtin:NAME`).
    pub profile: PathBuf,
    /// Where it connects.
    pub listen: Vec<Address>,
    /// Which clients of these sockets it is; all if there are none.
    pub clients: ClientRules,
    /// Whose objects `@own` are; `None` for the name of the profile.
    pub own: Option<Name>,
    /// Whether everything is let through, and what would be denied is only reported.
    pub only_audits: bool,
    /// Whether the profile has to be reviewed.
    pub requires_reviewed: bool,
    /// Whether requests in progress that a new version of the profile denies are ended.
    pub drops_denied: bool,
    /// Where each request and its decision are written.
    pub audit_log: Option<AuditLog>,
}

/// Which clients are a program. A client is if one of the rules matches it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ClientRules {
    /// Users, by name or number.
    pub users: Vec<String>,
    /// Users whose processes match only where a person started them, by name or number.
    pub logins: Vec<String>,
    /// Groups, by name or number.
    pub groups: Vec<String>,
    /// The other rules.
    pub others: Clients,
}

/// An audit log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditLog {
    /// The file.
    pub path: PathBuf,
    /// Whether requests are let through that cannot be written down.
    pub is_optional: bool,
}

/// A socket that clients connect to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Socket {
    /// Its address.
    pub address: Address,
    /// Who may use it.
    pub settings: SocketSettings,
}

/// Who may use a socket.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SocketSettings {
    /// The mode of the file of a unix socket.
    pub mode: Option<u32>,
    /// The user who owns the file, by name or number.
    pub owner: Option<String>,
    /// The group that owns the file, by name or number.
    pub group: Option<String>,
    /// Host names that clients may use for a TCP address.
    pub hosts: Vec<String>,
    /// Whether other machines may reach a TCP address.
    pub anywhere: bool,
    /// With which certificate a TCP address speaks TLS.
    pub tls: Option<SocketTls>,
}

/// The files of a socket with TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SocketTls {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The CAs that sign the certificates of clients; without them, clients need none.
    pub client_ca: Option<PathBuf>,
}

impl ClientRules {
    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { users, logins, groups, others } = self;
        users.is_empty() && logins.is_empty() && groups.is_empty() && others.is_empty()
    }
}

impl Settings {
    /// How long open requests may go on at the end, unless the file says otherwise.
    pub const GRACE: Duration = Duration::from_secs(10);
    /// How long a body may make no progress, unless the file says otherwise.
    pub const BODY_TIMEOUT: Duration = Duration::from_secs(60);
}
