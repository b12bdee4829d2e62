//! Splits paths, queries and versions at single bytes.

use smallvec::SmallVec;

/// The segments of a path. Few paths have more than eight.
pub(super) type Segments<'a> = SmallVec<[&'a str; 8]>;

/// Splits a path at its slashes, and returns the text after each of them: `a` and `b` for `/a/b`, one
/// empty text for `/`. The path ends before the first byte that is neither a slash nor `in_segments`;
/// its length is returned too.
pub(super) fn split_path(text: &str, in_segments: impl Fn(u8) -> bool) -> (Segments<'_>, usize) {
    let mut segments = Segments::new();
    let mut start = 1;
    loop {
        let rest = text.as_bytes().get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| !in_segments(*byte)).unwrap_or(rest.len());
        let end = start + length;
        segments.push(text.get(start..end).unwrap_or_default());
        if rest.get(length) != Some(&b'/') {
            return (segments, end);
        }
        start = end + 1;
    }
}

/// Splits a text at the first byte `at`, an ASCII character, which is in neither part. A loop is
/// faster here than the search of the standard library, which is made for longer texts.
pub(super) fn split_at_byte(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == at)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_split_as_the_standard_library_does(path in "/[a-bé/]{0,8}") {
            prop_assert_eq!(split_at_byte(&path, b'b'), path.split_once('b'));
            let ascii = path.split('é').next().unwrap();
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric();
            let is_other = |byte: u8| byte != b'/';
            let in_segments: [(&str, &dyn Fn(u8) -> bool); 2] =
                [(ascii, &is_letter), (&path, &is_other)];
            for (text, in_segments) in in_segments {
                let expected: Vec<&str> = text.split('/').skip(1).collect();
                let (segments, end) = split_path(&path, in_segments);
                prop_assert_eq!((segments.as_slice(), end), (expected.as_slice(), text.len()));
            }
        }
    }
}
