//! Explains a profile's decision on one request.

use std::fmt::Write;

use super::LABEL;
use crate::api::{CanonicalRequest, Located};
use crate::policy::{Body, Enforcer, Gate, Reason, Request, Verdict};
use crate::profile::{Entry, Profile, Rule};
use crate::report::{Source, printable};

/// Names the rule that decides on a request, or what is missing, or why no rule can allow it.
/// `source` is the profile's file.
#[must_use]
pub fn request(profile: &Profile, source: &Source, method: &str, target: &str) -> String {
    let gate = Enforcer::new(profile);
    let mut decision = gate.decide(&Request::new(method, target));
    // Nobody asks about a request without a body where the body decides.
    if let Some(located) = &decision.located
        && confined(profile, located).next().is_some()
    {
        let asked = Request { body: Body::Unread, ..Request::new(method, target) };
        decision = gate.decide(&asked);
    }
    let mut text = String::new();
    if let Some(located) = &decision.located {
        text += &super::operation(located.operation);
    }
    if let Some(request) = &decision.request {
        let canonical = request.target();
        if canonical != target {
            let _ = writeln!(text, "read as {} {}", request.method(), printable(canonical));
        }
    }
    let line = |entry: &Entry<Rule>| {
        let line = entry.span.as_ref().map(|span| source.lines(span).line);
        line.map_or_else(String::new, |line| format!(" (line {line})"))
    };
    let verdict = match &decision.verdict {
        Verdict::Forward(_) => {
            let located = decision.located.as_ref();
            let allows = |entry: &&Entry<Rule>| located.is_some_and(|at| entry.value.matches(at));
            let is_open = |entry: &&Entry<Rule>| allows(entry) && entry.value.contents().is_none();
            let allowed = profile.allow.iter().find(is_open);
            match allowed.or_else(|| profile.allow.iter().find(allows)) {
                Some(entry) => {
                    format!("allowed by {}: {}{}", source.path, entry.value, line(entry))
                }
                None => format!("allowed by {}, under unknown:", source.path),
            }
        }
        Verdict::Deny(denial) => {
            let entry = match &denial.reason {
                Reason::Denied { rule, .. } => {
                    profile.deny.iter().find(|entry| entry.value == *rule)
                }
                _ => None,
            };
            format!("{denial}{}", entry.map(line).unwrap_or_default())
        }
        Verdict::ReadBody { .. } => "the decision depends on the body".to_owned(),
        Verdict::FindOwners(objects) => {
            let kind = objects.first().map_or("object", |object| object.kind.as_str());
            format!("allowed for own objects: the decision depends on whose {kind} this is")
        }
        Verdict::MakeVolumes(_) => "allowed with new volumes".to_owned(),
    };
    let _ = writeln!(text, "{}", printable(&verdict));
    if let Verdict::Forward(permit) = &decision.verdict
        && let Some(hide) = permit.hide()
    {
        let _ = writeln!(text, "hidden in the answer: {}", hide.kinds());
    }
    if let (Verdict::Deny(denial), Some(located)) = (&decision.verdict, &decision.located)
        && matches!(denial.reason, Reason::NotAllowed { is_narrowed: true })
    {
        for entry in about(profile, located) {
            let _ = writeln!(text, "it is allowed for other names: {}{}", entry.value, line(entry));
        }
    }
    if let (Verdict::ReadBody { .. }, Some(located)) = (&decision.verdict, &decision.located) {
        for entry in confined(profile, located) {
            let names = entry.value.without_contents();
            let _ =
                writeln!(text, "it is allowed by {}: {names}{}, with", source.path, line(entry));
            for (label, value) in super::about_contents(&entry.value) {
                let _ = writeln!(text, "  {LABEL}{label:<10}{LABEL:#} {}", printable(&value));
            }
        }
    }
    if decision.request.is_none()
        && let Some(other) = repaired(profile, method, target)
    {
        let _ =
            writeln!(text, "without that, it is {} {}", other.method(), printable(other.target()));
    }
    text
}

/// The rules that allow a request with some contents.
fn confined<'a>(
    profile: &'a Profile,
    located: &'a Located,
) -> impl Iterator<Item = &'a Entry<Rule>> {
    let has_contents =
        |entry: &&Entry<Rule>| entry.value.contents().is_some() && entry.value.matches(located);
    profile.allow.iter().filter(has_contents)
}

/// The rules that allow an operation, possibly for other names.
fn about<'a>(profile: &'a Profile, located: &Located) -> impl Iterator<Item = &'a Entry<Rule>> {
    let operation = located.operation;
    profile.allow.iter().filter(move |entry| entry.value.operation() == operation)
}

/// What a target without canonical form was probably meant to be. This is only for people: a proxy
/// that repaired requests would give them two meanings.
fn repaired(profile: &Profile, method: &str, target: &str) -> Option<CanonicalRequest> {
    let (target, _) = target.split_once('#').unwrap_or((target, ""));
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.get(rest.find('/')?..)?,
        None => target,
    };
    let (path, query) =
        path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    let target = format!("/{}{query}", segments.join("/"));
    let method = method.to_ascii_uppercase();
    let request = CanonicalRequest::parse(profile.engine, &method, &target).ok()?;
    request.locate().is_some().then_some(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    const TEXT: &str = "version: 1\nname: p\nmin_api: \"1.40\"\nallow:\n  - GET /info\n  \
        - POST /containers/ci-*/start\ndeny:\n  - GET /events\nunknown:\n  - GET /extension\n";

    /// The lines after the description of the operation.
    fn said(method: &str, target: &str) -> String {
        let source = Source::file("p.yaml", TEXT.into());
        let text = request(&parse(TEXT).unwrap(), &source, method, target);
        let lines = text.lines().filter(|line| !line.starts_with("  "));
        let lines: Vec<&str> = lines.filter(|line| !line.contains("\u{1b}[1m")).collect();
        format!("{method} {target}\n  {}", lines.join("\n  "))
    }

    #[test]
    fn each_answer_names_the_deciding_rule() {
        insta::assert_snapshot!(
            [
                said("GET", "/info"),
                said("GET", "/v1.41/%69nfo"),
                said("GET", "/v1.39/info"),
                said("GET", "/events"),
                said("GET", "/version"),
                said("POST", "/containers/ci-1/start"),
                said("POST", "/containers/web/start"),
                said("GET", "/extension"),
                said("GET", "/extension/2"),
                said("GET", "/containers//json"),
                said("GET", "/containers/../info?x=1"),
                said("GET", "http://host/info#top"),
                said("get", "/info"),
                said("GET", "/v1.23/info"),
                said("GET", "/a%zz"),
                said("GET", "/\u{1b}[31m"),
            ]
            .join("\n")
        );
    }
}
