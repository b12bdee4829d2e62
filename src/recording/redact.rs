//! What never goes into a recording.

use std::borrow::Cow;
use std::ffi::OsString;

use crate::api::{Located, Query};

/// The longest query value in characters that is kept; filters of the docker CLI stay far below.
const LONGEST_VALUE: usize = 1024;

/// Options whose value, in the next argument, is hidden.
const SECRET_OPTIONS: [&str; 8] =
    ["-e", "--env", "--build-arg", "-H", "--header", "-u", "--user", "--secret"];

/// Words in an option's name that make its value secret.
const SECRET_WORDS: [&str; 4] = ["pass", "token", "secret", "auth"];

/// What stands for a hidden text.
const HIDDEN: &str = "[hidden]";

/// The query to record: every name, and the values that are known to be harmless. Of a request
/// that names no operation no value is kept, because nothing is known about it.
pub(super) fn query<'a>(
    query: Query<'a>,
    located: Option<&'a Located>,
) -> impl Iterator<Item = (Cow<'a, str>, Option<Cow<'a, str>>)> {
    query.pairs().map(move |(key, value)| {
        let known = located.is_some_and(|located| {
            located.operation.query.contains(&key.as_ref())
                && !located.operation.secret_query.contains(&key.as_ref())
        });
        (key, known.then(|| shortened(value)))
    })
}

/// A value as text, and no more than is kept of it.
fn shortened(value: Cow<'_, [u8]>) -> Cow<'_, str> {
    let text = match value {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    };
    match text {
        Cow::Borrowed(text) => beginning(text, LONGEST_VALUE).into(),
        Cow::Owned(text) => beginning(&text, LONGEST_VALUE).to_owned().into(),
    }
}

/// At most so many characters from the beginning of a text.
pub(super) fn beginning(text: &str, most: usize) -> &str {
    // Most texts have not even that many bytes.
    if text.len() <= most {
        return text;
    }
    let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

/// A command line without what may be secret in it: values behind a `=`, the arguments of options
/// that take environment, build arguments, headers or credentials, and user information in URLs.
#[must_use]
pub fn command_line(command: &[OsString]) -> Vec<String> {
    let mut hide_next = false;
    let mut shown = Vec::with_capacity(command.len());
    for (place, argument) in command.iter().enumerate() {
        let text = argument.to_string_lossy();
        let hidden = std::mem::take(&mut hide_next);
        let name = text.trim_start_matches('-').to_ascii_lowercase();
        let secret_option = text.starts_with('-')
            && (SECRET_OPTIONS.contains(&text.as_ref())
                || SECRET_WORDS.iter().any(|word| name.contains(word)));
        hide_next = place > 0 && secret_option && !text.contains('=');
        shown.push(if hidden {
            hide_value(&text).unwrap_or_else(|| HIDDEN.to_owned())
        } else {
            hide_value(&text).unwrap_or_else(|| hide_user(&text))
        });
    }
    shown
}

/// `KEY=value` with the value hidden.
fn hide_value(text: &str) -> Option<String> {
    let (key, value) = text.split_once('=')?;
    (!value.is_empty()).then(|| format!("{key}={HIDDEN}"))
}

/// A URL with its user information hidden.
fn hide_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => {
            let behind = rest.get(user.len()..).unwrap_or_default();
            format!("{scheme}://{HIDDEN}{behind}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{CanonicalRequest, EngineKind};

    fn shown(command: &[&str]) -> String {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        command_line(&command).join(" ")
    }

    fn recorded(method: &str, target: &str) -> Vec<(String, Option<String>)> {
        let request = CanonicalRequest::parse(EngineKind::Docker, method, target).unwrap();
        let owned = |(key, value): (Cow<'_, str>, Option<Cow<'_, str>>)| {
            (key.into_owned(), value.map(Cow::into_owned))
        };
        query(request.query(), request.locate().as_ref()).map(owned).collect()
    }

    #[test]
    fn secrets_of_a_command_line_are_hidden() {
        assert_eq!(shown(&["docker", "stats", "--no-stream"]), "docker stats --no-stream");
        assert_eq!(shown(&["docker", "run", "-e", "A=hunter2", "x"]), "docker run -e A=[hidden] x");
        assert_eq!(shown(&["docker", "run", "--env=A=hunter2"]), "docker run --env=[hidden]");
        assert_eq!(shown(&["docker", "run", "-eA=hunter2"]), "docker run -eA=[hidden]");
        assert_eq!(
            shown(&["docker", "login", "--password", "x"]),
            "docker login --password [hidden]"
        );
        assert_eq!(shown(&["curl", "-H", "X-Registry-Auth: x"]), "curl -H [hidden]");
        assert_eq!(shown(&["git", "clone", "https://u:p@h/x"]), "git clone https://[hidden]@h/x");
        assert_eq!(shown(&["sh", "-c", "PASS=hunter2 docker ps"]), "sh -c PASS=[hidden]");
    }

    #[test]
    fn secret_query_values_are_never_kept() {
        assert_eq!(
            recorded("POST", "/build?t=x&buildargs=%7B%22A%22%3A%22hunter2%22%7D"),
            [("t".into(), Some("x".into())), ("buildargs".into(), None)]
        );
        assert_eq!(recorded("POST", "/nowhere?token=hunter2"), [("token".into(), None)]);
        assert_eq!(recorded("GET", "/info?token=hunter2"), [("token".into(), None)]);
    }
}
