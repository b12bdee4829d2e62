//! The verdict first: whether the program stayed within its profile, and what is left to decide.

use maud::{Markup, html};

use super::rules;
use crate::check;
use crate::profile::{Diff, Effect, Profile};
use crate::report::{Finding, Report, Severity, Verdict, count, printable};

/// The verdict on what was recorded, the state of the review, and what has changed, each in a sentence;
/// then all findings, the most severe first.
pub(super) fn section(
    profile: &Profile,
    report: Option<&Report>,
    against: Option<(&str, &Diff)>,
) -> Markup {
    html! {
        section aria-labelledby="verdict" {
            h2 id="verdict" { "Verdict" }
            ul.verdict {
                @if let Some(report) = report { (of_check(report)) }
                @if let Some((name, diff)) = against { (of_change(name, diff)) }
                (of_review(profile))
            }
            @if let Some(report) = report { (findings(report)) }
        }
    }
}

/// One line of the verdict. The class gives it a colour, and the word says the same without one.
fn line(class: &str, word: &str, text: &Markup) -> Markup {
    html! { li { strong class={ "state " (class) } { (word) } " " (text) } }
}

fn of_check(report: &Report) -> Markup {
    let drift = || report.findings.iter().filter(|finding| check::is_drift(finding.code));
    let is_open =
        |finding: &&Finding| finding.severity == Severity::Error && finding.accepted.is_none();
    let (open, all) = (drift().filter(is_open).count(), drift().count());
    match (open, all, report.verdict) {
        (0, _, Verdict::Unknown) => line(
            "unknown",
            "No verdict:",
            &html! { "requests may be missing from what was recorded." },
        ),
        (0, 0, _) => {
            line("pass", "No drift:", &html! { "the profile allows everything that was recorded." })
        }
        (0, accepted, _) => line(
            "unknown",
            "No open drift:",
            &html! { (count(accepted, "accepted finding")) " below: requests that the profile denies." },
        ),
        (open, ..) => line(
            "fail",
            "Drift:",
            &html! { "the program asked for what the profile does not allow, see the first "
            @if open == 1 { "finding." } @else { (count(open, "finding")) "." } },
        ),
    }
}

fn of_change(name: &str, diff: &Diff) -> Markup {
    let name = printable(name);
    let widened = diff.changes.iter().filter(|change| change.effect == Effect::Widens);
    let (accepted, open): (Vec<_>, Vec<_>) = widened.partition(|change| change.is_reviewed);
    match (open.len(), accepted.len()) {
        (0, 0) => line("pass", "Not wider", &html! { "than " (name) "." }),
        (0, all) => line(
            "pass",
            "Wider",
            &html! { "than " (name) ": " a href="#changes" { (count(all, "change")) } ", all accepted." },
        ),
        (1, 0) => line(
            "fail",
            "Wider",
            &html! { "than " (name) ": " a href="#changes" { "1 change" } ", not accepted." },
        ),
        (open, accepted) => line(
            "fail",
            "Wider",
            &html! {
                "than " (name) ": " a href="#changes" { (count(open + accepted, "change")) } ", "
                @if accepted == 0 { "none" } @else { (open) } " of them "
                @if accepted == 0 { "accepted." } @else { "not accepted." }
            },
        ),
    }
}

fn of_review(profile: &Profile) -> Markup {
    let standing = profile.standing();
    let open = standing.open_count();
    match (standing.has_begun, standing.is_reviewed()) {
        (false, _) => line(
            "unknown",
            "Not reviewed:",
            &html! { "nobody has decided on its " a href="#rules" { (count(profile.allow.len(), "rule")) } "." },
        ),
        (true, true) => line("pass", "Reviewed:", &html! { "a person has accepted it as it is." }),
        (true, false) if open == 0 => {
            line("fail", "Not reviewed:", &html! { "it has changed since a person accepted it." })
        }
        (true, false) => line(
            "fail",
            "Not reviewed:",
            &html! { "nobody has accepted " a href="#rules" { (count(open, "rule")) } "." },
        ),
    }
}

/// What a check finds. Notes are left out, because the lines above say the same.
fn findings(report: &Report) -> Markup {
    let shown = |finding: &&Finding| finding.severity > Severity::Note;
    let findings: Vec<&Finding> = report.findings.iter().filter(shown).collect();
    html! { @if !findings.is_empty() {
        table.stack role="table" {
            caption { "What dsp check finds, the most severe first." }
            thead role="rowgroup" { tr role="row" {
                @for name in ["severity", "finding", "risk", "seen"] {
                    th scope="col" role="columnheader" { (name) }
                }
            } }
            tbody role="rowgroup" { @for finding in findings {
                tr role="row" {
                    th.word scope="row" role="rowheader" { (severity(finding)) }
                    td role="cell" {
                        (printable(&finding.message))
                        @if let Some(help) = &finding.help { br; span.soft { (printable(help)) } }
                        @if let Some(reason) = &finding.accepted {
                            br; span.soft { "accepted: " (printable(reason)) }
                        }
                    }
                    td role="cell" { @if let Some(risk) = finding.risk { (rules::risk(risk)) } }
                    td.word role="cell" data-label="seen: " {
                        @if let Some(seen) = &finding.seen { (printable(seen)) }
                    }
                }
            } }
        }
    } }
}

fn severity(finding: &Finding) -> Markup {
    let word = finding.severity.as_str();
    html! {
        @match (&finding.accepted, finding.severity) {
            (Some(_), _) => span.soft { "accepted" },
            (None, Severity::Error) => strong.state.fail { (word) },
            (None, _) => span.state.unknown { (word) },
        }
        br; span.soft { (finding.code) }
    }
}
