//! From a profile to decisions. The security core: small, pure, no I/O.
//!
//! A request is forwarded only by a [`Permit`], and only this module can make one. Everything that
//! is not expressly permitted is denied.

mod decision;
mod gate;
mod reading;

pub use decision::{Decision, Denial, Permit, Verdict};
pub use gate::{Auditor, Enforcer, Gate, Observer, Replaceable};
pub use reading::Head;
