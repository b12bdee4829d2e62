//! The sockets that containers get under an enforced profile, in the place of the engine's.
//!
//! A container has mounted the file of its socket, and not the path. So the file stays as long as a
//! container may mount it again, also while nobody serves it: an engine makes a folder of a path that
//! is missing. The next dsp with the same profile serves it again under the same path.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::runtime_dir::{FOLDER_MODE, RuntimeDir, RuntimeDirError};
use super::sockets::{access_for_containers, bind_for_containers};
use crate::api::Address;
use crate::engine::{self, MountedContainer};
use crate::proxy::{ListenError, Listener, SocketFile};
use crate::text::shown;
use crate::wire::EngineAddress;

/// The name of the socket in its folder.
const NAME: &str = "docker.sock";

/// The most folders of one profile: each dsp that enforces it at the same time has one.
const MOST: usize = 1024;

/// How many characters of the profile's name are in the name of the folder.
const LONGEST_NAME: usize = 24;

/// How long the engine may take to list its containers.
const ASK_TIME: Duration = Duration::from_secs(2);

/// Why containers cannot have sockets.
#[derive(Debug, thiserror::Error)]
pub enum NestedError {
    /// The engine is not on a unix socket, so it may be on another machine.
    #[error(
        "the profile gives containers a socket of dsp (\"@socket\"), for which the engine has to be on \
         this machine, behind a unix socket; {engine} may be another machine"
    )]
    OtherMachine {
        /// The engine's address.
        engine: EngineAddress,
    },
    /// There is no folder for the sockets.
    #[error(transparent)]
    RuntimeDir(#[from] RuntimeDirError),
    /// A folder cannot be made, or what is in the socket's place cannot be removed.
    #[error("cannot make room for the socket of containers at {}: {source}", shown(path))]
    Room {
        /// The path of the socket.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The socket cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Too many processes enforce the profile.
    #[error("{MOST} processes give containers sockets under this profile; end some of them")]
    Full,
}

/// Where the sockets of a profile are.
#[derive(Debug)]
pub(super) struct NestedPlace {
    pub(super) runtime_dir: RuntimeDir,
    /// What is enforced: the sockets of another profile have other paths.
    pub(super) name: String,
}

/// The sockets that containers get. The first one is for new containers; others are of containers from
/// earlier sessions.
#[derive(Debug)]
pub(super) struct NestedSockets {
    engine: EngineAddress,
    sockets: Vec<NestedSocket>,
    /// The folder, if the user has none that stays the same.
    temporary: Option<TempDir>,
}

#[derive(Debug)]
struct NestedSocket {
    path: PathBuf,
    /// Taken at the end, when it is known whether a container needs it.
    file: Option<SocketFile>,
}

impl NestedPlace {
    /// The place for a profile that was read from this path, and for this owner: the containers that another
    /// owner made must not get the rights of this one from a dsp that starts later.
    pub(super) fn new(runtime_dir: RuntimeDir, owner: &str, path: &Path) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let name: String = owner.chars().take(LONGEST_NAME).collect();
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut digest = Sha256::new_with_prefix(format!("{owner}\n"));
        digest.update(path.as_os_str().as_encoded_bytes());
        let digest = digest.finalize();
        let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("nested-{}-{digest}", name.replace(|c| !is_plain(c), "_"));
        Self { runtime_dir, name }
    }
}

impl NestedSockets {
    /// Opens the socket for new containers, and those of earlier sessions that nobody serves.
    ///
    /// # Errors
    /// [`NestedError`].
    pub(super) fn open(
        place: &NestedPlace,
        engine: &EngineAddress,
    ) -> Result<(Self, Vec<Listener>), NestedError> {
        let Some(path) = engine.socket() else {
            return Err(NestedError::OtherMachine { engine: engine.clone() });
        };
        let access = access_for_containers(path);
        let mut listeners = Vec::new();
        let mut opened = Self { engine: engine.clone(), sockets: Vec::new(), temporary: None };
        let Some(all) = place.runtime_dir.lasting_folder()? else {
            let folder = place.runtime_dir.private_folder()?;
            listeners.push(bind_for_containers(&folder.path().join(NAME), &access)?);
            opened.temporary = Some(folder);
            opened.keep(&mut listeners);
            return Ok((opened, listeners));
        };
        for number in 1..=MOST {
            let folder = all.join(format!("{}.{number}", place.name));
            // Every folder from an earlier session comes before the first number that is free.
            let is_new = !folder.exists();
            if is_new && !listeners.is_empty() {
                break;
            }
            let path = folder.join(NAME);
            make_room(&folder, &path)
                .map_err(|source| NestedError::Room { path: path.clone(), source })?;
            match bind_for_containers(&path, &access) {
                Ok(listener) => listeners.push(listener),
                // Another process serves it, or has just begun to.
                Err(ListenError::InUse { .. }) => {}
                Err(ListenError::Io { source, .. })
                    if source.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error.into()),
            }
        }
        if listeners.is_empty() {
            return Err(NestedError::Full);
        }
        opened.keep(&mut listeners);
        Ok((opened, listeners))
    }

    /// Takes over the files of the sockets.
    fn keep(&mut self, listeners: &mut [Listener]) {
        for listener in listeners {
            if let Address::Unix(path) = listener.address().clone() {
                self.sockets.push(NestedSocket { path, file: listener.take_file() });
            }
        }
    }

    /// The path of the socket for new containers.
    pub(super) fn path(&self) -> Option<String> {
        self.sockets.first()?.path.to_str().map(str::to_owned)
    }

    /// What finds the containers that mount one of the sockets.
    pub(super) fn mounts(&self) -> Mounts {
        let paths = self.sockets.iter().map(|socket| socket.path.clone()).collect();
        Mounts { engine: self.engine.clone(), paths }
    }

    /// Removes the sockets that no container mounts. The others stay as files that nobody serves, so that
    /// the engine does not make folders of them. Returns the names of the containers that still run.
    pub(super) async fn close(mut self) -> Vec<String> {
        let containers = self.mounts().containers().await;
        let mut is_left = false;
        for mut socket in std::mem::take(&mut self.sockets) {
            let is_of = |containers: &Vec<MountedContainer>| {
                containers.iter().any(|container| socket.is_of(container))
            };
            if containers.as_ref().is_none_or(is_of) {
                is_left = true;
                continue;
            }
            drop(socket.file.take());
            if let Some(folder) = socket.path.parent() {
                // This fails if the folder contains anything else.
                let _ = fs::remove_dir(folder);
            }
        }
        if let Some(folder) = self.temporary.take().filter(|_| is_left) {
            let _ = folder.keep();
        }
        let running = containers.into_iter().flatten().filter(|container| container.is_running);
        running.map(|container| container.name).collect()
    }
}

/// Finds the containers that mount a socket.
#[derive(Debug)]
pub(super) struct Mounts {
    engine: EngineAddress,
    paths: Vec<PathBuf>,
}

impl Mounts {
    /// Finds what either of them finds.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        self
    }

    /// The containers; `None` if the engine does not say.
    async fn containers(&self) -> Option<Vec<MountedContainer>> {
        let mut containers = engine::mounted_containers(&self.engine, ASK_TIME).await?;
        let is_one = |source: &String| self.paths.iter().any(|path| path == Path::new(source));
        containers.retain(|container| container.sources.iter().any(is_one));
        Some(containers)
    }

    /// The names of those that run.
    pub(super) async fn running(&self) -> Vec<String> {
        let containers = self.containers().await.unwrap_or_default();
        let running = containers.into_iter().filter(|container| container.is_running);
        running.map(|container| container.name).collect()
    }
}

impl NestedSocket {
    fn is_of(&self, container: &MountedContainer) -> bool {
        container.sources.iter().any(|source| Path::new(source) == self.path)
    }
}

impl Drop for NestedSocket {
    fn drop(&mut self) {
        // Nobody has found out that no container needs it.
        if let Some(file) = self.file.take() {
            file.leave();
        }
    }
}

/// Makes the folder of a socket, and clears the socket's place of a folder that an engine made there.
fn make_room(folder: &Path, socket: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    if fs::symlink_metadata(socket).is_ok_and(|found| found.is_dir()) {
        fs::remove_dir(socket)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::sample::SampleEngine;

    struct World {
        folder: TempDir,
        sample: SampleEngine,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let sample = SampleEngine::start(&folder.path().join("engine.sock")).unwrap();
            Self { folder, sample }
        }

        fn place(&self, runtime: Option<&str>) -> NestedPlace {
            let path = self.folder.path();
            let runtime_dir = RuntimeDir::of_user(runtime.map(|it| path.join(it)), path);
            NestedPlace { runtime_dir, name: "nested-x".to_owned() }
        }

        fn open(&self) -> (NestedSockets, Vec<Listener>) {
            NestedSockets::open(&self.place(Some("run")), &self.sample.address().into()).unwrap()
        }

        fn path(&self, number: usize) -> PathBuf {
            self.folder.path().join(format!("run/dsp/nested-x.{number}/docker.sock"))
        }
    }

    fn paths(listeners: &[Listener]) -> Vec<PathBuf> {
        let paths = listeners.iter().map(|listener| match listener.address() {
            Address::Unix(path) => path.clone(),
            Address::Tcp { .. } => panic!(),
        });
        paths.collect()
    }

    #[tokio::test]
    async fn each_process_has_a_socket_and_takes_over_those_that_nobody_serves() {
        let world = World::new();
        fs::create_dir(world.folder.path().join("run")).unwrap();
        let (first, one) = world.open();
        let (second, two) = world.open();
        assert_eq!((paths(&one), paths(&two)), (vec![world.path(1)], vec![world.path(2)]));
        assert_eq!(first.path().unwrap(), world.path(1).to_str().unwrap());
        // Both are killed, and their files stay.
        drop((first, one, second, two));
        let is_dead = |number| {
            let path = world.path(number);
            assert!(fs::metadata(&path).unwrap().file_type().is_socket());
            UnixStream::connect(&path).is_err()
        };
        assert!(is_dead(1) && is_dead(2));
        // An engine made a folder of one of them.
        fs::remove_file(world.path(2)).unwrap();
        fs::create_dir(world.path(2)).unwrap();
        let (again, both) = world.open();
        assert_eq!(paths(&both), [world.path(1), world.path(2)]);
        assert!(UnixStream::connect(world.path(2)).is_ok());
        drop(both);
        // No container mounts them.
        assert!(again.close().await.is_empty());
        assert!(!world.path(1).parent().unwrap().exists());
        assert!(!world.path(2).parent().unwrap().exists());
    }

    #[tokio::test]
    async fn a_socket_stays_if_the_engine_does_not_say_that_no_container_needs_it() {
        let mut world = World::new();
        fs::create_dir(world.folder.path().join("run")).unwrap();
        let (nested, listeners) = world.open();
        let address = world.sample.address();
        world.sample = SampleEngine::start(&world.folder.path().join("other.sock")).unwrap();
        drop(listeners);
        assert!(nested.close().await.is_empty());
        assert!(world.path(1).exists(), "{address}");
        let mode = fs::metadata(world.path(1).parent().unwrap()).unwrap().mode();
        assert_eq!(mode & 0o777, FOLDER_MODE);
    }

    #[tokio::test]
    async fn a_user_without_a_runtime_folder_has_a_socket_until_dsp_ends() {
        let world = World::new();
        let (nested, listeners) =
            NestedSockets::open(&world.place(None), &world.sample.address().into()).unwrap();
        let path = paths(&listeners).remove(0);
        assert!(UnixStream::connect(&path).is_ok());
        drop(listeners);
        assert!(nested.close().await.is_empty());
        assert!(!path.parent().unwrap().exists());
    }

    #[tokio::test]
    async fn what_is_in_a_folder_that_took_the_place_is_not_removed() {
        let world = World::new();
        fs::create_dir_all(world.path(1)).unwrap();
        let dsp = world.folder.path().join("run/dsp");
        fs::set_permissions(&dsp, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        fs::write(world.path(1).join("kept"), "x").unwrap();
        let opened = NestedSockets::open(&world.place(Some("run")), &world.sample.address().into());
        assert!(matches!(opened, Err(NestedError::Room { .. })));
        assert!(world.path(1).join("kept").exists());
    }

    #[test]
    fn another_file_or_another_owner_is_another_place() {
        let folder = tempfile::tempdir().unwrap();
        let name = |owner: &str, path: &str| {
            let runtime_dir = RuntimeDir::of_user(None, folder.path());
            NestedPlace::new(runtime_dir, owner, &folder.path().join(path)).name
        };
        let one = name("ci", "p.yaml");
        assert!(one.starts_with("nested-ci-") && one == name("ci", "p.yaml"), "{one}");
        assert!(one != name("ci", "q.yaml") && one != name("cd", "p.yaml"));
        assert!(name(&"x".repeat(60), "p.yaml").len() < 48);
    }
}
