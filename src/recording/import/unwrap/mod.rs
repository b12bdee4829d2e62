//! Extracts a line from what others wrapped around it: one stage below all formats.
//!
//! A log drain puts each line into a field of JSON, and so do journald and the container runtimes. An
//! export quotes it. A paste has line numbers before it. This module unwraps the line layer by layer, so
//! that each format sees it as its program wrote it.
//!
//! Text that a client sent is inside the program's own line, and is never unwrapped. A text that the format
//! can read is read only by the format. In a record that a program wrote as JSON, only the message can be a
//! line. If two fields could be the line, neither is used, and that is reported.

mod front;
mod key;
mod quote;

use serde_json::{Map, Value};

use super::text::{self, pairs};
use super::{Format, Line, Unreadable};
use key::Key;

/// How many layers are removed. Each costs one pass over the line.
const MOST_LAYERS: u8 = 8;

/// The lines found in a text that are requests or should be, in order.
type Found = Vec<Result<Line, Unreadable>>;

/// Where a text was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// In the file, or in a field that contains lines: it may begin with anything.
    Line,
    /// In a field that may contain anything: it has to begin as the program's lines do.
    Field,
}

/// The lines in a line of a file, without those that are about other things.
pub(super) fn lines(format: Format, line: &str) -> Found {
    let is_indented = line.starts_with([' ', '\t']);
    let layers = Layers { format };
    let found = layers.text(line, Place::Line, 0);
    // A quoted text that is indented or followed by a comma is part of a larger JSON text, and the rest of
    // that text is unknown.
    let trimmed = line.trim();
    let is_piece = trimmed.starts_with('"') && (is_indented || trimmed.ends_with(','));
    if is_piece && !found.is_empty() { vec![Err(Unreadable::Piece)] } else { found }
}

/// Unwraps for one format.
#[derive(Clone, Copy)]
struct Layers {
    format: Format,
}

impl Layers {
    /// The lines in a text. Each layer is of one kind only, so each kind is tried once for a text.
    fn text(self, text: &str, place: Place, depth: u8) -> Found {
        let plain = text::without_colours(text);
        let text = front::peel(&plain);
        if text.starts_with(['{', '['])
            && let Some(found) = self.json(text, place, depth)
        {
            return found;
        }
        if text.contains('\n') {
            return self.several(text, place, depth);
        }
        if text.starts_with(['"', '\'', '`'])
            && let Some(found) = self.quoted(text, place, depth)
        {
            return found;
        }
        if let Some(inside) = quote::unescaped(text) {
            let found = self.inner(&inside, place, depth);
            return if found.is_empty() { self.plain(text, place) } else { found };
        }
        if let Some(fields) = quote::row(text) {
            let found = self.row(&fields, depth);
            return if found.is_empty() { self.plain(text, place) } else { found };
        }
        let (own, wrapped) = (|| self.plain(text, place), || self.logfmt(text, depth));
        if self.format.is_logfmt() { or_else(own(), wrapped) } else { or_else(wrapped(), own) }
    }

    /// The lines in the text of the next layer.
    fn inner(self, text: &str, place: Place, depth: u8) -> Found {
        if depth < MOST_LAYERS {
            return self.text(text, place, depth + 1);
        }
        let is_wrapped = front::peel(text).starts_with(['{', '[', '"']);
        if is_wrapped { vec![Err(Unreadable::Layers)] } else { self.plain(text, place) }
    }

    /// A line as its program wrote it.
    fn plain(self, text: &str, place: Place) -> Found {
        match self.format.read(text) {
            Ok(Line::Other) => Found::new(),
            _ if place == Place::Field && !self.format.begins(text) => Found::new(),
            read => vec![read],
        }
    }

    /// Several lines in one text. If the text may contain anything, it has to begin with a line of the
    /// program: a client may send line breaks.
    fn several(self, text: &str, place: Place, depth: u8) -> Found {
        let mut lines = text.lines().map(|line| self.inner(line, place, depth));
        if place == Place::Line {
            return lines.flatten().collect();
        }
        let first = lines.next().unwrap_or_default();
        let is_line = !first.is_empty();
        let rest: Found = lines.flatten().collect();
        match (is_line, rest.is_empty()) {
            (true, _) => first.into_iter().chain(rest).collect(),
            (false, true) => rest,
            (false, false) => vec![Err(Unreadable::Ambiguous)],
        }
    }

    /// One or more JSON texts; `None` if it is not JSON.
    fn json(self, text: &str, place: Place, depth: u8) -> Option<Found> {
        // This handles most of a log that the program itself writes as JSON.
        if self.format.is_json()
            && let read @ Ok(Line::Request(_) | Line::TurnedAway(_)) = self.format.read(text)
        {
            return Some(vec![read]);
        }
        let mut found = Found::new();
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        loop {
            match values.next() {
                Some(Ok(value)) => found.extend(self.value(&value, place, depth)),
                None => return Some(found),
                Some(Err(error)) if error.is_eof() => {
                    let rest = text.get(values.byte_offset()..).unwrap_or(text);
                    found.extend(self.cut(rest, depth));
                    return Some(found);
                }
                Some(Err(_)) => return (!found.is_empty()).then_some(found),
            }
        }
    }

    /// Whether a JSON text that was cut off contained a line.
    fn cut(self, text: &str, depth: u8) -> Option<Result<Line, Unreadable>> {
        let closed = quote::closed(text);
        let value = closed.iter().find_map(|text| serde_json::from_str::<Value>(text).ok())?;
        let found = self.value(&value, Place::Line, depth);
        (!found.is_empty()).then_some(Err(Unreadable::Cut))
    }

    fn value(self, value: &Value, place: Place, depth: u8) -> Found {
        match value {
            Value::String(text) => self.inner(text, place, depth),
            Value::Array(items) => match bytes(items) {
                Some(text) => self.inner(&text, place, depth),
                None => items.iter().flat_map(|item| self.value(item, place, depth)).collect(),
            },
            Value::Object(fields) => self.object(fields, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => Found::new(),
        }
    }

    fn object(self, fields: &Map<String, Value>, depth: u8) -> Found {
        let is_record = is_record(fields);
        if is_record
            && let Ok(text) = serde_json::to_string(fields)
            && let own @ (Ok(Line::Request(_) | Line::TurnedAway(_)) | Err(_)) =
                self.format.read_json(&text)
        {
            return vec![own];
        }
        // Everything else in a record, or next to a request, is what the program logged about a client.
        let is_open = !is_record && !fields.keys().any(|name| key::speaks_of_a_request(name));
        let (mut candidates, mut is_taken) = (Vec::new(), is_open);
        for (name, value) in fields {
            // GELF has the whole line there, and its beginning here.
            if name == "short_message" && fields.contains_key("full_message") {
                continue;
            }
            let key = Key::of(name);
            let (is_line, is_text) = (key == Key::Line, value.is_string());
            if key == Key::Client || (is_record && !is_text) {
                continue;
            }
            let place = if is_line && is_open { Place::Line } else { Place::Field };
            let found = self.value(value, place, depth);
            if !found.is_empty() {
                is_taken |= is_line && is_text;
                candidates.push(found);
            }
        }
        if is_taken || candidates.is_empty() {
            one_of(candidates)
        } else {
            vec![Err(Unreadable::Ambiguous)]
        }
    }

    /// A text in quotes; `None` if the quotes are not around all of it.
    fn quoted(self, text: &str, place: Place, depth: u8) -> Option<Found> {
        if let Some(inside) = quote::inside(text) {
            return Some(self.inner(&inside, place, depth));
        }
        // The fields of an object that lacks its beginning, or that was written on several lines.
        let fields = text.strip_prefix('"')?.split_once('"')?.1.trim_start().starts_with(':');
        if !fields {
            return None;
        }
        let fields = text.trim_end_matches(',');
        let end = if fields.ends_with('}') { "" } else { "}" };
        let found = self.json(&format!("{{{fields}{end}"), place, depth)?;
        Some(if end.is_empty() || found.is_empty() { found } else { vec![Err(Unreadable::Piece)] })
    }

    /// The fields of a row, one of which can be a line.
    fn row(self, fields: &[std::borrow::Cow<'_, str>], depth: u8) -> Found {
        let found = fields.iter().map(|field| self.inner(field, Place::Field, depth));
        let candidates: Vec<Found> = found.filter(|found| !found.is_empty()).collect();
        let is_of_a_request = fields.iter().any(|field| {
            field.starts_with('/') || ["GET", "POST", "PUT", "HEAD", "DELETE"].contains(&&**field)
        });
        if is_of_a_request && !candidates.is_empty() {
            return vec![Err(Unreadable::Ambiguous)];
        }
        one_of(candidates)
    }

    /// A line in the message of another line of `key=value`.
    fn logfmt(self, text: &str, depth: u8) -> Found {
        let Some(end) = text.find(['=', ' ', '"']) else { return Found::new() };
        if !text.get(end..).is_some_and(|rest| rest.starts_with('=')) {
            return Found::new();
        }
        let Ok(pairs) = pairs(text) else { return Found::new() };
        let lines = pairs.iter().filter(|(name, _)| Key::of(name) == Key::Line);
        let found = lines.map(|(_, text)| self.inner(text, Place::Field, depth));
        one_of(found.filter(|found| !found.is_empty()).collect())
    }
}

fn or_else(found: Found, other: impl FnOnce() -> Found) -> Found {
    if found.is_empty() { other() } else { found }
}

/// What was found in the fields of one object, if all of them agree.
fn one_of(mut candidates: Vec<Found>) -> Found {
    let Some(first) = candidates.pop() else { return Found::new() };
    if candidates.iter().all(|other| *other == first) {
        return first;
    }
    vec![Err(Unreadable::Ambiguous)]
}

/// Whether an object is what a program logged as JSON, rather than an envelope around a line.
fn is_record(fields: &Map<String, Value>) -> bool {
    let is_text = |name| fields.get(name).is_some_and(Value::is_string);
    let has_level = ["level", "lvl", "severity"].iter().any(|name| fields.contains_key(*name));
    is_text("msg") || (is_text("message") && has_level)
}

/// A text that is written as an array of bytes, as journald does if it contains unprintable bytes.
fn bytes(items: &[Value]) -> Option<String> {
    let byte = |item: &Value| item.as_u64().and_then(|number| u8::try_from(number).ok());
    let bytes: Vec<u8> = items.iter().map(byte).collect::<Option<_>>()?;
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
