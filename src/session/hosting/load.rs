//! A host file whose programs may be served.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::Address;
use crate::host::{self, Host, HostError, Program};
use crate::peer::Clients;
use crate::profile::Name;
use crate::session::accounts::{Account, AccountError};
use crate::session::signals::SignalError;
use crate::session::sockets::SocketsError;
use crate::session::start::StartError;
use crate::session::to_enforce::{EnforcementMode, ProfileToEnforce};
use crate::wire::{ListenerFiles, ListenerTls, TlsFileError};

/// A host file whose profiles are valid, and reviewed where that is required.
#[derive(Clone, Debug)]
pub struct HostToServe {
    pub(super) path: PathBuf,
    pub(super) host: Host,
    pub(super) programs: Vec<ProgramToServe>,
}

/// A program with its profile.
#[derive(Clone, Debug)]
pub struct ProgramToServe {
    /// Its name.
    pub name: Name,
    /// What the file says about it.
    pub program: Program,
    /// Its profile.
    pub profile: ProfileToEnforce,
}

/// Why the programs of a host cannot be served, or not as the file says now.
#[derive(Debug, thiserror::Error)]
pub enum HostingError {
    /// The file cannot be used.
    #[error("{0}")]
    File(#[from] HostError),
    /// A program cannot be served.
    #[error("program \"{program}\": {source}")]
    Program {
        /// Its name.
        program: Name,
        /// Why.
        #[source]
        source: StartError,
    },
    /// A socket names a user or a group that is unknown.
    #[error("{address}: {source}")]
    Account {
        /// The socket.
        address: Address,
        /// Why.
        #[source]
        source: AccountError,
    },
    /// The certificate of a socket cannot be used.
    #[error("{address}: {source}")]
    Tls {
        /// The socket.
        address: Address,
        /// Why.
        #[source]
        source: TlsFileError,
    },
    /// A rule about clients names a user or a group that is unknown.
    #[error("clients of program \"{program}\": {source}")]
    Client {
        /// The program.
        program: Name,
        /// Why.
        #[source]
        source: AccountError,
    },
    /// Something changed that cannot change while dsp serves.
    #[error("{what} changed, which takes effect when dsp is restarted")]
    Fixed {
        /// What changed.
        what: String,
    },
    /// Who may use a socket cannot be changed.
    #[error("cannot change who may use {address}: {source}")]
    Access {
        /// The socket.
        address: Address,
        /// The system's error.
        source: std::io::Error,
    },
    /// systemd has opened a socket that the file does not name.
    #[error("systemd has opened the socket {address}, which the file does not name")]
    NotInFile {
        /// Its address.
        address: String,
    },
    /// The socket for control or metrics cannot be opened.
    #[error("{0}")]
    Own(#[source] SocketsError),
    /// Signals cannot be handled.
    #[error("{0}")]
    Signals(#[from] SignalError),
}

impl HostingError {
    pub(super) fn of_program(program: &Name, source: impl Into<StartError>) -> Self {
        Self::Program { program: program.clone(), source: source.into() }
    }
}

impl HostToServe {
    /// Reads a host file, and the profiles that it names.
    ///
    /// # Errors
    /// When one of them cannot be read or is invalid, or is not reviewed although that is required.
    pub fn load(path: &Path) -> Result<Self, HostingError> {
        let host = host::load(path)?;
        let programs = host.programs.iter().map(|(name, program)| {
            let mode = EnforcementMode {
                only_audits: program.only_audits,
                drops_denied: program.drops_denied,
                requires_reviewed: program.requires_reviewed,
            };
            let profile = ProfileToEnforce::load(&program.profile, mode)
                .map_err(|error| HostingError::of_program(name, error))?;
            let profile = profile.with_owner(program.own.clone());
            Ok(ProgramToServe { name: name.clone(), program: program.clone(), profile })
        });
        let programs = programs.collect::<Result<_, HostingError>>()?;
        let host = Self { path: path.to_owned(), host, programs };
        host.check_accounts()?;
        Ok(host)
    }

    /// What the file says.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its programs.
    #[must_use]
    pub fn programs(&self) -> &[ProgramToServe] {
        &self.programs
    }

    fn check_accounts(&self) -> Result<(), HostingError> {
        self.host.sockets.iter().try_for_each(|socket| access(socket).map(drop))?;
        self.host.programs.iter().try_for_each(|(name, program)| clients(name, program).map(drop))
    }
}

/// The clients that are a program.
pub(super) fn clients(name: &Name, program: &Program) -> Result<Clients, HostingError> {
    let rules = &program.clients;
    let numbers = |names: &[String], kind: Account| {
        let numbers = names.iter().map(|name| kind.number(name));
        let numbers: Result<Vec<u32>, _> = numbers.collect();
        numbers.map_err(|source| HostingError::Client { program: name.clone(), source })
    };
    Ok(Clients {
        users: numbers(&rules.users, Account::User)?,
        logins: numbers(&rules.logins, Account::User)?,
        groups: numbers(&rules.groups, Account::Group)?,
        ..rules.others.clone()
    })
}

/// Who may use a socket.
pub(super) fn access(socket: &host::Socket) -> Result<crate::proxy::Access, HostingError> {
    let settings = &socket.settings;
    let number = |name: &Option<String>, kind: Account| {
        let number = name.as_deref().map(|name| kind.number(name)).transpose();
        number.map_err(|source| HostingError::Account { address: socket.address.clone(), source })
    };
    let tls = settings.tls.clone().map(|tls| {
        let files =
            ListenerFiles { certificate: tls.certificate, key: tls.key, clients: tls.client_ca };
        ListenerTls::load(files).map(Arc::new)
    });
    let tls = tls.transpose();
    let tls =
        tls.map_err(|source| HostingError::Tls { address: socket.address.clone(), source })?;
    Ok(crate::proxy::Access {
        tls,
        anywhere: settings.anywhere,
        hosts: settings.hosts.clone(),
        mode: settings.mode,
        owner: number(&settings.owner, Account::User)?,
        group: number(&settings.group, Account::Group)?,
    })
}
