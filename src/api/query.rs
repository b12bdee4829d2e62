//! The query of a request, in one spelling.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::encoding::decode;

/// What is escaped in a query, as Go's `url.QueryEscape` does it; a space becomes `+`.
const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b' ');

/// The parameters of a request in the order in which they came, repeated ones included.
///
/// Values are bytes, because a path inside a container (`docker cp`) need not be UTF-8.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Query {
    pairs: Vec<(String, Vec<u8>)>,
}

/// Why a query has no canonical form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The engine answers 400 to a `;`, and older servers split at it (ENGINE_API 2.2).
    #[error("a \";\" in the query")]
    Semicolon,
    /// A `%` without two hexadecimal digits.
    #[error("a bad percent escape in the query")]
    BadEscape,
    /// A parameter without a name, or one that is not plain text.
    #[error("a query parameter whose name is empty or not plain text")]
    BadKey,
}

impl Query {
    /// Parses what stands behind the `?`.
    ///
    /// # Errors
    /// [`QueryError`], when the engine or a server between could read the text in two ways.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.contains(';') {
            return Err(QueryError::Semicolon);
        }
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded =
                |text: &str| decode(&text.replace('+', " ")).map_err(|_| QueryError::BadEscape);
            let key = String::from_utf8(decoded(key)?).map_err(|_| QueryError::BadKey)?;
            if key.is_empty() || key.chars().any(char::is_control) {
                return Err(QueryError::BadKey);
            }
            pairs.push((key, decoded(value)?));
        }
        Ok(Self { pairs })
    }

    /// The names and values, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// Whether there is no parameter at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The canonical spelling, without a `?`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (key, value) in self.pairs() {
            if !text.is_empty() {
                text.push('&');
            }
            for (part, end) in [(key.as_bytes(), "="), (value, "")] {
                // Only the spaces that the set leaves alone are still spaces, so this is exact.
                text.push_str(&percent_encode(part, QUERY).to_string().replace(' ', "+"));
                text.push_str(end);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, QueryError> {
        Query::parse(text).map(|query| query.render())
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
    fn what_two_readers_could_read_differently_is_refused() {
        assert_eq!(rendered("a=1;b=2"), Err(QueryError::Semicolon));
        assert_eq!(rendered("a=%"), Err(QueryError::BadEscape));
        assert_eq!(rendered("=x"), Err(QueryError::BadKey));
        assert_eq!(rendered("a%00=x"), Err(QueryError::BadKey));
        assert_eq!(rendered("%ff=x"), Err(QueryError::BadKey));
    }
}
