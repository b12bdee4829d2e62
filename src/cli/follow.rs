//! What `record --follow` prints.

use super::output;
use crate::report::count;
use crate::session::{FollowEnd, FollowedContainer};
use crate::text::{printable, shown};

/// Warns of running containers of an earlier session.
pub(super) fn warn_of_cut_off(names: &[String]) {
    for name in names {
        let name = printable(name);
        output::warn(&format!(
            "container {name} is still running from an earlier session, and its recording socket is \
             gone: until it is restarted, it cannot reach the engine and is not recorded"
        ));
        output::help(&format!("docker restart {name}"));
    }
}

/// Prints what was recorded of each container, and what went wrong.
pub(super) fn tell_of_end(end: &FollowEnd, is_quiet: bool) {
    for container in &end.containers {
        tell_of_container(container, is_quiet);
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
    warn_of_orphans(&end.orphans);
}

fn tell_of_container(container: &FollowedContainer, is_quiet: bool) {
    let name = printable(&container.name);
    if let Some(recorded) = container.recorded.as_ref().filter(|it| it.totals.dropped > 0) {
        let (lines, file) = (count(recorded.totals.dropped, "line"), shown(&recorded.file));
        output::error(&format!(
            "{lines} of container {name} could not be written to {file}; its session is marked as lossy"
        ));
    }
    if is_quiet {
        return;
    }
    let told = match &container.recorded {
        None if container.is_heard => "nothing was recorded".to_owned(),
        None => "no request came through".to_owned(),
        Some(recorded) => {
            let requests = count(recorded.totals.requests, "request");
            let operations = count(recorded.totals.operations, "operation");
            let place = match recorded.is_own_file {
                true => format!(" recorded in {}", shown(&recorded.file)),
                false => String::new(),
            };
            format!("{requests}, {operations}{place}")
        }
    };
    output::note(&format!("container {name}: {told}"));
}

/// Warns of containers that still exist, with a socket that is no longer served.
fn warn_of_orphans(names: &[String]) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| printable(name)).collect();
    output::warn(&format!(
        "containers that still exist, but whose recording socket is gone: {}",
        names.join(", ")
    ));
    output::help(&format!(
        "create them again before you use them: docker rm -f {}, or docker compose up --force-recreate",
        names.join(" ")
    ));
}
