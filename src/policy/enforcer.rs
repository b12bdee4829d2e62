//! The gate that enforces a profile.

use std::collections::HashSet;
use std::sync::Arc;

use super::asked::{Asked, Source};
use super::confined::{Confined, Confinement, Names};
use super::denial::{Elsewhere, Subject};
use super::hiding::Hiding;
use super::network::{Connection, is_hex};
use super::ownership::{Label, OfOwner, Ownership};
use super::reading::Reading;
use super::{Body, Decision, Denial, Gate, Permit, Reason, Request, Verdict};
use crate::api::{ApiVersion, CanonicalRequest, EngineKind, Located, Refusal, redacted_canonical};
use crate::contents::{Facts, LONGEST_BODY, Sockets, Unreadable};
use crate::profile::{Entry, Profile, Rule, RuleIndex, UnknownOperation};

/// The length limit, in bytes, for a name that a denial repeats.
const LONGEST_TOLD: usize = 512;

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
    ownership: Ownership,
    /// What rules hide in answers; `None` in most profiles.
    hiding: Option<Box<Hiding>>,
    /// Whether operations and names alone decide, as in most profiles.
    is_plain: bool,
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
            ownership: Ownership::of(profile),
            hiding: Hiding::of(profile),
            is_plain: profile.allow.iter().chain(&profile.deny).all(|entry| entry.value.is_plain()),
        }
    }

    /// The gate for what this owner has made, whom other gates may be for too. What is created gets the
    /// owner's label even if no rule asks for it.
    #[must_use]
    pub fn with_owner(self, owner: &str) -> Self {
        Self { ownership: self.ownership.with_owner(owner), is_plain: false, ..self }
    }

    /// The gate that takes every object for the owner's, and marks none. It is for a gate that only
    /// watches, and therefore cannot mark what is created.
    #[must_use]
    pub(super) fn assuming_own(self) -> Self {
        Self { ownership: self.ownership.assumed(), ..self }
    }

    /// The owner of what is created; `None` if no rule asks whose an object is.
    #[must_use]
    pub fn owner(&self) -> Option<&Arc<str>> {
        self.ownership.owner()
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
            Verdict::ReadBody { .. } | Verdict::FindOwners(_) | Verdict::MakeVolumes(_) => {
                Some(Denial::undecided())
            }
        }
    }

    fn decide_from(&self, asked: &Request<'_>, source: Source<'_>) -> Decision {
        let Reading { request, located, refusal } = Reading::of(self.engine, asked);
        let refused = |refusal: &Refusal| {
            let elsewhere = self.elsewhere(asked.head.method, asked.head.target);
            Verdict::Deny(Denial::refused(refusal.clone()).with_elsewhere(elsewhere))
        };
        let mut contents = None;
        let mut verdict = match (&request, &refusal) {
            (Some(request), None) => {
                let asked = Asked { request, source, owners: asked.owners };
                self.verdict(&asked, located.as_ref(), &mut contents)
            }
            (_, Some(refusal)) => refused(refusal),
            (None, None) => refused(&Refusal::NotOriginForm),
        };
        // In place, because a verdict is large.
        if let (Some(hiding), Verdict::Forward(permit), Some(request), Some(located)) =
            (&self.hiding, &mut verdict, &request, &located)
        {
            let asked = Asked { request, source, owners: asked.owners };
            let contents = contents.as_deref();
            let hide = hiding.of_answer(located, permit, contents, &asked, &self.ownership);
            *permit = permit.clone().hiding(hide);
        }
        Decision { request, located, refusal, contents, verdict }
    }

    fn verdict(
        &self,
        asked: &Asked<'_>,
        located: Option<&Located>,
        contents: &mut Option<Box<Result<Facts, Unreadable>>>,
    ) -> Verdict {
        let request = asked.request;
        if let Some((asked, least)) = request.version().zip(self.min_api)
            && asked < least
        {
            return self.deny(Reason::BelowMinApi { asked, least }, None, request, located);
        }
        let Some(located) = located else {
            return self.unknown_verdict(request);
        };
        if !self.denied.is_empty() && self.deny.matches(located) {
            let rule = self.first_denying(located);
            return self.deny(Reason::Denied { rule, given: None }, None, request, Some(located));
        }
        let is_open = self.allow.matches(located);
        if !self.is_plain
            && let Some(verdict) = self.beyond_names(asked, located, is_open, contents)
        {
            return verdict;
        }
        if is_open {
            let permit = Permit::canonical(request, located.operation.traits.hijack);
            let verdict = self.network_verdict(asked, located, &permit, is_open);
            return verdict.unwrap_or(Verdict::Forward(permit));
        }
        self.not_allowed(request, located)
    }

    /// The decision on a request that is not an operation.
    #[cold]
    #[inline(never)]
    fn unknown_verdict(&self, request: &CanonicalRequest) -> Verdict {
        let is_listed = |unknown| self.unknown.contains(&unknown);
        if !self.unknown.is_empty() && UnknownOperation::of(request).is_some_and(is_listed) {
            return Verdict::Forward(Permit::canonical(request, false));
        }
        self.deny(Reason::Unknown(self.engine), None, request, None)
    }

    /// The denial of a request that no rule allows.
    #[cold]
    #[inline(never)]
    fn not_allowed(&self, request: &CanonicalRequest, located: &Located) -> Verdict {
        // If some names are allowed, a person has decided against allowing all. A name that is not
        // repeated to the client, because it is long or may be secret, is not repeated in a rule
        // either.
        let is_narrowed =
            self.allow.is_about(located.operation) || self.confined.allows_some(located.operation);
        let rule = match is_narrowed && is_told(request, located) {
            true => Rule::of_request(located),
            false => Rule::any(located.operation),
        };
        self.deny(Reason::NotAllowed { is_narrowed }, Some(rule), request, Some(located))
    }

    /// Decides on contents and owners; `None` if they make no difference.
    #[inline(never)]
    fn beyond_names(
        &self,
        asked: &Asked<'_>,
        located: &Located,
        is_open: bool,
        contents: &mut Option<Box<Result<Facts, Unreadable>>>,
    ) -> Option<Verdict> {
        let request = asked.request;
        // Own objects may show more than those of others.
        let hides = |hiding: &Hiding| hiding.is_about(located.operation);
        let is_certain = is_open && !self.hiding.as_deref().is_some_and(hides);
        let of_owner = match self.ownership.of_path(located, is_certain, asked) {
            OfOwner::Asked(object) => return Some(Verdict::FindOwners(vec![object])),
            known => known,
        };
        let names = Names { located, own: of_owner.located(located) };
        let is_own_open = names.own.as_ref().is_some_and(|own| self.allow.matches(own));
        let is_open = is_open || is_own_open;
        let permit = |query: Option<&str>| {
            let permit = Permit::canonical(request, located.operation.traits.hijack);
            match (of_owner.id(), query) {
                (None, None) => permit,
                (id, query) => permit.with_target(request.target_with(id, query)),
            }
        };
        let is_allowed = is_open || self.confined.allows_some(located.operation);
        let owner = match self.ownership.label(located, asked) {
            Label::Asked(object) if is_allowed => return Some(Verdict::FindOwners(vec![object])),
            Label::Unknown(object) if is_allowed => {
                let reason = Reason::OwnerUnknown(object);
                return Some(self.deny(reason, None, request, Some(located)));
            }
            Label::Asked(_) | Label::Unknown(_) => None,
            Label::Of(owner) => owner,
        };
        if let Some(confining) = self.confined.about(&names, is_open, owner) {
            let (body, query, is_filtered) =
                match confining.decide(asked, &self.ownership, contents) {
                    Confinement::Admitted { body, query, is_filtered } => {
                        (body, query, is_filtered)
                    }
                    Confinement::Unread => {
                        return Some(Verdict::ReadBody { at_most: LONGEST_BODY });
                    }
                    Confinement::Owners(objects) => return Some(Verdict::FindOwners(objects)),
                    Confinement::Volumes(volumes) => return Some(Verdict::MakeVolumes(volumes)),
                    Confinement::Denied(refused) => {
                        return Some(self.deny(
                            refused.reason,
                            refused.rule,
                            request,
                            Some(located),
                        ));
                    }
                };
            // The body may also name a network that rules without contents decide on.
            let permit = permit(query.as_deref());
            let permit = if is_filtered { permit.filtered() } else { permit };
            let of_network = self.network_verdict(asked, located, &permit, is_open);
            return Some(of_network.unwrap_or_else(|| {
                Verdict::Forward(match body {
                    None => permit,
                    Some(body) => permit.with_body(body),
                })
            }));
        }
        if is_own_open {
            let permit = permit(None);
            let of_network = self.network_verdict(asked, located, &permit, is_open);
            return Some(of_network.unwrap_or(Verdict::Forward(permit)));
        }
        let reason = of_owner.denies().filter(|_| !is_open)?;
        let rule = is_told(request, located).then(|| Rule::of_request(located));
        Some(self.deny(reason, rule, request, Some(located)))
    }

    /// The decision on a request whose body may name another network than the path; `None` if that
    /// makes no difference.
    fn network_verdict(
        &self,
        asked: &Asked<'_>,
        located: &Located,
        permit: &Permit,
        is_open: bool,
    ) -> Option<Verdict> {
        match asked.source {
            Source::Body(body)
                if located.operation.traits.names_network && self.is_about_networks =>
            {
                Some(self.with_network(permit.clone(), asked.request, located, body, is_open))
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

    // Apart from the path of a request that is allowed.
    #[cold]
    #[inline(never)]
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

/// Whether a denial repeats the names in a path.
fn is_told(request: &CanonicalRequest, located: &Located) -> bool {
    redacted_canonical(request, Some(located), LONGEST_TOLD) == *request.path()
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
