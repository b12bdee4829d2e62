//! What `dsp adopt` says about a configuration, for programs.

use serde::Serialize;

use crate::adopt::{Adopted, DifferenceKind, Usage};

/// The summary.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    from: &'static str,
    service: Option<&'a str>,
    engine: &'static str,
    /// Whether the profile grants exactly what the configuration does.
    exact: bool,
    operations: Vec<Operation>,
    /// What each rule is and where it comes from.
    allow: Vec<Rule<'a>>,
    deny: Vec<String>,
    unread: Vec<Unread<'a>>,
    differences: Vec<Difference>,
    /// Operations in the recording that are not granted; `null` without a recording.
    missing: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Operation {
    operation: String,
    name: &'static str,
    risk: &'static str,
    /// The number of recorded requests; `null` without a recording.
    requests: Option<u64>,
}

#[derive(Serialize)]
struct Rule<'a> {
    rule: String,
    lines: Vec<&'a usize>,
}

#[derive(Serialize)]
struct Unread<'a> {
    line: Option<usize>,
    text: &'a str,
    reason: &'a str,
    effect: &'static str,
}

#[derive(Serialize)]
struct Difference {
    operation: String,
    kind: &'static str,
    /// For `versions`: those with which the proxy grants it; `null` stands for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<Option<String>>>,
}

impl<'a> Summary<'a> {
    pub(super) fn of(adopted: &'a Adopted, usage: &Usage, is_compared: bool) -> Self {
        let operations = usage.operations.iter().map(|one| Operation {
            operation: one.operation.to_string(),
            name: one.operation.name,
            risk: one.risk.as_str(),
            requests: is_compared.then_some(one.requests),
        });
        let allow = adopted.granted.rules.iter().map(|granted| Rule {
            rule: granted.rule.to_string(),
            lines: granted.lines.iter().collect(),
        });
        let unread = adopted.unread.iter().map(|one| Unread {
            line: one.line,
            text: &one.text,
            reason: &one.reason,
            effect: one.effect.as_str(),
        });
        let differences = adopted.granted.differences.iter().map(|one| {
            let (kind, versions) = match &one.kind {
                DifferenceKind::Versions(versions) => ("versions", Some(versions)),
                DifferenceKind::Links => ("links", None),
                DifferenceKind::Wider => ("wider", None),
                DifferenceKind::LeftOut => ("left-out", None),
            };
            let spelled = |version: &Option<_>| version.as_ref().map(ToString::to_string);
            Difference {
                operation: one.operation.to_string(),
                kind,
                versions: versions.map(|versions| versions.iter().map(spelled).collect()),
            }
        });
        let missing = usage.missing.iter().map(ToString::to_string);
        Self {
            from: adopted.program.as_str(),
            service: adopted.service.as_deref(),
            engine: adopted.engine.as_str(),
            exact: adopted.is_exact(),
            operations: operations.collect(),
            allow: allow.collect(),
            deny: adopted.granted.denied.iter().map(ToString::to_string).collect(),
            unread: unread.collect(),
            differences: differences.collect(),
            missing: is_compared.then(|| missing.collect()),
        }
    }
}
