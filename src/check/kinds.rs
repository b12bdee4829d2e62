//! What a check looks for, and how much each weighs.

use crate::profile::CheckCode;
use crate::report::{Kind, Severity};

/// The kinds of findings, in the order in which a check looks for them.
pub const KINDS: [Kind; CheckCode::ALL.len()] = [
    kind(CheckCode::NewOperation, "an operation was used that no rule allows", Severity::Error),
    kind(
        CheckCode::NameOutsideNarrowing,
        "an operation was used for a name that its narrowed rules do not allow",
        Severity::Error,
    ),
    kind(
        CheckCode::DeniedOperationUsed,
        "an operation was used that a person decided against",
        Severity::Error,
    ),
    kind(
        CheckCode::BelowMinApi,
        "API versions were asked for that are older than the profile's min_api",
        Severity::Error,
    ),
    kind(
        CheckCode::UnknownOperation,
        "a request was made that is not a known operation of the engine's API",
        Severity::Error,
    ),
    kind(
        CheckCode::RefusedRequest,
        "a request was made that enforce refuses whatever the profile says",
        Severity::Error,
    ),
    kind(CheckCode::Unreviewed, "the profile holds what no person has accepted", Severity::Error),
    kind(
        CheckCode::RiskRose,
        "an operation is riskier today than when a person accepted it",
        Severity::Error,
    ),
    kind(
        CheckCode::AmbiguousName,
        "a rule is about more or less than the names that it spells",
        Severity::Warning,
    ),
    kind(CheckCode::UnusedRule, "the profile allows what no recording used", Severity::Warning),
    kind(
        CheckCode::IncompleteRecording,
        "a session has no beginning or no end, so requests may be missing",
        Severity::Warning,
    ),
    kind(
        CheckCode::LossyRecording,
        "requests are missing: lines were lost, or could not be read",
        Severity::Warning,
    ),
    kind(
        CheckCode::ExpiredAcceptance,
        "an entry under accept is past its last day",
        Severity::Warning,
    ),
    kind(
        CheckCode::UnmatchedAcceptance,
        "an entry under accept matches no finding",
        Severity::Warning,
    ),
];

const fn kind(code: CheckCode, title: &'static str, severity: Severity) -> Kind {
    Kind { code: code.as_str(), title, severity }
}

/// Whether findings of a kind say that the program does what the profile does not allow, which is
/// what a check is for first.
pub(super) fn is_drift(code: &str) -> bool {
    let drift = [
        CheckCode::NewOperation,
        CheckCode::NameOutsideNarrowing,
        CheckCode::DeniedOperationUsed,
        CheckCode::BelowMinApi,
        CheckCode::UnknownOperation,
        CheckCode::RefusedRequest,
    ];
    drift.iter().any(|one| one.as_str() == code)
}

/// The kind with this code.
pub(super) fn of(code: CheckCode) -> &'static Kind {
    let found = KINDS.iter().find(|kind| kind.code == code.as_str());
    // Every code has its kind, which a test holds; the first one keeps this total.
    let [first, ..] = &KINDS;
    found.unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_kind() {
        for code in CheckCode::ALL {
            assert_eq!(of(code).code, code.as_str());
            assert_eq!(KINDS.iter().filter(|kind| kind.code == code.as_str()).count(), 1);
        }
    }
}
