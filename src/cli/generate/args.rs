//! The arguments of `generate`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::api::{ApiVersion, EngineKind};
use crate::cli::options::Origin;
use crate::cli::sessions::Sessions;
use crate::cli::{ask, standard};
use crate::learn::MinApi;

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
pub(in crate::cli) struct Args {
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
