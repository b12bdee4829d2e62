//! What `record --follow` prints.

use super::{output, standard};
use crate::report::count;
use crate::session::{FollowEnd, FollowedContainer, Recorded};
use crate::text::{printable, shown};

/// Prints what was recorded of each container, and what went wrong.
pub(super) fn report(end: &FollowEnd, is_quiet: bool) {
    for container in &end.containers {
        report_container(container, is_quiet);
    }
    if end.containers.is_empty() && !is_quiet {
        output::note("no container asked for the engine's socket");
    }
    end.warnings.iter().for_each(|warning| output::warn(&warning.to_string()));
    if end.more_warnings > 0 {
        let more = end.more_warnings;
        output::warn(&format!("and {more} more of this kind; --verbose shows each"));
    }
    end.failures.iter().for_each(|failure| output::error(&failure.to_string()));
    warn_about_orphans(&end.orphans);
}

fn report_container(container: &FollowedContainer, is_quiet: bool) {
    let name = printable(&container.name);
    if let Some(recorded) = container.recorded.as_ref().filter(|it| it.totals.dropped > 0) {
        let (lines, file) = (count(recorded.totals.dropped, "line"), file_name(recorded));
        output::error(&format!(
            "{lines} of container {name} could not be written to {file}; its session is marked as lossy"
        ));
    }
    if is_quiet {
        return;
    }
    let result = match &container.recorded {
        None if container.is_heard => "nothing was recorded".to_owned(),
        None => "no request came through".to_owned(),
        Some(recorded) => {
            let requests = count(recorded.totals.requests, "request");
            let operations = count(recorded.totals.operations, "operation");
            let place = match recorded.is_own_file {
                true => format!(" recorded in {}", file_name(recorded)),
                false => String::new(),
            };
            format!("{requests}, {operations}{place}")
        }
    };
    output::note(&format!("container {name}: {result}"));
}

/// What messages call the recording of a container.
fn file_name(recorded: &Recorded) -> String {
    recorded.file.as_deref().map_or_else(|| standard::OUTPUT.to_owned(), |it| shown(it).to_string())
}

/// Warns of containers that still exist, with a socket that is no longer served.
fn warn_about_orphans(names: &[String]) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| printable(name)).collect();
    output::warn(&format!(
        "containers that still exist, but whose recording socket is gone: {}",
        names.join(", ")
    ));
    output::help(&format!(
        "recreate them before you use them: docker rm -f {}, or docker compose up --force-recreate",
        names.join(" ")
    ));
}
