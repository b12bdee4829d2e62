//! What a change of the rules under `allow` widens and narrows: which new rule takes the place of which
//! old ones.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

use super::change::text;
use super::{Change, ChangeKind, ContentChange, Effect, Entry, Profile, Rule, RuleIndex};
use crate::api::EngineKind;

/// Adds what changes between the rules that two profiles allow.
pub(super) fn allow(old: &Profile, new: &Profile, changes: &mut Vec<Change>) {
    let (gone, come) = (without(&old.allow, &new.allow), without(&new.allow, &old.allow));
    let (replaced, left) = (within(new.engine, &gone, &come), within(old.engine, &come, &gone));
    let partners = Partners::of(&gone, &come);
    let mut narrows = vec![false; come.len()];
    for place in left.iter().flatten() {
        if let Some(slot) = narrows.get_mut(*place) {
            *slot = true;
        }
    }
    let mut explained = vec![false; gone.len()];
    let (allowed, denied) = (old.allowed(), new.denied());
    for ((rule, replaced), narrows) in come.iter().zip(&replaced).zip(narrows) {
        for place in replaced {
            if let Some(slot) = explained.get_mut(*place) {
                *slot = true;
            }
        }
        let is_held = allowed.covers(&rule.value);
        if is_held && !replaced.is_empty() {
            // Covered by rules that stayed: the removed lines were only repetitions.
            continue;
        }
        if is_held {
            // What it narrows is reported with the removed rule.
            if !narrows {
                changes.push(rule_change(ChangeKind::RuleAdded, Effect::None, vec![], vec![rule]));
            }
            continue;
        }
        let effect = if denied.covers(&rule.value) { Effect::None } else { Effect::Widens };
        let partner = partners.of_new(&rule.value);
        let before: Vec<&Entry<Rule>> = match (replaced.as_slice(), partner) {
            ([], Some(partner)) => vec![partner],
            (replaced, _) => {
                replaced.iter().filter_map(|place| gone.get(*place)).copied().collect()
            }
        };
        let kind = if before.is_empty() { ChangeKind::RuleAdded } else { ChangeKind::RuleWidened };
        let contents = match before.as_slice() {
            [before] => ContentChange::beyond(Effect::Widens, &rule.value, &before.value),
            _ => Vec::new(),
        };
        let change = rule_change(kind, effect, vec![], vec![rule]);
        let old = before.into_iter().map(text).collect();
        changes.push(Change { old, contents, ..change });
    }
    let (allowed, denied) = (new.allowed(), old.denied());
    for ((before, left), _) in
        gone.iter().zip(&left).zip(&explained).filter(|(_, explained)| !**explained)
    {
        let left: Vec<&Entry<Rule>> =
            left.iter().filter_map(|place| come.get(*place)).copied().collect();
        let left = match (left.is_empty(), partners.of_old(&before.value)) {
            (true, Some(partner)) => vec![partner],
            _ => left,
        };
        let kind = if left.is_empty() { ChangeKind::RuleRemoved } else { ChangeKind::RuleNarrowed };
        let is_kept = allowed.covers(&before.value) || denied.covers(&before.value);
        let effect = if is_kept { Effect::None } else { Effect::Narrows };
        let contents = match left.as_slice() {
            [left] => ContentChange::beyond(Effect::Narrows, &before.value, &left.value),
            _ => Vec::new(),
        };
        changes.push(Change { contents, ..rule_change(kind, effect, vec![before], left) });
    }
}

/// Rules with contents that have a successor for the same names.
struct Partners<'a> {
    of_new: HashMap<&'a Rule, &'a Entry<Rule>>,
    of_old: HashMap<&'a Rule, &'a Entry<Rule>>,
}

impl<'a> Partners<'a> {
    fn of(gone: &[&'a Entry<Rule>], come: &[&'a Entry<Rule>]) -> Self {
        let has_contents = |entry: &&&Entry<Rule>| entry.value.has_terms();
        let mut before: HashMap<Rule, VecDeque<&'a Entry<Rule>>> = HashMap::new();
        for entry in gone.iter().filter(has_contents) {
            before.entry(entry.value.without_contents()).or_default().push_back(entry);
        }
        let (mut of_new, mut of_old) = (HashMap::new(), HashMap::new());
        for now in come.iter().filter(has_contents) {
            let before = before.get_mut(&now.value.without_contents());
            if let Some(before) = before.and_then(VecDeque::pop_front) {
                of_new.insert(&now.value, before);
                of_old.insert(&before.value, *now);
            }
        }
        Self { of_new, of_old }
    }

    fn of_new(&self, rule: &Rule) -> Option<&'a Entry<Rule>> {
        self.of_new.get(rule).copied()
    }

    fn of_old(&self, rule: &Rule) -> Option<&'a Entry<Rule>> {
        self.of_old.get(rule).copied()
    }
}

/// For each of `wider`, the indices of the rules in `rules` that it covers, in order.
fn within(engine: EngineKind, rules: &[&Entry<Rule>], wider: &[&Entry<Rule>]) -> Vec<Vec<usize>> {
    let index = RuleIndex::new(engine, wider.iter().map(|entry| &entry.value));
    let mut within = vec![Vec::new(); wider.len()];
    for (place, rule) in rules.iter().enumerate() {
        index.each_cover(&rule.value, |by| {
            if let Some(own) = within.get_mut(by) {
                own.push(place);
            }
            false
        });
    }
    within
}

/// The entries whose value does not occur in the others. Duplicates count once.
pub(super) fn without<'a, T: Eq + Hash>(
    entries: &'a [Entry<T>],
    others: &[Entry<T>],
) -> Vec<&'a Entry<T>> {
    let mut seen: HashSet<&T> = others.iter().map(|entry| &entry.value).collect();
    entries.iter().filter(|entry| seen.insert(&entry.value)).collect()
}

/// A change of rules, with the highest of their risks.
pub(super) fn rule_change(
    kind: ChangeKind,
    effect: Effect,
    old: Vec<&Entry<Rule>>,
    new: Vec<&Entry<Rule>>,
) -> Change {
    let risk = old.iter().chain(&new).map(|entry| entry.value.risk()).max();
    let text = |entries: Vec<&Entry<Rule>>| entries.into_iter().map(text).collect();
    let contents = vec![];
    Change { kind, effect, old: text(old), new: text(new), contents, risk, is_reviewed: false }
}
