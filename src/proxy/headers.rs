//! Which headers stay on one connection (RFC 9110 section 7.6.1).

use hyper::HeaderMap;
use hyper::header::{CONNECTION, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};

/// Headers that are about one connection, whatever `Connection` says.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authorization"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes what is about one connection only: the usual headers and those that `Connection` names.
/// The length of a body is set anew by the connection that sends it.
///
/// For an upgrade, what belongs to it stays in its place.
///
/// What frames or identifies a message stays even when `Connection` names it, so that a client
/// cannot have it taken off (ENGINE_API 2.8, 17).
pub(super) fn strip(headers: &mut HeaderMap, is_upgrade: bool) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse::<HeaderName>().ok())
        .filter(|name| !KEPT.contains(&name.as_str()))
        .collect();
    // Trailers are passed on, so the wish for them is as well.
    let wants_trailers = |name: &HeaderName, value: &HeaderValue| {
        name == TE && value.as_bytes().eq_ignore_ascii_case(b"trailers")
    };
    let of_upgrade = |name: &HeaderName| is_upgrade && (name == UPGRADE || name == CONNECTION);
    let dropped = |name: &HeaderName| {
        (HOP_BY_HOP.contains(name) || named.contains(name)) && !of_upgrade(name)
    };
    if is_upgrade {
        // In the place of whatever else it named.
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    if !headers.keys().any(dropped) {
        return;
    }
    // Taking single headers out would move the last one into the gap; clients and the engine see
    // the order that was sent.
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter() {
        if !dropped(name) || wants_trailers(name, value) {
            kept.append(name, value.clone());
        }
    }
    *headers = kept;
}

/// Headers that `Connection` cannot take off.
const KEPT: [&str; 6] = [
    "authorization",
    "content-length",
    "content-type",
    "host",
    "x-registry-auth",
    "x-registry-config",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_names_is_removed_unless_it_frames_or_identifies() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "Upgrade, X-Hop"),
            ("connection", "host"),
            ("upgrade", "tcp"),
            ("x-hop", "1"),
            ("host", "docker"),
            ("x-kept", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let mut upgrade = headers.clone();
        strip(&mut upgrade, true);
        let kept: Vec<&str> = upgrade.keys().map(HeaderName::as_str).collect();
        assert_eq!(kept, ["connection", "upgrade", "host", "x-kept", "te"]);
        assert_eq!(upgrade.get_all(CONNECTION).iter().collect::<Vec<_>>(), ["Upgrade"]);
        strip(&mut headers, false);
        let left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["host", "x-kept", "te"]);
    }
}
