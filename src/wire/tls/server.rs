//! TLS on a listener.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ServerConfig, ServerConnection, version};
use tokio::net::TcpStream;

use super::client::HTTP1;
use super::error::{TlsError, TlsFileError};
use super::files;
use super::names::names;
use super::session::TlsStream;

/// How long a client may take until both sides have agreed.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// The first byte of TLS: a record with a part of a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// The files of a listener with TLS.
#[derive(Clone, Debug)]
pub struct ListenerFiles {
    /// The certificate, followed by those between it and the CA's.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The CAs that sign clients' certificates. Without them, clients need none.
    pub clients: Option<PathBuf>,
}

/// How a listener speaks TLS: with which certificate, and with whom. All listeners with the same files
/// share it.
pub struct ListenerTls {
    files: ListenerFiles,
    current: ArcSwap<Current>,
}

/// What the files contained when they were last read.
struct Current {
    config: Arc<ServerConfig>,
    /// The names in the listener's own certificate.
    names: Vec<String>,
}

/// Why a client could not be greeted.
#[derive(Debug)]
pub(crate) enum NotGreeted {
    /// It speaks HTTP without TLS, and can be told so.
    Plain(TcpStream),
    /// TLS failed.
    Tls(TlsError),
    /// It left, or said nothing for too long.
    Gone,
}

impl ListenerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsFileError`] for a file that cannot be used.
    pub fn load(files: ListenerFiles) -> Result<Self, TlsFileError> {
        let current = ArcSwap::from_pointee(Current::load(&files)?);
        Ok(Self { files, current })
    }

    /// Reads the files again. New connections use what they contain now.
    ///
    /// # Errors
    /// [`TlsFileError`]. What was read before stays in force.
    pub fn reload(&self) -> Result<(), TlsFileError> {
        self.current.store(Arc::new(Current::load(&self.files)?));
        Ok(())
    }

    /// Whether each client needs a certificate.
    #[must_use]
    pub fn checks_clients(&self) -> bool {
        self.files.clients.is_some()
    }

    /// The names in the listener's own certificate.
    pub(crate) fn names(&self) -> Vec<String> {
        self.current.load().names.clone()
    }

    /// Begins TLS with a client, and waits until both sides have agreed. Also returns the names in the
    /// client's certificate.
    pub(crate) async fn greet(
        &self,
        socket: TcpStream,
    ) -> Result<(TlsStream, Vec<String>), NotGreeted> {
        let greeted = tokio::time::timeout(HANDSHAKE_TIME, self.agree(socket)).await;
        greeted.unwrap_or(Err(NotGreeted::Gone))
    }

    async fn agree(&self, socket: TcpStream) -> Result<(TlsStream, Vec<String>), NotGreeted> {
        let mut first = [0];
        match socket.peek(&mut first).await {
            Ok(1) if first == [HANDSHAKE] => {}
            Ok(1) => return Err(NotGreeted::Plain(socket)),
            _ => return Err(NotGreeted::Gone),
        }
        let config = Arc::clone(&self.current.load().config);
        let session = ServerConnection::new(config);
        let session = session.map_err(|error| NotGreeted::Tls(TlsError::of(error)))?;
        let mut stream = TlsStream::new(socket, session);
        std::future::poll_fn(|context| stream.poll_handshake(context))
            .await
            .map_err(|error| not_agreed(&error))?;
        let names = stream.peer_certificate().map(|found| names(found)).unwrap_or_default();
        Ok((stream, names))
    }
}

fn not_agreed(error: &io::Error) -> NotGreeted {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    inner.map_or(NotGreeted::Gone, |error| NotGreeted::Tls(error.clone()))
}

impl Current {
    fn load(files: &ListenerFiles) -> Result<Self, TlsFileError> {
        let provider = Arc::new(ring::default_provider());
        let unusable = |error| TlsFileError::no_pair(&files.key, &error);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])
            .map_err(unusable)?;
        let builder = match &files.clients {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let authorities = Arc::new(files::authorities(file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider);
                let verifier = verifier.build().map_err(|_| TlsFileError::not_usable(file))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = files::certificates(&files.certificate)?;
        let names = chain.first().map(|own| names(own)).unwrap_or_default();
        let mut config =
            builder.with_single_cert(chain, files::key(&files.key)?).map_err(unusable)?;
        config.alpn_protocols = vec![HTTP1.to_vec()];
        // Each connection shows its certificate, so that one that has expired, or whose CA was taken
        // away, does not go on.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), names })
    }
}

impl fmt::Debug for ListenerTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ListenerTls").field("files", &self.files).finish_non_exhaustive()
    }
}
