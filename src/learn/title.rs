//! Derives a title and a name for a profile.

use std::collections::BTreeSet;

use super::Evidence;
use crate::profile::Name;
use crate::recording::CommandLine;

/// The title in the first line of a profile, and its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Title {
    /// The title.
    pub(super) text: String,
    /// The name.
    pub(super) name: Name,
}

impl Title {
    /// A chosen name takes precedence over the commands. If the commands say nothing, `place`, the
    /// name of the recording or of its folder, is used.
    pub(super) fn of(evidence: &Evidence, chosen: Option<Name>, place: Option<Name>) -> Self {
        let described = described(evidence);
        let named = chosen
            .or_else(|| described.as_deref().and_then(Name::from_words))
            .or(place)
            .or_else(|| program(evidence).as_deref().and_then(Name::from_words));
        let name = named.unwrap_or_else(Name::fallback);
        // A program alone says less than the chosen name.
        let text = described.filter(|text| text.contains(' '));
        Self { text: text.unwrap_or_else(|| name.as_str().to_owned()), name }
    }
}

/// What was recorded, in a few words: the distinctive words of the commands, if they are the same
/// for all commands, or else the first of them, if that is the same. Without commands, the followed
/// container.
fn described(evidence: &Evidence) -> Option<String> {
    let with_command = || evidence.sessions().iter().filter(|session| !session.command.is_empty());
    if with_command().next().is_none() {
        let containers: Option<BTreeSet<&String>> =
            evidence.sessions().iter().map(|session| session.container.as_ref()).collect();
        return only(containers?).cloned();
    }
    let telling: Option<BTreeSet<Vec<String>>> =
        with_command().map(|session| CommandLine::telling(&session.command)).collect();
    let telling = telling?;
    let shared = |count: usize| -> BTreeSet<&[String]> {
        telling.iter().map(|words| words.get(..count).unwrap_or(words)).collect()
    };
    let words = only(shared(usize::MAX)).or_else(|| only(shared(2))).or_else(|| only(shared(1)))?;
    // A plain client of the engine only shows that it is a client.
    CommandLine::telling(words).map(|words| words.join(" "))
}

/// The program that all commands share, even if it says nothing.
fn program(evidence: &Evidence) -> Option<String> {
    let programs: BTreeSet<String> = evidence
        .sessions()
        .iter()
        .filter_map(|session| session.program())
        .map(|program| program.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    only(programs).filter(|program| !CommandLine::runs_anything(program))
}

fn only<T: Ord>(all: BTreeSet<T>) -> Option<T> {
    let mut all = all.into_iter();
    all.next().filter(|_| all.next().is_none())
}
