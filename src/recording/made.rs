//! What a request creates, as the engine's answer names it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::Made;
use super::observation::Observation;
use crate::api::{Object, ObjectKind, redacted_name};
use crate::contents::Facet;
use crate::text::is_unsafe;

/// The most names of an image that one build notes.
const MOST_NAMES: usize = 16;

/// The most objects that are read from one answer.
const MOST_OBJECTS: usize = 64;

/// The longest ID or name, in bytes.
const LONGEST_NAME: usize = 256;

/// What a request creates if the engine does what it asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Makes {
    kind: ObjectKind,
    /// The names that the request gives to it; several for an image only.
    names: Vec<String>,
}

/// The answer of an engine that has created something. Docker spells `Id` in three ways, and podman's own
/// API in a fourth.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Id", alias = "ID", alias = "id")]
    id: Option<String>,
    #[serde(rename = "Name", alias = "name")]
    name: Option<String>,
    /// The pods of a Kubernetes file.
    #[serde(rename = "Pods", default)]
    pods: Vec<PlayedPod>,
}

/// A pod that podman has made from a Kubernetes file.
#[derive(Deserialize)]
struct PlayedPod {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Containers", default)]
    containers: Option<Vec<String>>,
}

impl Makes {
    /// What a request creates; `None` if it creates nothing that has an owner, or is denied.
    #[must_use]
    pub fn of(observed: &Observation<'_>) -> Option<Self> {
        let located = observed.located?;
        let kind = located.operation.creates?;
        if observed.denied.is_some() {
            return None;
        }
        let names = match kind {
            ObjectKind::Image => image_names(observed),
            _ => own_name(observed).into_iter().collect(),
        };
        Some(Self { kind, names })
    }

    /// The objects that the end of an answer says were created.
    #[must_use]
    pub fn read(&self, status: u16, end: &[u8]) -> Vec<Made<'static>> {
        if !(200..300).contains(&status) {
            return Vec::new();
        }
        let mut objects = match self.kind {
            ObjectKind::Image => {
                image(end).into_iter().map(|id| Object::new(self.kind, id)).collect()
            }
            _ => created(self.kind, end),
        };
        objects.truncate(MOST_OBJECTS);
        objects.retain(|object| is_noted(&object.name));
        let name = |at: usize| self.names.get(at).cloned();
        match objects.as_slice() {
            [] => Vec::new(),
            [one] => {
                let answered = answered_name(self.kind, end);
                let first = name(0).or(answered).filter(|name| is_noted(name));
                let others = (1..self.names.len()).filter_map(name);
                let names = std::iter::once(first).chain(others.map(Some));
                names.map(|name| Made::new(one, name)).collect()
            }
            several => several.iter().map(|object| Made::new(object, None)).collect(),
        }
    }
}

/// Whether an ID or a name can be written down as it is.
fn is_noted(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.chars().any(is_unsafe)
        && matches!(redacted_name(name, LONGEST_NAME), Cow::Borrowed(same) if same == name)
}

/// The name that a request gives to what it creates.
fn own_name(observed: &Observation<'_>) -> Option<String> {
    let query = || observed.request.and_then(|request| request.query().name(request.engine()));
    let fact = || {
        let facts = observed.contents?.as_ref().ok()?;
        let mut named = facts.iter().filter(|fact| fact.facet == Facet::Name);
        // A pod may also name its first container.
        named.next().filter(|_| named.next().is_none()).map(|fact| fact.value.clone())
    };
    query().or_else(fact).filter(|name| is_noted(name))
}

/// The names that a request gives to an image: the parameters `t` of a build, and `repo` with `tag` of the
/// others.
fn image_names(observed: &Observation<'_>) -> Vec<String> {
    let Some(request) = observed.request else { return Vec::new() };
    let value = |wanted: &str| {
        let mut found = request.query().pairs().filter(|(key, _)| key == wanted);
        let value = String::from_utf8(found.next()?.1.into_owned()).ok()?;
        (!value.is_empty()).then_some(value)
    };
    let of_build = request.query().pairs().filter(|(key, _)| key == "t");
    let of_build = of_build.filter_map(|(_, value)| String::from_utf8(value.into_owned()).ok());
    let of_others = || {
        let repository = value("repo")?;
        Some(value("tag").map_or_else(|| repository.clone(), |tag| format!("{repository}:{tag}")))
    };
    let mut names: Vec<String> =
        of_build.chain(of_others()).filter(|name| is_noted(name)).collect();
    names.truncate(MOST_NAMES);
    names
}

/// The objects that an answer names, which is one unless podman has read a Kubernetes file.
fn created(kind: ObjectKind, answer: &[u8]) -> Vec<Object> {
    let Ok(answer) = serde_json::from_slice::<Answer>(answer) else { return Vec::new() };
    if let (ObjectKind::Pod, [_, ..]) = (kind, answer.pods.as_slice()) {
        let of_pod = |pod: PlayedPod| {
            let containers = pod.containers.unwrap_or_default().into_iter();
            let containers = containers.map(|id| Object::new(ObjectKind::Container, id));
            std::iter::once(Object::new(ObjectKind::Pod, pod.id)).chain(containers)
        };
        return answer.pods.into_iter().flat_map(of_pod).collect();
    }
    // A volume has no ID.
    let id = if kind == ObjectKind::Volume { answer.name } else { answer.id };
    id.map(|id| Object::new(kind, id)).into_iter().collect()
}

/// The name that an answer gives to the object next to its ID.
fn answered_name(kind: ObjectKind, answer: &[u8]) -> Option<String> {
    if matches!(kind, ObjectKind::Volume | ObjectKind::Image) {
        return None;
    }
    serde_json::from_slice::<Answer>(answer).ok()?.name
}

/// The ID of an image that was committed, imported or built. The answers to the last two are streams; a
/// stream that ends without an ID has failed.
fn image(end: &[u8]) -> Option<String> {
    if let Ok(Answer { id: Some(id), .. }) = serde_json::from_slice::<Answer>(end) {
        return is_id(&id).then_some(id);
    }
    let lines = end.split(|byte| *byte == b'\n').rev();
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    messages.take_while(|message| message.get("error").is_none()).find_map(|message| {
        let aux = message.get("aux").and_then(|aux| aux.get("ID"));
        let told = aux.or_else(|| message.get("stream")).or_else(|| message.get("status"));
        let id = told?.as_str()?.trim();
        is_id(id).then(|| id.to_owned())
    })
}

/// Whether this is the ID of an image.
fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Made<'_> {
    /// The line for it under a request.
    pub(super) fn of_request<'a>(&'a self, session: &'a str, seq: u64) -> Made<'a> {
        let name = self.name.as_deref().map(Cow::Borrowed);
        Made { session: session.into(), seq, kind: self.kind, id: (&*self.id).into(), name }
    }
}

impl Made<'static> {
    /// An object that was made, before it is known by which request.
    fn new(object: &Object, name: Option<String>) -> Self {
        Self {
            session: Cow::Borrowed(""),
            seq: 0,
            kind: object.kind,
            id: object.name.clone().into(),
            name: name.filter(|name| *name != object.name).map(Cow::Owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::api::{CanonicalRequest, EngineKind};
    use crate::contents::{Fact, Facts, Unreadable};
    use crate::http1::Arrival;
    use crate::peer::Peer;

    const ID: &str = "4f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c";

    fn makes(engine: EngineKind, method: &str, target: &str, name: Option<&str>) -> Option<Makes> {
        let request = CanonicalRequest::parse(engine, method, target).unwrap();
        let located = request.locate();
        let facts = name.map(|name| Fact::new(Facet::Name, name)).into_iter().collect::<Facts>();
        let contents: Result<Facts, Unreadable> = Ok(facts);
        Makes::of(&Observation {
            arrival: Arrival {
                at: Instant::now(),
                connection: 1,
                peer: Peer::Unknown,
                client: None,
                method,
                target,
                agent: None,
            },
            request: Some(&request),
            located: located.as_ref(),
            contents: Some(&contents),
            refusal: None,
            denied: None,
            would_deny: None,
        })
    }

    /// What is noted, as text, for a POST and its answer.
    fn noted(engine: EngineKind, target: &str, name: Option<&str>, answer: &str) -> String {
        let makes = makes(engine, "POST", target, name);
        let made = makes.map(|makes| makes.read(201, answer.replace('$', ID).as_bytes()));
        let made = made.into_iter().flatten().map(|made| {
            let name = made.name.map(|name| format!(" {name}")).unwrap_or_default();
            format!("{} {}{name}", made.kind, made.id.replace(ID, "$"))
        });
        made.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_answer_to_a_create_names_what_was_made() {
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        for (engine, target, name, answer, expected) in [
            (
                docker,
                "/containers/create?name=web",
                None,
                r#"{"Id":"$","Warnings":[]}"#,
                "container $ web",
            ),
            (docker, "/containers/create", None, r#"{"Id":"$"}"#, "container $"),
            (docker, "/containers/web/exec", None, r#"{"Id":"$"}"#, "exec $"),
            (
                docker,
                "/networks/create",
                Some("back"),
                r#"{"Id":"$","Warning":""}"#,
                "network $ back",
            ),
            (
                docker,
                "/volumes/create",
                Some("data"),
                r#"{"Name":"data","Driver":"local"}"#,
                "volume data",
            ),
            (docker, "/volumes/create", None, r#"{"Name":"$"}"#, "volume $"),
            (
                docker,
                "/services/create",
                Some("api"),
                r#"{"ID":"k2wvnmx8a0tb"}"#,
                "service k2wvnmx8a0tb api",
            ),
            (docker, "/secrets/create", None, r#"{"ID":"k2wvnmx8a0tb"}"#, "secret k2wvnmx8a0tb"),
            (docker, "/configs/create", None, r#"{"ID":"k2wvnmx8a0tb"}"#, "config k2wvnmx8a0tb"),
            (
                docker,
                "/commit?container=web&repo=me/app&tag=1",
                None,
                r#"{"Id":"sha256:$"}"#,
                "image sha256:$ me/app:1",
            ),
            (docker, "/commit?container=web", None, r#"{"Id":"sha256:$"}"#, "image sha256:$"),
            (
                docker,
                "/build?t=app&t=app:2",
                None,
                "{\"stream\":\"Step 1\"}\r\n{\"aux\":{\"ID\":\"sha256:$\"}}\r\n{\"stream\":\"Successfully built\"}\r\n",
                "image sha256:$ app, image sha256:$ app:2",
            ),
            (docker, "/build?q=1", None, "{\"stream\":\"sha256:$\\n\"}\n", "image sha256:$"),
            (
                docker,
                "/images/create?fromSrc=-&repo=base",
                None,
                "{\"status\":\"sha256:$\"}\n",
                "image sha256:$ base",
            ),
            (
                podman,
                "/v4.0.0/libpod/containers/create",
                Some("web"),
                r#"{"Id":"$","Warnings":[]}"#,
                "container $ web",
            ),
            (podman, "/v4.0.0/libpod/containers/web/exec", None, r#"{"Id":"$"}"#, "exec $"),
            (
                podman,
                "/v4.0.0/libpod/networks/create",
                None,
                r#"{"name":"back","id":"$","driver":"bridge"}"#,
                "network $ back",
            ),
            (
                podman,
                "/v4.0.0/libpod/volumes/create",
                Some("data"),
                r#"{"Name":"data"}"#,
                "volume data",
            ),
            (
                podman,
                "/v4.0.0/libpod/secrets/create?name=key",
                None,
                r#"{"ID":"$"}"#,
                "secret $ key",
            ),
            (podman, "/v4.0.0/libpod/pods/create", Some("p"), r#"{"Id":"$"}"#, "pod $ p"),
            (
                podman,
                "/v4.0.0/libpod/play/kube",
                None,
                r#"{"Pods":[{"ID":"$","Containers":["c1","c2"]}]}"#,
                "pod $, container c1, container c2",
            ),
            (
                podman,
                "/v4.0.0/libpod/build?t=app",
                None,
                "{\"stream\":\"STEP 1\\n\"}\n{\"stream\":\"$\\n\"}\n",
                "image $ app",
            ),
        ] {
            assert_eq!(noted(engine, target, name, answer), expected, "{engine} {target}");
        }
    }

    #[test]
    fn what_was_not_made_is_not_noted() {
        let docker = EngineKind::Docker;
        for (target, answer) in [
            ("/build?t=app", "{\"aux\":{\"ID\":\"sha256:$\"}}\n{\"error\":\"no space\"}\n"),
            ("/build?t=app", "{\"stream\":\"Step 1\"}\n"),
            ("/images/create?fromImage=alpine", "{\"status\":\"Digest: sha256:$\"}\n"),
            ("/images/load", "{\"stream\":\"Loaded image $: sha256:$\"}\n"),
            ("/containers/create", "not JSON"),
            ("/containers/create", "{\"Id\":7}"),
            ("/containers/create", "{\"Id\":\"a\\u001bb\"}"),
            ("/containers/web/start", "{\"Id\":\"$\"}"),
        ] {
            assert_eq!(noted(docker, target, None, answer), "", "{target} {answer}");
        }
        let create = makes(docker, "POST", "/containers/create?name=a%1Bb", None).unwrap();
        assert_eq!(create.read(409, format!("{{\"Id\":\"{ID}\"}}").as_bytes()), []);
        let made = create.read(201, format!("{{\"Id\":\"{ID}\"}}").as_bytes());
        assert_eq!(made[0].name, None, "a name that is not safe to show is left out");
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_line_long(
            name in "\\PC{0,300}",
            end in prop_oneof![
                "\\PC{0,400}".prop_map(String::into_bytes),
                "\\PC{0,400}".prop_map(|id| serde_json::json!({ "Id": id, "Name": id }).to_string().into_bytes()),
                prop::collection::vec(any::<u8>(), 0..400),
            ],
            target in "/containers/create|/build[?]t=a&t=b|/volumes/create|/networks/create",
        ) {
            let makes = makes(EngineKind::Docker, "POST", &target, Some(&name)).unwrap();
            let read = makes.read(200, &end);
            prop_assert!(read.len() <= MOST_OBJECTS.max(MOST_NAMES));
            for made in read {
                prop_assert!(is_noted(&made.id) && made.name.as_deref().is_none_or(is_noted));
            }
        }
    }
}
