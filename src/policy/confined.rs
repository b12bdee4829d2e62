//! Decides on the contents of requests, for the operations with rules that say something about them.

use std::collections::BTreeSet;

use super::asked::{Asked, Source};
use super::ownership::{OfContents, OfNewName, Ownership};
use super::{Body, MOST_OBJECTS, NewVolume, Reason};
use crate::api::{Located, Object, Operation};
use crate::contents::{
    Contents, Context, Fact, Facts, Nesting, Schema, Sockets, Unreadable, own_volume,
};
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

/// The operation of a request, by the names in its path.
pub(super) struct Names<'a> {
    /// As the request has them.
    pub(super) located: &'a Located,
    /// As rules about own objects match them; `None` if the object is not the owner's, or nobody asked.
    pub(super) own: Option<Located>,
}

/// The rules about contents that decide on one request.
pub(super) struct Confining<'a> {
    confined: &'a Confined,
    names: &'a Names<'a>,
    /// Whether another rule allows any contents.
    is_open: bool,
    /// The owner of what is created, whose label is written into it.
    owner: Option<&'a str>,
}

/// What the contents mean for a decision.
pub(super) enum Confinement {
    /// They are allowed.
    Admitted {
        /// The body that the engine gets; `None` for the client's, which is not decided on.
        body: Option<Vec<u8>>,
        /// The query that the engine gets; `None` for the client's.
        query: Option<String>,
        /// Whether the query makes the engine filter by owner.
        is_filtered: bool,
    },
    /// The body has to be read first.
    Unread,
    /// The engine has to say first whose these objects are.
    Owners(Vec<Object>),
    /// These volumes have to be made first.
    Volumes(Vec<NewVolume>),
    /// They are not allowed.
    Denied(Box<Refused>),
}

/// What the facts of a request mean for a decision.
enum Judgement {
    /// They are allowed if these volumes, which do not exist, are made first.
    Admitted(Vec<Object>),
    /// They are allowed if the engine filters by owner.
    Filtered,
    /// The engine has to say first whose these objects are.
    Owners(Vec<Object>),
    /// They are not allowed.
    Refused(Box<Refused>),
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

    /// The rules that decide on a request; `None` if its contents do not matter. `owner` is the owner of
    /// what it creates, whose label has to be written into it.
    pub(super) fn about<'a>(
        &'a self,
        names: &'a Names<'a>,
        is_open: bool,
        owner: Option<&'a str>,
    ) -> Option<Confining<'a>> {
        if self.is_empty && owner.is_none() {
            return None;
        }
        let is_allowed = || names.each().any(|located| self.allow.matches(located));
        let decides = self.deny.matches(names.located) || (!is_open && is_allowed());
        (decides || (is_open && owner.is_some())).then_some(Confining {
            confined: self,
            names,
            is_open,
            owner,
        })
    }
}

impl Confinement {
    /// Contents that are allowed as they are.
    fn admitted(body: Option<Vec<u8>>, query: Option<String>) -> Self {
        Self::Admitted { body, query, is_filtered: false }
    }
}

impl Names<'_> {
    fn each(&self) -> impl Iterator<Item = &Located> {
        std::iter::once(self.located).chain(&self.own)
    }
}

impl Confining<'_> {
    /// Decides on the contents of the request. `read` is set to what they give away.
    pub(super) fn decide(
        &self,
        asked: &Asked<'_>,
        ownership: &Ownership,
        read: &mut Option<Box<Result<Facts, Unreadable>>>,
    ) -> Confinement {
        let denied = |reason, rule| Confinement::Denied(Refused::new(reason, rule));
        let body = match asked.source {
            Source::Recorded(facts) => {
                let schema = Schema::in_rules(self.names.located.operation);
                let unrecorded =
                    facts.map_or_else(|| schema.and_then(Schema::unrecorded), |_| None);
                return match self.judge(facts.or(unrecorded.as_ref()), asked, ownership) {
                    Judgement::Admitted(_) => Confinement::admitted(None, None),
                    Judgement::Filtered => {
                        Confinement::Admitted { body: None, query: None, is_filtered: true }
                    }
                    Judgement::Owners(objects) => Confinement::Owners(objects),
                    Judgement::Refused(refused) => Confinement::Denied(refused),
                };
            }
            Source::Body(body) => body,
        };
        let Some(schema) = Schema::in_rules(self.names.located.operation) else {
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
        let nesting = self.nesting().next().unwrap_or_default();
        let context = Context {
            names: &self.names.located.values,
            sockets: Some(&self.confined.sockets),
            nesting,
            owner: self.owner,
        };
        let read_with = |context: &Context<'_>| schema.read(asked.request.query(), body, context);
        match read_with(&context) {
            // Contents that any rule allows are read to mark what they create. It stays nobody's.
            Err(_) if self.is_open && !self.confined.deny.matches(self.names.located) => {
                Confinement::admitted(None, None)
            }
            Err(why) => {
                *read = Some(Box::new(Err(why.clone())));
                let rule = why.is_unknown().then(|| self.rule().map(Rule::without_contents));
                denied(Reason::Unreadable(why), rule.flatten())
            }
            Ok(Contents { facts, body, query }) => {
                let judged = self.judge(Some(&facts), asked, ownership);
                let other = self.other_nesting(nesting, &facts, asked, ownership);
                // The rule that allows it names another profile for the socket.
                let again = other.map(|nesting| read_with(&Context { nesting, ..context }));
                let (body, query) = match again {
                    None => (body, query),
                    Some(Ok(again)) => (again.body, again.query),
                    Some(Err(why)) => return denied(Reason::Unreadable(why), None),
                };
                let named = ownership.of_new_name(self.names.located.operation, &facts, asked);
                *read = Some(Box::new(Ok(facts)));
                match (judged, named) {
                    (Judgement::Refused(refused), _) => Confinement::Denied(refused),
                    (Judgement::Owners(objects), _) => Confinement::Owners(objects),
                    (_, OfNewName::Asked(object)) => Confinement::Owners(vec![object]),
                    (_, OfNewName::Refused(reason)) => denied(reason, None),
                    (Judgement::Admitted(volumes), OfNewName::Free) if volumes.is_empty() => {
                        Confinement::admitted(body, query)
                    }
                    (Judgement::Filtered, OfNewName::Free) => {
                        self.filtered(asked, schema, ownership)
                    }
                    (Judgement::Admitted(volumes), OfNewName::Free) => {
                        let owner = ownership.name();
                        let new = |object: Object| NewVolume {
                            body: own_volume(&object, owner, body.as_deref()),
                            object,
                        };
                        Confinement::Volumes(volumes.into_iter().map(new).collect())
                    }
                }
            }
        }
    }

    /// What the rules say of the sockets of containers.
    fn nesting(&self) -> impl Iterator<Item = Nesting<'_>> {
        let rules = self.rules().filter(|_| !self.is_open).map(Rule::nesting);
        rules.filter(|nesting| *nesting != Nesting::AsAsked)
    }

    /// What the first rule that allows these facts says of them, if that is something else than `first`.
    fn other_nesting(
        &self,
        first: Nesting<'_>,
        facts: &Facts,
        asked: &Asked<'_>,
        ownership: &Ownership,
    ) -> Option<Nesting<'_>> {
        if first == Nesting::AsAsked {
            return None;
        }
        self.nesting().find(|other| *other != first)?;
        let admits = |rule: &&Rule| {
            rule.admits(Some(facts)) || ownership.of_contents(rule, facts, asked).is_admitted()
        };
        let mut nesting = self.rules().filter(|rule| rule.nesting() != Nesting::AsAsked);
        nesting.find(admits).map(Rule::nesting).filter(|other| *other != first)
    }

    /// The request with filters by owner.
    fn filtered(&self, asked: &Asked<'_>, schema: &Schema, ownership: &Ownership) -> Confinement {
        let Some(owner) = ownership.owner_of_listed() else {
            return Confinement::admitted(None, None);
        };
        match schema.with_owner(asked.request.query(), owner) {
            Ok(Some(query)) => {
                Confinement::Admitted { body: None, query: Some(query), is_filtered: true }
            }
            Ok(None) => Confinement::Denied(Refused::new(Reason::Undecided, None)),
            Err(why) => Confinement::Denied(Refused::new(Reason::Unreadable(why), None)),
        }
    }

    /// Decides on what a request gives away.
    fn judge(&self, facts: Option<&Facts>, asked: &Asked<'_>, ownership: &Ownership) -> Judgement {
        let refused = |reason, rule| Judgement::Refused(Refused::new(reason, rule));
        let Confined { deny, denied, .. } = self.confined;
        for rule in matching(deny, denied, std::iter::once(self.names.located)) {
            if rule.denies(facts) {
                let given = rule.denied_fact(facts);
                return refused(Reason::Denied { rule: rule.clone(), given }, None);
            }
        }
        if self.is_open || self.rules().any(|rule| rule.admits(facts)) {
            return Judgement::Admitted(Vec::new());
        }
        let Some(facts) = facts else {
            let rule = self.rule().map(Rule::without_contents);
            return refused(Reason::NoContents, rule);
        };
        let owned = self.rules().map(|rule| ownership.of_contents(rule, facts, asked));
        let owned: Vec<OfContents> = owned.collect();
        if let Some(owned) = owned.iter().find(|owned| owned.is_admitted()) {
            return match owned.is_filtered {
                true => Judgement::Filtered,
                false => Judgement::Admitted(owned.absent.clone()),
            };
        }
        let asked: BTreeSet<&Object> = owned
            .iter()
            .filter(|owned| owned.lacking.is_empty())
            .flat_map(|own| &own.asked)
            .collect();
        if !asked.is_empty() && asked.len() <= MOST_OBJECTS {
            return Judgement::Owners(asked.into_iter().cloned().collect());
        }
        if let Some(object) = owned.iter().find_map(|owned| owned.unknown.clone()) {
            return refused(Reason::OwnerUnknown(object), None);
        }
        // The rule that lacks the fewest values is the one that was meant.
        let lacking = self.rules().zip(owned).map(|(rule, owned)| (rule, needed(owned.lacking)));
        match lacking.min_by_key(|(_, lacking)| lacking.len()) {
            None => refused(Reason::Undecided, None),
            Some((rule, lacking)) => {
                let wider = rule.contents().cloned().map(|mut contents| {
                    lacking.iter().for_each(|fact| contents.add_fact(fact));
                    rule.clone().with_contents(Some(contents))
                });
                refused(Reason::Contents { rule: rule.clone(), lacking }, wider)
            }
        }
    }

    /// The rules that allow the names of the request.
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        matching(&self.confined.allow, &self.confined.allowed, self.names.each())
    }

    fn rule(&self) -> Option<&Rule> {
        self.rules().next()
    }
}

/// What a rule would have to allow, too: the fewest facts, for some allow others.
fn needed(lacking: Vec<Fact>) -> Vec<Fact> {
    let is_wider = |wider: &Fact, fact: &Fact| {
        wider != fact && wider.facet == fact.facet && ValuePattern::of(wider).matches(&fact.value)
    };
    let is_needed = |fact: &&Fact| !lacking.iter().any(|other| is_wider(other, fact));
    lacking.iter().filter(is_needed).cloned().collect()
}

/// The rules that match names, in the order of the profile.
fn matching<'a, 'b>(
    index: &RuleIndex,
    rules: &'a [Rule],
    names: impl Iterator<Item = &'b Located>,
) -> impl Iterator<Item = &'a Rule> {
    let mut places = Vec::new();
    for located in names {
        index.each_match(located, |place| {
            places.push(place);
            false
        });
    }
    places.sort_unstable();
    places.dedup();
    places.into_iter().filter_map(|place| rules.get(place))
}

#[cfg(test)]
mod tests;
