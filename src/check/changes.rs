//! Reports what a change of a profile widens and narrows.

use crate::api::{EngineKind, Risk};
use crate::profile::{
    Change, ChangeKind, ContentChange, Diff, Effect, Entry, Profile, Rule, key_span,
};
use crate::report::{Fact, Finding, Kind, Region, Report, Severity, Source, Verdict, count};
use crate::text::words;

/// Which changes make the verdict a failure, besides a lost review.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailOn {
    /// Any change.
    Any,
    /// Any widening.
    Widened,
    /// A widening that no person has accepted.
    Unreviewed,
}

words!(FailOn, () = (), {
    Any = "any",
    Widened = "widened",
    Unreviewed = "unreviewed",
});

/// The kinds of changes.
pub const CHANGES: [Kind; ChangeKind::ALL.len()] = [
    kind(ChangeKind::EngineChanged, "the profile is for a different engine"),
    kind(ChangeKind::RuleAdded, "a rule was added"),
    kind(ChangeKind::RuleWidened, "a rule allows more than it did"),
    kind(ChangeKind::UnknownAdded, "an unknown request was added"),
    kind(ChangeKind::DenyRemoved, "a rule is no longer denied"),
    kind(ChangeKind::MinApiLowered, "older API versions are allowed"),
    kind(ChangeKind::RuleNarrowed, "a rule allows less than it did"),
    kind(ChangeKind::RuleRemoved, "a rule was removed"),
    kind(ChangeKind::UnknownRemoved, "an unknown request was removed"),
    kind(ChangeKind::DenyAdded, "a rule is newly denied"),
    kind(ChangeKind::MinApiRaised, "older API versions are no longer allowed"),
    kind(ChangeKind::ReviewRemoved, "the review was removed"),
    kind(ChangeKind::ReviewShrunk, "the review of a remaining rule was removed"),
    kind(ChangeKind::ReviewBroken, "the reviewed part was changed without a review"),
    kind(ChangeKind::AcceptAdded, "a finding of a check no longer counts"),
    kind(ChangeKind::ReviewGrown, "a person has accepted more"),
];

const fn kind(kind: ChangeKind, title: &'static str) -> Kind {
    Kind { code: kind.as_str(), title, severity: kind.severity() }
}

impl ChangeKind {
    /// The severity of a change of this kind with its usual effect.
    const fn severity(self) -> Severity {
        match self {
            Self::EngineChanged
            | Self::RuleAdded
            | Self::RuleWidened
            | Self::UnknownAdded
            | Self::DenyRemoved
            | Self::MinApiLowered
            | Self::AcceptAdded => Severity::Warning,
            Self::RuleNarrowed
            | Self::RuleRemoved
            | Self::UnknownRemoved
            | Self::DenyAdded
            | Self::MinApiRaised
            | Self::ReviewGrown => Severity::Note,
            Self::ReviewRemoved | Self::ReviewShrunk | Self::ReviewBroken => Severity::Error,
        }
    }
}

/// Compares an old profile and its file with a new one.
#[must_use]
pub fn compare(
    old: (&Profile, Source),
    new: (&Profile, Source),
    fail_on: Option<FailOn>,
) -> Report {
    let diff = Diff::of(old.0, new.0);
    let engine = new.0.engine;
    // The new file comes first: findings without a place belong to it.
    let sources = vec![new.1, old.1];
    let mut findings: Vec<Finding> = diff
        .changes
        .iter()
        .map(|change| Finding {
            region: region(change, &sources),
            ..finding(change, engine, fail_on)
        })
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.risk)));
    let is_failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    let number = |effect| {
        let changes = diff.changes.iter().filter(|change| change.effect == effect).count();
        u64::try_from(changes).unwrap_or(u64::MAX)
    };
    let (widened, narrowed) = (number(Effect::Widens), number(Effect::Narrows));
    let word = |risk: Option<Risk>| risk.map_or("nothing", Risk::as_str);
    let risk = if diff.before == diff.after {
        format!("highest risk {} as before", word(diff.after))
    } else {
        format!("highest risk {}, previously {}", word(diff.after), word(diff.before))
    };
    Report {
        command: "diff",
        kinds: &CHANGES,
        sources,
        findings,
        facts: vec![
            ("widened", Fact::Count(widened)),
            ("narrowed", Fact::Count(narrowed)),
            ("risk_before", Fact::Word(diff.before.map(Risk::as_str))),
            ("risk_after", Fact::Word(diff.after.map(Risk::as_str))),
        ],
        summary: match (widened, narrowed) {
            (0, 0) => format!("allows the same, {risk}"),
            _ => format!(
                "{} and {}, {risk}",
                count(widened, "widening"),
                count(narrowed, "narrowing"),
            ),
        },
        fail_on: Severity::Error,
        verdict: if is_failed { Verdict::Fail } else { Verdict::Pass },
    }
}

fn finding(change: &Change, engine: EngineKind, fail_on: Option<FailOn>) -> Finding {
    let kind = CHANGES.iter().find(|kind| kind.code == change.kind.as_str());
    let [first, ..] = &CHANGES;
    let kind = kind.unwrap_or(first);
    let is_unreviewed = change.effect == Effect::Widens && !change.is_reviewed;
    let fails = match fail_on {
        None => false,
        Some(FailOn::Any) => true,
        Some(FailOn::Unreviewed) => is_unreviewed,
        Some(FailOn::Widened) => change.effect == Effect::Widens,
    };
    let is_about_people = matches!(
        change.kind,
        ChangeKind::ReviewRemoved
            | ChangeKind::ReviewShrunk
            | ChangeKind::ReviewBroken
            | ChangeKind::ReviewGrown
            | ChangeKind::AcceptAdded
    );
    let severity = match change.effect {
        _ if fails => Severity::Error,
        _ if is_about_people => change.kind.severity(),
        Effect::Widens => Severity::Warning,
        Effect::Narrows | Effect::None => Severity::Note,
    };
    let texts = |entries: &[Entry<String>]| {
        entries.iter().map(|entry| entry.value.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (old, new) = (texts(&change.old), texts(&change.new));
    let about = if new.is_empty() { &old } else { &new };
    let rule = Rule::parse(engine, about).ok();
    let operation = rule.as_ref().map(|rule| rule.operation());
    let mut message = match (&rule, change.contents.as_slice()) {
        (Some(rule), [_, ..]) => content_message(change, rule),
        _ => message(change, &old, &new, rule.as_ref()),
    };
    if is_unreviewed && fail_on == Some(FailOn::Unreviewed) {
        message += ", and nobody has reviewed it";
    }
    Finding {
        severity,
        subject: Some(about.clone()).filter(|about| !about.is_empty()),
        risk: change.risk,
        help: (change.effect == Effect::Widens)
            .then(|| operation.map(|operation| format!("dsp explain '{operation}'")))
            .flatten(),
        ..Finding::new(kind, message)
    }
}

/// The place of a change: in the new file, which is the first source, or otherwise in the old one.
fn region(change: &Change, sources: &[Source]) -> Option<Region> {
    let key = match change.kind {
        ChangeKind::EngineChanged => Some("engine"),
        ChangeKind::MinApiLowered | ChangeKind::MinApiRaised => Some("min_api"),
        ChangeKind::ReviewRemoved | ChangeKind::ReviewBroken => Some("reviewed"),
        _ => None,
    };
    [&change.new, &change.old].into_iter().zip(sources).enumerate().find_map(
        |(place, (entries, source))| {
            let of_key = || key_span(&source.text, key?);
            let span = entries.first().and_then(|entry| entry.span.clone()).or_else(of_key)?;
            Some(Region { source: place, span, label: String::new() })
        },
    )
}

/// A change of what a rule allows requests to contain, in words.
fn content_message(change: &Change, rule: &Rule) -> String {
    let (names, told) = (rule.without_contents(), ContentChange::told(&change.contents));
    match (change.kind, change.effect) {
        (_, Effect::None) => format!("{names} changed, but allows the same: {told}"),
        (_, Effect::Widens) => format!("{names} is widened: {told}{}", permits(rule)),
        (_, Effect::Narrows) => format!("{names} is narrowed: {told}"),
    }
}

/// What a rule lets a client do, in brackets.
fn permits(rule: &Rule) -> String {
    match rule.contents() {
        None => format!(" ({}: it can {})", rule.risk(), rule.operation().permits),
        Some(_) => format!(" ({} with these contents)", rule.risk()),
    }
}

fn message(change: &Change, old: &str, new: &str, rule: Option<&Rule>) -> String {
    let permits = rule.map_or_else(String::new, permits);
    let is_idle = change.effect == Effect::None;
    match change.kind {
        ChangeKind::RuleAdded if is_idle => {
            format!("{new} was added, but other rules already allow or deny it")
        }
        ChangeKind::RuleAdded => format!("{new} is newly allowed{permits}"),
        ChangeKind::RuleWidened if is_idle => {
            format!("{new} replaces {old}, and is still denied")
        }
        ChangeKind::RuleWidened => format!("{new} is allowed instead of {old}{permits}"),
        ChangeKind::UnknownAdded => {
            format!("{new} is newly allowed, and nothing is known about it")
        }
        ChangeKind::DenyRemoved if is_idle => {
            format!("{old} is no longer under deny, but still not allowed")
        }
        ChangeKind::DenyRemoved => format!("{old} is no longer denied"),
        ChangeKind::RuleNarrowed => format!("only {new} is allowed instead of {old}"),
        ChangeKind::RuleRemoved if is_idle => {
            format!("{old} was removed, but other rules still allow or deny it")
        }
        ChangeKind::RuleRemoved => format!("{old} is no longer allowed"),
        ChangeKind::UnknownRemoved => format!("{old} is no longer allowed"),
        ChangeKind::DenyAdded if is_idle => {
            format!("{new} is denied, but was not allowed before either")
        }
        ChangeKind::DenyAdded => format!("{new} is newly denied"),
        ChangeKind::EngineChanged => format!("{old} changed to {new}"),
        ChangeKind::ReviewRemoved => {
            "the profile was reviewed, but its review was removed".to_owned()
        }
        ChangeKind::ReviewShrunk => format!("{old} is still there, but its review was removed"),
        ChangeKind::ReviewBroken => {
            "the reviewed part was changed, and nobody has reviewed the change".to_owned()
        }
        ChangeKind::AcceptAdded => format!("dsp check no longer counts {new}"),
        ChangeKind::ReviewGrown => format!("{new} was accepted by a person"),
        ChangeKind::MinApiLowered | ChangeKind::MinApiRaised => match (old, new) {
            ("", new) => format!("{new} is new"),
            (old, "") => format!("{old} is gone"),
            (old, new) => format!("{old} changed to {new}"),
        },
    }
}
