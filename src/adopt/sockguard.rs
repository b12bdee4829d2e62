//! sockguard's YAML: rules with methods and a glob for the path, of which the first that matches
//! decides.
//!
//! Paths are cleaned, and their version is removed (`app/internal/filter/rules.go`). What the program
//! reads of bodies and takes out of answers is not taken over.

use super::error::AdoptError;
use super::grants::{Action, Condition, Effect, Grants};
use super::paths::{ExpressionError, PathSet, escaped};
use crate::yaml::{Node, Placed};

/// Whether a file is one of sockguard's.
pub(super) fn is_file(file: &Node) -> bool {
    let has_rules = |node: &Node| {
        let first = node.get("rules").and_then(|rules| rules.node.items().first());
        first.is_some_and(|rule| rule.node.get("match").is_some())
    };
    has_rules(file) || profiles(file).iter().any(|profile| has_rules(&profile.node))
}

fn profiles(file: &Node) -> &[Placed] {
    let clients = file.get("clients").map(|clients| &clients.node);
    let profiles = clients.and_then(|clients| clients.get("profiles"));
    profiles.map(|profiles| profiles.node.items()).unwrap_or_default()
}

fn name(profile: &Placed) -> &str {
    profile.node.get("name").and_then(|name| name.node.text()).unwrap_or_default()
}

/// What the rules of a file grant, or those of one of its profiles.
pub(super) fn read(file: &Node, profile: Option<&str>) -> Result<Grants, AdoptError> {
    let all = profiles(file);
    let names = || all.iter().map(name).map(str::to_owned).collect::<Vec<_>>();
    let chosen = match profile {
        None if file.get("rules").is_some() => file,
        None => match all {
            [one] => &one.node,
            _ => return Err(AdoptError::Several { what: "profiles", names: names() }),
        },
        Some(wanted) => match all.iter().find(|profile| name(profile) == wanted) {
            Some(profile) => &profile.node,
            None => {
                return Err(AdoptError::NoService { name: wanted.to_owned(), names: names() });
            }
        },
    };
    let mut grants = Grants::new(Action::Deny);
    grants.sees_version = false;
    let rules = chosen.get("rules").map(|rules| rules.node.items()).unwrap_or_default();
    rules.iter().for_each(|rule| add(&mut grants, rule));
    let line = |key: &str| chosen.get(key).or_else(|| file.get(key)).map(|placed| placed.line);
    grants.note_about_writes(
        line("request_body"),
        "request_body",
        "sockguard limits what requests contain, and the rules here do not",
    );
    let reason = "sockguard hides parts of answers, and the rules here do not";
    grants.note(line("response"), "response", reason, Effect::More);
    if profile.is_none() && !all.is_empty() {
        let text = names().join(", ");
        let reason = "the profiles of clients have rules of their own; choose one with --service";
        grants.note(all.first().map(|one| one.line), &text, reason, Effect::Apart);
    }
    Ok(grants)
}

fn add(grants: &mut Grants, rule: &Placed) {
    let text = |key: &str| rule.node.get(key).and_then(|value| value.node.text());
    let of_match = |key: &str| {
        let found = rule.node.get("match")?.node.get(key)?;
        found.node.text().map(str::to_owned)
    };
    let line = Some(rule.line);
    let (Some(path), Some(methods)) = (of_match("path"), of_match("method")) else {
        let reason = "a rule without the usual match, with a method and a path";
        return grants.note(
            line,
            &format!("rule {}", text("action").unwrap_or("?")),
            reason,
            Effect::Less,
        );
    };
    let spelled = format!("{methods} {path}");
    let action = match text("action") {
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        _ => return grants.note(line, &spelled, "neither allow nor deny", Effect::Less),
    };
    let condition = match paths(&path) {
        Ok(set) => Condition::Path(set),
        Err(error) => {
            grants.note(line, &spelled, error.to_string(), Effect::Less);
            Condition::Unreadable
        }
    };
    let methods: Vec<String> =
        methods.split(',').map(|method| method.trim().to_ascii_uppercase()).collect();
    let condition = if methods.iter().any(|method| method == "*") {
        condition
    } else {
        Condition::methods(methods.iter().map(String::as_str)).and(condition)
    };
    grants.push(action, condition, line);
}

/// The paths of a glob: `*` is within a segment, `**` is anything, and `/**` may be missing altogether.
fn paths(glob: &str) -> Result<PathSet, ExpressionError> {
    let mut expression = String::new();
    let mut rest = glob;
    while let Some(at) = rest.find('*') {
        let (before, stars) = rest.split_at(at);
        if let Some(after) = stars.strip_prefix("**") {
            match before.strip_suffix('/') {
                Some(before) => {
                    expression += &escaped(before);
                    expression += "(?:/.*)?";
                }
                None => {
                    expression += &escaped(before);
                    expression += ".*";
                }
            }
            rest = after;
        } else {
            expression += &escaped(before);
            expression += "[^/]*";
            rest = stars.strip_prefix('*').unwrap_or_default();
        }
    }
    expression += &escaped(rest);
    PathSet::own(&expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_as_in_sockguard() {
        for (glob, path, expected) in [
            ("/_ping", "/_ping", true),
            ("/containers/**", "/containers", true),
            ("/containers/**", "/containers/a/json", true),
            ("/containers/**", "/containersx", false),
            ("/containers/*/json", "/containers/a/json", true),
            ("/containers/*/json", "/containers/a/b/json", false),
            ("/images/**/json", "/images/json", true),
            ("/images/**/json", "/images/a/b/json", true),
            ("/a**", "/ab/c", true),
            ("/**", "/", true),
        ] {
            assert_eq!(paths(glob).unwrap().contains(path), expected, "{glob} {path}");
        }
    }
}
