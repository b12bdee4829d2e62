//! Paths.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::name::{Kind, is_length, length, redacted, redacted_name, unescaped, user};
use super::words::{self, HIDDEN, HIDDEN_IN_PATH, Words};
use crate::api::{CanonicalRequest, Located, encode_segment};

/// The path of a target, with its version: as received if nothing in it is hidden, otherwise
/// rendered from the parsed request. Hiding never turns it into another operation. If the target is
/// not a path, only its length is shown. Names are cut after `longest` bytes. In a path that no
/// operation has, the meaning of a segment is unknown, so a segment is shown only if it is a word.
#[must_use]
pub fn redacted_path<'a>(
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

/// The path of a request without its version, redacted like [`redacted_path`].
#[must_use]
pub fn redacted_canonical<'a>(
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
        let shown = segments(request.meant(), words::of(Some(request)), longest)?;
        let mut path = String::new();
        for segment in shown {
            let _ = write!(path, "/{}", spelled(&segment));
        }
        return Some(path);
    };
    let shown: Vec<_> = located.values.iter().map(|value| redacted_name(value, longest)).collect();
    if shown.iter().zip(&located.values).all(|(shown, value)| shown == value) {
        return None;
    }
    let spelled = |place| {
        let value = shown.get(place).map_or(HIDDEN, |value: &Cow<'_, str>| value);
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
        Some(Some(shown)) => format!("/{}", shown.join("/")).into(),
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
    let shown = segments.iter().enumerate().map(|(place, segment)| {
        let is_user = first.is_some_and(|first| place >= first) && last > Some(place);
        let shown = if is_user { HIDDEN.into() } else { redacted(segment, longest, Kind::Segment) };
        let shown = if words.has_redacted(&shown) { shown } else { HIDDEN.into() };
        has_changed |= shown != *segment;
        shown.into_owned()
    });
    let shown = shown.collect();
    has_changed.then_some(shown)
}

/// A redacted segment in canonical spelling, except for the part in brackets.
fn spelled(segment: &str) -> String {
    encode_segment(segment).replace(HIDDEN_IN_PATH, HIDDEN)
}
