//! Everything that dsp reads from environment variables.

use std::env;
use std::path::PathBuf;

use crate::engine::Environment;

/// The parts of the environment that say where the engine is.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn read(host_flag: Option<&str>) -> Environment {
    let text = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
    let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    Environment {
        host_flag: host_flag.map(str::to_owned),
        docker_host: text("DOCKER_HOST"),
        docker_context: text("DOCKER_CONTEXT"),
        docker_config: path("DOCKER_CONFIG"),
        home: path("HOME"),
        runtime_dir: path("XDG_RUNTIME_DIR"),
        uid: rustix::process::getuid().as_raw(),
        docker_tls: text("DOCKER_TLS").is_some(),
        docker_tls_verify: text("DOCKER_TLS_VERIFY").is_some(),
        docker_cert_path: path("DOCKER_CERT_PATH"),
    }
}

/// The file that GitHub Actions shows as the summary of the current step.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn step_summary() -> Option<PathBuf> {
    env::var_os("GITHUB_STEP_SUMMARY").filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Whether the terminal, if there is one, cannot move its cursor.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn is_dumb_terminal() -> bool {
    env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// The folder for temporary files.
pub(super) fn temporary() -> PathBuf {
    env::temp_dir()
}

/// The user's home folder.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn home() -> Option<PathBuf> {
    env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}
