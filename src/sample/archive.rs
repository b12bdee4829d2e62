//! Files of containers: a tar stream out, a counted upload in.
//!
//! Every path is a file of zeros. A file whose name is a number has that many bytes, any other has
//! 1024. Paths that end with a slash, `/` and `/tmp` are folders, as targets for copies.

use std::io;

use serde_json::json;

use super::containers::Container;
use super::http::{Answer, ENGINE_HEADERS, Exchange};
use super::query::Query;

const BLOCK: usize = 512;

pub(super) async fn archive(
    exchange: &mut Exchange<'_>,
    container: &Container,
    query: &Query,
) -> io::Result<()> {
    let path = query.get("path").unwrap_or_default();
    if path.is_empty() {
        return exchange.answer(&Answer::refusal(400, "bad parameter: path cannot be empty")).await;
    }
    if exchange.head.seen.method == "PUT" {
        while exchange.read().await?.is_some() {}
        return exchange.answer(&Answer::empty(200)).await;
    }
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let size: u64 = name.parse().unwrap_or(1024);
    let is_folder = path.ends_with('/') || path == "/tmp";
    let mode: u32 = if is_folder { 0x8000_0000 | 0o755 } else { 0o644 };
    let stat = json!({
        "name": if name.is_empty() { "/" } else { name }, "size": size, "mode": mode,
        "mtime": container.created.to_string(), "linkTarget": "",
    });
    let fields = format!(
        "{ENGINE_HEADERS}X-Docker-Container-Path-Stat: {}\r\n",
        base64(stat.to_string().as_bytes())
    );
    if exchange.head.seen.method == "HEAD" {
        return exchange.send_head(&fields).await;
    }
    let fields = fields.replacen("\r\n", "\r\nContent-Type: application/x-tar\r\n", 1);
    exchange.begin_with(200, &fields).await?;
    exchange.chunk(&tar_header(name, size)).await?;
    let zeros = vec![0; 64 << 10];
    // The file, padded to a whole block, and the two empty blocks that end an archive.
    let mut left = size.next_multiple_of(BLOCK as u64) + 2 * BLOCK as u64;
    while left > 0 {
        let piece = zeros.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(&zeros);
        exchange.chunk(piece).await?;
        left -= piece.len() as u64;
    }
    exchange.end().await
}

/// The first block of a file in a POSIX ustar archive.
fn tar_header(name: &str, size: u64) -> Vec<u8> {
    let name = name.get(..99).unwrap_or(name);
    let text = |checksum: &str| {
        let size = format!("{size:011o}\0");
        let mut block = format!(
            "{name:\0<100}0000644\0{0}\0{0}\0{size}{1}\0{checksum}0",
            "0000000", "00000000000"
        );
        block.push_str(&"\0".repeat(100));
        block.push_str("ustar\x0000");
        let mut block = block.into_bytes();
        block.resize(BLOCK, 0);
        block
    };
    let sum: u32 = text("        ").iter().map(|byte| u32::from(*byte)).sum();
    text(&format!("{sum:06o}\0 "))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let number = number << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS.get(number >> (18 - 6 * place) & 63).copied().unwrap_or(b'A');
            text.push(if place > group.len() { '=' } else { char::from(digit) });
        }
    }
    text
}
