//! Whose objects are: the engine's answers, read for their labels.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use parking_lot::Mutex;

use crate::api::{EngineKind, Object, ObjectKind};
use crate::contents::{OWNER_LABEL, owner_label};
use crate::engine::{Described, NotDescribed, Objects};
use crate::policy::{Found, NewVolume, may_begin_id};
use crate::proxy::{Answers, FindOwners};
use crate::wire::EngineAddress;

/// How many answers are remembered. When there are more, all are forgotten.
const MOST_REMEMBERED: usize = 4096;

/// The length of an ID that means one object for as long as it exists.
const FULL_ID: usize = 64;

/// The length of the beginning of an ID that people use.
const SHORT_ID: usize = 12;

/// Asks an engine whose its objects are.
pub(super) struct EngineOwners {
    engine: EngineAddress,
    /// Not there until the kind of the engine is known.
    objects: OnceLock<Objects>,
    /// The owners of objects by their full IDs. Their labels never change.
    known: Mutex<HashMap<Object, Found>>,
    /// Images, by their IDs, that have no label that a container could have from them.
    plain_images: Mutex<HashSet<String>>,
}

impl EngineOwners {
    /// Asks the engine at this address, once its kind is known.
    pub(super) fn new(engine: EngineAddress) -> Self {
        Self {
            engine,
            objects: OnceLock::new(),
            known: Mutex::default(),
            plain_images: Mutex::default(),
        }
    }

    /// Asks it as an engine of this kind is asked. The first kind counts.
    pub(super) fn set_kind(&self, kind: EngineKind) {
        let _ = self.objects.get_or_init(|| Objects::new(&self.engine, kind));
    }

    fn objects(&self) -> Result<&Objects, NotDescribed> {
        self.objects.get().ok_or(NotDescribed::Unknown)
    }

    async fn describe(&self, object: &Object) -> Result<Described, NotDescribed> {
        self.objects()?.describe(object).await
    }

    async fn with_id(&self, kind: ObjectKind, id: &str) -> Result<Vec<String>, NotDescribed> {
        self.objects()?.with_id(kind, id).await
    }

    async fn make_volume(&self, body: Vec<u8>) -> Result<Described, NotDescribed> {
        self.objects()?.make_volume(body).await
    }

    async fn find_one(&self, object: &Object) -> Found {
        if let Some(found) = self.known.lock().get(object) {
            return found.clone();
        }
        let found = match self.describe(object).await {
            Ok(described) => {
                let found = self.found(object.kind, described).await;
                self.with_others(object, found).await
            }
            Err(error) => not_found(error),
        };
        if is_for_good(object) && matches!(&found, Found::Object { id, .. } if *id == object.name) {
            let mut known = self.known.lock();
            if known.len() >= MOST_REMEMBERED {
                known.clear();
            }
            known.insert(object.clone(), found.clone());
        }
        found
    }

    /// Finds out whether the name of an object is the beginning of another one's ID. A short one may become
    /// that at any time.
    async fn with_others(&self, object: &Object, found: Found) -> Found {
        match found {
            Found::Object { id, owner, .. }
                if id != object.name
                    && object.name.len() >= SHORT_ID
                    && may_begin_id(&object.name) =>
            {
                let begin = self.with_id(object.kind, &object.name).await;
                let is_alone = begin.is_ok_and(|ids| ids.iter().all(|other| *other == id));
                Found::Object { id, owner, is_alone }
            }
            found => found,
        }
    }

    async fn found(&self, kind: ObjectKind, described: Described) -> Found {
        let Described { id, mut labels, image, .. } = described;
        let owner = labels.remove(owner_label(kind)).unwrap_or_default();
        // A container has the labels of its image, which anybody can choose.
        if let Some(image) = image.filter(|_| !owner.is_empty()) {
            match self.is_plain_image(&image).await {
                Ok(true) => {}
                Ok(false) => return Found::object(id, ""),
                Err(NotDescribed::Unknown) => return Found::Unknown,
                Err(NotDescribed::Absent | NotDescribed::Refused) => {
                    return Found::object(id, "");
                }
            }
        }
        Found::object(id, owner)
    }

    /// Whether a label that says whose a container is cannot come from its image.
    async fn is_plain_image(&self, image: &str) -> Result<bool, NotDescribed> {
        if self.plain_images.lock().contains(image) {
            return Ok(true);
        }
        let described = self.describe(&Object::new(ObjectKind::Image, image)).await?;
        let is_plain = described.labels.get(OWNER_LABEL).is_none_or(String::is_empty);
        if is_plain {
            let mut plain = self.plain_images.lock();
            if plain.len() >= MOST_REMEMBERED {
                plain.clear();
            }
            plain.insert(image.to_owned());
        }
        Ok(is_plain)
    }
}

impl FindOwners for EngineOwners {
    fn find<'a>(&'a self, objects: &'a [Object]) -> Answers<'a> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(objects.len());
            for object in objects {
                found.push(self.find_one(object).await);
            }
            found
        })
    }

    fn make_volumes<'a>(&'a self, volumes: &'a [NewVolume]) -> Answers<'a> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(volumes.len());
            for volume in volumes {
                let made = self.make_volume(volume.body.clone()).await;
                found.push(match made {
                    Ok(described) => self.found(ObjectKind::Volume, described).await,
                    Err(error) => not_found(error),
                });
            }
            found
        })
    }
}

fn not_found(error: NotDescribed) -> Found {
    match error {
        NotDescribed::Absent => Found::Absent,
        // Nobody's, as far as the engine tells.
        NotDescribed::Refused => Found::Absent,
        NotDescribed::Unknown => Found::Unknown,
    }
}

/// Whether a name is an ID under which an object is known for good, with labels that cannot be changed.
fn is_for_good(object: &Object) -> bool {
    let has_fixed_labels = matches!(
        object.kind,
        ObjectKind::Container | ObjectKind::Exec | ObjectKind::Network | ObjectKind::Pod
    );
    has_fixed_labels
        && object.name.len() == FULL_ID
        && object.name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
