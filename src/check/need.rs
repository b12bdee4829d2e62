//! Requests that were recorded and that the profile would deny.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Check;
use super::seen::{seen, seen_from};
use crate::api::ApiVersion;
use crate::contents::Fact;
use crate::learn::{Demand, Known, TooOld};
use crate::policy::{Enforcer, Reason};
use crate::profile::{
    CheckCode, Entry, Pattern, Profile, Rule, Subject, UnknownOperation, looks_like_id,
};
use crate::report::{Finding, count};

/// The number of names that a finding gives as examples.
const EXAMPLES: usize = 3;

impl Check<'_> {
    pub(super) fn find_denied(&mut self) {
        // Everything that min_api denies is one finding about the profile.
        let gate = Enforcer::new(&Profile { min_api: None, ..self.profile.clone() });
        for known in self.evidence.known() {
            let mut by_code: BTreeMap<CheckCode, Vec<&Demand>> = BTreeMap::new();
            let mut outside: BTreeMap<String, (Rule, BTreeSet<Fact>)> = BTreeMap::new();
            for (demand, demanded) in &known.demands {
                let denial = |version: &Option<ApiVersion>| known.denial(&gate, demand, *version);
                let denial = demanded.versions.iter().find_map(denial);
                if let Some(Reason::Contents { rule, lacking }) =
                    denial.as_ref().map(|one| &one.reason)
                {
                    let lacked = outside
                        .entry(rule.to_string())
                        .or_insert_with(|| (rule.clone(), BTreeSet::new()));
                    lacked.1.extend(lacking.iter().cloned());
                } else if let Some(denial) = denial {
                    by_code.entry(code(&denial.reason)).or_default().push(demand);
                }
            }
            for (rule, lacking) in outside.into_values() {
                for fact in &lacking {
                    self.find_outside(known, &rule, fact);
                }
            }
            for (code, denied) in by_code {
                let (subject, finding) = self.denied(known, code, &denied);
                self.push(code, Some(subject), finding);
            }
        }
        self.find_too_old();
        self.find_unknown();
        self.find_refused();
    }

    /// The finding for the requests of one operation that are denied for the same reason.
    fn denied(&self, known: &Known, code: CheckCode, demands: &[&Demand]) -> (Subject, Finding) {
        let operation = known.operation;
        let any = Rule::any(operation);
        // For a single name, the rule for it; for several, the rule for the whole operation.
        let exact = |demand: &&Demand| {
            let exact = demand.names.iter().cloned().map(Pattern::Exact).collect();
            Rule::narrowed(operation, exact)
        };
        let rule = match demands {
            [one] => exact(one),
            _ => any.clone(),
        };
        let names = self.evidence.object_names();
        let told = |demand: &&Demand| {
            let id = demand.names.first();
            let known_as = id.and_then(|id| names.of_operation(operation, id));
            let known_as = known_as.map(|name| format!(" ({name})")).unwrap_or_default();
            format!("{}{known_as}", exact(demand))
        };
        let examples: Vec<String> = demands.iter().take(EXAMPLES).map(told).collect();
        let more = match demands.len().saturating_sub(EXAMPLES) {
            0 => String::new(),
            more => format!(" and {}", count(more, "more name").trim_end_matches("s")),
        };
        let asked = format!("{}{more}", examples.join(", "));
        let allow = &self.profile.allow;
        let (subject, message, region, help) = match code {
            CheckCode::DeniedOperationUsed => {
                let entry = self.profile.deny.iter().find(|entry| entry.value.overlaps(&rule));
                let span = entry.and_then(|entry| entry.span.clone());
                (
                    rule,
                    format!("{asked} is used but denied"),
                    Self::region(span, "a person denied it here"),
                    "remove the line if the program needs it".to_owned(),
                )
            }
            CheckCode::NameOutsideNarrowing => {
                let entry = allow.iter().find(|entry| entry.value.operation() == operation);
                let span = entry.and_then(|entry| entry.span.clone());
                let verb = if demands.len() == 1 { "is" } else { "are" };
                let is_id = |demand: &&Demand| demand.names.iter().any(|name| looks_like_id(name));
                let is_own = demands.iter().all(|demand| demand.has_own_path(operation));
                let of_operation = allow.iter().map(|entry| &entry.value);
                let mut of_operation = of_operation.filter(|rule| rule.operation() == operation);
                let only = match of_operation.any(Rule::is_of_owner) {
                    true => {
                        "not about what the program itself made, or names that the profile allows"
                    }
                    false => "outside the names that the profile allows",
                };
                let help = if is_own {
                    let rest = any.patterns().iter().skip(1).cloned();
                    let own = std::iter::once(Pattern::Own).chain(rest).collect();
                    let own = Rule::narrowed(operation, own);
                    format!("to allow what the program itself made, add under allow: - {own}")
                } else if demands.iter().any(is_id) {
                    format!("IDs change each time; to allow all of them, add under allow: - {any}")
                } else {
                    format!("to allow it, add under allow: - {rule}")
                };
                (
                    rule,
                    format!("{asked} {verb} {only}"),
                    Self::region(span, "allows only other names"),
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
                        "{any} is used but not allowed ({}: it can {})",
                        operation.risk, operation.permits
                    ),
                    Self::region(
                        before.or_else(|| self.key(&["allow", "name"])),
                        "add it after this line",
                    ),
                    format!("to allow it, add under allow: - {any}"),
                )
            }
        };
        let finding = Finding {
            subject: Some(subject.to_string()),
            risk: Some(operation.risk),
            region,
            help: Some(help),
            ..Self::finding(code, message)
        };
        let demanded = demands.iter().filter_map(|demand| known.demands.get(*demand)?.first);
        let finding = self.with_evidence(finding, seen_from(known), demanded.min());
        (Subject::Rule(subject), finding)
    }

    /// A single finding about the profile, because one line of it denies all of these requests.
    fn find_too_old(&mut self) {
        let Some(old) = TooOld::of(self.profile, self.evidence) else { return };
        let TooOld { least, oldest, operations } = old;
        let is_old = |version: &ApiVersion| *version < least;
        let asked = self
            .evidence
            .known()
            .filter(|known| known.versions().flatten().any(|version| is_old(&version)));
        let seen_in: Vec<&Known> = asked.collect();
        let sessions: BTreeSet<usize> =
            seen_in.iter().flat_map(|known| known.seen.sessions.iter().copied()).collect();
        let mut examples: Vec<String> =
            seen_in.iter().take(EXAMPLES).map(|known| known.operation.to_string()).collect();
        let more = seen_in.len().saturating_sub(EXAMPLES);
        examples.extend((more > 0).then(|| format!("{more} more")));
        let code = CheckCode::BelowMinApi;
        let finding = Finding {
            risk: seen_in.iter().map(|known| known.operation.risk).max(),
            region: Self::region(self.key(&["min_api"]), "denies older versions"),
            seen: Some(format!("{}, in {}", examples.join(", "), count(sessions.len(), "session"))),
            help: Some(format!(
                "remove the line (below {} is always refused), write min_api: \"{oldest}\", or use \
                 a newer client",
                ApiVersion::FLOOR
            )),
            ..Self::finding(
                code,
                format!(
                    "{} used API versions down to {oldest}, but min_api is \"{least}\"",
                    count(operations, "operation")
                ),
            )
        };
        self.push(code, None, finding);
    }

    fn find_unknown(&mut self) {
        let listed: HashSet<&UnknownOperation> =
            self.profile.unknown.iter().map(|entry| &entry.value).collect();
        let last = self.profile.unknown.last().and_then(|entry| entry.span.clone());
        let place = last.or_else(|| self.key(&["unknown", "allow", "name"]));
        for (request, unknown) in self.evidence.unknown() {
            let asked = UnknownOperation::of(&unknown.request);
            if asked.is_some_and(|asked| listed.contains(&asked)) {
                continue;
            }
            let code = CheckCode::UnknownOperation;
            let api = self.profile.engine.api();
            let finding = Finding {
                subject: Some(request.to_owned()),
                region: Self::region(place.clone(), ""),
                help: Some(match unknown.listed() {
                    Some(_) => {
                        format!("to allow exactly this request, add under unknown: - {request}")
                    }
                    None => {
                        "a part of its path may be a secret and was not recorded; to allow it, add \
                             the program's request under unknown:"
                            .to_owned()
                    }
                }),
                ..Self::finding(code, format!("{request} is not a known operation of {api}"))
            };
            let used = &unknown.seen;
            let finding = self.with_evidence(finding, seen(used), used.first);
            self.push(code, Some(Subject::Text(request.to_owned())), finding);
        }
    }

    fn find_refused(&mut self) {
        let place = self.key(&["name"]);
        for (request, used) in self.evidence.refused() {
            let code = CheckCode::RefusedRequest;
            let finding = Finding {
                subject: Some(request.to_owned()),
                region: Self::region(place.clone(), ""),
                help: Some("no rule can allow it; change how the program spells it".to_owned()),
                ..Self::finding(code, format!("enforce refuses {request}"))
            };
            let finding = self.with_evidence(finding, seen(used), used.first);
            self.push(code, Some(Subject::Text(request.to_owned())), finding);
        }
    }
}

/// The code of the finding for requests that were denied for this reason.
fn code(reason: &Reason) -> CheckCode {
    match reason {
        Reason::Denied { .. } => CheckCode::DeniedOperationUsed,
        Reason::NotAllowed { is_narrowed: true } => CheckCode::NameOutsideNarrowing,
        Reason::NotAllowed { is_narrowed: false } => CheckCode::NewOperation,
        Reason::BelowMinApi { .. } => CheckCode::BelowMinApi,
        Reason::Unknown(_) => CheckCode::UnknownOperation,
        Reason::OtherNetwork | Reason::NotOwn(_) | Reason::NameTaken(_) => {
            CheckCode::NameOutsideNarrowing
        }
        Reason::Contents { .. } => CheckCode::NewValue,
        Reason::Refused(_)
        | Reason::Missing(_)
        | Reason::Stray(_)
        | Reason::Undecided
        | Reason::OwnerUnknown(_)
        | Reason::NoContents
        | Reason::Unreadable(_)
        | Reason::NoEngine
        | Reason::Unrecorded => CheckCode::RefusedRequest,
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{Options, check};
    use crate::learn::Evidence;
    use crate::learn::told::{evidence, of_version};
    use crate::profile::parse;
    use crate::report::{Severity, Source};

    fn drift(allow: &str, evidence: &Evidence) -> String {
        let text = format!("version: 1\nname: x\nallow:\n{allow}");
        let profile = parse(&text).unwrap();
        let options = Options::on(jiff::civil::date(2026, 1, 1));
        let report = check(&profile, Source::file("p.yaml", text), evidence, &options);
        let found = report.findings.iter().filter(|found| found.severity == Severity::Error);
        let told = found.map(|found| {
            format!(
                "{}: {}; {}",
                found.code,
                found.message,
                found.help.as_deref().unwrap_or_default()
            )
        });
        told.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn objects_are_compared_by_owner_and_by_name() {
        let own: &[&str] = &[
            "POST /containers/create?name=web",
            "+container ID web",
            "POST /containers/ID/start",
            "POST /containers/web/exec",
            "+exec e1",
            "POST /exec/e1/start",
        ];
        let allow = "  - POST /containers/create\n  - POST /containers/@own/start\n  - POST /containers/@own/exec\n  - POST /exec/@own/start\n";
        assert_eq!(drift(allow, &evidence(&[own])), "");
        let others = [
            own,
            &[
                "POST /containers/db/start",
                "POST /containers/OTHER/exec",
                "+exec e2",
                "POST /exec/e2/start",
            ],
        ]
        .concat();
        insta::assert_snapshot!(drift(allow, &evidence(&[&others])), @r#"
        name-outside-narrowing: POST /containers/9a5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c/exec is not about what the program itself made, or names that the profile allows; IDs change each time; to allow all of them, add under allow: - POST /containers/*/exec
        name-outside-narrowing: POST /exec/e2/start is not about what the program itself made, or names that the profile allows; to allow it, add under allow: - POST /exec/e2/start
        name-outside-narrowing: POST /containers/db/start is not about what the program itself made, or names that the profile allows; to allow it, add under allow: - POST /containers/db/start
        "#);
        // An older recording does not tell.
        assert_eq!(drift(allow, &of_version(2, &[&others])), "");
        // A rule for other names is not about own objects.
        let named = "  - POST /containers/create\n  - POST /containers/db/start\n  - POST /containers/*/exec\n  - POST /exec/*/start\n";
        insta::assert_snapshot!(drift(named, &evidence(&[own])), @r#"
        name-outside-narrowing: POST /containers/4f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c/start (web) is outside the names that the profile allows; to allow what the program itself made, add under allow: - POST /containers/@own/start
        "#);
    }

    #[test]
    fn values_are_compared_by_owner_and_by_name() {
        let own: &[&str] = &[
            "POST /networks/create",
            "+network ID back",
            "POST /containers/create network=back network=ID",
        ];
        let allow = "  - POST /networks/create\n  - POST /containers/create:\n      network:\n        - \"@own\"\n";
        assert_eq!(drift(allow, &evidence(&[own])), "");
        let others = [own, &["POST /containers/create network=front"]].concat();
        insta::assert_snapshot!(drift(allow, &evidence(&[&others])), @r#"
        value-outside: POST /containers/create is used with network front, and its rule names other values; to allow it, add to the rule: network: - "front"
        "#);
        let named = allow.replace("\"@own\"", "front");
        insta::assert_snapshot!(drift(&named, &evidence(&[own])), @r#"
        value-outside: POST /containers/create is used with network 4f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c (back), and its rule names other values; to allow it, add to the rule: network: - "@own"
        value-outside: POST /containers/create is used with network back, and its rule names other values; to allow it, add to the rule: network: - "@own"
        "#);
    }
}
