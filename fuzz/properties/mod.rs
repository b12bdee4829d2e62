//! What holds for every input, whatever it is. A property panics where it does not hold.
//!
//! The fuzz targets call these with what the fuzzer makes up, and dsp's own tests with the committed
//! corpus, so that what was once found stays looked at without a fuzzer.

pub mod canonical;
pub mod decision;
pub mod framing;
pub mod profile;
pub mod proxy;
pub mod recording;

/// Whether a text can go to a terminal or into a log as it is.
fn printable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}
