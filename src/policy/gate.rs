//! What decides on requests, a gate in whose place another one can be put, and a gate that waits for the
//! engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use super::{Decision, Denial, Request, Verdict};

/// Decides on requests. Implementations are pure: the same request gets the same decision.
pub trait Gate: Send + Sync {
    /// Decides on one request. A gate that returns [`Verdict::ReadBody`] is asked again with the
    /// body, and then has to decide.
    fn decide(&self, asked: &Request<'_>) -> Decision;

    /// Whether a request with a malformed message is always denied, so that the rest of it need not
    /// be read.
    fn refuses_flaws(&self) -> bool;
}

/// A gate that can be replaced by another one while requests pass through it.
pub struct Replaceable(ArcSwap<Arc<dyn Gate>>);

impl Replaceable {
    /// Starts with this gate.
    #[must_use]
    pub fn new(gate: Arc<dyn Gate>) -> Self {
        Self(ArcSwap::from_pointee(gate))
    }

    /// Replaces the gate for all further decisions.
    pub fn replace(&self, gate: Arc<dyn Gate>) {
        self.0.store(Arc::new(gate));
    }
}

impl Gate for Replaceable {
    fn decide(&self, asked: &Request<'_>) -> Decision {
        self.0.load().decide(asked)
    }

    fn refuses_flaws(&self) -> bool {
        self.0.load().refuses_flaws()
    }
}

/// Denies everything until the engine has answered for the first time: which operations there are depends
/// on it. From then on, another gate decides.
pub struct UntilEngine {
    gate: Arc<dyn Gate>,
    is_known: Arc<AtomicBool>,
}

impl UntilEngine {
    /// Waits until `is_known` is true.
    #[must_use]
    pub fn new(gate: Arc<dyn Gate>, is_known: Arc<AtomicBool>) -> Self {
        Self { gate, is_known }
    }
}

impl Gate for UntilEngine {
    fn decide(&self, asked: &Request<'_>) -> Decision {
        if self.is_known.load(Ordering::Acquire) {
            return self.gate.decide(asked);
        }
        let verdict = Verdict::Deny(Denial::no_engine());
        Decision { request: None, located: None, refusal: None, contents: None, verdict }
    }

    fn refuses_flaws(&self) -> bool {
        self.gate.refuses_flaws()
    }
}

#[cfg(test)]
mod tests;
