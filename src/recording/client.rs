//! What a recording says about a client besides its peer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::peer::{Client, ComposeService, Container};
use crate::text::printable;

/// Where a client runs, and what its certificate says, as far as it was found out.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct RecordedClient<'a> {
    /// The container, as its engine confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<RecordedContainer<'a>>,
    /// The service of systemd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Cow<'a, str>>,
    /// The names in its certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate: Vec<Cow<'a, str>>,
}

/// A container.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RecordedContainer<'a> {
    /// Its full ID.
    pub id: Cow<'a, str>,
    /// Its name at that time.
    pub name: Cow<'a, str>,
    /// The project and the service of Compose, with a slash between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Cow<'a, str>>,
}

impl<'a> RecordedClient<'a> {
    /// What is known of a client besides its peer; `None` if that is nothing.
    pub(super) fn of(client: &'a Client) -> Option<Self> {
        let container = client.container.as_ref().map(|container| {
            let Container { id, name, service } = container;
            let service = service.as_ref().map(|ComposeService { project, service }| {
                Cow::Owned(format!("{}/{}", printable(project), printable(service)))
            });
            RecordedContainer { id: id.as_str().into(), name: printable(name).into(), service }
        });
        let unit = client.unit.as_ref().map(|unit| Cow::Owned(unit.to_string()));
        let certificate = client.certificate.iter().map(|name| printable(name).into()).collect();
        let recorded = Self { container, unit, certificate };
        (recorded != Self::default()).then_some(recorded)
    }

    /// What people call it: the service of Compose, the container, the unit or the certificate.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let container = self.container.as_ref();
        let named = container.map(|one| format!("container {}", one.name));
        let unit = || self.unit.as_ref().map(|unit| format!("unit {unit}"));
        let certificate = || self.certificate.first().map(|name| format!("certificate {name}"));
        named.or_else(unit).or_else(certificate)
    }

    /// The same with texts of its own.
    pub(super) fn into_owned(self) -> RecordedClient<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        RecordedClient {
            container: self.container.map(|RecordedContainer { id, name, service }| {
                RecordedContainer { id: own(id), name: own(name), service: service.map(own) }
            }),
            unit: self.unit.map(own),
            certificate: self.certificate.into_iter().map(own).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::{ContainerId, Peer, Place};

    #[test]
    fn a_client_is_read_as_it_was_written() {
        let id = "a".repeat(64);
        let container = Container {
            id: ContainerId::parse(&id).unwrap(),
            name: "web\u{1b}".to_owned(),
            service: Some(ComposeService {
                project: "shop".to_owned(),
                service: "front".to_owned(),
            }),
        };
        let of = |client: &Client| RecordedClient::of(client).map(RecordedClient::into_owned);
        assert_eq!(of(&Client::of(Peer::Unknown)), None);
        let place = Place::parse("0::/system.slice/traefik.service").unwrap();
        for (client, text, name) in [
            (
                Client { container: Some(container), ..Client::default() },
                format!(
                    r#"{{"container":{{"id":"{id}","name":"web\\u{{1b}}","service":"shop/front"}}}}"#
                ),
                "container web\\u{1b}",
            ),
            (
                Client { unit: place.unit, ..Client::default() },
                r#"{"unit":"traefik.service"}"#.to_owned(),
                "unit traefik.service",
            ),
            (
                Client { certificate: vec!["ci.example".to_owned()], ..Client::default() },
                r#"{"certificate":["ci.example"]}"#.to_owned(),
                "certificate ci.example",
            ),
        ] {
            let recorded = of(&client).unwrap();
            assert_eq!(serde_json::to_string(&recorded).unwrap(), text);
            assert_eq!(serde_json::from_str::<RecordedClient<'_>>(&text).unwrap(), recorded);
            assert_eq!(recorded.name().unwrap(), name);
        }
    }
}
