//! Runs a program that uses the proxy, and detects ways in which it would bypass the proxy.

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use super::limits::raise_open_files;
use crate::api::EngineKind;
use crate::child::{self, Ended, Escape, Intercept, SpawnError};
use crate::proxy::Running;

/// How long a program's connections may stay open after the program has ended.
pub(super) const CHILD_GRACE: Duration = Duration::from_secs(1);

/// Runs a program that connects to the proxy at this address. Waits until the program, then `outlived`
/// and then its connections have ended.
///
/// # Errors
/// When the program cannot be started.
pub(super) async fn run_program(
    command: Vec<OsString>,
    address: String,
    engine: EngineKind,
    intercept: Option<(Intercept, PathBuf)>,
    running: &Running,
    outlived: impl Future<Output = ()>,
) -> Result<Ended, SpawnError> {
    let variables = match engine {
        EngineKind::Docker => vec![child::DOCKER_HOST],
        EngineKind::Podman => vec![child::DOCKER_HOST, child::CONTAINER_HOST],
    };
    let spec = child::Spec { command, address, variables, intercept };
    // The limit is raised only after the program has started with the old one: many programs allocate a
    // long table of files when the limit is high.
    let ended = child::run(spec, raise_open_files).await;
    if ended.is_ok() {
        outlived.await;
    }
    running.drain(CHILD_GRACE, std::future::pending()).await;
    ended
}

/// How a program would bypass dsp. A covered engine socket does not count, nor does a socket that the
/// program passes to followed containers.
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
