//! The answer of a gate.

use std::sync::Arc;

use super::Denial;
use crate::answers::Hide;
use crate::api::{CanonicalRequest, Located, Object, Refusal};
use crate::contents::{Facts, Unreadable};

/// A gate's decision: how it understood the request, and what happens to it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The canonical form, if there is one.
    pub request: Option<CanonicalRequest>,
    /// The operation, if the catalogue has it.
    pub located: Option<Located>,
    /// Why `enforce` refuses it whatever the profile says. Always set for a request without a
    /// canonical form, sometimes for one that has it.
    pub refusal: Option<Refusal>,
    /// What its contents give away, or why they cannot be read in one way; `None` if the gate did not look
    /// at them.
    pub contents: Option<Box<Result<Facts, Unreadable>>>,
    /// What happens to the request.
    pub verdict: Verdict,
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// dsp answers it.
    Deny(Denial),
    /// It goes to the engine.
    Forward(Permit),
    /// The decision depends on the body. The proxy has to ask again with the body, if it has at
    /// most this many bytes on the wire.
    ReadBody {
        /// The limit for the body on the wire, in bytes.
        at_most: usize,
    },
    /// The decision depends on whose these objects are. The proxy has to ask the engine, and then the gate
    /// again. There are at most [`super::MOST_OBJECTS`].
    FindOwners(Vec<Object>),
    /// The request is allowed if these volumes, which do not exist, are made for the owner first. The
    /// proxy has to make them, and then ask again.
    MakeVolumes(Vec<NewVolume>),
}

/// A volume that does not exist yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewVolume {
    /// What it will be called.
    pub object: Object,
    /// The body of the `POST /volumes/create` that makes it for the owner.
    pub body: Vec<u8>,
}

impl Verdict {
    /// Whether it is not a decision yet: the gate has to be asked again.
    #[must_use]
    pub fn asks(&self) -> bool {
        matches!(self, Self::ReadBody { .. } | Self::FindOwners(_) | Self::MakeVolumes(_))
    }
}

/// The right to send one request to the engine, in one spelling. Only the gates of this module
/// create it.
#[derive(Clone, Debug)]
pub struct Permit {
    target: Arc<str>,
    tunnel: bool,
    is_verbatim: bool,
    /// Boxed, because a denial is large and most permits have none.
    instead_of: Option<Box<Denial>>,
    body: Option<Arc<[u8]>>,
    is_filtered: bool,
    hide: Option<Hide>,
}

impl Permit {
    /// A permit for the canonical form of a request.
    pub(super) fn canonical(request: &CanonicalRequest, tunnel: bool) -> Self {
        Self {
            target: request.shared_target(),
            tunnel,
            is_verbatim: false,
            instead_of: None,
            body: None,
            is_filtered: false,
            hide: None,
        }
    }

    /// A permit for a request as the client spelled it, however the engine reads it.
    pub(super) fn verbatim(target: &str, tunnel: bool, instead_of: Option<Denial>) -> Self {
        Self {
            target: target.into(),
            tunnel,
            is_verbatim: true,
            instead_of: instead_of.map(Box::new),
            body: None,
            is_filtered: false,
            hide: None,
        }
    }

    /// A permit for the canonical form of a request with another target: the full ID of an object in the
    /// place of its name, or a query with the label of the owner.
    pub(super) fn with_target(self, target: Arc<str>) -> Self {
        Self { target, ..self }
    }

    /// The same permit for a target with which the engine filters by owner.
    pub(super) fn filtered(self) -> Self {
        Self { is_filtered: true, ..self }
    }

    /// Whether the engine filters by owner, so that the request is about own objects only.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.is_filtered
    }

    /// The same permit for this body only, which is what the decision was about.
    pub(super) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body: Some(body.into()), ..self }
    }

    /// The same permit for an answer of which this is hidden.
    pub(super) fn hiding(self, hide: Option<Hide>) -> Self {
        Self { hide, ..self }
    }

    /// What is hidden in the answer; `None` for nothing.
    #[must_use]
    pub fn hide(&self) -> Option<Hide> {
        self.hide
    }

    /// The body that goes upstream in the place of the client's; `None` for the client's own.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// The target in the request line that goes upstream.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether the connection may become a tunnel if the engine switches protocols. A connection
    /// that is forwarded byte for byte can become one anyway; there, this says whether that was
    /// expected.
    #[must_use]
    pub fn tunnel(&self) -> bool {
        self.tunnel
    }

    /// Whether request and answer are forwarded byte for byte; otherwise dsp writes both in its own
    /// form.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        self.is_verbatim
    }

    /// What an enforcing gate would have answered; only set if this gate observes.
    #[must_use]
    pub fn instead_of(&self) -> Option<&Denial> {
        self.instead_of.as_deref()
    }
}
