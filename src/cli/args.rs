//! What can be said on the command line, and its help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::completions::Profiles;
use super::{ask, intercept::Intercept, listen::Listen, logs::Logs, sessions::Sessions, standard};
use crate::api::{ApiVersion, EngineKind};
use crate::learn::MinApi;
use crate::{export, recording};

/// Learns the least access that a program needs to the Docker socket, and enforces it.
#[derive(Debug, Parser)]
#[command(
    name = "dsp",
    version,
    max_term_width = 100,
    after_help = "\
The loop:
  dsp record -- docker stats --no-stream    watch a program  -> recording.jsonl
  dsp generate -o profile.yaml              what it used     -> profile.yaml
  dsp review profile.yaml                   a person decides over each rule
  dsp enforce profile.yaml -- docker stats  exactly that and nothing else
  dsp check profile.yaml recording.jsonl    has it drifted?

Exit status: 0 done, 1 dsp could not do it, 2 wrong usage, 3 findings, 4 no verdict possible;
record and enforce with a command: the command's own status, or 125, 126, 127 as docker run."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) verbosity: Verbosity,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// How much dsp says about what it does.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Verbosity {
    /// Say more: -v also each request that passed, -vv also how it ended
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Record(Record),
    Generate(Generate),
    Review(super::review::Args),
    Enforce(super::enforce::Args),
    Check(super::check::Args),
    Diff(super::diff::Args),
    Coverage(Coverage),
    Explain(Explain),
    Export(Export),
    Report(super::report::Args),
    Profiles(super::profiles::Args),
    Demo(Demo),
    Health(super::health::Args),
    Schema(super::schema::Args),
    Completions(super::completions::Completions),
    Man(super::completions::Man),
}

impl Command {
    /// Whether the exit status belongs to a program that is run.
    pub(super) fn runs_a_program(&self) -> bool {
        match self {
            Self::Enforce(enforce) => !enforce.command.is_empty(),
            Self::Record(record) => !record.command.is_empty(),
            Self::Check(_)
            | Self::Completions(_)
            | Self::Coverage(_)
            | Self::Demo(_)
            | Self::Diff(_)
            | Self::Explain(_)
            | Self::Export(_)
            | Self::Generate(_)
            | Self::Health(_)
            | Self::Man(_)
            | Self::Profiles(_)
            | Self::Report(_)
            | Self::Review(_)
            | Self::Schema(_) => false,
        }
    }
}

/// Record what a program asks of the Docker Engine
///
/// With a command, dsp runs it with a DOCKER_HOST of its own, leaves it the terminal, and ends with
/// its exit status. Without one, dsp serves until Ctrl-C or TERM and prints the DOCKER_HOST to use.
/// Each run appends a session to the recording. Bodies, credentials, the values of secret parameters
/// and, unless --command-line says otherwise, the arguments of the command are never written.
///
/// With --follow, each container that is created meanwhile and mounts the engine's socket gets a
/// recording socket of its own in its place, and a session of its own, by its name. The engine has to
/// be on this machine. docker inspect shows dsp's path as the source of the mount; a container that is
/// still there at the end has lost its socket and has to be created anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp record -- docker stats --no-stream
  dsp record -o ci.jsonl --label job=integration -- make test
  dsp record --follow --split recordings -- docker compose up
  dsp record --intercept -- ./program                   for one that ignores DOCKER_HOST
  dsp record --listen unix:///run/dsp/traefik.sock      then start Traefik with that DOCKER_HOST")]
pub(super) struct Record {
    /// The recording to append to; - is stdout, for a listener
    #[arg(short, long, value_name = "FILE", default_value = "recording.jsonl")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) engine: Engine,
    #[command(flatten)]
    pub(super) listen: Listen,
    /// Give containers that ask for the engine's socket a recording socket in its place
    #[arg(long)]
    pub(super) follow: bool,
    /// With --follow, write what each container asks to a file of its own in this folder, NAME.jsonl
    #[arg(long, value_name = "DIR", requires = "follow", value_parser = standard::folder())]
    pub(super) split: Option<PathBuf>,
    #[command(flatten)]
    pub(super) intercept: Intercept,
    /// Something to remember about this session
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = super::sessions::label)]
    pub(super) labels: Vec<(String, String)>,
    /// How much of the command to write down
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value_t = CommandLine::Short,
        requires = "command",
        conflicts_with = "grace"
    )]
    pub(super) command_line: CommandLine,
    /// The program to run
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// Make the smallest profile that allows what was recorded
///
/// Names of containers, images and the like become wildcards, by their place in the API. Nothing
/// that was not seen is added, except that the two forms of the first ping go together.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp generate                                  print the profile of recording.jsonl
  dsp generate monday.jsonl tuesday.jsonl -o ci.yaml
  dsp generate --update ci.yaml today.jsonl     add what is new, keep what people decided
  dsp generate --command 'docker stats'         of the sessions in recording.jsonl only these
  dsp generate --from nginx /var/log/nginx/docker.log
  journalctl -u docker | dsp generate --from dockerd -")]
pub(super) struct Generate {
    /// Recordings; all of them together make one profile
    #[arg(value_name = "RECORDING", default_value = "recording.jsonl")]
    pub(super) recordings: Vec<PathBuf>,
    /// Where to write the profile, instead of stdout. If the file exists, dsp asks on a terminal, and
    /// otherwise changes nothing
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Replace the profile that exists at -o, with all that people decided in it
    #[arg(long, requires = "output")]
    pub(super) replace: bool,
    /// Add what is new to this profile; what people wrote there is kept
    #[arg(
        long,
        value_name = "PROFILE",
        conflicts_with_all = ["output", "name", "replace"],
        value_parser = standard::changed()
    )]
    pub(super) update: Option<PathBuf>,
    /// What denials will call the profile, instead of the name of -o's file, of what ran, or of the
    /// recording's file or folder
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Name the JSON Schema in this file at the head of the profile, for editors; see dsp schema
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "update",
        value_parser = standard::not("an editor reads the schema from the file")
    )]
    pub(super) schema: Option<PathBuf>,
    /// How wide the rules are
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Names::Any)]
    pub(super) names: Names,
    /// Allow requests that are not known operations of the API, each exactly as it was recorded: this
    /// one, such as 'GET /vendor/health', or all. On a terminal, dsp asks which
    #[arg(long, value_name = "REQUEST", num_args = 0..=1, require_equals = true,
        default_missing_value = ask::ALL)]
    pub(super) accept_unknown: Vec<String>,
    /// Include a request that was denied, or all of them: by enforce, from its audit log, or by the
    /// proxy whose log it is; somebody may have tried what nobody needs. On a terminal, dsp asks which
    #[arg(long, value_name = "REQUEST", num_args = 0..=1, require_equals = true,
        default_missing_value = ask::ALL)]
    pub(super) denied: Vec<String>,
    /// Use recordings from which lines were lost; the profile may then miss operations
    #[arg(long)]
    pub(super) allow_lossy: bool,
    /// The engine that was asked, where the evidence does not say so, as logs do not
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub(super) engine: Option<EngineName>,
    /// Refuse older API versions: VERSION such as 1.41, recorded for the oldest that was recorded, or
    /// none; without it a new profile has none, and --update leaves what is there
    #[arg(long, value_name = "VERSION", value_parser = min_api)]
    pub(super) min_api: Option<MinApi>,
    #[command(flatten)]
    pub(super) from: Origin,
    #[command(flatten)]
    pub(super) sessions: Sessions,
}

/// An engine.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum EngineName {
    /// Docker Engine
    Docker,
    /// podman, with its own API below /libpod
    Podman,
}

impl From<EngineName> for EngineKind {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Docker => Self::Docker,
            EngineName::Podman => Self::Podman,
        }
    }
}

/// How much of the command a recording has.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum CommandLine {
    /// The program, and its sub-command or the name of its script
    #[default]
    Short,
    /// All arguments, but for those that look secret
    Full,
    /// Nothing
    None,
}

impl From<CommandLine> for crate::recording::CommandLine {
    fn from(line: CommandLine) -> Self {
        match line {
            CommandLine::Short => Self::Short,
            CommandLine::Full => Self::Full,
            CommandLine::None => Self::None,
        }
    }
}

/// What becomes of the names of containers, images and the like.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Names {
    /// A wildcard for each
    Any,
    /// Only those that were recorded
    Exact,
    /// A pattern such as ci-* where all of them share a beginning, else a wildcard
    Glob,
}

impl From<Names> for crate::learn::Names {
    fn from(names: Names) -> Self {
        match names {
            Names::Any => Self::Any,
            Names::Exact => Self::Exact,
            Names::Glob => Self::Glob,
        }
    }
}

/// Tell whether enough was recorded
///
/// Shows which sessions brought what, how many operations the next one is expected to add, and
/// which operations one would expect beside those that were seen.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp coverage recording.jsonl
  dsp coverage monday.jsonl tuesday.jsonl --format json")]
pub(super) struct Coverage {
    /// Recordings
    #[arg(value_name = "RECORDING", default_value = "recording.jsonl")]
    pub(super) recordings: Vec<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) sessions: Sessions,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Whose evidence it is.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Origin {
    /// Read the logs of this program instead of recordings
    #[arg(long = "from", value_name = "PROGRAM", requires = "recordings")]
    program: Option<Program>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Program {
    /// Caddy's debug log, as JSON or for the console
    Caddy,
    /// The engine's own debug log, with the requests of all its clients
    Dockerd,
    /// HAProxy's `option httplog`
    Haproxy,
    /// nginx's `combined` access log, with what nginx itself denied
    Nginx,
    /// The debug log of wollomatic's socket-proxy
    Wollomatic,
}

impl Origin {
    /// The logs to read; none for recordings.
    pub(super) fn format(self) -> Option<Logs> {
        self.program.map(|program| {
            Logs::of(match program {
                Program::Caddy => recording::Format::Caddy,
                Program::Dockerd => recording::Format::Dockerd,
                Program::Haproxy => recording::Format::Haproxy,
                Program::Nginx => recording::Format::Nginx,
                Program::Wollomatic => recording::Format::Wollomatic,
            })
        })
    }
}

/// Say what an operation permits, how risky it is, and which rule decides over it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp explain 'POST /containers/web/exec'
  dsp explain profile.yaml                              every rule, riskiest first
  dsp explain profile.yaml 'GET /v1.41/containers/json'")]
pub(super) struct Explain {
    /// A profile, a request as 'METHOD /path', or both
    #[arg(value_name = "PROFILE | 'METHOD /path'", required = true, num_args = 1..=2,
        add = ArgValueCompleter::new(Profiles))]
    pub(super) subjects: Vec<String>,
    /// Show also the lines of this recording that stand behind the request or rule
    #[arg(long = "recording", value_name = "RECORDING")]
    pub(super) recordings: Vec<PathBuf>,
}

/// Write a profile for another proxy
///
/// The file holds the same policy for a proxy that you run already, as far as that proxy's language
/// goes. Its first lines say how to run it and what it decides otherwise than enforce.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp export --format haproxy profile.yaml -o haproxy.cfg
  dsp export --format nginx profile.yaml > /etc/nginx/conf.d/docker.conf")]
pub(super) struct Export {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCompleter::new(Profiles))]
    pub(super) profile: PathBuf,
    /// The proxy
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: ExportFormat,
    /// Where to write it, instead of stdout; an existing file is not overwritten
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ExportFormat {
    /// A Caddyfile
    Caddy,
    /// Rules of CetusGuard
    Cetusguard,
    /// A haproxy.cfg
    Haproxy,
    /// A server for the http section of nginx
    Nginx,
    /// A compose service of wollomatic/socket-proxy
    Wollomatic,
}

impl From<ExportFormat> for export::Format {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Caddy => Self::Caddy,
            ExportFormat::Cetusguard => Self::Cetusguard,
            ExportFormat::Haproxy => Self::Haproxy,
            ExportFormat::Nginx => Self::Nginx,
            ExportFormat::Wollomatic => Self::Wollomatic,
        }
    }
}

/// Show the whole loop in one go
///
/// Records a small built-in program, prints its profile, enforces it, and shows an allowed and a
/// denied call. Uses the engine that is found, and only reads from it; where there is none, a small
/// sample engine inside dsp.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp demo
  dsp demo --sample          use the sample engine even where there is a real one")]
pub(super) struct Demo {
    #[command(flatten)]
    pub(super) engine: Engine,
    /// Use the sample engine even where there is a real one
    #[arg(long, conflicts_with = "host")]
    pub(super) sample: bool,
    /// The folder for the files it makes, instead of a new temporary one
    #[arg(long, value_name = "DIR", value_parser = standard::folder())]
    pub(super) dir: Option<PathBuf>,
}

/// Where the engine is.
#[derive(Debug, clap::Args)]
pub(super) struct Engine {
    /// The engine, instead of where the docker CLI would look: unix:///path or tcp://host:port
    #[arg(short = 'H', long, value_name = "URL")]
    pub(super) host: Option<String>,
}

/// A version, in the spelling of either engine: which one it is is known later.
fn min_api(text: &str) -> Result<MinApi, String> {
    match text {
        "recorded" => Ok(MinApi::Recorded),
        "none" => Ok(MinApi::Any),
        version => ApiVersion::parse(EngineKind::Podman, version)
            .map(MinApi::At)
            .map_err(|_| "write a version such as 1.41, recorded or none".to_owned()),
    }
}
