//! `haproxy.cfg`: the frontend with rules for requests, and where it passes them on.
//!
//! The first rule under `http-request` that allows or denies decides; if none does, HAProxy passes the
//! request on. Other rules do not change what is granted, except those that change the path.

mod condition;
mod words;

use self::condition::Known;
use self::words::words;
use super::error::AdoptError;
use super::grants::{Action, Condition, Effect, Grants};
use super::variables::Variable;

/// Actions with which HAProxy answers itself.
const DENIALS: [&str; 6] = ["deny", "reject", "tarpit", "silent-drop", "return", "redirect"];

/// Actions that change what the engine is asked for.
const CHANGES: [&str; 7] = [
    "set-path",
    "replace-path",
    "set-pathq",
    "replace-pathq",
    "set-uri",
    "replace-uri",
    "set-method",
];

/// Words that begin a section.
const SECTIONS: [&str; 12] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "peers",
    "resolvers",
    "cache",
    "program",
    "http-errors",
    "mailers",
];

/// A section.
struct Section {
    kind: String,
    name: String,
    lines: Vec<(usize, Vec<String>)>,
}

/// A line that chooses a backend.
struct Route {
    condition: Condition,
    reaches_engine: bool,
    /// Whether it is a `default_backend`, which counts after every `use_backend`.
    is_default: bool,
}

/// Whether a text is a configuration of HAProxy that filters requests.
pub(super) fn is_file(text: &str) -> bool {
    let begins = |line: &str, words: &[&str]| {
        line.split_whitespace().next().is_some_and(|first| words.contains(&first))
    };
    text.lines().any(|line| begins(line, &["frontend", "listen"]))
        && text
            .lines()
            .any(|line| begins(line, &["http-request", "use_backend", "default_backend"]))
}

/// What a configuration grants, with what is known of the program's environment.
pub(super) fn read(
    text: &str,
    wanted: Option<&str>,
    environment: &[Variable],
) -> Result<Grants, AdoptError> {
    let sections = sections(text);
    let fronts: Vec<&Section> = (sections.iter())
        .filter(|section| matches!(section.kind.as_str(), "frontend" | "listen"))
        .filter(|section| section.is_filter())
        .collect();
    let names = || fronts.iter().map(|front| front.name.clone()).collect::<Vec<_>>();
    let front = match (wanted, fronts.as_slice()) {
        (None, [one]) => one,
        (None, []) => return Err(AdoptError::Nothing),
        (None, _) => return Err(AdoptError::Several { what: "frontends", names: names() }),
        (Some(wanted), fronts) => fronts
            .iter()
            .find(|front| front.name == wanted)
            .ok_or_else(|| AdoptError::NoService { name: wanted.to_owned(), names: names() })?,
    };
    let mut grants = Grants::new(Action::Allow);
    let mut known = Known::new(environment);
    // A later line may add to an ACL that was used before, so all of them are read first.
    front.lines.iter().for_each(|(line, words)| read_acl(&mut grants, &mut known, *line, words));
    known.forget_variables();
    let mut routes = Vec::new();
    for (line, words) in &front.lines {
        read_line(&mut grants, &mut known, &mut routes, &sections, *line, words);
    }
    route(&mut grants, front, routes);
    for section in &sections {
        let filters = section.lines.iter().find(|(_, words)| is_rule(words));
        let is_other = !std::ptr::eq(section, *front)
            && matches!(section.kind.as_str(), "backend" | "defaults");
        if let Some((line, words)) = filters.filter(|_| is_other) {
            let reason = format!("rules of the {} {} are not read", section.kind, section.name);
            grants.note(Some(*line), &words.join(" "), reason.trim(), Effect::More);
        }
    }
    Ok(grants)
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words = words(line);
        let Some(first) = words.first() else { continue };
        if SECTIONS.contains(&first.as_str()) {
            let name = words.get(1).cloned().unwrap_or_default();
            sections.push(Section { kind: first.clone(), name, lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push((number, words));
        }
    }
    sections
}

fn is_rule(words: &[String]) -> bool {
    let second = words.get(1).map(String::as_str).unwrap_or_default();
    let is_verdict = second == "allow" || DENIALS.contains(&second) || CHANGES.contains(&second);
    words.first().is_some_and(|first| first == "http-request") && is_verdict
}

impl Section {
    /// Whether it decides on requests.
    fn is_filter(&self) -> bool {
        self.lines.iter().any(|(_, words)| {
            is_rule(words) || words.first().is_some_and(|first| first == "use_backend")
        })
    }

    /// The addresses of its servers.
    fn servers(&self) -> impl Iterator<Item = &str> {
        let servers = self
            .lines
            .iter()
            .filter(|(_, words)| words.first().is_some_and(|first| first == "server"));
        servers.filter_map(|(_, words)| words.get(2).map(String::as_str))
    }

    /// Whether it passes requests to an engine.
    fn reaches_engine(&self) -> bool {
        self.servers().any(is_engine)
    }
}

/// Whether an address is that of an engine, or unknown.
fn is_engine(address: &str) -> bool {
    let is_socket = address.starts_with('/') || address.starts_with("unix@");
    is_socket
        || address.starts_with('$')
        || address.ends_with(":2375")
        || address.ends_with(":2376")
}

/// Defines the ACL of a line, or the variable that it may ask for.
fn read_acl(grants: &mut Grants, known: &mut Known<'_>, line: usize, words: &[String]) {
    let word = |place: usize| words.get(place).map(String::as_str).unwrap_or_default();
    match (word(0), variable(word(1))) {
        ("acl", _) => {
            let criterion = words.get(2..).unwrap_or_default();
            let condition = known.criterion(criterion).unwrap_or_else(|reason| {
                grants.note(Some(line), &words.join(" "), reason, Effect::Less);
                Condition::Unreadable
            });
            known.define(word(1), condition, criterion);
        }
        ("http-request", Some(variable)) => known.set(variable, word(2)),
        _ => {}
    }
}

/// The variable that an action sets.
fn variable(action: &str) -> Option<&str> {
    action.strip_prefix("set-var(").and_then(|rest| rest.strip_suffix(')'))
}

fn read_line(
    grants: &mut Grants,
    known: &mut Known<'_>,
    routes: &mut Vec<Route>,
    sections: &[Section],
    line: usize,
    words: &[String],
) {
    let word = |place: usize| words.get(place).map(String::as_str).unwrap_or_default();
    let spelled = words.join(" ");
    match (word(0), word(1)) {
        ("http-request", "allow") => {
            let condition = condition(grants, known, line, words, &spelled);
            grants.push(Action::Allow, condition, Some(line));
        }
        ("http-request", denial) if DENIALS.contains(&denial) => {
            let condition = condition(grants, known, line, words, &spelled);
            grants.push(Action::Deny, condition, Some(line));
        }
        ("http-request", change) if CHANGES.contains(&change) => {
            let reason = "it changes the request after its path was looked at, so the rules here may be about \
                          another one";
            grants.note(Some(line), &spelled, reason, Effect::More);
        }
        ("tcp-request", "content") if rejects_requests(known, words) => {
            let reason = "it rejects requests before the rules that are read here";
            grants.note(Some(line), &spelled, reason, Effect::More);
        }
        ("http-request", "auth") | ("tcp-request", _) => {
            let reason = "who may connect is not part of a profile";
            grants.note(Some(line), &spelled, reason, Effect::Apart);
        }
        ("http-request", set) => {
            variable(set).into_iter().for_each(|variable| known.set(variable, word(2)));
        }
        ("use_backend", name) => {
            let condition = condition(grants, known, line, words, &spelled);
            let reaches_engine = reaches(sections, name);
            routes.push(Route { condition, reaches_engine, is_default: false });
        }
        ("default_backend", name) => {
            // The last one counts.
            routes.retain(|route| !route.is_default);
            let condition = Condition::Constant(true);
            let reaches_engine = reaches(sections, name);
            routes.push(Route { condition, reaches_engine, is_default: true });
        }
        ("block" | "reqdeny" | "reqideny" | "reqallow" | "reqiallow" | "reqpass", _) => {
            let reason = "a rule of HAProxy 1, which newer versions do not have";
            grants.note(Some(line), &spelled, reason, Effect::More);
        }
        _ => {}
    }
}

/// Whether a `tcp-request content` line rejects something of the client that may most.
fn rejects_requests(known: &Known<'_>, words: &[String]) -> bool {
    let action = words.get(2).map(String::as_str).unwrap_or_default();
    if !DENIALS.contains(&action) {
        return false;
    }
    let Some(place) = words.iter().position(|word| word == "if" || word == "unless") else {
        return true;
    };
    let (condition, _) = known.read(words.get(place + 1..).unwrap_or_default());
    let is_unless = words.get(place).is_some_and(|word| word == "unless");
    let condition = if is_unless { Condition::not(condition) } else { condition };
    condition.by_client().is_none_or(|(lower, _)| lower)
}

fn reaches(sections: &[Section], name: &str) -> bool {
    let named = |section: &&Section| {
        matches!(section.kind.as_str(), "backend" | "listen") && section.name == name
    };
    sections.iter().find(named).is_some_and(Section::reaches_engine)
}

/// The condition at the end of a line.
fn condition(
    grants: &mut Grants,
    known: &Known<'_>,
    line: usize,
    words: &[String],
    spelled: &str,
) -> Condition {
    let Some(place) = words.iter().position(|word| word == "if" || word == "unless") else {
        return Condition::Constant(true);
    };
    let (condition, reason) = known.read(words.get(place + 1..).unwrap_or_default());
    if let Some(reason) = reason {
        grants.note(Some(line), spelled, reason, Effect::Less);
    }
    if condition.asks_for_client() {
        let reason = "a profile does not know who the client is: this is read as for the client that may most";
        grants.note(Some(line), spelled, reason, Effect::Apart);
    }
    if words.get(place).is_some_and(|word| word == "unless") {
        Condition::not(condition)
    } else {
        condition
    }
}

/// Puts denials in front for requests that are passed on to something other than an engine.
fn route(grants: &mut Grants, front: &Section, mut routes: Vec<Route>) {
    // The default counts last, wherever it is in the file.
    routes.sort_by_key(|route| route.is_default);
    let mut elsewhere = Vec::new();
    let mut before: Vec<Condition> = Vec::new();
    for route in &routes {
        if !route.reaches_engine {
            let others = before.iter().cloned().map(Condition::not);
            elsewhere.push(Condition::All(others.chain([route.condition.clone()]).collect()));
        }
        before.push(route.condition.clone());
    }
    if !front.reaches_engine() {
        elsewhere.push(Condition::All(before.into_iter().map(Condition::not).collect()));
    }
    if !elsewhere.is_empty() {
        let rule = super::grants::GrantRule {
            action: Action::Deny,
            condition: Condition::Any(elsewhere),
            line: None,
        };
        grants.rules.insert(0, rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adopt::{Options, Program, adopt};
    use crate::api::EngineKind;

    /// What a frontend with these lines grants, with an engine and a backend that rejects.
    fn granted(lines: &str) -> (Vec<String>, Vec<(usize, Effect)>) {
        let text = format!(
            "frontend f\n{lines}backend reject\n http-request deny\nbackend engine\n server s unix@/s\n"
        );
        let options =
            Options { program: Some(Program::Haproxy), service: None, engine: EngineKind::Docker };
        let adopted = adopt(&text, &options).unwrap();
        let rules = adopted.granted.rules.iter().map(|one| one.rule.to_string()).collect();
        // The rules of the backend are noted as well, on its own line.
        let last = 1 + lines.lines().count();
        let notes = adopted.unread.iter().map(|one| (one.line.unwrap(), one.effect));
        (rules, notes.filter(|(line, _)| *line <= last).collect())
    }

    #[test]
    fn later_lines_add_to_an_acl_that_was_used() {
        let lines = " acl bad path_end /info\n http-request deny if bad\n acl bad path_end /version\n \
                     default_backend engine\n";
        let (rules, notes) = granted(lines);
        assert!(rules.contains(&"GET /events".to_owned()));
        for path in ["GET /info", "GET /version"] {
            assert!(!rules.contains(&path.to_owned()), "{rules:?}");
        }
        assert_eq!(notes, []);
    }

    #[test]
    fn a_variable_is_the_path_only_after_it_is_set() {
        let set = " http-request set-var(txn.p) path\n acl ok var(txn.p) -m beg /info\n";
        let allow = " http-request allow if ok\n";
        let end = " http-request deny\n default_backend engine\n";
        assert_eq!(granted(&format!("{set}{allow}{end}")).0, ["GET /info"]);
        let (rules, notes) = granted(&format!("{allow}{set}{end}"));
        assert!(rules.is_empty(), "{rules:?}");
        assert_eq!(notes, [(2, Effect::Less)]);
    }

    #[test]
    fn only_a_default_backend_counts_last() {
        let first = granted(" use_backend reject\n use_backend engine if { path /info }\n");
        assert_eq!(first.0, Vec::<String>::new());
        let second = granted(" use_backend engine if { path /info }\n use_backend reject\n");
        assert_eq!(second.0, ["GET /info"]);
        let default = granted(" default_backend reject\n use_backend engine if { path /info }\n");
        assert_eq!(default.0, ["GET /info"]);
        let two = granted(
            " use_backend engine if { path /info }\n default_backend engine\n default_backend reject\n",
        );
        assert_eq!(two.0, ["GET /info"]);
    }

    #[test]
    fn what_is_rejected_early_is_noted_unless_it_is_about_the_client() {
        let end = " http-request deny unless METH_GET\n default_backend engine\n";
        for (line, effect) in [
            ("content reject if { path_beg /x }", Effect::More),
            ("content reject if { src 10.0.0.0/8 } { path_beg /x }", Effect::More),
            ("content reject if { src 10.0.0.0/8 } || { path_beg /x }", Effect::More),
            ("content reject unless METH_GET", Effect::More),
            ("content reject if { query -m found }", Effect::More),
            ("content reject", Effect::More),
            ("content reject if { src 10.0.0.0/8 }", Effect::Apart),
            ("content reject unless { src 10.0.0.0/8 }", Effect::Apart),
            ("content reject if { src -f list }", Effect::Apart),
            ("content accept if { path_beg /x }", Effect::Apart),
            ("connection reject if { src 10.0.0.0/8 }", Effect::Apart),
        ] {
            let (_, notes) = granted(&format!(" tcp-request {line}\n{end}"));
            assert_eq!(notes, [(2, effect)], "{line}");
        }
    }
}
