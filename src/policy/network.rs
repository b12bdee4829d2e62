//! Decides on the network to which a container is connected. Docker Engine prefers the network in
//! the body to the one in the path (docs/engine-api.md#body-of-a-network-connection), so a rule for
//! some networks depends on the body.

use super::{Body, Missing};
use crate::api::{Operation, Query};
use crate::contents::{Context, Facet, Schema, Unreadable};

/// The length limit, in bytes, for a name in a body.
const LONGEST_NAME: usize = 255;

/// What the body of a request means for a decision that only some networks pass.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Connection {
    /// The body has to be read first.
    Unread,
    /// The body names no network, or an allowed one. The engine gets this body; `None` stands for
    /// the client's, which is absent.
    Allowed(Option<Vec<u8>>),
    /// The body names this network, which is not allowed.
    Other(String),
    /// The body cannot be had.
    Missing(Missing),
    /// The body cannot be read in one way.
    Unreadable(Unreadable),
}

impl Connection {
    /// Reads the body of a request whose path names an allowed network.
    pub(super) fn of(
        operation: &Operation,
        body: Body<'_>,
        names: &[String],
        is_allowed: impl FnOnce(&str) -> bool,
    ) -> Self {
        let body = match body {
            Body::Absent => return Self::Allowed(None),
            Body::Unread => return Self::Unread,
            Body::Missing(why) => return Self::Missing(why),
            Body::Whole(body) => body,
        };
        let Some(schema) = Schema::of(operation) else { return Self::Allowed(None) };
        let context = Context { names, ..Context::default() };
        let contents = match schema.read(Query::default(), Some(body), &context) {
            Ok(contents) => contents,
            Err(why) => return Self::Unreadable(why),
        };
        // A value with another word before it is a name or an address in the network.
        let networks = contents.facts.iter().filter(|fact| fact.facet == Facet::Network);
        let mut networks = networks.map(|fact| fact.value.as_str());
        let is_named = |value: &&str| value.starts_with("mode=") || !value.contains('=');
        match networks.find(is_named) {
            Some(network) if !is_plain_name(network) => Self::Unreadable(Unreadable::Value {
                field: "EndpointConfig.NetworkID".to_owned(),
                expected: "a plain name",
            }),
            // An engine also takes the beginning of an ID, of any network.
            Some(network) if is_hex(network) || !is_allowed(network) => {
                Self::Other(network.to_owned())
            }
            Some(_) | None => Self::Allowed(contents.body),
        }
    }
}

/// Whether a text may be the beginning of an ID.
pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a name is spelled in a path as in a body, so that a denial can repeat it.
fn is_plain_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    text.len() <= LONGEST_NAME
        && text.bytes().all(is_plain)
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EngineKind;

    fn of(body: Body<'_>, path: &str, is_allowed: impl FnOnce(&str) -> bool) -> Connection {
        let operation = EngineKind::Docker.catalogue().named("NetworkConnect").unwrap();
        Connection::of(operation, body, &[path.to_owned()], is_allowed)
    }

    fn connection(body: &str) -> Connection {
        of(Body::Whole(body.as_bytes()), "own/x", |network| network == "own")
    }

    fn allowed(body: &str) -> Connection {
        Connection::Allowed(Some(body.as_bytes().to_vec()))
    }

    #[test]
    fn the_network_in_the_body_has_to_be_allowed() {
        let body = r#"{"Container":"c","EndpointConfig":{"NetworkID":"own"}}"#;
        assert_eq!(connection(body), allowed(body));
        let other = body.replace("own", "theirs");
        assert_eq!(connection(&other), Connection::Other("theirs".to_owned()));
        let none = r#"{"Container":"c"}"#;
        assert_eq!(connection(none), allowed(none));
        assert_eq!(connection("{\"Container\": \"c\",\n\"New\":0}"), allowed(none));
    }

    #[test]
    fn with_a_full_id_the_path_decides() {
        let id = "3f".repeat(32);
        let body = format!(r#"{{"Container":"c","EndpointConfig":{{"NetworkID":"{id}"}}}}"#);
        assert_eq!(connection(&body), allowed(r#"{"Container":"c","EndpointConfig":{}}"#));
        for other in [id[..63].to_owned(), "3f".to_owned(), id.to_uppercase(), format!("{id}0")] {
            assert_eq!(connection(&body.replace(&id, &other)), Connection::Other(other));
        }
    }

    /// Even where every name is allowed, the beginning of an ID may be that of a denied network.
    #[test]
    fn names_that_may_be_ids_or_are_spelled_in_two_ways_are_not_allowed() {
        let of = |network: &str, path: &str| {
            let body = format!("{{\"EndpointConfig\":{{\"NetworkID\":\"{network}\"}}}}");
            of(Body::Whole(body.as_bytes()), path, |_| true)
        };
        assert_eq!(of("cafe", "own"), Connection::Other("cafe".to_owned()));
        assert!(matches!(of("cafe", "cafe"), Connection::Allowed(_)));
        for odd in ["%6fwn", "own?x", "own#", "..", "../x", "a/b", "\u{e9}", &"t".repeat(256)] {
            assert!(matches!(of(odd, "own"), Connection::Unreadable(_)), "{odd}");
            assert!(matches!(of(odd, odd), Connection::Allowed(_)), "{odd}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_allowed() {
        let of = |body| of(body, "own", |_| true);
        assert_eq!(of(Body::Absent), Connection::Allowed(None));
        assert_eq!(of(Body::Unread), Connection::Unread);
        assert_eq!(of(Body::Missing(Missing::CutOff)), Connection::Missing(Missing::CutOff));
        assert_eq!(of(Body::Whole(b"")), Connection::Allowed(None));
    }
}
