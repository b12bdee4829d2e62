//! What requests contained, compared with what rules allow them to contain.

use super::Check;
use super::seen::seen;
use crate::contents::{Fact, Facts};
use crate::learn::{Demand, Known};
use crate::profile::{Allowed, CheckCode, Constraints, Rule, Subject, ValuePattern, spelled_value};
use crate::report::{Finding, count};

impl Check<'_> {
    /// Reports that a request contained something that the rule which was meant does not allow.
    pub(super) fn find_outside(&mut self, known: &Known, rule: &Rule, fact: &Fact) {
        let names = rule.without_contents();
        let contents = Constraints::of(&std::iter::once(fact.clone()).collect::<Facts>());
        let subject = names.clone().with_contents(Some(contents));
        let entry = self.profile.allow.iter().find(|entry| entry.value == *rule);
        let (facet, risk) = (fact.facet, fact.facet.risk_of(&fact.value).min(names.risk()));
        let is_named = rule.contents().is_some_and(|own| own.of_facet(facet).is_some());
        let told = format!("{facet} {}", self.evidence.object_names().told(fact));
        let (code, message, label) = match is_named {
            true => (
                CheckCode::ValueOutside,
                format!("{names} is used with {told}, and its rule names other values"),
                format!("names other values of {facet}"),
            ),
            false => (
                CheckCode::NewValue,
                format!("{names} is used with {told}, which its rule does not allow"),
                format!("allows no {facet}"),
            ),
        };
        // An ID is different every time, and a name may be that of another object later.
        let has_it =
            |demand: &&Demand| demand.facts.iter().flat_map(Facts::iter).any(|other| other == fact);
        let with_it = || known.demands.keys().filter(has_it);
        let recorded = with_it().filter_map(|demand| known.demands.get(demand)?.first).min();
        let mut demands = with_it();
        let first = demands.next().and_then(|demand| demand.as_own(known.operation, fact));
        let is_own = demands.all(|demand| demand.as_own(known.operation, fact).is_some());
        let allowed = first.filter(|_| is_own).unwrap_or_else(|| fact.clone());
        let line = match facet.is_flag() {
            true => format!("{facet}: true"),
            false => format!("{facet}: - {}", spelled_value(&allowed.value)),
        };
        let sessions =
            known.contents.facts.get(fact).map(|sessions| count(sessions.len(), "session"));
        let finding = Finding {
            subject: Some(subject.to_string()),
            risk: Some(risk),
            region: Self::region(entry.and_then(|entry| entry.span.clone()), &label),
            help: Some(format!("to allow it, add to the rule: {line}")),
            ..Self::finding(code, message)
        };
        let seen = sessions.map_or_else(|| seen(&known.seen), |sessions| format!("in {sessions}"));
        let finding = self.with_evidence(finding, seen, recorded);
        self.push(code, Some(Subject::Rule(subject)), finding);
    }

    /// Reports values that nothing used, of rules that were used.
    pub(super) fn find_unused_values(&mut self) {
        let profile = self.profile;
        for entry in &profile.allow {
            let Some(contents) = entry.value.contents() else { continue };
            let names = entry.value.without_contents();
            let Some(known) =
                self.evidence.known().find(|known| known.operation == names.operation())
            else {
                continue;
            };
            let is_matched = |demand: &&Demand| known.matches(&names, demand);
            let demands: Vec<&Demand> = known.demands.keys().filter(is_matched).collect();
            // What a request contained that was not recorded may be any of them.
            if demands.is_empty() || demands.iter().any(|demand| demand.facts.is_none()) {
                continue;
            }
            let facts = |demand: &&Demand| {
                let facts = demand.facts.iter().flat_map(Facts::iter);
                let own = |fact: &Fact| demand.as_perhaps_own(known.operation, fact);
                let both = facts.flat_map(|fact| std::iter::once(fact.clone()).chain(own(fact)));
                both.collect::<Vec<Fact>>()
            };
            let seen: Vec<Fact> = demands.iter().flat_map(facts).collect();
            for (facet, allowed) in contents.iter() {
                let of_facet = || seen.iter().filter(|fact| fact.facet == facet);
                let mut only = Constraints::harmless();
                match allowed {
                    Allowed::Any if of_facet().next().is_none() => {
                        only.open(facet);
                        let text = format!("any {facet}");
                        let risk = facet.risk_of_any();
                        self.unused_value(&names, entry.span.clone(), only, &text, risk);
                    }
                    Allowed::Any => {}
                    Allowed::Values(values) => {
                        let is_unused = |value: &&ValuePattern| {
                            !of_facet().any(|fact| value.matches(&fact.value))
                        };
                        for value in values.iter().filter(is_unused) {
                            let mut only = only.clone();
                            only.add(value.clone());
                            let text = format!("{facet} {}", value.as_str());
                            let risk = facet.risk_of(value.as_str());
                            self.unused_value(&names, entry.span.clone(), only, &text, risk);
                        }
                    }
                }
            }
        }
    }

    fn unused_value(
        &mut self,
        names: &Rule,
        span: Option<std::ops::Range<usize>>,
        only: Constraints,
        text: &str,
        risk: crate::api::Risk,
    ) {
        let code = CheckCode::UnusedValue;
        let subject = names.clone().with_contents(Some(only));
        let sessions = count(self.evidence.sessions().len(), "session");
        let finding = Finding {
            subject: Some(subject.to_string()),
            risk: Some(risk.min(names.risk())),
            region: Self::region(span, ""),
            seen: Some(format!("never, in {sessions}")),
            help: Some("remove the line, or record what needs it".to_owned()),
            ..Self::finding(code, format!("{names} may contain {text}, which was not used"))
        };
        self.push(code, Some(Subject::Rule(subject)), finding);
    }
}

#[cfg(test)]
mod tests {
    use crate::api::EngineKind;
    use crate::check::{Options, check};
    use crate::learn::{Evidence, Gathering};
    use crate::profile::parse;
    use crate::report::Source;

    fn evidence(requests: &[serde_json::Value]) -> Evidence {
        let mut gathering = Gathering::default();
        let time = "2026-01-01T00:00:00Z";
        let mut absorb = |line: serde_json::Value| {
            gathering.absorb(serde_json::from_value(line).unwrap());
        };
        absorb(serde_json::json!({ "session": {
            "version": 2, "id": "a", "start": time, "dsp": "0.1.0", "command": ["make", "test"],
        }}));
        for (contents, seq) in requests.iter().zip(1..) {
            let mut line = serde_json::json!({
                "session": "a", "seq": seq, "time": time, "connection": 1, "method": "POST",
                "path": "/v1.41/containers/create",
            });
            if !contents.is_null() {
                line["contents"] = contents.clone();
            }
            absorb(serde_json::json!({ "request": line }));
        }
        gathering.finish(EngineKind::Docker)
    }

    fn found(rest: &str, requests: &[serde_json::Value]) -> Vec<String> {
        let text = format!("version: 1\nname: x\nallow:\n  - POST /containers/create{rest}\n");
        let profile = parse(&text).unwrap();
        let options = Options::on(jiff::civil::date(2026, 1, 1));
        let report = check(&profile, Source::file("p.yaml", text), &evidence(requests), &options);
        let findings = report.findings.iter().filter(|found| !found.code.contains("incomplete"));
        let findings = findings.filter(|found| found.code != "unreviewed");
        let told = findings.map(|found| {
            let accepted = if found.accepted.is_some() { " (accepted)" } else { "" };
            format!(
                "{} {}: {}; {}{accepted}",
                found.severity.as_str(),
                found.code,
                found.message,
                found.help.as_deref().unwrap_or_default()
            )
        });
        told.collect()
    }

    #[test]
    fn what_requests_contain_is_compared_value_by_value() {
        let rule = ": {image: [\"alpine:3\"], network: any, mounts: [/srv, \"ci-*\"]}";
        let one =
            serde_json::json!({"image": ["alpine:3"], "mounts": ["/srv:ro"], "network": ["own"]});
        let two = serde_json::json!({
            "image": ["alpine:4"], "mounts": ["/etc", "ci-1"], "privileged": ["true"],
        });
        insta::assert_snapshot!(found(rule, &[one.clone(), two]).join("\n"));
        assert_eq!(
            found(rule, std::slice::from_ref(&one)),
            [
                "warning unused-value: POST /containers/create may contain mounts ci-*, which was not used; \
              remove the line, or record what needs it"
            ]
        );
        // What was not recorded may have used everything.
        let unknown = found(rule, &[one.clone(), serde_json::Value::Null]);
        assert!(!unknown.iter().any(|line| line.contains("unused")), "{unknown:?}");
        assert_eq!(found("", std::slice::from_ref(&one)), [""; 0]);
        let unused = found(": {image: any, devices: any, mounts: any, network: any}", &[one]);
        assert_eq!(unused.len(), 1, "{unused:?}");
        assert!(unused[0].contains("may contain any devices"), "{unused:?}");
    }

    #[test]
    fn findings_about_values_can_be_accepted() {
        let other = serde_json::json!({"image": ["alpine:3"], "mounts": ["/etc", "/srv"]});
        let accepted = |rule: &str| {
            let rest = format!(
                ": {{image: [\"alpine:3\"]}}\naccept:\n  - code: new-value\n    rule: '{rule}'\n    reason: known"
            );
            let found = found(&rest, std::slice::from_ref(&other));
            found.iter().filter(|line| line.ends_with("(accepted)")).count()
        };
        assert_eq!(accepted("POST /containers/create"), 2);
        assert_eq!(accepted("POST /containers/create: {mounts: any}"), 2);
        assert_eq!(accepted("POST /containers/create: {mounts: [/etc]}"), 1);
        assert_eq!(accepted("POST /containers/create: {mounts: [/x]}"), 0);
    }
}
