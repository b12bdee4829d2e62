//! The settings that determine the engine.

use std::path::PathBuf;

/// The settings as plain values: the caller reads the environment. An empty variable counts as not
/// set, as in the docker CLI.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `-H` or `--host`.
    pub host_flag: Option<String>,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`: the folder of the CLI's configuration, instead of `~/.docker`.
    pub docker_config: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// The numeric user ID.
    pub uid: u32,
    /// Whether `DOCKER_TLS` is set: TLS over TCP, with any certificate of the engine.
    pub docker_tls: bool,
    /// Whether `DOCKER_TLS_VERIFY` is set: TLS over TCP, with a certificate that `ca.pem` signed.
    pub docker_tls_verify: bool,
    /// `DOCKER_CERT_PATH`: the folder of `ca.pem`, `cert.pem` and `key.pem`, instead of the
    /// configuration's.
    pub docker_cert_path: Option<PathBuf>,
}
