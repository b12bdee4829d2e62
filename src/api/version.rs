//! The API version of a request, as in `/v1.41/containers/json`.

use std::cmp::Ordering;
use std::fmt;

use super::EngineKind;
use super::segments::split_at_byte;
use crate::text::printable;

/// A version in canonical spelling: `1.41`, and for podman also `4.3.1` and `5.8.0-dev`.
///
/// Docker Engine also accepts `1.41.0`, `01.041` and `1.41.` for 1.41
/// (docs/engine-api.md#version-prefix, seen on 20.10), and podman accepts `5`. Those are errors
/// here, so that rules and the engine never read a version differently.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
    patch: Option<u16>,
    pre: Option<PreRelease>,
}

/// The part after the dash, such as `dev` or `rc1`, padded with zeros.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct PreRelease([u8; PreRelease::LONGEST]);

/// The text is not a version in canonical spelling.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{}\" is not an API version such as {}", printable(text), match engine {
    EngineKind::Docker => "1.41",
    EngineKind::Podman => "1.41 or 4.3.1",
})]
pub struct VersionError {
    text: String,
    engine: EngineKind,
}

impl EngineKind {
    /// The lowest version that dsp supports for paths with this first segment. podman's own API counts from
    /// 0, and none of its versions gives away more than others.
    pub(super) fn floor(self, first: Option<&str>) -> Option<ApiVersion> {
        match self {
            Self::Podman if first == Some("libpod") => None,
            Self::Docker | Self::Podman => Some(ApiVersion::FLOOR),
        }
    }
}

impl ApiVersion {
    /// The lowest version of Docker's API that dsp supports. In older versions, `POST
    /// /containers/*/start` accepts a body that replaces the container's host configuration, which
    /// gives root on the host (docs/engine-api.md#version-downgrade, seen on Engine 20.10).
    pub const FLOOR: Self = Self::new(1, 24);

    /// The version `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor, patch: None, pre: None }
    }

    /// The version `major.minor.patch`, as podman numbers them.
    #[must_use]
    pub const fn full(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch: Some(patch), pre: None }
    }

    /// Parses a version for an engine of this kind.
    ///
    /// # Errors
    /// [`VersionError`], also for a non-canonical spelling.
    pub fn parse(engine: EngineKind, text: &str) -> Result<Self, VersionError> {
        let parsed = match engine {
            EngineKind::Docker => two_numbers(text),
            EngineKind::Podman => two_numbers(text).or_else(|| three_numbers(text)),
        };
        parsed.ok_or_else(|| VersionError { text: text.chars().take(40).collect(), engine })
    }

    /// The number before the first dot, below 1000.
    #[must_use]
    pub const fn major(self) -> u16 {
        self.major
    }

    /// The number after the first dot, below 1000.
    #[must_use]
    pub const fn minor(self) -> u16 {
        self.minor
    }

    /// The first digit of its spelling, by which podman chooses between two sets of routes.
    pub(super) fn first_digit(self) -> u16 {
        let mut digit = self.major;
        while digit > 9 {
            digit /= 10;
        }
        digit
    }
}

impl PreRelease {
    /// The length limit in bytes; podman's own pre-release names have four.
    const LONGEST: usize = 12;

    fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        if text.is_empty() || !text.bytes().all(plain) {
            return None;
        }
        let mut bytes = [0; Self::LONGEST];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self(bytes))
    }
}

fn two_numbers(text: &str) -> Option<ApiVersion> {
    let (major, minor) = split_at_byte(text, b'.')?;
    Some(ApiVersion::new(number(major)?, number(minor)?))
}

fn three_numbers(text: &str) -> Option<ApiVersion> {
    let (numbers, pre) = match text.split_once('-') {
        Some((numbers, pre)) => (numbers, Some(PreRelease::parse(pre)?)),
        None => (text, None),
    };
    let (front, patch) = numbers.rsplit_once('.')?;
    Some(ApiVersion { patch: Some(number(patch)?), pre, ..two_numbers(front)? })
}

/// One to three digits without leading zeros.
fn number(digits: &str) -> Option<u16> {
    if digits.is_empty() || digits.len() > 3 || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    digits.bytes().try_fold(0, |number: u16, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0'))
    })
}

impl Ord for ApiVersion {
    /// By number; a pre-release is older than the release.
    fn cmp(&self, other: &Self) -> Ordering {
        let key =
            |version: &Self| (version.major, version.minor, version.patch, version.pre.is_none());
        key(self).cmp(&key(other)).then_with(|| self.pre.cmp(&other.pre))
    }
}

impl PartialOrd for ApiVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)?;
        if let Some(patch) = self.patch {
            write!(formatter, ".{patch}")?;
        }
        if let Some(PreRelease(bytes)) = self.pre {
            let text = bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte));
            write!(formatter, "-{}", text.collect::<String>())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(engine: EngineKind, text: &str) -> Option<ApiVersion> {
        ApiVersion::parse(engine, text).ok()
    }

    #[test]
    fn only_the_canonical_spelling_is_a_version() {
        for engine in EngineKind::ALL {
            assert_eq!(parsed(engine, "1.41"), Some(ApiVersion::new(1, 41)));
            assert_eq!(parsed(engine, "1.0"), Some(ApiVersion::new(1, 0)));
            for text in ["", "1", "1.", ".1", "01.41", "1.041", "1.4x", "1.1000", "+1.2", "1. 2"] {
                assert_eq!(parsed(engine, text), None, "{text}");
            }
        }
        assert_eq!(parsed(EngineKind::Docker, "1.41.0"), None);
        for text in ["4.3.1", "0.0.0", "5.8.0-dev", "5.0.0-rc1", "5.0.0-RC.1-x"] {
            let version = parsed(EngineKind::Podman, text).unwrap();
            assert_eq!(version.to_string(), text);
        }
        for text in ["4.3.1.0", "4.03.1", "4.3.1-", "4.3-dev", "4.3.1-a_b", "4.3.1-abcdefghijklm"] {
            assert_eq!(parsed(EngineKind::Podman, text), None, "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(ApiVersion::new(1, 9) < ApiVersion::FLOOR);
        assert!(ApiVersion::FLOOR < ApiVersion::new(1, 100));
        assert!(ApiVersion::new(1, 100) < ApiVersion::new(2, 0));
        let ascending = ["1.41", "4.3", "4.3.0", "4.3.1-dev", "4.3.1-rc1", "4.3.1", "4.3.10"];
        let versions = ascending.map(|text| parsed(EngineKind::Podman, text).unwrap());
        assert!(versions.is_sorted());
    }
}
