//! The last screen: what was decided, what is still open, and what the profile allows now.

use super::open;
use super::rows::Body;
use super::session::Session;
use super::subject_rows::lines_of;
use crate::api::Risk;
use crate::profile::Rule;
use crate::report::{count, quoted};

impl Body {
    pub(super) fn done(&mut self, session: &Session) {
        let profile = session.draft.file_profile();
        let tally = session.tally();
        for (label, number) in [
            ("kept", tally.kept),
            ("denied", tally.denied),
            ("narrowed", tally.narrowed),
            ("skipped", tally.skipped),
        ] {
            if number > 0 {
                self.field(label, &number.to_string());
            }
        }
        self.blank();
        let path = quoted(&session.path);
        let left_out = match session.draft.offered() {
            0 => "",
            _ => " What was offered and not kept is left out.",
        };
        if profile.standing().is_reviewed() {
            self.text(&format!("Every rule is decided and saved.{left_out} Next:"));
            self.text(&format!("  dsp enforce --require-reviewed {path}"));
        } else {
            self.text(&format!(
                "All answers are saved.{left_out} Something is still open: {}.",
                open(profile)
            ));
            self.text("o shows it; to continue later, run:");
            self.text(&format!("  dsp review {path}"));
        }
        self.blank();
        self.text("What this profile allows:");
        self.blank();
        for risk in Risk::ALL.into_iter().rev() {
            let rules = profile.allow.iter().map(|entry| entry.value.clone());
            let rules: Vec<Rule> = rules.filter(|rule| rule.risk() == risk).collect();
            if risk >= Risk::Secrets {
                lines_of(&rules).iter().enumerate().for_each(|(place, line)| {
                    let whole = line.names.is_empty().then(|| line.first.to_string());
                    let text = whole.as_ref().unwrap_or(&line.rule);
                    self.field(if place == 0 { risk.as_str() } else { "" }, text);
                });
            } else if !rules.is_empty() {
                self.field(risk.as_str(), &count(rules.len(), "rule"));
            }
        }
        profile.unknown.iter().enumerate().for_each(|(place, entry)| {
            self.field(if place == 0 { "unknown" } else { "" }, &entry.value.to_string());
        });
    }
}
