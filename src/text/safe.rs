//! Makes foreign text safe to show and to write into files that people read.
//!
//! The names of files, revisions, containers and labels, and everything that clients and engines
//! say, may contain characters that move the cursor, end a line, or hide or reorder the text around
//! them, and words that a CI system takes for a command. All such text goes through [`printable`]
//! or, if it becomes a comment, [`one_line`], and each path through [`shown`](super::shown).

/// Makes any text safe to show on one line: escapes characters that could move the cursor, end the
/// line, or hide or reorder text.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (place, character) in text.char_indices() {
        push(&mut safe, character, text, place);
    }
    safe
}

/// A text as a comment of one line: line breaks, tabs and other control characters become spaces, and
/// everything else is as in [`printable`].
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(&text.replace(char::is_control, " "))
}

/// Like [`printable`] for text with several lines. Also returns where `span`, a range of its bytes,
/// is in the result.
#[must_use]
pub fn printable_lines(
    text: &str,
    span: &std::ops::Range<usize>,
) -> (String, std::ops::Range<usize>) {
    let mut safe = String::with_capacity(text.len());
    let (mut start, mut end) = (None, None);
    for (place, character) in text.char_indices() {
        if place >= span.start {
            start.get_or_insert(safe.len());
        }
        if place >= span.end {
            end.get_or_insert(safe.len());
        }
        if matches!(character, '\n' | '\t') {
            safe.push(character);
        } else if character != '\r' || !text.get(place..).is_some_and(|at| at.starts_with("\r\n")) {
            push(&mut safe, character, text, place);
        }
    }
    let (start, end) = (start.unwrap_or(safe.len()), end.unwrap_or(safe.len()));
    (safe, start..end.max(start))
}

/// Quotes a word so that a shell reads it back, on one line and safe to show. Unsafe characters go
/// into the `$'...'` quotes of bash, zsh and ksh, which support escapes.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    if !word.char_indices().any(|(place, character)| is_unsafe_at(word, place, character)) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut safe = "$'".to_owned();
    for (place, character) in word.char_indices() {
        match (u32::from(character), is_unsafe_at(word, place, character)) {
            (_, false) if matches!(character, '\'' | '\\') => safe.extend(['\\', character]),
            (_, false) => safe.push(character),
            // Always three octal digits, so that a digit that follows does not become part of it.
            (code, true) if code < 0x80 => safe += &format!("\\{code:03o}"),
            (code, true) => safe += &format!("\\U{code:08x}"),
        }
    }
    safe + "'"
}

/// Makes dsp's own styled text safe, in case foreign text got into it: escapes everything that
/// moves the cursor, except line ends, tabs and the sequences that set a style.
#[must_use]
pub fn guarded(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let style = style(rest);
        if style > 0 {
            safe += rest.get(..style).unwrap_or_default();
        } else if matches!(character, '\n' | '\t') {
            safe.push(character);
        } else {
            push(&mut safe, character, rest, 0);
        }
        rest = rest.get(style.max(character.len_utf8())..).unwrap_or_default();
    }
    safe
}

/// The length in bytes of the sequence at the start of a text that sets a style (SGR of ECMA-48).
fn style(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\u{1b}[") else { return 0 };
    let parameters = rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b';')).count();
    let is_style = rest.as_bytes().get(parameters) == Some(&b'm');
    if is_style { "\u{1b}[".len() + parameters + 1 } else { 0 }
}

/// Whether a character could move the cursor, end a line, or hide or reorder text.
#[must_use]
pub fn is_unsafe(character: char) -> bool {
    character.is_control() || reorders(character) || is_invisible(character)
}

/// Whether a text starts like a command that a CI system obeys even within a line of its log:
/// `##[add-mask]` (`ActionCommand.TryParse` in actions/runner), `##vso[task.setvariable]` of Azure
/// Pipelines, `##teamcity[setParameter]`.
#[must_use]
fn is_command(text: &str) -> bool {
    let rest = text.strip_prefix("##");
    rest.is_some_and(|rest| {
        rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()).starts_with('[')
    })
}

/// Whether the character at this position of a text must be escaped.
#[must_use]
pub fn is_unsafe_at(text: &str, place: usize, character: char) -> bool {
    is_unsafe(character) || (character == '#' && text.get(place..).is_some_and(is_command))
}

/// Appends the character at this position of a text.
fn push(safe: &mut String, character: char, text: &str, place: usize) {
    if is_unsafe_at(text, place, character) {
        safe.extend(character.escape_unicode());
    } else {
        safe.push(character);
    }
}

/// The marks and overrides of the bidirectional algorithm (UAX #9), and the two separators that end
/// a line or a paragraph.
fn reorders(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Characters that are invisible, or look like a space but are not one: the code points with the
/// property `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`), the marks of interlinear
/// annotations, the blank Braille pattern, and noncharacters.
fn is_invisible(character: char) -> bool {
    let is_ignorable = matches!(
        character,
        '\u{00ad}'
            | '\u{034f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    is_ignorable || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_raw() {
        assert_eq!(printable("web é"), "web é");
        assert_eq!(printable("\x1b[31m\n\u{202e}"), "\\u{1b}[31m\\u{a}\\u{202e}");
        for hidden in "\u{7f}\u{9b}\u{85}\u{ad}\u{200b}\u{200f}\u{2028}\u{2029}\u{2066}\u{feff}\u{3164}\
            \u{115f}\u{1160}\u{ffa0}\u{fe0f}\u{e0041}\u{e0100}\u{fffe}\u{1ffff}\u{2060}\u{180e}\u{34f}"
            .chars()
        {
            assert!(is_unsafe(hidden), "{}", hidden.escape_unicode());
        }
        for plain in "aé日ü💡-~ \u{fffd}".chars() {
            assert!(!is_unsafe(plain), "{plain}");
        }
    }

    #[test]
    fn a_comment_stays_on_its_line() {
        let text = "a\nb\t\u{202e}c##[x]";
        assert_eq!(one_line(text), "a b \\u{202e}c\\u{23}#[x]");
    }

    #[test]
    fn only_styles_pass_the_guard() {
        let styled = "\u{1b}[1;31merror\u{1b}[0m: a\n\tb\u{1b}[m";
        assert_eq!(guarded(styled), styled);
        let other = "\u{1b}]0;x\u{7}\u{1b}[2J\u{1b}[38:5m\u{9b}31m\u{202e}é\u{1b}";
        let safe = "\\u{1b}]0;x\\u{7}\\u{1b}[2J\\u{1b}[38:5m\\u{9b}31m\\u{202e}é\\u{1b}";
        assert_eq!(guarded(other), safe);
    }

    #[test]
    fn no_ci_system_finds_a_command_in_a_line() {
        for (text, safe) in [
            ("a ##[add-mask]e", "a \\u{23}#[add-mask]e"),
            ("##vso[task.setvariable variable=x]y", "\\u{23}#vso[task.setvariable variable=x]y"),
            ("###[error]x##teamcity[y]", "#\\u{23}#[error]x\\u{23}#teamcity[y]"),
        ] {
            assert_eq!(printable(text), safe);
            assert_eq!(printable_lines(text, &(0..0)).0, safe);
            assert_eq!(guarded(text), safe);
            assert_eq!(quoted(text), format!("$'{}'", safe.replace("\\u{23}", "\\043")));
        }
        for plain in ["## a heading [1]", "#[x]", "##", "a##b", "# #[x]"] {
            assert_eq!(printable(plain), plain);
        }
    }

    #[test]
    fn lines_stay_and_their_positions_move() {
        let text = "a\u{9b}b\r\n\tc\rd\n";
        let (safe, span) = printable_lines(text, &(3..4));
        assert_eq!((safe.as_str(), &safe[span]), ("a\\u{9b}b\n\tc\\u{d}d\n", "b"));
        let (safe, span) = printable_lines(text, &(text.len()..text.len() + 9));
        assert_eq!(span, safe.len()..safe.len());
    }

    #[test]
    fn a_shell_reads_a_word_back() {
        for word in [
            "",
            "a",
            "a b",
            "it's",
            "a\n::error::x",
            "\u{1b}1\u{202e}'\\",
            "-x",
            "é\u{ad}1",
            "##[x]1",
        ] {
            let quoted = quoted(word);
            assert!(!quoted.chars().any(is_unsafe), "{quoted}");
            let script = format!("printf %s {quoted}");
            let mut shell = std::process::Command::new("bash");
            shell.args(["-c", &script]).env("LC_ALL", "C.UTF-8");
            assert_eq!(String::from_utf8(shell.output().unwrap().stdout).unwrap(), word);
        }
    }

    proptest! {
        #[test]
        fn safe_text_contains_nothing_unsafe_and_stays_the_same(text in "\\PC*|[ -~]*|.*") {
            let safe = printable(&text);
            prop_assert!(!safe.chars().any(is_unsafe));
            prop_assert_eq!(printable(&safe), safe);
            prop_assert!(!quoted(&text).chars().any(is_unsafe));
            let comment = one_line(&text);
            prop_assert!(!comment.chars().any(is_unsafe));
            prop_assert_eq!(one_line(&comment), comment);
        }

        #[test]
        fn a_span_keeps_its_text(before in ".*", at in ".*", after in ".*") {
            let text = format!("{before}{at}{after}");
            prop_assume!(!text.contains('\r') && !text.contains("##"));
            let span = before.len()..before.len() + at.len();
            let (safe, moved) = printable_lines(&text, &span);
            let (alone, _) = printable_lines(&at, &(0..0));
            prop_assert_eq!(safe.get(moved), Some(alone.as_str()));
        }
    }
}
