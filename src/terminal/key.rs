//! Keys, and the bytes that terminals send for them.

/// A key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// A character.
    Char(char),
    /// A character of pasted text, which is not an answer to anything.
    Pasted(char),
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// The key that deletes the previous character.
    Backspace,
    /// The key that deletes the next character.
    Delete,
    /// The left arrow.
    Left,
    /// The right arrow.
    Right,
    /// The up arrow.
    Up,
    /// The down arrow.
    Down,
    /// Moves to the beginning.
    Home,
    /// Moves to the end.
    End,
    /// Moves one screen up.
    PageUp,
    /// Moves one screen down.
    PageDown,
    /// Ctrl-U, which clears the text before the cursor.
    Clear,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
    /// Anything else.
    Other,
}

/// Reads keys from the bytes that a terminal sends.
#[derive(Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    /// Whether the terminal has reported the beginning of a paste, but not its end yet.
    is_pasting: bool,
}

/// What a terminal sends around pasted text in bracketed paste mode.
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

impl Keys {
    /// Adds bytes to read keys from.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Whether there are bytes that could be the beginning of a longer key.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next complete key. If `at_rest` is set, nothing has followed for a while, so an escape byte
    /// is the Escape key.
    pub fn next(&mut self, at_rest: bool) -> Option<Key> {
        loop {
            let border = if self.is_pasting { PASTE_ENDS } else { PASTE_BEGINS };
            if !self.bytes.starts_with(border) {
                break;
            }
            self.bytes.drain(..border.len());
            self.is_pasting = !self.is_pasting;
        }
        let key = self.next_key(at_rest)?;
        Some(if self.is_pasting { pasted(key) } else { key })
    }

    fn next_key(&mut self, at_rest: bool) -> Option<Key> {
        let (key, length) = match read(&self.bytes) {
            Some(read) => read,
            None if at_rest && !self.bytes.is_empty() => match self.bytes.as_slice() {
                [0x1b] => (Key::Escape, 1),
                _ => (Key::Other, self.bytes.len()),
            },
            None => return None,
        };
        self.bytes.drain(..length);
        Some(key)
    }
}

/// A key in pasted text. The lines of the text are joined into one, and Ctrl-C interrupts even a paste
/// that never ends.
fn pasted(key: Key) -> Key {
    match key {
        Key::Char(letter) => Key::Pasted(letter),
        Key::Enter => Key::Pasted(' '),
        Key::Interrupt => Key::Interrupt,
        _ => Key::Other,
    }
}

/// The first key and how many bytes it takes; `None` if it is incomplete.
fn read(bytes: &[u8]) -> Option<(Key, usize)> {
    let (first, rest) = bytes.split_first()?;
    let key = match first {
        b'\r' | b'\n' => Key::Enter,
        0x7f | 0x08 => Key::Backspace,
        0x01 => Key::Home,
        0x03 => Key::Interrupt,
        0x05 => Key::End,
        0x15 => Key::Clear,
        0x1a => Key::Suspend,
        0x1b => return sequence(rest).map(|(key, length)| (key, length + 1)),
        0..=0x1f => Key::Other,
        _ => return character(bytes),
    };
    Some((key, 1))
}

/// Reads what follows an escape byte.
fn sequence(bytes: &[u8]) -> Option<(Key, usize)> {
    let (first, rest) = bytes.split_first()?;
    match first {
        b'O' => Some((named(*rest.first()?), 2)),
        b'[' => {
            let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
            let parameters = rest.get(..end)?;
            let key = match (rest.get(end)?, parameters) {
                (b'~', [b'1' | b'7']) => Key::Home,
                (b'~', b"3") => Key::Delete,
                (b'~', [b'4' | b'8']) => Key::End,
                (b'~', b"5") => Key::PageUp,
                (b'~', b"6") => Key::PageDown,
                (letter, []) => named(*letter),
                _ => Key::Other,
            };
            Some((key, end + 2))
        }
        // Escape was pressed, followed by something else.
        _ => Some((Key::Escape, 0)),
    }
}

fn named(letter: u8) -> Key {
    match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'M' => Key::Enter,
        _ => Key::Other,
    }
}

fn character(bytes: &[u8]) -> Option<(Key, usize)> {
    let most = bytes.get(..bytes.len().min(4))?;
    let valid = match std::str::from_utf8(most) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            std::str::from_utf8(most.get(..error.valid_up_to())?).ok()?
        }
        // It is incomplete, or not text at all.
        Err(error) => return error.error_len().map(|length| (Key::Other, length)),
    };
    let letter = valid.chars().next()?;
    Some((Key::Char(letter), letter.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(chunks: &[&[u8]]) -> Vec<Key> {
        let mut keys = Keys::default();
        let mut read = Vec::new();
        for chunk in chunks {
            keys.push(chunk);
            while let Some(key) = keys.next(false) {
                read.push(key);
            }
        }
        read.extend(keys.next(true));
        assert!(!keys.is_waiting());
        read
    }

    #[test]
    fn keys_come_whole_however_their_bytes_come() {
        assert_eq!(keys(&[b"k\r\x03"]), [Key::Char('k'), Key::Enter, Key::Interrupt]);
        assert_eq!(
            keys(&[b"\x1b[A\x1bOB\x1b[6~\x1b[3~"]),
            [Key::Up, Key::Down, Key::PageDown, Key::Delete]
        );
        assert_eq!(keys(&[b"\x1b", b"[", b"5", b"~"]), [Key::PageUp]);
        assert_eq!(keys(&[b"\x1b"]), [Key::Escape]);
        assert_eq!(keys(&[b"\x1bk"]), [Key::Escape, Key::Char('k')]);
        assert_eq!(keys(&[&[0xc3], &[0xa9]]), [Key::Char('é')]);
        assert_eq!(keys(&[&[0xff], b"k"]), [Key::Other, Key::Char('k')]);
        assert_eq!(keys(&[b"\x1b[1;5C"]), [Key::Other], "a modified arrow is no arrow");
        assert_eq!(keys(&[b"\x1b[12"]), [Key::Other], "a sequence that never ends");
        assert_eq!(keys(&[]), []);
    }

    #[test]
    fn nothing_that_is_pasted_is_an_answer() {
        let text: &[u8] = b"k\x1b[200~ci\r\x1b[A\x01\xc3\xa9\x1b[201~\r";
        let expected = [
            Key::Char('k'),
            Key::Pasted('c'),
            Key::Pasted('i'),
            Key::Pasted(' '),
            Key::Other,
            Key::Other,
            Key::Pasted('é'),
            Key::Enter,
        ];
        assert_eq!(keys(&[text]), expected);
        for cut in 1..text.len() {
            let (one, other) = text.split_at(cut);
            assert_eq!(keys(&[one, other]), expected, "cut at {cut}");
        }
        assert_eq!(keys(&[b"\x1b[200~x\x03"]), [Key::Pasted('x'), Key::Interrupt]);
        assert_eq!(keys(&[b"\x1b[200~\x1b[201~k"]), [Key::Char('k')]);
    }

    proptest::proptest! {
        #[test]
        fn every_byte_is_read_once(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let mut keys = Keys::default();
            keys.push(&bytes);
            let mut count = 0;
            while keys.next(true).is_some() {
                count += 1;
            }
            proptest::prop_assert!(count <= bytes.len() && !keys.is_waiting());
        }
    }
}
