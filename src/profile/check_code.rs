//! The codes of what `check` finds. They are part of the interface: profiles accept findings by
//! code, pipelines override severities by code, and reports are filtered by code.

use crate::text::words;

/// The code of a finding.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CheckCode {
    /// A rule matches more or less than the names it spells.
    AmbiguousName,
    /// A request asked for an API version older than the profile's `min_api`.
    BelowMinApi,
    /// An operation was used that a person has denied.
    DeniedOperationUsed,
    /// An entry under `accept` is past its last day.
    ExpiredAcceptance,
    /// A session has no end.
    IncompleteRecording,
    /// Lines were lost while recording.
    LossyRecording,
    /// An operation was used for a name that its narrowed rules do not match.
    NameOutsideNarrowing,
    /// An operation was used that no rule allows.
    NewOperation,
    /// A request contained something of a kind that no rule for its names speaks of.
    NewValue,
    /// A request that `enforce` refuses whatever the profile says.
    RefusedRequest,
    /// An operation's risk is higher now than when a person accepted it.
    RiskRose,
    /// A request is not an operation of the catalogue.
    UnknownOperation,
    /// An entry under `accept` that nothing matches.
    UnmatchedAcceptance,
    /// Rules that no person has accepted.
    Unreviewed,
    /// A rule that nothing used.
    UnusedRule,
    /// A value in a rule that nothing used.
    UnusedValue,
    /// A request contained another value than the ones that a rule names.
    ValueOutside,
}

words!(CheckCode, () = (), {
    AmbiguousName = "ambiguous-name",
    BelowMinApi = "below-min-api",
    DeniedOperationUsed = "denied-operation-used",
    ExpiredAcceptance = "expired-acceptance",
    IncompleteRecording = "incomplete-recording",
    LossyRecording = "lossy-recording",
    NameOutsideNarrowing = "name-outside-narrowing",
    NewOperation = "new-operation",
    NewValue = "new-value",
    RefusedRequest = "refused-request",
    RiskRose = "risk-rose",
    UnknownOperation = "unknown-operation",
    UnmatchedAcceptance = "unmatched-acceptance",
    Unreviewed = "unreviewed",
    UnusedRule = "unused-rule",
    UnusedValue = "unused-value",
    ValueOutside = "value-outside",
});

impl CheckCode {
    /// Whether an entry under `accept` may use this code. A faulty `accept` entry cannot be
    /// accepted by another entry. Findings that call for a review cannot be accepted either: the
    /// change that adds a rule could add the entry as well.
    #[must_use]
    pub fn is_acceptable(self) -> bool {
        !matches!(
            self,
            Self::ExpiredAcceptance | Self::RiskRose | Self::UnmatchedAcceptance | Self::Unreviewed
        )
    }
}
