//! What a person types on a terminal: the keys that its bytes are, and a line that is edited. Pure.

mod key;
mod line_edit;

pub use key::{Key, Keys};
pub use line_edit::LineEdit;
