//! Whose objects requests were about: those that the recording made, or others.
//!
//! All sessions of the evidence count together, because the label that marks an object as own outlives a
//! session. Within a session an object is own from its creation on, and has a name until it is renamed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::asked::Asked;
use super::{Demand, Whose};
use crate::api::{EngineKind, HIDDEN, Object, ObjectKind, Operation, is_incomplete};
use crate::contents::{Facet, Fact, familiar_image, filters_by_owner, makes_owned};
use crate::policy::{self, Found};

/// The fewest digits that count as the beginning of an ID.
const FEWEST_DIGITS: usize = 4;

/// An object that a request made.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct MadeBy {
    /// The number of the request.
    pub(super) seq: u64,
    pub(super) kind: ObjectKind,
    pub(super) id: String,
    pub(super) name: Option<String>,
}

/// A request that gave the object in its path another name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct NamedBy {
    /// The number of the request.
    pub(super) seq: u64,
    /// The new name.
    pub(super) name: String,
}

/// What owners are learned from, of one session.
pub(super) struct Life<'a, 'b> {
    pub(super) made: &'a BTreeSet<MadeBy>,
    /// The volumes that creates of containers made by the way, and the numbers of these requests.
    pub(super) made_by_the_way: &'a BTreeMap<String, u64>,
    pub(super) named: &'a BTreeSet<NamedBy>,
    /// What the request with a number asked for, unless the engine refused it.
    pub(super) done: &'a dyn Fn(u64) -> Option<&'b Asked>,
}

/// The objects that the recording made.
#[derive(Debug, Default)]
pub(super) struct Owners {
    engine: EngineKind,
    objects: Vec<OwnObject>,
    by_name: HashMap<(ObjectKind, String), Vec<usize>>,
    by_id: BTreeMap<(ObjectKind, String), usize>,
    /// When objects of others got a name: the session, and the number of the request.
    lost: HashMap<(ObjectKind, String), Vec<(usize, u64)>>,
}

#[derive(Debug)]
struct OwnObject {
    kind: ObjectKind,
    /// The session and the number of the request.
    since: (usize, u64),
    names: Vec<Name>,
}

/// A name that an object had.
#[derive(Debug)]
struct Name {
    name: String,
    /// The session in which it got it, and the number of the request.
    since: (usize, u64),
    /// The number of the request that took it away.
    until: Option<u64>,
}

/// The names of objects by their IDs, for people.
#[derive(Clone, Debug, Default)]
pub struct ObjectNames(BTreeMap<(ObjectKind, String), String>);

impl Owners {
    /// The objects of sessions, which are given in the order of their starts.
    pub(super) fn of(engine: EngineKind, sessions: &[Life<'_, '_>]) -> Self {
        let mut owners = Self { engine, ..Self::default() };
        let made = |is_exec: bool| {
            let all = sessions.iter().enumerate();
            all.flat_map(move |(session, life)| {
                let of_kind = move |made: &&MadeBy| (made.kind == ObjectKind::Exec) == is_exec;
                life.made.iter().filter(of_kind).map(move |made| (session, made))
            })
        };
        for (session, object) in made(false) {
            // What enforce cannot mark does not become an own object there either.
            let asked = sessions.get(session).and_then(|life| (life.done)(object.seq));
            if asked.is_some_and(|asked| makes_owned(asked.operation) && asked.facts.is_some()) {
                owners.add(session, object);
            }
        }
        for (session, life) in sessions.iter().enumerate() {
            for (volume, seq) in life.made_by_the_way {
                // The request that makes it mounts it, too.
                let seq = seq.saturating_sub(1);
                let (kind, id) = (ObjectKind::Volume, volume.clone());
                owners.add(session, &MadeBy { seq, kind, id, name: None });
            }
            for named in life.named {
                if let Some(asked) = (life.done)(named.seq) {
                    owners.name(session, named, asked);
                }
            }
        }
        // The owner of an exec is that of its container.
        for (session, object) in made(true) {
            let Some(life) = sessions.get(session) else { continue };
            let container = (life.done)(object.seq).and_then(of_path);
            if container.is_some_and(|one| owners.find(&one, (session, object.seq)).is_some()) {
                owners.add(session, object);
            }
        }
        owners
    }

    /// Whether anything was made.
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The names that people may know.
    pub(super) fn names(&self) -> ObjectNames {
        let named = self.by_id.iter().filter_map(|(key, place)| {
            let name = self.objects.get(*place)?.names.last()?;
            Some((key.clone(), name.name.clone()))
        });
        ObjectNames(named.collect())
    }

    /// The objects of a request that were own when it was sent: it is the request with this number in
    /// this session.
    pub(super) fn own_objects(&self, asked: &Asked, at: (usize, u64)) -> BTreeSet<Object> {
        let path = of_path(asked).filter(|object| self.find(object, at).is_some());
        let facts = asked.facts.iter().flat_map(|facts| facts.iter());
        let facts = facts.filter_map(|fact| object_of(asked.operation, fact));
        path.into_iter().chain(facts.filter(|object| self.find(object, at).is_some())).collect()
    }

    fn add(&mut self, session: usize, made: &MadeBy) {
        let since = (session, made.seq);
        let id = self.spelled(made.kind, &made.id);
        let place = *self.by_id.entry((made.kind, id)).or_insert(self.objects.len());
        if place == self.objects.len() {
            self.objects.push(OwnObject { kind: made.kind, since, names: Vec::new() });
        }
        if let Some(name) = &made.name {
            self.give(place, name, since);
        }
    }

    /// Gives an object another name. A container then no longer has the old one, and an image has both.
    fn name(&mut self, session: usize, named: &NamedBy, asked: &Asked) {
        let since = (session, named.seq);
        let Some(object) = of_path(asked) else { return };
        let Some(found) = self.find(&object, since) else {
            let name = self.spelled(object.kind, &named.name);
            self.lost.entry((object.kind, name)).or_default().push(since);
            return;
        };
        if object.kind != ObjectKind::Image
            && let Some(one) = self.objects.get_mut(found)
        {
            let mine = one.names.iter_mut().filter(|name| name.since.0 == session);
            mine.for_each(|name| name.until = name.until.or(Some(named.seq)));
        }
        self.give(found, &named.name, since);
    }

    fn give(&mut self, place: usize, name: &str, since: (usize, u64)) {
        let Some(object) = self.objects.get_mut(place) else { return };
        let kind = object.kind;
        object.names.push(Name { name: name.to_owned(), since, until: None });
        let name = self.spelled(kind, name);
        self.by_name.entry((kind, name)).or_default().push(place);
    }

    /// The place of the own object that a request means.
    fn find(&self, object: &Object, at: (usize, u64)) -> Option<usize> {
        let kind = object.kind;
        let name = self.spelled(kind, &object.name);
        let is_there = |place: &usize| {
            self.objects.get(*place).is_some_and(|object| is_before(object.since, at))
        };
        if let Some(place) = self.by_id.get(&(kind, name.clone())).filter(|place| is_there(place)) {
            return Some(*place);
        }
        let key = (kind, name);
        let named = self.by_name.get(&key).into_iter().flatten().rev();
        let mut named = named.filter(|place| is_there(place));
        let has_name = |place: &&usize| {
            let names = self.objects.get(**place).into_iter().flat_map(|object| &object.names);
            let mut same = names.filter(|name| self.spelled(kind, &name.name) == key.1);
            same.any(|name| {
                let is_over = name.since.0 == at.0 && name.until.is_some_and(|until| until < at.1);
                is_before(name.since, at) && !is_over && !self.is_lost(&key, name.since, at)
            })
        };
        if let Some(place) = named.find(has_name) {
            return Some(*place);
        }
        let (_, name) = key;
        let is_digits =
            name.len() >= FEWEST_DIGITS && name.bytes().all(|it| it.is_ascii_hexdigit());
        let from = is_digits.then(|| (kind, name.clone()))?;
        let mut begin = self
            .by_id
            .range(from..)
            .take_while(|((other, id), _)| *other == kind && id.starts_with(&name));
        let (_, place) = begin.next()?;
        let is_unique = begin.next().is_none();
        (is_unique && is_there(place)).then_some(*place)
    }

    /// Whether an object of others got a name in the session of a request, before the request and after it was
    /// given to an own one.
    fn is_lost(&self, key: &(ObjectKind, String), since: (usize, u64), at: (usize, u64)) -> bool {
        let is_between = |lost: &(usize, u64)| {
            lost.0 == at.0 && lost.1 < at.1 && (since.0 != at.0 || since.1 < lost.1)
        };
        self.lost.get(key).into_iter().flatten().any(is_between)
    }

    /// The one spelling of a name or an ID.
    fn spelled(&self, kind: ObjectKind, name: &str) -> String {
        let name = name.trim_start_matches('/');
        if kind != ObjectKind::Image {
            return name.to_owned();
        }
        if let Some(digits) = name.strip_prefix("sha256:") {
            return digits.to_owned();
        }
        // podman's name for what was built without a registry.
        let local = (self.engine == EngineKind::Podman).then(|| name.strip_prefix("localhost/"));
        let name = local.flatten().unwrap_or(name);
        familiar_image(name).unwrap_or_else(|| name.to_owned())
    }
}

/// Whether something happened before a request. Sessions may run at the same time, so nothing is known of
/// the order of requests in two of them.
fn is_before(since: (usize, u64), at: (usize, u64)) -> bool {
    since.0 != at.0 || since.1 < at.1
}

/// The volumes that creates of containers made by the way. The answers do not name them, and the recorder
/// does not know whether they existed before; but one that the program removes afterwards, and did not find
/// before, is its own.
pub(super) fn made_by_the_way<'a>(
    requests: impl Iterator<Item = (u64, &'a Asked)>,
) -> BTreeMap<String, u64> {
    // The first request that found a volume, or made it by the way.
    let mut first: HashMap<String, Option<u64>> = HashMap::new();
    let mut made = BTreeMap::new();
    for (seq, asked) in requests {
        let is_volume = |object: &Object| object.kind == ObjectKind::Volume;
        if let Some(volume) = of_path(asked).filter(is_volume) {
            let since = *first.entry(volume.name.clone()).or_insert(None);
            if let Some(seq) = since.filter(|_| asked.operation.name.ends_with("VolumeDelete")) {
                made.insert(volume.name, seq);
            }
        }
        if asked.operation.creates.is_some() {
            let facts = asked.facts.iter().flat_map(|facts| facts.iter());
            for volume in facts.filter_map(Fact::object).filter(is_volume) {
                first.entry(volume.name).or_insert(Some(seq));
            }
        }
    }
    made
}

/// The object that the path of a request names.
pub(super) fn of_path(asked: &Asked) -> Option<Object> {
    path_object(asked.operation, &asked.values)
}

/// The object that the path of a request for an operation names.
fn path_object(operation: &Operation, values: &[String]) -> Option<Object> {
    let name = values.first().filter(|name| !is_incomplete(name))?;
    Some(Object::new(operation.object()?, name))
}

/// The object that a fact about a request for an operation names. An image that is made gets a name that
/// nobody needs to own.
fn object_of(operation: &Operation, fact: &Fact) -> Option<Object> {
    let names_image = operation.creates == Some(ObjectKind::Image)
        || operation.name.strip_prefix("Libpod").unwrap_or(operation.name) == "ImageTag";
    let is_given = fact.facet == Facet::Image && names_image;
    fact.object().filter(|object| !is_given && !object.name.contains(HIDDEN))
}

/// Whether a request names any object that has an owner.
pub(super) fn has_objects(asked: &Asked) -> bool {
    let facts = || asked.facts.iter().flat_map(|facts| facts.iter());
    of_path(asked).is_some() || facts().any(|fact| object_of(asked.operation, fact).is_some())
}

impl Demand {
    /// Whether the object in its path was the recording's own, which has to be known.
    #[must_use]
    pub fn has_own_path(&self, operation: &Operation) -> bool {
        path_object(operation, &self.names).is_some_and(|object| self.whose.own.contains(&object))
    }

    /// Whether the object in its path may have been the recording's own.
    #[must_use]
    pub fn may_have_own_path(&self, operation: &Operation) -> bool {
        let object = path_object(operation, &self.names);
        object.is_some_and(|object| self.whose.may_own(&object))
    }

    /// Whether there was no object of the name in its path, neither an own one nor another.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.whose.is_absent
    }

    /// Whose the objects were that a request named, if what the recording made is this owner's.
    pub(super) fn owners(&self, operation: &Operation, owner: &str) -> policy::Owners {
        let facts = self.facts.iter().flat_map(|facts| facts.iter());
        let of_facts = facts.filter_map(|fact| object_of(operation, fact));
        let mut owners = policy::Owners::default();
        let of_path = path_object(operation, &self.names);
        for object in of_path.clone().into_iter().chain(of_facts) {
            let may_own = self.whose.may_own(&object) || may_be_made(operation, &object);
            let owner = if may_own { owner } else { "" };
            let found = match self.is_absent() && of_path.as_ref() == Some(&object) {
                true => Found::Absent,
                false => Found::object(object.name.clone(), owner),
            };
            owners.add(object, found);
        }
        owners
    }

    /// The fact in the spelling for own objects, if its object was the recording's own.
    #[must_use]
    pub fn as_own(&self, operation: &Operation, fact: &Fact) -> Option<Fact> {
        if fact.facet == Facet::Filters {
            return fact.as_own().filter(|_| self.whose.is_filtered);
        }
        let object = object_of(operation, fact)?;
        if self.whose.own.contains(&object) { fact.as_own() } else { None }
    }

    /// The same if its object may have been the recording's own.
    #[must_use]
    pub fn as_perhaps_own(&self, operation: &Operation, fact: &Fact) -> Option<Fact> {
        // The engine filters whatever was asked for.
        if fact.facet == Facet::Filters {
            return fact.as_own().filter(|_| filters_by_owner(operation));
        }
        let object = object_of(operation, fact)?;
        let may_own = self.whose.may_own(&object) || may_be_made(operation, &object);
        if may_own { fact.as_own() } else { None }
    }
}

/// Whether a request makes an object of its contents by the way if it does not exist, which a recording does
/// not say: enforce makes such a volume as an own one.
fn may_be_made(operation: &Operation, object: &Object) -> bool {
    object.kind == ObjectKind::Volume
        && operation.creates.is_some_and(|kind| kind != ObjectKind::Volume)
}

impl Whose {
    /// Whether an object may have been the recording's own.
    fn may_own(&self, object: &Object) -> bool {
        !self.is_known || self.own.contains(object)
    }
}

impl ObjectNames {
    /// The name of the object in the path of an operation, if it is named there by its ID.
    #[must_use]
    pub fn of_operation(&self, operation: &Operation, id: &str) -> Option<&str> {
        self.of(operation.object()?, id)
    }

    /// The value of a fact, with the name of an object that it names by its ID.
    #[must_use]
    pub fn told(&self, fact: &Fact) -> String {
        let known_as = self.of_fact(fact).map(|name| format!(" ({name})")).unwrap_or_default();
        format!("{}{known_as}", fact.value)
    }

    /// The name of the object that a fact names by its ID.
    #[must_use]
    pub fn of_fact(&self, fact: &Fact) -> Option<&str> {
        let object = fact.object()?;
        self.of(object.kind, &object.name)
    }

    /// The name of the object with this ID, or the beginning of one; `None` if it has none, or if that is a
    /// name.
    #[must_use]
    pub fn of(&self, kind: ObjectKind, id: &str) -> Option<&str> {
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        let is_digits = id.len() >= FEWEST_DIGITS && id.bytes().all(|it| it.is_ascii_hexdigit());
        let from = is_digits.then(|| (kind, id.to_owned()))?;
        let mut begin = self
            .0
            .range(from..)
            .take_while(|((other, full), _)| *other == kind && full.starts_with(id));
        let (_, name) = begin.next()?;
        begin.next().is_none().then_some(name)
    }
}
