//! Selects sessions of the recordings, and warns about the selected ones.

use anyhow::bail;
use indexmap::IndexMap;

use super::misuse::misuse;
use super::output;
use crate::learn::{Evidence, Gathering, SessionState};
use crate::recording::{Format, Holds};
use crate::report::{count, printable, quoted};

/// The most programs or sessions that a message names.
const MOST_NAMED: usize = 5;

/// The most digits in the number of a session; anything longer is the beginning of an id.
const LONGEST_NUMBER: usize = 5;

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
    /// Keeps only the sessions that match.
    ///
    /// # Errors
    /// If no session matches.
    pub(super) fn select(&self, gathering: &mut Gathering) -> anyhow::Result<()> {
        if self.is_all() {
            return Ok(());
        }
        let (mut all, mut is_any) = (Vec::new(), false);
        gathering.keep(|place, session| {
            let is_wanted = self.takes(place, session);
            is_any |= is_wanted;
            all.push(format!("{} {}", place + 1, named(session)));
            is_wanted
        });
        if !is_any {
            let sessions = if all.is_empty() { "none".to_owned() } else { some_of(&all) };
            bail!(
                "no session matches --session, --command, --container and --label; there are: {sessions}"
            );
        }
        Ok(())
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

    fn is_all(&self) -> bool {
        self.sessions.is_empty()
            && self.commands.is_empty()
            && self.containers.is_empty()
            && self.labels.is_empty()
    }

    fn takes(&self, place: usize, session: &SessionState) -> bool {
        let is_session = |wanted: &String| match wanted.parse::<usize>() {
            Ok(number) if wanted.len() <= LONGEST_NUMBER => number == place + 1,
            _ => !wanted.is_empty() && session.id.starts_with(wanted.as_str()),
        };
        let is_command = |wanted: &String| {
            let program = session.program().unwrap_or_default();
            session.container.is_none()
                && (program == *wanted || program.split(' ').next() == Some(wanted))
        };
        let is_container = |wanted: &String| session.container.as_ref() == Some(wanted);
        let is_labelled = |(key, value): &(String, String)| session.labels.get(key) == Some(value);
        any_or_empty(&self.sessions, is_session)
            && any_or_empty(&self.commands, is_command)
            && any_or_empty(&self.containers, is_container)
            && any_or_empty(&self.labels, is_labelled)
    }
}

fn any_or_empty<T>(wanted: &[T], is: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(is)
}

/// The name of a session in a list.
pub(super) fn named(session: &SessionState) -> String {
    let subject = session.subject().unwrap_or_else(|| "a listener".to_owned());
    printable(&match &session.container {
        Some(_) => format!("container {subject}"),
        None => subject,
    })
}

/// Warns of evidence from more than one program, from commands that never ran, or from incomplete logs.
pub(super) fn warn(evidence: &Evidence) {
    let mut programs: IndexMap<String, (usize, &SessionState)> = IndexMap::new();
    for session in evidence.sessions() {
        programs.entry(named(session)).or_insert((0, session)).0 += 1;
    }
    if programs.len() > 1 {
        let told: Vec<String> = programs
            .iter()
            .map(|(name, (sessions, _))| format!("{name} ({})", count(*sessions, "session")))
            .collect();
        output::warn(&format!(
            "the evidence is from {} different commands: {}",
            programs.len(),
            some_of(&told)
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
            format!("{} (exit status {status})", named(session))
        })
        .collect();
    if !not_started.is_empty() {
        let sessions = count(not_started.len(), "session");
        let told = some_of(&not_started);
        output::warn(&format!(
            "left out {sessions} in which the command could not be started: {told}"
        ));
    }
    evidence.logs().into_iter().for_each(warn_of_open);
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
fn warn_of_open(format: Format) {
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

fn some_of(all: &[String]) -> String {
    let shown = all.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
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
