//! Parts of a regular expression, joined while an automaton is turned into one.

use std::collections::BTreeSet;

use super::expression::{Unit, escaped, group};

/// A character that occurs in some shape, or `None` for every other character.
pub(super) type Letter = Option<char>;

/// A part of an expression: alternatives, and possibly the empty text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Term {
    alternatives: Vec<String>,
    /// Whether the empty text is an alternative too. A term without alternatives matches the empty
    /// text only.
    optional: bool,
}

impl Term {
    pub(super) fn letters(letters: &BTreeSet<Letter>, alphabet: &BTreeSet<Letter>) -> Self {
        let spelled = |letters: &mut dyn Iterator<Item = char>| -> String {
            let escaped = letters.map(|letter| escaped(&letter.to_string(), Unit::Character));
            // A bare hyphen between two letters would be a range.
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

    /// This term, then `between` any number of times, then `after`.
    pub(super) fn then(&self, between: Option<&Self>, after: &Self) -> Self {
        let text = |term: &Self| if term.is_empty() { String::new() } else { term.grouped() };
        let between = between.map(|term| {
            let text = Self { optional: false, ..term.clone() }.grouped();
            if single(&text) { format!("{text}*") } else { format!("(?:{text})*") }
        });
        let whole = [text(self), between.unwrap_or_default(), text(after)].concat();
        if whole.is_empty() {
            return Self::default();
        }
        Self { alternatives: vec![whole], optional: false }
    }

    pub(super) fn or(&mut self, other: &Self) {
        self.optional |= other.optional || other.is_empty() || self.is_empty();
        for text in &other.alternatives {
            if !self.alternatives.contains(text) {
                self.alternatives.push(text.clone());
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.alternatives.is_empty()
    }

    /// The text, in a group if it needs one.
    pub(super) fn grouped(&self) -> String {
        let text = group(&self.alternatives);
        match (self.optional && !self.is_empty(), single(&text)) {
            (false, _) => text,
            (true, true) => format!("{text}?"),
            (true, false) => format!("(?:{text})?"),
        }
    }

    pub(super) fn length(&self) -> usize {
        self.alternatives.iter().map(String::len).sum()
    }
}

/// Whether a repetition operator after this text applies to all of it, because the text is one
/// class, group or character.
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
