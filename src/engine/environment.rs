//! What the environment says about where the engine is.

use std::path::PathBuf;

/// The environment as plain values, so that only the caller reads it. An empty variable counts as not
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
    /// The user's number.
    pub uid: u32,
    /// Whether `DOCKER_TLS_VERIFY` or `DOCKER_TLS` is set.
    pub tls_requested: bool,
}
