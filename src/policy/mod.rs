//! From a profile to decisions. The security core: small, pure, no I/O.
//!
//! A request is forwarded only by a [`Permit`], and only this module can make one. Everything that
//! is not expressly permitted is denied.

mod decision;
mod denial;
mod gate;
mod reading;
mod request;
mod stray;

pub use decision::{Decision, Permit, Verdict};
pub use denial::{Denial, Reason};
pub use gate::{Auditor, Enforcer, Gate, Observer, Replaceable};
pub use request::{Body, Head, Request};
pub use stray::Stray;
