//! Chooses sessions of recordings.

use crate::learn::{Gathering, SessionState};
use crate::text::printable;

/// The most programs or sessions that a message names.
const MOST_NAMED: usize = 5;

/// The most digits in the number of a session; anything longer is the beginning of an ID.
const LONGEST_NUMBER: usize = 5;

/// Which sessions to use. A session has to match all lists that are not empty, and one value of each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SessionFilter {
    /// The number of a session, or the beginning of its ID.
    pub sessions: Vec<String>,
    /// The command, as `PROGRAM` or `PROGRAM SUBCOMMAND`.
    pub commands: Vec<String>,
    /// The name of a followed container.
    pub containers: Vec<String>,
    /// A label.
    pub labels: Vec<(String, String)>,
}

/// No session matches.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "no session matches --session, --command, --container and --label; there are: {}",
    if sessions.is_empty() { "none".to_owned() } else { some_of(sessions) }
)]
pub struct NoSession {
    /// The sessions that there are: number and subject.
    pub sessions: Vec<String>,
}

impl SessionFilter {
    /// Drops the sessions that do not match.
    ///
    /// # Errors
    /// [`NoSession`].
    pub(super) fn select(&self, gathering: &mut Gathering) -> Result<(), NoSession> {
        if *self == Self::default() {
            return Ok(());
        }
        let (mut sessions, mut is_any) = (Vec::new(), false);
        gathering.keep(|place, session| {
            let is_wanted = self.matches(place, session);
            is_any |= is_wanted;
            sessions.push(format!("{} {}", place + 1, session_name(session)));
            is_wanted
        });
        if is_any { Ok(()) } else { Err(NoSession { sessions }) }
    }

    fn matches(&self, place: usize, session: &SessionState) -> bool {
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

/// What a session is called in a list: its program, its container, or a listener.
#[must_use]
pub fn session_name(session: &SessionState) -> String {
    let subject = session.subject().unwrap_or_else(|| "a listener".to_owned());
    printable(&match &session.container {
        Some(_) => format!("container {subject}"),
        None => subject,
    })
}

/// The first of several names, and how many more there are.
#[must_use]
pub fn some_of(all: &[String]) -> String {
    let shown = all.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
