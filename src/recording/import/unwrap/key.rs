//! What the names of fields say of the text in them.

/// Whose words the value of a field is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    /// A program's line, as log drains, journald and the container runtimes name it.
    Line,
    /// Something of a request, or named by a person: its text is never a line.
    Client,
    /// Anything.
    Other,
}

/// The names of fields that hold lines, in small letters and without what separates words.
const LINES: [&str; 10] = [
    "fullmessage",
    "line",
    "log",
    "message",
    "msg",
    "original",
    "shortmessage",
    "stringvalue",
    "textpayload",
    "event",
];

/// The names of fields of a request.
const OF_A_REQUEST: [&str; 23] = [
    "bytessent",
    "cookie",
    "cookies",
    "formdata",
    "header",
    "headers",
    "http",
    "httpreferer",
    "httprequest",
    "httpuseragent",
    "method",
    "query",
    "querystring",
    "referer",
    "referrer",
    "request",
    "requestbody",
    "requesturi",
    "requesturl",
    "uri",
    "url",
    "useragent",
    "verb",
];

/// The names of fields whose text somebody chose who may be anybody.
const CHOSEN: [&str; 16] = [
    "annotations",
    "args",
    "attributes",
    "cmd",
    "command",
    "email",
    "env",
    "environment",
    "error",
    "labels",
    "name",
    "params",
    "response",
    "user",
    "username",
    "vars",
];

impl Key {
    pub(super) fn of(name: &str) -> Self {
        let name = bare(name);
        if LINES.contains(&name.as_str()) {
            Self::Line
        } else if OF_A_REQUEST.contains(&name.as_str()) || CHOSEN.contains(&name.as_str()) {
            Self::Client
        } else {
            Self::Other
        }
    }
}

/// Whether an object with this field is about a request.
pub(super) fn speaks_of_a_request(name: &str) -> bool {
    OF_A_REQUEST.contains(&bare(name).as_str())
}

/// A name in small letters, without what separates its words.
fn bare(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).take(32);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_however_they_are_spelled() {
        for name in ["log", "MESSAGE", "@message", "short_message", "stringValue", "textPayload"] {
            assert_eq!(Key::of(name), Key::Line, "{name}");
        }
        for name in ["User-Agent", "http_user_agent", "form-data", "requestURI", "Labels"] {
            assert_eq!(Key::of(name), Key::Client, "{name}");
        }
        assert_eq!(Key::of("payload"), Key::Other);
        assert!(speaks_of_a_request("request") && speaks_of_a_request("http_user_agent"));
        assert!(!speaks_of_a_request("body") && !speaks_of_a_request("labels"));
    }
}
