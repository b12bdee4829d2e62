//! dsp records which requests a program sends to the Docker Engine, turns them into a short profile
//! that a person can review, and enforces the profile.
//!
//! The modules are the stages of one pipeline, in order; data flows from left to right, and each
//! module uses only those that `docs/architecture.md` names for it, which a test checks:
//!
//! `api -> recording -> learn -> profile -> policy -> proxy`

pub mod adopt;
pub mod answers;
pub mod api;
pub mod cases;
pub mod check;
pub mod child;
pub mod cli;
pub mod contents;
pub mod engine;
pub mod escapes;
pub mod exchanges;
pub mod explain;
pub mod export;
pub mod files;
pub mod follow;
#[cfg(test)]
mod growth_tests;
pub mod host;
pub mod html;
pub mod http1;
pub mod learn;
pub mod peer;
pub mod policy;
pub mod profile;
pub mod proxy;
pub mod recording;
pub mod report;
pub mod review;
pub mod sample;
pub mod session;
pub mod terminal;
pub mod text;
pub mod verify;
pub mod wire;
pub mod yaml;
