//! Gives a container one of dsp's sockets if it mounts the engine's.
//!
//! A client that creates a container lists its mounts in the body of the request. This module reads
//! those mounts, finds the engine's socket and the folders that contain it, and replaces their
//! paths. Every other byte of the body stays the same.

mod json;
mod mounts;
mod place;
#[cfg(test)]
mod readings;
mod sources;
mod sweep;

pub use json::Unreadable;
pub use mounts::{Mounts, Plan, Uncovered};
pub use place::{EngineSocket, Place, is_own, known_paths};
pub use sources::{Form, name};
pub use sweep::words;
