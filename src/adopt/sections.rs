//! Tecnativa's docker-socket-proxy and that of LinuxServer, which are configured by variables: one for
//! each section of the API.
//!
//! `sections.tsv` has what the variables do, in the order in which the `haproxy.cfg` of each program
//! tests them: `allow` if the variable is on, `deny` if it is off, and `writes`, which denies everything
//! but GET and HEAD unless it is on.

use super::dialect::Dialect;
use super::grants::{Action, Condition, Effect, Grants};
use super::paths::{ExpressionError, PathSet};
use super::program::Program;
use super::variables::{self, Value, Variable};
use crate::text::nearest;

const SECTIONS: &str = include_str!("sections.tsv");

/// What the expressions of both programs begin with: an API version, or none.
const VERSION: &str = r"^(/v[\d\.]+)?";

/// What both programs take for a name.
const NAME: &str = "[a-zA-Z0-9_.-]+";

/// A row of the table.
struct Section {
    action: &'static str,
    variable: &'static str,
    /// Whether the image of the program turns it on.
    default: bool,
    paths: &'static str,
}

/// Whether a name is a variable of one of the programs.
pub(super) fn is_variable(name: &str) -> bool {
    [Program::Tecnativa, Program::Linuxserver]
        .into_iter()
        .any(|program| of(program).any(|section| section.variable == name))
}

fn of(program: Program) -> impl Iterator<Item = Section> {
    let rows = SECTIONS.lines().skip(1).filter_map(|row| {
        let mut cells = row.split('\t');
        let program = cells.next()?;
        let (action, variable) = (cells.next()?, cells.next()?);
        let (default, paths) = (cells.next()? == "1", cells.next()?);
        Some((program, Section { action, variable, default, paths }))
    });
    rows.filter(move |(of, _)| *of == program.as_str()).map(|(_, section)| section)
}

/// What the variables grant.
pub(super) fn read(program: Program, given: &[Variable]) -> Result<Grants, ExpressionError> {
    let mut grants = Grants::new(Action::Deny);
    for section in of(program) {
        let (is_on, line) = match variables::value(given, section.variable, &mut grants) {
            Value::Known(value, line) => (is_on(value), Some(line)),
            // To be off grants less, whatever the variable does.
            Value::Unknown => (false, None),
            Value::Missing => {
                if section.default {
                    grants.defaults.push(section.variable);
                }
                (section.default, None)
            }
        };
        let condition = match section.action {
            "writes" if is_on => continue,
            "writes" => Condition::not(Condition::methods(["GET", "HEAD"])),
            "allow" if !is_on => continue,
            "deny" if is_on => continue,
            _ => Condition::Path(paths(section.paths)?),
        };
        let action = if section.action == "allow" { Action::Allow } else { Action::Deny };
        grants.push(action, condition, line);
    }
    grants.unread.dedup();
    notes(program, given, &mut grants);
    Ok(grants)
}

fn paths(written: &str) -> Result<PathSet, ExpressionError> {
    let expression = format!("{VERSION}{}", written.replace('*', NAME));
    PathSet::found(&expression, Dialect::Pcre, true)
}

/// Whether HAProxy takes a value for true: a number other than 0 at its beginning.
fn is_on(value: &str) -> bool {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let digits = digits.bytes().take_while(u8::is_ascii_digit);
    digits.into_iter().any(|digit| digit != b'0')
}

/// Notes values that do not mean what they seem to mean, and names that are probably misspelled.
fn notes(program: Program, given: &[Variable], grants: &mut Grants) {
    let known: Vec<&str> = of(program).map(|section| section.variable).collect();
    for variable in given {
        let Ok(value) = &variable.value else { continue };
        let text = format!("{}={value}", variable.name);
        if known.contains(&variable.name.as_str()) {
            let is_word = matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on");
            if is_word {
                let reason = "HAProxy reads a number here, so this is off";
                grants.note(Some(variable.line), &text, reason, Effect::Apart);
            }
        } else if matches!(value.as_str(), "0" | "1")
            && let Some(meant) = nearest(&variable.name, known.iter().copied())
        {
            let reason = format!("there is no such variable; did you mean {meant}?");
            grants.note(Some(variable.line), &text, reason, Effect::Apart);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_number_at_its_beginning() {
        for on in ["1", "2", "-1", "01", "1 ", "1x"] {
            assert!(is_on(on), "{on}");
        }
        for off in ["0", "", "true", "TRUE", "yes", "on", " 1", "x", "00"] {
            assert!(!is_on(off), "{off}");
        }
    }

    #[test]
    fn an_unknown_value_grants_nothing() {
        for program in [Program::Tecnativa, Program::Linuxserver] {
            let granted = |value: &str| {
                let set = |section: Section| format!("{}{value}\n", section.variable);
                let variables = variables::file(&of(program).map(set).collect::<String>()).unwrap();
                read(program, &variables).unwrap()
            };
            let (unknown, off) = (granted("=${X}"), granted("=0"));
            let verdicts = |grants: &Grants| {
                grants.rules.iter().map(|rule| format!("{:?}", rule.action)).collect::<Vec<_>>()
            };
            assert_eq!(verdicts(&unknown), verdicts(&off));
            assert!(!unknown.rules.iter().any(|rule| rule.action == Action::Allow));
            assert!(!unknown.unread.is_empty() && unknown.defaults.is_empty());
            assert!(unknown.unread.iter().all(|one| one.effect == Effect::Less));
            let default = read(program, &[]).unwrap();
            assert!(default.defaults.contains(&"EVENTS"), "{:?}", default.defaults);
        }
    }

    #[test]
    fn every_row_is_read() {
        let rows = SECTIONS.lines().skip(1).count();
        let read = [Program::Tecnativa, Program::Linuxserver].map(|program| of(program).count());
        assert_eq!(read.iter().sum::<usize>(), rows);
        for program in [Program::Tecnativa, Program::Linuxserver] {
            for section in of(program) {
                assert!(["allow", "deny", "writes"].contains(&section.action));
                assert!(section.paths.is_empty() || paths(section.paths).is_ok());
            }
        }
    }
}
