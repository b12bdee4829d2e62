//! What a gate says to a request.

use std::sync::Arc;

use super::Denial;
use crate::api::{CanonicalRequest, Located, Refusal};

/// A gate's whole answer: how it understood the request, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The canonical form, if there is one.
    pub request: Option<CanonicalRequest>,
    /// The operation, if the catalogue has it.
    pub located: Option<Located>,
    /// Why `enforce` refuses it whatever the profile says. A request without a canonical form always
    /// has such a reason, and one with it may have.
    pub refusal: Option<Refusal>,
    /// What becomes of the request.
    pub verdict: Verdict,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is answered here.
    Deny(Denial),
    /// It goes to the engine.
    Forward(Permit),
    /// It depends on the body: the gate wants to be asked again, with a body of at most so many bytes
    /// on the wire.
    ReadBody {
        /// The most bytes to read.
        at_most: usize,
    },
}

/// The right to send one request to the engine, in one spelling. Only this module's gates make it.
#[derive(Clone, Debug)]
pub struct Permit {
    target: Arc<str>,
    tunnel: bool,
    is_verbatim: bool,
    instead_of: Option<Denial>,
}

impl Permit {
    /// A permit for the canonical form of a request.
    pub(super) fn canonical(request: &CanonicalRequest, tunnel: bool) -> Self {
        Self { target: request.shared_target(), tunnel, is_verbatim: false, instead_of: None }
    }

    /// A permit for a request as the client spelled it, and for whatever the engine makes of it.
    pub(super) fn verbatim(target: &str, tunnel: bool, instead_of: Option<Denial>) -> Self {
        Self { target: target.into(), tunnel, is_verbatim: true, instead_of }
    }

    /// What stands in the request line that goes upstream.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether the connection may become a tunnel when the engine switches protocols. One that is
    /// passed on byte for byte becomes one in any case, and this says whether that was to be expected.
    #[must_use]
    pub fn tunnel(&self) -> bool {
        self.tunnel
    }

    /// Whether the request goes out byte for byte as it came, and the answer comes back so; otherwise
    /// dsp writes both in its own form.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        self.is_verbatim
    }

    /// What a strict gate would have answered, when this one only watches.
    #[must_use]
    pub fn instead_of(&self) -> Option<&Denial> {
        self.instead_of.as_ref()
    }
}
