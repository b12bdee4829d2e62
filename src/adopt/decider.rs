//! A configuration for one method: which rule decides on a path, read byte by byte.

use regex_automata::util::primitives::StateID;

use super::grants::{Action, Condition, Grants};
use super::paths::PathSet;
use crate::api::Method;

/// The rules that may apply to requests with one method.
pub(super) struct Decider {
    sets: Vec<PathSet>,
    rules: Vec<Rule>,
    otherwise: Action,
}

struct Rule {
    action: Action,
    formula: Formula,
    /// Its place among the rules of the configuration.
    place: usize,
}

/// A condition in which the method is known.
enum Formula {
    Known(Truth),
    /// The path is in the set at this place.
    Set(usize),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// Where each automaton is after some bytes of a path.
pub(super) type States = Box<[StateID]>;

/// The decision on a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Decided {
    pub(super) allowed: bool,
    /// The place of the rule that decided; `None` if none applied.
    pub(super) by: Option<usize>,
}

/// Whether a condition holds, for each choice of what is not known: the lower and the higher value of
/// conditions on the client, and of unreadable ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Truth {
    /// By client (low, high), then by unreadable (low, high).
    of: [[bool; 2]; 2],
}

const LOW: usize = 0;
const HIGH: usize = 1;

impl Truth {
    const CLIENT: Self = Self { of: [[false, false], [true, true]] };
    const UNREADABLE: Self = Self { of: [[false, true], [false, true]] };

    const fn known(value: bool) -> Self {
        Self { of: [[value; 2]; 2] }
    }

    fn not(self) -> Self {
        let [[a, b], [c, d]] = self.of;
        Self { of: [[!d, !c], [!b, !a]] }
    }

    fn with(self, other: Self, join: impl Fn(bool, bool) -> bool) -> Self {
        let [[a, b], [c, d]] = self.of;
        let [[e, f], [g, h]] = other.of;
        Self { of: [[join(a, e), join(b, f)], [join(c, g), join(d, h)]] }
    }

    /// Whether a rule applies: a client may be whoever is allowed more, and what is unreadable grants
    /// nothing.
    fn applies(self, action: Action) -> bool {
        let [low_client, high_client] = self.of;
        match action {
            Action::Allow => high_client[LOW],
            Action::Deny => low_client[HIGH],
        }
    }
}

impl Decider {
    pub(super) fn new(grants: &Grants, method: Method) -> Self {
        let mut sets = Vec::new();
        let mut rules = Vec::new();
        for (place, rule) in grants.rules.iter().enumerate() {
            let formula = Formula::of(&rule.condition, method, &mut sets);
            if let Formula::Known(truth) = &formula
                && !truth.applies(rule.action)
            {
                continue;
            }
            rules.push(Rule { action: rule.action, formula, place });
        }
        Self { sets, rules, otherwise: grants.otherwise }
    }

    pub(super) fn start(&self) -> States {
        self.sets.iter().map(PathSet::start).collect()
    }

    pub(super) fn next(&self, states: &States, byte: u8) -> States {
        let pairs = self.sets.iter().zip(states.iter());
        pairs.map(|(set, state)| set.next(*state, byte)).collect()
    }

    /// Reads a text.
    pub(super) fn read(&self, states: &States, text: &str) -> States {
        text.bytes().fold(states.clone(), |states, byte| self.next(&states, byte))
    }

    /// What no automaton distinguishes has the same signature.
    pub(super) fn classes(&self, byte: u8) -> Vec<u8> {
        self.sets.iter().map(|set| set.class(byte)).collect()
    }

    /// The decision on the path that was read. `matched` is told the place of each rule that allows it,
    /// even if an earlier one decides.
    pub(super) fn decide(&self, states: &States, mut matched: impl FnMut(usize)) -> Decided {
        let accepted: Vec<bool> =
            self.sets.iter().zip(states.iter()).map(|(set, state)| set.accepts(*state)).collect();
        let mut decided = None;
        for rule in &self.rules {
            if !rule.formula.truth(&accepted).applies(rule.action) {
                continue;
            }
            if rule.action == Action::Allow {
                matched(rule.place);
            }
            decided.get_or_insert(Decided {
                allowed: rule.action == Action::Allow,
                by: Some(rule.place),
            });
        }
        decided.unwrap_or(Decided { allowed: self.otherwise == Action::Allow, by: None })
    }
}

impl Formula {
    fn of(condition: &Condition, method: Method, sets: &mut Vec<PathSet>) -> Self {
        let mut all = |conditions: &[Condition]| -> Vec<Self> {
            conditions.iter().map(|condition| Self::of(condition, method, sets)).collect()
        };
        match condition {
            Condition::Constant(value) => Self::Known(Truth::known(*value)),
            Condition::Methods(methods) => Self::Known(Truth::known(methods.contains(&method))),
            Condition::Client => Self::Known(Truth::CLIENT),
            Condition::Unreadable => Self::Known(Truth::UNREADABLE),
            Condition::Path(set) => {
                sets.push(set.clone());
                Self::Set(sets.len() - 1)
            }
            Condition::Not(inner) => match Self::of(inner, method, sets) {
                Self::Known(truth) => Self::Known(truth.not()),
                inner => Self::Not(Box::new(inner)),
            },
            Condition::All(conditions) => {
                let parts = all(conditions);
                Self::simplified(parts, false).unwrap_or_else(Self::All)
            }
            Condition::Any(conditions) => {
                let parts = all(conditions);
                Self::simplified(parts, true).unwrap_or_else(Self::Any)
            }
        }
    }

    /// The formula if one part decides it, or all parts are known; otherwise the parts.
    fn simplified(parts: Vec<Self>, decisive: bool) -> Result<Self, Vec<Self>> {
        let is_decisive =
            |part: &Self| matches!(part, Self::Known(truth) if *truth == Truth::known(decisive));
        if parts.iter().any(is_decisive) {
            return Ok(Self::Known(Truth::known(decisive)));
        }
        let known: Option<Vec<Truth>> = parts
            .iter()
            .map(|part| if let Self::Known(truth) = part { Some(*truth) } else { None })
            .collect();
        known.map_or(Err(parts), |known| Ok(Self::Known(joined(known.into_iter(), decisive))))
    }

    fn truth(&self, accepted: &[bool]) -> Truth {
        match self {
            Self::Known(truth) => *truth,
            Self::Set(place) => Truth::known(accepted.get(*place).copied().unwrap_or_default()),
            Self::Not(inner) => inner.truth(accepted).not(),
            Self::All(parts) => joined(parts.iter().map(|part| part.truth(accepted)), false),
            Self::Any(parts) => joined(parts.iter().map(|part| part.truth(accepted)), true),
        }
    }
}

fn joined(truths: impl Iterator<Item = Truth>, is_any: bool) -> Truth {
    let join = |one: bool, other: bool| if is_any { one || other } else { one && other };
    truths.fold(Truth::known(!is_any), |one, other| one.with(other, join))
}
