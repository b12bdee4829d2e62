//! Turns findings into text for people, terminals and CI systems.
//!
//! Text that came from a client, an engine or a file is foreign: it goes through [`printable`]
//! before it is shown.

mod finding;
mod fold;
mod format;
mod github;
mod json;
mod junit;
mod markdown;
mod sarif;
mod snippet;
mod text;

pub use finding::{
    Fact, Finding, Kind, Lines, Recorded, Region, Report, Severity, Source, Verdict,
};
pub use fold::fold;
pub use format::Format;
pub use json::pretty;
pub use snippet::{Place, snippet};
pub use text::text;

pub use crate::text::{count, printable, quoted};

use crate::text::is_unsafe_at;
