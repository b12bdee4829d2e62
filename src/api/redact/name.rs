//! Names, references, URLs and other texts.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::words::HIDDEN;

/// The number of times that a text is decoded before only its length is shown.
const MOST_ESCAPES: usize = 4;

/// A name, a reference, a URL or another text, without user information and without anything after
/// a `?`, `#`, `;`, `&` or `=`, which never occur in a name. A text of more than `longest` bytes is
/// cut.
#[must_use]
pub fn redacted_name(text: &str, longest: usize) -> Cow<'_, str> {
    redacted(text, longest, Kind::Whole)
}

pub(super) fn redacted(text: &str, longest: usize, kind: Kind) -> Cow<'_, str> {
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

/// The kind of a text, which decides what an `@` in it means.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Kind {
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
pub(super) fn user(text: &str, kind: Kind) -> Option<(usize, usize)> {
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
pub(super) fn unescaped(text: &str) -> Option<Cow<'_, str>> {
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
