//! Texts that are cut.

/// At most `most` characters from the beginning of a text.
#[must_use]
pub fn beginning(text: &str, most: usize) -> &str {
    // Most texts do not even have that many bytes.
    if text.len() <= most {
        return text;
    }
    let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted() {
        assert_eq!(["aéb", "é", ""].map(|text| beginning(text, 2)), ["aé", "é", ""]);
        assert_eq!(beginning("é", 0), "");
    }
}
