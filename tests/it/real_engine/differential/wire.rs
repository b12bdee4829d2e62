//! Sends requests to the engine, byte for byte as a test spells them, and keeps a digest of the
//! answers.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use super::oracle::Probe;

/// How long the engine may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The engine's messages while the other thread runs an operation that excludes others.
const BUSY: [&str; 3] =
    ["operation is already running", "tracing is already enabled", "tracer already enabled"];

/// How much of an answer is examined, in bytes; the rest of an archive is irrelevant.
const LOOKED_AT: usize = 1 << 16;

/// One connection, reused as long as the engine keeps it.
pub struct Wire {
    socket: String,
    stream: Option<BufReader<UnixStream>>,
}

/// What an answer reveals about the handler.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    /// Whether it contains the version of the API, as the answers of handlers do.
    pub names_version: bool,
    /// The message of an error, the names of the fields of a JSON value, or the beginning of a
    /// text.
    pub text: String,
}

impl Answer {
    /// Whether the engine rejected the request before it chose a handler.
    pub fn nothing_ran(&self) -> bool {
        match self.status {
            301 => true,
            // To `HEAD`, without a body.
            400 | 404 if self.text.is_empty() => !self.names_version,
            404 => self.text.ends_with("page not found"),
            400 => self.text.starts_with("client version ") || self.text == "400 Bad Request",
            _ => false,
        }
    }
}

impl Wire {
    pub fn new(socket: &str) -> Self {
        Self { socket: socket.to_owned(), stream: None }
    }

    /// Sends a request whose target is the path with the probe's query.
    pub fn ask(&mut self, method: &str, path: &str, probe: &Probe) -> Answer {
        let body = if ["POST", "PUT"].contains(&method) { probe.body } else { "" };
        let mut request = format!("{method} {path}?{} HTTP/1.1\r\nHost: d\r\n", probe.query);
        if !body.is_empty() {
            request.push_str("Content-Type: application/json\r\n");
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        loop {
            let answer = self.send(&request, method == "HEAD");
            if !BUSY.iter().any(|text| answer.text.ends_with(text)) {
                return answer;
            }
        }
    }

    fn send(&mut self, request: &str, is_head: bool) -> Answer {
        let was_open = self.stream.is_some();
        match self.try_send(request, is_head) {
            Ok(answer) => answer,
            // The engine may have closed a connection after its last answer.
            Err(_) if was_open => {
                self.stream = None;
                self.send(request, is_head)
            }
            Err(error) => {
                self.stream = None;
                let text = error.kind().to_string();
                Answer { status: 0, content_type: String::new(), names_version: false, text }
            }
        }
    }

    fn try_send(&mut self, request: &str, is_head: bool) -> Result<Answer, Error> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = UnixStream::connect(&self.socket)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                BufReader::new(stream)
            }
        };
        stream.get_mut().write_all(request.as_bytes())?;
        let head = Head::read(&mut stream)?;
        let is_raw = head.status == 200 && head.content_type.contains("raw-stream");
        let is_taken_over = head.status == 101 || is_raw;
        let body = if is_taken_over {
            b"the connection is taken over".to_vec()
        } else if is_head || [204, 304].contains(&head.status) {
            Vec::new()
        } else {
            head.read_body(&mut stream)?
        };
        if !head.closes && !is_taken_over {
            self.stream = Some(stream);
        }
        let text = digest(&body);
        let Head { status, content_type, names_version, .. } = head;
        Ok(Answer { status, content_type, names_version, text })
    }
}

/// The part of an answer's head that matters here.
struct Head {
    status: u16,
    content_type: String,
    names_version: bool,
    length: Option<u64>,
    chunked: bool,
    closes: bool,
}

impl Head {
    fn read(stream: &mut impl BufRead) -> Result<Self, Error> {
        let first = line(stream)?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or(ErrorKind::InvalidData)?;
        let mut head = Self {
            status,
            content_type: String::new(),
            names_version: false,
            length: None,
            chunked: false,
            closes: false,
        };
        loop {
            let header = line(stream)?;
            let Some((name, value)) = header.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-type" => value.clone_into(&mut head.content_type),
                "api-version" => head.names_version = true,
                "content-length" => head.length = value.parse().ok(),
                "transfer-encoding" => head.chunked = value == "chunked",
                "connection" => head.closes = value == "close",
                _ => {}
            }
        }
        head.closes |= head.length.is_none() && !head.chunked && ![204, 304].contains(&status);
        Ok(head)
    }

    fn read_body(&self, stream: &mut impl BufRead) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        if self.chunked {
            loop {
                let length = u64::from_str_radix(&line(stream)?, 16);
                let length = length.map_err(|_| ErrorKind::InvalidData)?;
                stream.take(length).read_to_end(&mut body)?;
                line(stream)?;
                if length == 0 {
                    break;
                }
            }
        } else {
            stream.take(self.length.unwrap_or(u64::MAX)).read_to_end(&mut body)?;
        }
        body.truncate(LOOKED_AT);
        Ok(body)
    }
}

fn line(stream: &mut impl BufRead) -> Result<String, Error> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// The part that is the same in all answers of a handler.
fn digest(body: &[u8]) -> String {
    let text = match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => match object.get("message").and_then(Value::as_str) {
            Some(message) => message.to_owned(),
            None => object.keys().cloned().collect::<Vec<_>>().join(","),
        },
        Ok(Value::Array(array)) => match array.first() {
            Some(Value::Object(object)) => {
                format!("[{}]", object.keys().cloned().collect::<Vec<_>>().join(","))
            }
            _ => "[]".to_owned(),
        },
        _ => String::from_utf8_lossy(body).chars().take_while(|c| !c.is_control()).collect(),
    };
    without_identifiers(text.trim())
}

/// The text with `ID` for each ID of 64 digits, which belongs to one container.
fn without_identifiers(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let is_identifier = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_identifier { "ID" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}
