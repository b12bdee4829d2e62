//! Connections, and the part of HTTP/1.1 that the load needs.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// The address of a proxy or an engine.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Unix(String),
    Tcp(String),
}

impl Address {
    pub(crate) fn parse(text: &str) -> io::Result<Self> {
        if let Some(path) = text.strip_prefix("unix://") {
            Ok(Self::Unix(path.to_owned()))
        } else if let Some(host) = text.strip_prefix("tcp://") {
            Ok(Self::Tcp(host.to_owned()))
        } else {
            Err(io::Error::other(format!("{text}: neither unix:// nor tcp://")))
        }
    }

    /// Connects. If too many connections are pending on a unix socket, the kernel returns an error
    /// and this tries again.
    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(host) => {
                let stream = TcpStream::connect(host).await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(path) => loop {
                match UnixStream::connect(path).await {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    done => return done.map(Stream::Unix),
                }
            },
        }
    }
}

/// A connection of either kind.
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// The head of a message.
#[derive(Debug)]
pub(crate) struct Head {
    /// Where the body begins.
    pub(crate) end: usize,
    pub(crate) length: Option<u64>,
    pub(crate) closes: bool,
    /// The second word of the first line: the status, or the target.
    pub(crate) second: String,
}

/// Parses the head at the start of these bytes, if it is complete.
pub(crate) fn head(bytes: &[u8]) -> Option<Head> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(bytes.get(..end)?);
    let mut lines = text.lines();
    let second = lines.next()?.split(' ').nth(1)?.to_owned();
    let (mut length, mut closes) = (None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    Some(Head { end, length, closes, second })
}

/// Reads until the head is complete; what comes after it stays in the buffer.
pub(crate) async fn read_head(stream: &mut Stream, buffer: &mut Vec<u8>) -> io::Result<Head> {
    loop {
        if let Some(head) = head(buffer) {
            return Ok(head);
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Reads an answer with a length; returns its status and whether the connection ends with it.
pub(crate) async fn read_answer(
    stream: &mut Stream,
    buffer: &mut Vec<u8>,
) -> io::Result<(u16, bool)> {
    buffer.clear();
    let head = read_head(stream, buffer).await?;
    let length = head.length.ok_or_else(|| io::Error::other("an answer without a length"))?;
    let whole = head.end + usize::try_from(length).map_err(io::Error::other)?;
    while buffer.len() < whole {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((head.second.parse().map_err(io::Error::other)?, head.closes))
}

/// A request for a path, without a body.
pub(crate) fn request(method: &str, path: &str, more: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: dsp-load\r\n{more}\r\n")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_head_ends_where_its_body_begins() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nConnection: close\r\n\r\nabc";
        let head = head(bytes).unwrap();
        assert_eq!(&bytes[head.end..], b"abc");
        assert_eq!((head.length, head.closes, head.second.as_str()), (Some(3), true, "200"));
    }

    #[test]
    fn half_a_head_is_none() {
        assert!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n").is_none());
    }
}
