//! The sockets that a container may ask for, and the one that it gets instead.

use super::path::clean;
use super::reading::{Reading, odd};
use super::{Facet, Unreadable};

/// The value of the facet `mounts` for a socket of dsp.
pub const SOCKET: &str = "@socket";

/// How a rule writes that value if the socket is held to another profile: `@socket:ryuk.yaml`.
const SOCKET_UNDER: &str = "@socket:";

/// The profile that a value of `mounts` names for the sockets of containers.
#[must_use]
pub fn profile_of_socket(value: &str) -> Option<&str> {
    value.strip_prefix(SOCKET_UNDER)
}

/// Which socket a container gets that asks for the engine's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Nesting<'a> {
    /// The one that it asks for.
    #[default]
    AsAsked,
    /// One of dsp that is held to the profile of the rule, or to another one that the rule names.
    Under(Option<&'a str>),
}

/// The sockets that containers ask for: those of this dsp and those of the engine. A mount of one is
/// the value [`SOCKET`], whatever its path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sockets {
    own: Vec<String>,
    engine: Vec<String>,
    nested: Vec<Nested>,
}

/// A socket that containers get.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Nested {
    /// The profile that it is held to, as a rule names it; `None` is the profile of the rule.
    profile: Option<String>,
    path: String,
}

/// What becomes of a mount.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Mounted {
    /// It stays.
    AsAsked,
    /// This path is mounted instead.
    Instead(String),
    /// This path is mounted, too, at these places in the container.
    Beside(String, Vec<String>),
}

impl Sockets {
    /// The sockets of this dsp and those of the engine, by their paths on the host.
    #[must_use]
    pub fn new(own: Vec<String>, engine: Vec<String>) -> Self {
        let cleaned = |paths: Vec<String>| paths.iter().map(|path| clean(path)).collect();
        Self { own: cleaned(own), engine: cleaned(engine), nested: Vec::new() }
    }

    /// The same, where a container gets the socket at this path if a rule says so. It is held to the profile
    /// that the rule names, or to the rule's own.
    #[must_use]
    pub fn nesting(mut self, profile: Option<&str>, path: String) -> Self {
        self.nested.push(Nested { profile: profile.map(str::to_owned), path });
        self
    }

    /// The same with one more socket of this dsp, by its path on the host.
    #[must_use]
    pub fn with_own(mut self, path: String) -> Self {
        self.own.push(path);
        self
    }

    /// Whether a path is that of a socket of this dsp.
    pub(super) fn is_own(&self, path: &str) -> bool {
        let is_it = |own: &String| own == path;
        self.own.iter().any(is_it) || self.nested.iter().any(|nested| is_it(&nested.path))
    }

    fn is_engines(&self, path: &str) -> bool {
        self.engine.iter().any(|engine| engine == path)
    }

    /// The names of the engine's sockets in a folder.
    fn names_in(&self, folder: &str) -> Vec<&str> {
        let folder = folder.trim_end_matches('/');
        let name = |path: &'_ str| path.strip_prefix(folder)?.strip_prefix('/').map(str::len);
        let named = self.engine.iter().filter_map(|path| {
            let start = path.len() - name(path)?;
            path.get(start..).filter(|name| !name.contains('/'))
        });
        let mut names: Vec<&str> = named.collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl<'a> Reading<'a> {
    /// Adds a mount of a host path or a volume at a place in the container. A folder with the engine's
    /// socket gives away both the folder and the socket.
    pub(super) fn mounted_at(
        &mut self,
        source: &str,
        options: &[&str],
        target: &str,
        field: &str,
    ) -> Result<Mounted, Unreadable> {
        let nested = self.nested();
        // Without a nested socket, a rule that says "@socket" is not about the engine's own.
        let is_missing = self.context.nesting != Nesting::AsAsked && nested.is_none();
        let sockets = self.context.sockets;
        let sockets = sockets.filter(|_| source.starts_with('/') && !self.is_query && !is_missing);
        let Some(sockets) = sockets else {
            return self.mounted(source, options, field).map(|()| Mounted::AsAsked);
        };
        let path = clean(source);
        if sockets.is_own(&path) || sockets.is_engines(&path) {
            self.add(Facet::Mounts, SOCKET.to_owned(), field)?;
            return Ok(nested.map_or(Mounted::AsAsked, |path| Mounted::Instead(path.to_owned())));
        }
        self.mounted(source, options, field)?;
        let names = sockets.names_in(&path);
        if names.is_empty() {
            return Ok(Mounted::AsAsked);
        }
        self.add(Facet::Mounts, SOCKET.to_owned(), field)?;
        let Some(nested) = nested else { return Ok(Mounted::AsAsked) };
        // A mount in a folder that is shared with the host would appear over the host's own socket.
        if !target.starts_with('/') || options.iter().any(|option| option.ends_with("shared")) {
            return Err(odd(field, "a mount of the socket's folder that is not shared"));
        }
        let target = target.trim_end_matches('/');
        let targets = names.iter().map(|name| format!("{target}/{name}")).collect();
        Ok(Mounted::Beside(nested.to_owned(), targets))
    }

    /// The socket that a container gets, if it gets one.
    fn nested(&self) -> Option<&'a str> {
        let (Some(sockets), Nesting::Under(profile)) = (self.context.sockets, self.context.nesting)
        else {
            return None;
        };
        let mut nested = sockets.nested.iter();
        let nested = nested.find(|nested| nested.profile.as_deref() == profile)?;
        Some(&nested.path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Schema};
    use super::*;
    use crate::api::{CanonicalRequest, EngineKind};

    const NESTED: &str = "/run/dsp/nested/docker.sock";

    fn sockets_alone() -> Sockets {
        let engine = ["/var/run/docker.sock", "/run/docker.sock", "/srv/engine/e.sock"];
        let own = vec!["/run/dsp/ci.sock".to_owned()];
        Sockets::new(own, engine.map(str::to_owned).to_vec())
    }

    /// The mounts that a body gives away, and the body for the engine.
    fn read(
        operation: (EngineKind, &str),
        body: &str,
        nests: bool,
    ) -> Result<(String, String), Unreadable> {
        let sockets = sockets_alone().nesting(None, NESTED.to_owned());
        read_with(&sockets, operation, body, nests)
    }

    fn read_with(
        sockets: &Sockets,
        (engine, target): (EngineKind, &str),
        body: &str,
        nests: bool,
    ) -> Result<(String, String), Unreadable> {
        let request = CanonicalRequest::parse(engine, "POST", target).unwrap();
        let located = request.locate().unwrap();
        let nesting = if nests { Nesting::Under(None) } else { Nesting::AsAsked };
        let context =
            Context { names: &located.values, sockets: Some(sockets), nesting, owner: None };
        let schema = Schema::of(located.operation).unwrap();
        let body = schema.has_body().then_some(body.as_bytes());
        let contents = schema.read(request.query(), body, &context)?;
        let mounts = contents.facts.iter().filter(|fact| fact.facet == Facet::Mounts);
        let mounts: Vec<&str> = mounts.map(|fact| fact.value.as_str()).collect();
        Ok((mounts.join(" "), String::from_utf8(contents.body.unwrap_or_default()).unwrap()))
    }

    const DOCKER: (EngineKind, &str) = (EngineKind::Docker, "/containers/create");
    const PODMAN: (EngineKind, &str) = (EngineKind::Podman, "/v4.0.0/libpod/containers/create");

    /// What becomes of a bind, in both of Docker's spellings and in podman's.
    fn bind(
        source: &str,
        target: &str,
        options: &str,
    ) -> [Result<(String, String), Unreadable>; 3] {
        let end = if options.is_empty() { String::new() } else { format!(":{options}") };
        let spread = match options.contains("shared") {
            true => format!(r#","BindOptions":{{"Propagation":"{options}"}}"#),
            false => String::new(),
        };
        let list = if options.is_empty() { String::new() } else { format!("\"{options}\"") };
        [
            (DOCKER, format!(r#"{{"HostConfig":{{"Binds":["{source}:{target}{end}","data:/d"]}}}}"#)),
            (DOCKER, format!(r#"{{"HostConfig":{{"Mounts":[{{"Type":"bind","Source":"{source}","Target":"{target}"{spread}}}]}}}}"#)),
            (PODMAN, format!(r#"{{"mounts":[{{"destination":"{target}","type":"bind","source":"{source}","options":[{list}]}},{{"destination":"/o","type":"tmpfs","options":["rw"]}}]}}"#)),
        ]
        .map(|(operation, body)| read(operation, &body, true))
    }

    #[test]
    fn a_socket_is_replaced_wherever_it_is_and_whatever_its_path() {
        for source in [
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run//./x/../docker.sock/",
            "/srv/engine/e.sock",
            "/run/dsp/ci.sock",
            NESTED,
        ] {
            for (place, read) in bind(source, "/s", "").into_iter().enumerate() {
                let (mounts, body) = read.unwrap();
                let given = if place == 0 { "@socket data" } else { "@socket" };
                assert_eq!(mounts, given, "{source}");
                let is_gone = source == NESTED || !body.contains(source);
                assert!(is_gone && body.matches(NESTED).count() == 1, "{body}");
            }
        }
        let [binds, mounts, libpod] = bind("/run/docker.sock", "/s", "ro").map(Result::unwrap);
        assert_eq!(
            binds.1,
            format!(r#"{{"HostConfig":{{"Binds":["{NESTED}:/s:ro","data:/d"]}}}}"#)
        );
        assert!(mounts.1.contains(&format!(r#""Source":"{NESTED}""#)), "{}", mounts.1);
        assert!(libpod.1.contains(&format!(r#""source":"{NESTED}""#)), "{}", libpod.1);
        assert!(libpod.1.contains(r#""ro""#), "{}", libpod.1);
    }

    #[test]
    fn a_folder_with_the_socket_is_given_away_and_its_socket_is_covered() {
        for (source, name) in
            [("/run", "docker.sock"), ("/var/run/", "docker.sock"), ("/srv/engine/.", "e.sock")]
        {
            for read in bind(source, "/h/", "") {
                let (mounts, body) = read.unwrap();
                let folder = source.trim_end_matches(['/', '.']);
                assert!(
                    mounts.starts_with(&format!("{folder} @socket"))
                        || mounts.starts_with(&format!("@socket {folder}")),
                    "{mounts}"
                );
                let is_text = format!("\"{NESTED}:/h/{name}\"");
                let covers = body.contains(&is_text) || body.contains(&format!("\"/h/{name}\""));
                assert!(covers && body.contains(source), "{body}");
            }
        }
        let [binds, ..] = bind("/run", "/h", "ro").map(Result::unwrap);
        assert!(binds.0.contains("/run:ro"), "{}", binds.0);
        for read in bind("/run", "/h", "rshared") {
            assert!(matches!(read, Err(Unreadable::Value { .. })), "{read:?}");
        }
        // Folders further up, and others, are what they are.
        for source in ["/", "/srv", "/run/other", "/var"] {
            let [binds, ..] = bind(source, "/h", "").map(Result::unwrap);
            assert!(!binds.0.contains('@') && !binds.1.contains(NESTED), "{binds:?}");
        }
    }

    #[test]
    fn nothing_is_replaced_where_no_rule_says_so() {
        let body = r#"{"HostConfig":{"Binds":["/run/docker.sock:/s","/run:/h"]}}"#;
        let (mounts, same) = read(DOCKER, body, false).unwrap();
        assert_eq!((mounts.as_str(), same.as_str()), ("/run @socket", body));
    }

    #[test]
    fn the_engines_socket_is_never_given_for_one_of_dsp() {
        let body = r#"{"HostConfig":{"Binds":["/run/docker.sock:/s","/run/dsp/ci.sock:/t"]}}"#;
        let (mounts, same) = read_with(&sockets_alone(), DOCKER, body, true).unwrap();
        assert_eq!((mounts.as_str(), same.as_str()), ("/run/docker.sock @socket", body));
    }

    /// A query is not written again, so nothing in it can be replaced.
    #[test]
    fn the_sockets_of_the_engine_are_paths_in_a_query_and_for_a_volume_driver() {
        let build = (EngineKind::Podman, "/v4.0.0/libpod/build?volume=/run/docker.sock:/s");
        assert_eq!(read(build, "", true).unwrap().0, "/run/docker.sock");
        let volume = (EngineKind::Docker, "/volumes/create");
        let body = r#"{"DriverOpts":{"type":"none","o":"bind","device":"/run/docker.sock"}}"#;
        assert_eq!(read(volume, body, true).unwrap().0, "/run/docker.sock");
    }

    #[test]
    fn a_key_that_podman_reads_as_a_bind_is_replaced_too() {
        let podman = (EngineKind::Podman, "/containers/create");
        let body = r#"{"Volumes":{"/run/docker.sock:/s":{}}}"#;
        let (mounts, body) = read(podman, body, true).unwrap();
        assert_eq!(mounts, "@socket");
        assert_eq!(body, format!(r#"{{"Volumes":{{"{NESTED}:/s":{{}}}}}}"#));
        assert!(read(podman, r#"{"Volumes":{"/run:/h":{}}}"#, true).is_err());
    }
}
