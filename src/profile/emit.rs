//! Writes a profile as text: the same bytes for the same profile, one rule per line.

use std::fmt::Write;

use super::hide::{HIDE, closed};
use super::{Acceptance, Allowed, Constraints, Entry, Profile, Reviewed, Rule};
use crate::api::{EngineKind, Risk};
use crate::text::one_line;
use crate::yaml::{double_quoted, quoted_if_needed, value};

/// The comments of a generated profile.
#[derive(Clone, Debug, Default)]
pub struct Comments {
    /// Lines at the top.
    pub header: Vec<String>,
    /// The comment after each rule of `allow`, by index; empty for none.
    pub allow: Vec<String>,
}

/// The width of the widest rule that the comments of other rules are aligned with.
const WIDEST_ALIGNED: usize = 44;

/// The number of review marks on a line.
const MARKS_IN_A_LINE: usize = 8;

/// Writes a profile. Rules percent-encode everything that YAML could misread, so none needs quotes.
#[must_use]
pub fn emit(profile: &Profile, comments: &Comments) -> String {
    let mut text = String::new();
    for line in &comments.header {
        let _ = writeln!(text, "# {}", one_line(line));
    }
    let _ = writeln!(text, "version: 1\nname: {}", quoted_if_needed(profile.name.as_str()));
    if profile.engine != EngineKind::default() {
        let _ = writeln!(text, "engine: {}", profile.engine);
    }
    if let Some(version) = profile.min_api {
        let _ = writeln!(text, "min_api: \"{version}\"");
    }
    list(&mut text, "allow", &rules(&profile.allow), &comments.allow);
    if !profile.deny.is_empty() {
        list(&mut text, "deny", &rules(&profile.deny), &[]);
    }
    if !profile.unknown.is_empty() {
        let unknown: Vec<Lines> = profile
            .unknown
            .iter()
            .map(|entry| Lines { first: entry.value.to_string(), further: vec![] })
            .collect();
        list(&mut text, "unknown", &unknown, &[]);
    }
    if !profile.accept.is_empty() {
        text += "accept:\n";
        profile.accept.iter().for_each(|entry| text += &acceptance(&entry.value));
    }
    if let Some(reviewed) = &profile.reviewed {
        text += &emit_reviewed(reviewed);
    }
    text
}

/// Writes an entry of the `accept` list: indented, with a newline at the end.
#[must_use]
pub fn acceptance(acceptance: &Acceptance) -> String {
    let mut text = format!("  - code: {}\n", acceptance.code);
    if let Some(rule) = &acceptance.rule {
        let _ = writeln!(text, "    rule: {}", double_quoted(&rule.to_string()));
    }
    let _ = writeln!(text, "    reason: {}", double_quoted(&acceptance.reason));
    if let Some(until) = acceptance.until {
        let _ = writeln!(text, "    until: {until}");
    }
    text
}

/// Writes the `reviewed` part, riskiest rules first, with a newline at the end.
#[must_use]
pub fn emit_reviewed(reviewed: &Reviewed) -> String {
    let mut text = String::from("reviewed:  # by dsp review; a rule that is not here is open\n");
    let _ = writeln!(text, "  digest: {}", quoted_if_needed(&reviewed.digest));
    if let Some(version) = reviewed.min_api {
        let _ = writeln!(text, "  min_api: \"{version}\"");
    }
    let mut part = |key: &str, rules: Vec<String>| {
        if !rules.is_empty() {
            let _ = writeln!(text, "  {key}:");
        }
        for rule in rules {
            let _ = writeln!(text, "    - {rule}");
        }
    };
    part("deny", reviewed.deny.iter().map(|entry| entry.value.to_string()).collect());
    for risk in Risk::ALL.into_iter().rev() {
        let kept = reviewed.kept.iter().filter(|kept| kept.value.risk == risk);
        part(risk.as_str(), kept.map(|kept| kept.value.rule.to_string()).collect());
    }
    part("unknown", reviewed.unknown.iter().map(|entry| entry.value.to_string()).collect());
    if let Some(marks) = &reviewed.marks {
        let words: Vec<&str> = marks.words().collect();
        text.push_str(if words.is_empty() { "  marks: []\n" } else { "  marks:\n" });
        for line in words.chunks(MARKS_IN_A_LINE) {
            let _ = writeln!(text, "    - \"{}\"", line.join(" "));
        }
    }
    text
}

/// An entry of a list: its first line, and the lines below it.
struct Lines {
    first: String,
    further: Vec<String>,
}

fn rules(list: &[Entry<Rule>]) -> Vec<Lines> {
    let lines = |entry: &Entry<Rule>| {
        let mut lines = rule_lines(&entry.value).into_iter();
        Lines { first: lines.next().unwrap_or_default(), further: lines.collect() }
    };
    list.iter().map(lines).collect()
}

/// A rule as the lines of an entry of a list, without the dash: one line, or one for each value of its
/// contents.
#[must_use]
pub fn rule_lines(rule: &Rule) -> Vec<String> {
    let path = rule.without_contents().to_string();
    let hidden = rule.hidden();
    match rule.contents() {
        None if hidden.is_empty() => vec![path],
        Some(contents) if contents.is_empty() && hidden.is_empty() => vec![format!("{path}: {{}}")],
        contents => {
            let mut lines = vec![format!("{path}:")];
            lines.extend(contents.into_iter().flat_map(contents_lines));
            lines.extend(
                closed(rule.operation(), contents, hidden).map(|facet| format!("    {facet}: []")),
            );
            if !hidden.is_empty() {
                lines.push(format!("    {HIDE}:"));
                lines.extend(hidden.iter().map(|kind| format!("      - {kind}")));
            }
            lines
        }
    }
}

/// The lines of a rule's contents, indented from the dash of the rule.
fn contents_lines(contents: &Constraints) -> Vec<String> {
    let mut lines = Vec::new();
    for (facet, allowed) in contents.iter() {
        match allowed {
            Allowed::Any => lines.push(format!("    {facet}: any")),
            Allowed::Values(_) if facet.is_flag() => lines.push(format!("    {facet}: true")),
            Allowed::Values(values) => {
                lines.push(format!("    {facet}:"));
                lines.extend(values.iter().map(|one| format!("      - {}", value(one.as_str()))));
            }
        }
    }
    lines
}

fn list(text: &mut String, key: &str, rules: &[Lines], comments: &[String]) {
    if rules.is_empty() {
        let _ = writeln!(text, "{key}: []");
        return;
    }
    let widths = rules.iter().map(|rule| rule.first.len());
    let width = widths.filter(|width| *width <= WIDEST_ALIGNED).max();
    let _ = writeln!(text, "{key}:");
    for (place, rule) in rules.iter().enumerate() {
        let first = &rule.first;
        let _ = match comments.get(place).filter(|comment| !comment.is_empty()) {
            Some(comment) => {
                let (width, comment) = (width.unwrap_or(0), one_line(comment));
                writeln!(text, "  - {first:width$}  # {comment}")
            }
            None => writeln!(text, "  - {first}"),
        };
        for line in &rule.further {
            let _ = writeln!(text, "  {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::answers::Kind;
    use crate::api::{ApiVersion, CanonicalRequest};
    use crate::contents::{Facet, Schema};
    use crate::profile::{
        CheckCode, Entry, Kept, Name, Pattern, Rule, Subject, UnknownOperation, ValuePattern, parse,
    };
    use crate::text::is_unsafe;

    fn any_rule(engine: EngineKind) -> impl Strategy<Value = Rule> {
        let operations = engine.catalogue().operations();
        // Names that collide with literals, look like YAML, or need escapes.
        let names = prop_oneof![
            Just("*".to_owned()),
            "(json|create|web|a:|ci-\\*|%2A|true|1|x%20%23y|reg:5000|%C3%A9)",
        ];
        let rule = (0..operations.len(), prop::collection::vec(names, 2)).prop_filter_map(
            "a rule whose name is a literal of another operation",
            move |(index, names)| {
                let operation = &operations[index];
                let mut names = names.iter();
                let path = operation.template.fill(|_| names.next().unwrap().as_str().into());
                let rule = Rule::parse(engine, &format!("{} {path}", operation.method)).ok()?;
                let spans = rule.patterns().iter().any(|pattern| *pattern != Pattern::Any);
                (rule.operation() == operation || spans).then_some(rule)
            },
        );
        let hidden = prop::collection::vec(prop::sample::select(Kind::ALL.as_slice()), 0..3);
        (rule, any_contents(), hidden).prop_map(|(rule, contents, hidden)| {
            let rule = rule.hiding(hidden.into_iter().collect());
            let Some(schema) = Schema::in_rules(rule.operation()) else { return rule };
            let known = schema.facets();
            let contents = contents.map(|(values, open)| {
                let mut constraints = Constraints::harmless();
                let is_known = |value: &&ValuePattern| known.contains(&value.facet());
                values.iter().filter(is_known).for_each(|value| constraints.add(value.clone()));
                if let Some(facet) = open.filter(|facet| known.contains(facet)) {
                    constraints.open(facet);
                }
                constraints
            });
            rule.with_contents(contents)
        })
    }

    type Contents = Option<(Vec<ValuePattern>, Option<Facet>)>;

    /// Values of facets, some of which look like YAML, and a facet that is open.
    fn any_contents() -> impl Strategy<Value = Contents> {
        let text = "(alpine:3|/srv/[a-z]{1,2}(:ro)?|true|null|1|~|a: b|- x|@socket|\\*:0|any|[|]|\"'|%23|[a-z]{1,9}[.=*-][a-z]|\\[::1\\]:80|\\PC{1,5}){1}";
        let value = (prop::sample::select(Facet::ALL.as_slice()), text);
        let value = value
            .prop_filter_map("no value", |(facet, text)| ValuePattern::parse(facet, &text).ok());
        prop::option::of((
            prop::collection::vec(value, 0..4),
            prop::option::of(prop::sample::select(Facet::ALL.as_slice())),
        ))
    }

    /// A text with characters that hide or reorder others, and with commands of CI systems.
    const FOREIGN: &str = "(\\PC|[\u{0}\u{1b}\r\n\t\u{85}\u{9b}]|[\u{ad}\u{202e}\u{2028}\u{2066}\u{3164}\u{feff}\u{e0041}]|##\\[x\\]|[\"'\\\\#: ]){0,9}x";

    /// A code, the index of a rule, a reason and a date.
    fn any_acceptance() -> impl Strategy<Value = (CheckCode, usize, String, Option<i8>)> {
        let acceptable = CheckCode::ALL.into_iter().filter(|code| code.is_acceptable());
        let codes: Vec<CheckCode> = acceptable.collect();
        (prop::sample::select(codes), 0..9_usize, FOREIGN, prop::option::of(1..30_i8))
    }

    fn any_profile() -> impl Strategy<Value = Profile> {
        prop::sample::select(EngineKind::ALL.as_slice()).prop_flat_map(|engine| {
            (
                "[a-z0-9][a-zA-Z0-9._-]{0,20}",
                prop::option::of(24u16..100),
                prop::collection::vec(any_rule(engine), 0..8),
                prop::collection::vec(any_rule(engine), 0..3),
                prop::collection::vec(any_acceptance(), 0..3),
                prop::option::of("[0-9a-f]{0,4}|none"),
            )
                .prop_map(move |(name, min_api, allow, deny, accepted, digest)| {
                    let unknown = CanonicalRequest::parse(engine, "GET", "/extension/a%20b:");
                    let unknown = UnknownOperation::of(&unknown.unwrap());
                    let seal = |profile: &Profile, digest: Option<String>| {
                        let kept = profile.allow.iter().skip(1).map(|entry| {
                            let (rule, risk) = (entry.value.clone(), entry.value.risk());
                            Entry::new(Kept { risk, rule })
                        });
                        let mut kept: Vec<_> = kept.collect();
                        kept.sort_by_key(|kept| std::cmp::Reverse(kept.value.risk));
                        let digest = digest.unwrap_or_default();
                        let unknown = profile.unknown.clone();
                        Reviewed { digest, kept, unknown, ..Reviewed::default() }
                    };
                    let accept = accepted.into_iter().map(|(code, place, reason, day)| {
                        let rule = allow.get(place).cloned().map(Subject::Rule);
                        let until = day.map(|day| jiff::civil::date(2026, 12, day));
                        Entry::new(Acceptance { code, rule, reason, until })
                    });
                    // What is denied hides nothing.
                    let deny = deny.into_iter().map(|rule| {
                        let bare = rule.without_contents();
                        bare.with_contents(rule.contents().cloned())
                    });
                    let mut profile = Profile {
                        accept: accept.collect(),
                        min_api: min_api.map(|minor| ApiVersion::new(1, minor)),
                        allow: allow.into_iter().map(Entry::new).collect(),
                        deny: deny.map(Entry::new).collect(),
                        unknown: unknown.into_iter().map(Entry::new).collect(),
                        ..Profile::empty(Name::parse(&name).unwrap(), engine)
                    };
                    profile.reviewed = digest.map(|digest| seal(&profile, Some(digest)));
                    profile
                })
        })
    }

    proptest! {
        #[test]
        fn a_written_profile_reads_back_unchanged(
            profile in any_profile(),
            comment in FOREIGN,
        ) {
            let comments = Comments { header: vec![comment.clone()], allow: vec![comment; 8] };
            let text = emit(&profile, &comments);
            prop_assert!(!text.lines().any(|line| line.chars().any(is_unsafe)), "{:?}", text);
            prop_assert!(!text.contains("##["), "{}", text);
            prop_assert_eq!(parse(&text).map_err(|problem| problem.message), Ok(profile), "{}", text);
        }
    }
}
