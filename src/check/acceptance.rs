//! What people have accepted, and what of that is out of date.

use super::{Check, Options};
use crate::profile::CheckCode;
use crate::report::Finding;

impl Check<'_> {
    /// Takes the findings out of the count that an entry under `accept` is about, and tells of the
    /// entries that are about nothing or past their day.
    pub(super) fn accept(&mut self, options: &Options) {
        let is_left_out = |code| options.severities.get(&code) == Some(&None);
        for entry in &self.profile.accept {
            let accepted = &entry.value;
            if is_left_out(accepted.code) {
                continue;
            }
            let is_expired = accepted.is_expired(options.today);
            let mut is_matched = false;
            for found in &mut self.found {
                if accepted.is_about(found.code, found.subject.as_ref()) {
                    is_matched = true;
                    if !is_expired {
                        found.finding.accepted.get_or_insert_with(|| accepted.reason.clone());
                    }
                }
            }
            let (code, message) = match (is_expired, accepted.until) {
                (true, Some(last)) => (
                    CheckCode::ExpiredAcceptance,
                    format!("{} was accepted until {last}", accepted.code),
                ),
                _ if !is_matched => {
                    let about = accepted.rule.as_ref().map(|rule| format!(" about {rule}"));
                    let about = about.unwrap_or_default();
                    let message = format!("no {}{about} was found to accept", accepted.code);
                    (CheckCode::UnmatchedAcceptance, message)
                }
                _ => continue,
            };
            let help = match code {
                CheckCode::ExpiredAcceptance => "settle it, or give it a new day with until:",
                _ => "take the entry away",
            };
            let mut finding = Finding {
                subject: accepted.rule.as_ref().map(ToString::to_string),
                region: Self::region(entry.span.clone(), &accepted.reason),
                help: Some(help.to_owned()),
                ..Self::finding(code, message)
            };
            match options.severities.get(&code) {
                Some(None) => continue,
                Some(Some(severity)) => finding.severity = *severity,
                None => {}
            }
            self.push(code, None, finding);
        }
    }
}
