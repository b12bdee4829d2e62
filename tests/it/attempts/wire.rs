//! One side of a connection, read message by message, with every byte kept.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

/// What comes in on a stream.
pub struct Wire {
    pub stream: UnixStream,
    unread: Vec<u8>,
    /// All bytes received so far, to show in a failure.
    pub got: Vec<u8>,
}

impl Wire {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, unread: Vec::new(), got: Vec::new() }
    }

    /// Takes a head, including the empty line.
    pub fn head(&mut self) -> io::Result<Vec<u8>> {
        self.until(b"\r\n\r\n")
    }

    /// Takes the body that a head announces. `message` contains the received part even if the body
    /// ends early.
    pub fn body(&mut self, head: &[u8], message: &mut Vec<u8>) -> io::Result<()> {
        if header(head, "transfer-encoding").is_some() {
            return self.chunks(message);
        }
        let length = header(head, "content-length").and_then(|length| length.parse().ok());
        self.exactly(length.unwrap_or(0), message)
    }

    /// Takes everything up to the end of the stream.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? {}
        Ok(std::mem::take(&mut self.unread))
    }

    /// The bytes received and not taken.
    pub fn unread(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }

    fn chunks(&mut self, message: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.until(b"\r\n")?;
            message.extend_from_slice(&line);
            let digits = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(digits.trim_end(), 16).map_err(io::Error::other)?;
            if size == 0 {
                break;
            }
            self.exactly(size + 2, message)?;
        }
        loop {
            let trailer = self.until(b"\r\n")?;
            message.extend_from_slice(&trailer);
            if trailer == b"\r\n" {
                return Ok(());
            }
        }
    }

    fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let found = self.unread.windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                return Ok(self.unread.drain(..at + end.len()).collect());
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn exactly(&mut self, length: usize, message: &mut Vec<u8>) -> io::Result<()> {
        while self.unread.len() < length {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        message.extend(self.unread.drain(..length));
        Ok(())
    }

    /// Whether the stream has ended and everything was taken.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.unread.is_empty() && !self.fill()?)
    }

    /// Reads more; false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        let length = self.stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..length]);
        self.got.extend_from_slice(&buffer[..length]);
        Ok(length > 0)
    }
}

/// The value of a header.
pub fn header(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let (_, value) = headers.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim().to_owned())
}

/// The status in the head of an answer.
pub fn status(head: &[u8]) -> Option<u16> {
    String::from_utf8_lossy(head).split(' ').nth(1)?.trim().parse().ok()
}

/// Whether an answer ends with its head, apart from bytes of a tunnel.
pub fn is_bodiless(status: u16) -> bool {
    (100..200).contains(&status) || status == 204 || status == 304
}

/// Bytes as a person reads them, and as an attempt's file spells them.
pub fn spelled(bytes: &[u8]) -> String {
    const MOST: usize = 600;
    let mut text = bytes.iter().take(MOST).map(|byte| byte.escape_ascii().to_string()).collect();
    if bytes.len() > MOST {
        text = format!("{text}... ({} bytes)", bytes.len());
    }
    text.replace("\\r\\n", "\\r\\n\n    ").replace("\\'", "'").replace("\\\"", "\"")
}
