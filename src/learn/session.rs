//! What is known about a session: what was recorded, when, and whether the recording is complete.

use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::api::EngineKind;
use crate::recording::{CommandLine, Format, SessionClient};

/// What is known about one session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SessionState {
    /// Its ID.
    pub id: String,
    /// The engine that was recorded; `None` if unknown.
    pub engine: Option<EngineKind>,
    /// When it started; `None` if its first line is missing.
    pub start: Option<Timestamp>,
    /// The command that was recorded.
    pub command: Vec<String>,
    /// The container that was recorded.
    pub container: Option<String>,
    /// The clients that were recorded, if they were those of one program of a host.
    pub client: Option<SessionClient>,
    /// What messages call the file with its first line that was read; `None` without a name.
    pub file: Option<Arc<str>>,
    /// Its labels from `--label`, and the profile of an audit log.
    pub labels: IndexMap<String, String>,
    /// The format of the log that it was read from; `None` for a recording.
    pub from: Option<Format>,
    /// Whether the recording says which objects were made.
    pub tells_owners: bool,
    /// The exit status of its command.
    pub exit: Option<u8>,
    /// Whether its last line was read.
    pub ended: bool,
    /// Whether requests are missing, for whatever reason.
    pub lossy: bool,
    /// A hash of its requests.
    pub(super) digest: [u8; 32],
}

impl SessionState {
    /// Whether its first and last lines were read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.start.is_some() && self.ended
    }

    /// Whether its command could not be started: shells and dsp use the statuses 126 and 127 for
    /// that.
    #[must_use]
    pub fn has_failed_to_start(&self) -> bool {
        matches!(self.exit, Some(126 | 127))
    }

    /// What was recorded, in a few words: the container, the clients, the log or the program; `None` for a
    /// listener.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        if let Some(container) = &self.container {
            return Some(container.clone());
        }
        if let Some(client) = &self.client {
            return Some(client.to_string());
        }
        if let Some(format) = self.from {
            return Some(format!("log of {format}"));
        }
        self.program()
    }

    /// The program of its command with its subcommand; `None` for a listener.
    #[must_use]
    pub fn program(&self) -> Option<String> {
        program_of(&self.command)
    }
}

/// The program of a command line with its subcommand; `None` if the line is empty. Arguments can be
/// anything, so only the first word after the program is used, and only if it looks like a
/// subcommand.
#[must_use]
pub fn program_of(command: &[String]) -> Option<String> {
    // Nothing more is taken, even from a command line with all arguments.
    let command = CommandLine::sub_command(command);
    let (program, arguments) = command.split_first()?;
    let program = program.rsplit('/').next().unwrap_or_default();
    let is_word = |text: &&String| {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        text.bytes().all(is_letter) && text.bytes().next().is_some_and(|byte| byte != b'-')
    };
    Some(match arguments.first().filter(is_word) {
        Some(command) => format!("{program} {command}"),
        None => program.to_owned(),
    })
}
