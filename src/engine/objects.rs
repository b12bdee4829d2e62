//! Asks an engine which object a name means, and which labels it has.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::{Builder, Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ask;
use super::connector::{Connector, uri};
use crate::api::{EngineKind, Object, ObjectKind, encode_segment};
use crate::wire::EngineAddress;

/// How long the engine may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The size limit, in bytes, for a description.
const LONGEST_DESCRIPTION: usize = 4 << 20;

/// How many connections wait for the next question.
const IDLE_CONNECTIONS: usize = 4;

/// An object in the engine's own words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Described {
    /// Its ID; for a volume, its name.
    pub id: String,
    /// Its labels. An exec has those of its container, and a task those of its service.
    pub labels: HashMap<String, String>,
    /// The image of a container, by its ID.
    pub image: Option<String>,
    /// The name of a container, with a slash in front of it.
    pub name: String,
    /// The first process of a running container, in the engine's own namespace.
    pub process: Option<NonZeroU32>,
}

/// Why there is no description.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotDescribed {
    /// There is no such object.
    #[error("there is no such object")]
    Absent,
    /// The engine refuses the name, for example because it is the beginning of several IDs.
    #[error("the engine does not accept the name")]
    Refused,
    /// The engine does not answer, or its answer is not a description.
    #[error("the engine does not describe it")]
    Unknown,
}

/// Asks one engine about objects, over connections that wait for the next question.
pub struct Objects {
    kind: EngineKind,
    address: EngineAddress,
    client: Client<Connector, Full<Bytes>>,
}

/// Descriptions of all kinds have these fields in common.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Description {
    id: String,
    #[serde(rename = "ID")]
    other_id: String,
    name: String,
    labels: Option<HashMap<String, String>>,
    config: Option<Labelled>,
    spec: Option<Labelled>,
    image: serde_json::Value,
    #[serde(rename = "ContainerID")]
    container: String,
    #[serde(rename = "ServiceID")]
    service: String,
    state: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Labelled {
    labels: Option<HashMap<String, String>>,
}

impl Objects {
    /// Asks the engine at an address.
    #[must_use]
    pub fn new(address: &EngineAddress, kind: EngineKind) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.pool_max_idle_per_host(IDLE_CONNECTIONS).pool_timer(TokioTimer::new());
        let client = builder.build(Connector(address.clone()));
        Self { kind, address: address.clone(), client }
    }

    /// Describes the object that a name means.
    ///
    /// # Errors
    /// [`NotDescribed`].
    pub async fn describe(&self, object: &Object) -> Result<Described, NotDescribed> {
        let description = self.description(object).await?;
        // What runs in something has the owner of that.
        let (kind, within) = match object.kind {
            ObjectKind::Exec => (ObjectKind::Container, &description.container),
            ObjectKind::Task => (ObjectKind::Service, &description.service),
            kind => return described(kind, description),
        };
        if within.is_empty() {
            return Err(NotDescribed::Unknown);
        }
        let around = Object::new(kind, within.clone());
        let around = described(kind, self.description(&around).await?)?;
        Ok(Described { id: id_of(object.kind, &description)?, ..around })
    }

    /// Makes a volume and describes it, or describes the one that has the name already.
    ///
    /// # Errors
    /// [`NotDescribed`].
    pub async fn make_volume(&self, body: Vec<u8>) -> Result<Described, NotDescribed> {
        let answer = self.send(Method::POST, "/volumes/create", body.into()).await?;
        described(ObjectKind::Volume, answer)
    }

    /// The IDs of containers or networks that begin with some digits.
    ///
    /// # Errors
    /// [`NotDescribed`]; also for objects of other kinds, which have no such list.
    pub async fn with_id(
        &self,
        kind: ObjectKind,
        digits: &str,
    ) -> Result<Vec<String>, NotDescribed> {
        let list = match kind {
            ObjectKind::Container => "/containers/json?all=1&",
            ObjectKind::Network => "/networks?",
            _ => return Err(NotDescribed::Unknown),
        };
        let filters = serde_json::json!({ "id": [digits] }).to_string();
        let target = format!("{list}filters={}", encode_segment(&filters));
        let found: Vec<Description> = self.send(Method::GET, &target, Bytes::new()).await?;
        Ok(found.into_iter().map(|one| one.id).filter(|id| id.starts_with(digits)).collect())
    }

    async fn description(&self, object: &Object) -> Result<Description, NotDescribed> {
        let target = object.kind.described_at(self.kind, &object.name);
        self.send(Method::GET, &target, Bytes::new()).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<T, NotDescribed> {
        let exchange = async {
            let response = self.request(method, target, body).await.ok()?;
            let status = response.status();
            Some((status, ask::body(response, LONGEST_DESCRIPTION).await?))
        };
        let answer = tokio::time::timeout(PATIENCE, exchange).await.ok().flatten();
        let (status, body) = answer.ok_or(NotDescribed::Unknown)?;
        match status {
            status if status.is_success() => {
                serde_json::from_slice(&body).map_err(|_| NotDescribed::Unknown)
            }
            StatusCode::NOT_FOUND => Err(NotDescribed::Absent),
            status if status.is_client_error() => Err(NotDescribed::Refused),
            _ => Err(NotDescribed::Unknown),
        }
    }

    async fn request(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Error> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri(&self.address, target);
        let json = hyper::header::HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        self.client.request(request).await
    }
}

fn described(kind: ObjectKind, description: Description) -> Result<Described, NotDescribed> {
    let id = id_of(kind, &description)?;
    let Description { labels, config, spec, image, name, state, .. } = description;
    let labelled = config.or(spec).and_then(|labelled| labelled.labels);
    let labels = labels.or(labelled).unwrap_or_default();
    if kind != ObjectKind::Container {
        return Ok(Described { id, labels, ..Described::default() });
    }
    let image = image.as_str().map(str::to_owned);
    // Zero if the container does not run.
    let process = state.as_ref().and_then(|state| state.get("Pid")?.as_u64());
    let process = process.and_then(|process| NonZeroU32::new(process.try_into().ok()?));
    Ok(Described { id, labels, image, name, process })
}

/// What the engine calls an object for good.
fn id_of(kind: ObjectKind, description: &Description) -> Result<String, NotDescribed> {
    let Description { id, other_id, name, .. } = description;
    let named = if kind == ObjectKind::Volume { [name, name] } else { [id, other_id] };
    let id = named.into_iter().find(|id| !id.is_empty());
    id.cloned().ok_or(NotDescribed::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ObjectKind, text: &str) -> Result<Described, NotDescribed> {
        described(kind, serde_json::from_str(text).unwrap())
    }

    #[test]
    fn each_kind_has_its_labels_elsewhere() {
        let labels = HashMap::from([("a".to_owned(), "b".to_owned())]);
        for (kind, text, id, image) in [
            (
                ObjectKind::Container,
                r#"{"Id":"1","Name":"/web","State":{"Pid":7},"Image":"sha256:2","Config":{"Image":"x","Labels":{"a":"b"}}}"#,
                "1",
                Some("sha256:2"),
            ),
            (ObjectKind::Network, r#"{"Name":"n","Id":"1","Labels":{"a":"b"}}"#, "1", None),
            (ObjectKind::Volume, r#"{"Name":"n","Labels":{"a":"b"}}"#, "n", None),
            (
                ObjectKind::Image,
                r#"{"Id":"sha256:1","Config":{"Labels":{"a":"b"}}}"#,
                "sha256:1",
                None,
            ),
            (
                ObjectKind::Service,
                r#"{"ID":"1","Spec":{"Name":"n","Labels":{"a":"b"}}}"#,
                "1",
                None,
            ),
            (ObjectKind::Pod, r#"{"Id":"1","Name":"n","Labels":{"a":"b"}}"#, "1", None),
        ] {
            let expected = Described {
                id: id.to_owned(),
                labels: labels.clone(),
                image: image.map(str::to_owned),
                name: image.map(|_| "/web".to_owned()).unwrap_or_default(),
                process: image.and(NonZeroU32::new(7)),
            };
            assert_eq!(of(kind, text), Ok(expected), "{kind}");
        }
        assert_eq!(
            of(ObjectKind::Volume, r#"{"Name":"n","Labels":null}"#).unwrap().labels,
            HashMap::new()
        );
        assert_eq!(of(ObjectKind::Container, r#"{"Name":"n"}"#), Err(NotDescribed::Unknown));
    }
}
