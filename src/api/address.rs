//! The address of an engine or a listener: `unix:///path` or `tcp://host:port`.

use crate::text::{printable, shown, spelled};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The port of `tcp://host` without a port, as in the docker CLI.
const DEFAULT_TCP_PORT: u16 = 2375;

/// The length limit, in bytes, for a path in a socket address, without its final NUL: `sun_path`
/// has 108 bytes on Linux (unix(7)) and 104 on macOS and the BSDs.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The socket of an empty `unix://`, as in the docker CLI.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The address of an engine, or of a proxy's listener.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Address {
    /// A TCP endpoint. The host is a name or an IP address; an IPv6 address has no brackets here.
    Tcp {
        /// A name or an IP address.
        host: String,
        /// The port number.
        port: u16,
    },
    /// A unix socket. The path is absolute and fits a socket address.
    Unix(PathBuf),
}

/// Why a text is not an address that dsp can use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// The text is empty.
    #[error("the address is empty; write unix:///path or tcp://host:port")]
    Empty,
    /// The port is not a number from 0 to 65535.
    #[error("\"{}\" in \"{}\" is not a port", printable(port), printable(text))]
    Port {
        /// The whole address.
        text: String,
        /// The part that should be a port.
        port: String,
    },
    /// The path of a unix socket is relative. It must be absolute, because the child process may
    /// run in another folder.
    #[error("the socket path in \"{}\" is not absolute; write unix:///path", printable(text))]
    RelativePath {
        /// The whole address.
        text: String,
    },
    /// dsp does not support the scheme.
    #[error(
        "\"{}\": {}:// is not supported; dsp speaks unix:// and tcp://{hint}",
        printable(text),
        printable(scheme)
    )]
    Scheme {
        /// The whole address.
        text: String,
        /// The scheme.
        scheme: String,
        /// What to do instead, starting with "; ", or nothing.
        hint: &'static str,
    },
    /// The path is too long for a socket address.
    #[error(
        "the socket path \"{}\" has {length} bytes; at most {MAX_SOCKET_PATH} fit a socket address",
        printable(path)
    )]
    TooLong {
        /// The path.
        path: String,
        /// Its length in bytes.
        length: usize,
    },
    /// A TCP address has a path, which the engine would ignore.
    #[error("\"{}\" has a path after the port; write tcp://host:port", printable(text))]
    UnexpectedPath {
        /// The whole address.
        text: String,
    },
}

impl Address {
    /// A unix socket at `path`, if the path is absolute and fits a socket address.
    ///
    /// # Errors
    /// [`AddressError::RelativePath`] and [`AddressError::TooLong`].
    pub fn unix(path: impl Into<PathBuf>) -> Result<Self, AddressError> {
        let path = path.into();
        let length = path.as_os_str().len();
        if !path.is_absolute() {
            return Err(AddressError::RelativePath { text: format!("unix://{}", shown(&path)) });
        }
        if length > MAX_SOCKET_PATH {
            return Err(AddressError::TooLong { path: shown(&path).to_string(), length });
        }
        Ok(Self::Unix(path))
    }

    /// The address as programs read it, for `DOCKER_HOST`. For people, format it with `Display`.
    #[must_use]
    pub fn spelled(&self) -> String {
        match self {
            Self::Tcp { .. } => self.to_string(),
            Self::Unix(path) => format!("unix://{}", spelled(path)),
        }
    }

    /// Whether only programs on this machine can reach the address, judged by its spelling: a unix
    /// socket, `localhost` or a loopback IP address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host.eq_ignore_ascii_case("localhost")
                    || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }

    fn tcp(text: &str, authority: &str) -> Result<Self, AddressError> {
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains('/') {
            return Err(AddressError::UnexpectedPath { text: text.to_owned() });
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match authority.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            None => DEFAULT_TCP_PORT,
            Some(port) => port
                .parse()
                .map_err(|_| AddressError::Port { text: text.to_owned(), port: port.to_owned() })?,
        };
        let host = if host.is_empty() { "127.0.0.1" } else { host };
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            // The docker CLI reads a bare `host:port` as TCP; a bare path clearly means a socket.
            return if text.starts_with('/') { Self::unix(text) } else { Self::tcp(text, text) };
        };
        match scheme {
            "unix" if rest.is_empty() => Self::unix(DEFAULT_SOCKET),
            "unix" => Self::unix(rest),
            "tcp" => Self::tcp(text, rest),
            _ => Err(AddressError::Scheme {
                text: text.to_owned(),
                scheme: scheme.to_owned(),
                hint: match scheme {
                    "ssh" => ", and ssh:// to an engine",
                    "http" => "; write tcp:// instead",
                    "https" => {
                        "; write tcp:// instead, and set DOCKER_TLS_VERIFY=1 for an engine with TLS"
                    }
                    _ => "",
                },
            }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => {
                write!(formatter, "tcp://[{}]:{port}", printable(host))
            }
            Self::Tcp { host, port } => write!(formatter, "tcp://{}:{port}", printable(host)),
            Self::Unix(path) => write!(formatter, "unix://{}", shown(&path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match text.parse::<Address>() {
            Ok(address) => address.to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn spellings_of_the_docker_cli_are_accepted() {
        assert_eq!(shown("unix://"), "unix:///var/run/docker.sock");
        assert_eq!(shown("unix:///run/x.sock"), "unix:///run/x.sock");
        assert_eq!(shown("/run/x.sock"), "unix:///run/x.sock");
        assert_eq!(shown("tcp://localhost:2379"), "tcp://localhost:2379");
        assert_eq!(shown("tcp://localhost"), "tcp://localhost:2375");
        assert_eq!(shown("tcp://[::1]:80/"), "tcp://[::1]:80");
        assert_eq!(shown("tcp://:80"), "tcp://127.0.0.1:80");
        assert_eq!(shown("host:80"), "tcp://host:80");
    }

    #[test]
    fn unsupported_schemes_are_named() {
        for text in
            ["", "unix://x", "tcp://h:x", "tcp://h:70000", "tcp://h:1/x", "ssh://h", "npipe://x"]
        {
            assert!(shown(text).starts_with("error: "), "{text}: {}", shown(text));
        }
    }

    #[test]
    fn a_path_of_exactly_the_limit_fits() {
        let path = |length: usize| format!("/{}", "x".repeat(length - 1));
        assert!(Address::unix(path(MAX_SOCKET_PATH)).is_ok());
        let error = Address::unix(path(MAX_SOCKET_PATH + 1)).unwrap_err();
        assert!(matches!(error, AddressError::TooLong { .. }), "{error}");
    }

    #[test]
    fn loopback_is_distinguished_from_the_rest() {
        let loopback = |text: &str| text.parse::<Address>().unwrap().is_loopback();
        assert!(
            loopback("tcp://127.0.0.9:1") && loopback("tcp://[::1]:1") && loopback("unix:///x")
        );
        assert!(!loopback("tcp://0.0.0.0:1") && !loopback("tcp://example.org:1"));
    }
}
