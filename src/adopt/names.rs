//! Which names a configuration grants an operation for, in the terms of a rule: all, these, or all but
//! these.
//!
//! The names of an operation's objects are a language of their own: those that the engine accepts for a
//! container or an image. It is walked together with the automata of the configuration, so the answer is
//! about every name and not about samples.

use std::collections::{BTreeSet, HashMap, VecDeque};

use regex_automata::util::primitives::StateID;

use super::decider::{Decider, States};
use super::paths::PathSet;

/// How many places of the walk are visited at most.
const MOST_PLACES: usize = 20_000;

/// How many names and beginnings of names a rule is split into at most.
const MOST_NAMES: usize = 64;

/// The longest name that is spelled out, in bytes.
const LONGEST_NAME: usize = 255;

/// The names that are granted.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Names {
    Nothing,
    /// Names that no pattern of a rule describes.
    Others,
    /// Exactly these.
    Only(BTreeSet<NamePattern>),
    /// Every ID, and names that no pattern describes.
    Ids,
    /// All but these.
    AllBut(BTreeSet<NamePattern>),
    All,
}

/// A name, or the beginning of names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum NamePattern {
    Exactly(String),
    Beginning(String),
}

/// The bytes of names. The language of the names decides which of them may be where.
const BYTES: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:@";

/// A walk through the names of a language.
pub(super) struct Walk {
    places: Vec<Place>,
}

/// A place of the walk: all beginnings of names after which the automata are in the same states.
#[derive(Default)]
struct Place {
    /// If what was read is a name, whether it is granted.
    granted: Option<bool>,
    /// The places after one more byte.
    next: Vec<(u8, usize)>,
    /// Whether some name from here on is granted, and whether some is not.
    reaches: [bool; 2],
}

/// The walk has too many places.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TooMany;

impl Walk {
    /// Walks through all names, from these states. `decide` says whether the path is granted if the name
    /// ends in the given states.
    pub(super) fn through(
        names: &PathSet,
        decider: &Decider,
        from: &States,
        mut decide: impl FnMut(&States) -> bool,
    ) -> Result<Self, TooMany> {
        let bytes = representatives(names, decider);
        let mut known: HashMap<(StateID, States), usize> = HashMap::new();
        let mut places: Vec<Place> = Vec::new();
        let mut queue = VecDeque::new();
        let begin = (names.start(), from.clone());
        known.insert(begin.clone(), 0);
        places.push(Place::default());
        queue.push_back((0, begin));
        while let Some((at, (name, states))) = queue.pop_front() {
            let granted = names.accepts(name).then(|| decide(&states));
            let mut next = Vec::new();
            for (byte, alike) in &bytes {
                let after = names.next(name, *byte);
                if !names.is_open(after) {
                    continue;
                }
                let key = (after, decider.next(&states, *byte));
                let place = match known.get(&key) {
                    Some(place) => *place,
                    None if places.len() >= MOST_PLACES => return Err(TooMany),
                    None => {
                        places.push(Place::default());
                        known.insert(key.clone(), places.len() - 1);
                        queue.push_back((places.len() - 1, key));
                        places.len() - 1
                    }
                };
                next.extend(alike.iter().map(|byte| (*byte, place)));
            }
            if let Some(place) = places.get_mut(at) {
                next.sort_unstable();
                place.granted = granted;
                place.next = next;
            }
        }
        let mut walk = Self { places };
        walk.find_reachable();
        Ok(walk)
    }

    /// Passes what each place reaches back to those before it, until nothing changes.
    fn find_reachable(&mut self) {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.places.len()];
        for (at, place) in self.places.iter().enumerate() {
            for (_, next) in &place.next {
                if let Some(before) = before.get_mut(*next) {
                    before.push(at);
                }
            }
        }
        for wanted in [false, true] {
            let is_it = |place: &Place| place.granted == Some(wanted);
            let mut open: Vec<usize> = (0..self.places.len())
                .filter(|at| self.places.get(*at).is_some_and(is_it))
                .collect();
            while let Some(at) = open.pop() {
                let Some(reaches) = self
                    .places
                    .get_mut(at)
                    .and_then(|place| place.reaches.get_mut(usize::from(wanted)))
                else {
                    continue;
                };
                if !*reaches {
                    *reaches = true;
                    open.extend(before.get(at).into_iter().flatten());
                }
            }
        }
    }

    /// The names that are granted, as far as patterns can say it. `has_ids` says whether all IDs are
    /// among them.
    pub(super) fn names(&self, has_ids: bool) -> Names {
        let Some(start) = self.places.first() else { return Names::Nothing };
        match start.reaches {
            [_, false] => return Names::Nothing,
            [false, true] => return Names::All,
            [true, true] => {}
        }
        if let Some(granted) = self.spelled(true) {
            return Names::Only(granted);
        }
        if let Some(denied) = self.spelled(false) {
            return Names::AllBut(denied);
        }
        if has_ids { Names::Ids } else { Names::Others }
    }

    /// The names that are granted, or those that are not, as patterns; `None` if there are too many.
    fn spelled(&self, wanted: bool) -> Option<BTreeSet<NamePattern>> {
        let mut patterns = BTreeSet::new();
        let mut open = vec![(0, String::new())];
        while let Some((at, name)) = open.pop() {
            let place = self.places.get(at)?;
            let reaches = |wanted: bool| place.reaches.get(usize::from(wanted)) == Some(&true);
            if !reaches(wanted) {
                continue;
            }
            if patterns.len() > MOST_NAMES || open.len() > MOST_PLACES || name.len() > LONGEST_NAME
            {
                return None;
            }
            let goes_on = place.next.iter().any(|(_, next)| {
                self.places.get(*next).is_some_and(|next| next.reaches != [false; 2])
            });
            if !reaches(!wanted) && goes_on && !name.is_empty() {
                patterns.insert(NamePattern::Beginning(name));
                continue;
            }
            if place.granted == Some(wanted) {
                patterns.insert(NamePattern::Exactly(name.clone()));
            }
            for (byte, next) in place.next.iter().rev() {
                open.push((*next, format!("{name}{}", char::from(*byte))));
            }
        }
        (patterns.len() <= MOST_NAMES).then_some(patterns)
    }

    /// Whether all names are granted.
    pub(super) fn has_all(&self) -> bool {
        self.places.first().is_some_and(|start| start.reaches == [false, true])
    }
}

/// One byte of each class that no automaton distinguishes, with all bytes of the class.
fn representatives(names: &PathSet, decider: &Decider) -> Vec<(u8, Vec<u8>)> {
    let mut classes: HashMap<(u8, Vec<u8>), usize> = HashMap::new();
    let mut found: Vec<(u8, Vec<u8>)> = Vec::new();
    for byte in BYTES {
        let class = (names.class(*byte), decider.classes(*byte));
        let place = *classes.entry(class).or_insert_with(|| {
            found.push((*byte, Vec::new()));
            found.len() - 1
        });
        if let Some((_, alike)) = found.get_mut(place) {
            alike.push(*byte);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::dialect::Dialect;
    use super::super::grants::{Action, Condition, Grants};
    use super::*;
    use crate::api::Method;

    fn names(rules: &[(Action, &str)]) -> Names {
        let mut grants = Grants::new(Action::Deny);
        for (action, expression) in rules {
            let set = PathSet::found(expression, Dialect::Go, false).unwrap();
            grants.push(*action, Condition::Path(set), None);
        }
        let decider = Decider::new(&grants, Method::Get);
        let name = PathSet::own("[a-zA-Z0-9][a-zA-Z0-9_.-]+").unwrap();
        let from = decider.read(&decider.start(), "/x/");
        let walk = Walk::through(&name, &decider, &from, |states| {
            decider.decide(&decider.read(states, "/y"), |_| {}).allowed
        });
        walk.unwrap().names(false)
    }

    fn only(patterns: &[&str]) -> BTreeSet<NamePattern> {
        let pattern = |text: &&str| match text.strip_suffix('*') {
            Some(beginning) => NamePattern::Beginning(beginning.to_owned()),
            None => NamePattern::Exactly((*text).to_owned()),
        };
        patterns.iter().map(pattern).collect()
    }

    #[test]
    fn all_names_are_told_from_some() {
        for (expression, expected) in [
            ("^/x/.*$", Names::All),
            ("^/x/[a-zA-Z0-9_.-]+/y", Names::All),
            ("^/x/[^/]+/y$", Names::All),
            ("^/z", Names::Nothing),
            ("^/x/web/y$", Names::Only(only(&["web"]))),
            ("^/x/(web|db[12])/y$", Names::Only(only(&["db1", "db2", "web"]))),
            ("^/x/ci-.*/y$", Names::Only(only(&["ci-*"]))),
            ("^/x/ci-[a-z]+/y$", Names::Others),
            ("^/x/[a-f0-9]{64}/y$", Names::Others),
        ] {
            assert_eq!(names(&[(Action::Allow, expression)]), expected, "{expression}");
        }
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        let (all, web) = ("^/x/", "^/x/web/");
        assert_eq!(
            names(&[(Action::Deny, web), (Action::Allow, all)]),
            Names::AllBut(only(&["web"]))
        );
        assert_eq!(names(&[(Action::Allow, all), (Action::Deny, web)]), Names::All);
        let prod = "^/x/prod-";
        assert_eq!(
            names(&[(Action::Deny, prod), (Action::Allow, all)]),
            Names::AllBut(only(&["prod-*"]))
        );
    }
}
