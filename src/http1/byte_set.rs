//! Sets of bytes, for checks on each byte of a request.

/// A set of bytes.
#[derive(Debug)]
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// The ASCII letters and digits, and some other bytes.
    #[allow(clippy::indexing_slicing, reason = "a wrong index would end the build")]
    pub(crate) const fn alphanumeric_and(others: &[u8]) -> Self {
        let mut is_in = [false; 256];
        let mut byte = 0;
        while byte < is_in.len() {
            is_in[byte] = byte < 128 && (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut rest = others;
        while let [byte, more @ ..] = rest {
            is_in[*byte as usize] = true;
            rest = more;
        }
        Self(is_in)
    }

    /// Whether a byte is in the set.
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)) == Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_it_was_made_of() {
        const SET: ByteSet = ByteSet::alphanumeric_and(b"-/");
        for byte in 0..=255u8 {
            assert_eq!(SET.has(byte), byte.is_ascii_alphanumeric() || b"-/".contains(&byte));
        }
    }
}
