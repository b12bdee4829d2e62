//! A client that sends a request byte for byte as an escape spells it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

/// How long an engine may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends requests to a socket, each on a connection of its own.
#[derive(Clone)]
pub struct Client {
    socket: String,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// Whether an engine sent it: its answers say which versions of the API it speaks.
    pub is_of_engine: bool,
}

impl Client {
    pub fn new(host: &str) -> Self {
        Self { socket: host.trim_start_matches("unix://").to_owned() }
    }

    pub fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], b"")
    }

    /// Sends a request, and `Transfer-Encoding`, `Content-Type` or other headers if they are named.
    pub fn send(&self, method: &str, target: &str, head: &[(&str, &str)], body: &[u8]) -> Answer {
        let named = |name: &str| head.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        let mut lines = vec![format!("{method} {target} HTTP/1.1"), "Host: d".to_owned()];
        lines.extend(head.iter().map(|(key, value)| format!("{key}: {value}")));
        if !named("Connection") {
            lines.push("Connection: close".to_owned());
        }
        if !body.is_empty() && !named("Content-Type") {
            let kind = if b"{[".contains(&body[0]) { "json" } else { "x-tar" };
            lines.push(format!("Content-Type: application/{kind}"));
        }
        let mut message = Vec::new();
        if named("Transfer-Encoding") {
            message.extend(format!("{:x}\r\n", body.len()).into_bytes());
            message.extend(body);
            message.extend(b"\r\n0\r\n\r\n");
        } else {
            lines.push(format!("Content-Length: {}", body.len()));
            message.extend(body);
        }
        let head = format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes();
        self.exchange(&[head, message].concat())
    }

    fn exchange(&self, message: &[u8]) -> Answer {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A client that is refused early may not be able to send everything.
        let _ = stream.write_all(message);
        let mut answer = Vec::new();
        let mut buffer = [0; 16 << 10];
        loop {
            match stream.read(&mut buffer) {
                Ok(length) if length > 0 => answer.extend_from_slice(&buffer[..length]),
                _ => break,
            }
            if is_whole(&answer) {
                break;
            }
        }
        Answer::parse(&answer)
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = bytes.split_at(end.map_or(bytes.len(), |at| at + 4));
        let head = String::from_utf8_lossy(head).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        let is_chunked = head.contains("transfer-encoding: chunked");
        let body = if is_chunked { chunks(body) } else { body.to_vec() };
        Self { status, body, is_of_engine: head.contains("\r\napi-version: ") }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the answer to a request that has to succeed.
    #[track_caller]
    pub fn good(self, what: &str) -> Self {
        assert!((200..400).contains(&self.status), "{what}: {} {}", self.status, self.text());
        self
    }
}

/// Whether an answer has all of its body. After a refused upgrade, the connection stays open.
fn is_whole(answer: &[u8]) -> bool {
    if answer.starts_with(b"HTTP/1.1 101 ") {
        return true;
    }
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| body.len() >= length)
}

/// The bytes of a body in chunks, as far as they came.
fn chunks(mut body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let size = String::from_utf8_lossy(&body[..end]).into_owned();
        let Ok(size) = usize::from_str_radix(&size, 16) else { break };
        let from = end + 2;
        let to = (from + size).min(body.len());
        bytes.extend_from_slice(&body[from..to]);
        body = &body[(to + 2).min(body.len())..];
    }
    bytes
}
