//! Recognizes paths of the engine's socket on the host.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

/// The usual paths of an engine's socket. Programs ask for these even if dsp reaches the engine at
/// another path, for example through another proxy.
const USUAL: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];

/// The relation of a path to the engine's socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// The socket itself.
    Socket,
    /// The folder that contains it, with the names of the socket there.
    Folder(Vec<String>),
    /// A folder further up.
    Above,
    /// The path cannot be examined, or means something else to the engine than to dsp.
    Unknown,
    /// Something else.
    Elsewhere,
}

/// The socket of an engine on this machine, and the other paths that lead to it.
#[derive(Clone, Debug)]
pub struct EngineSocket {
    path: PathBuf,
    folder: PathBuf,
}

impl EngineSocket {
    /// The engine's socket at `path`. Sockets below `folder` that [`is_own`] recognizes belong to
    /// dsp; a container that copies the mounts of another one asks for them.
    #[must_use]
    pub fn new(path: &Path, folder: &Path) -> Self {
        Self { path: path.to_owned(), folder: folder.to_owned() }
    }

    /// The engine's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Classifies a path.
    #[must_use]
    pub fn place(&self, path: &str) -> Place {
        let Some(path) = plain(path) else { return Place::Elsewhere };
        let found = fs::metadata(&path);
        let is_hidden =
            found.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
        let found = found.ok();
        let is_own = is_own(&path, &self.folder)
            && found.as_ref().is_some_and(|found| found.file_type().is_socket());
        let is_same = || {
            let (one, other) = found.as_ref().zip(fs::metadata(&self.path).ok())?;
            Some((one.dev(), one.ino()) == (other.dev(), other.ino()))
        };
        let is_usual = USUAL.iter().any(|usual| path == Path::new(usual));
        if is_usual || path == self.path || is_own || is_same() == Some(true) {
            Place::Socket
        } else if is_hidden || depends_on_process(&path) {
            Place::Unknown
        } else {
            self.below(&path)
        }
    }

    /// Classifies a folder by the sockets below it.
    fn below(&self, folder: &Path) -> Place {
        let Ok(folder) = fs::canonicalize(folder) else { return Place::Elsewhere };
        let sockets = USUAL.iter().map(Path::new).chain([self.path.as_path()]);
        let real = sockets.filter_map(|socket| fs::canonicalize(socket).ok());
        let below = real.filter_map(|socket| Some(socket.strip_prefix(&folder).ok()?.to_owned()));
        let (mut names, mut is_above) = (Vec::new(), false);
        for path in below {
            match path.to_str().filter(|name| !name.contains('/')) {
                Some(name) if !names.iter().any(|known| known == name) => {
                    names.push(name.to_owned())
                }
                Some(_) => {}
                None => is_above = true,
            }
        }
        match (names.is_empty(), is_above) {
            (false, _) => Place::Folder(names),
            (true, true) => Place::Above,
            (true, false) => Place::Elsewhere,
        }
    }
}

/// The paths under which containers ask for an engine's socket: the usual ones, the path of the engine
/// if it has one, and where these lead.
#[must_use]
pub fn known_paths(engine: Option<&Path>) -> Vec<String> {
    let mut paths: Vec<PathBuf> = USUAL.iter().map(PathBuf::from).collect();
    paths.extend(engine.and_then(|path| plain(path.to_str()?)));
    let real: Vec<PathBuf> =
        paths.iter().filter_map(|socket| fs::canonicalize(socket).ok()).collect();
    paths.extend(real);
    // Both are one folder on every machine that has both.
    let is_same = fs::canonicalize("/var/run").is_ok_and(|real| real == Path::new("/run"));
    let others: Vec<PathBuf> = paths
        .iter()
        .filter(|_| is_same)
        .filter_map(|path| match path.strip_prefix("/var/run") {
            Ok(rest) => Some(Path::new("/run").join(rest)),
            Err(_) => Some(Path::new("/var/run").join(path.strip_prefix("/run").ok()?)),
        })
        .collect();
    paths.extend(others);
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().filter_map(|path| path.into_os_string().into_string().ok()).collect()
}

/// Whether a path is that of a socket that dsp gave to a container: `FOLDER/dsp-ANY/NUMBER.sock`.
#[must_use]
pub fn is_own(path: &Path, folder: &Path) -> bool {
    let Ok(below) = path.strip_prefix(folder) else { return false };
    let mut words = below.iter().filter_map(|word| word.to_str());
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    matches!(
        (words.next(), words.next().and_then(|word| word.strip_suffix(".sock")), words.next()),
        (Some(made), Some(number), None) if made.starts_with("dsp-") && is_number(number)
    )
}

/// Whether a path goes through a process's open files, working folder or root. There `self` is a
/// different process for the engine, whose process IDs may differ as well.
fn depends_on_process(path: &Path) -> bool {
    let words: Vec<&OsStr> = path.iter().collect();
    let [_, first, second, rest @ ..] = &*words else { return false };
    let leads =
        |word: &&OsStr| ["root", "cwd", "fd", "map_files"].iter().any(|name| *word == *name);
    (*first == "proc" && rest.iter().any(leads)) || (*first == "dev" && *second == "fd")
}

/// An absolute path in its simplest form. Engines remove `..` and the component before it from the
/// text, so the result can differ from what the system would find.
fn plain(path: &str) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain.is_absolute().then_some(plain)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_paths_of_a_socket_are_known_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (real, link) = (folder.join("engine.sock"), folder.join("link.sock"));
        let _engine = UnixListener::bind(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let paths = known_paths(Some(&link));
        for path in USUAL.iter().map(Path::new).chain([&*real, &*link]) {
            assert!(paths.iter().any(|known| Path::new(known) == path), "{path:?} {paths:?}");
        }
        let known = known_paths(None);
        assert!(USUAL.iter().all(|usual| known.iter().any(|path| path == usual)), "{known:?}");
        let run = known_paths(Some(Path::new("/run/x/./podman.sock")));
        assert!(run.contains(&"/run/x/podman.sock".to_owned()), "{run:?}");
        if fs::canonicalize("/var/run").is_ok_and(|real| real == Path::new("/run")) {
            assert!(run.contains(&"/var/run/x/podman.sock".to_owned()), "{run:?}");
        }
    }

    #[test]
    fn the_socket_is_recognized_under_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (engine, own) = (at("engine.sock"), at("dsp-own"));
        fs::create_dir(&own).unwrap();
        fs::create_dir(at("other")).unwrap();
        let _engine = UnixListener::bind(&engine).unwrap();
        let _own = UnixListener::bind(at("dsp-own/1.sock")).unwrap();
        let _other = UnixListener::bind(at("other/1.sock")).unwrap();
        std::os::unix::fs::symlink(&engine, at("link.sock")).unwrap();
        fs::hard_link(&engine, at("second.sock")).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("other/back")).unwrap();
        let socket = EngineSocket::new(Path::new(&engine), folder.path());
        let names =
            ["engine.sock", "./engine.sock", "other/../engine.sock", "link.sock", "second.sock"];
        for name in
            names.map(at).into_iter().chain([at("dsp-own/1.sock")]).chain(USUAL.map(str::to_owned))
        {
            assert_eq!(socket.place(&name), Place::Socket, "{name}");
        }
        for name in ["/var//run/./docker.sock", "/none/../../var/run/docker.sock/"] {
            assert_eq!(socket.place(name), Place::Socket, "{name}");
        }
        let linked = at("other/back/../engine.sock");
        assert_eq!(socket.place(&linked), Place::Elsewhere, "other/engine.sock for an engine");
        for name in [at(""), at("other/back")] {
            let place = Place::Folder(vec!["engine.sock".to_owned()]);
            assert_eq!(socket.place(&name), place, "{name}");
        }
        assert_eq!(socket.place("/"), Place::Above);
        for name in ["/proc/4194305/root/x", "/proc/self/cwd/x", "/proc/1/task/1/fd/3", "/dev/fd/3"]
        {
            assert_eq!(socket.place(name), Place::Unknown, "{name}");
        }
        for name in ["/proc", "/proc/self", "/proc/sys", "/dev", "/dev/null"] {
            assert_eq!(socket.place(name), Place::Elsewhere, "{name}");
        }
        for name in [at("other"), at("other/1.sock"), at("none"), own, "engine.sock".to_owned()] {
            assert_eq!(socket.place(&name), Place::Elsewhere, "{name}");
        }
    }
}
