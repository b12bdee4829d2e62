//! Recognizes the segments of a path that are words of an API, and not names or secrets, for paths
//! that no operation has.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::api::{CanonicalRequest, EngineKind, Part};

/// The replacement for hidden text.
pub const HIDDEN: &str = "[hidden]";

/// [`HIDDEN`] as the canonical form of a path spells it.
pub const HIDDEN_IN_PATH: &str = "%5Bhidden%5D";

/// The words in the paths of all operations.
static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let operations = EngineKind::ALL.iter().flat_map(|engine| engine.catalogue().operations());
    let parts = operations.flat_map(|operation| operation.template.parts());
    let words = parts.filter_map(|part| match part {
        Part::Literal(word) => Some(*word),
        Part::One(_) | Part::Several(_) | Part::Many(_) => None,
    });
    words.collect()
});

/// The limits for a word of an API in bytes, for the digits of a number, and for a version in
/// bytes.
const LONGEST_WORD: usize = 24;
const LONGEST_NUMBER: usize = 3;
const LONGEST_VERSION: usize = 8;

/// What counts as a word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Words {
    /// The words of the Engine API.
    Known,
    /// Also anything that could be a word of an API newer than the catalogue: lowercase letters,
    /// and short numbers. Otherwise users could not see which operation their engine has that dsp
    /// lacks.
    Likely,
}

/// The words of a path that no operation has. `enforce` refuses the request if `request` is `None`.
pub(super) fn of(request: Option<&CanonicalRequest>) -> Words {
    if request.is_some() { Words::Likely } else { Words::Known }
}

impl Words {
    /// Whether all segments of a path are words.
    pub(super) fn are_all_of(self, path: &str) -> bool {
        path.split('/').all(|segment| self.has(segment))
    }

    /// Whether a redacted segment is a word, apart from the hidden part.
    pub(super) fn has_redacted(self, redacted: &str) -> bool {
        let (front, rest) = redacted.split_once(HIDDEN).unwrap_or((redacted, ""));
        self.has(front) && self.has(rest.strip_prefix('@').unwrap_or(rest))
    }

    fn has(self, segment: &str) -> bool {
        matches!(segment, "" | "." | "..")
            || is_version(segment)
            || is_known(segment)
            || (self == Self::Likely && is_likely(segment))
    }
}

/// Ignores case, so that a client that writes `Containers` sees it in the message.
fn is_known(segment: &str) -> bool {
    segment.len() <= LONGEST_WORD
        && (KNOWN.contains(segment) || KNOWN.contains(segment.to_ascii_lowercase().as_str()))
}

fn is_version(segment: &str) -> bool {
    let digits = segment.strip_prefix(['v', 'V']).unwrap_or_default();
    (1..=LONGEST_VERSION).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_likely(segment: &str) -> bool {
    let is_number = || segment.bytes().all(|byte| byte.is_ascii_digit());
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || b"_-".contains(&byte);
    (segment.len() <= LONGEST_NUMBER && is_number())
        || (segment.len() <= LONGEST_WORD && segment.bytes().all(is_letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_escapes_the_replacement() {
        assert_eq!(crate::api::encode_segment(HIDDEN), HIDDEN_IN_PATH);
    }

    #[test]
    fn every_operation_consists_of_known_words() {
        for engine in EngineKind::ALL {
            for operation in engine.catalogue().operations() {
                let path = operation.template.fill(|_| "json".into());
                assert!(Words::Known.are_all_of(&path), "{path}");
            }
        }
    }

    #[test]
    fn possible_secrets_are_not_words() {
        for text in ["hunter2", "Abc", "0000", "a.b", "a b", "a:b", "v1.41.0.0.0", "\u{e9}"] {
            assert!(!Words::Likely.has(text) && !Words::Known.has(text), "{text}");
        }
        assert!(Words::Likely.has("extension") && !Words::Known.has("extension"));
        assert!(Words::Known.has("JSON") && Words::Known.has("v1.41") && Words::Known.has("_ping"));
    }
}
