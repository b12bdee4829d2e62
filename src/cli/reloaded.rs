//! What `enforce` and `serve` print when they reload profiles.

use super::{ambiguity, failure, output};
use crate::proxy::OpenRequest;
use crate::report::count;
use crate::session::{JournalError, LogThrottle, Reload, ReloadEnd};
use crate::text::printable;
use crate::verify::Caveat;

/// Prints the result of a reload.
pub(super) fn report(end: ReloadEnd, is_quiet: bool) {
    match end.profile {
        Ok(reload) => report_new(&reload, is_quiet),
        Err(error) => {
            let _ = failure::show(&error.into(), false);
            output::warn("the profile was not reloaded; the previous one stays in force");
        }
    }
    report_audit_log(end.audit_log);
    if let Err(error) = end.certificates {
        let _ = failure::show(&error.into(), false);
        output::warn("the certificates were not reloaded; the previous ones stay in use");
    }
}

/// Prints the result of a reload for one of several programs.
pub(super) fn report_program(reload: &Reload, audit_log: Result<(), JournalError>, is_quiet: bool) {
    report_new(reload, is_quiet);
    report_audit_log(audit_log);
}

fn report_audit_log(audit_log: Result<(), JournalError>) {
    if let Err(error) = audit_log {
        let _ = failure::show(&error.into(), false);
        output::warn("the audit log continues in the previous file");
    }
}

fn report_new(reload: &Reload, is_quiet: bool) {
    let profile = &reload.profile;
    reload.caveats.iter().for_each(warn_about);
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
            warn_about_denied(open, what, times);
        }
    }
    if let Some(times) = throttle.unlogged() {
        output::warn(&format!("{what} the new profile denies them: {times} requests in all"));
    }
}

fn warn_about(caveat: &Caveat) {
    output::warn(&caveat.to_string());
    if let Some(help) = caveat.help() {
        output::help(&help);
    }
}

fn warn_about_denied(open: &OpenRequest, what: &str, times: u64) {
    let path = open.target.split('?').next().unwrap_or_default();
    let request = printable(&format!("{} {path}", open.method));
    let connection = open.connection;
    let so_far = if times > 1 { format!(", {times} so far") } else { String::new() };
    output::warn(&format!(
        "{what} the new profile denies it: {request} (connection {connection}{so_far})"
    ));
}
