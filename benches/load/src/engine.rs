//! An engine that answers at once, so that it is not the bottleneck.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use crate::wire::{self, Address, Stream};

const VERSION: &str = r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}"#;
const HEADERS: &str = "Api-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\n\
                       Server: Docker/20.10.24 (linux)\r\nContent-Type: application/json\r\n";
/// The size of the writes of a large answer, in bytes.
const PIECE: usize = 256 << 10;
const BODY: usize = 200;

pub(crate) async fn serve(address: &Address) -> io::Result<String> {
    match address {
        Address::Unix(path) => {
            let listener = UnixListener::bind(path)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(connection(Stream::Unix(stream)));
            }
        }
        Address::Tcp(host) => {
            let listener = TcpListener::bind(host).await?;
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tokio::spawn(connection(Stream::Tcp(stream)));
            }
        }
    }
}

/// Serves one connection; errors are the proxy's business.
async fn connection(mut stream: Stream) {
    let mut buffer = Vec::with_capacity(1024);
    let list = answer(&"x".repeat(BODY));
    while answered(&mut stream, &mut buffer, &list).await.unwrap_or(false) {}
}

fn answer(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Answers one request, and returns whether another one may follow.
async fn answered(stream: &mut Stream, buffer: &mut Vec<u8>, list: &[u8]) -> io::Result<bool> {
    let head = wire::read_head(stream, buffer).await?;
    let (path, query) = head.second.split_once('?').unwrap_or((&head.second, ""));
    let bytes = query.strip_prefix("names=").and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
    let last = path.rsplit('/').next().unwrap_or_default();
    match last {
        "events" => {
            let begin = format!(
                "HTTP/1.1 200 OK\r\n{HEADERS}Transfer-Encoding: chunked\r\n\r\n3\r\n{{}}\n\r\n"
            );
            stream.write_all(begin.as_bytes()).await?;
            buffer.clear();
            while stream.read_buf(buffer).await? > 0 {}
            return Ok(false);
        }
        "get" => {
            let begin = format!("HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: {bytes}\r\n\r\n");
            stream.write_all(begin.as_bytes()).await?;
            write_bytes(stream, bytes).await?;
        }
        "load" => {
            let buffered = buffer.len().saturating_sub(head.end) as u64;
            let length = head.length.ok_or_else(|| io::Error::other("a body without a length"))?;
            let mut rest = stream.take(length.saturating_sub(buffered));
            let mut piece = vec![0; PIECE];
            let mut count = buffered;
            loop {
                match rest.read(&mut piece).await? {
                    0 => break,
                    size => count += size as u64,
                }
            }
            stream.write_all(&answer(&format!("{{\"bytes\":{count}}}"))).await?;
            buffer.clear();
            return Ok(true);
        }
        "attach" => {
            let begin = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
                         Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
            stream.write_all(begin.as_bytes()).await?;
            if query.is_empty() {
                echo(stream, buffer.get(head.end..).unwrap_or_default()).await?;
            } else {
                let bytes = query.strip_prefix("logs=").and_then(|bytes| bytes.parse().ok());
                write_bytes(stream, bytes.unwrap_or(0)).await?;
                stream.shutdown().await?;
            }
            return Ok(false);
        }
        "_ping" => stream.write_all(&answer("OK")).await?,
        "version" => stream.write_all(&answer(VERSION)).await?,
        _ => stream.write_all(list).await?,
    }
    buffer.drain(..head.end);
    Ok(true)
}

async fn write_bytes(stream: &mut Stream, mut left: u64) -> io::Result<()> {
    let piece = vec![b'x'; PIECE];
    while left > 0 {
        let size = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
        stream.write_all(piece.get(..size).unwrap_or_default()).await?;
        left -= size as u64;
    }
    Ok(())
}

async fn echo(stream: &mut Stream, first: &[u8]) -> io::Result<()> {
    stream.write_all(first).await?;
    let mut piece = vec![0; 4096];
    loop {
        match stream.read(&mut piece).await? {
            0 => return Ok(()),
            size => stream.write_all(piece.get(..size).unwrap_or_default()).await?,
        }
    }
}
