//! The requests of a recording or an audit log, one by one: which ones a person wants to see, and what they
//! look like in a table, in groups and in full.

mod detail;
mod exchange;
mod filter;
mod groups;
mod table;

pub use detail::{Json, detail};
pub use exchange::{Answer, Exchange, Fate, SessionOf};
pub use filter::{BadCondition, Filter, is_condition};
pub use groups::{By, Groups};
pub use table::{HEADER, row};
