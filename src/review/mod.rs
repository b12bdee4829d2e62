//! The user looks at each rule of a profile, riskiest first, and decides on it. Pure: it takes keys and
//! returns screens and the new text of the profile.
//!
//! Each decision edits the profile's own text, so that everything people wrote there stays. It is saved
//! at once, so a review can be interrupted at any time and continued later.

mod answering;
mod browsing;
mod changes;
mod choice;
mod decision;
mod draft;
mod edit;
mod end_rows;
mod facts;
mod group_rows;
mod help_rows;
mod layout;
mod likewise;
#[cfg(test)]
mod many_tests;
mod named;
mod narrowing;
mod offer;
mod open;
mod overview;
mod overview_rows;
mod queue;
mod rows;
mod screen;
mod script;
mod search;
mod session;
mod subject_rows;
#[cfg(test)]
mod tests;
mod topic;
mod typing;
mod value_rows;
mod values;

pub use changes::{Line, Mark, changed, changes};
pub use choice::{Choice, Refusal};
pub use decision::{ContentEdit, Decision, DraftError, Subject};
pub use draft::Draft;
pub use facts::Facts;
pub use named::ScriptError;
pub use narrowing::{PatternError, narrowed, proposal};
pub use open::{open, open_by_name};
pub use overview::Row;
pub use queue::{Item, queue};
pub use screen::{Screen, View, keys, lines, message};
pub use script::{Answers, settle};
pub use search::{Search, SearchError};
pub use session::{Leaving, Session, Step, Tally};
pub use topic::{Topic, is_low};
pub use values::{Value, ValueChoice, narrowed_value, values};
