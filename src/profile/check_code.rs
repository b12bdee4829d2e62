//! The codes of what `check` finds. They are part of the interface: profiles accept findings by
//! code, pipelines override severities by code, and reports are filtered by code.

use std::fmt;
use std::str::FromStr;

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
}

impl CheckCode {
    /// Every code, in alphabetical order.
    pub const ALL: [Self; 14] = [
        Self::AmbiguousName,
        Self::BelowMinApi,
        Self::DeniedOperationUsed,
        Self::ExpiredAcceptance,
        Self::IncompleteRecording,
        Self::LossyRecording,
        Self::NameOutsideNarrowing,
        Self::NewOperation,
        Self::RefusedRequest,
        Self::RiskRose,
        Self::UnknownOperation,
        Self::UnmatchedAcceptance,
        Self::Unreviewed,
        Self::UnusedRule,
    ];

    /// The code as profiles and reports spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AmbiguousName => "ambiguous-name",
            Self::BelowMinApi => "below-min-api",
            Self::DeniedOperationUsed => "denied-operation-used",
            Self::ExpiredAcceptance => "expired-acceptance",
            Self::IncompleteRecording => "incomplete-recording",
            Self::LossyRecording => "lossy-recording",
            Self::NameOutsideNarrowing => "name-outside-narrowing",
            Self::NewOperation => "new-operation",
            Self::RefusedRequest => "refused-request",
            Self::RiskRose => "risk-rose",
            Self::UnknownOperation => "unknown-operation",
            Self::UnmatchedAcceptance => "unmatched-acceptance",
            Self::Unreviewed => "unreviewed",
            Self::UnusedRule => "unused-rule",
        }
    }

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

impl FromStr for CheckCode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|code| code.as_str() == text).ok_or(())
    }
}

impl fmt::Display for CheckCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
