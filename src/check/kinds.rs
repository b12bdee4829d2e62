//! The kinds of findings of a check, and their severities.

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
        CheckCode::NewValue,
        "a request contained something that its rule does not speak of",
        Severity::Error,
    ),
    kind(
        CheckCode::ValueOutside,
        "a request contained another value than the ones that its rule names",
        Severity::Error,
    ),
    kind(
        CheckCode::DeniedOperationUsed,
        "an operation was used that a person has denied",
        Severity::Error,
    ),
    kind(
        CheckCode::BelowMinApi,
        "requests asked for API versions older than the profile's min_api",
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
    kind(
        CheckCode::Unreviewed,
        "the profile contains rules that no person has accepted",
        Severity::Error,
    ),
    kind(
        CheckCode::RiskRose,
        "an operation is riskier today than when a person accepted it",
        Severity::Error,
    ),
    kind(
        CheckCode::AmbiguousName,
        "a rule matches more or less than the names it spells",
        Severity::Warning,
    ),
    kind(
        CheckCode::UnusedRule,
        "the profile allows something that no recording uses",
        Severity::Warning,
    ),
    kind(
        CheckCode::UnusedValue,
        "a rule allows requests to contain something that no recording uses",
        Severity::Warning,
    ),
    kind(
        CheckCode::IncompleteRecording,
        "a session has no start or no end, so requests may be missing",
        Severity::Warning,
    ),
    kind(
        CheckCode::LossyRecording,
        "requests are missing: lines were lost, or could not be read",
        Severity::Warning,
    ),
    kind(CheckCode::ExpiredAcceptance, "an entry under accept has expired", Severity::Warning),
    kind(
        CheckCode::UnmatchedAcceptance,
        "an entry under accept matches no finding",
        Severity::Warning,
    ),
];

const fn kind(code: CheckCode, title: &'static str, severity: Severity) -> Kind {
    Kind { code: code.as_str(), title, severity }
}

/// Whether findings of a kind show that the program does something that the profile does not allow,
/// which is the main purpose of a check.
#[must_use]
pub fn is_drift(code: &str) -> bool {
    let drift = [
        CheckCode::NewOperation,
        CheckCode::NameOutsideNarrowing,
        CheckCode::NewValue,
        CheckCode::ValueOutside,
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
    // A test checks that every code has a kind; the first one keeps this function total.
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
