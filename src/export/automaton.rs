//! Regular expressions for "these paths, except those", for engines without look-ahead.
//!
//! A wildcard matches any name *except* `.` and `..`, denied names, and names that belong to
//! another operation. RE2 has no "except", but the difference of two regular languages is regular
//! too: all shapes become one deterministic automaton, whose states are then eliminated one by one
//! until a single expression remains.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::expression::group;
use super::grant::{Piece, Shape};
use super::term::{Letter, Term};
use crate::profile::{AN_OWN_OBJECT, Pattern};

/// The limits on an automaton's states and on the bytes of an expression. Rules that people write
/// stay far below both; a rule that does not is left out of the file.
const MOST_STATES: usize = 2_000;
const MOST_TEXT: usize = 16 << 10;

/// The paths that remain after an exclusion.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Rest {
    Nothing,
    /// An expression without anchors and without a `|` at its top level.
    Paths(String),
    /// Some paths remain, but the expression for them would be too long.
    TooLong,
}

/// The paths that match `allow` and not `except`, without those that have an empty segment, a dot
/// segment, or a character that no canonical path contains.
pub(super) fn difference(allow: &[Shape], except: &[Shape]) -> Rest {
    let plainly = |shape: &Shape| {
        // `except` never takes anything from a shape without names.
        let fixed = shape.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
        if fixed || except.is_empty() { shape.strict_expression() } else { None }
    };
    let (plain, rest): (Vec<&Shape>, Vec<&Shape>) =
        allow.iter().partition(|shape| plainly(shape).is_some());
    let mut alternatives: Vec<String> = plain.into_iter().filter_map(plainly).collect();
    if !rest.is_empty() {
        let automaton = Automaton::of(&rest, except);
        match automaton.map_or(Rest::TooLong, |automaton| automaton.minimal().expression()) {
            Rest::Nothing => {}
            Rest::Paths(text) => alternatives.push(text),
            Rest::TooLong => return Rest::TooLong,
        }
    }
    if alternatives.is_empty() { Rest::Nothing } else { Rest::Paths(group(&alternatives)) }
}

/// Which characters a token matches. `%`, `\` and control characters never occur in a canonical
/// path.
#[derive(Clone, Copy, Debug)]
enum Takes {
    Exactly(char),
    /// Digits and dots.
    Version,
    /// Any character except a slash.
    InSegment,
    Any,
}

/// A part of a shape's text: one character, or any number of them.
#[derive(Clone, Copy, Debug)]
struct Token {
    takes: Takes,
    repeats: bool,
}

/// What the current segment of a path is so far. `Name` is final: a segment that is no longer a
/// prefix of a dot segment cannot become one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Segment {
    Empty,
    Dot,
    DotDot,
    Name,
}

/// A deterministic automaton over letters. State 0 is the start; a letter without a transition is
/// rejected.
struct Automaton {
    ways: Vec<BTreeMap<Letter, usize>>,
    accepts: Vec<bool>,
    alphabet: BTreeSet<Letter>,
}

impl Automaton {
    /// Returns `None` if there would be more than [`MOST_STATES`] states.
    fn of(allow: &[&Shape], except: &[Shape]) -> Option<Self> {
        let shapes = allow.iter().copied().chain(except);
        let shapes: Vec<Vec<Token>> = shapes.map(tokens).collect();
        let alphabet = alphabet(&shapes);
        // For each shape that can still match, its possible positions; and the current segment.
        type State = (Vec<(usize, BTreeSet<usize>)>, Segment);
        let first = shapes.iter().map(|tokens| closed([0].into(), tokens)).enumerate().collect();
        let first: State = (first, Segment::Name);
        let mut numbers: HashMap<State, usize> = HashMap::from([(first.clone(), 0)]);
        let (mut ways, mut accepts, mut open) = (Vec::new(), Vec::new(), vec![first]);
        let mut next = 0;
        while let Some((places, segment)) = open.get(next).cloned() {
            if open.len() > MOST_STATES {
                return None;
            }
            let at_end = |(shape, places): &(usize, BTreeSet<usize>)| {
                shapes.get(*shape).is_some_and(|tokens| places.contains(&tokens.len()))
            };
            // Places are in the order of the shapes, and the allowed shapes come first.
            let (of_allow, of_except) =
                places.split_at(places.partition_point(|(shape, _)| *shape < allow.len()));
            let (allowed, excepted) = (of_allow.iter().any(at_end), of_except.iter().any(at_end));
            accepts.push(allowed && !excepted && segment == Segment::Name);
            let mut from_here = BTreeMap::new();
            for letter in &alphabet {
                let Some(segment) = segment.then(*letter) else { continue };
                let moved = places.iter().filter_map(|(shape, places)| {
                    let reached = step(places, shapes.get(*shape)?, *letter);
                    (!reached.is_empty()).then_some((*shape, reached))
                });
                let to: State = (moved.collect(), segment);
                // No allowed shape can match from here on.
                if to.0.first().is_none_or(|(shape, _)| *shape >= allow.len()) {
                    continue;
                }
                let number = *numbers.entry(to.clone()).or_insert_with(|| {
                    open.push(to);
                    open.len() - 1
                });
                from_here.insert(*letter, number);
            }
            ways.push(from_here);
            next += 1;
        }
        Some(Self { ways, accepts, alphabet })
    }

    /// The smallest automaton for the same paths (Moore's algorithm): states are split by whether
    /// they accept and by where their transitions lead, until no class can be split further.
    fn minimal(&self) -> Self {
        let mut classes: Vec<usize> =
            self.accepts.iter().map(|accepts| usize::from(*accepts)).collect();
        loop {
            let mut numbers: HashMap<(usize, Vec<(Letter, usize)>), usize> = HashMap::new();
            let refined: Vec<usize> = self
                .ways
                .iter()
                .zip(&classes)
                .map(|(ways, class)| {
                    let leads: Vec<_> = ways
                        .iter()
                        .map(|(letter, to)| {
                            (*letter, classes.get(*to).copied().unwrap_or_default())
                        })
                        .collect();
                    let fresh = numbers.len();
                    *numbers.entry((*class, leads)).or_insert(fresh)
                })
                .collect();
            let done = numbers.len() == classes.iter().collect::<BTreeSet<_>>().len();
            classes = refined;
            if done {
                break;
            }
        }
        let mut ways: Vec<BTreeMap<Letter, usize>> = Vec::new();
        let mut accepts = Vec::new();
        for (state, class) in classes.iter().enumerate() {
            // Classes are numbered in the order of their first states.
            if *class == ways.len() {
                let of_state = self.ways.get(state).into_iter().flatten();
                let lead = |to: &usize| classes.get(*to).copied().unwrap_or_default();
                ways.push(of_state.map(|(letter, to)| (*letter, lead(to))).collect());
                accepts.push(self.accepts.get(state).copied().unwrap_or_default());
            }
        }
        Self { ways, accepts, alphabet: self.alphabet.clone() }
    }

    /// Eliminates one state after the other, replacing the paths through it by edges between its
    /// neighbours, until one edge from the start to the end is left.
    fn expression(&self) -> Rest {
        let (start, end) = (self.ways.len(), self.ways.len() + 1);
        let mut edges: BTreeMap<(usize, usize), Term> = BTreeMap::new();
        for (from, ways) in self.ways.iter().enumerate() {
            let mut letters: BTreeMap<usize, BTreeSet<Letter>> = BTreeMap::new();
            for (letter, to) in ways {
                letters.entry(*to).or_default().insert(*letter);
            }
            for (to, letters) in letters {
                edges.insert((from, to), Term::letters(&letters, &self.alphabet));
            }
        }
        edges.insert((start, 0), Term::default());
        for (state, _) in self.accepts.iter().enumerate().filter(|(_, accepts)| **accepts) {
            edges.insert((state, end), Term::default());
        }
        let mut left: BTreeSet<usize> = (0..self.ways.len()).collect();
        while let Some(state) = left.iter().copied().min_by_key(|state| price(&edges, *state)) {
            left.remove(&state);
            let own = edges.remove(&(state, state));
            let (into, out): (Vec<_>, Vec<_>) = (
                edges.keys().copied().filter(|(_, to)| *to == state).collect(),
                edges.keys().copied().filter(|(from, _)| *from == state).collect(),
            );
            let taken = |edges: &mut BTreeMap<_, _>, keys: Vec<_>| -> Vec<((usize, usize), Term)> {
                keys.into_iter().filter_map(|key| Some((key, edges.remove(&key)?))).collect()
            };
            let (into, out) = (taken(&mut edges, into), taken(&mut edges, out));
            for ((from, _), before) in &into {
                for ((_, to), after) in &out {
                    let through = before.then(own.as_ref(), after);
                    let edge = edges.entry((*from, *to));
                    edge.and_modify(|known| known.or(&through)).or_insert(through);
                }
            }
            if edges.values().map(Term::length).sum::<usize>() > MOST_TEXT {
                return Rest::TooLong;
            }
        }
        edges.remove(&(start, end)).map_or(Rest::Nothing, |term| Rest::Paths(term.grouped()))
    }
}

/// How much text the elimination of a state would add. Ties are broken by the state's number.
fn price(edges: &BTreeMap<(usize, usize), Term>, state: usize) -> (usize, usize) {
    let length = |side: fn(&(usize, usize), usize) -> bool| -> (usize, usize) {
        let found = edges.iter().filter(|(key, _)| side(key, state) && key.0 != key.1);
        found.fold((0, 0), |(count, sum), (_, term)| (count + 1, sum + term.length()))
    };
    let (into, into_length) = length(|key, state| key.1 == state);
    let (out, out_length) = length(|key, state| key.0 == state);
    (into_length * out.saturating_sub(1) + out_length * into.saturating_sub(1), state)
}

impl Segment {
    /// The segment after one more letter, or `None` if the path would have an empty or dot segment.
    fn then(self, letter: Letter) -> Option<Self> {
        match (self, letter) {
            (Self::Name, Some('/')) => Some(Self::Empty),
            (_, Some('/')) => None,
            (Self::Empty, Some('.')) => Some(Self::Dot),
            (Self::Dot, Some('.')) => Some(Self::DotDot),
            _ => Some(Self::Name),
        }
    }
}

fn tokens(shape: &Shape) -> Vec<Token> {
    let mut tokens = Vec::new();
    let exactly = |tokens: &mut Vec<Token>, text: &str| {
        tokens.extend(text.chars().map(|one| Token { takes: Takes::Exactly(one), repeats: false }));
    };
    for piece in &shape.pieces {
        exactly(&mut tokens, "/");
        let (pattern, takes) = match piece {
            Piece::Text(word) => {
                exactly(&mut tokens, word);
                continue;
            }
            Piece::Version => {
                exactly(&mut tokens, "v");
                (&Pattern::Any, Takes::Version)
            }
            Piece::One(pattern) => (pattern, Takes::InSegment),
            Piece::Many(pattern) => (pattern, Takes::Any),
        };
        let star = Token { takes, repeats: true };
        match pattern {
            Pattern::Any => tokens.extend([Token { takes, repeats: false }, star]),
            Pattern::Exact(name) => exactly(&mut tokens, name),
            // Left out before; no other proxy knows whose an object is.
            Pattern::Own => exactly(&mut tokens, AN_OWN_OBJECT),
            Pattern::Glob(glob) => {
                for (place, text) in glob.pieces().iter().enumerate() {
                    if place > 0 {
                        tokens.push(star);
                    }
                    exactly(&mut tokens, text);
                }
            }
        }
    }
    tokens
}

fn alphabet(shapes: &[Vec<Token>]) -> BTreeSet<Letter> {
    let mut letters = BTreeSet::from([None, Some('/'), Some('.')]);
    for token in shapes.iter().flatten() {
        match token.takes {
            Takes::Exactly(letter) => {
                letters.insert(Some(letter));
            }
            Takes::Version => letters.extend(('0'..='9').map(Some)),
            Takes::InSegment | Takes::Any => {}
        }
    }
    letters
}

/// Adds the places that can be reached without a letter, by skipping repetitions.
fn closed(mut places: BTreeSet<usize>, tokens: &[Token]) -> BTreeSet<usize> {
    let starts: Vec<usize> = places.iter().copied().collect();
    for mut place in starts {
        while tokens.get(place).is_some_and(|token| token.repeats) {
            place += 1;
            places.insert(place);
        }
    }
    places
}

fn step(places: &BTreeSet<usize>, tokens: &[Token], letter: Letter) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    for place in places {
        let Some(token) = tokens.get(*place) else { continue };
        let taken = match token.takes {
            Takes::Exactly(expected) => letter == Some(expected),
            Takes::Version => letter.is_some_and(|one| one == '.' || one.is_ascii_digit()),
            Takes::InSegment => letter != Some('/'),
            Takes::Any => true,
        };
        if taken {
            reached.insert(if token.repeats { *place } else { place + 1 });
        }
    }
    closed(reached, tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(glob: &str) -> Shape {
        let name = Piece::One(Pattern::parse(glob).unwrap());
        Shape { pieces: vec![Piece::Text("x".to_owned()), name], final_slash: false }
    }

    fn without(allow: &str, except: &[&str]) -> Rest {
        let except: Vec<Shape> = except.iter().map(|glob| shape(glob)).collect();
        difference(&[shape(allow)], &except)
    }

    #[test]
    fn what_is_left_is_written_out() {
        assert_eq!(without("a*", &["a*"]), Rest::Nothing);
        assert_eq!(without("web", &["web*"]), Rest::Nothing);
        assert_eq!(without("web", &["w"]), Rest::Paths("/x/web".to_owned()));
        let Rest::Paths(text) = without("*", &["ab"]) else { panic!("nothing is left") };
        let left = regex::Regex::new(&format!("^{text}$")).unwrap();
        for (name, expected) in
            [("a", true), ("ab", false), ("abc", true), ("b", true), ("é", true), ("...", true)]
        {
            assert_eq!(left.is_match(&format!("/x/{name}")), expected, "{name} by {text}");
        }
        for never in ["/x/", "/x/.", "/x/..", "/x/a/b", "/x/a%", "/x/a\\", "/x/a\n", "x/a", "/x/a/"]
        {
            assert!(!left.is_match(never), "{never} by {text}");
        }
    }

    #[test]
    fn what_would_be_too_long_is_not_written() {
        let many: Vec<String> = ('a'..='z').map(|one| format!("*{one}{one}*{one}-*")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(without("*", &many), Rest::TooLong);
        assert_eq!(without("*", &["*abc*abd*acb*", "*xyx*yxy*", "*-a-*-b-*"]), Rest::TooLong);
    }
}
