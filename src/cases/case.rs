//! Requests in a file, one on each line.

use std::ops::Range;

use crate::text::{nearest, printable, words};

/// What a profile says about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ruling {
    /// It is forwarded.
    Allow,
    /// It is forwarded if it is about an object that was made through the profile.
    Own,
    /// It is not forwarded.
    Deny,
}

words!(Ruling, () = (), { Allow = "allow", Own = "own", Deny = "deny" });

/// A request as a person writes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Case {
    /// The line in the file, from 1.
    pub line: usize,
    /// The byte range of the line in the file.
    pub span: Range<usize>,
    /// What the profile should say about it, if the line says so.
    pub expected: Option<Ruling>,
    /// The method, as written.
    pub method: String,
    /// The target, as written.
    pub target: String,
    /// The body.
    pub body: WrittenBody,
}

/// The body of a request as a person writes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum WrittenBody {
    /// There is none.
    #[default]
    None,
    /// The body itself.
    Text(String),
    /// A file that contains it.
    File(String),
}

/// A line is not a request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Misread {
    /// The line in the file, from 1.
    pub line: usize,
    /// The byte range of what is wrong.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// The form of a line, for hints.
const FORM: &str = "write [allow|own|deny] METHOD /path [BODY]";

impl WrittenBody {
    /// Reads a body as curl does: `@FILE`, or the body itself.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('@') {
            Some(file) => Self::File(file.to_owned()),
            None if text.is_empty() => Self::None,
            None => Self::Text(text.to_owned()),
        }
    }
}

/// Reads requests, one on each line: the ruling that is expected, the method, the target and the body. The
/// first and the last can be left out. Empty lines and those that begin with `#` say nothing.
///
/// # Errors
/// [`Misread`] for the first line that is not a request.
pub fn read(text: &str) -> Result<Vec<Case>, Misread> {
    let mut cases = Vec::new();
    let mut start = 0;
    for (number, line) in text.split('\n').enumerate() {
        let content = line.trim();
        if !content.is_empty() && !content.starts_with('#') {
            let indent = line.len() - line.trim_start().len();
            cases.push(case(content, number + 1, start + indent)?);
        }
        start += line.len() + 1;
    }
    Ok(cases)
}

/// Reads one request, as `METHOD /path`.
#[must_use]
pub fn parse_request(text: &str) -> Option<(&str, &str)> {
    let (method, target) = text.trim().split_once(' ')?;
    let target = target.trim_start();
    (is_method(method) && !target.is_empty() && !target.contains(char::is_whitespace))
        .then_some((method, target))
}

/// One line, whose content begins at this byte.
fn case(content: &str, line: usize, start: usize) -> Result<Case, Misread> {
    let misread = |word: &str, message: String, help: String| {
        let at = start + (content.len() - word.len());
        let end = at + word.split_whitespace().next().map_or(0, str::len);
        Misread { line, span: at..end, message, help }
    };
    let (word, rest) = first_word(content);
    let expected = word.parse().ok();
    let (method, rest) = if expected.is_some() { first_word(rest) } else { (word, rest) };
    if !is_method(method) {
        let from = if expected.is_some() { after(content, word) } else { content };
        let message = match method {
            "" => format!("no method follows \"{word}\""),
            _ => format!("\"{}\" is not a method", printable(method)),
        };
        let known = Ruling::ALL.into_iter().map(Ruling::as_str);
        let meant = nearest(method, known).filter(|_| expected.is_none());
        let help = meant.map_or_else(|| FORM.to_owned(), |meant| format!("did you mean {meant}?"));
        return Err(misread(from, message, help));
    }
    let (target, body) = first_word(rest);
    if target.is_empty() {
        let message = format!("no path follows \"{method}\"");
        return Err(misread(after(content, method), message, FORM.to_owned()));
    }
    Ok(Case {
        line,
        span: start..start + content.len(),
        expected,
        method: method.to_owned(),
        target: target.to_owned(),
        body: WrittenBody::parse(body),
    })
}

/// A word, and the text after it.
fn first_word(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace)
        .map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

/// What of a text follows the first place of a word.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    text.split_once(word).map_or("", |(_, rest)| rest.trim_start())
}

/// Whether a word looks like a method. An engine may not have it.
fn is_method(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_has_a_ruling_a_request_and_a_body() {
        let text = "# what it may do\n\nGET /info\n  allow\tHEAD  /_ping\r\ndeny POST \
                    /containers/create {\"Image\": \"a b\"}\nown POST /build @context.tar\n";
        let cases = read(text).unwrap();
        let lines: Vec<String> = cases
            .iter()
            .map(|case| {
                let expected = case.expected.map_or("-", Ruling::as_str);
                assert_eq!(text.get(case.span.clone()).unwrap().lines().count(), 1);
                format!("{}: {expected} {} {} {:?}", case.line, case.method, case.target, case.body)
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        3: - GET /info None
        4: allow HEAD /_ping None
        5: deny POST /containers/create Text("{\"Image\": \"a b\"}")
        6: own POST /build File("context.tar")
        "#);
    }

    #[test]
    fn a_line_that_is_not_a_request_is_named_with_what_is_wrong() {
        let said = |text: &str| {
            let misread = read(text).unwrap_err();
            let marked = text.get(misread.span.clone()).unwrap();
            format!("{misread}; {} [{}]", misread.help, printable(marked))
        };
        insta::assert_snapshot!(
            ["GET /info\nalow GET /info", "allow", "deny get /info", "GET", "allow GET", "\u{1b}[2J /info", "/info"]
                .map(said)
                .join("\n"), @r#"
        line 2: "alow" is not a method; did you mean allow? [alow]
        line 1: no method follows "allow"; write [allow|own|deny] METHOD /path [BODY] []
        line 1: "get" is not a method; write [allow|own|deny] METHOD /path [BODY] [get]
        line 1: no path follows "GET"; write [allow|own|deny] METHOD /path [BODY] []
        line 1: no path follows "GET"; write [allow|own|deny] METHOD /path [BODY] []
        line 1: "\u{1b}[2J" is not a method; write [allow|own|deny] METHOD /path [BODY] [\u{1b}[2J]
        line 1: "/info" is not a method; write [allow|own|deny] METHOD /path [BODY] [/info]
        "#
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_a_place_in_it(text in "(?s).{0,80}") {
            match read(&text) {
                Ok(cases) => {
                    let lines = text.split('\n').map(str::trim);
                    let said = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
                    prop_assert_eq!(said.count(), cases.len());
                }
                Err(misread) => prop_assert!(text.get(misread.span).is_some()),
            }
        }
    }
}
