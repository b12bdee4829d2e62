//! Giving a container a socket of dsp's own where it asks for the engine's.
//!
//! A client that creates a container names in the request's body what is mounted into it. What is
//! here reads those mounts, tells which of them are the engine's socket or the folder that it is in, and
//! puts another path in its place. Nothing else of the body changes by a byte.

mod json;
mod mounts;
mod place;
#[cfg(test)]
mod readings;
mod sources;
mod sweep;

pub use json::Unreadable;
pub use mounts::{Mounts, Plan, Uncovered};
pub use place::{EngineSocket, Place, is_own};
pub use sources::{Form, name};
pub use sweep::words;
