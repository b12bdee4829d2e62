//! `dsp adopt`: the configuration of another proxy as a profile.

mod json;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::hint::Hinted;
use super::misuse::misuse;
use super::options::{Verbosity, word};
use super::sessions::Sessions;
use super::status::Status;
use super::{ambiguity, evidence, files, output, standard};
use crate::adopt::{AdoptError, Adopted, MAX_BYTES, Options, Program, Usage, adopt};
use crate::api::EngineKind;
use crate::learn::Evidence;
use crate::profile::{Comments, Name, emit};
use crate::report::{count, pretty, quoted};
use crate::text::{shown, spelled};

/// Take over the configuration of another proxy
///
/// Reads what the other proxy grants, writes it as a profile, and says what a profile cannot say. With a
/// recording, it shows what of that the program never used.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp adopt compose.yaml -o profile.yaml
  dsp adopt --from tecnativa proxy.env
  dsp adopt compose.yaml --service dockerproxy --recording recording.jsonl
  docker compose config | dsp adopt - --format json")]
pub(super) struct Args {
    /// The configuration: a Compose or env file, or the proxy's own file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The proxy, if the file does not show it
    #[arg(
        long = "from",
        value_name = "PROXY",
        value_parser = word(|program| match program {
            Program::Caddy => "A Caddyfile",
            Program::Cetusguard => "Rules of CetusGuard, or its variables",
            Program::Haproxy => "A haproxy.cfg",
            Program::Linuxserver => "The variables of LinuxServer's docker-socket-proxy",
            Program::Sockguard => "The YAML file of CodesWhat's sockguard",
            Program::Tecnativa => "The variables of Tecnativa's docker-socket-proxy",
            Program::Wollomatic => "Flags, variables or labels of wollomatic's socket-proxy",
        })
    )]
    program: Option<Program>,
    /// Which part of the file: a service of a Compose file, a frontend of HAProxy, a site of Caddy, or a
    /// profile of sockguard
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The engine behind the proxy
    #[arg(
        long,
        value_name = "ENGINE",
        default_value = EngineKind::Docker.as_str(),
        value_parser = word(|engine| match engine {
            EngineKind::Docker => "Docker Engine",
            EngineKind::Podman => "podman, with its own API below /libpod",
        })
    )]
    engine: EngineKind,
    /// Show what of this recording was granted, and what was never used
    #[arg(long = "recording", value_name = "RECORDING", num_args = 1..)]
    recordings: Vec<PathBuf>,
    /// Where to write the profile, instead of stdout; an existing file is not overwritten
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The name of the profile; by default that of -o's file or of the service
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    sessions: Sessions,
}

/// Names of files that say nothing about the program.
const GENERAL: [&str; 10] = [
    "-",
    "profile",
    "compose",
    "docker-compose",
    "haproxy",
    "Caddyfile",
    "sockguard",
    "rules",
    "env",
    ".env",
];

/// The format of the result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// The profile, and on stderr a summary
    Text,
    /// A summary for programs; the profile goes to -o
    Json,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    let target = standard::output(args.output.as_ref());
    if args.format == Format::Json && args.output.is_some() && target.is_none() {
        misuse!("--format json and --output - both write to standard output");
    }
    if let Some(path) = target {
        files::check_new(path, "remove it")?;
    }
    if args.recordings.is_empty()
        && let Some(option) = args.sessions.given()
    {
        misuse!("{option} chooses sessions of a recording, so it needs --recording");
    }
    standard::read_once(
        std::iter::once(args.file.as_path()).chain(args.recordings.iter().map(PathBuf::as_path)),
    )?;
    let text = read(&args.file)?;
    let options =
        Options { program: args.program, service: args.service.as_deref(), engine: args.engine };
    let adopted = adopt(&text, &options).map_err(|error| described(&args.file, error))?;
    let evidence = recorded(args)?;
    let name = name(args, &adopted)?;
    let profile = adopted.profile(name);
    let usage = Usage::of(&adopted, evidence.as_ref());
    let comments = comments(args, &adopted);
    let written = emit(&profile, &comments);
    match (target, args.format) {
        (Some(path), _) => crate::files::create(path, &written)?,
        (None, Format::Text) => output::data(&written)?,
        (None, Format::Json) => {}
    }
    if args.format == Format::Json {
        output::data(&pretty(&json::Summary::of(&adopted, &usage, evidence.is_some())))?;
    }
    if !verbosity.quiet {
        if args.format == Format::Text {
            summary::show(&file_name(args, &adopted), &adopted, &usage, evidence.is_some());
        }
        if let Some(path) = target {
            let rules = count(profile.allow.len(), "rule");
            output::note(&format!(
                "wrote {} ({rules}); next: dsp review {}",
                shown(path),
                quoted(&spelled(path))
            ));
        }
    }
    ambiguity::warn(&profile);
    Ok(if adopted.is_exact() { Status::Done } else { Status::Findings })
}

/// Reads the configuration.
fn read(path: &Path) -> anyhow::Result<String> {
    let name = shown(standard::name(path));
    let bytes = standard::open(path).and_then(|file| standard::read_at_most(file, MAX_BYTES));
    let bytes = bytes.with_context(|| format!("cannot read {name}"))?;
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{name} is not valid UTF-8"))
}

/// An error with the file, and with what to do about it.
fn described(path: &Path, error: AdoptError) -> anyhow::Error {
    let name = shown(standard::name(path));
    let message = format!("cannot read {name}: {error}");
    let help = match &error {
        AdoptError::NotRecognized { candidates } if candidates.is_empty() => {
            "name the proxy with --from, and the service of a Compose file with --service"
                .to_owned()
        }
        AdoptError::NotRecognized { candidates } => {
            let options: Vec<String> =
                candidates.iter().map(|program| format!("--from {program}")).collect();
            format!("its variables are those of several proxies: {}", options.join(" or "))
        }
        AdoptError::Several { .. } | AdoptError::NoService { .. } => {
            "choose one with --service".to_owned()
        }
        AdoptError::Elsewhere { program } => {
            format!("adopt that file: dsp adopt --from {program} FILE")
        }
        AdoptError::Nothing => {
            "it has to be the file with the rules for requests; --from names another proxy"
                .to_owned()
        }
        AdoptError::Structure { .. } | AdoptError::Yaml(_) | AdoptError::Expression(_) => {
            return anyhow::anyhow!(message);
        }
    };
    Hinted { message, help }.into()
}

/// The evidence to compare with, if there is any.
fn recorded(args: &Args) -> anyhow::Result<Option<Evidence>> {
    if args.recordings.is_empty() {
        return Ok(None);
    }
    let evidence =
        evidence::read(&args.recordings, None, Some(args.engine), false, &args.sessions)?;
    if evidence.is_empty() {
        let names = evidence::names(&args.recordings);
        let message = format!("{names} contains no requests");
        let help = "record the program first: dsp record -- COMMAND".to_owned();
        return Err(Hinted { message, help }.into());
    }
    super::sessions::warn(&evidence);
    Ok(Some(evidence))
}

fn name(args: &Args, adopted: &Adopted) -> anyhow::Result<Name> {
    if let Some(name) = &args.name {
        return Name::parse(name).with_context(|| format!("--name {name:?} is wrong"));
    }
    let stem = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    let of_output =
        args.output.as_deref().filter(|path| !standard::is_standard(path)).and_then(stem);
    let of_input = || stem(&args.file).filter(|stem| !GENERAL.contains(&stem.as_str()));
    let known = of_output.filter(|stem| !GENERAL.contains(&stem.as_str()));
    let known = known.or_else(|| adopted.service.clone()).or_else(of_input);
    let name = known.and_then(|name| Name::from_words(&name));
    Ok(name.unwrap_or_else(Name::fallback))
}

/// What the summary and the header call what was read.
fn file_name(args: &Args, adopted: &Adopted) -> String {
    let file = shown(standard::name(&args.file));
    match &adopted.service {
        Some(service) => format!("{file}, {}", crate::text::printable(service)),
        None => file.to_string(),
    }
}

fn comments(args: &Args, adopted: &Adopted) -> Comments {
    let mut header =
        vec![format!("adopted from {} ({})", adopted.program.name(), file_name(args, adopted))];
    if !adopted.is_exact() {
        header.push("not exactly what it grants: dsp adopt says what differs".to_owned());
    }
    let allow = adopted.granted.rules.iter().map(|granted| {
        let lines: Vec<String> = granted.lines.iter().map(ToString::to_string).collect();
        match lines.as_slice() {
            [] => String::new(),
            [one] => format!("line {one}"),
            several => format!("lines {}", several.join(", ")),
        }
    });
    Comments { header, allow: allow.collect() }
}
