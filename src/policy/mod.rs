//! Decides on requests by a profile. The security core: small, pure, no I/O.
//!
//! A request is forwarded only with a [`Permit`], and only this module can create one. Everything
//! that is not explicitly allowed is denied.

mod asked;
mod confined;
mod decision;
mod denial;
mod enforcer;
mod gate;
mod hiding;
mod network;
mod owners;
mod ownership;
mod reading;
mod request;
mod stray;
mod watching;

pub use decision::{Decision, NewVolume, Permit, Verdict};
pub use denial::{Answer, Denial, NotOwn, Reason};
pub use enforcer::Enforcer;
pub use gate::{Gate, Replaceable, UntilEngine};
pub use owners::{Found, MOST_OBJECTS, Owners, may_begin_id};
pub use request::{Body, Head, Missing, Request};
pub use stray::Stray;
pub use watching::{Auditor, Observer};
