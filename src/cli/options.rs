//! Options that several commands have.

use clap::ArgAction;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::logs::Logs;
use crate::peer::AddressRange;
use crate::recording::Format;
use crate::text::Word;

/// How much dsp prints about what it does.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Verbosity {
    /// Print more: -v adds each request that passed, -vv also how it ended
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
}

/// What the lines of the log look like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

impl Word for LogFormat {
    const VALUES: &'static [Self] = &[Self::Text, Self::Json];

    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The log of a service.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Log {
    /// What each line of the log looks like; other messages stay text
    #[arg(
        long = "log-format",
        value_name = "FORMAT",
        default_value = "text",
        value_parser = word(|format| match format {
            LogFormat::Text => "For people",
            LogFormat::Json => "One JSON object",
        })
    )]
    pub(super) format: LogFormat,
}

/// Where the engine is.
#[derive(Debug, clap::Args)]
pub(super) struct Engine {
    /// The engine, as unix:///path or tcp://host:port; by default the one that the docker CLI would use
    #[arg(short = 'H', long, value_name = "URL")]
    pub(super) host: Option<String>,
}

/// Where the evidence comes from.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Origin {
    /// Read the logs of this program instead of recordings
    #[arg(
        long = "from",
        value_name = "PROGRAM",
        requires = "recordings",
        value_parser = word(|format| match format {
            Format::Caddy => "Caddy's debug log, as JSON or for the console",
            Format::Cetusguard => "CetusGuard's log with `-log-level 7`",
            Format::Curl => "What `curl -v` writes to stderr",
            Format::Dockerd => "The engine's own debug log, with the requests of all its clients",
            Format::ElevenNotes => "The log of 11notes' docker-socket-proxy: only what it denied",
            Format::Knrdl => "docker-socket-protector with `LOG_REQUESTS=true`",
            Format::List => "A list with METHOD /path on each line",
            Format::Socat => "What `socat -v` writes to stderr",
            Format::Sockguard => "sockguard's access log, as JSON or text",
            Format::Urllib3 => "The debug log of urllib3, which docker-py and Ansible use",
            Format::Haproxy => "HAProxy's `option httplog`",
            Format::Nginx => "nginx's `combined` access log, with what nginx itself denied",
            Format::Wollomatic => "The debug log of wollomatic's socket-proxy",
        })
    )]
    program: Option<Format>,
    /// Use only requests from this address or range in the log, such as 10.0.0.5 or 10.0.0.0/8
    #[arg(long, value_name = "ADDRESS", requires = "program")]
    client: Option<AddressRange>,
}

impl Origin {
    /// The logs to read, or `None` for recordings.
    pub(super) fn logs(self) -> Option<Logs> {
        self.program.map(|program| Logs::of(program, self.client))
    }
}

/// Reads a value of an enum from its word, and says in the help what each value means.
pub(super) fn word<T: Word + Send + Sync>(
    help: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let value = |value: &T| PossibleValue::new(value.word()).help(help(*value));
    let words = PossibleValuesParser::new(T::VALUES.iter().map(value));
    words.try_map(|word| {
        let named = T::VALUES.iter().find(|value| value.word() == word);
        named.copied().ok_or("unknown value")
    })
}
