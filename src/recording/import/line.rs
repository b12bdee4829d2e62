//! What a line of a log can be.

/// A line that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Line {
    /// A request that went to the engine.
    Request(Entry),
    /// A request that the proxy answered by itself; none when it was no request of HTTP.
    TurnedAway(Option<Entry>),
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
    /// Two texts in one line that could be the program's, of which a client may have sent one.
    #[error("more than one text in it could be the program's line, and a client may have sent one")]
    Ambiguous,
    /// The request alone.
    #[error("nothing but the request is left of it, so it is unknown whether it was passed on")]
    Bare,
    /// What was wrapped around the line ends too early.
    #[error("it is cut off")]
    Cut,
    /// An escape that the program would not have written.
    #[error("a bad escape")]
    Escape,
    /// A JSON object that is cut off or has values of other types.
    #[error("JSON of another form")]
    Json,
    /// Wrapped too often.
    #[error("it is wrapped in too many layers")]
    Layers,
    /// Longer than any line that the program writes.
    #[error("the line is too long")]
    Length,
    /// A piece of JSON that was written on several lines.
    #[error("a piece of JSON; each object has to be on one line, as jq -c writes it")]
    Piece,
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

    /// A request that the proxy answered by itself, if there is a method and a target.
    pub(super) fn turned_away(entry: Entry) -> Self {
        Self::TurnedAway(match Self::request(entry) {
            Ok(Self::Request(entry)) => Some(entry),
            _ => None,
        })
    }
}

/// Whether a word could be a method. Whether it is one that the Engine API has is for the canonical
/// form to say, as for every request.
pub(super) fn is_method(word: &str) -> bool {
    matches!(word.len(), 1..=32) && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}
