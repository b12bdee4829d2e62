//! What `generate` warns of: what the profile does not contain, or does not limit.

use crate::api::is_incomplete;
use crate::cli::output;
use crate::learn::{self, Chosen, Evidence, Names};
use crate::profile::{self, Constraints, Pattern, Profile, Rule};
use crate::report::{count, printable};

/// Warns of rules that match ids, which do not last.
pub(super) fn about_ids(profile: &Profile) {
    let is_id = |pattern: &Pattern| match pattern {
        Pattern::Exact(name) => profile::looks_like_id(name),
        Pattern::Any | Pattern::Glob(_) | Pattern::Own => false,
    };
    let rules = profile.allow.iter().map(|entry| &entry.value);
    let ids = rules.filter(|rule| rule.patterns().iter().any(is_id)).count();
    if ids > 0 {
        let rules = count(ids, "rule");
        let verb = if ids == 1 { "matches" } else { "match" };
        output::warn(&format!("{rules} {verb} ids, which change with every new container"));
        output::help("leave out --names exact, or give the containers names");
    }
}

/// Warns of operations that would not be root if their contents had been recorded.
pub(super) fn about_contents(evidence: &Evidence) {
    let is_open = |known: &&learn::Known| {
        let harmless = Rule::any(known.operation).with_contents(Some(Constraints::harmless()));
        known.contents.unread > 0 && known.operation.risk > harmless.risk()
    };
    let open: Vec<String> =
        evidence.known().filter(is_open).map(|known| known.operation.to_string()).collect();
    if !open.is_empty() {
        output::warn(&format!(
            "what {} contained was not recorded, so nothing limits it",
            open.join(", ")
        ));
        output::help(
            "record the program again with this version of dsp, or write the contents by hand",
        );
    }
}

/// Warns of names that were not recorded completely, so that no rule can match them exactly.
pub(super) fn about_hidden_names(evidence: &Evidence, names: Names) {
    if !matches!(names, Names::Exact) {
        return;
    }
    let is_hidden = |known: &&learn::Known| {
        known.demands.keys().any(|demand| demand.names.iter().any(|name| is_incomplete(name)))
    };
    let mut is_any = false;
    for known in evidence.known().filter(is_hidden) {
        is_any = true;
        output::warn(&format!(
            "{} is allowed for any name: part of a name may be a secret and was not recorded",
            known.operation
        ));
    }
    if is_any {
        output::help("narrow it with dsp review to the names that the program uses");
    }
}

/// Warns of what the profile does not contain.
pub(super) fn about_gaps(evidence: &Evidence, accepted: &Chosen) {
    if evidence.incomplete() > 0 {
        let sessions = count(evidence.incomplete(), "session");
        output::warn(&format!("{sessions} without an end: requests may be missing"));
    }
    if evidence.lossy() {
        output::warn("the recording has gaps: requests are missing");
    }
    let left_out = |(request, _): &(&str, &learn::Unknown)| !accepted.includes(request);
    for (request, _) in evidence.unknown().filter(left_out) {
        output::warn(&format!("{} is not a known operation and is left out", printable(request)));
    }
    let is_hidden = |(_, unknown): &(&str, &learn::Unknown)| unknown.listed().is_none();
    let taken = |one: &(&str, &learn::Unknown)| !left_out(one);
    let mut hidden = evidence.unknown().filter(taken).filter(is_hidden).peekable();
    let is_any_hidden = hidden.peek().is_some();
    for (request, _) in hidden {
        output::warn(&format!(
            "{} is left out: part of its path may be a secret and was not recorded",
            printable(request)
        ));
    }
    if is_any_hidden {
        output::help("add it under unknown: by hand, with the path that the program requests");
    }
    if evidence.unknown().any(|one| left_out(&one)) {
        output::help("allow them exactly as recorded with --accept-unknown");
    }
    let denied = evidence.denied().count();
    if denied > 0 {
        let requests = count(denied, "request");
        output::warn(&format!("left out {requests} that enforce denied"));
        output::help("look at them with dsp check, and include them with --denied");
    }
    for (request, _) in evidence.unrouted() {
        output::warn(&format!(
            "{} is left out: the recorded engine does not have it",
            printable(request)
        ));
    }
    for (request, _) in evidence.refused() {
        output::warn(&format!(
            "enforce refuses this whatever the profile says: {}",
            printable(request)
        ));
    }
}
