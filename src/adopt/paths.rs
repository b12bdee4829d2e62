//! Sets of paths: what an expression, a prefix or a glob of another proxy matches, as an automaton.
//!
//! An automaton can be asked more than an expression can: which names it accepts between two texts,
//! and not only whether it accepts one. The engine is that of the `regex` crate, so matching is linear
//! in the length of the path, and the size of an automaton is limited.

use std::fmt::Write as _;
use std::sync::Arc;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

use super::dialect::{Dialect, differs, in_ascii};

/// The longest expression that is read, in bytes.
const LONGEST: usize = 16 << 10;

/// The limit of an automaton's memory in bytes. CetusGuard's expression for a reference of an image
/// needs a quarter of it.
const LARGEST: usize = 4 << 20;

/// A set of paths.
#[derive(Clone, Debug)]
pub(super) struct PathSet(Arc<dense::DFA<Vec<u32>>>);

/// Where a text has to be in a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// It is the whole path.
    Whole,
    /// The path begins with it.
    Beginning,
    /// The path ends with it.
    End,
    /// The path contains it.
    Anywhere,
    /// The path contains it, with slashes or the ends of the path around it.
    Segments,
}

/// Why an expression cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum ExpressionError {
    /// dsp's engine would read it in another way than the proxy does.
    #[error("{0}")]
    Differs(&'static str),
    /// It is not an expression for this engine, such as one that looks ahead.
    #[error("an expression that dsp cannot evaluate")]
    Syntax,
    /// Its automaton would be too large.
    #[error("an expression that is too large to evaluate")]
    Large,
}

impl PathSet {
    /// The paths in which an expression finds something.
    pub(super) fn found(
        expression: &str,
        dialect: Dialect,
        ignores_case: bool,
    ) -> Result<Self, ExpressionError> {
        if expression.len() > LONGEST {
            return Err(ExpressionError::Large);
        }
        if let Some(reason) = differs(expression, dialect) {
            return Err(ExpressionError::Differs(reason));
        }
        let expression = in_ascii(expression);
        let syntax = syntax_of(ignores_case);
        // On its own first: a stray parenthesis must not pair with one of those around it.
        syntax::parse_with(&expression, &syntax).map_err(|_| ExpressionError::Syntax)?;
        Self::build(&format!(r"\A(?s:.*?)(?:{expression})(?s:.*)\z"), syntax)
    }

    /// The paths that have a text in this place.
    pub(super) fn text(
        text: &str,
        place: Place,
        ignores_case: bool,
    ) -> Result<Self, ExpressionError> {
        if text.len() > LONGEST {
            return Err(ExpressionError::Large);
        }
        let text = escaped(text);
        let expression = match place {
            Place::Whole => format!(r"\A{text}\z"),
            Place::Beginning => format!(r"\A{text}(?s:.*)\z"),
            Place::End => format!(r"\A(?s:.*){text}\z"),
            Place::Anywhere => format!(r"\A(?s:.*){text}(?s:.*)\z"),
            Place::Segments => format!(r"\A(?:(?s:.*)/)?{text}(?:/(?s:.*))?\z"),
        };
        Self::build(&expression, syntax_of(ignores_case))
    }

    /// The paths that an expression of dsp's own matches as a whole.
    pub(super) fn own(expression: &str) -> Result<Self, ExpressionError> {
        Self::build(&format!(r"\A(?:{expression})\z"), syntax_of(false))
    }

    /// Like [`own`](Self::own), for an expression that ignores case.
    pub(super) fn own_in_any_case(expression: &str) -> Result<Self, ExpressionError> {
        Self::build(&format!(r"\A(?:{expression})\z"), syntax_of(true))
    }

    fn build(expression: &str, syntax: syntax::Config) -> Result<Self, ExpressionError> {
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .match_kind(MatchKind::All)
            .accelerate(false)
            .dfa_size_limit(Some(LARGEST))
            .determinize_size_limit(Some(LARGEST));
        let nfa = thompson::Config::new().utf8(false).nfa_size_limit(Some(LARGEST));
        let built =
            dense::Builder::new().configure(config).syntax(syntax).thompson(nfa).build(expression);
        built.map(|dfa| Self(Arc::new(dfa))).map_err(|_| ExpressionError::Large)
    }

    /// Where reading a path starts.
    pub(super) fn start(&self) -> StateID {
        let config = start::Config::new().anchored(Anchored::Yes);
        // It fails only for unanchored searches, which no automaton here is built for.
        self.0.start_state(&config).unwrap_or_default()
    }

    /// Reads one more byte.
    pub(super) fn next(&self, state: StateID, byte: u8) -> StateID {
        self.0.next_state(state, byte)
    }

    /// Whether the bytes that were read are a path of the set.
    pub(super) fn accepts(&self, state: StateID) -> bool {
        self.0.is_match_state(self.0.next_eoi_state(state))
    }

    /// Whether more bytes can still lead into the set.
    pub(super) fn is_open(&self, state: StateID) -> bool {
        !self.0.is_dead_state(state)
    }

    /// The class of a byte: the automaton treats all bytes of a class alike.
    pub(super) fn class(&self, byte: u8) -> u8 {
        self.0.byte_classes().get(byte)
    }

    /// Whether a path is in the set.
    #[cfg(test)]
    pub(super) fn contains(&self, path: &str) -> bool {
        self.accepts(path.bytes().fold(self.start(), |state, byte| self.next(state, byte)))
    }
}

/// Bytes, and not characters, decide: dsp compares only names in ASCII.
fn syntax_of(ignores_case: bool) -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).case_insensitive(ignores_case).nest_limit(100)
}

/// A text as an expression that matches exactly it.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'/' || byte == b'_' {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "\\x{byte:02x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_searched_for_unless_it_has_anchors() {
        let set = PathSet::found("^/a|b$", Dialect::Go, false).unwrap();
        for (path, expected) in [("/a", true), ("/a/x", true), ("/x/b", true), ("/x/bc", false)] {
            assert_eq!(set.contains(path), expected, "{path}");
        }
        assert!(PathSet::found("/A", Dialect::Pcre, true).unwrap().contains("/x/a/"));
    }

    #[test]
    fn a_text_counts_in_its_place_only() {
        for (place, path, expected) in [
            (Place::Whole, "/a.b", true),
            (Place::Whole, "/a.bc", false),
            (Place::Whole, "/axb", false),
            (Place::Beginning, "/a.bc", true),
            (Place::Beginning, "/x/a.b", false),
            (Place::End, "/x/a.b", true),
            (Place::Anywhere, "/x/a.bc", true),
            (Place::Segments, "/x//a.b/c", true),
            (Place::Segments, "/x/a.bc", false),
        ] {
            assert_eq!(
                PathSet::text("/a.b", place, false).unwrap().contains(path),
                expected,
                "{place:?} {path}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for bad in ["a)(b", "(?=a)", r"(a)\1", "(", "[a", "a{2"] {
            assert!(PathSet::found(bad, Dialect::Pcre, false).is_err(), "{bad}");
        }
        let large = format!("({}){{1000}}", "(a|b){1,100}".repeat(50));
        assert_eq!(PathSet::found(&large, Dialect::Go, false).unwrap_err(), ExpressionError::Large);
        let doubling = "(a|b)*a(a|b){60}";
        assert_eq!(
            PathSet::found(doubling, Dialect::Go, false).unwrap_err(),
            ExpressionError::Large
        );
    }
}
