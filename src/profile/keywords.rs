//! Finds which of many words occur in a text in one pass over it, however many words there are (Aho
//! and Corasick, "Efficient string matching", 1975).

use std::collections::{HashMap, VecDeque};

/// The automaton. A state stands for the longest prefix of any word that the text read so far ends
/// with.
#[derive(Clone, Debug)]
pub(super) struct Keywords {
    states: Vec<State>,
    /// The edges of each state, with their bytes.
    edges: Vec<(u8, u32)>,
    words: usize,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// The range of its edges starts here in [`Keywords::edges`].
    first: u32,
    last: u32,
    /// The state for the next shorter prefix, taken if no edge fits.
    fallback: u32,
    /// The word that ends here.
    word: Option<u32>,
    /// The nearest state along the fallbacks in which a word ends; the first state if there is
    /// none.
    shorter: u32,
}

/// The state before any byte is read.
const START: u32 = 0;

impl Keywords {
    /// Prepares these words, which are identified by their index. They are distinct and not empty.
    pub(super) fn new(words: &[&[u8]]) -> Self {
        let mut states = vec![State::default()];
        let mut next: HashMap<(u32, u8), u32> = HashMap::new();
        for (place, word) in words.iter().enumerate() {
            let mut at = START;
            for byte in *word {
                at = *next.entry((at, *byte)).or_insert_with(|| {
                    states.push(State::default());
                    number(states.len() - 1)
                });
            }
            if let Some(state) = states.get_mut(place_of(at)) {
                state.word = Some(number(place));
            }
        }
        let mut sorted: Vec<((u32, u8), u32)> = next.into_iter().collect();
        sorted.sort_unstable();
        let mut keywords = Self { states, edges: Vec::new(), words: words.len() };
        for ((from, byte), to) in sorted {
            let end = number(keywords.edges.len() + 1);
            keywords.edges.push((byte, to));
            if let Some(state) = keywords.states.get_mut(place_of(from)) {
                if state.last == 0 {
                    state.first = end - 1;
                }
                state.last = end;
            }
        }
        keywords.link();
        keywords
    }

    /// Sets the fallbacks, shortest prefixes first.
    fn link(&mut self) {
        let mut waiting = VecDeque::from([START]);
        while let Some(from) = waiting.pop_front() {
            let state = self.state(from).clone();
            let edges = self.edges_of(&state).to_vec();
            for (byte, to) in edges {
                waiting.push_back(to);
                let fallback = if from == START { START } else { self.step(state.fallback, byte) };
                let ends = self.state(fallback).word.is_some();
                let shorter = if ends { fallback } else { self.state(fallback).shorter };
                if let Some(state) = self.states.get_mut(place_of(to)) {
                    (state.fallback, state.shorter) = (fallback, shorter);
                }
            }
        }
    }

    /// Calls `found` once for each word that occurs in `text` until it returns true. Returns
    /// whether it did. The work is linear in the length of the text plus the number of words found.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(usize) -> bool) -> bool {
        let mut is_reported: Vec<bool> = Vec::new();
        let mut at = START;
        for byte in text {
            at = self.step(at, *byte);
            let mut ends = at;
            if self.state(ends).word.is_none() {
                ends = self.state(ends).shorter;
            }
            while let Some(word) = self.state(ends).word.map(place_of) {
                is_reported.resize(self.words, false);
                // If a word was reported before, so were all words that it ends with.
                let Some(reported) = is_reported.get_mut(word).filter(|reported| !**reported)
                else {
                    break;
                };
                *reported = true;
                if found(word) {
                    return true;
                }
                ends = self.state(ends).shorter;
            }
        }
        false
    }

    fn step(&self, mut at: u32, byte: u8) -> u32 {
        loop {
            let state = self.state(at);
            let edges = self.edges_of(state);
            if let Ok(found) = edges.binary_search_by_key(&byte, |(byte, _)| *byte) {
                return edges.get(found).map_or(START, |(_, to)| *to);
            }
            if at == START {
                return START;
            }
            at = state.fallback;
        }
    }

    fn edges_of(&self, state: &State) -> &[(u8, u32)] {
        self.edges.get(place_of(state.first)..place_of(state.last)).unwrap_or_default()
    }

    fn state(&self, at: u32) -> &State {
        static NONE: State = State { first: 0, last: 0, fallback: 0, word: None, shorter: 0 };
        self.states.get(place_of(at)).unwrap_or(&NONE)
    }
}

fn place_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Profiles are far too short to overflow this.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_word_that_occurs_is_reported_once(
            words in prop::collection::btree_set("[ab]{1,4}", 0..12),
            text in "[abc]{0,24}",
        ) {
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let mut reported = Vec::new();
            let enough = Keywords::new(&words).each(text.as_bytes(), |word| {
                reported.push(word);
                false
            });
            prop_assert!(!enough);
            let expected: BTreeSet<usize> = (0..words.len())
                .filter(|place| text.contains(std::str::from_utf8(words[*place]).unwrap()))
                .collect();
            prop_assert_eq!(reported.len(), expected.len(), "{:?}", reported);
            prop_assert_eq!(reported.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}
