//! Decides on the contents of requests, for the operations with rules that say something about them.

use super::{Body, Reason};
use crate::api::{CanonicalRequest, Located, Operation};
use crate::contents::{Contents, Context, Fact, Facts, Schema, Sockets, Unreadable};
use crate::profile::{Entry, Profile, Rule, RuleIndex, ValuePattern};

/// The rules of a profile that say something about contents.
#[derive(Debug)]
pub(super) struct Confined {
    allow: RuleIndex,
    allowed: Vec<Rule>,
    deny: RuleIndex,
    denied: Vec<Rule>,
    /// Whether there are no such rules, which is the usual case.
    is_empty: bool,
    /// The sockets that containers ask for.
    sockets: Sockets,
}

/// Where the contents of a request come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// The body, as far as it has been read.
    Body(Body<'a>),
    /// A recording; `None` if it does not have them.
    Recorded(Option<&'a Facts>),
}

/// The rules about contents that decide on one request.
pub(super) struct Asked<'a> {
    confined: &'a Confined,
    located: &'a Located,
    /// Whether another rule allows any contents.
    is_open: bool,
}

/// What the contents mean for a decision.
pub(super) enum Confinement {
    /// They are allowed. The engine gets this body; `None` stands for the client's, which is not
    /// decided on.
    Admitted(Option<Vec<u8>>),
    /// The body has to be read first.
    Unread,
    /// They are not allowed.
    Denied(Box<Refused>),
}

/// Contents that are not allowed.
pub(super) struct Refused {
    pub(super) reason: Reason,
    /// The rule that would allow them.
    pub(super) rule: Option<Rule>,
}

impl Refused {
    fn new(reason: Reason, rule: Option<Rule>) -> Box<Self> {
        Box::new(Self { reason, rule })
    }
}

impl Confined {
    /// The rules of a profile.
    pub(super) fn of(profile: &Profile) -> Self {
        let pick = |list: &[Entry<Rule>]| -> Vec<Rule> {
            let rules = list.iter().map(|entry| &entry.value);
            rules.filter(|rule| rule.contents().is_some()).cloned().collect()
        };
        let (allowed, denied) = (pick(&profile.allow), pick(&profile.deny));
        Self {
            allow: RuleIndex::new(profile.engine, &allowed),
            deny: RuleIndex::new(profile.engine, &denied),
            is_empty: allowed.is_empty() && denied.is_empty(),
            allowed,
            denied,
            sockets: Sockets::default(),
        }
    }

    /// The same with the sockets that containers ask for.
    pub(super) fn with_sockets(self, sockets: Sockets) -> Self {
        Self { sockets, ..self }
    }

    /// Whether some rule allows the operation for some names.
    pub(super) fn allows_some(&self, operation: &Operation) -> bool {
        !self.is_empty && self.allow.is_about(operation)
    }

    /// The rules that decide on a request; `None` if its contents do not matter.
    pub(super) fn about<'a>(&'a self, located: &'a Located, is_open: bool) -> Option<Asked<'a>> {
        if self.is_empty {
            return None;
        }
        let matters = self.deny.matches(located) || (!is_open && self.allow.matches(located));
        matters.then_some(Asked { confined: self, located, is_open })
    }
}

impl Asked<'_> {
    /// Decides on the contents of the request. `read` is set to what they give away.
    pub(super) fn decide(
        &self,
        request: &CanonicalRequest,
        source: Source<'_>,
        read: &mut Option<Box<Result<Facts, Unreadable>>>,
    ) -> Confinement {
        let denied = |reason, rule| Confinement::Denied(Refused::new(reason, rule));
        let body = match source {
            Source::Recorded(facts) => {
                return match self.judge(facts) {
                    Ok(()) => Confinement::Admitted(None),
                    Err(refused) => Confinement::Denied(refused),
                };
            }
            Source::Body(body) => body,
        };
        let Some(schema) = Schema::of(self.located.operation) else {
            return denied(Reason::Undecided, None);
        };
        let body = match body {
            _ if !schema.has_body() => None,
            Body::Absent => None,
            Body::Unread => return Confinement::Unread,
            Body::Missing(why) => return denied(Reason::Missing(why), None),
            Body::Whole(body) => Some(body),
        };
        // Where a rule says so, a socket is replaced. One that allows any contents leaves them as they
        // are.
        let nests = !self.is_open && self.rules().any(Rule::nests);
        let sockets = Some(&self.confined.sockets);
        let context = Context { names: &self.located.values, sockets, nests };
        match schema.read(request.query(), body, &context) {
            Err(why) => {
                *read = Some(Box::new(Err(why.clone())));
                let rule = why.is_unknown().then(|| self.rule().map(Rule::without_contents));
                denied(Reason::Unreadable(why), rule.flatten())
            }
            Ok(Contents { facts, body }) => {
                let judged = self.judge(Some(&facts));
                *read = Some(Box::new(Ok(facts)));
                match judged {
                    Ok(()) => Confinement::Admitted(body),
                    Err(refused) => Confinement::Denied(refused),
                }
            }
        }
    }

    /// Decides on what a request gives away.
    fn judge(&self, facts: Option<&Facts>) -> Result<(), Box<Refused>> {
        let Confined { deny, denied, .. } = self.confined;
        for rule in matching(deny, denied, self.located) {
            if rule.denies(facts) {
                let given = rule.denied_fact(facts);
                return Err(Refused::new(Reason::Denied { rule: rule.clone(), given }, None));
            }
        }
        if self.is_open {
            return Ok(());
        }
        let mut rules = self.rules();
        if rules.any(|rule| rule.admits(facts)) {
            return Ok(());
        }
        let Some(facts) = facts else {
            let rule = self.rule().map(Rule::without_contents);
            return Err(Refused::new(Reason::NoContents, rule));
        };
        // The rule that lacks the fewest values is the one that was meant.
        let lacking = self.rules().map(|rule| (rule, lacks(rule, facts)));
        match lacking.min_by_key(|(_, lacking)| lacking.len()) {
            None => Err(Refused::new(Reason::Undecided, None)),
            Some((rule, lacking)) => {
                let wider = rule.contents().cloned().map(|mut contents| {
                    lacking.iter().for_each(|fact| contents.add_fact(fact));
                    rule.clone().with_contents(Some(contents))
                });
                Err(Refused::new(Reason::Contents { rule: rule.clone(), lacking }, wider))
            }
        }
    }

    /// The rules that allow the names of the request.
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        matching(&self.confined.allow, &self.confined.allowed, self.located)
    }

    fn rule(&self) -> Option<&Rule> {
        self.rules().next()
    }
}

/// What a rule would have to allow, too: the fewest facts, for some allow others.
fn lacks(rule: &Rule, facts: &Facts) -> Vec<Fact> {
    let refused = rule.contents().into_iter().flat_map(|contents| contents.refused(facts));
    let refused: Vec<&Fact> = refused.collect();
    let is_wider = |wider: &&&Fact, fact: &Fact| {
        **wider != fact && wider.facet == fact.facet && ValuePattern::of(wider).matches(&fact.value)
    };
    let needed = refused.iter().filter(|fact| !refused.iter().any(|other| is_wider(&other, fact)));
    needed.map(|fact| (*fact).clone()).collect()
}

/// The rules that match names, in the order of the profile.
fn matching<'a>(
    index: &RuleIndex,
    rules: &'a [Rule],
    located: &Located,
) -> impl Iterator<Item = &'a Rule> + use<'a> {
    let mut places = Vec::new();
    index.each_match(located, |place| {
        places.push(place);
        false
    });
    places.sort_unstable();
    places.into_iter().filter_map(|place| rules.get(place))
}

#[cfg(test)]
mod tests;
