//! A line of input.

use super::Key;

/// The longest line, in characters.
const LONGEST: usize = 400;

/// A line with a cursor, where the next character is inserted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LineEdit {
    before: Vec<char>,
    /// The characters after the cursor, with the nearest one last.
    after: Vec<char>,
}

impl LineEdit {
    /// A line with this text, and the cursor at its end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let before = text.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
        Self { before, after: Vec::new() }
    }

    /// The line.
    #[must_use]
    pub fn text(&self) -> String {
        self.before.iter().chain(self.after.iter().rev()).collect()
    }

    /// The text before the cursor.
    #[must_use]
    pub fn before(&self) -> String {
        self.before.iter().collect()
    }

    /// Handles a key. Returns whether the key does anything here.
    pub fn press(&mut self, key: Key) -> bool {
        let all = self.before.len() + self.after.len();
        match key {
            Key::Char(letter) | Key::Pasted(letter) if all < LONGEST && !letter.is_control() => {
                self.before.push(letter);
            }
            Key::Backspace => drop(self.before.pop()),
            Key::Delete => drop(self.after.pop()),
            Key::Left => self.after.extend(self.before.pop()),
            Key::Right => self.before.extend(self.after.pop()),
            Key::Home => self.after.extend(self.before.drain(..).rev()),
            Key::End => self.before.extend(self.after.drain(..).rev()),
            Key::Clear => self.before.clear(),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_at_its_place() {
        let mut line = LineEdit::new("ab\u{1b}c");
        let keys = [
            Key::Left,
            Key::Left,
            Key::Char('é'),
            Key::Delete,
            Key::Home,
            Key::Char('x'),
            Key::End,
            Key::Backspace,
            Key::Char('y'),
            Key::Left,
        ];
        assert!(keys.into_iter().all(|key| line.press(key)));
        assert_eq!((line.text(), line.before()), ("xaéy".to_owned(), "xaé".to_owned()));
        assert!(!line.press(Key::Enter) && !line.press(Key::Char('\u{7}')));
        line.press(Key::Clear);
        assert_eq!(line.text(), "y");
        (0..500).for_each(|_| {
            line.press(Key::Char('z'));
        });
        assert_eq!(line.text().len(), LONGEST);
    }
}
