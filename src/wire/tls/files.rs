//! Reads certificates and keys from PEM files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::{TlsFileError, TlsFileFault};

/// The size limit of a file, in bytes. The bundle of all public CAs has about 200 kB.
const MOST_BYTES: u64 = 4 << 20;

/// Reads a certificate, followed by those that it needs besides the CA's.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let bytes = read(path)?;
    let wrong = |fault| TlsFileError::new(path, fault);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(wrong(TlsFileFault::NoCertificate)),
        Ok(found) => Ok(found),
        Err(_) => Err(wrong(TlsFileFault::NotPem)),
    }
}

/// Reads the certificates of CAs. Those that cannot be used, as a system's bundle may contain, are
/// skipped if others can.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, TlsFileError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates(path)?);
    match store.is_empty() {
        true => Err(TlsFileError::new(path, TlsFileFault::NotUsable)),
        false => Ok(store),
    }
}

/// Reads a private key.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    let bytes = read(path)?;
    let is_encrypted =
        [&b"ENCRYPTED"[..]].iter().any(|word| bytes.windows(word.len()).any(|part| part == *word));
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let fault = match error {
            _ if is_encrypted => TlsFileFault::EncryptedKey,
            pem::Error::NoItemsFound => TlsFileFault::NoKey,
            _ => TlsFileFault::NotPem,
        };
        TlsFileError::new(path, fault)
    })
}

/// Reads a small file.
fn read(path: &Path) -> Result<Vec<u8>, TlsFileError> {
    let wrong = |fault| TlsFileError::new(path, fault);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => wrong(TlsFileFault::Absent),
        _ => wrong(TlsFileFault::Unreadable(error)),
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let length = file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    match u64::try_from(length) {
        Ok(length) if length <= MOST_BYTES => Ok(bytes),
        _ => Err(wrong(TlsFileFault::TooLarge)),
    }
}
