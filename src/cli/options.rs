//! Options that several commands have.

use clap::{ArgAction, ValueEnum};

use super::logs::Logs;
use crate::recording;

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
    /// The logs to read, or `None` for recordings.
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
