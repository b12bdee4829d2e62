//! Sets of bytes, and where a byte stands: the two questions that are asked of each byte of a request.

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

/// Splits a text at the first byte `at`, an ASCII character, which is in neither part. Most texts here
/// are too short for the searches of the standard library, which are made for long ones.
pub(super) fn split_at_byte(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == at)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// The segments of a path behind its first slash: of `/a/b` they are `a` and `b`, of `/` an empty one.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path.get(1..);
    std::iter::from_fn(move || {
        let text = rest?;
        let (segment, behind) = match split_at_byte(text, b'/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (text, None),
        };
        rest = behind;
        Some(segment)
    })
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

    proptest! {
        #[test]
        fn texts_are_split_as_the_standard_library_does(path in "/[a-bé/]{0,8}") {
            prop_assert_eq!(split_at_byte(&path, b'b'), path.split_once('b'));
            prop_assert!(segments(&path).eq(path.split('/').skip(1)));
        }
    }
}
