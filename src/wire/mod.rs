//! Byte streams over unix sockets, TCP and TLS, and the ways to reach an engine over them.
//!
//! TLS is rustls with the provider `ring`, which needs no library of the system, so that the static
//! program stays static.

mod engine_address;
mod fresh;
mod ssh;
mod stream;
mod tls;

pub use engine_address::EngineAddress;
pub(crate) use fresh::FreshStream;
pub use ssh::{SshError, SshHost, SshHostError};
pub(crate) use stream::{RawStream, Stream};
pub(crate) use tls::NotGreeted;
pub use tls::{CertificateFolder, EngineTls, ListenerFiles, ListenerTls, TlsError, TlsFileError};
