//! Environment variables: files of `KEY=VALUE` lines, and the references to other variables that
//! Compose replaces.

use super::grants::{Effect, Grants};

/// A variable of a container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// The value, or why it is not known.
    pub(super) value: Result<String, Unknown>,
    /// Its line, from 1.
    pub(super) line: usize,
}

/// A value that is somewhere else.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unknown {
    /// It is that of the shell in which the proxy is started.
    #[error("its value is set elsewhere")]
    Elsewhere,
    /// It refers to a variable without a default.
    #[error("its value comes from the variable {0}, which has no default here")]
    Refers(String),
    /// It is not text.
    #[error("its value is not a text")]
    NotText,
}

/// Reads lines of `KEY=VALUE`, as Compose reads an `env_file`. `None` if some line is something else.
pub(super) fn file(text: &str) -> Option<Vec<Variable>> {
    let mut variables = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim())),
            None => (line, None),
        };
        if !is_name(name) {
            return None;
        }
        let value = value.map_or(Err(Unknown::Elsewhere), |value| match quoted(value) {
            Some(('\'', inside)) => Ok(inside.to_owned()),
            Some((_, inside)) => interpolated(inside),
            None => interpolated(without_comment(value)),
        });
        variables.push(Variable { name: name.to_owned(), value, line: number });
    }
    (!variables.is_empty()).then_some(variables)
}

/// Whether a text can be the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty()
        && text.bytes().all(plain)
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// The text in a pair of quotes.
fn quoted(value: &str) -> Option<(char, &str)> {
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let inside = value.strip_prefix(quote)?;
    let (inside, after) = inside.split_once(quote)?;
    let after = after.trim_start();
    (after.is_empty() || after.starts_with('#')).then_some((quote, inside))
}

fn without_comment(value: &str) -> &str {
    value.split_once(" #").map_or(value, |(value, _)| value).trim_end()
}

/// A text with its references replaced: by a default, because nothing else is known here.
pub(super) fn interpolated(text: &str) -> Result<String, Unknown> {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        replaced.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            replaced.push('$');
            rest = after;
            continue;
        }
        if let Some((inside, after)) =
            after.strip_prefix('{').and_then(|inside| inside.split_once('}'))
        {
            let end = inside.find(|character: char| {
                !is_name(&character.to_string()) && !character.is_ascii_digit()
            });
            let (name, how) = inside.split_at(end.unwrap_or(inside.len()));
            let default = how.strip_prefix(":-").or_else(|| how.strip_prefix('-'));
            match default {
                // A default may itself refer to a variable, which has no value here either.
                Some(default) if !default.contains('$') => replaced.push_str(default),
                _ => return Err(Unknown::Refers(name.to_owned())),
            }
            rest = after;
            continue;
        }
        let end =
            after.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let (name, after) = after.split_at(end.unwrap_or(after.len()));
        if is_name(name) {
            return Err(Unknown::Refers(name.to_owned()));
        }
        replaced.push('$');
        replaced.push_str(name);
        rest = after;
    }
    replaced.push_str(rest);
    Ok(replaced)
}

/// What is known of a variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Value<'a> {
    /// It is not set, so the default of the program counts.
    Missing,
    /// It has this value, on this line.
    Known(&'a str, usize),
    /// It is set, but to what is not known. No default may be taken for it.
    Unknown,
}

/// The last value of a variable, which is the one that counts. A value that is not known is noted.
pub(super) fn value<'a>(variables: &'a [Variable], name: &str, grants: &mut Grants) -> Value<'a> {
    let Some(variable) = variables.iter().rfind(|variable| variable.name == name) else {
        return Value::Missing;
    };
    match &variable.value {
        Ok(value) => Value::Known(value, variable.line),
        Err(unknown) => {
            grants.note(Some(variable.line), name, unknown.to_string(), Effect::Less);
            Value::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Result<String, Unknown>)> {
        let found = file(text).unwrap_or_default().into_iter();
        found.map(|variable| (variable.name, variable.value)).collect()
    }

    #[test]
    fn lines_are_read_as_compose_reads_them() {
        let ok = |name: &str, value: &str| (name.to_owned(), Ok(value.to_owned()));
        assert_eq!(
            read("# x\nA=1\nexport B = \"0\" # y\nC='$x'\nD=a # b\nE=a#b\nF=\n"),
            [ok("A", "1"), ok("B", "0"), ok("C", "$x"), ok("D", "a"), ok("E", "a#b"), ok("F", "")]
        );
        assert_eq!(read("A\n"), [("A".to_owned(), Err(Unknown::Elsewhere))]);
        assert_eq!(file("GET /a\n"), None);
        assert_eq!(file("services:\n  a: 1\n"), None);
    }

    #[test]
    fn references_have_defaults_or_are_unknown() {
        assert_eq!(interpolated("a${X:-1}b${Y-2}$$c"), Ok("a1b2$c".to_owned()));
        assert_eq!(interpolated("/x$"), Ok("/x$".to_owned()));
        for text in ["${X}", "$X", "${X:?no}", "${X:+1}", "${X:-$Y}"] {
            assert_eq!(interpolated(text), Err(Unknown::Refers("X".to_owned())), "{text}");
        }
    }
}
