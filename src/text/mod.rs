//! Text: foreign text and paths made safe, numbers and places in words, and words that are values.

mod beginning;
mod condition;
mod nearest;
mod number;
mod path;
mod position;
mod safe;
mod words;

pub use beginning::beginning;
pub use condition::{Comparison, condition, is_like};
pub use nearest::nearest;
pub use number::{count, hex, is_power_of_ten};
pub use path::{Shown, shown, spelled};
pub use position::{Excerpt, LineStarts, Position};
pub use safe::{guarded, is_unsafe, is_unsafe_at, one_line, printable, printable_lines, quoted};
pub use words::Word;
pub(crate) use words::words;
