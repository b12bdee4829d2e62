//! The recorded evidence: which session used what, and whether that was enough.

use maud::{Markup, html};

use super::{chart, rules};
use crate::learn::{Coverage, Evidence, SessionRow};
use crate::report::{count, printable};

/// The number of sessions that have their own column: the last ones.
const COLUMNS: usize = 24;

pub(super) fn sections(evidence: &Evidence) -> Markup {
    let coverage = Coverage::of(evidence);
    html! {
        (saturation(&coverage))
        (over_time(evidence, &coverage))
    }
}

/// Whether more recordings would add operations.
fn saturation(coverage: &Coverage) -> Markup {
    let once: Vec<&str> = coverage.once().map(|row| row.operation.as_str()).collect();
    html! {
        section aria-labelledby="coverage" {
            h2 id="coverage" { "Was enough recorded?" }
            @match coverage.expected_new_operations {
                Some(expected) => p {
                    "Another session like these is expected to add " strong { (expected) }
                    " new operations: on average, that many are in one of these and in no other. Sessions of "
                    "one kind say nothing about another kind."
                },
                None => p { "One session is not enough to estimate what another one would add." },
            }
            (chart::saturation(&coverage.sessions))
            div.scroll tabindex="0" role="region" aria-label="Operations by session" {
                table {
                    caption { "The figures of the chart: operations by session." }
                    thead { tr {
                        th.number scope="col" { "no." }
                        th scope="col" { "session" } th scope="col" { "what" } th scope="col" { "start" }
                        th.number scope="col" { "new" } th.number scope="col" { "total" } th scope="col" { "complete" }
                    } }
                    tbody { @for (place, row) in coverage.sessions.iter().enumerate() {
                        tr {
                            td.number { (place + 1) }
                            th scope="row" { code { (printable(&row.id)) } }
                            td { (what(row)) }
                            td { (row.start.as_deref().map_or("unknown".to_owned(), to_the_second)) }
                            td.number { (row.new) }
                            td.number { (row.total) }
                            td { @if row.complete { "yes" } @else { strong { "no" } } }
                        }
                    } }
                }
            }
            @if coverage.sessions.len() > 1 && !once.is_empty() {
                h3 { "Seen in only one session" }
                ul { @for operation in once { li { code { (operation) } } } }
            }
            @if !coverage.questions.is_empty() {
                h3 { "Questions that only a person can answer" }
                ul { @for question in &coverage.questions {
                    li {
                        code { (question.seen) } " was seen and " code { (question.missing) }
                        " was not: " (question.question)
                    }
                } }
            }
        }
    }
}

/// What ran in a session, with its labels.
fn what(row: &SessionRow) -> Markup {
    html! {
        (printable(row.subject.as_deref().unwrap_or("a listener")))
        @for (key, value) in &row.labels { br; span.soft { (printable(key)) "=" (printable(value)) } }
    }
}

/// A time of RFC 3339 without its fraction.
fn to_the_second(time: &str) -> String {
    time.split('.').next().unwrap_or_default().trim_end_matches('Z').replace('T', " ")
}

/// A sign, and the word for it for screen readers.
fn mark(sign: &str, word: &str) -> Markup {
    html! { span aria-hidden="true" { (sign) } span.heard { (word) } }
}

/// Which session used which operation, in order of time.
fn over_time(evidence: &Evidence, coverage: &Coverage) -> Markup {
    let all = evidence.sessions().len();
    let first = all.saturating_sub(COLUMNS);
    html! {
        section aria-labelledby="time" {
            h2 id="time" { "What was used when" }
            @if first > 0 { p { "The last " (COLUMNS) " of " (count(all, "session")) "." } }
            div.scroll tabindex="0" role="region" aria-label="Operations over time" {
                table.matrix {
                    caption { "Each operation, and the sessions that used it, by their numbers above, in order of time." }
                    thead { tr {
                        th scope="col" { "operation" } th scope="col" { "risk" } th scope="col" { "requests" }
                        @for place in first..all { th scope="col" { (place + 1) } }
                    } }
                    tbody { @for (known, row) in evidence.known().zip(&coverage.operations) {
                        tr {
                            th scope="row" { code { (row.operation) } }
                            td { (rules::risk(row.risk)) }
                            td.number { (row.requests) }
                            @for place in first..all {
                                @if known.seen.sessions.contains(&place) {
                                    td.seen { (mark("●", "used")) }
                                } @else { td.soft { (mark("–", "not used")) } }
                            }
                        }
                    } }
                }
            }
            @let unknown: Vec<&str> = evidence.unknown().map(|(text, _)| text).collect();
            @if !unknown.is_empty() {
                h3 { "Requests that are not a known operation" }
                ul { @for text in unknown { li { code { (printable(text)) } } } }
            }
        }
    }
}
