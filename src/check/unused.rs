//! What the profile allows and nothing used.

use super::Check;
use crate::learn::HANDSHAKE;
use crate::profile::{CheckCode, Rule, Subject};
use crate::report::{Finding, count};

impl Check<'_> {
    pub(super) fn find_unused(&mut self) {
        let pinged = self.evidence.known().any(|known| HANDSHAKE.contains(&known.operation.name));
        for entry in &self.profile.allow {
            let rule = &entry.value;
            let handshake = pinged && HANDSHAKE.contains(&rule.operation().name);
            if handshake || self.is_used(rule) {
                continue;
            }
            let finding = Finding {
                risk: Some(rule.operation().risk),
                region: Self::region(entry.span.clone(), ""),
                ..self.unused(&rule.to_string())
            };
            self.push(CheckCode::UnusedRule, Some(Subject::Rule(rule.clone())), finding);
        }
        for entry in &self.profile.unknown {
            if self.evidence.unknown().any(|(_, seen)| entry.value.matches(&seen.request)) {
                continue;
            }
            let text = entry.value.to_string();
            let finding =
                Finding { region: Self::region(entry.span.clone(), ""), ..self.unused(&text) };
            self.push(CheckCode::UnusedRule, Some(Subject::Text(text)), finding);
        }
    }

    fn is_used(&self, rule: &Rule) -> bool {
        let of_rule = self.evidence.known().filter(|known| known.operation == rule.operation());
        of_rule
            .into_iter()
            .any(|known| known.values.keys().any(|values| rule.matches(&known.located(values))))
    }

    fn unused(&self, rule: &str) -> Finding {
        let sessions = count(self.evidence.sessions().len(), "session");
        Finding {
            subject: Some(rule.to_owned()),
            seen: Some(format!("never, in {sessions}")),
            help: Some("take the line away, or record what needs it".to_owned()),
            ..Self::finding(CheckCode::UnusedRule, format!("{rule} is allowed and was not used"))
        }
    }
}
