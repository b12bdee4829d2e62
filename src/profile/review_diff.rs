//! How a change affects people's decisions: the review of a profile and the findings it accepts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hash;

use super::change::text;
use super::{Acceptance, Change, ChangeKind, Effect, Entry, Kept, Profile, Reviewed};
use crate::api::Risk;

/// Compares the decisions in two profiles.
pub(super) fn decisions(old: &Profile, new: &Profile, changes: &mut Vec<Change>) {
    let nothing = Reviewed::default();
    let is_changed = |profile: &Profile| profile.standing().is_changed();
    match (&old.reviewed, &new.reviewed) {
        (Some(_), None) => changes.push(change(ChangeKind::ReviewRemoved, vec![], vec![], None)),
        (before, Some(now)) => {
            let before = before.as_ref().unwrap_or(&nothing);
            shrunk(before, now, new, changes);
            grown(before, now, changes);
            if is_changed(new) && !is_changed(old) {
                changes.push(change(ChangeKind::ReviewBroken, vec![], vec![], None));
            }
        }
        (None, None) => {}
    }
    let accepted = values(&old.accept);
    for entry in new.accept.iter().filter(|entry| !accepted.contains(&entry.value)) {
        let about = entry.with(described(&entry.value));
        changes.push(change(ChangeKind::AcceptAdded, vec![], vec![about], None));
    }
}

/// Marks, for each change that widens the profile, whether a person has accepted it in the new one.
pub(super) fn mark_reviewed(new: &Profile, changes: &mut [Change]) {
    let standing = new.standing();
    // A list that was edited by hand proves nothing.
    if !standing.has_begun || standing.is_changed() {
        return;
    }
    let rules = standing.open.iter().filter_map(|open| new.allow.get(open.place));
    let unknown = standing.open_unknown.iter().filter_map(|place| new.unknown.get(*place));
    let open: BTreeSet<String> = rules
        .map(|entry| entry.value.to_string())
        .chain(unknown.map(|entry| entry.value.to_string()))
        .collect();
    for change in changes {
        change.is_reviewed = !change.new.iter().any(|entry| open.contains(&entry.value));
    }
}

/// What is allowed as before, but was accepted before and no longer is.
fn shrunk(before: &Reviewed, now: &Reviewed, new: &Profile, changes: &mut Vec<Change>) {
    let left = risks(now);
    let allowed: BTreeSet<String> = new.allow.iter().map(|entry| entry.value.to_string()).collect();
    for (rule, (risk, entry)) in risks(before) {
        let is_lost = left.get(&rule).is_none_or(|(now, _)| *now < risk);
        if is_lost && allowed.contains(&rule) {
            changes.push(change(
                ChangeKind::ReviewShrunk,
                vec![text_of(entry)],
                vec![],
                Some(risk),
            ));
        }
    }
    let (left, allowed) = (values(&now.unknown), values(&new.unknown));
    for entry in before.unknown.iter().filter(|entry| !left.contains(&entry.value)) {
        if allowed.contains(&entry.value) {
            changes.push(change(ChangeKind::ReviewShrunk, vec![text(entry)], vec![], None));
        }
    }
}

/// What was not accepted before, or only with a lower risk.
fn grown(before: &Reviewed, now: &Reviewed, changes: &mut Vec<Change>) {
    let known = risks(before);
    for (rule, (risk, entry)) in risks(now) {
        if known.get(&rule).is_none_or(|(before, _)| *before < risk) {
            changes.push(change(ChangeKind::ReviewGrown, vec![], vec![text_of(entry)], Some(risk)));
        }
    }
    let known = values(&before.unknown);
    for entry in now.unknown.iter().filter(|entry| !known.contains(&entry.value)) {
        changes.push(change(ChangeKind::ReviewGrown, vec![], vec![text(entry)], None));
    }
}

fn values<T: Eq + Hash>(entries: &[Entry<T>]) -> HashSet<&T> {
    entries.iter().map(|entry| &entry.value).collect()
}

/// The accepted rules, each with the highest risk with which it was accepted.
fn risks(reviewed: &Reviewed) -> BTreeMap<String, (Risk, &Entry<Kept>)> {
    let mut risks: BTreeMap<String, (Risk, &Entry<Kept>)> = BTreeMap::new();
    for entry in &reviewed.kept {
        let known = risks.entry(entry.value.rule.to_string()).or_insert((entry.value.risk, entry));
        if entry.value.risk > known.0 {
            *known = (entry.value.risk, entry);
        }
    }
    risks
}

fn change(
    kind: ChangeKind,
    old: Vec<Entry<String>>,
    new: Vec<Entry<String>>,
    risk: Option<Risk>,
) -> Change {
    let contents = Vec::new();
    Change { kind, effect: Effect::None, old, new, contents, risk, is_reviewed: false }
}

fn text_of(entry: &Entry<Kept>) -> Entry<String> {
    entry.with(entry.value.rule.to_string())
}

/// `unused-rule about GET /info until 2027-01-31: once a year`.
fn described(accepted: &Acceptance) -> String {
    let about = accepted.rule.as_ref().map(|rule| format!(" about {rule}")).unwrap_or_default();
    let until = accepted.until.map(|day| format!(" until {day}")).unwrap_or_default();
    format!("{}{about}{until}: {}", accepted.code, accepted.reason)
}

#[cfg(test)]
mod tests {
    use crate::profile::{Diff, Effect, Profile, parse};

    /// A profile whose review has a valid digest.
    fn sealed(text: &str) -> Profile {
        let mut profile = parse(text).unwrap();
        let digest = profile.digest_of(profile.reviewed.as_ref().unwrap());
        profile.reviewed.as_mut().unwrap().digest = digest;
        profile
    }

    fn described(old: &Profile, new: &Profile) -> Vec<String> {
        let diff = Diff::of(old, new);
        let line = |change: &crate::profile::Change| {
            let all = change.old.iter().chain(&change.new).map(|entry| entry.value.as_str());
            let of = all.collect::<Vec<_>>().join(", ");
            let open = change.effect == Effect::Widens && !change.is_reviewed;
            format!("{}: {of}{}", change.kind, if open { " (nobody)" } else { "" })
        };
        diff.changes.iter().map(line).collect()
    }

    const OLD: &str = "version: 1\nname: x\nmin_api: \"1.40\"\nallow:\n  - GET /info\n  - POST /build\n\
        deny:\n  - GET /events\nunknown:\n  - GET /x\nreviewed:\n  digest: none\n  root:\n    \
        - POST /build\n  read:\n    - GET /info\n  unknown:\n    - GET /x\n";

    #[test]
    fn a_removed_review_is_reported() {
        let old = sealed(OLD);
        assert_eq!(described(&old, &old), [""; 0]);
        let removed = parse(OLD.split("reviewed:").next().unwrap()).unwrap();
        assert_eq!(described(&old, &removed), ["review-removed: "]);
        let shrunk = sealed(&OLD.replace("  root:\n    - POST /build\n", ""));
        assert_eq!(described(&old, &shrunk), ["review-shrunk: POST /build"]);
        let unknown = sealed(&OLD.replace("  unknown:\n    - GET /x\n", ""));
        assert_eq!(described(&old, &unknown), ["review-shrunk: GET /x"]);
        let mut moved = OLD.replace("  root:\n", "  info:\n");
        moved = moved.replace("  read:\n", "  root:\n");
        let moved = described(&old, &sealed(&moved));
        assert_eq!(moved, ["review-shrunk: POST /build", "review-grown: GET /info"]);
        // What is no longer allowed needs no review.
        let less = sealed(
            &OLD.replace("  - POST /build\ndeny", "deny")
                .replace("  root:\n    - POST /build\n", ""),
        );
        assert_eq!(described(&old, &less), ["rule-removed: POST /build"]);
    }

    #[test]
    fn a_widening_says_whether_it_was_accepted() {
        let old = sealed(OLD);
        let wider =
            OLD.replace("  - GET /info\n  - POST", "  - GET /info\n  - POST /auth\n  - POST");
        assert_eq!(described(&old, &sealed(&wider)), ["rule-added: POST /auth (nobody)"]);
        let kept = wider.replace("  root:\n", "  root:\n    - POST /auth\n");
        let lines = described(&old, &sealed(&kept));
        assert_eq!(lines, ["rule-added: POST /auth", "review-grown: POST /auth"]);
        // Edited by hand, with the digest unchanged.
        let mut by_hand = parse(&kept).unwrap();
        by_hand.reviewed.as_mut().unwrap().digest = old.reviewed.clone().unwrap().digest;
        let lines = described(&old, &by_hand);
        assert!(lines.contains(&"rule-added: POST /auth (nobody)".to_owned()), "{lines:?}");
        assert!(lines.contains(&"review-broken: ".to_owned()), "{lines:?}");
        for (from, to, kind) in [
            ("min_api: \"1.40\"\n", "", "min-api-lowered: min_api: \"1.40\""),
            ("engine", "engine", ""),
            (
                "unknown:\n  - GET /x\n",
                "unknown:\n  - GET /x\n  - GET /y\n",
                "unknown-added: GET /y",
            ),
        ] {
            let mut changed = parse(&OLD.replacen(from, to, 1)).unwrap();
            changed.reviewed.as_mut().unwrap().digest = old.reviewed.clone().unwrap().digest;
            let lines = described(&old, &changed);
            assert!(kind.is_empty() || lines.contains(&format!("{kind} (nobody)")), "{lines:?}");
            if from.starts_with("min_api") {
                let resealed = described(&old, &sealed(&OLD.replacen(from, to, 1)));
                assert_eq!(resealed, [kind], "a review after the change counts");
            }
        }
    }

    #[test]
    fn accepted_findings_are_named() {
        let old = sealed(OLD);
        let accept = "accept:\n  - code: unused-rule\n    rule: GET /info\n    reason: why\n    until: 2027-01-31\n";
        let new = sealed(&OLD.replace("reviewed:", &format!("{accept}reviewed:")));
        let line = "accept-added: unused-rule about GET /info until 2027-01-31: why";
        assert_eq!(described(&old, &new), [line]);
        assert_eq!(described(&new, &old), [""; 0]);
    }
}
