//! What a rule says about one parameter: anything, one name, or a glob.

use std::fmt;

use crate::api::{decode_name, encode_segment};
use crate::contents::OWN;

/// A pattern for the value of one parameter.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Pattern {
    /// `*`: any value.
    Any,
    /// A literal: exactly this value.
    Exact(String),
    /// A text with `*` in it.
    Glob(Glob),
    /// `@own`: every object that was made through the profile, whatever its name.
    Own,
}

/// A text in which each `*` matches any number of characters, including none. The names of images
/// and plugins may contain slashes, and `*` matches those too, as it does in the API itself. In the
/// name of a container, network or volume it does not: `ci-1/db` is a link alias of some other
/// container, whose name need not match `ci-*`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Glob {
    /// The pieces between the stars; at least two.
    pieces: Vec<String>,
    /// Whether stars exclude slashes.
    in_segments: bool,
}

/// The length from which a name of only hexadecimal digits counts as an ID. The engine's short IDs
/// have 12 digits.
const ID_LENGTH: usize = 12;

/// Whether a name looks like a container ID, which changes with every new container.
#[must_use]
pub fn looks_like_id(name: &str) -> bool {
    name.len() >= ID_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Pattern {
    /// Parses the spelling of a rule: percent escapes are decoded, and `%2A` is a literal star.
    /// `None` for a bad escape, an empty text, or a text that is not part of any canonical request.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let pieces: Vec<String> = text.split('*').map(decode_name).collect::<Option<_>>()?;
        let strange = |piece: &String| {
            piece.chars().any(|character| character.is_control() || "%\\".contains(character))
        };
        if text.is_empty() || pieces.iter().any(strange) {
            return None;
        }
        // No engine accepts an object with this name.
        if pieces == [OWN] {
            return Some(Self::Own);
        }
        Some(Self::of_pieces(pieces))
    }

    fn of_pieces(pieces: Vec<String>) -> Self {
        match pieces.as_slice() {
            [whole] => Self::Exact(whole.clone()),
            [before, after] if before.is_empty() && after.is_empty() => Self::Any,
            _ => Self::Glob(Glob { pieces, in_segments: false }),
        }
    }

    /// The same pattern, with stars that exclude slashes. A pattern of only stars still matches any
    /// name.
    #[must_use]
    pub fn in_segments(self) -> Self {
        match self {
            Self::Glob(glob) if glob.pieces.iter().any(|piece| !piece.is_empty()) => {
                Self::Glob(Glob { in_segments: true, ..glob })
            }
            other => other,
        }
    }

    /// The number of slashes in every value that the pattern matches, if it is always the same.
    pub(super) fn slashes(&self) -> Option<usize> {
        match self {
            Self::Any | Self::Own => None,
            Self::Exact(name) => Some(slashes(name)),
            Self::Glob(glob) => glob.in_segments.then(|| glob.slashes()),
        }
    }

    /// Whether the pattern matches `value`.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        #[cfg(test)]
        crate::api::steps::take();
        match self {
            Self::Any => true,
            Self::Exact(name) => name == value,
            Self::Glob(glob) => glob.matches(value),
            Self::Own => value == AN_OWN_OBJECT,
        }
    }

    /// Whether this pattern matches every value that `other` matches.
    ///
    /// A star of `other` may match a character that occurs nowhere else, and only a star of this
    /// pattern takes that one. So the other pattern is matched as if it were a value. The work is
    /// linear in the length of both.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        #[cfg(test)]
        crate::api::steps::take();
        match (self, other) {
            (Self::Any, _) | (Self::Own, Self::Own) => true,
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Exact(_), Self::Any | Self::Glob(_) | Self::Own)
            | (Self::Own, Self::Any | Self::Exact(_) | Self::Glob(_)) => false,
            (Self::Glob(glob), Self::Exact(name)) => glob.matches(name),
            (Self::Glob(glob), Self::Own) => glob.pieces.iter().all(String::is_empty),
            (Self::Glob(glob), Self::Any | Self::Glob(_)) => {
                let as_many = !glob.in_segments || self.slashes() == other.slashes();
                as_many && glob.matches(&other.as_value())
            }
        }
    }

    /// Whether some value matches both patterns. Two globs overlap if their prefixes are compatible
    /// and their suffixes are, because their stars take everything in between.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        #[cfg(test)]
        crate::api::steps::take();
        match (self, other) {
            // An own object may have any name.
            (Self::Any | Self::Own, _) | (_, Self::Any | Self::Own) => true,
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Glob(glob), Self::Exact(name)) | (Self::Exact(name), Self::Glob(glob)) => {
                glob.matches(name)
            }
            (Self::Glob(one), Self::Glob(other)) => match (one.segments(), other.segments()) {
                // No star takes a slash, so each pair of segments has to overlap.
                (Some(one), Some(other)) => {
                    one.len() == other.len()
                        && one.iter().zip(&other).all(|(one, other)| one.overlaps(other))
                }
                _ => {
                    let (begin, other_begin) = (one.first(), other.first());
                    let (end, other_end) = (one.last(), other.last());
                    (begin.starts_with(other_begin) || other_begin.starts_with(begin))
                        && (end.ends_with(other_end) || other_end.ends_with(end))
                }
            },
        }
    }

    /// The prefix and the suffix of every value that the pattern matches.
    pub(super) fn ends(&self) -> (&str, &str) {
        match self {
            Self::Any | Self::Own => ("", ""),
            Self::Exact(name) => (name, name),
            Self::Glob(glob) => (glob.first(), glob.last()),
        }
    }

    /// The pattern as the most general value that it matches: each star becomes a character that no
    /// pattern contains.
    #[must_use]
    pub fn as_value(&self) -> String {
        match self {
            Self::Any => STAR.to_owned(),
            Self::Exact(name) => name.clone(),
            Self::Glob(glob) => glob.pieces.join(STAR),
            Self::Own => AN_OWN_OBJECT.to_owned(),
        }
    }

    /// The texts that every matching value contains, in order.
    #[must_use]
    pub fn pieces(&self) -> &[String] {
        match self {
            Self::Any | Self::Own => &[],
            Self::Exact(name) => std::slice::from_ref(name),
            Self::Glob(glob) => &glob.pieces,
        }
    }
}

/// Occurs in no pattern and no value, because neither contains control characters.
const STAR: &str = "\0";

/// Stands for the name of an object that was made through the profile. Only [`Pattern::Own`] and patterns
/// that match any name match it.
pub const AN_OWN_OBJECT: &str = "\u{1}";

impl Glob {
    /// A pattern that matches everything that starts with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &str) -> Self {
        Self { pieces: vec![prefix.to_owned(), String::new()], in_segments: false }
    }

    /// Whether stars exclude slashes.
    pub(super) fn is_in_segments(&self) -> bool {
        self.in_segments
    }

    /// The pieces between the stars; at least two, and each may be empty.
    #[must_use]
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    fn first(&self) -> &str {
        self.pieces.first().map(String::as_str).unwrap_or_default()
    }

    fn last(&self) -> &str {
        self.pieces.last().map(String::as_str).unwrap_or_default()
    }

    /// The patterns of its segments, if stars exclude slashes.
    #[must_use]
    pub fn segments(&self) -> Option<Vec<Pattern>> {
        if !self.in_segments {
            return None;
        }
        let mut segments = Vec::new();
        let mut texts = vec![String::new()];
        for (place, piece) in self.pieces.iter().enumerate() {
            if place > 0 {
                texts.push(String::new());
            }
            for (slashes, text) in piece.split('/').enumerate() {
                if slashes > 0 {
                    segments.push(std::mem::replace(&mut texts, vec![String::new()]));
                }
                if let Some(last) = texts.last_mut() {
                    last.push_str(text);
                }
            }
        }
        segments.push(texts);
        Some(segments.into_iter().map(Pattern::of_pieces).collect())
    }

    /// The number of slashes in the pieces.
    fn slashes(&self) -> usize {
        self.pieces.iter().map(|piece| slashes(piece)).sum()
    }

    /// A value that matches has the slashes of the pieces. If it has no others, no star matched
    /// one.
    fn matches(&self, value: &str) -> bool {
        self.fits(value) && (!self.in_segments || self.slashes() == slashes(value))
    }

    /// Matches each piece at its first position, which suffices because a star takes anything. The
    /// search for a piece starts after the previous one and never goes back, so the work is linear
    /// in the length of the value and of the glob.
    fn fits(&self, value: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else { return false };
        let Some((last, middle)) = rest.split_last() else { return false };
        let Some(mut left) = value.strip_prefix(first.as_str()) else { return false };
        for piece in middle {
            match left.split_once(piece.as_str()) {
                Some((_, rest)) => left = rest,
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

fn slashes(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'/').count()
}

/// The spelling in a rule: escaped so that it reads back as the same pattern.
impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("*"),
            Self::Own => formatter.write_str(OWN),
            Self::Exact(name) => formatter.write_str(&spell(name)),
            Self::Glob(glob) => {
                let pieces: Vec<String> = glob.pieces.iter().map(|piece| spell(piece)).collect();
                formatter.write_str(&pieces.join("*"))
            }
        }
    }
}

/// Percent-encodes a name as rules spell it; the slashes of a name that may contain them stay
/// readable.
fn spell(name: &str) -> String {
    let segments: Vec<String> = name.split('/').map(encode_segment).collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(value)
    }

    #[test]
    fn stars_match_any_run_and_everything_else_matches_itself() {
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
    fn a_star_in_a_container_s_name_stays_within_a_segment() {
        let matches = |pattern: &str, value: &str| {
            Pattern::parse(pattern).unwrap().in_segments().matches(value)
        };
        assert!(matches("ci-*", "ci-1") && !matches("ci-*", "ci-1/db"));
        assert!(matches("ci-*/*", "ci-1/db") && !matches("ci-*/*", "ci-1"));
        assert!(!matches("ci-*/*", "ci-1/db/x") && matches("*/x*y", "a/xby"));
        assert!(matches("*", "a/b") && matches("**", "a/b"), "any name at all");
    }

    #[test]
    fn its_segments_are_patterns() {
        let segments = |text: &str| match Pattern::parse(text).unwrap().in_segments() {
            Pattern::Glob(glob) => glob.segments(),
            _ => None,
        };
        let parsed = |texts: &[&str]| {
            Some(texts.iter().map(|text| Pattern::parse(text).unwrap()).collect::<Vec<_>>())
        };
        assert_eq!(segments("ci-*/*/web/a*b*"), parsed(&["ci-*", "*", "web", "a*b*"]));
        assert_eq!(segments("*x"), parsed(&["*x"]));
        assert_eq!(segments("**"), None);
    }

    /// Two patterns for the same parameter: the stars of both take slashes, or of neither.
    fn patterns() -> impl Strategy<Value = (Pattern, Pattern)> {
        let parsed = |(one, other, within): (String, String, bool)| {
            let parse = |text: &str| {
                let pattern = Pattern::parse(text)?;
                Some(if within { pattern.in_segments() } else { pattern })
            };
            Some((parse(&one)?, parse(&other)?))
        };
        ("[ab/*]{1,5}", "[ab/*]{1,5}", any::<bool>()).prop_filter_map("no pattern", parsed)
    }

    /// Every value of up to four letters; no pattern contains `c`.
    fn values() -> impl Iterator<Item = String> {
        (0..5).flat_map(|length| {
            (0..4usize.pow(length)).map(move |mut number| {
                let letter = |_| {
                    let letter = ["a", "b", "c", "/"][number % 4];
                    number /= 4;
                    letter
                };
                (0..length).map(letter).collect()
            })
        })
    }

    /// A value that matches both patterns, built from their pieces.
    fn shared(one: &Pattern, other: &Pattern) -> Option<String> {
        if let (Pattern::Glob(one), Pattern::Glob(other)) = (one, other)
            && let (Some(one), Some(other)) = (one.segments(), other.segments())
        {
            let segments = one.iter().zip(&other).map(|(one, other)| shared(one, other));
            let value = segments.collect::<Option<Vec<_>>>()?.join("/");
            return (one.len() == other.len()).then_some(value);
        }
        let texts = |pattern: &Pattern| match pattern {
            Pattern::Any => vec![String::new(), String::new()],
            Pattern::Exact(name) => vec![name.clone()],
            Pattern::Glob(glob) => glob.pieces.clone(),
            Pattern::Own => unreachable!("not generated"),
        };
        let (one_texts, other_texts) = (texts(one), texts(other));
        let middle = |texts: &[String]| texts[1..texts.len().max(2) - 1].concat();
        let mut tried: Vec<String> = vec![one_texts.concat(), other_texts.concat()];
        for begin in [&one_texts[0], &other_texts[0]] {
            for end in [one_texts.last().unwrap(), other_texts.last().unwrap()] {
                let both = middle(&one_texts) + &middle(&other_texts);
                tried.push(format!("{begin}{both}{end}"));
            }
        }
        tried.into_iter().find(|value| one.matches(value) && other.matches(value))
    }

    proptest! {
        #[test]
        fn covers_and_overlaps_agree_with_the_values((one, other) in patterns()) {
            let both = values().any(|value| one.matches(&value) && other.matches(&value));
            let outside = values().find(|value| other.matches(value) && !one.matches(value));
            // In the other direction, only names longer than these might tell.
            prop_assert!(!both || one.overlaps(&other));
            let shared = shared(&one, &other);
            prop_assert_eq!(one.overlaps(&other), shared.is_some());
            if let Some(value) = shared {
                prop_assert!(one.matches(&value) && other.matches(&value), "{value}");
            }
            prop_assert!(outside.is_none() || !one.covers(&other), "{outside:?}");
            prop_assert!(one.covers(&one) && one.overlaps(&one));
            prop_assert_eq!(one.overlaps(&other), other.overlaps(&one));
            if one.covers(&other) {
                prop_assert!(one.overlaps(&other));
            }
        }
    }

    #[test]
    fn patterns_are_compared_as_sets_of_names() {
        let parse = |text| Pattern::parse(text).unwrap();
        for (one, other, covers, overlaps) in [
            ("*", "web", true, true),
            ("web", "*", false, true),
            ("ci-*", "ci-db-*", true, true),
            ("ci-db-*", "ci-*", false, true),
            ("*-db", "ci-*", false, true),
            ("ci-*", "web-*", false, false),
            ("a*b*c", "abbc", true, true),
            ("*a*", "b*a", true, true),
            ("a*", "a**", true, true),
            ("web", "web", true, true),
            ("web", "db", false, false),
        ] {
            let (one, other) = (parse(one), parse(other));
            assert_eq!(
                (one.covers(&other), one.overlaps(&other)),
                (covers, overlaps),
                "{one} {other}"
            );
        }
        let long = Pattern::parse(&"a*".repeat(5000)).unwrap();
        assert!(long.covers(&long) && Pattern::Any.covers(&long) && !long.overlaps(&parse("b")));
        assert!(!long.covers(&Pattern::Any) && long.overlaps(&parse("a*")));
    }

    #[test]
    fn own_objects_have_any_name_and_are_not_all_objects() {
        let own = Pattern::parse(OWN).unwrap();
        assert_eq!((own.to_string().as_str(), &own), (OWN, &Pattern::parse("%40own").unwrap()));
        let value = own.as_value();
        for (text, covers) in [
            ("*", true),
            ("**", true),
            ("@own", true),
            ("*n", false),
            ("@*", false),
            ("web", false),
        ] {
            let other = Pattern::parse(text).unwrap();
            assert_eq!((other.covers(&own), other.matches(&value)), (covers, covers), "{text}");
            assert_eq!(own.covers(&other), other == own, "{text}");
            assert!(own.overlaps(&other) && other.overlaps(&own), "{text}");
        }
        assert!(!own.matches("web") && !own.matches(OWN));
    }

    #[test]
    fn impossible_values_are_not_patterns() {
        for text in ["", "%", "%00", "%25", "a%5C", "%0a*"] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
