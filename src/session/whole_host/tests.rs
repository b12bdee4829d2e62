//! Names of sockets, before and after each step, and after a crash in the middle.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::socket::{GivenBack, HostSocket, Mended};
use super::socket_error::HostSocketError;
use super::taken::{Standing, Taken};
use crate::api::Address;
use crate::proxy::{Access, Listener};
use crate::wire::EngineAddress;

/// A folder with the socket of an engine.
struct Host {
    folder: tempfile::TempDir,
    engine: Option<UnixListener>,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Some(UnixListener::bind(folder.path().join("docker.sock")).unwrap());
        Self { folder, engine }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("docker.sock")
    }

    fn socket(&self) -> HostSocket {
        HostSocket::find(&EngineAddress::from(Address::Unix(self.path()))).unwrap()
    }

    /// As an engine does that starts: it removes what is at its path.
    fn start_engine_anew(&mut self) {
        let _ = fs::remove_file(self.path());
        self.engine = Some(UnixListener::bind(self.path()).unwrap());
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().flatten();
        let mut names: Vec<String> =
            names.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn prepare(&self) -> (Listener, Taken) {
        let socket = self.socket();
        let mut listener = Listener::bind_unix(&socket.record_path(), &Access::default()).unwrap();
        let file = listener.take_file().unwrap();
        let taken = Taken::prepare(socket, file).unwrap();
        (listener, taken)
    }

    fn take(&self) -> (Listener, Taken) {
        let (listener, taken) = self.prepare();
        taken.take().unwrap();
        (listener, taken)
    }

    /// Whether a connection to this name arrives at the engine.
    fn leads_to_engine(&self, path: &Path) -> bool {
        let engine = self.engine.as_ref().unwrap();
        engine.set_nonblocking(true).unwrap();
        while engine.accept().is_ok() {}
        let _stream = UnixStream::connect(path);
        engine.accept().is_ok()
    }
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

#[tokio::test]
async fn the_place_is_taken_and_given_back() {
    let host = Host::new();
    let before = inode(&host.path());
    let (_listener, taken) = host.take();
    assert_eq!(host.names(), ["docker.sock", "docker.sock.dsp-engine", "docker.sock.dsp-record"]);
    assert!(!host.leads_to_engine(&host.path()));
    assert!(host.leads_to_engine(&taken.socket().engine_path()));
    assert_eq!(taken.look().unwrap(), Standing::Own);
    assert_eq!(taken.give_back().unwrap(), GivenBack::Back);
    assert_eq!(inode(&host.path()), before);
    // Open requests still reach the engine.
    assert!(host.leads_to_engine(&taken.socket().engine_path()));
    taken.finish().unwrap();
    assert_eq!(host.names(), ["docker.sock"]);
    assert!(host.leads_to_engine(&host.path()));
}

#[tokio::test]
async fn it_is_given_back_when_dsp_gives_up() {
    let host = Host::new();
    drop(host.prepare().1);
    assert_eq!(host.names(), ["docker.sock"]);
    drop(host.take().1);
    assert_eq!(host.names(), ["docker.sock"]);
    assert!(host.leads_to_engine(&host.path()));
}

/// Opens and locks a file or a folder.
fn locked(path: &Path) -> fs::File {
    let file = fs::File::open(path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    file
}

#[tokio::test]
async fn no_lock_of_others_keeps_the_place() {
    let host = Host::new();
    let path = host.path();
    // Everybody who may read the folder can lock it.
    let _folder = locked(host.folder.path());
    let (_listener, taken) = host.take();
    assert_eq!(taken.give_back().unwrap(), GivenBack::Back);
    taken.finish().unwrap();
    assert_eq!(host.names(), ["docker.sock"]);

    // Another dsp that hangs.
    let lock = path.with_file_name("docker.sock.dsp-lock");
    let (_listener, taken) = host.take();
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o600)).unwrap();
    let other = locked(&lock);
    assert!(matches!(host.socket().mend(), Err(HostSocketError::Taken(_))));
    assert_eq!(taken.give_back().unwrap(), GivenBack::Back);
    assert!(host.leads_to_engine(&path));
    taken.finish().unwrap();
    assert_eq!(host.names(), ["docker.sock", "docker.sock.dsp-lock"], "it is the other dsp's");
    // One that was killed has left the file, and no lock.
    drop(other);
    assert_eq!(host.socket().mend().unwrap(), Mended::Nothing);
    assert_eq!(host.names(), ["docker.sock"]);
}

#[tokio::test]
async fn an_engine_that_makes_its_socket_anew_is_followed() {
    let mut host = Host::new();
    let (_listener, taken) = host.take();
    let own = inode(&host.path());
    fs::remove_file(host.path()).unwrap();
    assert_eq!(taken.look().unwrap(), Standing::Absent);
    host.start_engine_anew();
    let Standing::Other(other) = taken.look().unwrap() else { panic!() };
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o606)).unwrap();
    assert!(!taken.take_again(&other).unwrap(), "it has changed");
    let Standing::Other(other) = taken.look().unwrap() else { panic!() };
    assert!(taken.take_again(&other).unwrap());
    assert_eq!(taken.look().unwrap(), Standing::Own);
    assert_eq!(inode(&host.path()), own, "containers that have it mounted go on");
    assert_eq!(fs::metadata(host.path()).unwrap().mode() & 0o777, 0o606);
    assert!(host.leads_to_engine(&taken.socket().engine_path()));
    assert_eq!(taken.give_back().unwrap(), GivenBack::Back);
    taken.finish().unwrap();
    assert_eq!(host.names(), ["docker.sock"]);
    assert!(host.leads_to_engine(&host.path()));
}

#[tokio::test]
async fn a_socket_that_appears_in_the_middle_is_not_lost() {
    let mut host = Host::new();
    let (_listener, taken) = host.prepare();
    host.start_engine_anew();
    taken.take().unwrap();
    assert!(host.leads_to_engine(&taken.socket().engine_path()));
    // And what is not the engine's of before is not taken again.
    let Standing::Own = taken.look().unwrap() else { panic!() };
    host.start_engine_anew();
    assert_eq!(taken.give_back().unwrap(), GivenBack::ByEngine);
    taken.finish().unwrap();
    assert!(host.leads_to_engine(&host.path()));
    assert_eq!(host.names(), ["docker.sock"]);
}

#[tokio::test]
async fn the_engine_may_end_before_dsp() {
    let mut host = Host::new();
    let (_listener, taken) = host.take();
    host.engine = None;
    fs::remove_file(host.path()).unwrap();
    assert_eq!(taken.give_back().unwrap(), GivenBack::Gone);
    taken.finish().unwrap();
    assert!(host.names().is_empty(), "{:?}", host.names());

    // Only its name was removed.
    let host = Host::new();
    let (_listener, taken) = host.take();
    fs::remove_file(host.path()).unwrap();
    assert_eq!(taken.give_back().unwrap(), GivenBack::Back);
    taken.finish().unwrap();
    assert!(host.leads_to_engine(&host.path()));
}

/// Closes dsp's socket and leaves all names, as `kill -9` does.
fn kill((listener, mut taken): (Listener, Taken)) {
    drop(listener);
    taken.is_over = true;
    std::mem::forget(taken);
}

#[tokio::test]
async fn what_a_killed_dsp_leaves_is_mended() {
    let mut host = Host::new();
    assert_eq!(host.socket().mend().unwrap(), Mended::Nothing);

    kill(host.prepare());
    assert_eq!(host.socket().mend().unwrap(), Mended::Removed);
    assert_eq!(host.names(), ["docker.sock"]);

    kill(host.take());
    assert!(UnixStream::connect(host.path()).is_err());
    assert_eq!(host.socket().mend().unwrap(), Mended::GivenBack);
    assert_eq!(host.names(), ["docker.sock"]);
    assert!(host.leads_to_engine(&host.path()));

    // In the middle of an exchange.
    kill(host.take());
    fs::hard_link(host.path(), host.path().with_file_name("docker.sock.dsp-spare")).unwrap();
    assert_eq!(host.socket().mend().unwrap(), Mended::GivenBack);
    assert_eq!(host.names(), ["docker.sock"]);

    // The engine was restarted in the meantime.
    kill(host.take());
    host.start_engine_anew();
    assert_eq!(host.socket().mend().unwrap(), Mended::Removed);
    assert_eq!(host.names(), ["docker.sock"]);
    assert!(host.leads_to_engine(&host.path()));

    // A person has moved the engine's socket back.
    kill(host.take());
    fs::rename(host.path().with_file_name("docker.sock.dsp-engine"), host.path()).unwrap();
    assert_eq!(host.socket().mend().unwrap(), Mended::Removed);
    assert_eq!(host.names(), ["docker.sock"]);

    // A person has removed what is dead.
    kill(host.take());
    fs::remove_file(host.path()).unwrap();
    fs::remove_file(host.path().with_file_name("docker.sock.dsp-record")).unwrap();
    assert_eq!(host.socket().mend().unwrap(), Mended::GivenBack);
    assert_eq!(host.names(), ["docker.sock"]);
    assert!(host.leads_to_engine(&host.path()));

    kill(host.take());
    fs::remove_file(host.path().with_file_name("docker.sock.dsp-engine")).unwrap();
    assert!(matches!(host.socket().mend(), Err(HostSocketError::Lost(_))));
}

#[tokio::test]
async fn what_is_in_use_is_left_alone() {
    let host = Host::new();
    let taken = host.take();
    let names = host.names();
    assert!(matches!(host.socket().mend(), Err(HostSocketError::Taken(_))));
    assert_eq!(host.names(), names);
    drop(taken);
    let other = host.path().with_file_name("docker.sock.dsp-engine");
    let _other = UnixListener::bind(&other).unwrap();
    let error = host.socket().mend().unwrap_err();
    assert!(matches!(&error, HostSocketError::Unclear { name, .. } if *name == other), "{error}");
    assert_eq!(host.names(), ["docker.sock", "docker.sock.dsp-engine"]);
}

#[test]
fn what_cannot_be_taken_is_said() {
    let find = |path: &Path| HostSocket::find(&EngineAddress::from(Address::Unix(path.into())));
    let tcp = EngineAddress::from("tcp://127.0.0.1:1".parse::<Address>().unwrap());
    assert!(matches!(HostSocket::find(&tcp), Err(HostSocketError::NotHere { .. })));
    let folder = tempfile::tempdir().unwrap();
    let (none, file) = (folder.path().join("none"), folder.path().join("file"));
    assert!(matches!(find(&none).unwrap().check(), Err(HostSocketError::Absent(_))));
    fs::write(&file, "").unwrap();
    assert!(matches!(find(&file).unwrap().check(), Err(HostSocketError::NotASocket(_))));
    let long = folder.path().join("x".repeat(90));
    assert!(matches!(find(&long), Err(HostSocketError::TooLong(_))));
    assert!(matches!(find(&none.join("x")), Err(HostSocketError::Absent(_))));
}

#[test]
fn both_paths_of_a_link_are_one_socket() {
    let host = Host::new();
    let link = host.folder.path().join("link.sock");
    std::os::unix::fs::symlink(host.path(), &link).unwrap();
    let socket = HostSocket::find(&EngineAddress::from(Address::Unix(link))).unwrap();
    assert_eq!(socket.path(), host.path());
    assert!(socket.paths().contains(&host.path().display().to_string()), "{:?}", socket.paths());
    assert!(!socket.paths().contains(&"/var/run/docker.sock".to_owned()));
}

/// What a name may be of after a crash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Left {
    Nothing,
    Own,
    Engine,
    /// An engine's that was restarted.
    Old,
}

const SUFFIXES: [&str; 4] = ["", ".dsp-record", ".dsp-engine", ".dsp-spare"];

/// The names in all combinations, also those that no crash leaves.
fn all_that_may_be_left() -> impl Iterator<Item = [Left; 4]> {
    let kinds = [Left::Nothing, Left::Own, Left::Engine, Left::Old];
    (0..kinds.len().pow(4)).map(move |number| {
        [0, 1, 2, 3].map(|place| kinds[number / kinds.len().pow(place) % kinds.len()])
    })
}

#[test]
fn no_socket_of_an_engine_is_lost_whatever_a_crash_has_left() {
    let mut mended = 0;
    for left in all_that_may_be_left() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        let bind = |name: &str| UnixListener::bind(at(name)).unwrap();
        let engine = bind("engine");
        // Nobody listens any more.
        drop((bind("own"), bind("old")));
        for (suffix, left) in SUFFIXES.iter().zip(left) {
            let from = match left {
                Left::Nothing => continue,
                Left::Own => "own",
                Left::Engine => "engine",
                Left::Old => "old",
            };
            fs::hard_link(at(from), at(&format!("docker.sock{suffix}"))).unwrap();
        }
        let live = inode(&at("engine"));
        let names = || SUFFIXES.map(|suffix| inode_or_none(&at(&format!("docker.sock{suffix}"))));
        let was_there = names().contains(&Some(live));
        let path = at("docker.sock");
        let socket = HostSocket::find(&EngineAddress::from(Address::Unix(path.clone()))).unwrap();
        let result = socket.mend();
        assert_eq!(names().contains(&Some(live)), was_there, "{left:?} {result:?}: {:?}", names());
        if left[0] == Left::Engine {
            assert_eq!(inode(&path), live, "{left:?}: it has its place already");
        }
        // What a crash leaves: dsp's socket is in one place, and the engine's beside it.
        let is_of_crash = left[1] == Left::Own
            && (left[0] == Left::Own || left[0] == Left::Nothing)
            && left[2] == Left::Engine
            && left[3] != Left::Old;
        if is_of_crash {
            assert_eq!(result.unwrap(), Mended::GivenBack, "{left:?}");
            assert_eq!(names(), [Some(live), None, None, None], "{left:?}");
            mended += 1;
        }
        drop(engine);
    }
    assert_eq!(mended, 6);
}

fn inode_or_none(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().map(|found| found.ino())
}
