//! TLS: the streams, the certificates of both sides, and what can go wrong with them.

mod client;
mod error;
mod files;
mod session;

pub use client::{CertificateFolder, EngineTls};
pub use error::{TlsError, TlsFileError};
pub(super) use session::TlsStream;
