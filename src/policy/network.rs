//! Decides on the network to which a container is connected. Docker Engine prefers the network in
//! the body to the one in the path (docs/engine-api.md#body-of-a-network-connection), so a rule for
//! some networks depends on the body.

use super::{Body, Missing};
use crate::contents::{NetworkConnect, Unreadable};

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
        body: Body<'_>,
        path: Option<&str>,
        is_allowed: impl FnOnce(&str) -> bool,
    ) -> Self {
        let body = match body {
            Body::Absent => return Self::Allowed(None),
            Body::Unread => return Self::Unread,
            Body::Missing(why) => return Self::Missing(why),
            Body::Whole(body) => match NetworkConnect::read(body) {
                Ok(body) => body,
                Err(why) => return Self::Unreadable(why),
            },
        };
        match body.network() {
            // Clients copy the ID from the description of the network that they name in the path.
            // Only the engine knows whether it is that one, so the path decides.
            Some(network) if is_full_id(network) => {
                Self::Allowed(Some(body.without_network().to_bytes()))
            }
            Some(network) if path == Some(network) => Self::Allowed(Some(body.to_bytes())),
            Some(network) if !is_plain_name(network) => Self::Unreadable(Unreadable::Type {
                field: "EndpointConfig.NetworkID".to_owned(),
                expected: "a plain name",
            }),
            // An engine also takes the beginning of an ID, of any network.
            Some(network) if is_hex(network) || !is_allowed(network) => {
                Self::Other(network.to_owned())
            }
            Some(_) | None => Self::Allowed(Some(body.to_bytes())),
        }
    }
}

/// Whether a text is a full ID, as engines write it.
fn is_full_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
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

    fn connection(body: &str) -> Connection {
        Connection::of(Body::Whole(body.as_bytes()), Some("own/x"), |network| network == "own")
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
        let of = |network: &str, path| {
            let body = format!("{{\"EndpointConfig\":{{\"NetworkID\":\"{network}\"}}}}");
            Connection::of(Body::Whole(body.as_bytes()), path, |_| true)
        };
        assert_eq!(of("cafe", Some("own")), Connection::Other("cafe".to_owned()));
        assert!(matches!(of("cafe", Some("cafe")), Connection::Allowed(_)));
        for odd in ["%6fwn", "own?x", "own#", "..", "../x", "a/b", "\u{e9}", &"t".repeat(256)] {
            assert!(matches!(of(odd, Some("own")), Connection::Unreadable(_)), "{odd}");
            assert!(matches!(of(odd, Some(odd)), Connection::Allowed(_)), "{odd}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_allowed() {
        let of = |body| Connection::of(body, None, |_| true);
        assert_eq!(of(Body::Absent), Connection::Allowed(None));
        assert_eq!(of(Body::Unread), Connection::Unread);
        assert_eq!(of(Body::Missing(Missing::CutOff)), Connection::Missing(Missing::CutOff));
        assert_eq!(of(Body::Whole(b"")), Connection::Unreadable(Unreadable::Syntax));
    }
}
