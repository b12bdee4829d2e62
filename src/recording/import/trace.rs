//! Traces of a connection: `curl -v`, `socat -v`, and lists of requests that somebody wrote.
//!
//! These have no envelope, and a body may contain anything. So a line counts only in the place where the
//! program itself writes a request: `curl` puts `> ` before it, and after the head of a block `socat` begins it.

use super::text::request_line;
use super::{Entry, Line, Unreadable};

/// A request in a list: `GET /v1.41/info`, with or without a protocol. Empty lines and comments are passed
/// over; anything else is unreadable.
pub(super) fn listed(line: &str) -> Result<Line, Unreadable> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Line::Other);
    }
    let (method, target) = request_line(line).ok_or(Unreadable::Request)?;
    let is_method = method.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_method || !target.starts_with('/') || target.contains(' ') {
        return Err(Unreadable::Request);
    }
    Line::request(Entry::new(method, target))
}

/// The head of a request in the trace of `curl -v`.
pub(super) fn curl(line: &str) -> Result<Line, Unreadable> {
    let Some(sent) = line.strip_prefix("> ") else { return Ok(Line::Other) };
    if !sent.contains(" HTTP/") {
        return Ok(Line::Other);
    }
    // A header may contain this, but its name ends with a colon.
    let Some((method, target)) = request_line(sent) else { return Ok(Line::Other) };
    Line::request(Entry::new(method, target))
}

/// Reads the trace of `socat -v`, line by line.
#[derive(Debug, Default)]
pub(super) struct Socat {
    /// Whether the next line begins what the client sent.
    is_next: bool,
}

impl Socat {
    /// Reads one more line.
    pub(super) fn read(&mut self, line: &str) -> Result<Line, Unreadable> {
        let is_first = std::mem::take(&mut self.is_next);
        if is_head(line) {
            self.is_next = line.starts_with('>');
            return Ok(Line::Other);
        }
        // socat shows the end of a line as \r.
        let Some(sent) = line.strip_suffix("\\r").filter(|_| is_first) else {
            return Ok(Line::Other);
        };
        if !sent.ends_with(" HTTP/1.1") && !sent.ends_with(" HTTP/1.0") {
            return Ok(Line::Other);
        }
        let (method, target) = request_line(sent).ok_or(Unreadable::Request)?;
        Line::request(Entry::new(method, target))
    }
}

/// Whether a line is the head of a block: `> 2026/11/30 20:00:00.000612345  length=86 from=0 to=85`.
fn is_head(line: &str) -> bool {
    let Some(rest) = line.strip_prefix(['>', '<']).and_then(|rest| rest.strip_prefix(' ')) else {
        return false;
    };
    let words: Vec<&str> = rest.split_ascii_whitespace().take(6).collect();
    let [date, time, length, from, to] = words.as_slice() else { return false };
    let are_digits = |text: &str, marks: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || marks.contains(&byte))
    };
    let is_number = |text: &str, name: &str| {
        text.strip_prefix(name).is_some_and(|number| are_digits(number, b""))
    };
    are_digits(date, b"/")
        && are_digits(time, b":.")
        && is_number(length, "length=")
        && is_number(from, "from=")
        && is_number(to, "to=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(read: impl FnMut(&str) -> Result<Line, Unreadable>, text: &str) -> Vec<String> {
        let lines = text.lines().map(read).filter(|line| *line != Ok(Line::Other));
        lines
            .map(|line| match line {
                Ok(Line::Request(Entry { method, target, .. })) => format!("{method} {target}"),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_list_has_nothing_but_requests() {
        let text = "# x\n\nGET /info\nPOST /v1.41/build?t=a HTTP/1.1\n";
        assert_eq!(read(listed, text), ["GET /info", "POST /v1.41/build?t=a"]);
        for line in ["GET", "get /info", "GET info", "GET /a b", "hello"] {
            assert_eq!(listed(line), Err(Unreadable::Request), "{line}");
        }
    }

    #[test]
    fn curl_marks_what_it_sent() {
        let text = "*   Trying u.sock:0...\n> GET /v1.41/info?x=1 HTTP/1.1\n> Host: d\n> X: a HTTP/1.1\n> \n\
                    < HTTP/1.1 200 OK\nGET /no HTTP/1.1\n{ [2 bytes data]\n";
        assert_eq!(read(curl, text), ["GET /v1.41/info?x=1"]);
    }

    #[test]
    fn socat_begins_a_block_with_a_request() {
        let head = "2026/11/30 20:00:00.000612345  length=86 from=0 to=85";
        let text = format!(
            "> {head}\nGET /v1.41/info HTTP/1.1\\r\nHost: d\\r\nGET /no HTTP/1.1\\r\n\\r\n< {head}\nGET /no \
             HTTP/1.1\\r\n> {head}\n{{\"a\":1}}\nGET /no HTTP/1.1\\r\n"
        );
        let mut socat = Socat::default();
        assert_eq!(read(|line| socat.read(line), &text), ["GET /v1.41/info"]);
    }
}
