//! wollomatic's socket-proxy: an expression for each method, as a flag, a variable or a label.
//!
//! The program puts `^` and `$` around an expression without a group, so `a|b` has one anchor on each
//! side. Flags replace the variables for their method (`internal/config/config.go`).

use super::compose::Word;
use super::dialect::Dialect;
use super::grants::{Action, Condition, Effect, Grants};
use super::paths::PathSet;
use super::variables::{Unknown, Variable};

/// How the names of its variables and of the flags begin.
const VARIABLE: &str = "SP_ALLOW_";
const FLAG: &str = "allow";

/// What comes before `allow.` in the names of its labels, unless a flag says otherwise.
const LABELS: &str = "socket-proxy";

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "OPTIONS"];

/// Whether a name is one of its variables.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(VARIABLE)
}

/// Whether a word is one of its flags for a method.
pub(super) fn is_flag(word: &str) -> bool {
    flag(word).is_some_and(|(name, _)| method_of_flag(name).is_some())
}

/// Whether a label is one of a container's own list.
pub(super) fn is_label(name: &str) -> bool {
    name.contains(".allow.") && method_of_label(name).is_some()
}

/// An option with the value that belongs to it.
struct Setting {
    name: String,
    value: Result<String, Unknown>,
    line: usize,
}

/// What flags and variables grant.
pub(super) fn read(command: &[Word], environment: &[Variable]) -> Grants {
    let mut grants = Grants::new(Action::Deny);
    let Command { flags, has_unread } = options(&mut grants, command);
    for method in METHODS {
        let mut of_flags: Vec<(&Result<String, Unknown>, usize)> = (flags.iter())
            .filter(|flag| method_of_flag(&flag.name) == Some(method))
            .map(|flag| (&flag.value, flag.line))
            .collect();
        if of_flags.is_empty() {
            let variables =
                environment.iter().filter(|one| method_of_variable(&one.name) == Some(method));
            for variable in variables {
                if has_unread {
                    let reason = "a flag that could not be read may replace it";
                    grants.note(Some(variable.line), &variable.name, reason, Effect::Less);
                } else {
                    of_flags.push((&variable.value, variable.line));
                }
            }
        }
        of_flags.into_iter().for_each(|(value, line)| add(&mut grants, method, value, line));
    }
    let setting = |flag: &str, variable: &str| {
        let flag = flags.iter().rfind(|one| one.name == flag);
        let variable = environment.iter().rfind(|one| one.name == variable);
        let of_flag = flag.map(|one| (one.value.clone(), one.line));
        of_flag.or_else(|| variable.map(|one| (one.value.clone(), one.line)))
    };
    if let Some((value, line)) = setting("allowbindmountfrom", "SP_ALLOWBINDMOUNTFROM") {
        mounts(&mut grants, value, line);
    }
    if let Some((value, line)) = setting("allowfrom", "SP_ALLOWFROM") {
        let text = format!("allowfrom {}", value.unwrap_or_default());
        grants.note(Some(line), &text, "who may connect is not part of a profile", Effect::Apart);
    }
    grants
}

/// What the labels of a container grant that container.
pub(super) fn of_labels(labels: &[Variable]) -> Grants {
    let mut grants = Grants::new(Action::Deny);
    for label in labels.iter().filter(|label| label.name.contains(".allow.")) {
        if let Some(method) = method_of_label(&label.name) {
            add(&mut grants, method, &label.value, label.line);
        } else if label.name.to_ascii_lowercase().ends_with(".allow.bindmountfrom") {
            mounts(&mut grants, label.value.clone(), label.line);
        } else if label.name.starts_with(LABELS) {
            let reason = "no label of the program has this name";
            grants.note(Some(label.line), &label.name, reason, Effect::Apart);
        }
    }
    grants
}

fn add(grants: &mut Grants, method: &str, value: &Result<String, Unknown>, line: usize) {
    let value = match value {
        Ok(value) if value.is_empty() => return,
        Ok(value) => value,
        Err(unknown) => {
            return grants.note(Some(line), method, unknown.to_string(), Effect::Less);
        }
    };
    match PathSet::found(&format!("^{value}$"), Dialect::Go, false) {
        Ok(set) => {
            let condition = Condition::methods([method]).and(Condition::Path(set));
            grants.push(Action::Allow, condition, Some(line));
        }
        Err(error) => {
            let text = format!("{method} {value}");
            grants.note(Some(line), &text, error.to_string(), Effect::Less);
        }
    }
}

fn mounts(grants: &mut Grants, value: Result<String, Unknown>, line: usize) {
    let text = format!("allowbindmountfrom {}", value.unwrap_or_default());
    let reason = "it limits which folders of the host requests may mount, and the rules here allow any; \
                  dsp generate writes such limits from a recording";
    grants.note_about_writes(Some(line), &text, reason);
}

/// What is known of a command.
struct Command {
    flags: Vec<Setting>,
    /// Whether some flag could not be read. It may be any.
    has_unread: bool,
}

/// The options of a command: `-name=value`, `--name=value` or `-name value`. A word that is not known is
/// noted.
fn options(grants: &mut Grants, command: &[Word]) -> Command {
    let mut options = Vec::new();
    let mut has_unread = false;
    let mut words = command.iter();
    while let Some((word, line)) = words.next() {
        let word = match word {
            Ok(word) => word,
            Err(unknown) => {
                grants.note(Some(*line), "command", unknown.to_string(), Effect::Less);
                has_unread = true;
                continue;
            }
        };
        let Some((name, value)) = flag(word) else { continue };
        let value = match value {
            Some(value) => Ok(value.to_owned()),
            None if name.starts_with(FLAG) && name != "allowhealthcheck" => {
                words.next().map_or(Err(Unknown::Elsewhere), |(value, _)| value.clone())
            }
            None => Ok(String::new()),
        };
        options.push(Setting { name: name.to_owned(), value, line: *line });
    }
    Command { flags: options, has_unread }
}

/// Name and value of a flag.
fn flag(word: &str) -> Option<(&str, Option<&str>)> {
    let word = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    Some(match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    })
}

fn method_of_flag(name: &str) -> Option<&'static str> {
    known(name.strip_prefix(FLAG)?)
}

fn method_of_variable(name: &str) -> Option<&'static str> {
    known(name.strip_prefix(VARIABLE)?.split('_').next()?)
}

fn method_of_label(name: &str) -> Option<&'static str> {
    let (_, of) = name.split_once(".allow.")?;
    known(&of.split('.').next()?.to_ascii_uppercase())
}

fn known(method: &str) -> Option<&'static str> {
    METHODS.into_iter().find(|known| *known == method)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adopt::variables;

    #[test]
    fn a_flag_that_cannot_be_read_replaces_every_variable() {
        let environment = variables::file("SP_ALLOW_GET=/info\nSP_ALLOW_POST=/build").unwrap();
        let of = |command: &[Result<&str, Unknown>]| {
            let words: Vec<Word> =
                command.iter().map(|word| (word.clone().map(str::to_owned), 7)).collect();
            let grants = read(&words, &environment);
            assert!(grants.unread.iter().all(|one| one.effect == Effect::Less));
            let lines = grants.unread.iter().filter_map(|one| one.line);
            (grants.rules.len(), lines.collect::<Vec<_>>())
        };
        let unknown = || Err(Unknown::Refers("PATTERN".to_owned()));
        assert_eq!(of(&[]), (2, vec![]));
        assert_eq!(of(&[unknown()]), (0, vec![7, 1, 2]));
        // What is known still grants.
        assert_eq!(of(&[unknown(), Ok("-allowGET=/version")]), (1, vec![7, 2]));
        // The flag is known, and only its value is not.
        assert_eq!(of(&[Ok("-allowGET"), unknown()]), (1, vec![7]));
    }
}
