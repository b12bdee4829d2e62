//! The query of a request, in canonical spelling.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::EngineKind;
use super::encoding::{decode_query, encode};
use super::segments::split_at_byte;
use crate::http1::ByteSet;

/// The bytes that Go's `url.QueryEscape` does not escape; a space becomes `+`.
const PLAIN: ByteSet = ByteSet::alphanumeric_and(b"-._~");

/// The parameters of a request in their original order, including repeated ones.
///
/// Values are bytes, because a path in a container (`docker cp`) need not be UTF-8.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Query<'a> {
    /// The canonical spelling.
    text: &'a str,
}

/// Why a query has no canonical form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The query has a `;`, which the engine answers with 400 and at which older servers split the
    /// query (docs/engine-api.md#query-strings).
    #[error("a \";\" in the query")]
    Semicolon,
    /// The query has a `%` without two hexadecimal digits.
    #[error("a bad percent escape in the query")]
    BadEscape,
    /// The name of a parameter is empty or not plain text.
    #[error("a query parameter whose name is empty or not plain text")]
    BadKey,
}

/// Returns the canonical spelling of the part after the `?`.
///
/// # Errors
/// [`QueryError`], if the engine or a server in between could read the text in two ways.
pub(super) fn canonical(text: &str) -> Result<Cow<'_, str>, QueryError> {
    if is_canonical(text) {
        return Ok(text.into());
    }
    if text.contains(';') {
        return Err(QueryError::Semicolon);
    }
    // Missing escapes make it longer; most queries need few.
    let mut rendered = String::with_capacity(text.len() + 16);
    let mut decoded = Vec::with_capacity(text.len());
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = split_at_byte(pair, b'=').unwrap_or((pair, ""));
        decode_query(key, &mut decoded).map_err(|_| QueryError::BadEscape)?;
        let key = std::str::from_utf8(&decoded).map_err(|_| QueryError::BadKey)?;
        if key.is_empty() || key.chars().any(char::is_control) {
            return Err(QueryError::BadKey);
        }
        if !rendered.is_empty() {
            rendered.push('&');
        }
        render(&decoded, &mut rendered);
        rendered.push('=');
        decode_query(value, &mut decoded).map_err(|_| QueryError::BadEscape)?;
        render(&decoded, &mut rendered);
    }
    Ok(rendered.into())
}

/// Whether a query is in canonical spelling. Returns false for some that are, namely if a name has
/// escapes; those are rendered again unnecessarily.
fn is_canonical(text: &str) -> bool {
    // The length of the current name so far, and whether the name has ended.
    let (mut name, mut in_value) = (0, false);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            _ if PLAIN.has(byte) || byte == b'+' => name += 1,
            b'=' if name > 0 && !in_value => in_value = true,
            b'&' if in_value => (name, in_value) = (0, false),
            b'%' if in_value => {
                let escaped = escaped(bytes.next(), bytes.next());
                if escaped.is_none_or(|byte| PLAIN.has(byte) || byte == b' ') {
                    return false;
                }
            }
            _ => return false,
        }
    }
    in_value || text.is_empty()
}

/// The byte for two hexadecimal digits in canonical spelling.
fn escaped(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(high?)? << 4 | digit(low?)?)
}

/// Appends a name or a value in canonical spelling.
fn render(part: &[u8], rendered: &mut String) {
    for (place, word) in part.split(|byte| *byte == b' ').enumerate() {
        if place > 0 {
            rendered.push('+');
        }
        encode(word, |byte| PLAIN.has(byte), rendered);
    }
}

impl<'a> Query<'a> {
    /// Wraps a text that comes from [`canonical`].
    pub(super) fn of_canonical(text: &'a str) -> Self {
        Self { text }
    }

    /// The canonical spelling.
    pub(super) fn as_str(self) -> &'a str {
        self.text
    }

    /// The names and values, in order.
    pub fn pairs(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, [u8]>)> {
        self.text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = match decoded(key) {
                Cow::Borrowed(_) => key.into(),
                // A canonical name is UTF-8, so this loses nothing.
                Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
            };
            (key, decoded(value))
        })
    }

    /// The name that a request gives to what it creates or renames. If there are several, Go's `Form.Get`
    /// takes the first and gorilla's form decoder, in podman, takes the last.
    #[must_use]
    pub fn name(self, engine: EngineKind) -> Option<String> {
        let mut named = self.pairs().filter(|(key, _)| key == "name");
        let (_, name) = match engine {
            EngineKind::Docker => named.next()?,
            EngineKind::Podman => named.last()?,
        };
        let name = String::from_utf8_lossy(&name).trim_start_matches('/').to_owned();
        (!name.is_empty()).then_some(name)
    }

    /// The canonical spelling of the query without the parameters that have one of the names in `without`,
    /// in any case, and with those in `added` at its end.
    #[must_use]
    pub fn with(self, without: &[&str], added: &[(&str, String)]) -> String {
        let mut rendered = String::with_capacity(self.text.len() + 64);
        let mut push = |key: &str, value: &[u8]| {
            if !rendered.is_empty() {
                rendered.push('&');
            }
            render(key.as_bytes(), &mut rendered);
            rendered.push('=');
            render(value, &mut rendered);
        };
        for (key, value) in self.pairs() {
            if !without.iter().any(|name| name.eq_ignore_ascii_case(&key)) {
                push(&key, &value);
            }
        }
        added.iter().for_each(|(key, value)| push(key, value.as_bytes()));
        rendered
    }

    /// Whether there are no parameters.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.text.is_empty()
    }
}

/// Decodes a part of a canonical query.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('+') {
        return percent_decode_str(text).into();
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).collect::<Vec<u8>>().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(text: &str) -> Result<String, QueryError> {
        canonical(text).map(Cow::into_owned)
    }

    #[test]
    fn one_spelling_comes_out() {
        assert_eq!(rendered("all=1&from%49mage=a%2Fb"), Ok("all=1&fromImage=a%2Fb".into()));
        assert_eq!(rendered("a=x+y&a=x%20y&flag&&b=1=2"), Ok("a=x+y&a=x+y&flag=&b=1%3D2".into()));
        assert_eq!(rendered("path=%E9%0A"), Ok("path=%E9%0A".into()));
        assert_eq!(rendered("a=1%2B1"), Ok("a=1%2B1".into()));
        assert_eq!(rendered(""), Ok(String::new()));
    }

    #[test]
    fn ambiguous_queries_are_refused() {
        assert_eq!(rendered("a=1;b=2"), Err(QueryError::Semicolon));
        assert_eq!(rendered("a=%"), Err(QueryError::BadEscape));
        assert_eq!(rendered("=x"), Err(QueryError::BadKey));
        assert_eq!(rendered("a%00=x"), Err(QueryError::BadKey));
        assert_eq!(rendered("%ff=x"), Err(QueryError::BadKey));
    }

    #[test]
    fn names_and_values_are_decoded() {
        let text = canonical("a%20b=x+y%2B&all=1&p=%E9&flag").unwrap();
        let pairs: Vec<_> = Query::of_canonical(&text).pairs().collect();
        let expected: [(&str, &[u8]); 4] =
            [("a b", b"x y+"), ("all", b"1"), ("p", b"\xe9"), ("flag", b"")];
        assert_eq!(pairs, expected.map(|(key, value)| (key.into(), value.into())));
    }

    proptest! {
        #[test]
        fn a_query_that_is_not_rendered_again_would_be_the_same(
            pairs in prop::collection::vec("[a-c%+.;]{0,3}(=([a-c+.=]|%[246][0-9A-Fa-f]|%.){0,3})?", 0..3),
        ) {
            let text = pairs.join("&");
            // An escaped name at the end forces the query to be rendered again.
            let longer = format!("{text}&%78=");
            let spelled_again = canonical(&longer);
            if is_canonical(&text) {
                let front = if text.is_empty() { String::new() } else { format!("{text}&") };
                prop_assert_eq!(spelled_again, Ok(format!("{front}x=").into()));
            } else if let Ok(spelled) = canonical(&text) {
                prop_assert_ne!(&spelled, &text);
                prop_assert!(is_canonical(&spelled), "{}", spelled);
            }
        }
    }
}
