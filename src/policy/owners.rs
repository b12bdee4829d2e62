//! Whose the objects are that a request names. Only the engine knows; a gate that needs it asks, and
//! decides when it is asked again with the answers.

use std::collections::BTreeMap;

use crate::api::Object;

/// What the engine says about an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found {
    /// It exists.
    Object {
        /// Its ID, or its name if it has no ID.
        id: String,
        /// The owner that its label names; empty if it has none.
        owner: String,
        /// Whether the name is known to be the beginning of no other object's ID.
        is_alone: bool,
    },
    /// There is none that can be told apart from others.
    Absent,
    /// The engine did not say.
    Unknown,
}

/// What is known about the objects that a request names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Owners(BTreeMap<Object, Found>);

/// Whether a name may also be the beginning of an ID.
#[must_use]
pub fn may_begin_id(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// How many objects of one request the engine is asked about. Each is one question to the engine.
pub const MOST_OBJECTS: usize = 32;

impl Found {
    /// An object with this ID and this owner.
    #[must_use]
    pub fn object(id: impl Into<String>, owner: impl Into<String>) -> Self {
        Self::Object { id: id.into(), owner: owner.into(), is_alone: false }
    }

    /// The ID, if the object is this owner's.
    #[must_use]
    pub fn id_of(&self, owner: &str) -> Option<&str> {
        match self {
            Self::Object { id, owner: other, .. } if other == owner => Some(id),
            _ => None,
        }
    }
}

impl Owners {
    /// Nothing is known.
    pub const NONE: &'static Self = &Self(BTreeMap::new());

    /// Notes what the engine says about an object.
    pub fn add(&mut self, object: Object, found: Found) {
        self.0.insert(object, found);
    }

    /// What is known about an object; `None` if the engine was not asked.
    #[must_use]
    pub fn of(&self, object: &Object) -> Option<&Found> {
        self.0.get(object)
    }

    /// Whether a text in the contents of a request can only mean an own object. Contents go upstream with
    /// the name in them, so it must not be the beginning of the ID of another object, which it would mean
    /// if the own object were renamed or removed in the meantime.
    pub(super) fn is_own(&self, object: &Object, owner: &str) -> bool {
        let Some(found) = self.0.get(object) else { return false };
        let is_alone = matches!(found, Found::Object { is_alone: true, .. });
        let id = found.id_of(owner);
        id.is_some_and(|id| is_alone || id == object.name || !may_begin_id(&object.name))
    }
}
