//! Classifies fields by their names.

/// Who wrote the value of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    /// A program's line, as log drains, journald and the container runtimes name it.
    Line,
    /// Part of a request, or a name that a person chose. Its text is never a line.
    Client,
    /// Unknown.
    Other,
}

/// The names of fields that contain lines, in lower case and without word separators.
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

/// The names of fields that describe a request.
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

/// The names of fields whose text anybody may have chosen.
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

/// Whether an object with this field describes a request.
pub(super) fn speaks_of_a_request(name: &str) -> bool {
    OF_A_REQUEST.contains(&bare(name).as_str())
}

/// A name in lower case, without word separators.
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
