//! A connection after the engine has switched protocols: bytes both ways, each way ending by
//! itself.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::stream::Stream;

/// The size in bytes of the buffer for each way. Measured on unix sockets, 64 KiB carry 2.6 times
/// what 8 KiB do, and 256 KiB no more.
const BUFFER: usize = 64 << 10;

/// Carries bytes between the two sides until both ways have ended, or one has failed.
///
/// The end of one way is passed on as a half-close, which is how a program in a container learns
/// that its input has ended (ENGINE_API 2.7). What either side had sent before the switch was done
/// goes first.
pub(super) async fn run(
    client: OnUpgrade,
    engine: OnUpgrade,
    received: &AtomicU64,
    sent: &AtomicU64,
) -> io::Result<()> {
    let (client, engine) = tokio::try_join!(client, engine).map_err(io::Error::other)?;
    let (client, from_client) = take(client)?;
    let (engine, from_engine) = take(engine)?;
    let (client_read, client_write) = tokio::io::split(client);
    let (engine_read, engine_write) = tokio::io::split(engine);
    tokio::try_join!(
        pump(&from_client, client_read, engine_write, received),
        pump(&from_engine, engine_read, client_write, sent),
    )?;
    Ok(())
}

/// The raw stream of an upgraded connection, and what was read from it already.
fn take(upgraded: Upgraded) -> io::Result<(Stream, bytes::Bytes)> {
    let parts = upgraded
        .downcast::<TokioIo<Stream>>()
        .map_err(|_| io::Error::other("an upgraded connection of another kind"))?;
    Ok((parts.io.into_inner(), parts.read_buf))
}

async fn pump(
    first: &[u8],
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) -> io::Result<()> {
    to.write_all(first).await?;
    add(count, first.len());
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..length).unwrap_or_default()).await?;
        add(count, length);
    }
}

fn add(count: &AtomicU64, length: usize) {
    count.fetch_add(u64::try_from(length).unwrap_or(u64::MAX), Ordering::Relaxed);
}
