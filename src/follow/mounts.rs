//! The mounts in the body of a request that creates a container.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Value, json};

use super::json::Unreadable;
use super::place::Place;
use super::sources::{Form, Found, Source, find, trimmed};
use super::sweep;

/// The limit on mounts, and on other paths, that are examined. Real bodies have a few.
const MOST: usize = 4096;

/// The mounts that a body asks for.
pub struct Mounts<'a> {
    body: &'a str,
    form: Form,
    /// In the order of the body.
    sources: Vec<Source<'a>>,
    /// Paths elsewhere in the body.
    others: Vec<sweep::Named>,
}

/// The changes to a body that mount another socket instead of the engine's.
pub struct Plan<'a> {
    body: &'a str,
    form: Form,
    /// In the order of the body, without overlaps.
    changes: Vec<Change>,
    /// Paths that lead, or may lead, to the engine's socket and are not replaced.
    pub uncovered: Vec<Uncovered>,
}

/// A path in a body that leads, or may lead, to the engine's socket and is not replaced.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Uncovered {
    /// A folder that contains the socket is mounted.
    Folder(String),
    /// The mounted path cannot be examined, or means something else to the engine than to dsp.
    Unknown(String),
    /// The socket, or a folder that contains it, in a field that might mount it or use it in
    /// another way.
    Named {
        /// The path.
        path: String,
        /// The keys in the body that lead to the path.
        field: String,
    },
}

struct Change {
    /// The range in the body.
    place: Range<usize>,
    becomes: Becomes,
}

/// The replacement for a part of the body.
enum Becomes {
    /// The path of the socket, followed by `rest`, which came after the old path.
    Path { rest: String },
    /// An additional mount of the socket at `target`; `is_text` if mounts are written as one
    /// string.
    Beside { target: String, is_text: bool },
}

impl<'a> Mounts<'a> {
    /// Reads the mounts.
    ///
    /// # Errors
    /// If the engine might read the body differently.
    pub fn read(body: &'a [u8], form: Form) -> Result<Self, Unreadable> {
        let body = std::str::from_utf8(body).map_err(|_| Unreadable::Bytes)?;
        let Found { sources, known } = find(body, form)?;
        if sources.len() > MOST {
            return Err(Unreadable::Much);
        }
        let is_known = |value: &str| known.contains(&value.as_ptr().addr());
        let others = sweep::paths(body, MOST, &is_known)?;
        Ok(Self { body, form, sources, others })
    }

    /// The changes that are needed: each path of the engine's socket is replaced, and each mounted
    /// folder that contains the socket gets another mount inside it.
    #[must_use]
    pub fn plan(&self, place_of: impl Fn(&str) -> Place) -> Plan<'a> {
        let targets = self.sources.iter().filter_map(|source| source.target.as_deref());
        let mut taken: BTreeSet<String> = targets.map(trimmed).collect();
        let (mut changes, mut uncovered) = (Vec::new(), BTreeSet::new());
        for source in &self.sources {
            match (place_of(&source.path), source.inside()) {
                (Place::Socket, _) => {
                    let becomes = Becomes::Path { rest: source.rest.clone() };
                    changes.extend(self.change(source.value, becomes));
                }
                (Place::Folder(names), Some(inside)) => {
                    for target in names.iter().map(|name| format!("{inside}/{name}")) {
                        // An engine rejects two mounts at the same path.
                        if taken.insert(target.clone()) {
                            let is_text = source.value.len() == source.item.len();
                            let becomes = Becomes::Beside { target, is_text };
                            changes.extend(self.change(source.item, becomes));
                        }
                    }
                }
                (Place::Folder(_), None) | (Place::Above, _) => {
                    uncovered.insert(Uncovered::Folder(source.path.clone()));
                }
                (Place::Unknown, _) => {
                    uncovered.insert(Uncovered::Unknown(source.path.clone()));
                }
                (Place::Elsewhere, _) => {}
            }
        }
        for sweep::Named { path, field } in &self.others {
            if matches!(place_of(path), Place::Socket | Place::Folder(_)) {
                let (path, field) = (path.clone(), field.clone());
                uncovered.insert(Uncovered::Named { path, field });
            }
        }
        changes.sort_by_key(|change| change.place.start);
        let uncovered = uncovered.into_iter().collect();
        Plan { body: self.body, form: self.form, changes, uncovered }
    }

    /// The replacement of a part of the body, or the addition after it.
    fn change(&self, part: &str, becomes: Becomes) -> Option<Change> {
        let place = place(self.body, part)?;
        let place = match becomes {
            Becomes::Path { .. } => place,
            Becomes::Beside { .. } => place.end..place.end,
        };
        Some(Change { place, becomes })
    }
}

impl Plan<'_> {
    /// Whether the body stays unchanged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The body with `socket` mounted as planned; every other byte stays the same.
    #[must_use]
    pub fn apply(&self, socket: &str) -> Option<Vec<u8>> {
        let mut changed = String::with_capacity(self.body.len() + socket.len());
        let mut at = 0;
        for Change { place, becomes } in &self.changes {
            changed.push_str(self.body.get(at..place.start)?);
            changed.push_str(&becomes.text(self.form, socket));
            at = place.end;
        }
        changed.push_str(self.body.get(at..)?);
        Some(changed.into_bytes())
    }
}

impl Becomes {
    fn text(&self, form: Form, socket: &str) -> String {
        match (self, form) {
            (Self::Path { rest }, _) => Value::from(format!("{socket}{rest}")).to_string(),
            (Self::Beside { target, is_text: true }, _) => {
                format!(",{}", Value::from(format!("{socket}:{target}")))
            }
            (Self::Beside { target, .. }, Form::Libpod | Form::Pod) => {
                format!(",{}", json!({ "type": "bind", "source": socket, "destination": target }))
            }
            (Self::Beside { target, .. }, _) => {
                format!(",{}", json!({ "Type": "bind", "Source": socket, "Target": target }))
            }
        }
    }
}

/// The range of `part`, a slice of the body.
fn place(body: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let place = start..start.checked_add(part.len())?;
    (body.get(place.clone())? == part).then_some(place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::sources::name;
    use super::*;

    const SOCKET: &str = "/var/run/docker.sock";
    const OWN: &str = "/run/dsp/1.sock";

    /// How an engine at this socket sees paths.
    fn place_for(socket: &str) -> impl Fn(&str) -> Place {
        move |path| match path {
            path if path == socket => Place::Socket,
            "/var/run" | "/run/" => Place::Folder(vec!["docker.sock".to_owned()]),
            "/" => Place::Above,
            _ => Place::Elsewhere,
        }
    }

    fn rewrite(
        body: &[u8],
        form: Form,
        place_of: impl Fn(&str) -> Place,
        socket: &str,
    ) -> Option<Vec<u8>> {
        let plan = Mounts::read(body, form).ok()?.plan(place_of);
        if plan.is_empty() { None } else { plan.apply(socket) }
    }

    fn sources(body: &[u8], form: Form) -> Result<Vec<String>, Unreadable> {
        let mounts = Mounts::read(body, form)?;
        Ok(mounts.sources.into_iter().map(|source| source.path).collect())
    }

    fn rewritten(body: &str, form: Form) -> Option<String> {
        let bytes = rewrite(body.as_bytes(), form, place_for(SOCKET), OWN)?;
        Some(String::from_utf8(bytes).unwrap())
    }

    fn folder() -> Uncovered {
        Uncovered::Folder("/var/run".to_owned())
    }

    fn asked(body: &str, form: Form) -> Vec<String> {
        sources(body.as_bytes(), form).unwrap()
    }

    #[test]
    fn only_binds_and_mounts_are_replaced() {
        let body = r#"{ "Image":"x","Memory":1e3, "HostConfig" : {"Mounts":[
            {"Type":"bind","Source":"/var/run/docker.sock","Target":"/a","ReadOnly":true},
            {"Type":"volume","Source":"/var/run/docker.sock","Target":"/b"},
            {"Type":"bind","Source":"/etc","Target":"/c"}],
            "Binds":["/var/run/docker.sock:/var/run/docker.sock:ro","web:/d","/var\/run/docker.sock:/e"],
            "CpuPeriod":100000000000000000001 },"Env":["A=/var/run/docker.sock:/x"]}"#;
        let expected = body
            .replace(
                "\"Source\":\"/var/run/docker.sock\",\"Target\":\"/a\"",
                "\"Source\":\"/run/dsp/1.sock\",\"Target\":\"/a\"",
            )
            .replace("[\"/var/run/docker.sock:/var", "[\"/run/dsp/1.sock:/var")
            .replace("/var\\/run/docker.sock:/e", "/run/dsp/1.sock:/e");
        assert_eq!(rewritten(body, Form::Container).unwrap(), expected);
        assert_eq!(asked(body, Form::Container), [SOCKET, "/etc", SOCKET, SOCKET]);
    }

    #[test]
    fn a_folder_with_the_socket_gets_another_mount() {
        let own = |target: &str| format!("\"{OWN}:{target}/docker.sock\"");
        let mount = |keys: [&str; 3], target: &str| {
            let [kind, source, destination] = keys;
            let path = format!("{target}/docker.sock");
            format!(r#",{{"{destination}":"{path}","{source}":"{OWN}","{kind}":"bind"}}"#)
        };
        let same = |one: &str, other: &str| {
            let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(read(one), read(other), "{one}");
        };
        let body = r#"{"HostConfig":{"Binds":["/var/run:/h/:ro,z", "/run/:/r"],"Mounts":[
            {"Type":"bind","Source":"/var/run","Target":"/m"} ]}}"#;
        let expected = body
            .replace("z\"", &format!("z\",{}", own("/h")))
            .replace("r\"]", &format!("r\",{}]", own("/r")))
            .replace("\"/m\"}", &format!("\"/m\"}}{}", mount(["Type", "Source", "Target"], "/m")));
        same(&rewritten(body, Form::Container).unwrap(), &expected);
        let body = r#"{"mounts":[{"type":"bind","source":"/var/run","destination":"/p"}]}"#;
        let more = mount(["type", "source", "destination"], "/p");
        let expected = body.replace("/p\"}", &format!("/p\"}}{more}"));
        same(&rewritten(body, Form::Libpod).unwrap(), &expected);
        // Nothing is added where there is a mount already, or where it would appear on the host
        // too.
        let body = r#"{"HostConfig":{"Binds":["/var/run:/h","/x:/h/docker.sock","/:/all"]}}"#;
        assert_eq!(rewritten(body, Form::Container), None);
        let taken = body.replace("/x:", &format!("{SOCKET}:"));
        let expected = taken.replace(SOCKET, OWN);
        assert_eq!(rewritten(&taken, Form::Container).unwrap(), expected);
        for body in [
            r#"{"HostConfig":{"Binds":["/var/run:/h:rshared"]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/var/run","Target":"/m","BindOptions":{"Propagation":"shared"}}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/var/run"}]}}"#,
            // Not every engine reads this as a source, and one that does not must not mount more.
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","ſource":"/var/run","Target":"/m"}]}}"#,
        ] {
            assert_eq!(rewritten(body, Form::Container), None, "{body}");
            let mounts = Mounts::read(body.as_bytes(), Form::Container).unwrap();
            assert_eq!(mounts.plan(place_for(SOCKET)).uncovered, [folder()], "{body}");
        }
    }

    #[test]
    fn keys_are_read_as_the_engine_reads_them() {
        let body = r#"{"hostconfig":{"BINDS":["/var/run/docker.sock:/s"]},"HostConfig":{"Binds":null,"Binds":["/var/run/docker.sock:/s"]}}"#;
        assert_eq!(rewritten(body, Form::Container).unwrap(), body.replace(SOCKET, OWN));
    }

    #[test]
    fn a_key_that_go_folds_and_what_it_keeps_of_an_equal_one_count() {
        for body in [
            r#"{"Ho\u017ftConfig":{"Bind\u017f":["/var/run/docker.sock:/s"]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/var/run/docker.sock","Type":null}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind"}],"mounts":[{"Source":"/var/run/docker.sock"}]}}"#,
            r#"{"HostConfig":{"Binds":["/var/run/docker.sock:/s"]}}} {"#,
        ] {
            let expected = body.replace(SOCKET, OWN);
            assert_eq!(rewritten(body, Form::Container).as_ref(), Some(&expected), "{body}");
        }
    }

    #[test]
    fn text_that_go_would_repair_is_unreadable() {
        for body in [
            &b"{\"Env\":[\"A=\xe9\"],\"HostConfig\":{\"Binds\":[\"/var/run/docker.sock:/s\"]}}"[..],
            br#"{"\udce9":1,"HostConfig":{"Binds":["/var/run/docker.sock:/s"]}}"#,
            br#"{"HostConfig":{"\udce9":1,"Binds":["/var/run/docker.sock:/s"]}}"#,
            br#"{"HostConfig":{"Binds":["/var/run/docker.sock:/\udce9"]}}"#,
            br#"{"HostConfig":{"Binds":["/var/run/docker.sock:/s"]}"#,
        ] {
            let shown = String::from_utf8_lossy(body);
            assert!(sources(body, Form::Container).is_err(), "{shown}");
            assert_eq!(rewrite(body, Form::Container, |_| Place::Socket, OWN), None, "{shown}");
        }
        let value = r#"{"Env":["A=\udce9"],"HostConfig":{"Binds":["/s:/s"]}}"#;
        assert_eq!(asked(value, Form::Container), ["/s"]);
    }

    #[test]
    fn podman_and_services_have_their_own_places() {
        let body = r#"{"name":"web","mounts":[{"type":"bind","source":"/var/run/docker.sock","destination":"/s"}]}"#;
        assert_eq!(rewritten(body, Form::Libpod).unwrap(), body.replace(SOCKET, OWN));
        assert_eq!(name(body.as_bytes(), Form::Libpod).as_deref(), Some("web"));
        assert_eq!(name(body.as_bytes(), Form::Container), None);
        // At the top level it also counts for Docker Engine up to 26.1.
        assert_eq!(rewritten(body, Form::Container).unwrap(), body.replace(SOCKET, OWN));
        let body = r#"{"Name":"w","TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/var/run/docker.sock"}]}}}"#;
        assert_eq!(asked(body, Form::Service), [SOCKET]);
        assert_eq!(name(body.as_bytes(), Form::Service).as_deref(), Some("w"));
    }

    #[test]
    fn other_bodies_are_left_alone() {
        for body in
            ["", "null", "[]", "{", r#"{"HostConfig":null}"#, r#"{"HostConfig":{"Binds":{}}}"#]
        {
            assert_eq!(rewritten(body, Form::Container), None, "{body}");
        }
        assert_eq!(rewrite(b"\xff", Form::Container, |_| Place::Socket, OWN), None);
    }

    /// Any JSON value, including numbers of any length.
    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "null|true|false",
            "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" , "))),
                proptest::collection::vec((key(), inner), 0..4).prop_map(object),
            ]
        })
    }

    fn key() -> impl Strategy<Value = String> {
        "Binds|HostConfig|Mounts|Source|Type|binds|[a-zé\"\\\\]{0,6}"
    }

    fn object(entries: Vec<(String, String)>) -> String {
        let entries = entries
            .into_iter()
            .map(|(key, value)| format!("{}: {value}", serde_json::to_string(&key).unwrap()));
        format!("{{{}}}", entries.collect::<Vec<_>>().join(",\n"))
    }

    fn path() -> impl Strategy<Value = String> {
        "/var/run/docker.sock|/etc|data|/run/dsp/1.sock|/\\PC{0,6}"
    }

    prop_compose! {
        /// A body with mounts of every kind among other things.
        fn body()(
            binds in proptest::collection::vec((path(), "(:/\\PC{0,4}){0,2}"), 0..4),
            mounts in proptest::collection::vec(("bind|volume|tmpfs", path(), value()), 0..4),
            around in proptest::collection::vec((key(), value()), 0..4),
        ) -> String {
            let binds = binds.into_iter().map(|(path, rest)| {
                serde_json::to_string(&format!("{path}{rest}")).unwrap()
            });
            let mounts = mounts.into_iter().map(|(kind, path, other)| {
                let path = serde_json::to_string(&path).unwrap();
                format!("{{\"Type\":\"{kind}\", \"Source\" :{path},\"Other\":{other}}}")
            });
            let host = format!(
                "{{\"Binds\":[{}],\"Mounts\":[{}]}}",
                binds.collect::<Vec<_>>().join(","), mounts.collect::<Vec<_>>().join(", "),
            );
            let mut entries = around;
            entries.insert(entries.len() / 2, ("HostConfig".to_owned(), host));
            object(entries)
        }
    }

    proptest! {
        #[test]
        fn only_the_sources_change(body in body()) {
            let before = asked(&body, Form::Container);
            let holds = before.iter().any(|path| path == SOCKET);
            let Some(after) = rewritten(&body, Form::Container) else {
                prop_assert!(!holds);
                return Ok(());
            };
            prop_assert!(holds);
            let replaced = before.iter().map(|path| if path == SOCKET { OWN } else { path });
            let replaced: Vec<&str> = replaced.collect();
            prop_assert_eq!(asked(&after, Form::Container), replaced);
            // A second pass changes nothing.
            prop_assert_eq!(rewritten(&after, Form::Container), None);
            // Replacing the paths again restores the original body, byte for byte, if its paths
            // were spelled plainly.
            let back = rewrite(after.as_bytes(), Form::Container, place_for(OWN), SOCKET);
            if !before.iter().any(|path| path == OWN) {
                prop_assert_eq!(String::from_utf8(back.unwrap()).unwrap(), body);
            }
        }

        #[test]
        fn any_bytes_are_taken(body in ".{0,40}|\\{\"HostConfig\":.{0,40}") {
            let _ = rewritten(&body, Form::Container);
            let parsed = serde_json::Deserializer::from_str(&body).into_iter::<Value>().next();
            let is_read = parsed.is_some_and(|parsed| parsed.is_ok());
            prop_assert!(is_read || rewritten(&body, Form::Container).is_none());
        }
    }
}
