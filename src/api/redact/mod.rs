//! Removes secrets from requests before they appear in a recording, the log, a message or a report.
//!
//! Clients put credentials in places where none belong: in the user information of a URL or an
//! image reference, after an escaped `?` in a path, or, with a wrong length, in the body. The
//! results of this module contain none of them. If a text could be anything, only its length is
//! shown.

mod method;
mod name;
mod path;
#[cfg(test)]
mod tests;
mod words;

pub use method::{is_method, redacted_method};
pub use name::{is_incomplete, is_length, length, redacted_name, without_user};
pub use path::{redacted_canonical, redacted_path};
pub use words::{HIDDEN, HIDDEN_IN_PATH};
