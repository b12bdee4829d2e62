//! Regular expressions that leave something out, for engines without look-ahead.
//!
//! A wildcard is any name *except* `.` and `..`, those that are denied and those that the API holds
//! for another operation. RE2 cannot say "except", but what is left is a regular language all the
//! same: shapes are run side by side as one deterministic automaton, and its states are taken out
//! one after the other until a single expression remains.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::expression::{Unit, escaped, group};
use super::grant::{Piece, Shape};
use crate::profile::Pattern;

/// An expression for the paths of `allow` that are not paths of `except`, none of them with an
/// empty segment, a dot segment, or a character that no canonical path has; `None` when nothing is
/// left. It is not anchored, and no `|` stands at its top.
pub(super) fn difference(allow: &[Shape], except: &[Shape]) -> Option<String> {
    let plainly = |shape: &Shape| {
        // Nothing is taken from a shape without names.
        let fixed = shape.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
        if fixed || except.is_empty() { shape.strict_expression() } else { None }
    };
    let (plain, rest): (Vec<&Shape>, Vec<&Shape>) =
        allow.iter().partition(|shape| plainly(shape).is_some());
    let mut alternatives: Vec<String> = plain.into_iter().filter_map(plainly).collect();
    let automaton = (!rest.is_empty()).then(|| Automaton::of(&rest, except));
    alternatives.extend(automaton.and_then(|automaton| automaton.minimal().expression()));
    (!alternatives.is_empty()).then(|| group(&alternatives))
}

/// Which characters a token takes. `%`, `\` and control characters are in no canonical path.
#[derive(Clone, Copy, Debug)]
enum Takes {
    Exactly(char),
    /// Digits and dots.
    Version,
    /// All but a slash.
    InSegment,
    Any,
}

/// Something of a shape's text: one character, or any number of them.
#[derive(Clone, Copy, Debug)]
struct Token {
    takes: Takes,
    repeats: bool,
}

/// A character that some shape names, or `None` for all others.
type Letter = Option<char>;

/// How far the segment has come that a path is in. What is not a dot segment cannot become one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Segment {
    Empty,
    Dot,
    DotDot,
    Name,
}

/// A deterministic automaton over letters. State 0 is the first; a letter without a way is refused.
struct Automaton {
    ways: Vec<BTreeMap<Letter, usize>>,
    accepts: Vec<bool>,
    alphabet: BTreeSet<Letter>,
}

impl Automaton {
    fn of(allow: &[&Shape], except: &[Shape]) -> Self {
        let shapes = allow.iter().copied().chain(except);
        let shapes: Vec<Vec<Token>> = shapes.map(tokens).collect();
        let alphabet = alphabet(&shapes);
        // Where each shape may be, and how far the segment has come.
        type State = (Vec<BTreeSet<usize>>, Segment);
        let first: State =
            (shapes.iter().map(|tokens| closed([0].into(), tokens)).collect(), Segment::Name);
        let mut numbers: HashMap<State, usize> = HashMap::from([(first.clone(), 0)]);
        let (mut ways, mut accepts, mut open) = (Vec::new(), Vec::new(), vec![first]);
        let mut next = 0;
        while let Some((places, segment)) = open.get(next).cloned() {
            let at_end = |index: usize| {
                let end = shapes.get(index).map(Vec::len);
                places.get(index).zip(end).is_some_and(|(places, end)| places.contains(&end))
            };
            let allowed = (0..allow.len()).any(at_end);
            let excepted = (allow.len()..shapes.len()).any(at_end);
            accepts.push(allowed && !excepted && segment == Segment::Name);
            let mut from_here = BTreeMap::new();
            for letter in &alphabet {
                let Some(segment) = segment.then(*letter) else { continue };
                let side_by_side = places.iter().zip(&shapes);
                let moved = side_by_side.map(|(places, tokens)| step(places, tokens, *letter));
                let to: State = (moved.collect(), segment);
                // Without a place in any allowed shape there is nothing to come.
                if to.0.iter().take(allow.len()).all(BTreeSet::is_empty) {
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
        Self { ways, accepts, alphabet }
    }

    /// The smallest automaton for the same paths (Moore): states are told apart by what they accept
    /// and by where their ways lead, until nothing tells them apart any more.
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
            // Classes are numbered by their first state.
            if *class == ways.len() {
                let of_state = self.ways.get(state).into_iter().flatten();
                let lead = |to: &usize| classes.get(*to).copied().unwrap_or_default();
                ways.push(of_state.map(|(letter, to)| (*letter, lead(to))).collect());
                accepts.push(self.accepts.get(state).copied().unwrap_or_default());
            }
        }
        Self { ways, accepts, alphabet: self.alphabet.clone() }
    }

    /// Takes out one state after the other, each time writing the ways through it between its
    /// neighbours, until one way is left from the start to the end.
    fn expression(&self) -> Option<String> {
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
                for ((_, to), behind) in &out {
                    let through = before.then(own.as_ref(), behind);
                    let edge = edges.entry((*from, *to));
                    edge.and_modify(|known| known.or(&through)).or_insert(through);
                }
            }
        }
        edges.remove(&(start, end)).map(|term| term.grouped())
    }
}

/// How much text taking out a state would write.
fn price(edges: &BTreeMap<(usize, usize), Term>, state: usize) -> (usize, usize) {
    let length = |side: fn(&(usize, usize), usize) -> bool| -> (usize, usize) {
        let found = edges.iter().filter(|(key, _)| side(key, state) && key.0 != key.1);
        found.fold((0, 0), |(count, sum), (_, term)| (count + 1, sum + term.length()))
    };
    let (into, into_length) = length(|key, state| key.1 == state);
    let (out, out_length) = length(|key, state| key.0 == state);
    (into_length * out.saturating_sub(1) + out_length * into.saturating_sub(1), state)
}

/// A part of an expression: alternatives, of which the empty text may be one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Term {
    alternatives: Vec<String>,
    /// Whether the empty text is one; a term without alternatives is nothing but that.
    optional: bool,
}

impl Term {
    fn letters(letters: &BTreeSet<Letter>, alphabet: &BTreeSet<Letter>) -> Self {
        let spelled = |letters: &mut dyn Iterator<Item = char>| -> String {
            let escaped = letters.map(|letter| escaped(&letter.to_string(), Unit::Character));
            // Between two letters it would be a range.
            escaped.map(|letter| if letter == "-" { "\\-".to_owned() } else { letter }).collect()
        };
        let text = if letters.contains(&None) {
            let others = spelled(&mut alphabet.difference(letters).filter_map(|letter| *letter));
            format!("[^{others}%\\\\\\p{{Cc}}]")
        } else {
            let these = spelled(&mut letters.iter().filter_map(|letter| *letter));
            if letters.len() == 1 { these } else { format!("[{these}]") }
        };
        Self { alternatives: vec![text], optional: false }
    }

    /// This, then `between` any number of times, then `behind`.
    fn then(&self, between: Option<&Self>, behind: &Self) -> Self {
        let text = |term: &Self| if term.is_empty() { String::new() } else { term.grouped() };
        let between = between.map(|term| {
            let text = Self { optional: false, ..term.clone() }.grouped();
            if single(&text) { format!("{text}*") } else { format!("(?:{text})*") }
        });
        let whole = [text(self), between.unwrap_or_default(), text(behind)].concat();
        if whole.is_empty() {
            return Self::default();
        }
        Self { alternatives: vec![whole], optional: false }
    }

    fn or(&mut self, other: &Self) {
        self.optional |= other.optional || other.is_empty() || self.is_empty();
        for text in &other.alternatives {
            if !self.alternatives.contains(text) {
                self.alternatives.push(text.clone());
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.alternatives.is_empty()
    }

    /// The text, in a group where it needs one.
    fn grouped(&self) -> String {
        let text = group(&self.alternatives);
        match (self.optional && !self.is_empty(), single(&text)) {
            (false, _) => text,
            (true, true) => format!("{text}?"),
            (true, false) => format!("(?:{text})?"),
        }
    }

    fn length(&self) -> usize {
        self.alternatives.iter().map(String::len).sum()
    }
}

/// Whether a repetition behind this text repeats all of it: a class, a group or a character.
fn single(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut in_class = false;
    let mut atoms = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let escape = characters.next();
                if let (Some('x' | 'p'), Some('{')) = (escape, characters.peek()) {
                    for inside in characters.by_ref() {
                        if inside == '}' {
                            break;
                        }
                    }
                } else if escape == Some('x') {
                    characters.next();
                    characters.next();
                }
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth = depth.saturating_sub(1),
            '*' | '?' | '|' if !in_class && depth == 0 => return false,
            _ => {}
        }
        if depth == 0 && !in_class {
            atoms += 1;
        }
    }
    atoms == 1
}

impl Segment {
    /// The segment with one more letter; none when the path would have an empty or dot segment.
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

/// The places with all that can be reached without a letter, which is past a repetition.
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
