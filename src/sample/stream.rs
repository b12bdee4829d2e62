//! Answers that are sent in pieces: statistics, events, logs, wait, pull and build.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::answers;
use super::commands::frame;
use super::containers::{Container, Phase};
use super::engine::Engine;
use super::http::{Answer, Exchange};
use super::query::Query;

/// How long stop and kill wait for a program to end, as in dockerd.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn stats(
    exchange: &mut Exchange<'_>,
    engine: &Engine,
    container: &Container,
    query: &Query,
) -> io::Result<()> {
    if query.get("stream").is_some() && !query.flag("stream") {
        return exchange.answer(&Answer::ok(answers::stats(container, 1))).await;
    }
    exchange.begin("application/json").await?;
    for count in 1.. {
        exchange.line_of(&answers::stats(container, count)).await?;
        exchange.unless_gone(tokio::time::sleep(engine.tick)).await?;
    }
    Ok(())
}

pub(super) async fn events(exchange: &mut Exchange<'_>, engine: &Engine) -> io::Result<()> {
    let mut events = engine.events();
    exchange.begin("application/json").await?;
    let mut ticks =
        tokio::time::interval_at(tokio::time::Instant::now() + engine.tick, engine.tick);
    loop {
        let next = async {
            tokio::select! {
                event = events.recv() => event,
                _ = ticks.tick() => {
                    let container = engine.containers().pop().ok_or(RecvError::Lagged(0))?;
                    Ok(container.event("top", &[]))
                }
            }
        };
        match exchange.unless_gone(next).await? {
            Ok(event) => exchange.chunk(format!("{event}\n").as_bytes()).await?,
            // Readers this slow miss events, as with a real engine.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return exchange.end().await,
        }
    }
}

pub(super) async fn logs(
    exchange: &mut Exchange<'_>,
    container: &Container,
    query: &Query,
) -> io::Result<()> {
    let wanted = [query.flag("stdout"), query.flag("stderr")];
    if wanted == [false, false] {
        let message = "Bad parameters: you must choose at least one stream";
        return exchange.answer(&Answer::refusal(400, message)).await;
    }
    let (past, mut coming) = container.follow();
    let last = query.get("tail").and_then(|tail| tail.parse().ok()).unwrap_or(past.len());
    exchange.begin("").await?;
    let is_wanted = |stream: u8| wanted.get(usize::from(stream) - 1) == Some(&true);
    for piece in past.iter().skip(past.len().saturating_sub(last)) {
        if is_wanted(piece.0) {
            exchange.chunk(&frame(piece, container.tty)).await?;
        }
    }
    while query.flag("follow") {
        let Some(piece) = exchange.unless_gone(coming.recv()).await? else { break };
        if is_wanted(piece.0) {
            exchange.chunk(&frame(&piece, container.tty)).await?;
        }
    }
    exchange.end().await
}

/// Sends the headers at once, and the exit code when it is known.
pub(super) async fn wait(
    exchange: &mut Exchange<'_>,
    container: Arc<Container>,
    query: &Query,
) -> io::Result<()> {
    let mut status = container.status.subscribe();
    let condition = query.get("condition").unwrap_or_default().to_owned();
    let exits = container.status().exits;
    exchange.begin("application/json").await?;
    let ended = status.wait_for(|status| match condition.as_str() {
        "removed" => status.removed,
        "next-exit" => status.exits > exits,
        _ => status.phase != Phase::Running,
    });
    if let Ok(status) = exchange.unless_gone(async { ended.await.map(|status| *status) }).await? {
        let body = json!({ "Error": null, "StatusCode": status.code });
        exchange.chunk(format!("{body}\n").as_bytes()).await?;
    }
    exchange.end().await
}

/// Stop or kill: sends `answer` after the program has ended, if the signal ends it.
pub(super) async fn end(
    exchange: &mut Exchange<'_>,
    container: Option<Arc<Container>>,
    answer: Answer,
) -> io::Result<()> {
    if let Some(container) = container.filter(|one| answer.status == 204 && one.is_killed()) {
        let mut status = container.status.subscribe();
        let ended = status.wait_for(|status| status.phase != Phase::Running);
        // A program whose output is not read may never end; the engine gives up as well.
        let ended = tokio::time::timeout(KILL_PATIENCE, async { ended.await.is_ok() });
        let _ = exchange.unless_gone(ended).await?;
    }
    exchange.answer(&answer).await
}

/// Pull, from a registry that is unreachable unless the image exists; or import.
pub(super) async fn create_image(
    exchange: &mut Exchange<'_>,
    engine: &Engine,
    query: &Query,
) -> io::Result<()> {
    let imports = query.get("fromSrc").is_some();
    while imports && exchange.read().await?.is_some() {}
    exchange.begin("application/json").await?;
    if imports {
        exchange.line_of(&json!({ "status": answers::IMAGE_ID })).await?;
        return exchange.end().await;
    }
    let image = query.get("fromImage").unwrap_or_default();
    let tag = query.get("tag").filter(|tag| !tag.is_empty()).unwrap_or("latest");
    exchange.line_of(&json!({ "status": format!("Pulling from {image}"), "id": tag })).await?;
    exchange.unless_gone(tokio::time::sleep(engine.tick)).await?;
    if answers::is_busybox(&format!("{image}:{tag}")) || answers::is_busybox(image) {
        let status = format!("Status: Image is up to date for {image}:{tag}");
        exchange.line_of(&json!({ "status": status })).await?;
    } else {
        let error = "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host";
        exchange.line_of(&json!({ "errorDetail": { "message": error }, "error": error })).await?;
    }
    exchange.end().await
}

/// Reads the whole upload and sends output in the meantime.
pub(super) async fn build(exchange: &mut Exchange<'_>) -> io::Result<()> {
    exchange.begin("application/json").await?;
    exchange.line_of(&json!({ "stream": "Step 1/1 : FROM scratch\n" })).await?;
    let (mut count, mut told) = (0_usize, 0);
    while let Some(piece) = exchange.read().await? {
        count += piece.len();
        if count >> 20 > told {
            told = count >> 20;
            exchange.line_of(&json!({ "stream": format!("{told} MiB\n") })).await?;
        }
    }
    exchange.line_of(&json!({ "stream": format!("read {count} bytes\n") })).await?;
    exchange.end().await
}
