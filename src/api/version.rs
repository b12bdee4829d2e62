//! The version of the Engine API that a request asks for, as in `/v1.41/containers/json`.

use std::fmt;
use std::str::FromStr;

/// A version in its one canonical spelling, `MAJOR.MINOR`.
///
/// The engine also takes `1.41.0`, `01.041` and `1.41.` for 1.41 (ENGINE_API 2.2, seen on 20.10);
/// those are not versions here, so that a rule and the engine cannot read one text differently.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

/// A text that is not a version in its canonical spelling.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{}\" is not an API version such as 1.41", text.escape_debug())]
pub struct VersionError {
    text: String,
}

impl ApiVersion {
    /// The lowest version that dsp lets through. Below it `POST /containers/*/start` takes a body
    /// that replaces the container's host configuration, which is root on the host
    /// (ENGINE_API 2.3, seen on Engine 20.10).
    pub const FLOOR: Self = Self::new(1, 24);

    /// The version `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// The number before the dot, below 1000.
    #[must_use]
    pub const fn major(self) -> u16 {
        self.major
    }

    /// The number behind the dot, below 1000.
    #[must_use]
    pub const fn minor(self) -> u16 {
        self.minor
    }
}

impl FromStr for ApiVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let number = |digits: &str| -> Option<u16> {
            let canonical = (1..=3).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            canonical.then(|| digits.parse().ok()).flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::new(number(major)?, number(minor)?)))
            .ok_or_else(|| VersionError { text: text.chars().take(40).collect() })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_a_version() {
        assert_eq!("1.41".parse(), Ok(ApiVersion::new(1, 41)));
        assert_eq!("1.0".parse(), Ok(ApiVersion::new(1, 0)));
        for text in
            ["", "1", "1.", ".1", "1.41.0", "01.41", "1.041", "1.4x", "1.1000", "+1.2", "1. 2"]
        {
            assert!(text.parse::<ApiVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(ApiVersion::new(1, 9) < ApiVersion::FLOOR);
        assert!(ApiVersion::FLOOR < ApiVersion::new(1, 100));
        assert!(ApiVersion::new(1, 100) < ApiVersion::new(2, 0));
    }
}
