//! Models of how engines read the mounts of a body, each as its library does. The tests check
//! rewritten bodies against them: whatever the spelling, no engine mounts its own socket without a
//! warning from dsp.

mod bodies;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use self::bodies::body;
use super::json::Unreadable;
use super::mounts::Mounts;
use super::place::Place;
use super::sources::Form;

const SOCKET: &str = "/var/run/docker.sock";
const FOLDER: &str = "/var/run";
const OWN: &str = "/run/dsp/1.sock";

/// JSON with all of its entries, in order.
#[derive(Clone, Debug)]
enum Json {
    Null,
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
    Else,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Else)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Else)
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Json::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Json::Object(entries))
            }
        }

        from.deserialize_any(Any)
    }
}

/// A model of an engine's JSON reader.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reader {
    /// Docker Engine up to 26.1, which also reads the fields of `HostConfig` at the top level.
    Docker26,
    /// Docker Engine from 27.
    Docker27,
    /// podman up to 5, with Docker's API.
    Podman5,
    /// podman 6, with Docker's API.
    Podman6,
}

const READERS: [Reader; 4] = [Reader::Docker26, Reader::Docker27, Reader::Podman5, Reader::Podman6];

/// A value has the wrong type for its field, so the engine rejects the request.
struct Refused;

/// Stands for keys with the same hash as a field's name, which podman 6 takes for that field.
const HASHED: [(&str, &str); 3] = [("h1", "Source"), ("h2", "Type"), ("h3", "Target")];

impl Reader {
    /// Whether a key is the field `name`. podman 6 compares only hashes in small objects.
    fn takes(self, key: &str, name: &str, is_small: bool) -> bool {
        if self != Self::Podman6 {
            let fold = |letter: char| match letter {
                '\u{17f}' => 's',
                '\u{212a}' => 'k',
                other => other.to_ascii_lowercase(),
            };
            return key.chars().map(fold).eq(name.chars().map(fold));
        }
        let lower: String = key
            .chars()
            .map(|letter| match letter {
                // Go lowercases it without the dot that Unicode's full mapping adds.
                '\u{130}' => 'i',
                other => other.to_lowercase().next().unwrap(),
            })
            .collect();
        let is_hashed = is_small && HASHED.iter().any(|(hashed, of)| key == *hashed && name == *of);
        is_hashed || lower == name.to_lowercase()
    }

    fn text(self, value: &Json, into: &mut String) -> Result<(), Refused> {
        match value {
            Json::Null if self == Self::Podman6 => into.clear(),
            Json::Null => {}
            Json::Text(text) => into.clone_from(text),
            _ => return Err(Refused),
        }
        Ok(())
    }
}

/// A list, including the elements that its memory still contains after its end.
#[derive(Debug)]
struct Slice<T> {
    memory: Vec<T>,
    length: usize,
}

impl<T> Default for Slice<T> {
    fn default() -> Self {
        Self { memory: Vec::new(), length: 0 }
    }
}

impl<T: Default> Slice<T> {
    fn read(
        &mut self,
        value: &Json,
        mut item: impl FnMut(&Json, &mut T) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        match value {
            Json::Null => *self = Self::default(),
            Json::List(items) if items.is_empty() => *self = Self::default(),
            Json::List(items) => {
                for (at, value) in items.iter().enumerate() {
                    if at == self.memory.len() {
                        self.memory.push(T::default());
                    }
                    item(value, &mut self.memory[at])?;
                }
                self.length = items.len();
            }
            _ => return Err(Refused),
        }
        Ok(())
    }

    fn items(&self) -> &[T] {
        &self.memory[..self.length]
    }
}

#[derive(Debug, Default)]
struct Mount {
    kind: String,
    source: String,
    target: String,
}

/// The lists of mounts, as an engine keeps them.
#[derive(Debug, Default)]
struct Host {
    binds: Slice<String>,
    mounts: Slice<Mount>,
}

impl Host {
    fn entry(&mut self, reader: Reader, key: &str, value: &Json) -> Result<(), Refused> {
        if reader.takes(key, "Binds", false) {
            self.binds.read(value, |value, bind| reader.text(value, bind))?;
        } else if reader.takes(key, "Mounts", false) {
            self.mounts.read(value, |value, mount| match value {
                Json::Null => Ok(()),
                Json::Object(entries) => {
                    for (key, value) in entries {
                        for (name, field) in [
                            ("Type", &mut mount.kind),
                            ("Source", &mut mount.source),
                            ("Target", &mut mount.target),
                        ] {
                            if reader.takes(key, name, true) {
                                reader.text(value, field)?;
                            }
                        }
                    }
                    Ok(())
                }
                _ => Err(Refused),
            })?;
        }
        Ok(())
    }

    /// The sources on the host and the targets of the mounts.
    fn mounted(&self) -> Vec<(&str, &str)> {
        let binds = self.binds.items().iter().filter_map(|bind| {
            let mut words = bind.split(':');
            let source = words.next().filter(|source| source.starts_with('/'))?;
            Some((source, words.next()?))
        });
        let mounts = self.mounts.items().iter().filter(|mount| mount.kind == "bind");
        binds.chain(mounts.map(|mount| (&*mount.source, &*mount.target))).collect()
    }
}

/// What an engine mounts for a body; an error if it rejects the body.
fn mounted(reader: Reader, body: &Json) -> Result<Host, Refused> {
    let Json::Object(entries) = body else { return Err(Refused) };
    let is_docker = matches!(reader, Reader::Docker26 | Reader::Docker27);
    let (mut inner, mut top) = (None, Host::default());
    for (key, value) in entries {
        if reader.takes(key, "HostConfig", false) {
            match value {
                // A pointer in Docker. In podman it is the object itself, and null leaves it
                // unchanged.
                Json::Null if is_docker => inner = None,
                Json::Null => {}
                Json::Object(entries) => {
                    let host = inner.get_or_insert_with(Host::default);
                    for (key, value) in entries {
                        host.entry(reader, key, value)?;
                    }
                }
                _ => return Err(Refused),
            }
        } else if reader == Reader::Docker26 {
            top.entry(reader, key, value)?;
        }
    }
    let top = if reader == Reader::Docker26 { top } else { Host::default() };
    Ok(inner.unwrap_or(top))
}

fn place(path: &str) -> Place {
    match path {
        SOCKET => Place::Socket,
        FOLDER => Place::Folder(vec!["docker.sock".to_owned()]),
        _ => Place::Elsewhere,
    }
}

/// The body that dsp forwards, and whether dsp warns about it.
fn followed(body: &str) -> (String, bool) {
    match Mounts::read(body.as_bytes(), Form::Container) {
        Err(Unreadable::Json | Unreadable::Bytes | Unreadable::Much) => (body.to_owned(), true),
        Ok(mounts) => {
            let plan = mounts.plan(place);
            let body = String::from_utf8(plan.apply(OWN).unwrap()).unwrap();
            (body, !plan.uncovered.is_empty())
        }
    }
}

/// Panics if an engine would mount its own socket for this body without a warning from dsp, or
/// would mount dsp's socket although nothing asked for one. Returns the readers for which the body
/// asks for the socket.
fn check(body: &str) -> Vec<Reader> {
    let (after, is_warned) = followed(body);
    let (before, after): (Json, Json) =
        (serde_json::from_str(body).unwrap(), serde_json::from_str(&after).unwrap());
    let mut asked = Vec::new();
    for reader in READERS {
        let (Ok(before), Ok(now)) = (mounted(reader, &before), mounted(reader, &after)) else {
            continue;
        };
        let was = before.mounted();
        for (at, (source, target)) in now.mounted().iter().enumerate() {
            assert!(is_warned || *source != SOCKET, "{reader:?} mounts the socket: {body}");
            // A folder gets another mount only if it is the one that was meant.
            let target_of_own = format!("{}/docker.sock", target.trim_end_matches('/'));
            let is_covered = now.mounted().contains(&(OWN, target_of_own.as_str()));
            assert!(
                is_warned || *source != FOLDER || is_covered,
                "{reader:?} mounts the folder: {body}"
            );
            let is_put = *source == OWN
                && was.iter().any(|(source, folder)| {
                    let folder = folder.trim_end_matches('/');
                    *source == FOLDER && *target == format!("{folder}/docker.sock")
                });
            let is_replaced = *source == OWN && was.contains(&(SOCKET, target));
            let is_same = was.contains(&(source, target));
            assert!(
                is_put || is_replaced || is_same,
                "{reader:?} mounts something else, {at}: {body}"
            );
        }
        if was.iter().any(|(source, _)| *source == SOCKET || *source == FOLDER) {
            asked.push(reader);
        }
    }
    asked
}

#[test]
fn the_socket_is_replaced_where_one_engine_reads_it() {
    use Reader::{Docker26, Docker27, Podman5, Podman6};

    let bind = format!("[\"{SOCKET}:/s\"]");
    let mount = format!("[{{\"Type\":\"bind\",\"Source\":\"{SOCKET}\",\"Target\":\"/s\"}}]");
    let all = READERS.as_slice();
    for (body, expected) in [
        (format!("{{\"HostConfig\":{{\"Binds\":{bind}}}}}"), all),
        (format!("{{\"Binds\":{bind}}}"), &[Docker26]),
        (format!("{{\"mounts\":{mount},\"HostConfig\":null}}"), &[Docker26]),
        (
            format!("{{\"HostConfig\":{{\"Binds\":[]}},\"HostConfig\":null,\"Binds\":{bind}}}"),
            &[Docker26],
        ),
        (
            format!("{{\"HostConfig\":{{\"Binds\":{bind}}},\"HostConfig\":null}}"),
            &[Podman5, Podman6],
        ),
        (format!("{{\"HostConf\u{130}g\":{{\"Binds\":{bind}}}}}"), &[Podman6]),
        (format!("{{\"HostConfig\":{{\"B\\u0130nds\":{bind}}}}}"), &[Podman6]),
        (
            format!("{{\"HostConfig\":{{\"Mount\u{17f}\":{mount}}}}}"),
            &[Docker26, Docker27, Podman5],
        ),
        (
            format!(
                "{{\"HostConfig\":{{\"Mounts\":[{{\"Type\":\"bind\",\"\u{17f}ource\":\"{FOLDER}\",\
                 \"Target\":\"/s\"}}]}}}}"
            ),
            &[Docker26, Docker27, Podman5],
        ),
        // What the second list leaves of the first one.
        (
            format!(
                "{{\"HostConfig\":{{\"Mounts\":[{{\"Type\":\"volume\",\"Source\":\"{SOCKET}\"}}],\
                 \"Mounts\":[{{\"Type\":\"bind\",\"Target\":\"/s\"}}]}}}}"
            ),
            all,
        ),
        // What only some engines clear.
        (
            format!(
                "{{\"HostConfig\":{{\"Mounts\":[{{\"Type\":\"bind\",\"Source\":\"{SOCKET}\",\
                 \"Source\":null,\"Target\":\"/s\"}}]}}}}"
            ),
            &[Docker26, Docker27, Podman5],
        ),
        (
            format!(
                "{{\"HostConfig\":{{\"Mounts\":[{{\"Type\":\"bind\",\"Type\":\"volume\",\
                 \"Type\":\"bind\",\"Source\":\"{SOCKET}\",\"Target\":\"/s\"}}]}}}}"
            ),
            all,
        ),
        // Keys that one engine recognizes by their hash.
        (
            format!(
                "{{\"HostConfig\":{{\"Mounts\":[{{\"Type\":\"bind\",\"h1\":\"{SOCKET}\",\
                 \"Target\":\"/s\"}}]}}}}"
            ),
            &[Podman6],
        ),
    ] {
        assert_eq!(check(&body), expected, "{body}");
    }
}

#[test]
fn a_mount_that_only_some_engines_read_covers_nothing_for_the_others() {
    let bind = |target: &str| format!("[\"{FOLDER}:{target}\"]");
    let mount = format!("[{{\"Type\":\"bind\",\"Source\":\"{FOLDER}\",\"Target\":\"/c\"}}]");
    let binds = bind("/c");
    for body in [
        // No engine takes the first key for HostConfig.
        format!("{{\"ho\u{17f}tconf\u{130}g\":{{\"Mounts\":{mount}}},\"Binds\":{binds}}}"),
        format!("{{\"HostConf\u{130}g\":{{\"Mounts\":{mount}}},\"Binds\":{binds}}}"),
        format!("{{\"HostConfig\":{{\"Bind\u{17f}\":{binds},\"Mounts\":{mount}}}}}"),
        format!("{{\"HostConfig\":{{\"Mounts\":{mount}}},\"HostConfig\":null,\"Binds\":{binds}}}"),
    ] {
        check(&body);
        assert!(followed(&body).1, "{body}");
    }
    // One object with both lists is read by all engines alike.
    let body = format!("{{\"HostConfig\":{{\"Binds\":{},\"Mounts\":{mount}}}}}", bind("/b"));
    check(&body);
    assert!(!followed(&body).1, "{body}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_engine_mounts_its_socket_without_a_warning(body in body()) {
        let _ = check(&body);
    }
}
