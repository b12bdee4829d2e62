//! The usual sockets of engines other than the default one (docs/engine-api.md#finding-the-engine).

use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use super::environment::Environment;

/// Sockets in the home folder: Docker Desktop, Colima, OrbStack, Rancher Desktop, Lima and podman
/// machine.
const BELOW_HOME: [&str; 8] = [
    ".docker/run/docker.sock",
    ".docker/desktop/docker.sock",
    ".colima/default/docker.sock",
    ".colima/docker.sock",
    ".orbstack/run/docker.sock",
    ".rd/docker.sock",
    ".lima/default/sock/docker.sock",
    ".local/share/containers/podman/machine/podman.sock",
];

/// The usual sockets that exist. They are only a hint and never used automatically: the docker CLI
/// does not fall back either, and recording the wrong engine would be a surprise.
pub(super) fn sockets(environment: &Environment) -> Vec<PathBuf> {
    let below_home =
        environment.home.iter().flat_map(|home| BELOW_HOME.iter().map(|socket| home.join(socket)));
    let below_runtime = environment.runtime_dir.iter().flat_map(|runtime| {
        ["docker.sock", "podman/podman.sock"].iter().map(|socket| runtime.join(socket))
    });
    let everywhere = ["/var/run/docker.sock", "/run/podman/podman.sock"].iter().map(PathBuf::from);
    let exists =
        |path: &PathBuf| std::fs::metadata(path).is_ok_and(|found| found.file_type().is_socket());
    everywhere.chain(below_runtime).chain(below_home).filter(exists).collect()
}
