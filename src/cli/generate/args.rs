//! The arguments of `generate`.

use std::path::PathBuf;

use clap::builder::ArgPredicate;

use crate::answers::Kind;
use crate::api::{ApiVersion, EngineKind};
use crate::cli::options::{Origin, word};
use crate::cli::sessions::Sessions;
use crate::cli::{ask, standard};
use crate::learn::{Confine, MinApi, Names};

/// Make the smallest profile that allows what was recorded
///
/// Names of containers, images and other objects become wildcards. Nothing is added that was not
/// recorded, except that the two forms of the first ping always go together.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp generate                                  print the profile of recording.jsonl
  dsp generate monday.jsonl tuesday.jsonl -o ci.yaml
  dsp generate --update ci.yaml today.jsonl     add what is new, keep what people decided
  dsp generate --command 'docker stats'         only these sessions of recording.jsonl
  dsp generate --whole-host recordings -o policy   one for each program, and a dsp.yaml
  dsp generate --from nginx /var/log/nginx/docker.log
  journalctl -u docker | dsp generate --from dockerd -")]
pub(in crate::cli) struct Args {
    /// The recordings to make one profile from; with --whole-host, the folder that dsp record
    /// --whole-host has written, by default recordings
    #[arg(
        value_name = "RECORDING",
        default_value = "recording.jsonl",
        default_value_if("whole_host", ArgPredicate::IsPresent, "recordings")
    )]
    pub(super) recordings: Vec<PathBuf>,
    /// Where to write the profile, instead of stdout. If the file exists, dsp asks on a terminal, and
    /// otherwise changes nothing. With --whole-host, the folder for the profiles and dsp.yaml
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Make a profile for each program of a host, and a dsp.yaml for dsp serve that holds them all
    #[arg(
        long,
        requires = "output",
        conflicts_with_all = [
            "update", "name", "schema", "program", "client", "sessions", "commands", "containers"
        ]
    )]
    pub(super) whole_host: bool,
    /// Replace an existing profile at -o, including what people decided in it
    #[arg(long, requires = "output")]
    pub(super) replace: bool,
    /// Add what is new to this profile, and keep what people wrote there
    #[arg(
        long,
        value_name = "PROFILE",
        conflicts_with_all = ["output", "name", "replace"],
        value_parser = standard::changed()
    )]
    pub(super) update: Option<PathBuf>,
    /// The name of the profile, which denials mention; by default the name of -o's file, of what ran,
    /// or of the recording's file or folder
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Refer to the JSON Schema in this file at the head of the profile, for editors; see dsp schema
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "update",
        value_parser = standard::not("an editor reads the schema from the file")
    )]
    pub(super) schema: Option<PathBuf>,
    /// What rules say about the contents of requests
    #[arg(
        long,
        value_name = "CONTENTS",
        default_value_t,
        value_parser = word(|contents| match contents {
            Confine::Seen => "Only what the recorded requests gave away",
            Confine::Any => "Nothing: rules allow any contents",
        })
    )]
    pub(super) contents: Confine,
    /// Hide this in the answers to all new rules whose answers have it: environment, commands,
    /// credentials, or several with commas
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        value_parser = word(Kind::about)
    )]
    pub(super) hide: Vec<Kind>,

    /// How widely rules match names
    #[arg(
        long,
        value_name = "HOW",
        default_value_t,
        value_parser = word(|names| match names {
            Names::Any => "Any name",
            Names::Exact => "Only the recorded names",
            Names::Glob => {
                "A pattern such as ci-* if all recorded names share a prefix, otherwise any name"
            }
        })
    )]
    pub(super) names: Names,
    /// Allow requests that are not known operations of the API, exactly as they were recorded: one,
    /// such as 'GET /vendor/health', or all of them. On a terminal, dsp asks which
    #[arg(long, value_name = "REQUEST", num_args = 0..=1, require_equals = true,
        default_missing_value = ask::ALL)]
    pub(super) accept_unknown: Vec<String>,
    /// Include one denied request, or all of them: denied by enforce, in its audit log, or by the proxy
    /// that wrote the log. The program may not need all of them. On a terminal, dsp asks which
    #[arg(long, value_name = "REQUEST", num_args = 0..=1, require_equals = true,
        default_missing_value = ask::ALL)]
    pub(super) denied: Vec<String>,
    /// Use recordings with missing lines, although the profile may then lack operations
    #[arg(long)]
    pub(super) allow_lossy: bool,
    /// The engine that was recorded, if the evidence does not name it; logs never do
    #[arg(
        long,
        value_name = "ENGINE",
        value_parser = word(|engine| match engine {
            EngineKind::Docker => "Docker Engine",
            EngineKind::Podman => "podman, with its own API below /libpod",
        })
    )]
    pub(super) engine: Option<EngineKind>,
    /// The oldest API version to allow: VERSION such as 1.41, recorded for the oldest that was recorded,
    /// or none. By default, a new profile has none, and --update keeps what is there
    #[arg(long, value_name = "VERSION", value_parser = min_api)]
    pub(super) min_api: Option<MinApi>,
    #[command(flatten)]
    pub(super) from: Origin,
    #[command(flatten)]
    pub(super) sessions: Sessions,
}

/// Parses a version in the spelling of either engine, because the engine is not known yet.
fn min_api(text: &str) -> Result<MinApi, String> {
    match text {
        "recorded" => Ok(MinApi::Recorded),
        "none" => Ok(MinApi::Any),
        version => ApiVersion::parse(EngineKind::Podman, version)
            .map(MinApi::At)
            .map_err(|_| "write a version such as 1.41, recorded or none".to_owned()),
    }
}
