use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A CA, and the folder of what it signs.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate with its key, in PEM files.
#[derive(Clone)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    /// A new CA. Its certificate is `ca.pem` in the folder.
    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = folder.file_name().unwrap().to_str().unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder: folder.to_owned() }
    }

    /// The file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for these names, which are DNS names or IP addresses, or `email:` or `uri:`.
    pub fn sign(&self, file: &str, names: &[&str]) -> Pair {
        self.sign_with(file, names, |_| ())
    }

    pub fn sign_with(
        &self,
        file: &str,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.iter().map(|name| alternative(name)).collect();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            certificate: self.folder.join(format!("{file}-cert.pem")),
            key: self.folder.join(format!("{file}-key.pem")),
        };
        fs::write(&pair.certificate, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }

    /// A folder with `ca.pem`, `cert.pem` and `key.pem`, as the docker CLI uses it.
    pub fn docker_folder(&self, name: &str, pair: Option<&Pair>) -> PathBuf {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(self.file(), folder.join("ca.pem")).unwrap();
        if let Some(pair) = pair {
            fs::copy(&pair.certificate, folder.join("cert.pem")).unwrap();
            fs::copy(&pair.key, folder.join("key.pem")).unwrap();
        }
        folder
    }

    /// Its certificate alone, as a store.
    pub fn store(&self) -> RootCertStore {
        store(&self.file())
    }
}

impl Pair {
    pub fn read(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_file_iter(&self.certificate).unwrap();
        (chain.map(Result::unwrap).collect(), PrivateKeyDer::from_pem_file(&self.key).unwrap())
    }
}

/// The certificate in a file, as a store.
pub fn store(file: &Path) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    store
}

fn alternative(name: &str) -> SanType {
    match name.split_once(':') {
        Some(("email", email)) => SanType::Rfc822Name(email.try_into().unwrap()),
        Some(("uri", uri)) => SanType::URI(uri.try_into().unwrap()),
        _ => match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into().unwrap()),
        },
    }
}

/// Puts TLS before an engine's unix socket, and returns the port on 127.0.0.1. If `clients` is given, each
/// client needs a certificate of that CA.
pub fn put_tls_before(
    runtime: &Runtime,
    socket: &Path,
    own: &Pair,
    clients: Option<&Authority>,
) -> u16 {
    let clients = clients.map(Authority::store);
    put_tls_of(runtime, socket, own, clients, rustls::ALL_VERSIONS)
}

pub fn put_tls_of(
    runtime: &Runtime,
    socket: &Path,
    own: &Pair,
    clients: Option<RootCertStore>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> u16 {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(store) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(store.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let (chain, key) = own.read();
    let config = builder.with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = socket.to_owned();
    runtime.spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut engine = UnixStream::connect(&socket).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut engine).await;
            });
        }
    });
    port
}
