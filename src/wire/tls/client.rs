//! TLS to an engine, with the files of the docker CLI.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;

use super::error::{TlsError, TlsFileError};
use super::files;
use super::session::TlsStream;

/// How long a handshake may take (Go's `TLSHandshakeTimeout`, which the docker CLI leaves at that).
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// The protocol that dsp speaks over TLS, for servers that could speak others (RFC 7301).
pub(super) const HTTP1: &[u8] = b"http/1.1";

/// Where systems have the certificates of all public CAs (Go `crypto/x509/root_linux.go`, and macOS).
const SYSTEM_AUTHORITIES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// A folder with `ca.pem`, `cert.pem` and `key.pem`, as the docker CLI uses it.
#[derive(Clone, Debug)]
pub struct CertificateFolder {
    /// The folder.
    pub path: PathBuf,
    /// Whether the engine's certificate is checked.
    pub verifies: bool,
    /// Whether `ca.pem` may be missing. The system's CAs are trusted then.
    pub may_lack_authority: bool,
}

/// How dsp speaks TLS to an engine: whom it trusts, and its own certificate.
#[derive(Clone)]
pub struct EngineTls {
    config: Arc<ClientConfig>,
}

impl EngineTls {
    /// Reads the files of a folder. Without `cert.pem` and `key.pem`, dsp has no certificate of its own.
    ///
    /// # Errors
    /// [`TlsFileError`] for a file that is missing or cannot be used.
    pub fn load(folder: &CertificateFolder) -> Result<Self, TlsFileError> {
        let file = |name: &str| folder.path.join(name);
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        // The defaults are TLS 1.2 and 1.3, which the provider has ciphers for.
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsFileError::no_pair(&folder.path, &error))?;
        let builder = if folder.verifies {
            builder.with_root_certificates(authorities(folder)?)
        } else {
            let unchecked = Arc::new(Unchecked(provider));
            builder.dangerous().with_custom_certificate_verifier(unchecked)
        };
        let (certificate, key) = (file("cert.pem"), file("key.pem"));
        let mut config = if certificate.exists() || key.exists() {
            let chain = files::certificates(&certificate)?;
            builder
                .with_client_auth_cert(chain, files::key(&key)?)
                .map_err(|error| TlsFileError::no_pair(&key, &error))?
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = vec![HTTP1.to_vec()];
        Ok(Self { config: Arc::new(config) })
    }

    /// Begins TLS with the engine that has this name, and waits until both sides have agreed.
    pub(crate) async fn connect(&self, host: &str, socket: TcpStream) -> io::Result<TlsStream> {
        let name = ServerName::try_from(host.to_owned());
        let name =
            name.map_err(|_| TlsError::Other(format!("{host} cannot be in a certificate")))?;
        let session = ClientConnection::new(Arc::clone(&self.config), name);
        let mut stream = TlsStream::new(socket, session.map_err(TlsError::of)?);
        let handshake = std::future::poll_fn(|context| stream.poll_handshake(context));
        match tokio::time::timeout(HANDSHAKE_TIME, handshake).await {
            Ok(done) => done.map(|()| stream),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// The same if they were read at the same time.
impl PartialEq for EngineTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
    }
}

impl Eq for EngineTls {}

impl fmt::Debug for EngineTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EngineTls").finish_non_exhaustive()
    }
}

/// The CAs whose signature an engine's certificate needs.
fn authorities(folder: &CertificateFolder) -> Result<RootCertStore, TlsFileError> {
    match files::authorities(&folder.path.join("ca.pem")) {
        Err(error) if error.is_absent() && folder.may_lack_authority => {
            let found = SYSTEM_AUTHORITIES.iter().map(Path::new).find(|path| path.exists());
            found.map_or(Err(error), files::authorities)
        }
        read => read,
    }
}

/// Accepts every certificate, as the docker CLI does with `DOCKER_TLS` alone. The other side still has
/// to have the key.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
