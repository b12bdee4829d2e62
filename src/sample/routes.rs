//! Routes requests to their answers.

use std::io;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answers;
use super::containers::Phase;
use super::engine::Engine;
use super::http::{Answer, Exchange};
use super::query::Query;
use super::{archive, hijack, stream};

type Plain = fn(&Arc<Engine>, &str, &Query) -> Answer;

/// What answers a request. The string is the name or ID in its path.
enum Route {
    /// An answer that depends only on the state.
    Plain(Plain, String),
    Archive(String),
    Attach(String),
    Build,
    Create,
    CreateExec(String),
    CreateImage,
    /// A plain answer that waits until a container ends.
    End(Plain, String),
    Events,
    Logs(String),
    Ping,
    /// One of the two connections to BuildKit; whether the engine speaks first.
    BuildKit(bool),
    StartExec(String),
    Stats(String),
    Wait(String),
}

/// Answers one request.
pub(super) async fn answer(exchange: &mut Exchange<'_>, engine: &Arc<Engine>) -> io::Result<()> {
    let seen = &exchange.head.seen;
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let query = Query::parse(query);
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let mut segments: Vec<_> = path.strip_prefix('/').unwrap_or_default().split('/').collect();
    let version = segments.first().and_then(|first| version(first));
    if version.is_some() {
        segments.remove(0);
    }
    let Some(route) = route(&seen.method, &segments) else {
        let body = "{\"message\":\"page not found\"}\n";
        return exchange.send(404, "Content-Type: application/json\r\n", body.as_bytes()).await;
    };
    if let Some(version) = version
        && let Some(message) = unsupported(version)
    {
        return refuse_version(exchange, &message).await;
    }
    perform(exchange, engine, route, &query).await
}

fn route(method: &str, segments: &[&str]) -> Option<Route> {
    let plain = |answer: Plain, name: &str| Route::Plain(answer, name.to_owned());
    Some(match (method, segments) {
        ("GET" | "HEAD", ["_ping"]) => Route::Ping,
        ("GET", ["version"]) => plain(answers::version, ""),
        ("GET", ["info"]) => plain(answers::info, ""),
        ("GET", ["events"]) => Route::Events,
        ("GET", ["system", "df"]) => plain(answers::disk_usage, ""),

        ("GET", ["containers", "json"]) => plain(answers::containers, ""),
        ("GET", ["containers", id, "json"]) => plain(answers::container, id),
        ("GET", ["containers", id, "stats"]) => Route::Stats((*id).to_owned()),
        ("GET", ["containers", id, "logs"]) => Route::Logs((*id).to_owned()),
        ("GET", ["containers", id, "top"]) => plain(answers::top, id),
        ("GET" | "HEAD" | "PUT", ["containers", id, "archive"]) => Route::Archive((*id).to_owned()),
        ("POST", ["containers", "create"]) => Route::Create,
        ("POST", ["containers", "prune"]) => plain(answers::prune, "Containers"),
        ("POST", ["containers", id, "attach"]) => Route::Attach((*id).to_owned()),
        ("POST", ["containers", id, "exec"]) => Route::CreateExec((*id).to_owned()),
        ("POST", ["containers", id, "wait"]) => Route::Wait((*id).to_owned()),
        ("POST", ["containers", id, "start"]) => plain(answers::start, id),
        ("POST", ["containers", id, "stop"]) => Route::End(answers::stop, (*id).to_owned()),
        ("POST", ["containers", id, "kill"]) => Route::End(answers::kill, (*id).to_owned()),
        ("POST", ["containers", _, "resize"]) | ("POST", ["exec", _, "resize"]) => {
            plain(answers::nothing, "")
        }
        ("DELETE", ["containers", id]) => plain(answers::remove, id),

        ("POST", ["exec", id, "start"]) => Route::StartExec((*id).to_owned()),
        ("GET", ["exec", id, "json"]) => plain(answers::exec, id),

        ("GET", ["images", "json"]) => plain(answers::images, ""),
        ("GET", ["images", name @ .., "json"]) => plain(answers::image, &name.join("/")),
        ("POST", ["images", "create"]) => Route::CreateImage,
        ("POST", ["images", "prune"]) => plain(answers::prune, "Images"),
        ("POST", ["build"]) => Route::Build,
        ("POST", ["session"]) => Route::BuildKit(true),
        ("POST", ["grpc"]) => Route::BuildKit(false),
        ("POST", ["build", "prune"]) => plain(answers::prune, "Caches"),

        ("GET", ["networks"] | ["networks", ""]) => plain(answers::networks, ""),
        ("GET", ["networks", id]) => plain(answers::network, id),
        ("POST", ["networks", "prune"]) => plain(answers::prune, "Networks"),
        ("GET", ["volumes"]) => plain(answers::volumes, ""),
        ("GET", ["volumes", name]) => plain(answers::volume, name),
        ("POST", ["volumes", "prune"]) => plain(answers::prune, "Volumes"),
        _ => return None,
    })
}

async fn perform(
    exchange: &mut Exchange<'_>,
    engine: &Arc<Engine>,
    route: Route,
    query: &Query,
) -> io::Result<()> {
    match route {
        Route::Plain(answer, name) => exchange.answer(&answer(engine, &name, query)).await,
        Route::Attach(id) => hijack::attach(exchange, engine, &id, query).await,
        Route::Build => stream::build(exchange).await,
        Route::BuildKit(speaks_first) => hijack::buildkit(exchange, speaks_first).await,
        Route::Create => create(exchange, engine, query).await,
        Route::CreateExec(id) => create_exec(exchange, engine, &id).await,
        Route::CreateImage => stream::create_image(exchange, engine, query).await,
        Route::End(answer, id) => {
            let container = engine.container(&id);
            let answer = answer(engine, &id, query);
            stream::end(exchange, container, answer).await
        }
        Route::Events => stream::events(exchange, engine).await,
        Route::Ping => ping(exchange).await,
        Route::StartExec(id) => hijack::start_exec(exchange, engine, &id).await,
        Route::Archive(ref id)
        | Route::Logs(ref id)
        | Route::Stats(ref id)
        | Route::Wait(ref id) => {
            let Some(container) = engine.container(id) else {
                return exchange.answer(&answers::no_container(id)).await;
            };
            match route {
                Route::Archive(_) => archive::archive(exchange, &container, query).await,
                Route::Logs(_) => stream::logs(exchange, &container, query).await,
                Route::Stats(_) => stream::stats(exchange, engine, &container, query).await,
                _ => stream::wait(exchange, container, query).await,
            }
        }
    }
}

async fn ping(exchange: &mut Exchange<'_>) -> io::Result<()> {
    let is_head = exchange.head.seen.method == "HEAD";
    let length = if is_head { "Content-Length: 0\r\n" } else { "" };
    let fields = format!(
        "Api-Version: 1.41\r\nCache-Control: no-cache, no-store, must-revalidate\r\n{length}Content-Type: text/plain; charset=utf-8\r\nDocker-Experimental: false\r\nOstype: linux\r\nPragma: no-cache\r\nServer: Docker/20.10.24 (linux)\r\n"
    );
    if is_head {
        return exchange.send_head(&fields).await;
    }
    exchange.send(200, &fields, b"OK").await
}

async fn create(
    exchange: &mut Exchange<'_>,
    engine: &Arc<Engine>,
    query: &Query,
) -> io::Result<()> {
    let request = match exchange.json().await? {
        Ok(request) => request,
        Err(refusal) => return exchange.answer(&refusal).await,
    };
    let name = query.get("name").unwrap_or_default().trim_start_matches('/');
    let answer = match request.get("Image").and_then(Value::as_str) {
        None => Answer::refusal(400, "Config cannot be empty in order to create a container"),
        Some(image) if !answers::is_busybox(image) => {
            let tagged =
                if image.contains(':') { image.to_owned() } else { format!("{image}:latest") };
            Answer::refusal(404, &format!("No such image: {tagged}"))
        }
        Some(_) => match engine.containers().iter().find(|found| found.name == name) {
            Some(taken) => Answer::refusal(
                409,
                &format!(
                    "Conflict. The container name \"/{name}\" is already in use by container \"{}\". You have to remove (or rename) that container to be able to reuse that name.",
                    taken.id
                ),
            ),
            None => {
                let container = engine.create(name, &request);
                Answer { status: 201, body: Some(json!({ "Id": container.id, "Warnings": [] })) }
            }
        },
    };
    exchange.answer(&answer).await
}

async fn create_exec(
    exchange: &mut Exchange<'_>,
    engine: &Arc<Engine>,
    id: &str,
) -> io::Result<()> {
    let request = match exchange.json().await? {
        Ok(request) => request,
        Err(refusal) => return exchange.answer(&refusal).await,
    };
    let answer = match engine.container(id) {
        None => answers::no_container(id),
        Some(container) if container.status().phase != Phase::Running => {
            Answer::refusal(409, &format!("Container {} is not running", container.id))
        }
        Some(container) => {
            let exec = engine.create_exec(&container, &request);
            if exec.command.is_empty() {
                Answer::refusal(400, "No exec command specified")
            } else {
                Answer { status: 201, body: Some(json!({ "Id": exec.id })) }
            }
        }
    };
    exchange.answer(&answer).await
}

/// The version in a first path segment, if it is one.
fn version(segment: &str) -> Option<&str> {
    let version = segment.strip_prefix('v')?;
    let is_version = !version.is_empty() && version.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_version.then_some(version)
}

/// Why the engine does not serve a version, in its own words.
fn unsupported(version: &str) -> Option<String> {
    let mut numbers = version.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
    let asked = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if asked > (1, 41) {
        return Some(format!(
            "client version {version} is too new. Maximum supported API version is 1.41"
        ));
    }
    (asked < (1, 12)).then(|| {
        format!(
            "client version {version} is too old. Minimum supported API version is 1.12, please upgrade your client to a newer version"
        )
    })
}

/// Errors for versions below 1.24 are plain text.
async fn refuse_version(exchange: &mut Exchange<'_>, message: &str) -> io::Result<()> {
    let server = "Ostype: linux\r\nServer: Docker/20.10.24 (linux)\r\n";
    let (fields, body) = if message.contains("too old") {
        let kind = "Content-Type: text/plain; charset=utf-8\r\n";
        let fields =
            format!("Api-Version: 1.41\r\n{kind}{server}X-Content-Type-Options: nosniff\r\n");
        (fields, format!("{message}\n"))
    } else {
        let fields = format!("Api-Version: 1.41\r\nContent-Type: application/json\r\n{server}");
        (fields, format!("{}\n", json!({ "message": message })))
    };
    exchange.send(400, &fields, body.as_bytes()).await
}
