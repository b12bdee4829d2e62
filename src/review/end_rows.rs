//! The last screen: what was decided, what is still open, and what the profile allows now.

use super::rows::Body;
use super::session::Session;
use crate::api::Risk;
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
                "All answers are saved.{left_out} The skipped rules are still open; to continue, run:"
            ));
            self.text(&format!("  dsp review {path}"));
        }
        self.blank();
        self.text("What this profile allows:");
        self.blank();
        for risk in Risk::ALL.into_iter().rev() {
            let rules = profile.allow.iter().filter(|entry| entry.value.risk() == risk);
            let rules: Vec<String> = rules.map(|entry| entry.value.to_string()).collect();
            if risk >= Risk::Secrets {
                rules.iter().enumerate().for_each(|(place, rule)| {
                    self.field(if place == 0 { risk.as_str() } else { "" }, rule);
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
