//! The rules about own objects: what they are about, and who the owner is.

use std::borrow::Cow;
use std::sync::Arc;

use super::asked::{Asked, Source};
use super::{Found, NotOwn, Reason};
use crate::api::{CanonicalRequest, Located, Object, ObjectKind, Operation};
use crate::contents::{Facet, Fact, Facts, changes_labels, is_true, makes_owned};
use crate::profile::{AN_OWN_OBJECT, Entry, Profile, Rule};

/// What a profile says about owners.
#[derive(Debug)]
pub(super) struct Ownership {
    /// The value of the label on what is created.
    owner: Arc<str>,
    /// Whether what is created gets the label.
    marks: bool,
    /// Whether every object counts as the owner's.
    is_assumed: bool,
    /// For each operation of the engine, whether a rule allows it for own objects.
    operations: Vec<bool>,
}

/// Whose the object in the path of a request is.
pub(super) enum OfOwner {
    /// That makes no difference.
    Irrelevant,
    /// The engine has to be asked.
    Asked(Object),
    /// The owner's. What the engine calls it, if that is more certain than the name in the path.
    Own(Option<String>),
    /// Somebody else's, or it does not exist.
    Other(NotOwn),
    /// The engine did not say.
    Unknown(Object),
}

/// Whose label goes into a request.
pub(super) enum Label<'a> {
    /// The engine has to be asked whose the object is.
    Asked(Object),
    /// The engine did not say.
    Unknown(Object),
    /// This owner's, or nobody's if it is empty; `None` if labels stay as they are.
    Of(Option<&'a str>),
}

/// Whether the name of what a request creates can be had.
pub(super) enum OfNewName {
    /// Nothing of others has it, or the engine refuses the request if something does.
    Free,
    /// The engine has to be asked.
    Asked(Object),
    /// It cannot.
    Refused(Reason),
}

impl Ownership {
    pub(super) fn of(profile: &Profile) -> Self {
        let mut operations = vec![false; profile.engine.catalogue().operations().len()];
        for Entry { value: rule, .. } in &profile.allow {
            if rule.is_of_owner()
                && let Some(is_about_own) = operations.get_mut(rule.operation().index)
            {
                *is_about_own = true;
            }
        }
        let marks = profile.allow.iter().any(|entry| Rule::asks_for_owner(&entry.value));
        let owner = profile.name.as_str().into();
        Self { owner, marks, is_assumed: false, operations }
    }

    pub(super) fn with_owner(self, owner: &str) -> Self {
        Self { owner: owner.into(), marks: true, ..self }
    }

    pub(super) fn assumed(self) -> Self {
        Self { is_assumed: true, marks: false, ..self }
    }

    pub(super) fn name(&self) -> &str {
        &self.owner
    }

    pub(super) fn owner(&self) -> Option<&Arc<str>> {
        self.marks.then_some(&self.owner)
    }

    /// The owner by whom the engine has to filter what a request is about; `None` if every object counts as
    /// the owner's.
    pub(super) fn owner_of_listed(&self) -> Option<&str> {
        (!self.is_assumed).then_some(&self.owner)
    }

    /// The owner whose label goes into a request: the profile's for what is created, and for what is changed the
    /// one that it has.
    pub(super) fn label<'a>(&'a self, located: &Located, asked: &Asked<'a>) -> Label<'a> {
        if !self.marks || !makes_owned(located.operation) {
            return Label::Of(None);
        }
        let object = changes_labels(located.operation).then(|| in_path(located)).flatten();
        let Some(object) = object.filter(|_| matches!(asked.source, Source::Body(_))) else {
            return Label::Of(Some(&self.owner));
        };
        match asked.owners.of(&object) {
            None => Label::Asked(object),
            Some(Found::Unknown) => Label::Unknown(object),
            Some(Found::Object { owner, .. }) => Label::Of(Some(owner)),
            Some(Found::Absent) => Label::Of(Some("")),
        }
    }

    /// What stands against the name that a request gives to what it creates, where an engine does not refuse one
    /// that is taken: it answers with what has the name, or replaces it.
    pub(super) fn of_new_name(
        &self,
        operation: &Operation,
        facts: &Facts,
        asked: &Asked<'_>,
    ) -> OfNewName {
        let Some(kind) = operation.creates.filter(|_| self.marks && takes_existing(operation))
        else {
            return OfNewName::Free;
        };
        let name = facts.iter().find(|fact| fact.facet == Facet::Name);
        let Some(object) = name.map(|fact| Object::new(kind, fact.value.clone())) else {
            return OfNewName::Free;
        };
        match (asked.owners.of(&object), asked.source) {
            (_, Source::Recorded(_)) | (Some(Found::Absent), _) => OfNewName::Free,
            (None, _) => OfNewName::Asked(object),
            (Some(Found::Unknown), _) => OfNewName::Refused(Reason::OwnerUnknown(object)),
            (Some(found), _) => match found.id_of(&self.owner) {
                Some(_) => OfNewName::Free,
                None => OfNewName::Refused(Reason::NameTaken(object)),
            },
        }
    }

    /// Whose the object in a path is. `is_open` says that it makes no difference.
    pub(super) fn of_path(&self, located: &Located, is_open: bool, asked: &Asked<'_>) -> OfOwner {
        let is_about_own = self.operations.get(located.operation.index) == Some(&true);
        if is_open || !is_about_own {
            return OfOwner::Irrelevant;
        }
        let Some(object) = in_path(located) else { return OfOwner::Irrelevant };
        if self.is_assumed {
            return OfOwner::Own(None);
        }
        let kind = object.kind;
        match (asked.owners.of(&object), asked.source) {
            // The name of an image says which of its names is meant.
            (Some(found), _) if found.id_of(&self.owner).is_some() => {
                let id = found.id_of(&self.owner).filter(|_| kind != ObjectKind::Image);
                OfOwner::Own(id.map(str::to_owned))
            }
            (Some(Found::Unknown), _) => OfOwner::Unknown(object),
            (None, Source::Body(_)) => OfOwner::Asked(object),
            (found, _) => OfOwner::Other(NotOwn {
                engine: located.operation.engine,
                exists: !matches!(found, Some(Found::Absent)),
                may_be_absent: ignores_absence(asked.request, located),
                object,
            }),
        }
    }
}

/// What a rule about contents lacks for a request, after asking whose the objects are that it names.
#[derive(Debug, Default)]
pub(super) struct OfContents {
    /// What the rule does not allow for any owner.
    pub(super) lacking: Vec<Fact>,
    /// The objects of which the engine has to say whose they are.
    pub(super) asked: Vec<Object>,
    /// The volumes that do not exist. They become the owner's.
    pub(super) absent: Vec<Object>,
    /// An object of which the engine did not say whose it is.
    pub(super) unknown: Option<Object>,
    /// Whether the rule allows it for own objects only, and the engine has to filter by owner.
    pub(super) is_filtered: bool,
}

impl OfContents {
    /// Whether the rule allows the request.
    pub(super) fn is_admitted(&self) -> bool {
        self.lacking.is_empty() && self.asked.is_empty() && self.unknown.is_none()
    }
}

impl Ownership {
    /// Compares the facts of a request with what a rule allows of own objects.
    pub(super) fn of_contents(&self, rule: &Rule, facts: &Facts, asked: &Asked<'_>) -> OfContents {
        let mut of_contents = OfContents::default();
        let Some(contents) = rule.contents() else { return of_contents };
        for fact in contents.refused(facts) {
            let is_of_owner = fact.as_own().is_some_and(|own| contents.admits(&own));
            if is_of_owner && fact.facet == Facet::Filters {
                of_contents.is_filtered = true;
                continue;
            }
            let Some(object) = fact.object().filter(|_| is_of_owner) else {
                of_contents.lacking.push(fact.clone());
                continue;
            };
            match (asked.owners.of(&object), asked.source) {
                _ if self.is_assumed || asked.owners.is_own(&object, &self.owner) => {}
                (None, Source::Body(_)) => of_contents.asked.push(object),
                (Some(Found::Absent), _) if object.kind == ObjectKind::Volume => {
                    of_contents.absent.push(object);
                }
                (Some(Found::Unknown), _) => of_contents.unknown = Some(object),
                _ => of_contents.lacking.push(fact.clone()),
            }
        }
        of_contents
    }
}

impl OfOwner {
    /// The request as rules about own objects match it.
    pub(super) fn located(&self, located: &Located) -> Option<Located> {
        let Self::Own(_) = self else { return None };
        let mut own = located.clone();
        AN_OWN_OBJECT.clone_into(own.values.first_mut()?);
        Some(own)
    }

    /// What goes upstream in the place of the name.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Own(id) => id.as_deref(),
            _ => None,
        }
    }

    /// The reason for a denial, if nothing else allows the request.
    pub(super) fn denies(self) -> Option<Reason> {
        match self {
            Self::Other(other) => Some(Reason::NotOwn(other)),
            Self::Unknown(object) => Some(Reason::OwnerUnknown(object)),
            Self::Irrelevant | Self::Asked(_) | Self::Own(_) => None,
        }
    }
}

/// The object that the path of a request names.
fn in_path(located: &Located) -> Option<Object> {
    Some(Object::new(located.operation.object()?, located.values.first()?.clone()))
}

/// Whether the engine may answer a creation with what has the name already, or replace that. Docker Engine does so
/// with volumes. podman does so with its own `IgnoreIfExists`, `ignoreIfExists`, `ignore` and `replace`.
fn takes_existing(operation: &Operation) -> bool {
    let names = ["VolumeCreate", "LibpodVolumeCreate", "LibpodNetworkCreate", "LibpodSecretCreate"];
    names.contains(&operation.name)
}

/// Whether the engine takes a removal for done if there is nothing to remove (moby
/// `daemon/server/router/volume/volume_routes.go`, podman `pkg/api/handlers/compat/volumes.go`).
fn ignores_absence(request: &CanonicalRequest, located: &Located) -> bool {
    let is_forced = |(key, value): (Cow<'_, str>, Cow<'_, [u8]>)| {
        key.eq_ignore_ascii_case("force") && is_true(&String::from_utf8_lossy(&value))
    };
    located.operation.name == "VolumeDelete" && request.query().pairs().any(is_forced)
}

#[cfg(test)]
mod tests;
