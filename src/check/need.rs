//! What was recorded and the profile would deny.

use std::collections::BTreeMap;

use super::Check;
use crate::api::{ApiVersion, Located};
use crate::learn::{Known, Use};
use crate::policy::{Enforcer, Gate, Head, Verdict};
use crate::profile::{CheckCode, Entry, Pattern, Rule, Subject};
use crate::report::{Finding, count};

/// How many names a finding gives as examples.
const EXAMPLES: usize = 3;

impl Check<'_> {
    pub(super) fn find_denied(&mut self) {
        let gate = Enforcer::new(self.profile);
        for known in self.evidence.known() {
            let mut by_code: BTreeMap<CheckCode, Vec<Denied<'_>>> = BTreeMap::new();
            for (values, versions) in &known.values {
                for version in versions {
                    let prefix = version.map_or_else(String::new, |version| format!("/v{version}"));
                    let target = prefix + &known.path(values);
                    let head = Head::new(known.operation.method.as_str(), &target);
                    if let Verdict::Deny(_) = gate.decide(&head).verdict {
                        let code = self.reason(known, values, *version);
                        let denied = Denied { values, version: *version };
                        by_code.entry(code).or_default().push(denied);
                    }
                }
            }
            for (code, denied) in by_code {
                let (subject, finding) = self.denied(known, code, &denied);
                self.push(code, Some(subject), finding);
            }
        }
        self.find_unknown();
        self.find_refused();
    }

    /// Why the gate said no, for the name of the finding.
    fn reason(&self, known: &Known, values: &[String], version: Option<ApiVersion>) -> CheckCode {
        let located = Located { operation: known.operation, values: values.to_vec() };
        let mut allowed = self.profile.allow.iter().map(|entry| entry.value.operation());
        if version.zip(self.profile.min_api).is_some_and(|(version, least)| version < least) {
            CheckCode::BelowMinApi
        } else if self.profile.deny.iter().any(|entry| entry.value.matches(&located)) {
            CheckCode::DeniedOperationUsed
        } else if allowed.any(|operation| operation == known.operation) {
            CheckCode::NameOutsideNarrowing
        } else {
            CheckCode::NewOperation
        }
    }

    /// The finding for requests of one operation that are denied for one reason.
    fn denied(&self, known: &Known, code: CheckCode, denied: &[Denied<'_>]) -> (Subject, Finding) {
        let operation = known.operation;
        let any = Rule::any(operation);
        // With one name, that name; with several, all of the operation.
        let mut names: Vec<&Vec<String>> = denied.iter().map(|one| one.values).collect();
        names.dedup();
        let exact = |values: &&Vec<String>| {
            let exact = values.iter().cloned().map(Pattern::Exact).collect();
            Rule::narrowed(operation, exact)
        };
        let rule = match names.as_slice() {
            [one] => exact(one),
            _ => any.clone(),
        };
        let examples: Vec<String> =
            names.iter().take(EXAMPLES).map(|values| exact(values).to_string()).collect();
        let more = match names.len().saturating_sub(EXAMPLES) {
            0 => String::new(),
            more => format!(" and {}", count(more, "more name").trim_end_matches("s")),
        };
        let asked = format!("{}{more}", examples.join(", "));
        let allow = &self.profile.allow;
        let (subject, message, region, help) = match code {
            CheckCode::BelowMinApi => {
                let version = denied.iter().filter_map(|one| one.version).min();
                let version = version.unwrap_or(ApiVersion::FLOOR);
                (
                    rule,
                    format!("{asked} was asked for in API version {version}"),
                    Self::region(self.key(&["min_api"]), "asks for a newer one"),
                    format!("use a newer client, or write min_api: \"{version}\""),
                )
            }
            CheckCode::DeniedOperationUsed => {
                let entry = self.profile.deny.iter().find(|entry| entry.value.overlaps(&rule));
                let span = entry.and_then(|entry| entry.span.clone());
                (
                    rule,
                    format!("{asked} is used and denied"),
                    Self::region(span, "somebody decided against it"),
                    "take the line away if the program has to do it".to_owned(),
                )
            }
            CheckCode::NameOutsideNarrowing => {
                let entry = allow.iter().find(|entry| entry.value.operation() == operation);
                let span = entry.and_then(|entry| entry.span.clone());
                let verb = if names.len() == 1 { "is" } else { "are" };
                let help = format!("to allow it, add under allow: - {rule}");
                (
                    rule,
                    format!("{asked} {verb} outside the names that the profile allows"),
                    Self::region(span, "allows other names only"),
                    help,
                )
            }
            _ => {
                let key = operation.listing_key();
                let is_before = |entry: &&Entry<Rule>| entry.value.operation().listing_key() <= key;
                let before = allow.iter().rfind(is_before).and_then(|entry| entry.span.clone());
                (
                    any.clone(),
                    format!(
                        "{any} is used and not allowed ({}: it can {})",
                        operation.risk, operation.permits
                    ),
                    Self::region(
                        before.or_else(|| self.key(&["allow", "name"])),
                        "its place is behind this line",
                    ),
                    format!("to allow it, add under allow: - {any}"),
                )
            }
        };
        let finding = Finding {
            subject: Some(subject.to_string()),
            risk: Some(operation.risk),
            region,
            seen: Some(seen(&known.seen)),
            help: Some(help),
            ..Self::finding(code, message)
        };
        (Subject::Rule(subject), finding)
    }

    fn find_unknown(&mut self) {
        for (request, unknown) in self.evidence.unknown() {
            if self.profile.unknown.iter().any(|entry| entry.value.matches(&unknown.request)) {
                continue;
            }
            let code = CheckCode::UnknownOperation;
            let api = self.profile.engine.api();
            let last = self.profile.unknown.last().and_then(|entry| entry.span.clone());
            let finding = Finding {
                subject: Some(request.to_owned()),
                region: Self::region(last.or_else(|| self.key(&["unknown", "allow", "name"])), ""),
                seen: Some(seen(&unknown.seen)),
                help: Some(format!("to allow it as it is, add under unknown: - {request}")),
                ..Self::finding(code, format!("{request} is no known operation of {api}"))
            };
            self.push(code, Some(Subject::Text(request.to_owned())), finding);
        }
    }

    fn find_refused(&mut self) {
        for (request, used) in self.evidence.refused() {
            let code = CheckCode::RefusedRequest;
            let finding = Finding {
                subject: Some(request.to_owned()),
                region: Self::region(self.key(&["name"]), ""),
                seen: Some(seen(used)),
                help: Some("no rule can allow it; have the program spell it otherwise".to_owned()),
                ..Self::finding(code, format!("enforce refuses {request}"))
            };
            self.push(code, Some(Subject::Text(request.to_owned())), finding);
        }
    }
}

/// A request that the gate denied.
struct Denied<'a> {
    values: &'a Vec<String>,
    version: Option<ApiVersion>,
}

fn seen(used: &Use) -> String {
    format!("{}, {}", count(used.requests, "request"), count(used.sessions.len(), "session"))
}
