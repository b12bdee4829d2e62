//! Takes secrets out of an answer while it passes.
//!
//! The answer is read as strict JSON, byte by byte, and never kept. What no reader could take for the
//! text that is read here passes; anything else ends it ([`Unfit`]). A value at a place that is hidden
//! is replaced by the empty value of its type, because clients decode into types: `[]`, `{}`, `""`, 0 or
//! false. A null stays.

use super::Hidden;
#[cfg(test)]
use super::Kind;
use super::places::{Answer, Place};
use crate::api::Operation;

/// How deep an answer may nest. The engine's own are less than 20 deep.
const DEEPEST: usize = 128;

/// The length limit, in bytes, of a key that is compared with the names of fields. Each of these is
/// shorter, however it is escaped or folded.
const LONGEST_KEY: usize = 128;

/// The answer is not JSON, or could be read in another way than this.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the answer is not JSON that can be read in one way")]
pub struct Unfit;

/// What is hidden in the answer to an operation.
#[derive(Clone, Copy, Debug)]
pub struct Hide {
    answer: &'static Answer,
    hidden: Hidden,
}

impl Hide {
    /// What is left to hide of these kinds in the answer to an operation; `None` for nothing.
    #[must_use]
    pub fn of(operation: &Operation, hidden: Hidden) -> Option<Self> {
        let hidden = hidden.and(Answer::kinds_of(operation));
        Answer::of(operation).filter(|_| !hidden.is_empty()).map(|answer| Self { answer, hidden })
    }

    /// The kinds that are hidden.
    #[must_use]
    pub fn kinds(self) -> Hidden {
        self.hidden
    }

    /// A filter for one answer.
    #[must_use]
    pub fn filter(self) -> Filter {
        Filter::new(self.answer, self.hidden)
    }
}

/// An answer that is read, and what of it is hidden.
#[derive(Debug)]
pub struct Filter {
    answer: &'static Answer,
    hidden: Hidden,
    state: State,
    /// The lists and objects that are open, outermost first.
    open: Vec<Frame>,
    /// The place of the next value, if it may have something to hide.
    place: Option<Place>,
    /// The key that is being read, without escapes.
    key: Vec<u8>,
    /// How many lists and objects were open when the value began that is being left out.
    leaves_out: Option<usize>,
}

/// A list or an object.
#[derive(Clone, Copy, Debug)]
struct Frame {
    is_object: bool,
    place: Option<Place>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Value,
    /// A value, or the end of the list.
    FirstItem,
    /// A key, or the end of the object.
    FirstKey,
    Key,
    Colon,
    /// A comma, or the end of the list or object; at the end of the answer, nothing.
    After,
    /// More of a string.
    Text {
        is_key: bool,
    },
    /// What follows a backslash.
    Escape {
        is_key: bool,
    },
    /// The rest of the four digits of an escape.
    Digits {
        is_key: bool,
        left: u8,
        value: u16,
    },
    Number(Number),
    /// The rest of `true`, `false` or `null`.
    Word(&'static [u8]),
}

/// The part of a number that was read last (RFC 8259 section 6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Number {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Number {
    /// The part after one more byte; `None` if the number ends before it.
    fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus | Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::Sign,
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    fn is_complete(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Exponent)
    }
}

impl Filter {
    /// A filter for an answer of which these kinds are hidden.
    #[must_use]
    pub fn new(answer: &'static Answer, hidden: Hidden) -> Self {
        Self {
            answer,
            hidden,
            state: State::Value,
            open: Vec::new(),
            place: Some(Answer::whole()),
            key: Vec::new(),
            leaves_out: None,
        }
    }

    /// Reads the next part of the answer, and adds what the client gets of it to `out`.
    ///
    /// # Errors
    /// [`Unfit`]. Nothing of this part or of a later one may be sent then.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            // Most of an answer is text, which passes in one piece.
            if let State::Text { is_key } = self.state {
                let plain = rest.iter().take_while(|byte| is_plain(**byte)).count();
                let (text, after) = rest.split_at_checked(plain).unwrap_or((rest, b""));
                if !text.is_empty() {
                    self.pass(text, out);
                    if is_key {
                        self.keep(text);
                    }
                    rest = after;
                    continue;
                }
            }
            if self.take(*byte, out)? {
                rest = after;
            }
        }
        Ok(())
    }

    /// Checks that the answer is complete.
    ///
    /// # Errors
    /// [`Unfit`], if it is not.
    pub fn finish(&self) -> Result<(), Unfit> {
        let is_whole = match self.state {
            State::After => true,
            State::Number(number) => number.is_complete(),
            _ => false,
        };
        if is_whole && self.open.is_empty() { Ok(()) } else { Err(Unfit) }
    }

    /// The memory that it uses, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        size_of::<Self>() + self.key.capacity() + self.open.capacity() * size_of::<Frame>()
    }

    /// Reads one byte. Returns whether it belonged to what came before; a byte that ends a number is
    /// read again.
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<bool, Unfit> {
        match self.state {
            State::Text { is_key } => self.text(byte, is_key, out)?,
            State::Escape { is_key } => self.escape(byte, is_key, out)?,
            State::Digits { is_key, left, value } => {
                self.digit(byte, is_key, left, value, out)?;
            }
            State::Number(number) => match number.next(byte) {
                Some(next) => {
                    self.pass(&[byte], out);
                    self.state = State::Number(next);
                }
                None if number.is_complete() => {
                    self.end_value();
                    return Ok(false);
                }
                None => return Err(Unfit),
            },
            State::Word(word) => match word.split_first() {
                Some((first, rest)) if *first == byte => {
                    self.pass(&[byte], out);
                    if rest.is_empty() { self.end_value() } else { self.state = State::Word(rest) }
                }
                _ => return Err(Unfit),
            },
            _ if b" \t\r\n".contains(&byte) => self.pass(&[byte], out),
            State::FirstItem if byte == b']' => self.close(byte, out)?,
            State::FirstKey if byte == b'}' => self.close(byte, out)?,
            State::Value | State::FirstItem => self.begin_value(byte, out)?,
            State::FirstKey | State::Key if byte == b'"' => {
                self.pass(&[byte], out);
                self.key.clear();
                self.state = State::Text { is_key: true };
            }
            State::Colon if byte == b':' => {
                self.pass(&[byte], out);
                self.place = self.field()?;
                self.state = State::Value;
            }
            State::After => self.after(byte, out)?,
            State::FirstKey | State::Key | State::Colon => return Err(Unfit),
        }
        Ok(true)
    }

    /// Reads what follows a value in a list or an object.
    fn after(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let frame = *self.open.last().ok_or(Unfit)?;
        match (byte, frame.is_object) {
            (b',', true) => self.state = State::Key,
            (b',', false) => {
                self.place = frame.place;
                self.state = State::Value;
            }
            (b'}', true) | (b']', false) => return self.close(byte, out),
            _ => return Err(Unfit),
        }
        self.pass(&[byte], out);
        Ok(())
    }

    /// Begins the value at the current place.
    fn begin_value(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let is_hidden = self.leaves_out.is_none()
            && self.place.is_some_and(|place| self.answer.is_hidden(place, self.hidden));
        let (state, empty): (State, &[u8]) = match byte {
            b'"' => (State::Text { is_key: false }, b"\"\""),
            b'{' => (State::FirstKey, b"{}"),
            b'[' => (State::FirstItem, b"[]"),
            b'-' => (State::Number(Number::Minus), b"0"),
            b'0' => (State::Number(Number::Zero), b"0"),
            b'1'..=b'9' => (State::Number(Number::Whole), b"0"),
            b't' => (State::Word(b"rue"), b"false"),
            b'f' => (State::Word(b"alse"), b"false"),
            b'n' => (State::Word(b"ull"), b"null"),
            _ => return Err(Unfit),
        };
        if is_hidden {
            out.extend_from_slice(empty);
            self.leaves_out = Some(self.open.len());
        } else {
            self.pass(&[byte], out);
        }
        if matches!(byte, b'{' | b'[') {
            if self.open.len() == DEEPEST {
                return Err(Unfit);
            }
            self.open.push(Frame { is_object: byte == b'{', place: self.place });
        }
        self.state = state;
        Ok(())
    }

    /// Ends a list or an object.
    fn close(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Unfit> {
        self.pass(&[byte], out);
        self.open.pop().ok_or(Unfit)?;
        self.end_value();
        Ok(())
    }

    fn end_value(&mut self) {
        if self.leaves_out == Some(self.open.len()) {
            self.leaves_out = None;
        }
        self.state = State::After;
    }

    /// Reads a byte of a string that is not plain text.
    fn text(&mut self, byte: u8, is_key: bool, out: &mut Vec<u8>) -> Result<(), Unfit> {
        self.pass(&[byte], out);
        match byte {
            b'"' if is_key => self.state = State::Colon,
            b'"' => self.end_value(),
            b'\\' => self.state = State::Escape { is_key },
            _ => return Err(Unfit),
        }
        Ok(())
    }

    fn escape(&mut self, byte: u8, is_key: bool, out: &mut Vec<u8>) -> Result<(), Unfit> {
        self.pass(&[byte], out);
        self.state = match byte {
            b'u' => State::Digits { is_key, left: 4, value: 0 },
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                if is_key {
                    self.keep(&[byte_of_escape(byte)]);
                }
                State::Text { is_key }
            }
            _ => return Err(Unfit),
        };
        Ok(())
    }

    fn digit(
        &mut self,
        byte: u8,
        is_key: bool,
        left: u8,
        value: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
        let value = (value << 4) | digit.ok_or(Unfit)?;
        self.pass(&[byte], out);
        self.state = match left.saturating_sub(1) {
            0 => {
                if is_key {
                    // Half of a pair is part of no name.
                    let one = char::from_u32(value.into()).unwrap_or(char::REPLACEMENT_CHARACTER);
                    self.keep(one.encode_utf8(&mut [0; 4]).as_bytes());
                }
                State::Text { is_key }
            }
            left => State::Digits { is_key, left, value },
        };
        Ok(())
    }

    /// Keeps a part of a key, up to one byte more than is compared.
    fn keep(&mut self, part: &[u8]) {
        let room = (LONGEST_KEY + 1).saturating_sub(self.key.len());
        self.key.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    /// Passes bytes on, unless they are left out.
    fn pass(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.leaves_out.is_none() {
            out.extend_from_slice(bytes);
        }
    }

    /// The place of the field whose key was read; `None` if there is nothing to hide.
    fn field(&self) -> Result<Option<Place>, Unfit> {
        let place = self.open.last().and_then(|frame| frame.place);
        let Some(place) = place.filter(|_| self.leaves_out.is_none()) else { return Ok(None) };
        if self.key.len() > LONGEST_KEY {
            return Ok(None);
        }
        // Some readers drop what is not UTF-8, and see another name.
        let key = std::str::from_utf8(&self.key).map_err(|_| Unfit)?;
        // A reader in C ends it there.
        let key = key.split('\0').next().unwrap_or_default();
        Ok(self.answer.field(place, &key.chars().map(folded).collect::<String>()))
    }
}

/// Whether a byte of a string stands for itself.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

fn byte_of_escape(byte: u8) -> u8 {
    match byte {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        byte => byte,
    }
}

/// A character as every reader that ignores case may see it: Go's `encoding/json` folds the long s and
/// the sign of Kelvin, json-iterator and others the letters i of Turkish.
fn folded(character: char) -> char {
    match character {
        'ſ' => 's',
        '\u{212a}' => 'k',
        'İ' | 'ı' => 'i',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
impl Kind {
    /// What a filter makes of a whole answer, for tests of other modules.
    pub(crate) fn hide_in(self, answer: &'static Answer, text: &str) -> Result<String, Unfit> {
        filtered(answer, self.into(), &[text.as_bytes()])
    }
}

/// What is left of an answer that arrives in these parts.
#[cfg(test)]
fn filtered(answer: &'static Answer, hidden: Hidden, parts: &[&[u8]]) -> Result<String, Unfit> {
    let (mut filter, mut out) = (Filter::new(answer, hidden), Vec::new());
    for part in parts {
        filter.push(part, &mut out)?;
    }
    filter.finish()?;
    String::from_utf8(out).map_err(|_| Unfit)
}

#[cfg(test)]
mod tests;
