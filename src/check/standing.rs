//! What no person has accepted.

use super::{Check, Options};
use crate::profile::{CheckCode, Subject};
use crate::report::{Finding, Severity, count, printable, quoted};

impl Check<'_> {
    pub(super) fn find_unreviewed(&mut self, options: &Options) {
        let standing = self.profile.standing();
        if !standing.has_begun {
            let code = CheckCode::Unreviewed;
            let rules = count(standing.open_count(), "rule");
            // A profile without decisions is a draft, and that is no news to whoever made it; one whose
            // decisions were taken away is none.
            let (severity, message) = match &options.reviewed_before {
                None => (Severity::Note, format!("nobody has reviewed this profile ({rules})")),
                Some(before) => (
                    Severity::Error,
                    format!("{before} was reviewed, and the review was taken away ({rules})"),
                ),
            };
            let finding = Finding {
                severity,
                region: Self::region(self.key(&["name"]), ""),
                help: Some(self.review()),
                ..Self::finding(code, message)
            };
            self.push(code, None, finding);
            return;
        }
        for open in &standing.open {
            let Some(entry) = self.profile.allow.get(open.place) else { continue };
            let operation = entry.value.operation();
            let (code, message) = match open.accepted_as {
                Some(before) => (
                    CheckCode::RiskRose,
                    format!(
                        "{} was accepted as {before} and is {} today",
                        entry.value, operation.risk
                    ),
                ),
                None => (
                    CheckCode::Unreviewed,
                    format!("{} was added, and nobody has accepted it", entry.value),
                ),
            };
            let finding = Finding {
                subject: Some(entry.value.to_string()),
                risk: Some(operation.risk),
                region: Self::region(
                    entry.span.clone(),
                    &format!("{}: {}", operation.risk, operation.reason),
                ),
                help: Some(self.review()),
                ..Self::finding(code, message)
            };
            self.push(code, Some(Subject::Rule(entry.value.clone())), finding);
        }
        for place in &standing.open_unknown {
            let Some(entry) = self.profile.unknown.get(*place) else { continue };
            let code = CheckCode::Unreviewed;
            let text = entry.value.to_string();
            let finding = Finding {
                subject: Some(text.clone()),
                region: Self::region(entry.span.clone(), "nothing is known about it"),
                help: Some(self.review()),
                ..Self::finding(code, format!("{text} was added, and nobody has accepted it"))
            };
            self.push(code, Some(Subject::Text(text)), finding);
        }
        if standing.is_changed {
            let code = CheckCode::Unreviewed;
            let message = "what is denied, min_api or the list of what was accepted has changed \
                           since the review";
            let finding = Finding {
                region: Self::region(self.key(&["reviewed"]), "its digest is of something else"),
                help: Some(self.review()),
                ..Self::finding(code, message)
            };
            self.push(code, None, finding);
        }
    }

    /// The command that settles it.
    fn review(&self) -> String {
        format!("dsp review {}", printable(&quoted(&self.source.path)))
    }
}
