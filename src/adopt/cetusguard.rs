//! CetusGuard: lines with methods and an expression for the path, with variables.
//!
//! The program puts `^` and `$` around an expression without a group, and always allows a few requests
//! unless it is told not to (`cetusguard/rule.go`). `cetusguard.tsv` has its variables.

use super::compose::Word;
use super::dialect::Dialect;
use super::grants::{Action, Condition, Effect, Grants};
use super::paths::PathSet;
use super::variables::{self, Unknown, Value, Variable};

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

/// Its variables: for rules, for files of rules, and to be without those that are built in.
const RULES: &str = "CETUSGUARD_RULES";
const RULES_FILE: &str = "CETUSGUARD_RULES_FILE";
const WITHOUT: &str = "CETUSGUARD_NO_BUILTIN_RULES";

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
    let mut notes = Grants::new(Action::Deny);
    let given = flags(&mut notes, command);
    let is_without = match variables::value(environment, WITHOUT, &mut notes) {
        Value::Known(value, _) => is_true(value),
        Value::Unknown => true,
        Value::Missing => false,
    };
    let mut grants = if is_without || given.is_without || given.has_unread {
        Grants::new(Action::Deny)
    } else {
        builtin()
    };
    if !environment.iter().any(|variable| variable.name == WITHOUT) && !grants.rules.is_empty() {
        grants.defaults.push(WITHOUT);
    }
    grants.unread = notes.unread;
    of_variables(&mut grants, &given, environment);
    given.rules.iter().for_each(|(rules, line)| add_all(&mut grants, rules, *line));
    grants
}

/// What the flags of a command say.
#[derive(Default)]
struct Flags {
    rules: Vec<(String, usize)>,
    /// Whether there are flags for rules, and for files of rules, known or not.
    has_rules: bool,
    has_files: bool,
    is_without: bool,
    /// Whether some flag could not be read. It may be any.
    has_unread: bool,
}

/// Reads the flags of a command: `-name=value`, `--name=value` or `-name value`.
fn flags(grants: &mut Grants, command: &[Word]) -> Flags {
    let mut flags = Flags::default();
    let mut rest = command.iter();
    while let Some((word, line)) = rest.next() {
        let word = match word {
            Ok(word) => word,
            Err(unknown) => {
                grants.note(Some(*line), "command", unknown.to_string(), Effect::Less);
                flags.has_unread = true;
                continue;
            }
        };
        if !word.starts_with('-') {
            continue;
        }
        let flag = word.trim_start_matches('-');
        let (name, value) =
            flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        match name {
            "no-builtin-rules" => flags.is_without |= value.is_none_or(is_true),
            "rules" => flags.has_rules = true,
            "rules-file" => flags.has_files = true,
            _ => {}
        }
        if !matches!(name, "rules" | "rules-file") {
            continue;
        }
        let value = match value {
            Some(value) => Ok(value.to_owned()),
            None => rest.next().map_or(Err(Unknown::Elsewhere), |(value, _)| value.clone()),
        };
        match value {
            Ok(rules) if name == "rules" => flags.rules.push((rules, *line)),
            Ok(file) => of_file(grants, &file, *line),
            Err(unknown) => grants.note(Some(*line), word, unknown.to_string(), Effect::Less),
        }
    }
    flags
}

/// Adds what the variables say that no flag replaces.
fn of_variables(grants: &mut Grants, flags: &Flags, environment: &[Variable]) {
    for (name, is_replaced) in [(RULES, flags.has_rules), (RULES_FILE, flags.has_files)] {
        if is_replaced {
            continue;
        }
        let Value::Known(value, line) = variables::value(environment, name, grants) else {
            continue;
        };
        if flags.has_unread {
            let reason = "a flag that could not be read may replace it";
            grants.note(Some(line), name, reason, Effect::Less);
        } else if name == RULES {
            add_all(grants, value, line);
        } else {
            of_file(grants, value, line);
        }
    }
}

/// Whether Go's `strconv.ParseBool` takes a text for true.
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
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

    fn of(command: &[Result<&str, Unknown>], environment: &str) -> Grants {
        let words: Vec<Word> =
            command.iter().map(|word| (word.clone().map(str::to_owned), 1)).collect();
        of_service(&words, &variables::file(environment).unwrap_or_default())
    }

    #[test]
    fn builtin_rules_need_a_value_that_is_known() {
        for (environment, expected) in [
            ("A=1", BUILTIN.len()),
            ("CETUSGUARD_NO_BUILTIN_RULES=false", BUILTIN.len()),
            ("CETUSGUARD_NO_BUILTIN_RULES=true", 0),
            ("CETUSGUARD_NO_BUILTIN_RULES=${X}", 0),
            ("CETUSGUARD_NO_BUILTIN_RULES", 0),
        ] {
            assert_eq!(of(&[], environment).rules.len(), expected, "{environment}");
        }
        assert_eq!(of(&[Ok("-no-builtin-rules")], "").rules.len(), 0);
        assert_eq!(of(&[Ok("-no-builtin-rules=false")], "").rules.len(), BUILTIN.len());
    }

    #[test]
    fn a_flag_that_cannot_be_read_replaces_every_variable() {
        let environment = "CETUSGUARD_RULES='GET /a'";
        let unknown = || Err(Unknown::Refers("X".to_owned()));
        assert_eq!(of(&[], environment).rules.len(), BUILTIN.len() + 1);
        let grants = of(&[unknown()], environment);
        assert!(grants.rules.is_empty());
        assert_eq!(grants.unread.len(), 2, "{:?}", grants.unread);
        assert!(grants.unread.iter().all(|one| one.effect == Effect::Less));
        // The flag is known, and only its value is not.
        let grants = of(&[Ok("-rules"), unknown()], environment);
        assert_eq!(grants.rules.len(), BUILTIN.len());
        assert_eq!(grants.unread.len(), 1, "{:?}", grants.unread);
    }
}
