//! Connections that stop being HTTP: attach and exec start.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::commands::{self, BACKLOG, Piece, frame};
use super::engine::Engine;
use super::http::{Answer, Connection, ENGINE_HEADERS, Exchange};
use super::query::Query;

/// The time that a client has to end its direction after the output has ended.
const LINGER: Duration = Duration::from_millis(500);

const RAW: &str = "Content-Type: application/vnd.docker.raw-stream\r\n";

pub(super) async fn attach(
    exchange: &mut Exchange<'_>,
    engine: &Engine,
    name: &str,
    query: &Query,
) -> io::Result<()> {
    while exchange.read().await?.is_some() {}
    let Some(container) = engine.container(name) else {
        // By the time the engine looks up the container, it has hijacked the connection.
        let text = format!("HTTP/1.1 404 Not Found\r\n{RAW}\r\nNo such container: {name}\r\n");
        exchange.close();
        return exchange.connection.writer.write_all(text.as_bytes()).await;
    };
    let stdin = if query.flag("stdin") { container.take_stdin() } else { None };
    let (past, output) = container.follow();
    let past = if query.flag("logs") { past } else { Vec::new() };
    let wanted = [query.flag("stdout"), query.flag("stderr")];
    take_over(exchange, "").await?;
    for piece in past {
        exchange.connection.writer.write_all(&frame(&piece, container.tty)).await?;
    }
    tunnel(exchange, container.tty, wanted, stdin, output).await
}

pub(super) async fn start_exec(
    exchange: &mut Exchange<'_>,
    engine: &Arc<Engine>,
    id: &str,
) -> io::Result<()> {
    let options = match exchange.json().await? {
        Ok(options) => options,
        Err(refusal) => return exchange.answer(&refusal).await,
    };
    let Some(exec) = engine.exec(id) else {
        let message = format!("No such exec instance: {id}");
        return exchange.answer(&Answer::refusal(404, &message)).await;
    };
    if !exec.begin() {
        let message = format!("Error: Exec command {id} has already run");
        return exchange.answer(&Answer::refusal(409, &message)).await;
    }
    let (stdin, input) = channel(BACKLOG);
    let (sender, mut output) = channel(BACKLOG);
    let tick = engine.tick;
    let (tty, wants_stdin) = (exec.tty, exec.stdin);
    engine.exec_event(&exec, "exec_start");
    engine.spawn(async move |engine| {
        // The output ends only when the exit code is known, because clients ask for it right after.
        let _open = sender.clone();
        let code = commands::run(&exec.command, input, sender, tick).await;
        exec.end(code);
        engine.exec_event(&exec, "exec_die");
    });
    if options.get("Detach").and_then(Value::as_bool) == Some(true) {
        tokio::spawn(async move { while output.recv().await.is_some() {} });
        return exchange.answer(&Answer::empty(200)).await;
    }
    take_over(exchange, ENGINE_HEADERS).await?;
    tunnel(exchange, tty, [true, true], wants_stdin.then_some(stdin), output).await
}

/// The HTTP/2 preface of the client side, which for `/session` is the engine.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// BuildKit's two connections, as far as a proxy can see: HTTP/2 in a hijacked connection. This
/// engine sends the preface and echoes everything else.
pub(super) async fn buildkit(exchange: &mut Exchange<'_>, speaks_first: bool) -> io::Result<()> {
    while exchange.read().await?.is_some() {}
    if exchange.head.seen.header("upgrade") != Some("h2c") {
        return exchange.answer(&Answer::refusal(500, "protocol not supported")).await;
    }
    exchange.close();
    let Connection { reader, writer } = &mut *exchange.connection;
    writer
        .write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        )
        .await?;
    if speaks_first {
        writer.write_all(PREFACE).await?;
    }
    tokio::io::copy_buf(reader, writer).await?;
    writer.shutdown().await
}

/// Sends the head of a hijack. The form of the answer depends only on whether the request has an
/// `Upgrade` header, not on the value.
async fn take_over(exchange: &mut Exchange<'_>, fields: &str) -> io::Result<()> {
    let start = if exchange.head.seen.header("upgrade").is_some() {
        format!("HTTP/1.1 101 UPGRADED\r\n{RAW}Connection: Upgrade\r\nUpgrade: tcp\r\n")
    } else {
        format!("HTTP/1.1 200 OK\r\n{RAW}")
    };
    exchange.close();
    exchange.connection.writer.write_all(format!("{start}{fields}\r\n").as_bytes()).await
}

/// Relays both directions until the program's output ends, then ends the engine's direction. The
/// end of the client's direction only means the end of stdin.
async fn tunnel(
    exchange: &mut Exchange<'_>,
    tty: bool,
    wanted: [bool; 2],
    stdin: Option<Sender<Bytes>>,
    mut output: Receiver<Piece>,
) -> io::Result<()> {
    let reader = &mut exchange.connection.reader;
    let writer = &mut exchange.connection.writer;
    let inward = async move {
        let mut buffer = vec![0; 32 << 10];
        let mut stdin = stdin;
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            let piece = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
            if let Some(sender) = &stdin
                && sender.send(piece).await.is_err()
            {
                stdin = None;
            }
        }
    };
    let outward = async move {
        while let Some(piece) = output.recv().await {
            if wanted.get(usize::from(piece.0) - 1) == Some(&true) {
                writer.write_all(&frame(&piece, tty)).await?;
            }
        }
        writer.shutdown().await
    };
    let (mut inward, mut outward) = (pin!(inward), pin!(outward));
    let mut is_at_end = false;
    let done = loop {
        tokio::select! {
            () = &mut inward, if !is_at_end => is_at_end = true,
            done = &mut outward => break done,
        }
    };
    if !is_at_end {
        // Closing a unix socket with unread bytes resets it, and the client would lose output.
        let _ = tokio::time::timeout(LINGER, inward).await;
    }
    done
}
