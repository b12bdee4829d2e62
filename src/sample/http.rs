//! A minimal HTTP/1.1 server that answers as Go's does: it keeps the spelling of heads, reads
//! bodies with a length or in chunks, and sends headers in dockerd's order.

use std::io;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::Seen;
use super::engine::Engine;

/// The headers of every routed answer, except `Content-Type`.
pub(super) const ENGINE_HEADERS: &str = "Api-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Docker/20.10.24 (linux)\r\n";

/// The size limit of a request head, as in Go.
const HEAD_LIMIT: u64 = (1 << 20) + 4096;

/// The size limit of a JSON body, which is kept in memory.
const JSON_LIMIT: usize = 1 << 20;

/// Up to this many bytes of an unread request body are skipped to keep the connection, as in Go.
const DRAIN_LIMIT: usize = 256 << 10;

/// Go sends longer bodies in chunks.
const CHUNKED_FROM: usize = 2048;

pub(super) type Reader = BufReader<OwnedReadHalf>;

/// Both directions of one client connection.
pub(super) struct Connection {
    pub(super) reader: Reader,
    pub(super) writer: OwnedWriteHalf,
}

/// A request head.
pub(super) struct Head {
    pub(super) seen: Seen,
    keep_alive: bool,
}

/// The next input of a connection.
pub(super) enum Received {
    End,
    Head(Head),
    Malformed,
}

/// The rest of a request body.
enum Body {
    Chunk(u64),
    Done,
    Length(u64),
    NextChunk,
}

/// A request and the answer to it.
pub(super) struct Exchange<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) head: Head,
    engine: &'a Engine,
    body: Body,
    expects: bool,
    keep_alive: bool,
    streaming: bool,
}

/// An answer that is complete from the start.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

// === impl Connection ===

impl Connection {
    pub(super) fn new(reader: OwnedReadHalf, writer: OwnedWriteHalf) -> Self {
        Self { reader: BufReader::with_capacity(64 << 10, reader), writer }
    }

    /// Answers input that is not HTTP as Go does, and ends the connection.
    pub(super) async fn refuse(mut self) -> io::Result<()> {
        let text = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request";
        self.writer.write_all(text.as_bytes()).await
    }
}

// === impl Head ===

impl Head {
    pub(super) async fn read(reader: &mut Reader) -> io::Result<Received> {
        let mut lines = Vec::new();
        let mut limited = reader.take(HEAD_LIMIT);
        loop {
            let mut line = Vec::new();
            if limited.read_until(b'\n', &mut line).await? == 0 {
                return Ok(if lines.is_empty() { Received::End } else { Received::Malformed });
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                break;
            }
            lines.push(line.to_owned());
        }
        Ok(Self::parse(&lines).map_or(Received::Malformed, Received::Head))
    }

    fn parse(lines: &[String]) -> Option<Self> {
        let (first, rest) = lines.split_first()?;
        let mut words = first.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !version.starts_with("HTTP/1.") {
            return None;
        }
        let mut headers = Vec::new();
        for line in rest {
            let (name, value) = line.split_once(':')?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let wish = header(&headers, "connection").unwrap_or_default().to_ascii_lowercase();
        let keep_alive = if version == "HTTP/1.0" {
            wish.contains("keep-alive")
        } else {
            !wish.contains("close")
        };
        let seen = Seen { method: method.to_owned(), target: target.to_owned(), headers };
        Some(Self { seen, keep_alive })
    }

    fn body(&self) -> Body {
        if self.seen.header("transfer-encoding").is_some() {
            return Body::NextChunk;
        }
        match self.seen.header("content-length").and_then(|length| length.parse().ok()) {
            None | Some(0) => Body::Done,
            Some(length) => Body::Length(length),
        }
    }
}

pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

// === impl Exchange ===

impl<'a> Exchange<'a> {
    pub(super) fn new(connection: &'a mut Connection, head: Head, engine: &'a Engine) -> Self {
        let body = head.body();
        let expects = head.seen.header("expect").is_some_and(|value| value == "100-continue");
        let keep_alive = head.keep_alive;
        Self { connection, head, engine, body, expects, keep_alive, streaming: false }
    }

    /// The next piece of the request body, `None` at its end.
    pub(super) async fn read(&mut self) -> io::Result<Option<Bytes>> {
        if std::mem::take(&mut self.expects) && !self.streaming {
            self.connection.writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        if matches!(self.body, Body::NextChunk) {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                self.body = Body::Done;
            } else {
                self.body = Body::Chunk(size);
            }
        }
        let (Body::Chunk(left) | Body::Length(left)) = self.body else { return Ok(None) };
        let buffer = self.connection.reader.fill_buf().await?;
        let piece = buffer.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(buffer);
        let piece = Bytes::copy_from_slice(piece);
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.connection.reader.consume(piece.len());
        let left = left.saturating_sub(piece.len() as u64);
        self.engine.count(piece.len());
        self.body = match self.body {
            Body::Chunk(_) if left > 0 => Body::Chunk(left),
            Body::Chunk(_) => {
                self.line().await?;
                Body::NextChunk
            }
            _ if left > 0 => Body::Length(left),
            _ => Body::Done,
        };
        Ok(Some(piece))
    }

    /// The request body as JSON. `Err` contains the answer to send instead.
    pub(super) async fn json(&mut self) -> io::Result<Result<Value, Answer>> {
        let kind = self.head.seen.header("content-type").unwrap_or_default().to_owned();
        let mut text = Vec::new();
        while let Some(piece) = self.read().await? {
            if text.len() + piece.len() > JSON_LIMIT {
                self.keep_alive = false;
                return Ok(Err(Answer::refusal(400, "the request body is larger than 1 MiB")));
            }
            text.extend_from_slice(&piece);
        }
        if !text.is_empty() && !kind.to_ascii_lowercase().starts_with("application/json") {
            let message = format!("Content-Type specified ({kind}) must be 'application/json'");
            return Ok(Err(Answer::refusal(400, &message)));
        }
        if text.is_empty() {
            return Ok(Err(Answer::refusal(400, "got EOF while reading request body")));
        }
        Ok(serde_json::from_slice(&text)
            .map_err(|error| Answer::refusal(400, &format!("invalid JSON: {error}"))))
    }

    /// Sends a complete answer.
    pub(super) async fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let body = answer.body.as_ref().map(|body| format!("{body}\n")).unwrap_or_default();
        let kind = if answer.body.is_some() { "Content-Type: application/json\r\n" } else { "" };
        let fields = ENGINE_HEADERS.replacen("\r\n", &format!("\r\n{kind}"), 1);
        self.send(answer.status, &fields, body.as_bytes()).await
    }

    /// Sends a complete answer with exactly these header lines, a date and a length.
    pub(super) async fn send(&mut self, code: u16, fields: &str, body: &[u8]) -> io::Result<()> {
        if body.len() > CHUNKED_FROM {
            self.begin_with(code, fields).await?;
            self.chunk(body).await?;
            return self.end().await;
        }
        let length = match code {
            204 | 304 => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        let mut text = format!("{}{length}\r\n", self.start(code, fields)).into_bytes();
        text.extend_from_slice(body);
        self.connection.writer.write_all(&text).await
    }

    /// Sends the head of an answer that has no body: the answer to HEAD.
    pub(super) async fn send_head(&mut self, fields: &str) -> io::Result<()> {
        let text = format!("{}\r\n", self.start(200, fields));
        self.connection.writer.write_all(text.as_bytes()).await
    }

    /// Starts an answer that is sent in pieces.
    pub(super) async fn begin(&mut self, kind: &str) -> io::Result<()> {
        let kind =
            if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let fields = ENGINE_HEADERS.replacen("\r\n", &format!("\r\n{kind}"), 1);
        self.begin_with(200, &fields).await
    }

    /// Starts an answer that is sent in pieces, with exactly these header lines and a date.
    pub(super) async fn begin_with(&mut self, code: u16, fields: &str) -> io::Result<()> {
        self.streaming = true;
        let text = format!("{}Transfer-Encoding: chunked\r\n\r\n", self.start(code, fields));
        self.connection.writer.write_all(text.as_bytes()).await
    }

    /// Sends one piece of a started answer.
    pub(super) async fn chunk(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut text = format!("{:x}\r\n", piece.len()).into_bytes();
        text.extend_from_slice(piece);
        text.extend_from_slice(b"\r\n");
        self.connection.writer.write_all(&text).await
    }

    /// Sends one JSON value and a line end as a piece of a started answer.
    pub(super) async fn line_of(&mut self, value: &Value) -> io::Result<()> {
        self.chunk(format!("{value}\r\n").as_bytes()).await
    }

    /// Ends a started answer.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        self.connection.writer.write_all(b"0\r\n\r\n").await
    }

    /// Waits for `next` until the client leaves. Like Go, this takes the end of the client's
    /// direction for the end of the client.
    pub(super) async fn unless_gone<T>(&mut self, next: impl Future<Output = T>) -> io::Result<T> {
        let reader = &mut self.connection.reader;
        let gone = async {
            match reader.fill_buf().await {
                // The next request of a client that does not wait for answers.
                Ok(bytes) if !bytes.is_empty() => std::future::pending().await,
                _ => io::Error::from(io::ErrorKind::BrokenPipe),
            }
        };
        tokio::select! {
            error = gone => Err(error),
            next = next => Ok(next),
        }
    }

    /// Closes the connection after this exchange: it is no longer HTTP, or there was an error.
    pub(super) fn close(&mut self) {
        self.keep_alive = false;
        self.body = Body::Done;
    }

    /// Skips the rest of the request, and returns whether the connection can serve another one.
    pub(super) async fn finish(&mut self) -> io::Result<bool> {
        let mut skipped = 0;
        while self.keep_alive && skipped <= DRAIN_LIMIT && !self.expects {
            let Some(piece) = self.read().await? else { return Ok(true) };
            skipped += piece.len();
        }
        Ok(false)
    }

    fn start(&self, code: u16, fields: &str) -> String {
        let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
        let close = if self.keep_alive { "" } else { "Connection: close\r\n" };
        format!("HTTP/1.1 {code} {}\r\n{fields}Date: {date}\r\n{close}", reason(code))
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        (&mut self.connection.reader).take(8 << 10).read_line(&mut line).await?;
        if !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

// === impl Answer ===

impl Answer {
    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: None }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body) }
    }

    pub(super) fn refusal(status: u16, message: &str) -> Self {
        Self { status, body: Some(json!({ "message": message })) }
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        409 => "Conflict",
        _ => "Internal Server Error",
    }
}
