//! Rules that the evidence does not need.

use std::collections::HashSet;

use super::Check;
use crate::profile::{AmbiguityKind, CheckCode, Subject, UnknownOperation};
use crate::report::{Finding, count};

impl Check<'_> {
    pub(super) fn find_unused(&mut self) {
        let pinged = self.evidence.known().any(|known| known.operation.traits.handshake);
        for (entry, is_used) in self.profile.allow.iter().zip(self.used()) {
            let rule = &entry.value;
            if is_used || (pinged && rule.operation().traits.handshake) {
                continue;
            }
            let finding = Finding {
                risk: Some(rule.risk()),
                region: Self::region(entry.span.clone(), ""),
                ..self.unused(&rule.to_string())
            };
            self.push(CheckCode::UnusedRule, Some(Subject::Rule(rule.clone())), finding);
        }
        let asked: HashSet<UnknownOperation> = (self.evidence.unknown())
            .filter_map(|(_, seen)| UnknownOperation::of(&seen.request))
            .collect();
        for entry in &self.profile.unknown {
            if asked.contains(&entry.value) {
                continue;
            }
            let text = entry.value.to_string();
            let finding =
                Finding { region: Self::region(entry.span.clone(), ""), ..self.unused(&text) };
            self.push(CheckCode::UnusedRule, Some(Subject::Text(text)), finding);
        }
    }

    /// Rules whose names can also be IDs, and denials of only one of several names.
    pub(super) fn find_ambiguous(&mut self) {
        for ambiguity in self.profile.ambiguities() {
            let list = match ambiguity.kind {
                AmbiguityKind::Respelled(_) => &self.profile.deny,
                AmbiguityKind::Ids | AmbiguityKind::LongerNames => &self.profile.allow,
            };
            let code = CheckCode::AmbiguousName;
            let span = list.get(ambiguity.place).and_then(|entry| entry.span.clone());
            let finding = Finding {
                subject: Some(ambiguity.rule.to_string()),
                risk: Some(ambiguity.rule.risk()),
                region: Self::region(span, ""),
                help: Some(ambiguity.advice().to_owned()),
                ..Self::finding(code, ambiguity.to_string())
            };
            self.push(code, Some(Subject::Rule(ambiguity.rule)), finding);
        }
    }

    /// Whether each rule under `allow` was used.
    fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.profile.allow.len()];
        for known in self.evidence.known() {
            for demand in known.demands.keys() {
                for located in known.readings(demand) {
                    self.allowed.each_match(&located, |place| {
                        let rule = self.profile.allow.get(place).map(|entry| &entry.value);
                        if let Some(slot) = used.get_mut(place) {
                            *slot |= rule.is_some_and(|rule| known.may_admit(rule, demand));
                        }
                        false
                    });
                }
            }
        }
        used
    }

    fn unused(&self, rule: &str) -> Finding {
        let sessions = count(self.evidence.sessions().len(), "session");
        Finding {
            subject: Some(rule.to_owned()),
            seen: Some(format!("never, in {sessions}")),
            help: Some("remove the line, or record what needs it".to_owned()),
            ..Self::finding(CheckCode::UnusedRule, format!("{rule} is allowed but was not used"))
        }
    }
}
