//! The three gates: one enforces a profile, one only notes what a profile would deny, and one
//! observes.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::confined::{Confined, Confinement, Source};
use super::denial::{Elsewhere, Subject};
use super::network::{Connection, is_hex};
use super::reading::Reading;
use super::{Body, Decision, Denial, Missing, Permit, Reason, Request, Verdict};
use crate::api::{
    ApiVersion, CanonicalRequest, EngineKind, Located, Operation, Refusal, redacted_canonical,
};
use crate::contents::{Context, Facts, LONGEST_BODY, Schema, Sockets, Unreadable};
use crate::profile::{Entry, Profile, Rule, RuleIndex, UnknownOperation};

/// The length limit, in bytes, for a name that a denial repeats.
const LONGEST_TOLD: usize = 512;

/// Decides on requests. Implementations are pure: the same request gets the same decision.
pub trait Gate: Send + Sync {
    /// Decides on one request. A gate that returns [`Verdict::ReadBody`] is asked again with the
    /// body, and then has to decide.
    fn decide(&self, asked: &Request<'_>) -> Decision;

    /// Whether a request with a malformed message is always denied, so that the rest of it need not
    /// be read.
    fn refuses_flaws(&self) -> bool;
}

/// Forwards exactly what a profile allows, in canonical form.
#[derive(Debug)]
pub struct Enforcer {
    name: Arc<str>,
    engine: EngineKind,
    min_api: Option<ApiVersion>,
    /// The rules that allow any contents, and those that deny whatever the contents.
    allow: RuleIndex,
    deny: RuleIndex,
    /// The rules of `deny`, to name the one that matched.
    denied: Vec<Rule>,
    /// The rules that say something about contents.
    confined: Confined,
    unknown: HashSet<UnknownOperation>,
    /// Whether rules distinguish between networks to connect to.
    is_about_networks: bool,
}

/// Forwards everything as [`Observer`] does and notes what its profile would have denied.
#[derive(Debug)]
pub struct Auditor(Enforcer);

/// A gate that can be replaced by another one while requests pass through it.
pub struct Replaceable(ArcSwap<Arc<dyn Gate>>);

/// Forwards everything as the client spelled it.
#[derive(Debug)]
pub struct Observer {
    engine: EngineKind,
    /// Whether the body of a request that creates something is read before the request is forwarded.
    reads_bodies: bool,
    /// Whether contents are read, and the sockets that containers ask for.
    sockets: Option<Sockets>,
}

impl Enforcer {
    /// The gate of a profile.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        let open = |list: &[Entry<Rule>]| {
            let rules = list.iter().map(|entry| &entry.value);
            let rules = rules.filter(|rule| rule.contents().is_none());
            RuleIndex::new(profile.engine, rules)
        };
        let (allow, deny) = (open(&profile.allow), open(&profile.deny));
        Self {
            name: profile.name.as_str().into(),
            engine: profile.engine,
            min_api: profile.min_api,
            is_about_networks: is_about_networks(profile.engine, &allow, &deny),
            allow,
            deny,
            denied: plain(&profile.deny),
            confined: Confined::of(profile),
            unknown: profile.unknown.iter().map(|entry| entry.value.clone()).collect(),
        }
    }

    /// The gate with the sockets that containers ask for, which rules call `@socket`.
    #[must_use]
    pub fn with_sockets(self, sockets: Sockets) -> Self {
        Self { confined: self.confined.with_sockets(sockets), ..self }
    }

    /// Why a recorded request would be denied; `None` if it would be forwarded. `facts` is what its
    /// contents gave away; `None` if that is not known.
    #[must_use]
    pub fn denial_of(&self, asked: &Request<'_>, facts: Option<&Facts>) -> Option<Denial> {
        match self.decide_from(asked, Source::Recorded(facts)).verdict {
            Verdict::Forward(_) => None,
            Verdict::Deny(denial) => Some(denial),
            Verdict::ReadBody { .. } => Some(Denial::undecided()),
        }
    }

    fn decide_from(&self, asked: &Request<'_>, source: Source<'_>) -> Decision {
        let Reading { request, located, refusal } = Reading::of(self.engine, asked);
        let refused = |refusal: &Refusal| {
            let elsewhere = self.elsewhere(asked.head.method, asked.head.target);
            Verdict::Deny(Denial::refused(refusal.clone()).with_elsewhere(elsewhere))
        };
        let mut contents = None;
        let verdict = match (&request, &refusal) {
            (Some(request), None) => self.verdict(request, located.as_ref(), source, &mut contents),
            (_, Some(refusal)) => refused(refusal),
            (None, None) => refused(&Refusal::NotOriginForm),
        };
        Decision { request, located, refusal, contents, verdict }
    }

    fn verdict(
        &self,
        request: &CanonicalRequest,
        located: Option<&Located>,
        source: Source<'_>,
        contents: &mut Option<Box<Result<Facts, Unreadable>>>,
    ) -> Verdict {
        if let Some((asked, least)) = request.version().zip(self.min_api)
            && asked < least
        {
            return self.deny(Reason::BelowMinApi { asked, least }, None, request, located);
        }
        let Some(located) = located else {
            let is_listed = |unknown| self.unknown.contains(&unknown);
            if !self.unknown.is_empty() && UnknownOperation::of(request).is_some_and(is_listed) {
                return Verdict::Forward(Permit::canonical(request, false));
            }
            return self.deny(Reason::Unknown(self.engine), None, request, None);
        };
        if self.deny.matches(located) {
            let rule = self.first_denying(located);
            return self.deny(Reason::Denied { rule, given: None }, None, request, Some(located));
        }
        let is_open = self.allow.matches(located);
        let permit = || Permit::canonical(request, located.operation.traits.hijack);
        if let Some(asked) = self.confined.about(located, is_open) {
            let body = match asked.decide(request, source, contents) {
                Confinement::Admitted(body) => body,
                Confinement::Unread => return Verdict::ReadBody { at_most: LONGEST_BODY },
                Confinement::Denied(refused) => {
                    return self.deny(refused.reason, refused.rule, request, Some(located));
                }
            };
            // The body may also name a network that rules without contents decide on.
            if let Some(verdict) = self.network_verdict(request, located, source, is_open) {
                return verdict;
            }
            return Verdict::Forward(match body {
                None => permit(),
                Some(body) => permit().with_body(body),
            });
        }
        if is_open {
            let verdict = self.network_verdict(request, located, source, is_open);
            return verdict.unwrap_or_else(|| Verdict::Forward(permit()));
        }
        // If some names are allowed, a person has decided against allowing all. A name that is not
        // repeated to the client, because it is long or may be secret, is not repeated in a rule
        // either.
        let is_told =
            || redacted_canonical(request, Some(located), LONGEST_TOLD) == *request.path();
        let is_narrowed =
            self.allow.is_about(located.operation) || self.confined.allows_some(located.operation);
        let rule = match is_narrowed && is_told() {
            true => Rule::of_request(located),
            false => Rule::any(located.operation),
        };
        self.deny(Reason::NotAllowed { is_narrowed }, Some(rule), request, Some(located))
    }

    /// The decision on a request whose body may name another network than the path; `None` if that
    /// makes no difference.
    fn network_verdict(
        &self,
        request: &CanonicalRequest,
        located: &Located,
        source: Source<'_>,
        is_open: bool,
    ) -> Option<Verdict> {
        match source {
            Source::Body(body)
                if located.operation.traits.names_network && self.is_about_networks =>
            {
                let permit = Permit::canonical(request, located.operation.traits.hijack);
                Some(self.with_network(permit, request, located, body, is_open))
            }
            Source::Body(_) | Source::Recorded(_) => None,
        }
    }

    /// Decides on a request whose body may name another network than the path. The engine gets the
    /// body as it was read here. If no rule without contents allows the request, the rules about
    /// contents have allowed the network.
    fn with_network(
        &self,
        permit: Permit,
        request: &CanonicalRequest,
        located: &Located,
        body: Body<'_>,
        is_open: bool,
    ) -> Verdict {
        let of = |network: &str| Located {
            operation: located.operation,
            values: vec![network.to_owned()],
        };
        let is_allowed = |network: &str| {
            let other = of(network);
            (!is_open || self.allow.matches(&other)) && !self.deny.matches(&other)
        };
        match Connection::of(located.operation, body, &located.values, is_allowed) {
            Connection::Unread => Verdict::ReadBody { at_most: LONGEST_BODY },
            Connection::Allowed(None) => Verdict::Forward(permit),
            Connection::Allowed(Some(body)) => Verdict::Forward(permit.with_body(body)),
            Connection::Missing(why) => {
                self.deny(Reason::Missing(why), None, request, Some(located))
            }
            Connection::Unreadable(why) => {
                self.deny(Reason::Unreadable(why), None, request, Some(located))
            }
            Connection::Other(network) => {
                let other = of(&network);
                // A name that may be the beginning of an ID is not allowed by any rule.
                let is_helped = !is_hex(&network) && !self.deny.matches(&other);
                let rule = is_helped.then(|| Rule::of_request(&other));
                let path = format!("/networks/{network}/connect");
                let method = request.method().as_str();
                match CanonicalRequest::parse(self.engine, method, &path) {
                    Ok(named) => self.deny(Reason::OtherNetwork, rule, &named, Some(&other)),
                    Err(_) => self.deny(Reason::OtherNetwork, None, request, Some(located)),
                }
            }
        }
    }

    /// The first rule under `deny` that matches.
    fn first_denying(&self, located: &Located) -> Rule {
        let mut first = usize::MAX;
        self.deny.each_match(located, |place| {
            first = first.min(place);
            false
        });
        self.denied.get(first).cloned().unwrap_or_else(|| Rule::of_request(located))
    }

    fn deny(
        &self,
        reason: Reason,
        rule: Option<Rule>,
        request: &CanonicalRequest,
        located: Option<&Located>,
    ) -> Verdict {
        let method = request.method();
        let path = redacted_canonical(request, located, LONGEST_TOLD);
        let subject =
            Subject { asked: format!("{method} {path}"), profile: Arc::clone(&self.name) };
        let elsewhere = match reason {
            Reason::Unknown(_) => self.elsewhere(method.as_str(), request.target()),
            _ => None,
        };
        Verdict::Deny(Denial::by_profile(reason, rule, subject).with_elsewhere(elsewhere))
    }

    /// Another engine that has an operation which this one lacks.
    fn elsewhere(&self, method: &str, target: &str) -> Option<Elsewhere> {
        let other = self.engine.elsewhere(method, target)?;
        Some(Elsewhere { own: self.engine, other })
    }
}

/// Whether the rules allow to connect to some networks and not to others.
fn is_about_networks(engine: EngineKind, allow: &RuleIndex, deny: &RuleIndex) -> bool {
    let operations = engine.catalogue().operations();
    let mut named = operations.iter().filter(|operation| operation.traits.names_network);
    named.any(|operation| {
        deny.is_about(operation)
            || (allow.is_about(operation) && !allow.covers(&Rule::any(operation)))
    })
}

/// The rules for any contents.
fn plain(list: &[Entry<Rule>]) -> Vec<Rule> {
    let rules = list.iter().map(|entry| &entry.value);
    rules.filter(|rule| rule.contents().is_none()).cloned().collect()
}

impl Gate for Enforcer {
    fn decide(&self, asked: &Request<'_>) -> Decision {
        self.decide_from(asked, Source::Body(asked.body))
    }

    fn refuses_flaws(&self) -> bool {
        true
    }
}

impl Auditor {
    /// The gate that notes what `enforcer` would deny.
    #[must_use]
    pub fn new(enforcer: Enforcer) -> Self {
        Self(enforcer)
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
            read @ Verdict::ReadBody { .. } => read,
        };
        decision
    }

    fn refuses_flaws(&self) -> bool {
        false
    }
}

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

#[cfg(test)]
mod tests;
