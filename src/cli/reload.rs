//! What `enforce` prints when it reloads its profile.

use tokio::signal::unix::Signal;

use super::{admission, ambiguity, failure, output};
use crate::engine::Engine;
use crate::proxy::{LogThrottle, OpenRequest, Running};
use crate::report::count;
use crate::session::{Audit, Enforcement, Reload};
use crate::text::printable;

/// Reloads the profile at each signal, and begins a new session in the audit log. Never returns.
pub(super) async fn at_each(
    mut hangup: Signal,
    enforcement: &Enforcement,
    engine: &Engine,
    running: &Running,
    audit: &Audit,
    is_quiet: bool,
) {
    while hangup.recv().await.is_some() {
        match enforcement.reload(engine, running) {
            Ok(reload) => tell(&reload, is_quiet),
            Err(error) => {
                let _ = failure::show(&error.into(), false);
                output::warn("the profile was not reloaded; the previous one stays in force");
            }
        }
        if let Err(error) = audit.reopen() {
            let _ = failure::show(&error.into(), false);
            output::warn("the audit log continues in the previous file");
        }
    }
    std::future::pending().await
}

fn tell(reload: &Reload, is_quiet: bool) {
    let profile = &reload.profile;
    admission::warn(&reload.caveats);
    if !is_quiet {
        let rules = count(profile.allow.len(), "rule");
        output::note(&format!("reloaded profile \"{}\" ({rules})", profile.name));
        ambiguity::warn(profile);
    }
    let what = if reload.has_ended { "ended, as" } else { "goes on, although" };
    // Clients decide how many there are.
    let mut throttle = LogThrottle::default();
    for open in &reload.denied {
        if let Some(times) = throttle.once_more() {
            tell_of_denied(open, what, times);
        }
    }
    if let Some(times) = throttle.untold() {
        output::warn(&format!("{what} the new profile denies them: {times} requests in all"));
    }
}

fn tell_of_denied(open: &OpenRequest, what: &str, times: u64) {
    let path = open.target.split('?').next().unwrap_or_default();
    let request = printable(&format!("{} {path}", open.method));
    let connection = open.connection;
    let so_far = if times > 1 { format!(", {times} so far") } else { String::new() };
    output::warn(&format!(
        "{what} the new profile denies it: {request} (connection {connection}{so_far})"
    ));
}
