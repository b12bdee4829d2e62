//! TLS: the streams, the certificates of both sides, and what can go wrong with them.

mod client;
mod error;
mod files;
mod names;
mod server;
mod session;

pub use client::{CertificateFolder, EngineTls};
pub use error::{TlsError, TlsFileError};
pub(crate) use server::NotGreeted;
pub use server::{ListenerFiles, ListenerTls};
pub(super) use session::{RawTls, TlsStream};
