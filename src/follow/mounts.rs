//! The mounts in the body of a request that creates a container.

use std::ops::Range;

use super::json::{entries, items, text, under};

/// The body that a request has, which says where in it the mounts are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A container of Docker's API: `HostConfig.Binds` and `HostConfig.Mounts`.
    Container,
    /// A container of podman's own API: `mounts`.
    Libpod,
    /// A service of a swarm: `TaskTemplate.ContainerSpec.Mounts`.
    Service,
}

/// A path that is mounted.
struct Source<'a> {
    path: String,
    /// The JSON text that holds it.
    value: &'a str,
    /// What follows the path in that text, once it is read: nothing, or a colon and more.
    rest: String,
}

/// The paths of the host that the body asks to be mounted, in its order.
#[must_use]
pub fn sources(body: &[u8], form: Form) -> Vec<String> {
    let found = std::str::from_utf8(body).map(|body| find(body, form)).unwrap_or_default();
    found.into_iter().map(|source| source.path).collect()
}

/// The body with `socket` mounted in the place of each path that is the engine's socket; none when
/// there is no such path. Every other byte stays what it is.
#[must_use]
pub fn rewrite(
    body: &[u8],
    form: Form,
    is_socket: impl Fn(&str) -> bool,
    socket: &str,
) -> Option<Vec<u8>> {
    let body = std::str::from_utf8(body).ok()?;
    let mut rewritten = Vec::with_capacity(body.len() + socket.len());
    let mut at = 0;
    for source in find(body, form).into_iter().filter(|source| is_socket(&source.path)) {
        let place = place(body, source.value)?;
        rewritten.extend_from_slice(body.get(at..place.start)?.as_bytes());
        let value = format!("{socket}{}", source.rest);
        serde_json::to_writer(&mut rewritten, &value).ok()?;
        at = place.end;
    }
    rewritten.extend_from_slice(body.get(at..)?.as_bytes());
    (at > 0).then_some(rewritten)
}

/// The name that the body gives to the container, as podman's own API has it.
#[must_use]
pub fn name(body: &[u8], form: Form) -> Option<String> {
    let key = match form {
        // Docker has it in the query.
        Form::Container => return None,
        Form::Libpod | Form::Service => "name",
    };
    let body = std::str::from_utf8(body).ok()?;
    under(body, key).last().and_then(|value| text(value)).filter(|name| !name.is_empty())
}

/// In the order of the body.
fn find(body: &str, form: Form) -> Vec<Source<'_>> {
    let within = |text, name| under(text, name).into_iter();
    let mut found: Vec<_> = match form {
        Form::Container => within(body, "HostConfig")
            .flat_map(|host| {
                let binds = within(host, "Binds").flat_map(items).filter_map(bind);
                binds.chain(within(host, "Mounts").flat_map(items).flat_map(mount))
            })
            .collect(),
        Form::Libpod => within(body, "mounts").flat_map(items).flat_map(mount).collect(),
        Form::Service => within(body, "TaskTemplate")
            .flat_map(|task| within(task, "ContainerSpec"))
            .flat_map(|container| within(container, "Mounts"))
            .flat_map(items)
            .flat_map(mount)
            .collect(),
    };
    found.sort_by_key(|source| source.value.as_ptr());
    found
}

/// `SOURCE:DESTINATION[:OPTIONS]`. A source that is no path is the name of a volume.
fn bind(value: &str) -> Option<Source<'_>> {
    let bind = text(value)?;
    let (path, rest) = bind.split_at_checked(bind.find(':')?)?;
    path.starts_with('/').then(|| Source { path: path.to_owned(), value, rest: rest.to_owned() })
}

/// `{"Type": "bind", "Source": ..., ...}`.
fn mount(value: &str) -> Vec<Source<'_>> {
    let entries = entries(value).unwrap_or_default();
    let under = |name: &'static str| {
        let named = move |(key, _): &&(String, &_)| key.eq_ignore_ascii_case(name);
        entries.iter().filter(named).map(|(_, value)| *value)
    };
    if under("Type").next_back().and_then(text).as_deref() != Some("bind") {
        return Vec::new();
    }
    let source = |value| Some(Source { path: text(value)?, value, rest: String::new() });
    under("Source").filter_map(source).collect()
}

/// Where a part of the body is in it.
fn place(body: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let place = start..start.checked_add(part.len())?;
    (body.get(place.clone())? == part).then_some(place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const SOCKET: &str = "/var/run/docker.sock";
    const OWN: &str = "/run/dsp/1.sock";

    fn rewritten(body: &str, form: Form) -> Option<String> {
        let bytes = rewrite(body.as_bytes(), form, |path| path == SOCKET, OWN)?;
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn binds_and_mounts_are_replaced_and_nothing_else() {
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
        let asked = [SOCKET, "/etc", SOCKET, SOCKET];
        assert_eq!(sources(body.as_bytes(), Form::Container), asked);
    }

    #[test]
    fn keys_are_read_as_the_engine_reads_them() {
        let body = r#"{"hostconfig":{"BINDS":["/var/run/docker.sock:/s"]},"HostConfig":{"Binds":null,"Binds":["/var/run/docker.sock:/s"]}}"#;
        assert_eq!(rewritten(body, Form::Container).unwrap(), body.replace(SOCKET, OWN));
    }

    #[test]
    fn podman_and_services_have_their_own_places() {
        let body = r#"{"name":"web","mounts":[{"type":"bind","source":"/var/run/docker.sock","destination":"/s"}]}"#;
        assert_eq!(rewritten(body, Form::Libpod).unwrap(), body.replace(SOCKET, OWN));
        assert_eq!(name(body.as_bytes(), Form::Libpod).as_deref(), Some("web"));
        assert_eq!(name(body.as_bytes(), Form::Container), None);
        assert_eq!(rewritten(body, Form::Container), None);
        let body = r#"{"Name":"w","TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/var/run/docker.sock"}]}}}"#;
        assert_eq!(sources(body.as_bytes(), Form::Service), [SOCKET]);
        assert_eq!(name(body.as_bytes(), Form::Service).as_deref(), Some("w"));
    }

    #[test]
    fn what_is_no_such_body_is_left_alone() {
        for body in
            ["", "null", "[]", "{", r#"{"HostConfig":null}"#, r#"{"HostConfig":{"Binds":{}}}"#]
        {
            assert_eq!(rewritten(body, Form::Container), None, "{body}");
        }
        assert_eq!(rewrite(b"\xff", Form::Container, |_| true, OWN), None);
    }

    /// Any JSON value, numbers of any length among them.
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
        /// A body with mounts of every kind among whatever else.
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
            let asked = sources(body.as_bytes(), Form::Container);
            let holds = asked.iter().any(|path| path == SOCKET);
            let Some(after) = rewritten(&body, Form::Container) else {
                prop_assert!(!holds);
                return Ok(());
            };
            prop_assert!(holds);
            let replaced = asked.iter().map(|path| if path == SOCKET { OWN } else { path });
            let replaced: Vec<&str> = replaced.collect();
            prop_assert_eq!(sources(after.as_bytes(), Form::Container), replaced);
            // Done once more, with the new path for the engine's, nothing changes.
            let again = rewrite(after.as_bytes(), Form::Container, |path| path == OWN, OWN);
            prop_assert_eq!(again.unwrap(), after.as_bytes());
            prop_assert_eq!(rewritten(&after, Form::Container), None);
            // And put back, the body is the one that came, byte for byte, when nothing of it was
            // spelled otherwise.
            let back = rewrite(after.as_bytes(), Form::Container, |path| path == OWN, SOCKET);
            if !asked.iter().any(|path| path == OWN) {
                prop_assert_eq!(String::from_utf8(back.unwrap()).unwrap(), body);
            }
        }

        #[test]
        fn any_bytes_are_taken(body in ".{0,40}|\\{\"HostConfig\":.{0,40}") {
            let _ = rewritten(&body, Form::Container);
            let parsed = serde_json::from_str::<Value>(&body).is_ok();
            prop_assert!(parsed || rewritten(&body, Form::Container).is_none());
        }
    }
}
