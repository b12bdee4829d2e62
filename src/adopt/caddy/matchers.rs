//! Matchers of a Caddyfile: paths, named matchers, and what they test.

use std::collections::HashMap;

use super::super::dialect::Dialect;
use super::super::grants::Condition;
use super::super::paths::{PathSet, escaped};
use super::blocks::Directive;

/// The named matchers of a site.
pub(super) type Named = HashMap<String, Condition>;

/// Why a matcher cannot be read, with its line and its text.
pub(super) type Reason = (usize, String, String);

/// Matchers that are about the client or the connection.
const CLIENTS: [&str; 8] =
    ["remote_ip", "client_ip", "remote_host", "host", "header", "header_regexp", "protocol", "tls"];

/// The named matchers among the directives of a site.
pub(super) fn named(block: &[Directive], reasons: &mut Vec<Reason>) -> Named {
    let mut named = Named::new();
    for directive in block.iter().filter(|one| one.word(0).starts_with('@')) {
        let condition = if directive.has_block && directive.words.len() == 1 {
            set(&directive.block, reasons)
        } else {
            let inside = Directive {
                words: directive.words.get(1..).unwrap_or_default().to_vec(),
                ..directive.clone()
            };
            set(std::slice::from_ref(&inside), reasons)
        };
        named.insert(directive.word(0).to_owned(), condition);
    }
    named
}

/// The matchers of a block: all of them have to hold, but one of several of a kind is enough.
fn set(lines: &[Directive], reasons: &mut Vec<Reason>) -> Condition {
    let mut kinds: Vec<(&str, Vec<Condition>)> = Vec::new();
    let mut all = Vec::new();
    for line in lines {
        let condition = one(line, reasons);
        let kind = line.word(0);
        if kind == "not" {
            all.push(condition);
            continue;
        }
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, conditions)) => conditions.push(condition),
            None => kinds.push((kind, vec![condition])),
        }
    }
    all.extend(kinds.into_iter().map(|(_, conditions)| Condition::Any(conditions)));
    Condition::All(all)
}

fn one(line: &Directive, reasons: &mut Vec<Reason>) -> Condition {
    let values = || line.words.iter().skip(1).map(String::as_str);
    let mut unreadable = |why: String| {
        reasons.push((line.line, line.spelled(), why));
        Condition::Unreadable
    };
    match line.word(0) {
        "method" => Condition::methods(values().collect::<Vec<_>>()),
        "path" => Condition::Any(
            values().map(|value| path(value).unwrap_or_else(&mut unreadable)).collect(),
        ),
        "path_regexp" => {
            // A name may precede the expression.
            let expression = line.words.get(1..).and_then(<[String]>::last);
            let expression = expression.map(String::as_str).unwrap_or_default();
            match PathSet::found(expression, Dialect::Go, false) {
                Ok(set) => Condition::Path(set),
                Err(error) => unreadable(error.to_string()),
            }
        }
        "not" if line.has_block && line.words.len() == 1 => {
            Condition::not(set(&line.block, reasons))
        }
        "not" => {
            let inside = Directive {
                words: line.words.get(1..).unwrap_or_default().to_vec(),
                ..line.clone()
            };
            Condition::not(one(&inside, reasons))
        }
        client if CLIENTS.contains(&client) => Condition::Client,
        other => unreadable(format!("dsp does not evaluate the matcher {other}")),
    }
}

/// The paths of a path matcher, which ignores case. A star at the end or at the beginning matches
/// anything; elsewhere it stays within a segment.
pub(super) fn path(pattern: &str) -> Result<Condition, String> {
    if pattern.contains(['%', '[', '{']) {
        return Err("a path with escapes, classes or placeholders".to_owned());
    }
    let stars = pattern.matches('*').count();
    let expression = match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        _ if pattern == "*" => ".*".to_owned(),
        (Some(inside), Some(_)) if stars == 2 => {
            format!(".*{}.*", escaped(inside.strip_suffix('*').unwrap_or_default()))
        }
        (None, Some(beginning)) if stars == 1 => escaped(beginning) + ".*",
        (Some(end), None) if stars == 1 => format!(".*{}", escaped(end)),
        _ => {
            let parts = pattern
                .split('*')
                .map(|part| part.split('?').map(escaped).collect::<Vec<_>>().join("[^/]"));
            parts.collect::<Vec<_>>().join("[^/]*")
        }
    };
    PathSet::own_in_any_case(&expression).map(Condition::Path).map_err(|error| error.to_string())
}

/// The condition of a directive, and the place of its first argument.
pub(super) fn of(
    directive: &Directive,
    named: &Named,
    reasons: &mut Vec<Reason>,
) -> (Condition, usize) {
    let word = directive.word(1);
    let unreadable = |why: &str| (directive.line, directive.spelled(), why.to_owned());
    match word.chars().next() {
        Some('*') if word == "*" => (Condition::Constant(true), 2),
        Some('/') => match path(word) {
            Ok(condition) => (condition, 2),
            Err(why) => {
                reasons.push(unreadable(&why));
                (Condition::Unreadable, 2)
            }
        },
        Some('@') => match named.get(word) {
            Some(condition) => (condition.clone(), 2),
            None => {
                reasons.push(unreadable("its matcher is not defined in this site"));
                (Condition::Unreadable, 2)
            }
        },
        _ => (Condition::Constant(true), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_as_in_caddy() {
        for (pattern, expected, path) in [
            ("/containers/*", true, "/containers/a/b"),
            ("/containers/*", false, "/containers"),
            ("/containers*", true, "/containersx"),
            ("*/json", true, "/containers/a/json"),
            ("/containers/*/json", true, "/Containers/a/JSON"),
            ("/containers/*/json", false, "/containers/a/b/json"),
            ("*/a/*", true, "/x/a/y"),
            ("/v1.4?/info", true, "/v1.41/info"),
            ("/a", false, "/a/"),
        ] {
            let Ok(Condition::Path(set)) = super::path(pattern) else { panic!("{pattern}") };
            assert_eq!(set.contains(path), expected, "{pattern} {path}");
        }
    }
}
