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

/// Adds a rule. What of it cannot be read grants nothing: an allow rule does not apply then, and any
/// other one denies what its readable half is about.
fn add(grants: &mut Grants, rule: &Placed) {
    let text = |node: &Node, key: &str| {
        node.get(key).and_then(|value| value.node.text()).map(str::to_owned)
    };
    let empty = Node::Null;
    let wanted = rule.node.get("match").map_or(&empty, |wanted| &wanted.node);
    let (method, path) = (text(wanted, "method"), text(wanted, "path"));
    let line = Some(rule.line);
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let spelled = format!("{} {}", shown(&method), shown(&path));
    let mut unreadable = |reason: &str| {
        grants.note(line, &spelled, reason, Effect::Less);
        Condition::Unreadable
    };
    let mut parts = Vec::new();
    parts.push(match method.as_deref().map(methods) {
        Some(Some(condition)) => condition,
        Some(None) => unreadable("its method is not a list of methods with commas, nor *"),
        None => unreadable("its match has no text as the method"),
    });
    parts.push(match path.as_deref().map(paths) {
        Some(Ok(set)) => Condition::Path(set),
        Some(Err(error)) => unreadable(&error.to_string()),
        None => unreadable("its match has no text as the path"),
    });
    for (key, _) in wanted.entries() {
        if !matches!(key.as_str(), "method" | "path") {
            parts.push(unreadable(&format!("dsp does not know the key {key} of its match")));
        }
    }
    let action = match text(&rule.node, "action").as_deref() {
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        _ => {
            unreadable("its action is neither allow nor deny, so it is read as deny");
            Action::Deny
        }
    };
    grants.push(action, Condition::All(parts), line);
}

/// The methods of a rule; `None` if the text is something else.
fn methods(text: &str) -> Option<Condition> {
    let methods: Vec<String> =
        text.split(',').map(|method| method.trim().to_ascii_uppercase()).collect();
    if methods.iter().any(|method| method == "*") {
        return Some(Condition::Constant(true));
    }
    let is_method = |method: &String| {
        !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    methods.iter().all(is_method).then(|| Condition::methods(methods.iter().map(String::as_str)))
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
    use crate::adopt::{Options, Program, adopt};
    use crate::api::EngineKind;

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
    /// Whether a file with these rules before one that allows everything grants an operation, and how
    /// many notes say that the profile grants less.
    fn grants(rules: &str, operation: &str) -> (bool, usize) {
        let text =
            format!("rules:\n{rules}  - match: {{method: '*', path: '/**'}}\n    action: allow\n");
        granted(&text, operation)
    }

    fn granted(text: &str, operation: &str) -> (bool, usize) {
        let options = Options {
            program: Some(Program::Sockguard),
            service: None,
            engine: EngineKind::Docker,
        };
        let adopted = adopt(text, &options).unwrap();
        let mut rules = adopted.granted.rules.iter().map(|one| one.rule.to_string());
        let is_granted = rules.any(|rule| rule == operation);
        let less = adopted.unread.iter().filter(|one| one.effect == Effect::Less);
        (is_granted, less.count())
    }

    #[test]
    fn a_denial_that_cannot_be_read_denies_what_it_may_be_about() {
        let create = "POST /containers/create";
        for (rule, create_is_granted) in [
            ("  - match: {method: POST, path: /images/create}\n    action: deny\n", true),
            ("  - match: {method: [POST], path: /containers/create}\n    action: deny\n", false),
            ("  - match: {path: /containers/create}\n    action: deny\n", false),
            ("  - match: {method: POST}\n    action: deny\n", false),
            ("  - match: {method: POST, path: [/containers/create]}\n    action: deny\n", false),
            ("  - match: {method: GET|POST, path: /containers/create}\n    action: deny\n", false),
            ("  - match: {method: POST, path: '/**'}\n    action: forbid\n", false),
            ("  - match: {method: POST, path: '/**'}\n", false),
            ("  - match: {method: POST, path: '/**', user: x}\n    action: deny\n", false),
            // The readable half is about something else.
            ("  - match: {path: /images/create}\n    action: deny\n", true),
            ("  - match: {method: GET}\n    action: deny\n", true),
        ] {
            let (is_granted, unread) = grants(rule, create);
            assert_eq!(is_granted, create_is_granted, "{rule}");
            assert_eq!(unread == 0, rule.contains("{method: POST, path: /images"), "{rule}");
        }
        // A rule without a match denies everything after it.
        let text = "rules:\n  - match: {method: GET, path: /info}\n    action: allow\n  - action: deny\n  \
                    - match: {method: GET, path: /version}\n    action: allow\n";
        assert!(granted(text, "GET /info").0);
        assert!(!granted(text, "GET /version").0);
    }

    #[test]
    fn a_further_condition_does_not_make_a_rule_wider() {
        let text = "rules:\n  - match: {method: GET, path: /info, user: x}\n    action: allow\n  \
                    - match: {method: GET, path: /version}\n    action: allow\n";
        assert_eq!(granted(text, "GET /info"), (false, 1));
        assert_eq!(granted(text, "GET /version"), (true, 1));
    }
}
