//! Expressions that dsp's engine accepts but reads in another way than the proxy that they are for.

/// The engine of a proxy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dialect {
    /// RE2, as Go has it.
    Go,
    /// PCRE, as HAProxy uses it.
    Pcre,
}

/// Why an expression may mean something else here than in its own dialect; `None` if it does not.
pub(super) fn differs(expression: &str, dialect: Dialect) -> Option<&'static str> {
    let mut characters = expression.chars().peekable();
    // The characters since the beginning of a class in brackets.
    let mut in_class: Option<usize> = None;
    let mut repeats = false;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        if let Some(length) = in_class {
            match (character, next) {
                ('\\', _) => {
                    characters.next();
                }
                (']', _) if length > 0 => in_class = None,
                ('[', Some(':')) => {
                    // A named class, as in [[:alpha:]].
                    characters.by_ref().find(|character| *character == ']');
                }
                ('[', _) => return Some("a bracket inside a class of characters"),
                ('&', Some('&')) | ('-', Some('-')) | ('~', Some('~')) => {
                    return Some("a class of characters that could be a difference of two");
                }
                _ => {}
            }
            let is_negation = character == '^' && length == 0;
            in_class = in_class.map(|length| if is_negation { length } else { length + 1 });
            continue;
        }
        let is_repetition = matches!(character, '*' | '+' | '?' | '}');
        match (character, next) {
            ('\\', Some('<' | '>')) => return Some("an escape for < or >"),
            ('\\', Some('Q' | 'E')) => return Some("a quoted part"),
            ('\\', Some('b' | 'B')) => return Some("a boundary of words"),
            ('\\', _) => {
                characters.next();
            }
            ('[', _) => in_class = Some(0),
            ('(', Some('?')) => {
                let flags: String = characters.clone().skip(1).take_while(is_flag).collect();
                if flags.contains('x') || flags.contains('R') || flags.contains('u') {
                    return Some("a flag that the proxy may not have");
                }
            }
            ('+', _) if repeats => {
                return Some(match dialect {
                    Dialect::Go => "two repetitions in a row",
                    Dialect::Pcre => "a repetition that gives nothing back",
                });
            }
            ('*', _) if repeats => return Some("two repetitions in a row"),
            _ => {}
        }
        repeats = is_repetition;
    }
    None
}

/// An expression without classes of Unicode. Only that of control characters occurs in practice; of it,
/// the characters in ASCII are enough, because only names in ASCII are compared.
pub(super) fn in_ascii(expression: &str) -> String {
    let mut spelled = String::new();
    let mut is_in_class = false;
    let mut rest = expression;
    while let Some(character) = rest.chars().next() {
        if is_in_class && let Some(after) = rest.strip_prefix(r"\p{Cc}") {
            spelled += r"\x00-\x1f\x7f";
            rest = after;
            continue;
        }
        let length = if character == '\\' {
            1 + rest.chars().nth(1).map_or(0, char::len_utf8)
        } else {
            character.len_utf8()
        };
        match character {
            '[' => is_in_class = true,
            ']' => is_in_class = false,
            _ => {}
        }
        let (taken, after) = rest.split_at(length);
        spelled += taken;
        rest = after;
    }
    spelled
}

fn is_flag(character: &char) -> bool {
    character.is_ascii_alphabetic() || *character == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_read_alike_is_accepted() {
        for expression in [
            r"^(/v[\d\.]+)?/containers/[a-zA-Z0-9_.-]+/((stop)|(restart)|(kill))",
            r"/v1\..{1,2}/(version|containers/.*|events.*)",
            "[]a]",
            "[^]a]",
            "[[:alpha:]]x",
            "(?i)/a",
            "(?P<name>/a)",
            "a+?",
            r"\[a\+\+",
        ] {
            assert_eq!(differs(expression, Dialect::Go), None, "{expression}");
        }
    }

    #[test]
    fn what_they_read_differently_is_not() {
        for expression in
            ["[a&&b]", "[a--b]", "[[a]b]", "a++a", "a**", r"\<a\>", r"\Qa.b\E", "(?x)a b", r"\bweb"]
        {
            assert!(differs(expression, Dialect::Pcre).is_some(), "{expression}");
        }
    }
}
