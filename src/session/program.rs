//! The program that is run before the proxy, and ways in which it would avoid the proxy.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::limits::raise_open_files;
use crate::api::EngineKind;
use crate::child::{self, Ended, Escape, Intercept, SpawnError};
use crate::proxy::Running;

/// How long the connections of a program that has ended may take to end too.
pub const CHILD_GRACE: Duration = Duration::from_secs(1);

/// Runs a program that connects to the proxy at this address. Waits for its end and that of its
/// connections.
///
/// # Errors
/// When the program cannot be started.
pub async fn run_program(
    command: Vec<OsString>,
    address: String,
    engine: EngineKind,
    intercept: Option<(Intercept, PathBuf)>,
    running: &Running,
) -> Result<Ended, SpawnError> {
    let variables = match engine {
        EngineKind::Docker => vec![child::DOCKER_HOST],
        EngineKind::Podman => vec![child::DOCKER_HOST, child::CONTAINER_HOST],
    };
    let spec = child::Spec { command, address, variables, intercept };
    // The limit is raised only when the program has started with the old one: many programs take a high
    // limit for a long table of files.
    let ended = child::run(spec, raise_open_files).await;
    running.drain(CHILD_GRACE, std::future::pending()).await;
    ended
}

/// How a program would avoid dsp. An engine's socket that is covered is not a way, nor is what the
/// program gives to containers that are followed.
#[must_use]
pub fn escape(
    command: &[OsString],
    intercept: Option<&Intercept>,
    follows: bool,
) -> Option<Escape> {
    child::escapes(command).filter(|escape| match escape {
        Escape::MountedSocket(_) => !follows,
        Escape::OwnEngine { engine, .. } => !intercept.is_some_and(|it| it.covers(engine)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_socket_for_a_container_is_a_way_out_unless_containers_are_followed() {
        let command = words("docker run -v /var/run/docker.sock:/var/run/docker.sock x");
        let found = escape(&command, None, false);
        assert!(matches!(found, Some(Escape::MountedSocket(_))), "{found:?}");
        assert!(escape(&command, None, true).is_none());
        let command = words("docker -H unix:///var/run/docker.sock ps");
        let found = escape(&command, None, true);
        assert!(matches!(found, Some(Escape::OwnEngine { .. })), "{found:?}");
        assert!(escape(&words("docker ps"), None, false).is_none());
    }
}
