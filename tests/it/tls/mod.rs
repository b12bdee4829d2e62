//! TLS to the engine and on listeners, with certificates that each test makes for itself.

/// The commands of `docs/tls.md`.
mod docs;
/// Certificates, and the two ends of a TLS connection.
pub mod ends;
/// An engine that speaks TLS, as the docker CLI reaches it.
mod engine;
/// Listeners with TLS.
mod listener;
/// Engines through `ssh`.
mod ssh;
