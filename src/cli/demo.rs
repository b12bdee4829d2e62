//! `dsp demo`: the whole loop in one go, on a real engine if there is one, or on the sample engine.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyperlocal::{UnixClientExt, UnixConnector};

use super::options::Engine;
use super::output::{self, HELP, STRONG};
use super::sessions::Sessions;
use super::status::Status;
use super::{environment, evidence, runtime, serve, standard};
use crate::api::{Address, EngineKind};
use crate::engine;
use crate::learn;
use crate::policy::{self, Enforcer, Gate, Observer, Verdict};
use crate::profile::{emit, parse};
use crate::proxy::{Access, Listener, Proxy, Record, Service};
use crate::recording::{Session, Writer};
use crate::report::{count, printable};
use crate::sample::SampleEngine;
use crate::session::{Audit, Recorder, about_engine};
use crate::text::{quoted, shown, spelled};

/// The longest answer in bytes that the built-in program reads.
const LONGEST_ANSWER: usize = 16 << 20;

/// How long a request of the built-in program may take.
const REQUEST_TIME: Duration = Duration::from_secs(20);

/// The most containers whose statistics the built-in program requests.
const MOST_CONTAINERS: usize = 3;

/// Show the whole loop in one go
///
/// Records a small built-in program, prints its profile, enforces it, and shows an allowed and a
/// denied call. Uses your engine, and only reads from it; if there is none, a small sample engine
/// inside dsp.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp demo
  dsp demo --sample          use the sample engine even if there is a real one")]
pub(super) struct Args {
    #[command(flatten)]
    engine: Engine,
    /// Use the sample engine even if there is a real one
    #[arg(long, conflicts_with = "host")]
    sample: bool,
    /// The folder for the files it makes, instead of a new temporary one
    #[arg(long, value_name = "DIR", value_parser = standard::folder())]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    runtime::block_on(demo(args))?
}

async fn demo(args: &Args) -> anyhow::Result<Status> {
    let folder = folder(args.dir.as_deref())?;
    let stage = Stage::set(args).await?;
    let recording = folder.join("recording.jsonl");
    let profile_path = folder.join("profile.yaml");
    for path in [&recording, &profile_path] {
        if std::fs::symlink_metadata(path).is_ok() {
            bail!("{} exists; choose another folder with --dir", shown(path));
        }
    }

    step(1, "record", "a small program asks for the version, the containers and their statistics")?;
    output::text(&format!("   engine: {}\n", stage.story))?;
    let totals = record(&stage, &recording).await?;
    output::text(&format!(
        "   {}, {} -> {}\n\n",
        count(totals.requests, "request"),
        count(totals.operations, "operation"),
        shown(&recording)
    ))?;

    step(2, "generate", "the smallest profile that allows this, with containers as wildcards")?;
    let evidence =
        evidence::read(std::slice::from_ref(&recording), None, None, false, &Sessions::default())?;
    let name = crate::profile::Name::from_words("demo");
    let options = learn::Options { name, ..learn::Options::default() };
    let learn::Generated { profile, comments } = learn::generate(&evidence, &options);
    let proof = learn::prove(&evidence, &profile, None)?;
    let text = emit(&profile, &comments);
    crate::files::create(&profile_path, &text)?;
    output::data(&indented(&text))?;
    output::text(&format!("   {proof}\n   -> {}\n\n", shown(&profile_path)))?;

    step(3, "enforce", "exactly this profile and nothing else")?;
    let profile = parse(&text).map_err(|problem| anyhow::anyhow!(problem.message))?;
    let lines = enforce(&stage, Enforcer::new(&profile)).await?;
    output::text(&lines)?;

    let path = quoted(&spelled(&profile_path));
    output::text(&format!(
        "\nThe files are in {}.\nNext, with your own program:\n   dsp record -- docker stats --no-stream\n   \
         dsp generate -o profile.yaml\n   dsp enforce profile.yaml -- docker stats --no-stream\n   \
         dsp explain {path}\n",
        shown(&folder),
    ))?;
    Ok(Status::Done)
}

/// The engine of the demo and the folder for its sockets.
struct Stage {
    engine: Address,
    kind: EngineKind,
    about: Option<crate::recording::Engine>,
    story: String,
    sockets: tempfile::TempDir,
    _sample: Option<SampleEngine>,
}

impl Stage {
    async fn set(args: &Args) -> anyhow::Result<Self> {
        let environment = environment::read(args.engine.host.as_deref());
        let sockets = serve::runtime_dir(&environment).private_folder()?;
        let missing = if args.sample {
            "as asked with --sample".to_owned()
        } else {
            match engine::find(&environment, serve::PROBE_TIME).await {
                Ok(found) => {
                    let version = printable(&found.version.version);
                    let kind = found.version.kind;
                    return Ok(Self {
                        kind,
                        about: Some(about_engine(&found)),
                        story: format!(
                            "{} {version} at {}; dsp only reads from it",
                            kind.title(),
                            found.address
                        ),
                        engine: found.address,
                        sockets,
                        _sample: None,
                    });
                }
                // If the user named an engine, do not fall back to the sample engine.
                Err(error) if environment.host_flag.is_some() => return Err(error.into()),
                Err(_) => "no Docker Engine answered; dsp record says where dsp looked".to_owned(),
            }
        };
        let sample = SampleEngine::start(&sockets.path().join("engine.sock"))?;
        Ok(Self {
            engine: sample.address(),
            kind: EngineKind::Docker,
            about: None,
            story: format!("the sample engine inside dsp ({missing})"),
            sockets,
            _sample: Some(sample),
        })
    }

    /// Runs `program` against a proxy with this service.
    async fn through<R: Record, T>(
        &self,
        name: &str,
        service: Service<R>,
        program: impl AsyncFnOnce(&Program) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let socket = self.sockets.path().join(name);
        let listener = Listener::bind(&Address::unix(&socket)?, &Access::default()).await?;
        let running = Proxy::new(vec![listener]).serve(Arc::new(service));
        let result = program(&Program { client: Client::unix(), socket }).await;
        running.drain(Duration::from_secs(1), std::future::pending()).await;
        result
    }
}

async fn record(stage: &Stage, path: &Path) -> anyhow::Result<crate::recording::Totals> {
    let mut session = Session::begin(vec!["dsp".to_owned(), "demo".to_owned()]);
    session.engine.clone_from(&stage.about);
    let recorder = Arc::new(Recorder::new(Writer::create(path, &session)?));
    let gate = Arc::new(Observer::new(stage.kind));
    let service = Service::new(gate, Arc::clone(&recorder), stage.engine.clone());
    stage.through("record.sock", service, async |program: &Program| program.run().await).await?;
    Ok(recorder.end(None))
}

async fn enforce(stage: &Stage, gate: Enforcer) -> anyhow::Result<String> {
    let calls = [(Method::GET, "/containers/json"), (Method::POST, "/containers/create")];
    let gate = Arc::new(gate);
    let answers = stage.through(
        "enforce.sock",
        Arc::new(Audit::default()).service(Arc::<Enforcer>::clone(&gate), stage.engine.clone()),
        async |program: &Program| {
            let mut answers = Vec::new();
            for (method, path) in calls {
                let (status, _) = program.ask(method.clone(), path).await?;
                answers.push((method, path, status));
            }
            Ok(answers)
        },
    );
    let mut lines = String::new();
    for (method, path, status) in answers.await? {
        let verdict = if status == 403 { "denied" } else { "allowed" };
        let _ = writeln!(lines, "   {method} {path}: {STRONG}{verdict}{STRONG:#} ({status})");
        let asked = gate.decide(&policy::Request::new(method.as_str(), path));
        if let Verdict::Deny(denial) = asked.verdict {
            let _ = writeln!(lines, "   {}", denial.cause());
            if let Some(rule) = denial.rule {
                let _ =
                    writeln!(lines, "   to allow it, add to the profile:  {HELP}- {rule}{HELP:#}");
            }
        }
    }
    Ok(lines)
}

/// The built-in program: a monitor that only reads.
struct Program {
    client: Client<UnixConnector, Empty<Bytes>>,
    socket: PathBuf,
}

impl Program {
    async fn run(&self) -> anyhow::Result<()> {
        self.ask(Method::HEAD, "/_ping").await?;
        self.ask(Method::GET, "/version").await?;
        let (_, body) = self.ask(Method::GET, "/containers/json").await?;
        let containers: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap_or_default();
        let ids = containers.iter().filter_map(|container| container.get("Id")?.as_str());
        for id in ids.take(MOST_CONTAINERS) {
            self.ask(Method::GET, &format!("/containers/{id}/stats?stream=false")).await?;
        }
        Ok(())
    }

    async fn ask(&self, method: Method, path: &str) -> anyhow::Result<(u16, Bytes)> {
        let failed = || format!("{method} {path} got no answer");
        let request = Request::builder()
            .method(&method)
            .uri(hyperlocal::Uri::new(&self.socket, path))
            .header("user-agent", concat!("dsp-demo/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())?;
        let exchange = async {
            let response = self.client.request(request).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
            anyhow::Ok((status, body))
        };
        tokio::time::timeout(REQUEST_TIME, exchange)
            .await
            .with_context(failed)?
            .with_context(failed)
    }
}

fn folder(chosen: Option<&Path>) -> anyhow::Result<PathBuf> {
    match chosen {
        Some(path) => {
            std::fs::create_dir_all(path)
                .with_context(|| format!("cannot make the folder {}", shown(&path)))?;
            Ok(path.to_owned())
        }
        // Kept, because the last message says where the files are.
        None => Ok(tempfile::Builder::new().prefix("dsp-demo-").tempdir()?.keep()),
    }
}

fn step(number: u8, name: &str, about: &str) -> anyhow::Result<()> {
    Ok(output::text(&format!("{STRONG}{number}. {name}{STRONG:#}: {about}\n"))?)
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + "   | " + line + "\n")
}
