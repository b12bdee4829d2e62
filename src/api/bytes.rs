//! What is asked of each byte of a request: whether it is in a set, and whether a segment ends there.

use smallvec::SmallVec;

/// A set of bytes.
#[derive(Debug)]
pub(super) struct Bytes([bool; 256]);

impl Bytes {
    /// The ASCII letters and digits and some others.
    #[allow(clippy::indexing_slicing, reason = "a wrong index would end the build")]
    pub(super) const fn alphanumeric_and(others: &[u8]) -> Self {
        let mut is_in = [false; 256];
        let mut byte = 0;
        while byte < is_in.len() {
            is_in[byte] = byte < 128 && (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut rest = others;
        while let [byte, behind @ ..] = rest {
            is_in[*byte as usize] = true;
            rest = behind;
        }
        Self(is_in)
    }

    /// Whether a byte is one of them.
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)) == Some(&true)
    }
}

/// The segments of a path; few paths have more than eight.
pub(super) type Segments<'a> = SmallVec<[&'a str; 8]>;

/// Splits a path into what stands behind each of its slashes: of `/a/b` that is `a` and `b`, of `/` an
/// empty text. The path ends before the first byte that is neither a slash nor `in_segments`; how
/// long it is comes out too.
pub(super) fn split_path(text: &str, in_segments: impl Fn(u8) -> bool) -> (Segments<'_>, usize) {
    let mut segments = Segments::new();
    let mut start = 1;
    loop {
        let behind = text.as_bytes().get(start..).unwrap_or_default();
        let length = behind.iter().position(|byte| !in_segments(*byte)).unwrap_or(behind.len());
        let end = start + length;
        segments.push(text.get(start..end).unwrap_or_default());
        if behind.get(length) != Some(&b'/') {
            return (segments, end);
        }
        start = end + 1;
    }
}

/// Splits a text at the first byte `at`, an ASCII character, which is in neither part. Most texts here
/// are too short for the searches of the standard library, which are made for long ones.
pub(super) fn split_at_byte(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == at)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_set_has_what_it_was_made_of() {
        const SET: Bytes = Bytes::alphanumeric_and(b"-/");
        for byte in 0..=255u8 {
            assert_eq!(SET.has(byte), byte.is_ascii_alphanumeric() || b"-/".contains(&byte));
        }
    }

    const ALL_BUT_SLASH: Bytes = {
        let mut is_in = [true; 256];
        is_in[b'/' as usize] = false;
        Bytes(is_in)
    };

    proptest! {
        #[test]
        fn texts_are_split_as_the_standard_library_does(path in "/[a-bé/]{0,8}") {
            prop_assert_eq!(split_at_byte(&path, b'b'), path.split_once('b'));
            let front = path.split('é').next().unwrap();
            for (text, others) in [(front, Bytes::alphanumeric_and(b"")), (&path, ALL_BUT_SLASH)] {
                let expected: Vec<&str> = text.split('/').skip(1).collect();
                let (segments, end) = split_path(&path, |byte| others.has(byte));
                prop_assert_eq!((segments.as_slice(), end), (expected.as_slice(), text.len()));
            }
        }
    }
}
