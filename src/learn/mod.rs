//! Generates profiles from recordings. Pure and deterministic: the same evidence in any order, and
//! with any duplicates, gives the same profile.
//!
//! Parameters are found by their position in the route grammar, never by what a value looks like,
//! and nothing is added that was not seen, except the handshake of clients.

mod asked;
mod chosen;
mod client_name;
mod confine;
mod coverage;
mod demand;
mod evidence;
mod first;
mod gather;
mod generate;
mod known;
mod names;
mod outcomes;
mod owners;
mod proof;
mod seen_contents;
mod session;
mod title;
#[cfg(test)]
pub(crate) mod told;
mod update;

pub use chosen::Chosen;
pub use confine::Confine;
pub use coverage::{ContentsRow, Coverage, OperationRow, OtherRow, Question, SessionRow};
pub use demand::{Demand, Whose};
pub use evidence::{Evidence, Unknown};
pub use first::{First, FirstSeen};
pub use gather::{Gathering, MixedEngines};
pub use generate::{Generated, MinApi, Options, generate, provenance};
pub use known::{Demanded, Known, Use};
pub use names::Names;
pub use owners::ObjectNames;
pub use proof::{Flaw, Gap, Proof, prove};
pub use seen_contents::SeenContents;
pub use session::{SessionState, program_of};
pub use update::{
    Decision, KeptOut, NotALine, TooOld, Update, Wishes, additions, noted, summarised, update,
};
