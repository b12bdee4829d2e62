//! What a line of a log can be.

/// A line that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Line {
    /// A request that went to the engine.
    Request(Entry),
    /// A request that the proxy answered by itself.
    TurnedAway,
    /// Something else.
    Other,
}

/// A request, as a log tells of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The method as received.
    pub method: String,
    /// Path and query as received.
    pub target: String,
    /// The status of the answer, where the log has one.
    pub status: Option<u16>,
    /// The client's own name for itself, where the log has one.
    pub agent: Option<String>,
}

/// Why a line that should be a request cannot be read as one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// An escape that the program would not have written.
    #[error("a bad escape")]
    Escape,
    /// A JSON object that is cut off or has values of other types.
    #[error("JSON of another form")]
    Json,
    /// Longer than any line that the program writes.
    #[error("the line is too long")]
    Length,
    /// No method and target where they should be.
    #[error("no method and path")]
    Request,
    /// Bytes that are no text.
    #[error("text that is not UTF-8")]
    Text,
    /// A line that was cut off, or a quote too many.
    #[error("a quote that does not end")]
    Unclosed,
}

impl Line {
    /// A request, when there is a method and a target.
    pub(super) fn request(entry: Entry) -> Result<Self, Unreadable> {
        // A replacement character stands for bytes that somebody has thrown away already.
        if entry.target.contains('\u{fffd}') {
            return Err(Unreadable::Text);
        }
        if is_method(&entry.method) && !entry.target.is_empty() {
            Ok(Self::Request(entry))
        } else {
            Err(Unreadable::Request)
        }
    }
}

/// Whether a word could be a method. Whether it is one that the Engine API has is for the canonical
/// form to say, as for every request.
pub(super) fn is_method(word: &str) -> bool {
    matches!(word.len(), 1..=32) && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}
