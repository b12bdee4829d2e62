//! Options that choose sessions of the recordings, and warnings about the chosen ones.

use indexmap::IndexMap;

use super::misuse::misuse;
use super::output;
use crate::learn::{Evidence, SessionState};
use crate::recording::{Format, Holds};
use crate::report::{count, printable, quoted};
use crate::session::{SessionFilter, session_name, some_of};

/// Which sessions to use. A session has to match every kind of option that is given. It matches a
/// kind if it has one of the given values.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which sessions")]
pub(super) struct Sessions {
    /// Use only this session: its number in dsp coverage, or the beginning of its id
    #[arg(long = "session", value_name = "SESSION")]
    sessions: Vec<String>,
    /// Use only sessions of this command, as PROGRAM or 'PROGRAM SUBCOMMAND'
    #[arg(long = "command", value_name = "COMMAND")]
    commands: Vec<String>,
    /// Use only sessions of this container, as record --follow names it
    #[arg(long = "container", value_name = "NAME")]
    containers: Vec<String>,
    /// Use only sessions that were recorded with this label
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
}

impl Sessions {
    /// Which sessions to use.
    pub(super) fn filter(&self) -> SessionFilter {
        SessionFilter {
            sessions: self.sessions.clone(),
            commands: self.commands.clone(),
            containers: self.containers.clone(),
            labels: self.labels.clone(),
        }
    }

    /// The first option that is given, if any is.
    pub(super) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--session", !self.sessions.is_empty()),
            ("--command", !self.commands.is_empty()),
            ("--container", !self.containers.is_empty()),
            ("--label", !self.labels.is_empty()),
        ];
        options.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }

    /// Refuses options that select by what a log does not contain.
    pub(super) fn check_for_logs(&self) -> anyhow::Result<()> {
        let of_recordings = [
            ("--command", !self.commands.is_empty()),
            ("--container", !self.containers.is_empty()),
            ("--label", !self.labels.is_empty()),
        ];
        if let Some((option, _)) = of_recordings.iter().find(|(_, is_given)| *is_given) {
            misuse!(
                "{option} only works with recordings; a log read with --from does not contain this information"
            );
        }
        Ok(())
    }
}

/// Warns of evidence from more than one program, from commands that never ran, or from incomplete logs.
pub(super) fn warn(evidence: &Evidence) {
    let mut programs: IndexMap<String, (usize, &SessionState)> = IndexMap::new();
    for session in evidence.sessions() {
        programs.entry(session_name(session)).or_insert((0, session)).0 += 1;
    }
    if programs.len() > 1 {
        let named: Vec<String> = programs
            .iter()
            .map(|(name, (sessions, _))| format!("{name} ({})", count(*sessions, "session")))
            .collect();
        output::warn(&format!(
            "the evidence is from {} different commands: {}",
            programs.len(),
            some_of(&named)
        ));
        let first = programs.values().find_map(|(_, session)| option(session));
        output::help(&format!(
            "choose one of them{}, or ignore this if they share one profile; dsp coverage lists the \
             sessions",
            first
                .map_or_else(|| " with --session".to_owned(), |first| format!(", as with {first}"))
        ));
    }
    let not_started: Vec<String> = evidence
        .not_started()
        .iter()
        .map(|session| {
            let status = session.exit.unwrap_or_default();
            format!("{} (exit status {status})", session_name(session))
        })
        .collect();
    if !not_started.is_empty() {
        let sessions = count(not_started.len(), "session");
        let named = some_of(&not_started);
        output::warn(&format!(
            "left out {sessions} in which the command could not be started: {named}"
        ));
    }
    evidence.logs().into_iter().for_each(warn_about_open);
}

/// The option that selects the program or container of this session.
fn option(session: &SessionState) -> Option<String> {
    match &session.container {
        Some(container) => Some(format!("--container {}", printable(&quoted(container)))),
        None => {
            session.program().map(|program| format!("--command {}", printable(&quoted(&program))))
        }
    }
}

/// Warns of what a log cannot contain.
fn warn_about_open(format: Format) {
    let what = match format.holds() {
        Holds::Begun => return,
        Holds::Answered => "when the answer begins",
        Holds::Ended => "when it has ended",
    };
    output::warn(&format!(
        "{} logs a request {what}, so requests that are still open are not in the log, such as GET \
         /events, an attach or docker logs -f",
        format.program()
    ));
    output::help("end or restart the clients before you read the log");
}

/// The longest label in bytes. Labels are part of the first line of each session.
const LONGEST_LABEL: usize = 4096;

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        _ if text.len() > LONGEST_LABEL => {
            Err(format!("a label has at most {LONGEST_LABEL} bytes, and this one {}", text.len()))
        }
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a label is KEY=VALUE".to_owned()),
    }
}
