//! `dsp review --plain`: one question after the other, as in `git add -p`, for screen readers and for
//! terminals that cannot move their cursor.

use std::path::Path;

use super::ask;
use super::dialogue::{End, save};
use super::guard::Unanswered;
use super::output;
use super::terminal::Terminal;
use crate::review::{Leaving, Session, Step, changed, keys, lines, message};
use crate::terminal::Key;

/// Asks until everything is answered or the person leaves.
pub(super) fn dialogue(session: &mut Session, path: &Path) -> anyhow::Result<End> {
    let mut read = Vec::new();
    loop {
        let (columns, _) = Terminal::size();
        message(session, columns).iter().for_each(|line| output::drawn(line));
        let question = lines(session, columns);
        // Do not repeat a question that was not answered: a screen reader would read it out again.
        if question != read {
            output::drawn(&(question.join("\n") + "\n"));
            read = question;
        }
        let typed = match ask::plain_line(&prompt(session)) {
            Ok(Some(typed)) => typed,
            // The end of the input means `q`: every answer has been saved.
            Ok(None) => return Ok(End::Left(Leaving::Ended)),
            Err(Unanswered::Signal(number)) => return Ok(End::Signal(number)),
            Err(error) => return Err(error.into()),
        };
        if session.is_overview()
            && let Some(row) = typed.parse::<usize>().ok().and_then(|number| number.checked_sub(1))
        {
            session.open_row(row);
            continue;
        }
        let pressed = pressed(session, &typed);
        if pressed.is_empty() {
            session.press(Key::Other);
            output::say("this is not one of the answers");
        }
        for key in pressed {
            let before = session.draft().file_text().to_owned();
            match session.press(key) {
                Step::Leave(leaving) => return Ok(End::Left(leaving)),
                Step::Save => {
                    let next = session.draft().file_text().to_owned();
                    save(session, &before, path)?;
                    if session.draft().file_text() == next {
                        output::drawn(&saved(&changed(&before, &next, columns)));
                    }
                }
                Step::Show | Step::Suspend => {}
            }
        }
    }
}

/// Shows what an answer changed in the file.
fn saved(changed: &[String]) -> String {
    format!("saved:\n{}\n", changed.join("\n"))
}

/// The possible answers, such as `k keep, d deny`, or the text to type.
fn prompt(session: &Session) -> String {
    if let Some((label, line)) = session.typed() {
        let now = line.text();
        let now = if now.is_empty() { String::new() } else { format!(" (now {now})") };
        return format!("{}{now}, or Enter to leave it", label.trim_end_matches(": "));
    }
    let keys: Vec<String> =
        keys(session).iter().map(|(key, word)| format!("{key} {word}")).collect();
    keys.join(", ")
}

/// Turns a typed line into keys: a letter or its word into one key, a text into one key for each letter.
fn pressed(session: &Session, typed: &str) -> Vec<Key> {
    if session.typed().is_some() {
        if typed.is_empty() {
            return vec![Key::Escape];
        }
        let letters = typed.chars().map(Key::Pasted);
        return [Key::End, Key::Clear].into_iter().chain(letters).chain([Key::Enter]).collect();
    }
    let keys = keys(session);
    let named = keys.iter().find(|(key, word)| typed == *key || typed.eq_ignore_ascii_case(word));
    match (named, typed.chars().next()) {
        (Some(("Enter", _)), _) | (None, None) => vec![Key::Enter],
        (Some(("Esc", _)), _) => vec![Key::Escape],
        (Some((key, _)), _) => key.chars().map(Key::Char).collect(),
        // The review says why the letter means nothing. A longer word is never reduced to its first
        // letter: `don't` is not `d`.
        (None, Some(letter)) if typed.chars().count() == 1 => vec![Key::Char(letter)],
        (None, Some(_)) => Vec::new(),
    }
}
