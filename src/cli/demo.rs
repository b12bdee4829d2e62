//! `dsp demo`: the whole loop in one go, on a real engine if there is one, or on the sample engine.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::options;
use super::output::{self, HELP, STRONG};
use super::sessions::Sessions;
use super::status::Status;
use super::{environment, evidence, front, runtime, standard};
use crate::api::Address;
use crate::engine::{self, Engine};
use crate::learn;
use crate::policy::{self, Enforcer, Gate, Verdict};
use crate::profile::emit;
use crate::report::{count, printable};
use crate::sample::{Monitor, SampleEngine};
use crate::session::{
    Enforcement, EnforcementMode, EnforcementOptions, FrontOptions, JournalOutput, ListenOptions,
    ProfileToEnforce, Recording, RecordingEnd, RecordingOptions, RuntimeDir, StartWarning,
    Workload,
};
use crate::text::{quoted, shown, spelled};

/// Show the whole loop in one go
///
/// Records a small built-in program, prints its profile, enforces it, and shows an allowed and a
/// denied call. Uses your engine, and only reads from it; without an engine, it uses a small sample
/// engine inside dsp.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp demo
  dsp demo --sample          use the sample engine even if there is a real one")]
pub(super) struct Args {
    #[command(flatten)]
    engine: options::Engine,
    /// Use the sample engine even if there is a real one
    #[arg(long, conflicts_with = "host")]
    sample: bool,
    /// The folder for the files that it writes, instead of a new temporary folder
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
    let totals = record(&stage, &recording).await?.totals;
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
    output::text(&enforce(&stage, &profile_path).await?)?;

    let path = quoted(&spelled(&profile_path));
    output::text(&format!(
        "\nThe files are in {}.\nNext, with your own program:\n   dsp record -- docker stats --no-stream\n   \
         dsp generate -o profile.yaml\n   dsp enforce profile.yaml -- docker stats --no-stream\n   \
         dsp explain {path}\n",
        shown(&folder),
    ))?;
    Ok(Status::Done)
}

/// The engine of the demo.
struct Stage {
    engine: Engine,
    story: String,
    runtime_dir: RuntimeDir,
    _sample: Option<(SampleEngine, TempDir)>,
}

impl Stage {
    async fn set(args: &Args) -> anyhow::Result<Self> {
        let mut environment = environment::read(args.engine.host.as_deref());
        let runtime_dir = front::runtime_dir(&environment);
        let missing = if args.sample {
            "as asked with --sample".to_owned()
        } else {
            match engine::find(&environment, front::PROBE_TIME).await {
                Ok(engine) => {
                    let version = printable(&engine.version.version);
                    let (kind, address) = (engine.version.kind.title(), &engine.address);
                    let story = format!("{kind} {version} at {address}; dsp only reads from it");
                    return Ok(Self { engine, story, runtime_dir, _sample: None });
                }
                // If the user named an engine, do not fall back to the sample engine.
                Err(error) if environment.host_flag.is_some() => return Err(error.into()),
                Err(_) => "no Docker Engine answered; dsp record says where dsp looked".to_owned(),
            }
        };
        let folder = runtime_dir.private_folder()?;
        let sample = SampleEngine::start(&folder.path().join("engine.sock"))?;
        environment.host_flag = Some(sample.address().spelled());
        Ok(Self {
            engine: engine::find(&environment, front::PROBE_TIME).await?,
            story: format!("the sample engine inside dsp ({missing})"),
            runtime_dir,
            _sample: Some((sample, folder)),
        })
    }

    /// A socket that only this process uses.
    fn front(&self) -> FrontOptions {
        FrontOptions {
            listen: ListenOptions::default(),
            runtime_dir: self.runtime_dir.clone(),
            workload: Workload::InProcess,
        }
    }
}

/// Records the built-in program.
async fn record(stage: &Stage, path: &Path) -> anyhow::Result<RecordingEnd> {
    let options = RecordingOptions {
        front: stage.front(),
        output: JournalOutput::File(path.to_owned()),
        command: vec!["dsp".to_owned(), "demo".to_owned()],
        has_arguments: false,
        labels: Vec::new(),
        follow: None,
    };
    let recording = Recording::start(stage.engine.clone(), options, &mut warn).await?;
    let watched = monitor(recording.docker_host())?.watch().await;
    let end = recording.end().await;
    watched?;
    Ok(end)
}

/// Enforces the profile, and reports what it lets through.
async fn enforce(stage: &Stage, profile: &Path) -> anyhow::Result<String> {
    let profile = ProfileToEnforce::load(profile, EnforcementMode::default())?;
    let gate = Enforcer::new(profile.profile());
    let options = EnforcementOptions { front: stage.front(), profile, audit_log: None };
    let enforcement = Enforcement::start(stage.engine.clone(), options, &mut warn).await?;
    let lines = call(&monitor(enforcement.docker_host())?, &gate).await;
    enforcement.end().await;
    lines
}

/// The built-in program, with this `DOCKER_HOST`.
fn monitor(docker_host: &str) -> anyhow::Result<Monitor> {
    match docker_host.parse()? {
        Address::Unix(socket) => Ok(Monitor::new(socket)),
        Address::Tcp { .. } => bail!("the demo needs a unix socket, and not {docker_host}"),
    }
}

/// Makes an allowed and a denied call, and reports the answers.
async fn call(program: &Monitor, gate: &Enforcer) -> anyhow::Result<String> {
    let mut lines = String::new();
    for (method, path) in [("GET", "/containers/json"), ("POST", "/containers/create")] {
        let status = program.ask(method, path).await?;
        let verdict = if status == 403 { "denied" } else { "allowed" };
        let _ = writeln!(lines, "   {method} {path}: {STRONG}{verdict}{STRONG:#} ({status})");
        let asked = gate.decide(&policy::Request::new(method, path));
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

fn warn(warning: StartWarning) {
    output::warn(&warning.to_string());
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
