//! The label that says whose an object is. It is written into what a request creates, so that it lasts
//! as long as the object does and the engine itself can filter by it.

use super::Json;
use crate::api::{Object, ObjectKind, Operation, Query};

/// The label of containers, networks, volumes and whatever else has labels of its own.
pub const OWNER_LABEL: &str = "dsp.owner";

/// The label of images. A container has the labels of its image, so with the same label everybody's
/// containers of an own image would be own ones.
pub const IMAGE_OWNER_LABEL: &str = "dsp.image.owner";

/// The lists of mounts of a container and of a service. Those of volumes without a name can have labels; volumes
/// that a body names with a place in the container alone, and those of an image, cannot.
const MOUNTS: [&str; 2] = ["HostConfig.Mounts", "TaskTemplate.ContainerSpec.Mounts"];

/// Where requests for an operation set labels.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Marks {
    /// They create nothing with labels.
    #[default]
    Nowhere,
    /// In maps of the body. Each group is of paths that mean the same: the label goes into those that the
    /// request has, or into the first.
    Body(&'static [&'static [&'static str]]),
    /// In a query parameter that is a map of labels, for an image.
    ImageLabels(&'static str),
    /// In a query parameter that is a map of labels.
    Labels(&'static str),
    /// In a query parameter with instructions of a Dockerfile, for an image.
    Instructions(&'static str),
    /// In such a parameter `changes`, if another one says where an imported image comes from. Without it,
    /// the image is pulled, and nobody's.
    InstructionsOfImport(&'static str),
}

impl Marks {
    /// Where requests for an operation set labels.
    pub(super) fn of(operation: &str) -> Self {
        match operation {
            "ContainerCreate" | "NetworkCreate" | "VolumeCreate" | "SecretCreate"
            | "SecretUpdate" | "ConfigCreate" | "ConfigUpdate" => Self::Body(&[&["Labels"]]),
            // The containers of a service have the labels of its template.
            "ServiceCreate" | "ServiceUpdate" => {
                Self::Body(&[&["Labels"], &["TaskTemplate.ContainerSpec.Labels"]])
            }
            "LibpodContainerCreate" | "LibpodNetworkCreate" | "LibpodPodCreate" => {
                Self::Body(&[&["labels"]])
            }
            // podman takes the second only if the first is empty (podman `pkg/api/handlers/libpod/volumes.go`).
            "LibpodVolumeCreate" => Self::Body(&[&["Labels", "Label"]]),
            "LibpodSecretCreate" => Self::Labels("labels"),
            "ImageBuild" | "LibpodImageBuild" => Self::ImageLabels("labels"),
            "ImageCommit" | "LibpodImageCommit" | "LibpodImageImport" => {
                Self::Instructions("changes")
            }
            "ImageCreate" => Self::InstructionsOfImport("fromSrc"),
            _ => Self::Nowhere,
        }
    }

    /// Writes the label into a body. Without an owner, it takes the label out.
    pub(super) fn mark_body(self, body: &mut Json, owner: &str) {
        let Self::Body(groups) = self else { return };
        if owner.is_empty() {
            for path in groups.iter().copied().flatten() {
                at_mut(body, path).into_iter().for_each(|labels| remove(labels, OWNER_LABEL));
            }
            return;
        }
        MOUNTS.iter().for_each(|path| mark_anonymous(body, path, owner));
        for group in groups {
            let named = group.iter().filter(|path| at(body, path).is_some()).collect::<Vec<_>>();
            let places = if named.is_empty() { group.iter().take(1).collect() } else { named };
            for path in places {
                let path: Vec<&str> = path.split('.').chain([OWNER_LABEL]).collect();
                put(body, &path, owner);
            }
        }
    }

    /// The query with the label in it; `None` if it has no place for one.
    pub(super) fn mark_query(self, query: Query<'_>, owner: &str) -> Option<String> {
        let label = |key: &str, value: &str| format!("LABEL {key}={value}");
        match self {
            Self::Nowhere | Self::Body(_) => None,
            Self::Labels(name) => Some(marked(query, name, &[(OWNER_LABEL, owner)])),
            // The image of an own container, or one from an own image, would have the label of containers.
            Self::ImageLabels(name) => {
                Some(marked(query, name, &[(IMAGE_OWNER_LABEL, owner), (OWNER_LABEL, "")]))
            }
            Self::InstructionsOfImport(source) => {
                let is_import =
                    query.pairs().any(|(key, value)| key == source && !value.is_empty());
                if is_import {
                    Self::Instructions("changes").mark_query(query, owner)
                } else {
                    None
                }
            }
            Self::Instructions(name) => {
                let added = [label(IMAGE_OWNER_LABEL, owner), label(OWNER_LABEL, "")];
                Some(query.with(&[], &added.map(|value| (name, value))))
            }
        }
    }
}

/// Whether dsp decides on the value of a label.
pub(super) fn is_mark(key: &str) -> bool {
    matches!(key, OWNER_LABEL | IMAGE_OWNER_LABEL)
}

/// The label of objects of a kind.
#[must_use]
pub fn owner_label(kind: ObjectKind) -> &'static str {
    if kind == ObjectKind::Image { IMAGE_OWNER_LABEL } else { OWNER_LABEL }
}

/// A body that makes a volume with an owner. Otherwise the volume is as the engine would make it by the way
/// for the request with the body `request`, with the labels and the driver that a mount has for it.
#[must_use]
pub fn own_volume(volume: &Object, owner: &str, request: Option<&[u8]>) -> Vec<u8> {
    let request = request.and_then(|body| Json::read(body).ok()).unwrap_or(Json::Null);
    let mut body = vec![("Name".to_owned(), Json::Text(volume.name.clone()))];
    let mut add = |name: &str, value: Option<&Json>| {
        body.extend(value.map(|value| (name.to_owned(), value.clone())));
    };
    let is_of_volume =
        |mount: &&Json| mount.text_of("Type") == "volume" && mount.text_of("Source") == volume.name;
    let mut mounts = MOUNTS.iter().filter_map(|path| at(&request, path)).flat_map(Json::items);
    match mounts.find(is_of_volume) {
        Some(mount) => {
            let options = mount.field("VolumeOptions");
            let driver = options.and_then(|options| options.field("DriverConfig"));
            add("Labels", options.and_then(|options| options.field("Labels")));
            add("Driver", driver.and_then(|driver| driver.field("Name")));
            add("DriverOpts", driver.and_then(|driver| driver.field("Options")));
        }
        // The driver of those that a bind names.
        None => add("Driver", at(&request, "HostConfig.VolumeDriver")),
    }
    let mut body = Json::Object(body);
    put(&mut body, &["Labels", OWNER_LABEL], owner);
    let mut out = Vec::new();
    body.write(&mut out);
    out
}

/// Whether an operation creates objects that can be marked.
#[must_use]
pub fn makes_owned(operation: &Operation) -> bool {
    Marks::of(operation.name) != Marks::Nowhere
}

/// Whether requests for an operation change the labels of the object in their path. They must neither take
/// the label of its owner away nor give it another.
#[must_use]
pub fn changes_labels(operation: &Operation) -> bool {
    matches!(operation.name, "ServiceUpdate" | "SecretUpdate" | "ConfigUpdate")
}

/// Writes the label into each mount of a volume without a name, which the engine makes for it.
fn mark_anonymous(body: &mut Json, path: &str, owner: &str) {
    let Some(Json::List(mounts)) = at_mut(body, path) else { return };
    let is_anonymous =
        |mount: &&mut Json| mount.text_of("Type") == "volume" && mount.text_of("Source").is_empty();
    for mount in mounts.iter_mut().filter(is_anonymous) {
        put(mount, &["VolumeOptions", "Labels", OWNER_LABEL], owner);
    }
}

/// A query whose parameter `name`, a map of labels, has these labels too. It was read before, so it is a
/// map or missing.
fn marked(query: Query<'_>, name: &str, labels: &[(&str, &str)]) -> String {
    let mut given = query.pairs().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let map = given.next().and_then(|(_, value)| Json::read(&value).ok());
    let mut map = map.filter(|map| matches!(map, Json::Object(_))).unwrap_or(Json::Object(vec![]));
    labels.iter().for_each(|(key, value)| put(&mut map, &[key], value));
    let mut text = Vec::new();
    map.write(&mut text);
    query.with(&[name], &[(name, String::from_utf8_lossy(&text).into_owned())])
}

fn at<'a>(value: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(value, |value, name| value.field(name))
}

fn at_mut<'a>(value: &'a mut Json, path: &str) -> Option<&'a mut Json> {
    path.split('.').try_fold(value, |value, name| match value {
        Json::Object(entries) => {
            entries.iter_mut().find(|(key, _)| key == name).map(|(_, inner)| inner)
        }
        _ => None,
    })
}

fn remove(value: &mut Json, name: &str) {
    if let Json::Object(entries) = value {
        entries.retain(|(key, _)| key != name);
    }
}

/// Sets the text at a path. Objects that are missing on the way are made.
fn put(value: &mut Json, path: &[&str], text: &str) {
    let Some((name, rest)) = path.split_first() else {
        *value = Json::Text(text.to_owned());
        return;
    };
    if !matches!(value, Json::Object(_)) {
        *value = Json::Object(Vec::new());
    }
    let Json::Object(entries) = value else { return };
    if !entries.iter().any(|(key, _)| key == name) {
        entries.push(((*name).to_owned(), Json::Null));
    }
    if let Some((_, inner)) = entries.iter_mut().find(|(key, _)| key == name) {
        put(inner, rest, text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Nesting, Schema};
    use super::*;
    use crate::api::{CanonicalRequest, EngineKind};

    const OWNER: Context<'_> =
        Context { names: &[], sockets: None, nesting: Nesting::AsAsked, owner: Some("ci") };

    /// The body and the query that go upstream.
    fn written(engine: EngineKind, target: &str, body: &str) -> (String, String) {
        let request = CanonicalRequest::parse(engine, "POST", target).unwrap();
        let located = request.locate().unwrap();
        let body = (!body.is_empty()).then_some(body.as_bytes());
        let schema = Schema::of(located.operation).unwrap();
        let contents = schema.read(request.query(), body, &OWNER).unwrap();
        assert!(!contents.facts.iter().any(|fact| fact.value.contains(OWNER_LABEL)));
        let body = contents.body.map(|body| String::from_utf8(body).unwrap());
        (body.unwrap_or_default(), contents.query.unwrap_or_default())
    }

    /// Otherwise a request that makes something own is denied as undecided.
    #[test]
    fn what_can_be_marked_is_read() {
        for engine in EngineKind::ALL {
            for operation in engine.catalogue().operations() {
                let is_answered = operation.permits.starts_with("learn that podman");
                let is_read = is_answered || Schema::of(operation).is_some();
                assert!(is_read || !makes_owned(operation), "{engine} {operation}");
            }
        }
    }

    #[test]
    fn without_an_owner_the_label_is_taken_out() {
        let mut body = Json::read(
            br#"{"Labels":{"a":"b","dsp.owner":"x"},"TaskTemplate":{"ContainerSpec":{"Labels":{"dsp.owner":"x"}}}}"#,
        )
        .unwrap();
        Marks::of("ServiceUpdate").mark_body(&mut body, "");
        let mut out = Vec::new();
        body.write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"Labels":{"a":"b"},"TaskTemplate":{"ContainerSpec":{"Labels":{}}}}"#
        );
    }

    #[test]
    fn a_volume_is_made_as_the_mount_of_it_says() {
        let made = |request: &str| {
            let body =
                own_volume(&Object::new(ObjectKind::Volume, "v"), "ci", Some(request.as_bytes()));
            String::from_utf8(body).unwrap()
        };
        for (request, expected) in [
            ("", r#"{"Name":"v","Labels":{"dsp.owner":"ci"}}"#),
            (r#"{"HostConfig":{"Binds":["v:/v"]}}"#, r#"{"Name":"v","Labels":{"dsp.owner":"ci"}}"#),
            (
                r#"{"HostConfig":{"Binds":["v:/v"],"VolumeDriver":"local"}}"#,
                r#"{"Name":"v","Driver":"local","Labels":{"dsp.owner":"ci"}}"#,
            ),
            (
                r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"w","VolumeOptions":{"Labels":{"c":"d"}}},{"Type":"volume","Source":"v","VolumeOptions":{"Labels":{"a":"b","dsp.owner":"other"},"DriverConfig":{"Name":"local","Options":{"type":"tmpfs"}}}}]}}"#,
                r#"{"Name":"v","Labels":{"a":"b","dsp.owner":"ci"},"Driver":"local","DriverOpts":{"type":"tmpfs"}}"#,
            ),
            (
                r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"volume","Source":"v","VolumeOptions":{"Labels":{"a":"b"}}}]}}}"#,
                r#"{"Name":"v","Labels":{"a":"b","dsp.owner":"ci"}}"#,
            ),
        ] {
            assert_eq!(made(request), expected, "{request}");
        }
    }

    #[test]
    fn what_is_created_says_whose_it_is() {
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        for (engine, target, body, expected) in [
            (
                docker,
                "/containers/create",
                r#"{"Image":"x"}"#,
                r#"{"Image":"x","Labels":{"dsp.owner":"ci"}}"#,
            ),
            (
                docker,
                "/networks/create",
                r#"{"Name":"n","labels":{"a":"b","dsp.owner":"other"}}"#,
                r#"{"Name":"n","Labels":{"a":"b","dsp.owner":"ci"}}"#,
            ),
            (docker, "/volumes/create", "{}", r#"{"Labels":{"dsp.owner":"ci"}}"#),
            (
                docker,
                "/secrets/create",
                r#"{"Name":"s","Data":"eA=="}"#,
                r#"{"Name":"s","Data":"eA==","Labels":{"dsp.owner":"ci"}}"#,
            ),
            (
                docker,
                "/configs/s/update?version=7",
                r#"{"Name":"s","Labels":{"dsp.owner":"other"},"Data":"eA=="}"#,
                r#"{"Name":"s","Labels":{"dsp.owner":"ci"},"Data":"eA=="}"#,
            ),
            (
                docker,
                "/services/create",
                r#"{"TaskTemplate":{"ContainerSpec":{"Image":"x"}}}"#,
                r#"{"TaskTemplate":{"ContainerSpec":{"Image":"x","Labels":{"dsp.owner":"ci"}}},"Labels":{"dsp.owner":"ci"}}"#,
            ),
            (
                podman,
                "/v4.0.0/libpod/volumes/create",
                r#"{"Label":{"a":"b"}}"#,
                r#"{"Label":{"a":"b","dsp.owner":"ci"}}"#,
            ),
            (
                podman,
                "/v4.0.0/libpod/containers/create",
                r#"{"image":"x"}"#,
                r#"{"image":"x","labels":{"dsp.owner":"ci"}}"#,
            ),
        ] {
            let (body, query) = written(engine, target, body);
            assert_eq!((body.as_str(), query.as_str()), (expected, ""), "{target}");
        }
        let volume = r#"{"Image":"x","HostConfig":{"Mounts":[{"Type":"volume","Source":"v","Target":"/v","VolumeOptions":{"Labels":{"dsp.owner":"other"}}}]}}"#;
        let request = CanonicalRequest::parse(docker, "POST", "/containers/create").unwrap();
        let schema = Schema::of(request.locate().unwrap().operation).unwrap();
        let contents = schema.read(request.query(), Some(volume.as_bytes()), &OWNER).unwrap();
        let facts: Vec<String> = contents.facts.iter().map(ToString::to_string).collect();
        assert!(facts.contains(&"labels dsp.owner".to_owned()), "{facts:?}");
        let mounts = r#"{"Image":"x","HostConfig":{"Mounts":[{"Type":"volume","Target":"/a"},{"Type":"tmpfs","Target":"/t"},{"Type":"volume","Source":"v","Target":"/v"},{"Type":"volume","Target":"/b","VolumeOptions":{"Labels":{"a":"b"}}}]}}"#;
        let (body, _) = written(docker, "/containers/create", mounts);
        assert_eq!(
            body,
            r#"{"Image":"x","HostConfig":{"Mounts":[{"Type":"volume","Target":"/a","VolumeOptions":{"Labels":{"dsp.owner":"ci"}}},{"Type":"tmpfs","Target":"/t"},{"Type":"volume","Source":"v","Target":"/v"},{"Type":"volume","Target":"/b","VolumeOptions":{"Labels":{"a":"b","dsp.owner":"ci"}}}]},"Labels":{"dsp.owner":"ci"}}"#
        );
        let label = "%7B%22a%22%3A%22b%22%7D";
        let (_, query) = written(docker, &format!("/build?labels={label}&t=x"), "");
        assert_eq!(
            query,
            "t=x&labels=%7B%22a%22%3A%22b%22%2C%22dsp.image.owner%22%3A%22ci%22%2C%22dsp.owner%22%3A%22%22%7D"
        );
        let (_, query) = written(docker, "/commit?container=c&repo=x", "");
        assert_eq!(
            query,
            "container=c&repo=x&changes=LABEL+dsp.image.owner%3Dci&changes=LABEL+dsp.owner%3D"
        );
        // What is pulled is nobody's.
        let (_, query) = written(docker, "/images/create?fromSrc=-&repo=x", "");
        assert_eq!(
            query,
            "fromSrc=-&repo=x&changes=LABEL+dsp.image.owner%3Dci&changes=LABEL+dsp.owner%3D"
        );
        let (_, query) = written(docker, "/images/create?fromImage=x&tag=1", "");
        assert_eq!(query, "");
    }
}
