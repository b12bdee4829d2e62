//! Terminal input: decodes bytes into keys, and edits a line. Pure.

mod key;
mod line_edit;

pub use key::{Key, Keys};
pub use line_edit::LineEdit;
