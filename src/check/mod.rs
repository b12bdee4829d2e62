//! Drift: does a profile still describe what a program does, and has a person reviewed it?
//!
//! Pure: recordings, a profile and a date result in a report. Whether a request would be denied is
//! decided by the same code that `enforce` runs.

mod acceptance;
mod accepting;
mod changes;
mod kinds;
mod need;
mod pages;
mod seen;
mod standing;
mod unused;
mod values;

pub use accepting::{
    Acceptable, Named, NamedError, NotAList, Written, acceptable, with_acceptance,
};
pub use changes::{CHANGES, FailOn, compare};
pub use kinds::{KINDS, is_drift};
pub use pages::{codes, page};

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;

use crate::learn::Evidence;
use crate::profile::{CheckCode, Profile, RuleIndex, Subject, key_span};
use crate::report::{Fact, Finding, Region, Report, Severity, Source, Verdict, count};

/// The options of a check.
#[derive(Clone, Debug)]
pub struct Options {
    /// The date at which entries under `accept` are evaluated.
    pub today: Date,
    /// Overrides for severities; `None` drops a kind.
    pub severities: BTreeMap<CheckCode, Option<Severity>>,
    /// The lowest severity that makes the verdict a failure.
    pub fail_on: Severity,
    /// The name of the profile before the change, if it was reviewed then.
    pub reviewed_before: Option<String>,
    /// Whether a profile that nobody has reviewed is an error.
    pub requires_reviewed: bool,
}

impl Options {
    /// A check on this day, in which nothing is overridden.
    #[must_use]
    pub fn on(today: Date) -> Self {
        Self {
            today,
            severities: BTreeMap::new(),
            fail_on: Severity::Error,
            reviewed_before: None,
            requires_reviewed: false,
        }
    }
}

/// A profile, its file, and the findings so far.
struct Check<'a> {
    profile: &'a Profile,
    source: &'a Source,
    evidence: &'a Evidence,
    /// An index of the rules under `allow`.
    allowed: RuleIndex,
    found: Vec<Found>,
}

/// A finding, and what entries under `accept` are compared with.
struct Found {
    code: CheckCode,
    subject: Option<Subject>,
    finding: Finding,
}

/// Compares a profile, whose file is `source`, with evidence.
#[must_use]
pub fn check(profile: &Profile, source: Source, evidence: &Evidence, options: &Options) -> Report {
    let found = find(profile, &source, evidence, options);
    let is_empty = evidence.is_empty();
    let verdict = if is_empty { Verdict::Unknown } else { verdict(&found, options) };
    let mut findings: Vec<Finding> = found.into_iter().map(|found| found.finding).collect();
    findings.sort_by_key(|finding| {
        std::cmp::Reverse((finding.severity, kinds::is_drift(finding.code), finding.risk))
    });
    let facts = facts(evidence);
    let words = facts.iter().map(|(thing, number)| count(*number, thing.trim_end_matches('s')));
    let summary = format!("checked {}", words.collect::<Vec<_>>().join(", "));
    Report {
        command: "check",
        kinds: &KINDS,
        sources: vec![source],
        findings,
        facts: facts.into_iter().map(|(name, number)| (name, Fact::Count(number))).collect(),
        summary,
        fail_on: options.fail_on,
        verdict,
    }
}

/// Everything that a check finds.
fn find(profile: &Profile, source: &Source, evidence: &Evidence, options: &Options) -> Vec<Found> {
    let (allowed, found) = (profile.allowed(), Vec::new());
    let mut check = Check { profile, source, evidence, allowed, found };
    // If nothing was recorded, everything is unused, which says nothing about the profile.
    if !evidence.is_empty() {
        check.find_denied();
        check.find_unreviewed(options);
        check.find_ambiguous();
        check.find_unused();
        check.find_unused_values();
        check.find_doubts();
        check.weigh(options);
        check.accept(options);
    }
    check.found
}

/// The numbers of operations, requests and sessions that were examined.
fn facts(evidence: &Evidence) -> Vec<(&'static str, u64)> {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let requests = evidence.known().map(|known| known.seen.requests).sum::<u64>()
        + evidence.unknown().map(|(_, unknown)| unknown.seen.requests).sum::<u64>()
        + evidence.refused().map(|(_, seen)| seen.requests).sum::<u64>();
    vec![
        ("operations", number(evidence.known().count() + evidence.unknown().count())),
        ("requests", requests),
        ("sessions", number(evidence.sessions().len())),
    ]
}

/// `1 line is`, `2 lines are`.
fn is_or_are(lines: usize) -> String {
    format!("{} {}", count(lines, "line"), if lines == 1 { "is" } else { "are" })
}

/// Drift is a failure even if the evidence is doubtful; without drift, doubtful evidence is not a
/// pass.
fn verdict(found: &[Found], options: &Options) -> Verdict {
    let open = || found.iter().filter(|found| found.finding.accepted.is_none());
    let is_doubt = |found: &Found| {
        matches!(found.code, CheckCode::IncompleteRecording | CheckCode::LossyRecording)
    };
    if open().any(|found| !is_doubt(found) && found.finding.severity >= options.fail_on) {
        Verdict::Fail
    } else if open().any(is_doubt) {
        Verdict::Unknown
    } else {
        Verdict::Pass
    }
}

impl Check<'_> {
    fn push(&mut self, code: CheckCode, subject: Option<Subject>, finding: Finding) {
        self.found.push(Found { code, subject, finding });
    }

    /// A finding of this kind.
    fn finding(code: CheckCode, message: impl Into<String>) -> Finding {
        Finding::new(kinds::of(code), message)
    }

    /// A place in the profile, with a label.
    fn region(span: Option<Range<usize>>, label: &str) -> Option<Region> {
        span.map(|span| Region { source: 0, span, label: label.to_owned() })
    }

    /// The place of the first of these keys that is in the profile.
    fn key(&self, keys: &[&str]) -> Option<Range<usize>> {
        keys.iter().find_map(|key| key_span(&self.source.text, key))
    }

    /// Finds problems in the evidence itself.
    fn find_doubts(&mut self) {
        let (incomplete, torn) = (self.evidence.incomplete(), self.evidence.torn());
        let message = match (incomplete, torn) {
            (0, 0) => None,
            (0, torn) => Some(format!("{} of the recording cut in the middle", is_or_are(torn))),
            (sessions, _) => Some(format!("{} did not end normally", count(sessions, "session"))),
        };
        if let Some(message) = message {
            let code = CheckCode::IncompleteRecording;
            let finding = Finding {
                help: Some("record again, and let the program end by itself".to_owned()),
                region: Self::region(self.key(&["name"]), ""),
                ..Self::finding(code, message)
            };
            self.push(code, None, finding);
        }
        if self.evidence.lossy() {
            let code = CheckCode::LossyRecording;
            let finding = Finding {
                help: Some(
                    "record again: lines were lost, or a head could not be read and everything \
                     after it was forwarded unread"
                        .to_owned(),
                ),
                region: Self::region(self.key(&["name"]), ""),
                ..Self::finding(code, "requests are missing from the recording")
            };
            self.push(code, None, finding);
        }
    }

    /// Applies the overrides for severities.
    fn weigh(&mut self, options: &Options) {
        self.found.retain_mut(|found| match options.severities.get(&found.code) {
            Some(None) => false,
            Some(Some(severity)) => {
                found.finding.severity = *severity;
                true
            }
            None => true,
        });
    }
}
