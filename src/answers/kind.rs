//! The kinds of secrets that answers give away, and sets of them.

use std::fmt;

use crate::api::RiskFact;
use crate::text::words;

/// A kind of secret in answers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Environment variables, and the command lines that set them.
    Environment,
    /// Command lines: of containers, of execs, of health checks and of the steps that built an image.
    Commands,
    /// Tokens, keys, the options of drivers, and the contents of configs and secrets.
    Credentials,
}

words!(Kind, () = (), {
    Environment = "environment",
    Commands = "commands",
    Credentials = "credentials",
});

impl Kind {
    /// What it is, for a list.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Environment => "environment variables, and the command lines that set them",
            Self::Commands => {
                "command lines of containers, execs, health checks and steps of builds"
            }
            Self::Credentials => {
                "tokens, keys, options of drivers, and the contents of configs and secrets"
            }
        }
    }

    /// Whether an operation with this fact reveals secrets of this kind.
    pub(super) fn is_of(self, fact: RiskFact) -> bool {
        match self {
            Self::Environment => fact == RiskFact::Environment,
            Self::Commands => fact == RiskFact::Arguments,
            Self::Credentials => matches!(fact, RiskFact::Credential | RiskFact::Contents),
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Environment => 1,
            Self::Commands => 2,
            Self::Credentials => 4,
        }
    }
}

/// The kinds of secrets that are hidden.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Hidden(u8);

impl Hidden {
    /// Nothing is hidden.
    pub const NOTHING: Self = Self(0);

    /// Every kind is hidden.
    pub const EVERYTHING: Self = Self(7);

    /// Whether nothing is hidden.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a kind is hidden.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether everything that `other` hides is hidden.
    #[must_use]
    pub fn has_all_of(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What both hide.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either hides.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What this hides and `other` does not.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Each kind, in order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }
}

impl From<Kind> for Hidden {
    fn from(kind: Kind) -> Self {
        Self(kind.bit())
    }
}

impl FromIterator<Kind> for Hidden {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NOTHING, |all, kind| all.or(kind.into()))
    }
}

/// The kinds in words: `environment, commands`.
impl fmt::Display for Hidden {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Kind::as_str).collect();
        to.pad(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let two: Hidden = [Kind::Credentials, Kind::Environment].into_iter().collect();
        assert_eq!(two.to_string(), "environment, credentials");
        assert!(two.has(Kind::Environment) && !two.has(Kind::Commands) && !two.is_empty());
        assert_eq!(Kind::ALL.into_iter().collect::<Hidden>(), Hidden::EVERYTHING);
        assert_eq!(two.and(Kind::Environment.into()), Kind::Environment.into());
        assert_eq!(two.without(Kind::Environment.into()), Kind::Credentials.into());
        assert!(Hidden::EVERYTHING.has_all_of(two) && !two.has_all_of(Hidden::EVERYTHING));
    }
}
