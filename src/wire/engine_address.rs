//! The address of an engine, and how to connect to it.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::ssh::SshHost;
use super::stream::Stream;
use super::tls::EngineTls;
use crate::api::Address;

/// The address of an engine, with what is needed to connect to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EngineAddress {
    /// A unix socket, or TCP without encryption.
    Plain(Address),
    /// TCP with TLS. The host is also the name that the engine's certificate must have.
    Tls {
        /// A name or an IP address, without brackets.
        host: Arc<str>,
        /// The port number.
        port: u16,
        /// Whom dsp trusts, and its own certificate.
        tls: EngineTls,
    },
    /// The engine of another machine, through the program `ssh`.
    Ssh(Arc<SshHost>),
}

impl EngineAddress {
    /// The path of its unix socket, if it has one on this machine.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Plain(Address::Unix(path)) => Some(path),
            Self::Plain(Address::Tcp { .. }) | Self::Tls { .. } | Self::Ssh(_) => None,
        }
    }

    /// Connects to the engine. With TLS, both sides have agreed afterwards; with ssh, the program was
    /// started, and the first read shows whether it succeeds.
    ///
    /// # Errors
    /// The system's, and a [`TlsError`](super::TlsError) inside of one of kind `InvalidData`.
    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        match self {
            Self::Plain(Address::Tcp { host, port }) => {
                Stream::tcp(TcpStream::connect((host.as_str(), *port)).await?)
            }
            Self::Plain(Address::Unix(path)) => connect_unix(path).await,
            Self::Tls { host, port, tls } => {
                let socket = TcpStream::connect((&**host, *port)).await?;
                socket.set_nodelay(true)?;
                tls.connect(host, socket).await.map(|stream| Stream::Tls(Box::new(stream)))
            }
            Self::Ssh(host) => host.connect().map(|stream| Stream::Ssh(Box::new(stream))),
        }
    }
}

#[cfg(target_os = "linux")]
async fn connect_unix(path: &Path) -> io::Result<Stream> {
    super::fresh::connect(path).map(Stream::Fresh)
}

/// The same on systems where that may have to wait.
#[cfg(not(target_os = "linux"))]
async fn connect_unix(path: &Path) -> io::Result<Stream> {
    tokio::net::UnixStream::connect(path).await.map(Stream::Unix)
}

impl From<Address> for EngineAddress {
    fn from(address: Address) -> Self {
        Self::Plain(address)
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(address) => address.fmt(formatter),
            Self::Tls { host, port, .. } => {
                Address::Tcp { host: host.to_string(), port: *port }.fmt(formatter)
            }
            Self::Ssh(host) => host.fmt(formatter),
        }
    }
}
