//! The gates that let everything through: one notes what a profile would deny, and one only observes.

use super::reading::Reading;
use super::{Body, Decision, Denial, Enforcer, Gate, Missing, Permit, Request, Verdict};
use crate::api::{CanonicalRequest, EngineKind, Located, Operation};
use crate::contents::{Context, Facts, LONGEST_BODY, Schema, Sockets, Unreadable};

/// Forwards everything as [`Observer`] does and notes what its profile would have denied.
#[derive(Debug)]
pub struct Auditor(Enforcer);

/// Forwards everything as the client spelled it.
#[derive(Debug)]
pub struct Observer {
    engine: EngineKind,
    /// Whether the body of a request that creates something is read before the request is forwarded.
    reads_bodies: bool,
    /// Whether contents are read, and the sockets that containers ask for.
    sockets: Option<Sockets>,
}

impl Auditor {
    /// The gate that notes what `enforcer` would deny.
    #[must_use]
    pub fn new(enforcer: Enforcer) -> Self {
        Self(enforcer.assuming_own())
    }
}

impl Gate for Auditor {
    fn decide(&self, asked: &Request<'_>) -> Decision {
        // An enforcer would ask the client for the body, so nothing is known to be denied.
        let is_withheld = asked.body == Body::Missing(Missing::Withheld);
        let body = if is_withheld { Body::Absent } else { asked.body };
        let mut decision = self.0.decide(&Request { body, ..*asked });
        decision.verdict = match decision.verdict {
            Verdict::Deny(denial) => observe(asked, decision.located.as_ref(), Some(denial)),
            Verdict::Forward(_) => observe(asked, decision.located.as_ref(), None),
            asks
            @ (Verdict::ReadBody { .. } | Verdict::FindOwners(_) | Verdict::MakeVolumes(_)) => asks,
        };
        decision
    }

    fn refuses_flaws(&self) -> bool {
        false
    }
}

impl Observer {
    /// Observes requests to an engine of this kind.
    #[must_use]
    pub fn new(engine: EngineKind) -> Self {
        Self { engine, reads_bodies: false, sockets: None }
    }

    /// Reads the body of each request that creates something before the request is forwarded,
    /// unless the body has more than [`LONGEST_BODY`] bytes on the wire.
    #[must_use]
    pub fn reading_bodies(self) -> Self {
        Self { reads_bodies: true, ..self }
    }

    /// Reads what requests contain, if a rule could decide on it. Containers ask for these sockets.
    #[must_use]
    pub fn reading_contents(self, sockets: Sockets) -> Self {
        Self { sockets: Some(sockets), ..self }
    }

    /// What a request gives away; `None` if that is not asked for, or its body is missing.
    fn contents(
        &self,
        asked: &Request<'_>,
        request: Option<&CanonicalRequest>,
        located: Option<&Located>,
    ) -> Option<Box<Result<Facts, Unreadable>>> {
        let (sockets, request, located) = (self.sockets.as_ref()?, request?, located?);
        let schema = Schema::of(located.operation)?;
        let body = match asked.body {
            _ if !schema.has_body() => None,
            Body::Absent => None,
            Body::Whole(body) => Some(body),
            Body::Unread | Body::Missing(_) => return None,
        };
        let context =
            Context { names: &located.values, sockets: Some(sockets), ..Context::default() };
        let read = schema.read(request.query(), body, &context);
        Some(Box::new(read.map(|contents| contents.facts)))
    }

    /// Whether the body of a request for an operation is read.
    fn reads_body_of(&self, operation: &Operation) -> bool {
        let has_contents = || Schema::of(operation).is_some_and(Schema::has_body);
        (self.reads_bodies && operation.traits.makes.is_some())
            || (self.sockets.is_some() && has_contents())
    }
}

impl Gate for Observer {
    fn decide(&self, asked: &Request<'_>) -> Decision {
        let Reading { request, located, refusal } = Reading::of(self.engine, asked);
        let reads_body = |located: &Located| self.reads_body_of(located.operation);
        let is_read = asked.body == Body::Unread && located.as_ref().is_some_and(reads_body);
        let verdict = match is_read {
            true => Verdict::ReadBody { at_most: LONGEST_BODY },
            false => observe(asked, located.as_ref(), None),
        };
        let contents = match refusal {
            None => self.contents(asked, request.as_ref(), located.as_ref()),
            Some(_) => None,
        };
        Decision { request, located, refusal, contents, verdict }
    }

    fn refuses_flaws(&self) -> bool {
        false
    }
}

/// Forwards a request unchanged, including any tunnel that the engine opens for it.
fn observe(asked: &Request<'_>, located: Option<&Located>, instead_of: Option<Denial>) -> Verdict {
    let tunnel = located.is_some_and(|located| located.operation.traits.hijack);
    Verdict::Forward(Permit::verbatim(asked.head.target, tunnel, instead_of))
}
