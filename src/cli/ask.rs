//! Questions to a person at the terminal, asked where dsp would otherwise refuse. Scripts answer each
//! question with an option. dsp asks only if stdin and stderr are terminals.

use std::fmt::Write;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use console::{Term, truncate_str};
use dialoguer::{FuzzySelect, Input, MultiSelect, Select};
use rustix::process::getpgrp;
use rustix::termios::{isatty, tcgetpgrp};

use super::guard::{self, By, Unanswered};
use super::options::Verbosity;
use super::{environment, output, stderr};
use crate::learn::Chosen;
use crate::profile::{BUILTIN, SHIPPED};
use crate::text::{guarded, printable, shown, spelled};

/// The value of an option that means all requests instead of a single one.
pub(super) const ALL: &str = "all";

/// The requests that the values of an option name.
pub(super) fn chosen(named: &[String]) -> Chosen {
    if named.is_empty() {
        Chosen::None
    } else if named.iter().any(|name| name == ALL) {
        Chosen::All
    } else {
        Chosen::Only(named.iter().cloned().collect())
    }
}

/// The width of what dialoguer prints before an item, in columns.
const MARK_COLUMNS: usize = 7;

/// What to do if the profile to write already exists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Existing {
    /// Add what is new to it.
    Update,
    /// Overwrite it.
    Replace,
    /// Write the profile to another file.
    Other(PathBuf),
    /// Do nothing.
    Stop,
}

/// Whether there is a person to ask, and `-q` was not given.
pub(super) fn is_possible(verbosity: Verbosity) -> bool {
    !verbosity.quiet && is_there()
}

/// Whether a person is at stdin and stderr.
pub(super) fn is_there() -> bool {
    // The kernel would stop a background job as soon as it reads from the terminal.
    let is_in_front = tcgetpgrp(io::stdin()).map_or(true, |front| front == getpgrp());
    isatty(io::stdin()) && isatty(io::stderr()) && is_in_front
}

/// Asks what to do about a profile that already exists. `may_update` is false if an option only makes
/// sense for a new profile, and `may_replace` is false if dsp cannot read the existing file.
pub(super) fn about_existing(
    path: &Path,
    may_update: bool,
    may_replace: bool,
) -> Result<Existing, Unanswered> {
    let answers = [
        (may_update, Existing::Update, "update it: add what is new, keep what people decided"),
        (true, Existing::Other(PathBuf::new()), "write to another file"),
        (may_replace, Existing::Replace, "replace it: what people decided in it is lost"),
        (true, Existing::Stop, "stop"),
    ];
    let answers: Vec<_> = answers.into_iter().filter(|(is_open, _, _)| *is_open).collect();
    let texts = answers.iter().map(|(_, _, text)| (*text).to_owned()).collect();
    let chosen = one_of(&format!("{} exists", shown(path)), texts, false)?;
    match chosen.and_then(|place| answers.into_iter().nth(place)) {
        Some((_, Existing::Other(_), _)) => {
            let other = line("write to", &spelled(path))?;
            let other = other.filter(|other| !other.is_empty());
            Ok(other.map_or(Existing::Stop, |other| Existing::Other(other.into())))
        }
        Some((_, existing, _)) => Ok(existing),
        None => Ok(Existing::Stop),
    }
}

/// Asks which requests to allow that the profile would otherwise leave out; none by default.
pub(super) fn which_of(what: &str, requests: &[String]) -> Result<Vec<String>, Unanswered> {
    let texts: Vec<String> = requests.iter().map(|request| printable(request)).collect();
    let places = some_of(what, texts)?;
    Ok(places.into_iter().filter_map(|place| requests.get(place).cloned()).collect())
}

/// Asks which of the profiles that are part of dsp to use.
pub(super) fn builtin() -> Result<Option<PathBuf>, Unanswered> {
    let width = SHIPPED.iter().map(|shipped| shipped.name.len()).max().unwrap_or(0);
    let texts =
        SHIPPED.iter().map(|shipped| format!("{:<width$}  {}", shipped.name, shipped.about()));
    let chosen = one_of("profile", texts.collect(), true)?;
    let chosen = chosen.and_then(|place| SHIPPED.get(place));
    let chosen = chosen.map(|shipped| format!("{BUILTIN}{}", shipped.name));
    if let Some(chosen) = &chosen {
        output::note(&format!("using the profile {chosen}; dsp profiles show prints it"));
    }
    Ok(chosen.map(Into::into))
}

/// Asks for one of several answers; `None` if the person chooses none. A long list can be searched.
fn one_of(prompt: &str, items: Vec<String>, is_long: bool) -> Result<Option<usize>, Unanswered> {
    let prompt = prompt.to_owned();
    if environment::is_dumb_terminal() {
        list(&items);
        let Some(typed) = line(&format!("{prompt} (type a number, or Enter to stop)"), "")? else {
            return Ok(None);
        };
        return Ok(numbers(&typed, items.len()).first().copied());
    }
    let items = fitted(items);
    guard::ask(By::Keys, move || {
        let chosen = if is_long {
            let select = FuzzySelect::new().with_prompt(format!("{prompt} (type to search):"));
            select.items(items).default(0).report(false).interact_opt()
        } else {
            Select::new().with_prompt(prompt).items(items).default(0).interact_opt()
        };
        Ok(chosen?)
    })
}

/// Asks for any number of several answers.
fn some_of(prompt: &str, items: Vec<String>) -> Result<Vec<usize>, Unanswered> {
    let prompt = prompt.to_owned();
    if environment::is_dumb_terminal() {
        list(&items);
        let typed = line(&format!("{prompt} (type numbers, or Enter for none)"), "")?;
        return Ok(numbers(&typed.unwrap_or_default(), items.len()));
    }
    let items = fitted(items);
    guard::ask(By::Keys, move || {
        let prompt = format!("{prompt} (Space to mark, a to mark all, Enter to continue)");
        let select = MultiSelect::new().with_prompt(prompt).items(items);
        // The command reports later what was chosen.
        Ok(select.report(false).interact_opt()?.unwrap_or_default())
    })
}

/// Asks for a line of text; `None` at the end of the input.
pub(super) fn line(prompt: &str, initial: &str) -> Result<Option<String>, Unanswered> {
    if environment::is_dumb_terminal() {
        return plain_line(prompt);
    }
    let (prompt, initial) = (printable(prompt), initial.to_owned());
    let answer = guard::ask(By::Keys, move || {
        let input = Input::<String>::new().with_prompt(prompt).allow_empty(true);
        Ok(Some(input.with_initial_text(initial).interact_text()?))
    });
    trimmed(answer)
}

/// Like [`line`], but the terminal itself edits the line.
pub(super) fn plain_line(prompt: &str) -> Result<Option<String>, Unanswered> {
    // If stderr does not work, there is no way to report that.
    let _ = stderr::say_part(&guarded(&format!("{prompt}: ")));
    trimmed(guard::ask(By::Line, || {
        let mut line = String::new();
        let length = io::stdin().lock().read_line(&mut line)?;
        Ok((length > 0).then_some(line))
    }))
}

fn trimmed(answer: Result<Option<String>, Unanswered>) -> Result<Option<String>, Unanswered> {
    if !matches!(answer, Ok(Some(_))) {
        // So that the next output begins on a new line.
        output::say("");
    }
    Ok(answer?.map(|line| line.trim().to_owned()))
}

/// Prints answers with their numbers.
fn list(items: &[String]) {
    let mut text = String::new();
    for (item, number) in items.iter().zip(1..) {
        let _ = writeln!(text, "{number:>3}  {item}");
    }
    output::say(text.trim_end());
}

/// Parses the numbers of items, which start at 1, into indices.
fn numbers(typed: &str, all: usize) -> Vec<usize> {
    let words = typed.split([' ', ',']).filter_map(|word| word.parse::<usize>().ok());
    words.filter_map(|number| number.checked_sub(1)).filter(|place| *place < all).collect()
}

/// Cuts items to one line each, because dialoguer clears as many lines as there are items.
fn fitted(items: Vec<String>) -> Vec<String> {
    let columns = usize::from(Term::stderr().size().1).saturating_sub(MARK_COLUMNS + 1);
    let fitted = |item: String| truncate_str(&item, columns, "...").into_owned();
    items.into_iter().map(fitted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places_and_what_is_none_is_left_out() {
        assert_eq!(numbers("1, 3 2", 3), [0, 2, 1]);
        assert_eq!(numbers("0 4 x -1 99999999999999999999 2", 3), [1]);
        assert_eq!(numbers("", 3), Vec::<usize>::new());
    }
}
