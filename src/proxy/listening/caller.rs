//! What a client shows of itself when it connects.

use std::os::unix::net::UnixStream;

use super::process::Process;
use crate::api::Address;
use crate::peer::Peer;

/// A client that has just connected. What the system knows about it besides its [`Peer`] is asked for only
/// when it is needed, and as long as this exists.
#[derive(Debug)]
pub struct Caller<'a> {
    pub(super) peer: Peer,
    pub(super) listener: &'a Address,
    /// The connection; `None` over TCP.
    pub(super) stream: Option<&'a UnixStream>,
    pub(super) certificate: &'a [String],
}

impl Caller<'_> {
    /// The process or machine at the other end.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// The address that it connected to.
    #[must_use]
    pub fn listener(&self) -> &Address {
        self.listener
    }

    /// All groups that its process had when it connected, except that the primary group may be missing;
    /// `None` if the system does not report them.
    #[must_use]
    pub fn groups(&self) -> Option<Vec<u32>> {
        self.stream.and_then(groups)
    }

    /// Its process; `None` if this process cannot see it.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        let Peer::Process { process, .. } = self.peer else { return None };
        Process::of(process?, self.stream?)
    }

    /// The names in its certificate, which was checked.
    #[must_use]
    pub fn certificate(&self) -> &[String] {
        self.certificate
    }
}

#[cfg(target_os = "linux")]
fn groups(stream: &UnixStream) -> Option<Vec<u32>> {
    use std::os::unix::ffi::OsStrExt;

    let groups = nix::sys::socket::getsockopt(stream, super::peer_groups::PeerGroups).ok()?;
    let numbers = groups.as_bytes().chunks_exact(size_of::<u32>());
    numbers.map(|number| Some(u32::from_ne_bytes(number.try_into().ok()?))).collect()
}

#[cfg(not(target_os = "linux"))]
fn groups(_stream: &UnixStream) -> Option<Vec<u32>> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;
    use std::process::{Command, Stdio};

    use super::super::process::processes;
    use super::*;
    use crate::peer::Place;

    fn caller<'a>(stream: &'a UnixStream, listener: &'a Address) -> Caller<'a> {
        Caller { peer: Peer::of_unix(stream), listener, stream: Some(stream), certificate: &[] }
    }

    #[test]
    fn a_running_client_has_its_groups_and_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let address = Address::unix(&path).unwrap();
        let caller = caller(&stream, &address);
        let mut groups = caller.groups().unwrap();
        let mut own: Vec<u32> =
            rustix::process::getgroups().unwrap().iter().map(|group| group.as_raw()).collect();
        groups.sort_unstable();
        own.sort_unstable();
        assert_eq!(groups, own);
        let process = caller.process().unwrap();
        assert_eq!(process.number().get(), std::process::id());
        let expected = Place::parse(&fs::read_to_string("/proc/self/cgroup").unwrap());
        assert_eq!(process.place(processes().unwrap()), expected);
        // The same by its ID alone.
        let by_number = Process { handle: None, ..process };
        assert_eq!(by_number.place(processes().unwrap()), expected);
    }

    /// That is a limit, not a promise.
    #[test]
    fn a_socket_that_was_passed_on_is_of_the_process_that_connected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let passed = std::os::fd::OwnedFd::from(client);
        let mut child = Command::new("sleep").arg("100").stdin(passed).spawn().unwrap();
        let (stream, _) = listener.accept().unwrap();
        let address = Address::unix(&path).unwrap();
        let process = caller(&stream, &address).process().unwrap();
        assert_eq!(process.number().get(), std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Its ID may belong to another process by the time that anybody looks.
    #[test]
    fn a_client_that_has_ended_runs_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let mut curl = Command::new("curl")
            .args(["--silent", "--unix-socket", path.to_str().unwrap(), "http://d/"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (stream, _) = listener.accept().unwrap();
        let address = Address::unix(&path).unwrap();
        let before = caller(&stream, &address).process().unwrap();
        curl.kill().unwrap();
        curl.wait().unwrap();
        assert_eq!(before.place(processes().unwrap()), None, "its handle shows that it has ended");
        let after = caller(&stream, &address).process();
        assert_eq!(after.and_then(|process| process.place(processes().unwrap())), None);

        // Another process gets its ID, and has the files that it had.
        let number = before.number().get().to_string();
        let files = folder.path().join(number);
        fs::create_dir(&files).unwrap();
        fs::write(files.join("cgroup"), "0::/system.slice/traefik.service\n").unwrap();
        let start = ["S"; 19].join(" ") + " 4711 0\n";
        fs::write(files.join("stat"), format!("7 (a) b) c) {start}")).unwrap();
        assert_eq!(before.place(folder.path()), None);
        let place = Process { handle: None, ..before }.place(folder.path()).unwrap();
        assert_eq!(place.unit.unwrap().to_string(), "traefik.service");
    }
}
