//! The structure of a Caddyfile: lines of words, and blocks in braces.

/// A directive: its words, and the block that follows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Directive {
    pub(super) line: usize,
    pub(super) words: Vec<String>,
    pub(super) block: Vec<Directive>,
    /// Whether a block follows, even if it is empty.
    pub(super) has_block: bool,
}

/// How deep blocks may be inside others.
const DEEPEST: usize = 32;

/// The text is no Caddyfile: a brace is missing at this line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unbalanced(pub(super) usize);

/// A word, or a brace that opens or closes a block.
enum Token {
    Word(String),
    Open,
    Close,
}

impl Directive {
    /// The word at a place.
    pub(super) fn word(&self, place: usize) -> &str {
        self.words.get(place).map(String::as_str).unwrap_or_default()
    }

    /// The line as it is shown.
    pub(super) fn spelled(&self) -> String {
        self.words.join(" ")
    }
}

/// Reads a text as directives, with their blocks.
pub(super) fn directives(text: &str) -> Result<Vec<Directive>, Unbalanced> {
    let mut open: Vec<Directive> = vec![Directive::default()];
    let mut last = 0;
    for (line, tokens) in lines(text) {
        last = line;
        let mut words = Vec::new();
        let flush = |open: &mut Vec<Directive>, words: &mut Vec<String>| {
            if !words.is_empty()
                && let Some(outer) = open.last_mut()
            {
                let words = std::mem::take(words);
                outer.block.push(Directive { line, words, ..Directive::default() });
            }
        };
        for token in tokens {
            match token {
                Token::Word(word) => words.push(word),
                Token::Open => {
                    let words = std::mem::take(&mut words);
                    if open.len() > DEEPEST {
                        return Err(Unbalanced(line));
                    }
                    open.push(Directive { line, words, has_block: true, ..Directive::default() });
                }
                Token::Close => {
                    flush(&mut open, &mut words);
                    let done = open.pop().filter(|_| !open.is_empty()).ok_or(Unbalanced(line))?;
                    open.last_mut().into_iter().for_each(|outer| outer.block.push(done.clone()));
                }
            }
        }
        flush(&mut open, &mut words);
    }
    match open.as_mut_slice() {
        [all] => Ok(std::mem::take(&mut all.block)),
        _ => Err(Unbalanced(last)),
    }
}

/// The lines that have words, with their numbers. A backslash at the end joins two lines.
fn lines(text: &str) -> Vec<(usize, Vec<Token>)> {
    let mut lines: Vec<(usize, Vec<Token>)> = Vec::new();
    let mut current = (1, Vec::new());
    let mut number = 1;
    let mut word: Option<(String, bool)> = None;
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\n' {
            number += 1;
        }
        match (character, quote) {
            (closing, Some(open)) if closing == open => quote = None,
            ('\\', Some('"')) if characters.peek() == Some(&'"') => {
                characters.next();
                word.get_or_insert_default().0.push('"');
            }
            (other, Some(_)) => word.get_or_insert_default().0.push(other),
            ('"' | '`', None) if word.is_none() => {
                quote = Some(character);
                word = Some((String::new(), true));
            }
            ('#', None) if word.is_none() => {
                while characters.next_if(|character| *character != '\n').is_some() {}
            }
            ('\\', None) if characters.peek() == Some(&'\n') => {
                characters.next();
                number += 1;
            }
            (space, None) if space.is_whitespace() => {
                current.1.extend(word.take().map(token));
                if space == '\n' {
                    if !current.1.is_empty() {
                        lines.push(std::mem::take(&mut current));
                    }
                    current.0 = number;
                }
            }
            (other, None) => word.get_or_insert_default().0.push(other),
        }
    }
    current.1.extend(word.take().map(token));
    if !current.1.is_empty() {
        lines.push(current);
    }
    lines
}

fn token((text, is_quoted): (String, bool)) -> Token {
    match text.as_str() {
        "{" if !is_quoted => Token::Open,
        "}" if !is_quoted => Token::Close,
        _ => Token::Word(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_nest_and_lines_are_counted() {
        let text = "{\n\tadmin off\n}\n# x\n:80 {\n\t@a path /x \\\n\t\t/y\n\trespond `a\nb` 403\n\troute {\n\t}\n}\n";
        let all = directives(text).unwrap();
        assert_eq!(all.len(), 2);
        assert!(all[0].words.is_empty() && all[0].has_block);
        let site = &all[1];
        assert_eq!((site.word(0), site.line), (":80", 5));
        let inside: Vec<(usize, String, bool)> =
            site.block.iter().map(|one| (one.line, one.spelled(), one.has_block)).collect();
        assert_eq!(
            inside,
            [
                (6, "@a path /x /y".to_owned(), false),
                (8, "respond a\nb 403".to_owned(), false),
                (10, "route".to_owned(), true)
            ]
        );
    }

    #[test]
    fn a_missing_brace_is_found() {
        assert_eq!(directives("a {\n b\n"), Err(Unbalanced(2)));
        assert_eq!(directives("a\n}\n"), Err(Unbalanced(2)));
        assert!(directives(&"a {\n".repeat(100)).is_err());
    }
}
