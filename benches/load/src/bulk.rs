//! Large transfers on one connection.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::options::Options;
use crate::wire::{self, Stream};

const PIECE: usize = 256 << 10;
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
const ATTACH: &str = "/v1.41/containers/web/attach";
const ECHO: usize = 64;

pub(crate) async fn download(options: &Options) -> io::Result<String> {
    let mut stream = options.address.connect().await?;
    let start = Instant::now();
    let path = format!("/v1.41/images/get?names={}", options.bytes);
    begin(&mut stream, &wire::request("GET", &path, ""), "200", options.bytes).await?;
    Ok(told(options.bytes, start))
}

pub(crate) async fn hijack(options: &Options) -> io::Result<String> {
    let mut stream = options.address.connect().await?;
    let start = Instant::now();
    let path = format!("{ATTACH}?logs={}", options.bytes);
    begin(&mut stream, &wire::request("POST", &path, UPGRADE), "101", options.bytes).await?;
    Ok(told(options.bytes, start))
}

/// Sends a request and reads `bytes` bytes after the head of its answer.
async fn begin(stream: &mut Stream, request: &[u8], status: &str, bytes: u64) -> io::Result<()> {
    stream.write_all(request).await?;
    let mut buffer = Vec::with_capacity(4096);
    let head = wire::read_head(stream, &mut buffer).await?;
    if head.second != status {
        return Err(io::Error::other(format!("status {}", head.second)));
    }
    let mut count = buffer.len().saturating_sub(head.end) as u64;
    let mut piece = vec![0; PIECE];
    while count < bytes {
        match stream.read(&mut piece).await? {
            0 => return Err(io::Error::other(format!("{count} bytes and then the end"))),
            size => count += size as u64,
        }
    }
    Ok(())
}

pub(crate) async fn upload(options: &Options) -> io::Result<String> {
    let mut stream = options.address.connect().await?;
    let start = Instant::now();
    let length = format!("Content-Length: {}\r\n", options.bytes);
    stream.write_all(&wire::request("POST", "/v1.41/images/load", &length)).await?;
    let piece = vec![b'x'; PIECE];
    let mut left = options.bytes;
    while left > 0 {
        let size = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
        stream.write_all(piece.get(..size).unwrap_or_default()).await?;
        left -= size as u64;
    }
    let mut buffer = Vec::new();
    let (status, _) = wire::read_answer(&mut stream, &mut buffer).await?;
    let all = format!("{{\"bytes\":{}}}", options.bytes);
    if status != 200 || !buffer.ends_with(all.as_bytes()) {
        return Err(io::Error::other(format!("status {status}, or not all of the body arrived")));
    }
    Ok(told(options.bytes, start))
}

/// Measures round trips of a few bytes.
pub(crate) async fn echo(options: &Options) -> io::Result<String> {
    let mut stream = options.address.connect().await?;
    begin(&mut stream, &wire::request("POST", ATTACH, UPGRADE), "101", 0).await?;
    let mut latencies = Vec::new();
    let start = Instant::now();
    let mut bytes = [b'x'; ECHO];
    while start.elapsed() < options.time {
        let sent = Instant::now();
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
        latencies.push(sent.elapsed().as_nanos());
    }
    latencies.sort_unstable();
    let at = |percent: usize| {
        let index = latencies.len().saturating_sub(1) * percent / 100;
        latencies.get(index).map_or(0.0, |nanoseconds| *nanoseconds as f64 / 1000.0)
    };
    Ok(format!(
        "{{\"requests\":{},\"seconds\":{:.3},\"errors\":0,\"other\":0,\"p50\":{:.1},\"p99\":{:.1},\"most\":{:.1}}}",
        latencies.len(),
        start.elapsed().as_secs_f64(),
        at(50),
        at(99),
        at(100),
    ))
}

fn told(bytes: u64, start: Instant) -> String {
    format!("{{\"bytes\":{bytes},\"seconds\":{:.4}}}", start.elapsed().as_secs_f64())
}
