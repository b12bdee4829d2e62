//! Removes secrets from requests before they appear in a recording, the log, a message or a report.
//!
//! Clients put credentials in places where none belong: in the user information of a URL or an
//! image reference, after an escaped `?` in a path, or, with a wrong length, in the body. The
//! results of this module contain none of them. If a text could be anything, only its length is
//! shown.

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

use super::words::{self, HIDDEN, Words};
use super::{CanonicalRequest, Located, encode_segment};

/// The methods of HTTP (the registry of RFC 9110 section 18.2), including those of `WebDAV`.
const METHODS: &[&str] = &[
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// The number of times that a text is decoded before only its length is shown.
const MOST_ESCAPES: usize = 4;

/// The method in its own spelling or in lowercase letters, if HTTP has it.
#[must_use]
pub fn told_method(method: &str) -> Cow<'_, str> {
    if method.is_empty() || is_method(method) || is_length(method) {
        return method.into();
    }
    length(method.len()).into()
}

/// Whether HTTP has a method with this name, ignoring case.
#[must_use]
pub fn is_method(text: &str) -> bool {
    METHODS.iter().any(|method| method.eq_ignore_ascii_case(text))
}

/// The path of a target, with its version: as received if nothing in it is hidden, otherwise
/// rendered from the parsed request. Hiding never turns it into another operation. If the target is
/// not a path, only its length is shown. Names are cut after `longest` bytes. In a path that no
/// operation has, the meaning of a segment is unknown, so a segment is shown only if it is a word.
#[must_use]
pub fn told_path<'a>(
    target: &'a str,
    request: Option<&CanonicalRequest>,
    located: Option<&Located>,
    longest: usize,
) -> Cow<'a, str> {
    let raw = beginning(target);
    let has_words_only = || words::of(request).are_all_of(raw);
    if is_harmless(raw) && raw.len() <= longest && (located.is_some() || has_words_only()) {
        return raw.into();
    }
    match request {
        Some(request) => {
            let safe = match understood(request, located, longest) {
                Some(safe) => safe,
                None if raw.starts_with('/') => return raw.into(),
                None => request.path().to_owned(),
            };
            match request.version() {
                Some(version) => format!("/v{version}{safe}").into(),
                None => safe.into(),
            }
        }
        None => unread(raw, longest),
    }
}

/// The path of a request without its version, redacted like [`told_path`].
#[must_use]
pub fn told_canonical<'a>(
    request: &'a CanonicalRequest,
    located: Option<&Located>,
    longest: usize,
) -> Cow<'a, str> {
    let path = request.path();
    let has_words_only = || words::of(Some(request)).are_all_of(path);
    if is_harmless(path) && path.len() <= longest && (located.is_some() || has_words_only()) {
        return path.into();
    }
    understood(request, located, longest).map_or_else(|| path.into(), Cow::Owned)
}

/// A name, a reference, a URL or another text, without user information and without anything after
/// a `?`, `#`, `;`, `&` or `=`, which never occur in a name. A text of more than `longest` bytes is
/// cut.
#[must_use]
pub fn told_name(text: &str, longest: usize) -> Cow<'_, str> {
    told(text, longest, Kind::Whole)
}

fn told(text: &str, longest: usize, kind: Kind) -> Cow<'_, str> {
    let safe = match without_user_of(text, kind) {
        Cow::Borrowed(text) => without_end(text).map_or(text.into(), Cow::Owned),
        Cow::Owned(text) => without_end(&text).unwrap_or(text).into(),
    };
    shortened(safe, longest)
}

/// A text without user information, however often that is escaped.
#[must_use]
pub fn without_user(text: &str) -> Cow<'_, str> {
    without_user_of(text, Kind::Whole)
}

fn without_user_of(text: &str, kind: Kind) -> Cow<'_, str> {
    if !text.contains(['@', '%']) {
        return text.into();
    }
    let Some(meant) = unescaped(text) else { return length(text.len()).into() };
    match user(&meant, kind) {
        Some((start, end)) => {
            let (front, rest) = (meant.get(..start), meant.get(end..));
            [front.unwrap_or_default(), HIDDEN, rest.unwrap_or_default()].concat().into()
        }
        None => text.into(),
    }
}

/// The length of a text, as a replacement for it.
#[must_use]
pub fn length(bytes: usize) -> String {
    format!("[{bytes} bytes]")
}

/// Whether a text is the result of [`length`].
#[must_use]
pub fn is_length(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(" bytes]"));
    inner.is_some_and(|digits| {
        (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether some of the text is hidden or cut, so that no request has it as a name.
#[must_use]
pub fn is_incomplete(text: &str) -> bool {
    text.contains(HIDDEN) || text.ends_with(" bytes more]") || is_length(text)
}

/// The part before a `?` or a `#`.
fn beginning(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

/// Whether a path has none of the characters that can precede or follow a secret.
fn is_harmless(path: &str) -> bool {
    let ends = |byte: u8| matches!(byte, b'@' | b'%' | b';' | b'=' | b'&' | b'?' | b'#');
    path.starts_with('/') && !path.bytes().any(ends)
}

/// The path of a parsed request, if something in it is hidden.
fn understood(
    request: &CanonicalRequest,
    located: Option<&Located>,
    longest: usize,
) -> Option<String> {
    let Some(located) = located else {
        let told = segments(request.meant(), words::of(Some(request)), longest)?;
        let mut path = String::new();
        for segment in told {
            let _ = write!(path, "/{}", spelled(&segment));
        }
        return Some(path);
    };
    let told: Vec<_> = located.values.iter().map(|value| told_name(value, longest)).collect();
    if told.iter().zip(&located.values).all(|(told, value)| told == value) {
        return None;
    }
    let spelled = |place| {
        let value = told.get(place).map_or(HIDDEN, |value: &Cow<'_, str>| value);
        value.split('/').map(spelled).collect::<Vec<_>>().join("/").into()
    };
    Some(located.operation.template.fill(spelled))
}

/// A path that is ambiguous or unknown to dsp. The result is never an operation.
fn unread(raw: &str, longest: usize) -> Cow<'_, str> {
    let meant = unescaped(raw);
    let path = meant.as_deref().filter(|path| path.starts_with('/') && raw.starts_with('/'));
    match path.map(|path| segments(path, words::of(None), longest)) {
        Some(None) => raw.into(),
        Some(Some(told)) => format!("/{}", told.join("/")).into(),
        None if raw.is_empty() || is_length(raw) => raw.into(),
        None => length(raw.len()).into(),
    }
}

/// The segments of a decoded path, if one of them must be hidden. Their number stays the same, and
/// none of the results is a word of the API.
fn segments(path: &str, words: Words, longest: usize) -> Option<Vec<String>> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let named = |segment: &&str| user(segment, Kind::Segment).is_some();
    let last = segments.iter().rposition(named);
    // A password may contain a slash.
    let first = last.map(|last| {
        segments.iter().take(last).position(|segment| segment.contains(':')).unwrap_or(last)
    });
    let mut has_changed = false;
    let told = segments.iter().enumerate().map(|(place, segment)| {
        let is_user = first.is_some_and(|first| place >= first) && last > Some(place);
        let told = if is_user { HIDDEN.into() } else { told(segment, longest, Kind::Segment) };
        let told = if words.has_told(&told) { told } else { HIDDEN.into() };
        has_changed |= told != *segment;
        told.into_owned()
    });
    let told = told.collect();
    has_changed.then_some(told)
}

/// The kind of a text, which decides what an `@` in it means.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    /// A name, a reference, a URL or another text as a whole.
    Whole,
    /// A segment of a path with an unknown meaning.
    Segment,
}

/// The suffixes of the units from which podman creates containers (`podman-systemd.unit(5)`), and
/// of those with which systemd starts them.
const UNITS: [&str; 9] = [
    ".artifact",
    ".build",
    ".container",
    ".image",
    ".kube",
    ".network",
    ".pod",
    ".service",
    ".volume",
];

/// The range of user information, which ends at an `@`, in a place where an authority can be. There
/// is none if a digest follows, or if a name has a single `@` and neither side looks like an
/// address, as in the name of a systemd template such as `web@.container`.
fn user(text: &str, kind: Kind) -> Option<(usize, usize)> {
    let is_digest = |rest: &str| {
        let mut parts = rest.splitn(2, ':');
        let is_known = matches!(parts.next(), Some("sha256" | "sha384" | "sha512"));
        let digits = parts.next().unwrap_or_default();
        is_known && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut places = text.rmatch_indices('@').map(|(place, _)| place);
    let end = places.find(|place| !is_digest(text.get(place + 1..).unwrap_or_default()))?;
    let front = text.get(..end).unwrap_or_default();
    let rest = text.get(end + 1..).unwrap_or_default();
    let is_of_a_unit = UNITS.iter().any(|ending| rest.ends_with(ending));
    let is_one_name = !front.contains(['@', ':', '/']) && !rest.contains([':', '/']);
    if is_one_name && (kind == Kind::Whole || is_of_a_unit) {
        return None;
    }
    let scheme = front
        .find("://")
        .filter(|end| !front.get(..*end).is_some_and(|scheme| scheme.contains('@')));
    Some((scheme.map_or(0, |end| end + 3), end))
}

/// A text up to the first character that no name has, if there is one.
fn without_end(text: &str) -> Option<String> {
    let meant = unescaped(text)?;
    let end = meant.find(['?', '#', ';', '&', '='])?;
    Some([meant.get(..end).unwrap_or_default(), HIDDEN].concat())
}

/// A text with all escapes decoded, including nested ones; `None` if they are nested too deep.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    let mut meant: Cow<'_, str> = text.into();
    for _ in 0..MOST_ESCAPES {
        let decoded = percent_decode_str(&meant).decode_utf8_lossy().into_owned();
        if decoded == meant {
            return Some(meant);
        }
        meant = decoded.into();
    }
    None
}

/// The beginning of a text that is too long.
fn shortened(text: Cow<'_, str>, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest {
        return text;
    }
    let front: String = text.chars().take(longest.saturating_sub(HIDDEN.len()) / 4).collect();
    format!("{front}[and {} bytes more]", text.len() - front.len()).into()
}

/// A redacted segment in canonical spelling, except for the part in brackets.
fn spelled(segment: &str) -> String {
    let encoded = encode_segment(segment);
    encoded.replace("%5Bhidden%5D", HIDDEN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::EngineKind;

    fn told(method: &str, target: &str) -> String {
        let engine =
            if target.contains("libpod") { EngineKind::Podman } else { EngineKind::Docker };
        let request = CanonicalRequest::parse(engine, method, target).ok();
        let located = request.as_ref().and_then(CanonicalRequest::locate);
        told_path(target, request.as_ref(), located.as_ref(), usize::MAX).into_owned()
    }

    #[test]
    fn paths_without_secrets_are_unchanged() {
        assert_eq!(told("GET", "/v1.41/containers/web/json#x"), "/v1.41/containers/[hidden]/json");
        assert_eq!(told("GET", "/v1.41/containers/json#x"), "/v1.41/containers/json");
        for path in [
            "/v1.41/containers/web1/json",
            "/images/app@sha256:0123/json",
            "/images/app%40sha256:0123/json",
            "/images/reg:5000%2Fapp%3A1/json",
            "/v1.41/%63ontainers/json",
            "/v1.41/Containers/web",
            "/v1.41/vendor/some-thing/7",
            "/v1.41/../info",
            "/",
            "//",
        ] {
            assert_eq!(told("GET", path), path);
            assert_eq!(told("GET", &format!("{path}?token=x")), path);
        }
    }

    #[test]
    fn user_information_is_cut() {
        for (target, expected) in [
            ("/images/u:pw@reg/x/json", "/images/[hidden]@reg/x/json"),
            ("/v1.41/images/u:p%40w%2f@reg/x/json", "/v1.41/images/[hidden]@reg/x/json"),
            ("/images/u:pw@reg/x@sha256:01/json", "/images/[hidden]@reg/x@sha256:01/json"),
            ("/images/u%3Apw%40reg/x/json", "/images/[hidden]@reg/x/json"),
            ("/images/https:%2F%2Fu:pw@reg/x/json", "/images/https:%2F%2Fu:pw@reg/x/json"),
            ("/a/u:p/w@reg/x", "/a/[hidden]/[hidden]@reg/x"),
            ("/a/u:p/w@reg:5000/x", "/a/[hidden]/[hidden]/x"),
            ("/v1.41//u:pw@info", "/v1.41//[hidden]@info"),
            ("/v1.41//u:pw@reg", "/v1.41//[hidden]"),
            ("/a%2540info", "/[hidden]@info"),
            (
                "/v4.0.0/libpod/manifests/u:x/registry/u:pw@h",
                "/v4.0.0/libpod/manifests/u:x/registry/u:pw@h",
            ),
        ] {
            if target.contains("https") {
                assert!(!told("GET", target).contains("pw"), "{target}");
            } else if target.contains("registry") {
                let told = told("POST", target);
                assert_eq!(told, "/v4.0.0/libpod/manifests/u:x/registry/[hidden]@h");
            } else {
                assert_eq!(told("GET", target), expected, "{target}");
            }
        }
    }

    #[test]
    fn a_name_with_an_at_sign_stays() {
        let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for name in [
            &format!("busybox@{digest}"),
            &format!("reg:5000/a/busybox@{digest}"),
            "web@.container",
            "web@1.container",
            "web@1.service",
            "net@home",
            "@x",
        ] {
            assert_eq!(told_name(name, usize::MAX), *name);
            assert!(!is_incomplete(&told_name(name, usize::MAX)));
            for path in [format!("/images/{name}/json"), format!("/v1.41/networks/{name}")] {
                if !name.contains('/') || path.contains("images") {
                    assert_eq!(told("GET", &path), path);
                }
            }
        }
        let path = "/v5.0.0/libpod/quadlets/web@.container/file";
        assert_eq!(told("GET", path), path);
        for name in [
            "u:pw@h",
            "pw@h/x",
            "pw@h:5000",
            "https://pw@h",
            "a@pw@h",
            "pw@h/x@sha256:01",
            "u%3Apw%40h",
            "u:pw@.container",
        ] {
            let told = told_name(name, usize::MAX);
            assert!(!told.contains("pw") && is_incomplete(&told), "{name}: {told}");
        }
        // In a path that no operation has, the meaning of a segment is unknown.
        assert_eq!(told("GET", "/nowhere/pw@h"), "/nowhere/[hidden]@h");
        assert!(is_incomplete(&told_name(&"a".repeat(900), 512)));
    }

    #[test]
    fn the_text_after_a_name_is_cut() {
        for (target, expected) in [
            ("/containers/x/json%3Ftoken=pw", "/containers/x/json[hidden]"),
            ("/v1.41/containers/json;token=pw", "/v1.41/containers/json[hidden]"),
            ("/containers;t=pw/json", "/containers[hidden]/json"),
            ("/containers/x%26k=pw/json", "/containers/x[hidden]/json"),
            ("/containers/x%23pw/json", "/containers/x[hidden]/json"),
            ("/info/%253Ftoken=pw", "/info/[hidden]"),
            ("/info%2525253Fpw%25", "[19 bytes]"),
        ] {
            assert!(!told("GET", target).contains("pw"), "{target}");
            if !target.contains("2525") {
                assert_eq!(told("GET", target), expected);
            }
        }
    }

    #[test]
    fn other_targets_are_replaced_by_their_length() {
        assert_eq!(told("GET", "http://u:pw@d/info"), "[18 bytes]");
        assert_eq!(told("CONNECT", "u:pw@d:443"), "[10 bytes]");
        assert_eq!(told("OPTIONS", "*"), "[1 bytes]");
        assert_eq!(told_method("{\"password\":\"x\"}"), "[16 bytes]");
        assert_eq!(told_method("GET"), "GET");
        assert_eq!(told_method("get"), "get");
    }

    #[test]
    fn in_an_unknown_path_only_words_are_shown() {
        for (target, expected) in [
            ("/v1.41/hooks/pw1/run", "/v1.41/hooks/[hidden]/run"),
            ("/v1.41/hooks/aPw/run", "/v1.41/hooks/[hidden]/run"),
            ("/hooks/aaaaaaaaaaaaaaaaaaaaaaaaapw", "/hooks/[hidden]"),
            ("/hooks/1234", "/hooks/[hidden]"),
            ("/hooks/pw%20x", "/hooks/[hidden]"),
            ("/hooks/pw\u{e9}", "/hooks/[hidden]"),
            ("/hooks/%2E%2Epw", "/hooks/[hidden]"),
            // A refused target may be anything, so only the API's own words are shown.
            ("/v1.41/../pw/info", "/v1.41/../[hidden]/info"),
            ("/v1.pw/info", "/[hidden]/info"),
            ("/v123456789/info", "/[hidden]/info"),
            ("/v1.41//pw", "/v1.41//[hidden]"),
            ("/v1.23/containers/pw/json", "/v1.23/containers/[hidden]/json"),
            ("/v1.41/containers\\pw/json", "/v1.41/[hidden]/json"),
            ("/pw%zz", "/[hidden]"),
            ("/pw%2520b", "/[hidden]"),
        ] {
            assert_eq!(told("GET", target), expected, "{target}");
            assert!(is_incomplete(&told("GET", target)));
        }
        assert_eq!(told("PATCH", "/containers/pw/json"), "/containers/[hidden]/json");
    }

    #[test]
    fn long_names_are_cut_within_their_operation() {
        let target = format!("/containers/{}/json", "a".repeat(5000));
        let request = CanonicalRequest::parse(EngineKind::Docker, "GET", &target).unwrap();
        let located = request.locate();
        let told = told_path(&target, Some(&request), located.as_ref(), 100);
        assert!(told.len() < 200 && told.ends_with("%20bytes%20more%5D/json"), "{told}");
    }

    proptest! {
        #[test]
        fn redaction_keeps_the_operation_and_is_idempotent(
            method in "GET|POST|DELETE|PUT|HEAD",
            target in "(/v1\\.41|/v4\\.0\\.0/libpod|/containers|/images|/json|/push|/manifests|/registry\
                       |/networks|/a|/u:p|/pw@h|/x@sha256:0a|%3Fpw|;pw=|@|:|%40|%2F|/%2[0-9]){1,7}(\\?pw)?",
            longest in prop_oneof![Just(usize::MAX), 1..60_usize],
        ) {
            for engine in [EngineKind::Docker, EngineKind::Podman] {
                let request = CanonicalRequest::parse(engine, &method, &target);
                let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
                let told = told_path(&target, request.as_ref().ok(), located.as_ref(), longest);
                let again = CanonicalRequest::parse(engine, &method, &told);
                if let Ok(request) = &request {
                    let again = again.as_ref().map_err(|error| TestCaseError::fail(format!("{told}: {error}")))?;
                    let of = |located: Option<Located>| located.map(|located| located.operation);
                    prop_assert_eq!(of(again.locate()), of(request.locate()), "{}", &told);
                    prop_assert_eq!(again.version(), request.version());
                }
                let located = again.as_ref().ok().and_then(CanonicalRequest::locate);
                let twice = told_path(&told, again.as_ref().ok(), located.as_ref(), usize::MAX);
                prop_assert_eq!(&twice, &told);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*", longest: usize) {
            let _ = told_name(&text, longest);
            let _ = told_path(&text, None, None, longest);
            let _ = told_method(&text);
        }
    }
}
