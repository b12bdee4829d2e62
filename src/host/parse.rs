//! Parses a host file.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;

use super::clients::{WrittenRule, check_kinds, parse_clients};
use super::model::{
    AuditLog, EngineSetting, Host, Program, Settings, Socket, SocketSettings, SocketTls,
};
use super::written::{File, KIND, Listen, ProgramFile, SocketFile, SocketSettingsFile};
use crate::api::Address;
use crate::profile::Name;
use crate::text::{printable, shown};
use crate::yaml::{Problem, Spanned, at, from_versioned, hint, span};

/// The size limit of a host file in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// How the name of a profile that is part of dsp begins.
const BUILTIN: &str = "builtin:";

/// Why a host file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The file cannot be read.
    #[error("cannot read the host file {}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is larger than a host file can be.
    #[error("{} is larger than {MAX_BYTES} bytes; a host file is smaller", shown(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not UTF-8.
    #[error("{} is not valid UTF-8", shown(path))]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The text is not a valid host file.
    #[error("{}:{}:{}: {}", shown(path), problem.line, problem.column, problem.message)]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Its text.
        text: String,
        /// What is wrong, and where.
        problem: Box<Problem>,
    },
}

/// Whether a text is meant to be a host file, valid or not: it names programs, as no profile does.
#[must_use]
pub fn is_host_file(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("programs:"))
}

/// Reads and parses the host file at `path`.
///
/// # Errors
/// [`HostError`].
pub fn load(path: &Path) -> Result<Host, HostError> {
    let io = |source| HostError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(HostError::TooLarge { path: path.to_owned() });
    }
    let text =
        String::from_utf8(bytes).map_err(|_| HostError::NotText { path: path.to_owned() })?;
    match parse(&text, path.parent().unwrap_or(Path::new(""))) {
        Ok(host) => Ok(host),
        Err(problem) => {
            Err(HostError::Invalid { path: path.to_owned(), text, problem: Box::new(problem) })
        }
    }
}

/// Parses the text of a host file. Paths in it are read from `folder`.
///
/// # Errors
/// The first [`Problem`].
pub fn parse(text: &str, folder: &Path) -> Result<Host, Problem> {
    let file: File = from_versioned(text, &KIND)?;
    let address = |value: &Option<Spanned<String>>| {
        value.as_ref().map(|value| parse_address(text, value)).transpose()
    };
    let seconds =
        |seconds: Option<u64>, usual: Duration| seconds.map_or(usual, Duration::from_secs);
    let body_timeout = seconds(file.body_timeout, Settings::BODY_TIMEOUT);
    let settings = Settings {
        engine: file.engine.as_ref().map(|engine| parse_engine(text, engine)).transpose()?,
        control: address(&file.control)?,
        metrics: address(&file.metrics)?,
        grace: seconds(file.grace, Settings::GRACE),
        body_timeout: Some(body_timeout).filter(|time| !time.is_zero()),
        max_connections: file
            .max_connections
            .as_ref()
            .map(|most| parse_most(text, most))
            .transpose()?,
    };
    if let (Some(Address::Tcp { .. }), Some(written)) = (&settings.control, &file.control) {
        let message = "the control socket is not a unix socket".to_owned();
        let help = hint("write control: unix:///run/dsp/control.sock");
        return Err(at(text, span(text, written), message, help));
    }
    if file.programs.value.is_empty() {
        let help = hint("write one, such as traefik: { profile: builtin:traefik }");
        let place = span(text, &file.programs);
        return Err(at(text, place, "there is no program".to_owned(), help));
    }
    let mut reading =
        Reading { text, folder, requires_reviewed: file.require_reviewed, sockets: Vec::new() };
    let mut programs = IndexMap::new();
    for (name, program) in &file.programs.value {
        let parsed = Name::parse(&name.value)
            .map_err(|error| at(text, span(text, name), error.to_string(), None))?;
        programs.insert(parsed, reading.program(name, program)?);
    }
    let sockets = reading.sockets.into_iter().map(|known| known.socket).collect();
    Ok(Host { settings, programs, sockets })
}

/// What has been read so far.
struct Reading<'a> {
    text: &'a str,
    folder: &'a Path,
    requires_reviewed: bool,
    sockets: Vec<KnownSocket>,
}

/// A socket and the programs that it is for.
struct KnownSocket {
    socket: Socket,
    programs: Vec<KnownProgram>,
}

/// A program of a socket.
struct KnownProgram {
    name: String,
    clients: Vec<WrittenRule>,
}

impl Reading<'_> {
    fn program(&mut self, name: &Spanned<String>, file: &ProgramFile) -> Result<Program, Problem> {
        let text = self.text;
        let own = file.own.as_ref().map(|own| {
            Name::parse(&own.value)
                .map_err(|error| at(text, span(text, own), error.to_string(), None))
        });
        let is_set = |flag: &Option<Spanned<bool>>| flag.as_ref().is_some_and(|flag| flag.value);
        if let (None, Some(optional)) = (&file.audit_log, &file.audit_log_optional) {
            let message = "audit_log_optional is for a program with an audit_log".to_owned();
            return Err(at(text, span(text, optional), message, hint("leave it out")));
        }
        if let Some(drops) = file.drop_denied.as_ref().filter(|it| it.value && file.audit) {
            let message =
                "drop_denied ends requests, and audit lets all of them through".to_owned();
            return Err(at(text, span(text, drops), message, hint("leave one of them out")));
        }
        let Some(listen) = &file.listen else {
            let message = format!("the program \"{}\" has no socket", printable(&name.value));
            let help = format!("add listen: unix:///run/dsp/{}.sock", printable(&name.value));
            return Err(at(text, span(text, name), message, Some(help)));
        };
        let audit_log = file.audit_log.as_ref().map(|path| AuditLog {
            path: self.folder.join(&path.value),
            is_optional: is_set(&file.audit_log_optional),
        });
        let (clients, written) = match &file.clients {
            Some(list) => parse_clients(text, list)?,
            None => Default::default(),
        };
        let program = Program {
            profile: self.profile(&file.profile)?,
            listen: self.listen(&name.value, listen, &written)?,
            clients,
            own: own.transpose()?,
            only_audits: file.audit,
            requires_reviewed: file.require_reviewed.unwrap_or(self.requires_reviewed),
            drops_denied: is_set(&file.drop_denied),
            audit_log,
        };
        let mut sockets = self.sockets.iter().map(|known| &known.socket);
        let asks_for_certificates = sockets.any(|socket| {
            let tls = socket.settings.tls.as_ref();
            program.listen.contains(&socket.address) && tls.is_some_and(|it| it.client_ca.is_some())
        });
        check_kinds(text, &program, asks_for_certificates, &written)?;
        Ok(program)
    }

    /// The path of a profile, from the current folder.
    fn profile(&self, written: &Spanned<String>) -> Result<PathBuf, Problem> {
        match written.value.as_str() {
            "" => {
                let message = "the name of the profile is empty".to_owned();
                let help = hint("write a file, or builtin:NAME as dsp profiles lists them");
                Err(at(self.text, span(self.text, written), message, help))
            }
            name if name.starts_with(BUILTIN) => Ok(PathBuf::from(name)),
            // Without "./", so that one file is one profile.
            path => Ok(self.folder.join(path).components().collect()),
        }
    }

    fn listen(
        &mut self,
        program: &str,
        listen: &Spanned<Listen>,
        clients: &[WrittenRule],
    ) -> Result<Vec<Address>, Problem> {
        let place = span(self.text, listen);
        let sockets: Vec<(_, &SocketFile)> = match &listen.value {
            Listen::One(socket) => vec![(place, socket)],
            Listen::Many(list) if list.is_empty() => {
                let help = hint("write an address, such as unix:///run/dsp/app.sock");
                return Err(at(self.text, place, "the list of sockets is empty".to_owned(), help));
            }
            Listen::Many(list) => {
                list.iter().map(|item| (span(self.text, item), &item.value)).collect()
            }
        };
        let mut addresses = Vec::new();
        for (place, socket) in sockets {
            let socket = self.socket(&place, socket)?;
            addresses.push(socket.address.clone());
            self.add_socket(place, socket, program, clients)?;
        }
        Ok(addresses)
    }

    /// Adds a program to a socket, which may have others whose clients can be told apart.
    fn add_socket(
        &mut self,
        place: Range<usize>,
        socket: Socket,
        program: &str,
        clients: &[WrittenRule],
    ) -> Result<(), Problem> {
        let text = self.text;
        let program = KnownProgram { name: printable(program), clients: clients.to_vec() };
        let address = socket.address.clone();
        let known = self.sockets.iter_mut().find(|it| it.socket.address == address);
        let Some(known) = known else {
            self.sockets.push(KnownSocket { socket, programs: vec![program] });
            return Ok(());
        };
        if known.programs.iter().any(|other| other.name == program.name) {
            let message = format!("{address} is listed twice");
            return Err(at(text, place, message, hint("list it once")));
        }
        if socket.settings != SocketSettings::default() && socket.settings != known.socket.settings
        {
            let message = format!("{address} already has other settings");
            let help =
                hint("write them where the address is named first, and here the address only");
            return Err(at(text, place, message, help));
        }
        for other in &known.programs {
            if other.clients.is_empty() || program.clients.is_empty() {
                let name = &other.name;
                let message = format!("{address} is also the socket of \"{name}\"");
                let help =
                    hint("say with clients: which clients each of the two is, or use two sockets");
                return Err(at(text, place, message, help));
            }
            let is_of_other = |rule: &&WrittenRule| {
                other.clients.iter().any(|(key, value, _)| (*key, value) == (rule.0, &rule.1))
            };
            if let Some((key, value, place)) = program.clients.iter().find(is_of_other) {
                let message = format!(
                    "{key} \"{}\" is a client of \"{}\" on {address}, too",
                    printable(value),
                    other.name
                );
                let help = hint("a client of two programs on one socket could connect to neither");
                return Err(at(text, place.clone(), message, help));
            }
        }
        known.programs.push(program);
        Ok(())
    }

    fn socket(&self, place: &Range<usize>, socket: &SocketFile) -> Result<Socket, Problem> {
        match socket {
            SocketFile::Address(address) => Ok(Socket {
                address: address_at(self.text, place, address)?,
                settings: SocketSettings::default(),
            }),
            SocketFile::Settings(file) => self.socket_with_settings(file),
        }
    }

    fn socket_with_settings(&self, file: &SocketSettingsFile) -> Result<Socket, Problem> {
        let text = self.text;
        let address = parse_address(text, &file.address)?;
        let of_files = [&file.mode, &file.owner, &file.group].into_iter().flatten().next();
        let of_tcp = file.insecure_tcp.as_ref().map(|flag| span(text, flag));
        let of_tls = [&file.tls_cert, &file.tls_key, &file.tls_client_ca].into_iter().flatten();
        let of_tls = of_tls.map(|value| span(text, value)).next();
        let first_host = file.allow_host.iter().flatten().next().map(|host| span(text, host));
        let misplaced = match &address {
            Address::Tcp { .. } => of_files
                .map(|value| (span(text, value), "mode, owner and group are for unix sockets")),
            Address::Unix(_) => of_tcp
                .or(first_host)
                .map(|place| (place, "allow_host and insecure_tcp are for tcp:// addresses"))
                .or(of_tls.map(|place| (place, "TLS is for tcp:// addresses"))),
        };
        if let Some((place, message)) = misplaced {
            return Err(at(text, place, message.to_owned(), hint("leave it out")));
        }
        let word = |value: &Option<Spanned<String>>| value.as_ref().map(|it| it.value.clone());
        let hosts = file.allow_host.iter().flatten();
        let settings = SocketSettings {
            mode: file.mode.as_ref().map(|mode| parse_mode(text, mode)).transpose()?,
            owner: word(&file.owner),
            group: word(&file.group),
            hosts: hosts.map(|host| parse_host(text, host)).collect::<Result<_, _>>()?,
            anywhere: file.insecure_tcp.as_ref().is_some_and(|flag| flag.value),
            tls: self.tls(file)?,
        };
        Ok(Socket { address, settings })
    }
}

impl Reading<'_> {
    /// The files of a socket with TLS.
    fn tls(&self, file: &SocketSettingsFile) -> Result<Option<SocketTls>, Problem> {
        let path = |written: &Spanned<String>| self.folder.join(&written.value);
        let missing = |given: &Spanned<String>, what: &str| {
            let message = format!("{what} is missing");
            let help = hint("TLS needs tls_cert and tls_key; tls_client_ca asks for certificates");
            Err(at(self.text, span(self.text, given), message, help))
        };
        match (&file.tls_cert, &file.tls_key, &file.tls_client_ca) {
            (Some(certificate), Some(key), clients) => Ok(Some(SocketTls {
                certificate: path(certificate),
                key: path(key),
                client_ca: clients.as_ref().map(path),
            })),
            (Some(given), None, _) => missing(given, "tls_key"),
            (None, Some(given), _) | (None, None, Some(given)) => missing(given, "tls_cert"),
            (None, None, None) => Ok(None),
        }
    }
}

/// Parses the address of an engine, as `-H` takes it.
fn parse_engine(text: &str, written: &Spanned<String>) -> Result<EngineSetting, Problem> {
    if !written.value.starts_with("ssh://") {
        return parse_address(text, written).map(EngineSetting::Address);
    }
    let host = written.value.parse().map_err(|error: crate::wire::SshHostError| {
        at(text, span(text, written), error.to_string(), None)
    })?;
    Ok(EngineSetting::Ssh(host))
}

fn parse_address(text: &str, written: &Spanned<String>) -> Result<Address, Problem> {
    address_at(text, &span(text, written), &written.value)
}

fn address_at(text: &str, place: &Range<usize>, written: &str) -> Result<Address, Problem> {
    written.parse().map_err(|error: crate::api::AddressError| {
        at(text, place.clone(), printable(&error.to_string()), None)
    })
}

fn parse_most(text: &str, most: &Spanned<usize>) -> Result<usize, Problem> {
    match most.value {
        0 => {
            let message = "max_connections is 0, so nobody could connect".to_owned();
            Err(at(text, span(text, most), message, hint("leave it out for the usual limit")))
        }
        most => Ok(most),
    }
}

fn parse_mode(text: &str, mode: &Spanned<String>) -> Result<u32, Problem> {
    let number = u32::from_str_radix(&mode.value, 8).ok().filter(|mode| *mode <= 0o777);
    number.ok_or_else(|| {
        let message = format!("\"{}\" is not a mode", printable(&mode.value));
        at(text, span(text, mode), message, hint("write three octal digits: mode: \"660\""))
    })
}

fn parse_host(text: &str, host: &Spanned<String>) -> Result<String, Problem> {
    let is_name = !host.value.is_empty()
        && host.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if is_name {
        return Ok(host.value.clone());
    }
    let message = format!("\"{}\" is not a host name", printable(&host.value));
    Err(at(text, span(text, host), message, hint("write a host name without a port")))
}

#[cfg(test)]
mod tests;
