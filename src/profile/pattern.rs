//! What a rule says about one parameter: anything, one name, or a glob.

use std::fmt;

use crate::api::{decode_name, encode_segment};

/// A pattern for the value of one parameter.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Pattern {
    /// `*`: any value.
    Any,
    /// A literal: exactly this value.
    Exact(String),
    /// A text with `*` in it.
    Glob(Glob),
}

/// A text in which each `*` stands for any run of characters, also none. The value of a parameter
/// that spans segments may hold slashes, and `*` covers them, as the API itself does.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Glob {
    /// The texts around the stars; at least two.
    pieces: Vec<String>,
}

impl Pattern {
    /// Parses a rule's spelling: percent escapes are decoded, and `%2A` is a star that is meant
    /// literally. `None` for a bad escape, an empty text or one that no canonical value has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let pieces: Vec<String> = text.split('*').map(decode_name).collect::<Option<_>>()?;
        let strange = |piece: &String| {
            piece.chars().any(|character| character.is_control() || "%\\".contains(character))
        };
        if text.is_empty() || pieces.iter().any(strange) {
            return None;
        }
        Some(match pieces.as_slice() {
            [whole] => Self::Exact(whole.clone()),
            [before, after] if before.is_empty() && after.is_empty() => Self::Any,
            _ => Self::Glob(Glob { pieces }),
        })
    }

    /// Whether `value` is one that the pattern stands for.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name == value,
            Self::Glob(glob) => glob.matches(value),
        }
    }
}

impl Glob {
    /// Everything that begins with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &str) -> Self {
        Self { pieces: vec![prefix.to_owned(), String::new()] }
    }

    /// The texts around the stars; at least two, and each may be empty.
    #[must_use]
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// Takes each piece at its first place, which is enough because a star takes anything; the work
    /// is bounded by the length of the value times that of the glob.
    fn matches(&self, value: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else { return false };
        let Some((last, middle)) = rest.split_last() else { return false };
        let Some(mut left) = value.strip_prefix(first.as_str()) else { return false };
        for piece in middle {
            match left.split_once(piece.as_str()) {
                Some((_, behind)) => left = behind,
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

/// The rule's spelling: escaped so that it reads back as the same pattern.
impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("*"),
            Self::Exact(name) => formatter.write_str(&spell(name)),
            Self::Glob(glob) => {
                let pieces: Vec<String> = glob.pieces.iter().map(|piece| spell(piece)).collect();
                formatter.write_str(&pieces.join("*"))
            }
        }
    }
}

/// Percent-encodes a name as a rule spells it; slashes of a spanning name stay readable.
fn spell(name: &str) -> String {
    let segments: Vec<String> = name.split('/').map(encode_segment).collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(value)
    }

    #[test]
    fn stars_stand_for_any_run_and_everything_else_for_itself() {
        assert!(matches("*", "") && matches("*", "a/b"));
        assert!(matches("web", "web") && !matches("web", "web2"));
        assert!(matches("ci-*", "ci-") && matches("ci-*", "ci-7") && !matches("ci-*", "xci-7"));
        assert!(matches("*-db", "a-db") && !matches("*-db", "a-db2"));
        assert!(matches("a*b*c", "abbc") && !matches("a*b*c", "acb"));
        assert!(!matches("ab*b", "ab") && matches("ab*b", "abb"));
        assert!(matches("%2A", "*") && !matches("%2A", "x"));
        assert!(matches("registry.local/*", "registry.local/a/b"));
    }

    #[test]
    fn what_no_value_can_be_is_no_pattern() {
        for text in ["", "%", "%00", "%25", "a%5C", "%0a*"] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
