//! CetusGuard: lines with methods and an expression for the path, with variables.
//!
//! The program puts `^` and `$` around an expression without a group, and always allows a few requests
//! unless it is told not to (`cetusguard/rule.go`). `cetusguard.tsv` has its variables.

use super::compose::Word;
use super::dialect::Dialect;
use super::grants::{Action, Condition, Effect, Grants};
use super::paths::PathSet;
use super::variables::{self, Variable};

const VARIABLES: &str = include_str!("cetusguard.tsv");

/// The rules that the program has built in.
const BUILTIN: [&str; 6] = [
    "GET,HEAD %API_PREFIX_PING%",
    "GET,HEAD %API_PREFIX_LIBPOD_PING%",
    "GET %API_PREFIX_VERSION%",
    "GET %API_PREFIX_LIBPOD_VERSION%",
    "GET %API_PREFIX_INFO%",
    "GET %API_PREFIX_LIBPOD_INFO%",
];

/// How the names of its variables begin.
const VARIABLE: &str = "CETUSGUARD_";

/// How long an expression may become when its variables are replaced, in bytes, and how often they are:
/// variables contain others, to a depth of six.
const LONGEST: usize = 16 << 10;
const MOST_ROUNDS: usize = 10;

/// Whether a name is one of its environment variables.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(VARIABLE)
}

/// Whether every line of a text is a rule or a comment, and some rule has one of its variables.
pub(super) fn is_rules(text: &str) -> bool {
    let mut rules = text.lines().filter(|line| !is_comment(line)).peekable();
    rules.peek().is_some()
        && rules.all(|line| split(line).is_some())
        && text.contains("%API_PREFIX")
}

/// What a file of rules grants.
pub(super) fn read(text: &str) -> Grants {
    let mut grants = builtin();
    add_all(&mut grants, text, 1);
    grants
}

/// What the environment and the command of a service grant.
pub(super) fn of_service(command: &[Word], environment: &[Variable]) -> Grants {
    let words: Vec<(&str, usize)> =
        command.iter().filter_map(|(word, line)| Some((word.as_deref().ok()?, *line))).collect();
    let has_flag = |flag: &str| {
        words.iter().any(|(word, _)| word.trim_start_matches('-').split('=').next() == Some(flag))
    };
    let mut unknown = Grants::new(Action::Deny);
    let is_without = variables::value(environment, "CETUSGUARD_NO_BUILTIN_RULES", &mut unknown)
        .is_some_and(|(value, _)| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"));
    let is_without = is_without || has_flag("no-builtin-rules");
    let mut grants = if is_without { Grants::new(Action::Deny) } else { builtin() };
    grants.unread.append(&mut unknown.unread);
    let mut given: Vec<(String, usize)> = Vec::new();
    let mut rest = words.iter().peekable();
    while let Some((word, line)) = rest.next() {
        let flag = word.trim_start_matches('-');
        let (name, value) =
            flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        if !word.starts_with('-') || !matches!(name, "rules" | "rules-file") {
            continue;
        }
        let value =
            value.map(str::to_owned).or_else(|| rest.next().map(|(word, _)| (*word).to_owned()));
        match value {
            Some(rules) if name == "rules" => given.push((rules, *line)),
            file => of_file(&mut grants, &file.unwrap_or_default(), *line),
        }
    }
    // A flag replaces the variable.
    if given.is_empty()
        && let Some((rules, line)) = variables::value(environment, "CETUSGUARD_RULES", &mut grants)
    {
        given.push((rules.to_owned(), line));
    }
    if !has_flag("rules-file")
        && let Some((file, line)) =
            variables::value(environment, "CETUSGUARD_RULES_FILE", &mut grants)
    {
        let file = file.to_owned();
        of_file(&mut grants, &file, line);
    }
    given.iter().for_each(|(rules, line)| add_all(&mut grants, rules, *line));
    grants
}

fn of_file(grants: &mut Grants, file: &str, line: usize) {
    let reason = "its rules are in a file; adopt that file with --from cetusguard";
    grants.note(Some(line), file, reason, Effect::Less);
}

fn builtin() -> Grants {
    let mut grants = Grants::new(Action::Deny);
    BUILTIN.into_iter().for_each(|rule| add(&mut grants, rule, None));
    grants
}

fn add_all(grants: &mut Grants, text: &str, first: usize) {
    for (number, line) in (first..).zip(text.lines()) {
        if !is_comment(line) {
            add(grants, line, Some(number));
        }
    }
}

fn add(grants: &mut Grants, rule: &str, line: Option<usize>) {
    let Some((methods, expression)) = split(rule) else {
        return grants.note(line, rule, "not a rule: METHODS EXPRESSION", Effect::Less);
    };
    let Some(expression) = expanded(expression) else {
        return grants.note(line, rule, "its variables make it too long", Effect::Less);
    };
    match PathSet::found(&format!("^{expression}$"), Dialect::Go, false) {
        Ok(set) => {
            let condition = Condition::methods(methods.split(',')).and(Condition::Path(set));
            grants.push(Action::Allow, condition, line);
        }
        Err(error) => grants.note(line, rule, error.to_string(), Effect::Less),
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_matches([' ', '\t']);
    line.is_empty() || line.starts_with('!')
}

/// Methods and expression of a rule.
fn split(rule: &str) -> Option<(&str, &str)> {
    let (methods, expression) = rule.trim_matches([' ', '\t']).split_once([' ', '\t'])?;
    let is_method =
        |method: &str| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let expression = expression.trim_start_matches([' ', '\t']);
    (methods.split(',').all(is_method) && !expression.is_empty()).then_some((methods, expression))
}

/// The expression with its variables replaced, and those in them.
fn expanded(expression: &str) -> Option<String> {
    let mut text = expression.to_owned();
    for _ in 0..MOST_ROUNDS {
        let mut next = text.clone();
        for (name, value) in VARIABLES.lines().skip(1).filter_map(|row| row.split_once('\t')) {
            next = next.replace(&format!("%{name}%"), value);
            if next.len() > LONGEST {
                return None;
            }
        }
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_is_left_and_every_one_is_an_expression() {
        for (name, _) in VARIABLES.lines().skip(1).filter_map(|row| row.split_once('\t')) {
            let expression = expanded(&format!("%{name}%")).unwrap();
            assert!(!expression.contains("%A") && !expression.contains("%_"), "{expression}");
            assert!(
                PathSet::found(&format!("^{expression}$"), Dialect::Go, false).is_ok(),
                "{name}"
            );
        }
    }

    #[test]
    fn lines_are_rules_comments_or_unreadable() {
        let grants = read("! x\n\nGET,HEAD /a\nget /b\nGET\n\tPOST \t/c$ \nGET /(?=x)\n");
        assert_eq!(grants.rules.len(), BUILTIN.len() + 2);
        let lines: Vec<Option<usize>> = grants.unread.iter().map(|unread| unread.line).collect();
        assert_eq!(lines, [Some(4), Some(5), Some(7)]);
    }
}
