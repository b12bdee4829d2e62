//! What can go wrong with TLS, in words.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use crate::text::{printable, shown};

/// The most names of a certificate that a message repeats.
const MOST_NAMES: usize = 5;

/// A file with certificates or a key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}: {fault}", shown(path))]
pub struct TlsFileError {
    path: PathBuf,
    fault: TlsFileFault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsFileFault {
    #[error("there is no such file")]
    Absent,
    #[error(
        "the key is encrypted; write it without a password, with openssl pkey -in FILE -out FILE"
    )]
    EncryptedKey,
    #[error("it contains no certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    #[error("it contains no private key in PEM form (-----BEGIN PRIVATE KEY-----)")]
    NoKey,
    #[error("it is not valid PEM")]
    NotPem,
    #[error("none of its certificates can be used as a CA's")]
    NotUsable,
    #[error(
        "it is not a key that TLS can use (RSA, ECDSA or Ed25519), or does not belong to the certificate: {0}"
    )]
    NoPair(String),
    #[error("it is too large")]
    TooLarge,
    #[error("{0}")]
    Unreadable(io::Error),
}

impl TlsFileError {
    pub(super) fn new(path: &Path, fault: TlsFileFault) -> Self {
        Self { path: path.to_owned(), fault }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file does not exist.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.fault, TlsFileFault::Absent)
    }

    /// A file without a certificate that can be a CA's.
    pub(super) fn not_usable(path: &Path) -> Self {
        Self::new(path, TlsFileFault::NotUsable)
    }

    /// A key that cannot be used with its certificate.
    pub(super) fn no_pair(path: &Path, error: &Error) -> Self {
        Self::new(path, TlsFileFault::NoPair(printable(&error.to_string())))
    }
}

/// Why TLS with the other side failed. It is the inner error of an [`io::Error`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The other side does not accept the certificate that it got, or got none.
    #[error("it refuses the certificate of dsp, or requires one ({0})")]
    Refused(&'static str),
    /// The other side has shown no certificate, although it needs one.
    #[error("it has no certificate")]
    NoCertificate,
    /// The other side does not speak TLS.
    #[error("it does not speak TLS")]
    NotTls,
    /// The certificate of the other side was signed by nobody who is trusted.
    #[error("its certificate was not signed by a trusted CA")]
    UnknownIssuer,
    /// The certificate of the other side is for other names.
    #[error("its certificate is not for this name, but for {0}")]
    OtherName(String),
    /// The certificate of the other side is not valid any more, or not yet.
    #[error("its certificate {0}")]
    Time(String),
    /// The certificate of the other side is that of a CA.
    #[error("its certificate is that of a CA, which cannot be a server's or a client's")]
    OfAuthority,
    /// The two sides have no version of TLS, no cipher and no kind of key in common.
    #[error("the two sides have no version of TLS or no cipher in common ({0})")]
    NothingInCommon(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl TlsError {
    /// Describes an error of rustls.
    pub(super) fn of(error: Error) -> Self {
        match error {
            Error::AlertReceived(alert) => refused(alert),
            // What is not a record, such as the beginning of an answer in plain text.
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            Error::InvalidCertificate(error) => of_certificate(error),
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::PeerIncompatible(what) => Self::NothingInCommon(in_common(&what)),
            other => Self::Other(printable(&other.to_string())),
        }
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// The alerts of a server that wants another certificate, as Go and OpenSSL send them.
fn refused(alert: AlertDescription) -> TlsError {
    TlsError::Refused(match alert {
        AlertDescription::CertificateRequired => "it requires one",
        AlertDescription::BadCertificate => "bad certificate",
        AlertDescription::UnknownCA => "it does not know the CA",
        AlertDescription::CertificateExpired => "it has expired",
        AlertDescription::CertificateUnknown => "unknown certificate",
        AlertDescription::DecryptError => "it cannot verify it",
        AlertDescription::AccessDenied => "access denied",
        AlertDescription::ProtocolVersion => {
            return TlsError::NothingInCommon("it wants another version".to_owned());
        }
        AlertDescription::HandshakeFailure => {
            return TlsError::NothingInCommon("it ended the handshake".to_owned());
        }
        other => {
            return TlsError::Other(format!(
                "the other side ended TLS with the alert {}",
                printable(&format!("{:?}", AsText(other)))
            ));
        }
    })
}

/// An alert by its name in the specification.
struct AsText(AlertDescription);

impl std::fmt::Debug for AsText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_str() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "{}", u8::from(self.0)),
        }
    }
}

fn of_certificate(error: CertificateError) -> TlsError {
    use CertificateError as At;
    match error {
        At::UnknownIssuer | At::BadSignature => TlsError::UnknownIssuer,
        At::Expired => TlsError::Time("has expired".to_owned()),
        At::ExpiredContext { not_after, .. } => {
            TlsError::Time(format!("expired {}", on(not_after)))
        }
        At::NotValidYet => TlsError::Time("is not valid yet".to_owned()),
        At::NotValidYetContext { not_before, .. } => {
            TlsError::Time(format!("is not valid before {}", on(not_before)))
        }
        At::NotValidForName => TlsError::OtherName("others".to_owned()),
        At::NotValidForNameContext { presented, .. } => TlsError::OtherName(names(&presented)),
        other => {
            let text = other.to_string();
            // rustls has no variant for it.
            match text.contains("CaUsedAsEndEntity") {
                true => TlsError::OfAuthority,
                false => {
                    TlsError::Other(format!("its certificate is not valid: {}", printable(&text)))
                }
            }
        }
    }
}

/// The names in a certificate as rustls presents them, such as `DnsName("localhost")`.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, inner)| inner);
        printable(inner.trim_end_matches(')').trim_matches('"'))
    };
    let mut names: Vec<String> = presented.iter().take(MOST_NAMES).map(plain).collect();
    if presented.len() > MOST_NAMES {
        names.push("others".to_owned());
    }
    match names.is_empty() {
        true => "none (a name in CN does not count; it must be in subjectAltName)".to_owned(),
        false => names.join(", "),
    }
}

fn on(time: UnixTime) -> String {
    let second = i64::try_from(time.as_secs()).ok();
    let time = second.and_then(|second| jiff::Timestamp::from_second(second).ok());
    time.map_or_else(|| "at an unknown time".to_owned(), |time| format!("at {time}"))
}

fn in_common(what: &PeerIncompatible) -> String {
    match what {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls13RequiredForQuic
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            "the other side speaks only versions that are refused here".to_owned()
        }
        other => printable(&Error::PeerIncompatible(other.clone()).to_string()),
    }
}
