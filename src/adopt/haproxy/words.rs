//! The words of a line of `haproxy.cfg`: quotes, escapes, comments.

/// The words of a line. Quotes may be anywhere in a word.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (closing, Some(open)) if closing == open => quote = None,
            ('\\', None | Some('"')) => {
                let escaped = characters.next().unwrap_or('\\');
                let word = word.get_or_insert_default();
                // HAProxy removes the backslash only from what it could misread.
                if !matches!(escaped, ' ' | '#' | '\\' | '"' | '\'' | '$') {
                    word.push('\\');
                }
                word.push(escaped);
            }
            (other, Some(_)) => word.get_or_insert_default().push(other),
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('#', None) => break,
            (space, None) if space.is_whitespace() => words.extend(word.take()),
            (other, None) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quotes_keep_spaces_and_backslashes() {
        assert_eq!(
            words(r"  acl a path_reg ^(/v[\d\.]+)?/x # y"),
            ["acl", "a", "path_reg", r"^(/v[\d\.]+)?/x"]
        );
        assert_eq!(words(r#"a 'b \d c' "d e" f\ g"#), ["a", r"b \d c", "d e", "f g"]);
        assert_eq!(words("# all"), Vec::<String>::new());
    }
}
