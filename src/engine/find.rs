//! Finds out which engine is meant, and why.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::environment::Environment;
use super::error::{LocateError, quote};
use super::probe::{EngineVersion, ProbeError, probe};
use super::{context, known};
use crate::api::Address;
use crate::text::shown;
use crate::wire::{CertificateFolder, EngineAddress, EngineTls, TlsError};

/// An engine that answered.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Where it is.
    pub address: EngineAddress,
    /// The setting that names it.
    pub source: Source,
    /// Its answer to the version request.
    pub version: EngineVersion,
}

/// The address of the engine, and how it was found.
#[derive(Clone, Debug)]
pub struct Located {
    /// The address.
    pub address: EngineAddress,
    /// The setting that names it.
    pub source: Source,
    /// The settings that were examined, in order; the last one was decisive.
    pub trail: Vec<Step>,
}

/// The setting that names the engine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// A context of the docker CLI, by its name.
    Context(String),
    /// None: the default socket.
    Default,
    /// `-H` or `--host`.
    Flag,
    /// `DOCKER_HOST`.
    Variable,
}

/// A setting that was examined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// The setting.
    pub place: &'static str,
    /// Its value.
    pub found: String,
}

/// Why no engine can be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// It cannot be located.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// It does not answer.
    #[error("{}", not_answering(trail, address, cause, others))]
    NotAnswering {
        /// The settings that were examined, in order.
        trail: Vec<Step>,
        /// The address that the settings name.
        address: EngineAddress,
        /// Why there was no valid answer.
        cause: ProbeError,
        /// Other usual sockets that exist.
        others: Vec<PathBuf>,
    },
}

/// Locates the engine and asks for its version.
///
/// # Errors
/// [`FindError`], whose text lists the settings in order and says what to do.
pub async fn find(environment: &Environment, timeout: Duration) -> Result<Engine, FindError> {
    let Located { address, source, trail } = locate(environment)?;
    match probe(&address, timeout).await {
        Ok(version) => Ok(Engine { address, source, version }),
        Err(cause) => {
            let used = |path: &PathBuf| address.socket() == Some(path);
            let mut others = known::sockets(environment);
            others.retain(|path| !used(path));
            Err(FindError::NotAnswering { trail, address, cause, others })
        }
    }
}

/// Locates the engine without asking it.
///
/// # Errors
/// [`LocateError`].
pub fn locate(environment: &Environment) -> Result<Located, LocateError> {
    let mut trail = Vec::new();
    let files = || certificates(environment);
    let mut look = |place: &'static str, found: Option<&String>| {
        let shown = found.map_or_else(|| "not set".to_owned(), |text| quote(text));
        trail.push(Step { place, found: shown });
        found.cloned()
    };
    let (address, source) = if let Some(host) = look(FLAG, environment.host_flag.as_ref()) {
        (parse(FLAG, &host, files())?, Source::Flag)
    } else if let Some(host) = look(VARIABLE, environment.docker_host.as_ref()) {
        (parse(VARIABLE, &host, files())?, Source::Variable)
    } else {
        let folder = config_folder(environment);
        let named = look(CONTEXT, environment.docker_context.as_ref());
        let name = match (named, &folder) {
            (Some(name), _) => Some(name),
            (None, Some(folder)) => look(CURRENT, context::current(folder)?.as_ref()),
            (None, None) => None,
        };
        match name.filter(|name| name != context::DEFAULT) {
            Some(name) => (of_context(folder.as_deref(), &name)?, Source::Context(name)),
            None => {
                let address = parse(SOCKET, "unix://", None)?;
                look(SOCKET, Some(&address.to_string()));
                (address, Source::Default)
            }
        }
    };
    Ok(Located { address, source, trail })
}

const FLAG: &str = "-H, --host";
const VARIABLE: &str = "DOCKER_HOST";
const CONTEXT: &str = "DOCKER_CONTEXT";
const CURRENT: &str = "current context";
const SOCKET: &str = "default socket";

/// Parses an address. With files for TLS, TCP is used with TLS.
fn parse(
    place: &'static str,
    text: &str,
    files: Option<CertificateFolder>,
) -> Result<EngineAddress, LocateError> {
    if text.starts_with("ssh://") {
        let host = text.parse().map_err(|error| LocateError::Ssh { place, error })?;
        return Ok(EngineAddress::Ssh(Arc::new(host)));
    }
    let address: Address = text.parse().map_err(|error| LocateError::Address { place, error })?;
    let (Address::Tcp { host, port }, Some(files)) = (&address, files) else {
        return Ok(address.into());
    };
    match EngineTls::load(&files) {
        Ok(tls) => Ok(EngineAddress::Tls { host: host.as_str().into(), port: *port, tls }),
        Err(error) => Err(LocateError::Tls { address, error, help: files_help(place) }),
    }
}

/// Where the files for TLS come from.
fn files_help(place: &str) -> &'static str {
    match place {
        FLAG | VARIABLE => {
            "DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem; without it, it is \
             ~/.docker"
        }
        _ => "docker context update sets the files of a context",
    }
}

/// The files for TLS that the environment asks for.
fn certificates(environment: &Environment) -> Option<CertificateFolder> {
    let verifies = environment.docker_tls_verify;
    let path = environment.docker_cert_path.clone().or_else(|| config_folder(environment));
    (verifies || environment.docker_tls).then(|| CertificateFolder {
        path: path.unwrap_or_default(),
        verifies,
        may_lack_authority: false,
    })
}

fn config_folder(environment: &Environment) -> Option<PathBuf> {
    let at_home = || environment.home.as_ref().map(|home| home.join(".docker"));
    environment.docker_config.clone().or_else(at_home)
}

fn of_context(folder: Option<&Path>, name: &str) -> Result<EngineAddress, LocateError> {
    let unknown = || LocateError::UnknownContext { name: name.to_owned() };
    let context::Named { host, certificates } = context::find(folder.ok_or_else(unknown)?, name)?;
    parse("the docker context", &host, certificates)
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Context(name) => write!(formatter, "the docker context {}", quote(name)),
            Self::Default => formatter.write_str("the default socket"),
            Self::Flag => formatter.write_str("-H"),
            Self::Variable => formatter.write_str("DOCKER_HOST"),
        }
    }
}

/// The message for an engine that does not answer: the settings in order, and what to do.
fn not_answering(
    trail: &[Step],
    address: &EngineAddress,
    cause: &ProbeError,
    others: &[PathBuf],
) -> String {
    let mut text = format!("no Docker Engine answers at {address}: {cause}\n");
    text.push_str("  checked, in the order of the docker CLI:\n");
    for step in trail {
        text.push_str(&format!("    {:<16} {}\n", step.place, step.found));
    }
    text.push_str("  help: ");
    text.push_str(match cause {
        ProbeError::Denied => {
            "only root and the socket's group may use it: join that group \
             (sudo usermod -aG docker $USER, then log in again), or use sudo"
        }
        ProbeError::Absent | ProbeError::Refused => {
            "start the engine (sudo systemctl start docker, or Docker Desktop), or name \
             another one with -H unix:///path or DOCKER_HOST"
        }
        ProbeError::Tls(error) => help_with_tls(error),
        ProbeError::WantsTls => {
            "set DOCKER_TLS_VERIFY=1, with ca.pem, cert.pem and key.pem in ~/.docker or \
             DOCKER_CERT_PATH (docs/tls.md)"
        }
        ProbeError::Ssh(_) => {
            "try the same with ssh: ssh -o BatchMode=yes HOST docker version; the key has to be in \
             an agent or without a password, and the host known"
        }
        ProbeError::Address(_)
        | ProbeError::Failing(_)
        | ProbeError::Strange(_)
        | ProbeError::Withheld(_)
        | ProbeError::Timeout => "name the engine with -H unix:///path or DOCKER_HOST",
    });
    for path in others {
        text.push_str(&format!("\n  another socket exists: -H unix://{}", shown(path)));
    }
    text
}

/// What to do when TLS failed.
fn help_with_tls(error: &TlsError) -> &'static str {
    match error {
        TlsError::NotTls => {
            "the engine does not use TLS: unset DOCKER_TLS_VERIFY and DOCKER_TLS, or name the port \
             that it uses TLS on, usually 2376"
        }
        TlsError::Refused(_) => {
            "cert.pem and key.pem in ~/.docker or DOCKER_CERT_PATH have to be a client's, signed by \
             the CA that the engine knows (dockerd --tlscacert)"
        }
        TlsError::UnknownIssuer => {
            "ca.pem in ~/.docker or DOCKER_CERT_PATH has to be the CA that signed the engine's \
             certificate (dockerd --tlscert)"
        }
        TlsError::OtherName(_) => {
            "name the engine as its certificate does, or make one with subjectAltName for this name \
             (docs/tls.md)"
        }
        TlsError::Time(_) => {
            "renew the engine's certificate (docs/tls.md), and look at the clocks of both machines"
        }
        TlsError::OfAuthority => {
            "make a certificate for the engine that the CA signs (docs/tls.md)"
        }
        TlsError::NoCertificate | TlsError::NothingInCommon(_) | TlsError::Other(_) => {
            "look at the engine's log; openssl s_client -connect HOST:PORT shows what it offers"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A home folder with a configuration file and one context.
    fn home(config: &str, meta: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let context = home.path().join(".docker/contexts/meta/0a1b");
        std::fs::create_dir_all(&context).unwrap();
        std::fs::write(home.path().join(".docker/config.json"), config).unwrap();
        std::fs::write(context.join("meta.json"), meta).unwrap();
        home
    }

    const META: &str = r#"{"Name":"far","Endpoints":{"docker":{"Host":"unix:///far.sock"}}}"#;

    fn located(environment: &Environment) -> String {
        match locate(environment) {
            Ok(Located { address, source, .. }) => format!("{address} by {source}"),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn the_first_setting_decides() {
        let home = home(r#"{"currentContext":"far"}"#, META);
        let mut environment = Environment {
            host_flag: Some("unix:///flag".into()),
            docker_host: Some("tcp://h:1".into()),
            docker_context: Some("default".into()),
            home: Some(home.path().to_owned()),
            ..Environment::default()
        };
        assert_eq!(located(&environment), "unix:///flag by -H");
        environment.host_flag = None;
        assert_eq!(located(&environment), "tcp://h:1 by DOCKER_HOST");
        environment.docker_host = None;
        assert_eq!(located(&environment), "unix:///var/run/docker.sock by the default socket");
        environment.docker_context = None;
        assert_eq!(located(&environment), "unix:///far.sock by the docker context \"far\"");
        environment.home = None;
        assert_eq!(located(&environment), "unix:///var/run/docker.sock by the default socket");
        environment.docker_config = Some(home.path().join(".docker"));
        assert_eq!(located(&environment), "unix:///far.sock by the docker context \"far\"");
    }

    #[test]
    fn errors_in_a_context_are_reported() {
        let with = |config: &str, meta: &str| {
            let home = home(config, meta);
            let home_path = home.path().to_owned();
            located(&Environment { home: Some(home_path), ..Environment::default() })
        };
        let far = r#"{"currentContext":"far"}"#;
        assert!(with("{}", META).starts_with("unix:///var/run/docker.sock"));
        assert!(
            with(r#"{"currentContext":"x\u001b"}"#, META)
                .contains("no docker context \"x\\u{1b}\"")
        );
        assert!(with("{", META).contains("config.json"));
        assert!(with(far, "{").contains("no docker context \"far\""));
        assert!(with(far, &META.replace("unix:///far.sock", "ssh://h")).starts_with("ssh://h by"));
        assert!(with(far, &META.replace("unix:///far.sock", "ssh://-h")).contains("its host"));
        assert!(with(far, &META.replace("unix:///far.sock", "tcp://h:1")).starts_with("tcp://h:1"));
    }

    #[test]
    fn missing_files_for_tls_are_named() {
        let environment = Environment {
            docker_host: Some("tcp://h:2376".into()),
            docker_tls_verify: true,
            docker_cert_path: Some("/nowhere".into()),
            ..Environment::default()
        };
        insta::assert_snapshot!(located(&environment), @"error: TLS to tcp://h:2376: cannot use /nowhere/ca.pem: there is no such file; DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem; without it, it is ~/.docker");
        let plain = Environment { docker_host: Some("unix:///x".into()), ..environment };
        assert_eq!(located(&plain), "unix:///x by DOCKER_HOST");
    }

    #[tokio::test]
    async fn the_message_says_what_was_tried_and_what_to_do() {
        let environment = Environment {
            docker_host: Some("unix:///nowhere/docker.sock".into()),
            ..Environment::default()
        };
        let error = find(&environment, Duration::from_secs(1)).await.unwrap_err();
        insta::assert_snapshot!(error, @r#"
        no Docker Engine answers at unix:///nowhere/docker.sock: there is no such socket
          checked, in the order of the docker CLI:
            -H, --host       not set
            DOCKER_HOST      "unix:///nowhere/docker.sock"
          help: start the engine (sudo systemctl start docker, or Docker Desktop), or name another one with -H unix:///path or DOCKER_HOST
        "#);
    }
}
