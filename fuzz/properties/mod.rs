//! Properties that hold for every input. A property panics if it is violated.
//!
//! The fuzz targets call these with the fuzzer's input, and dsp's own tests call them with the
//! committed corpus, so that known inputs are checked without a fuzzer.

pub mod answers;
pub mod canonical;
pub mod contents;
pub mod decision;
pub mod framing;
pub mod profile;
pub mod proxy;
pub mod recording;

/// Whether a text is safe for a terminal or a log.
fn printable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}
