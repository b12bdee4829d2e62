//! Asking the engine whose objects are, before a request is forwarded.

use std::future::Future;
use std::pin::Pin;

use crate::api::Object;
use crate::policy::{Found, NewVolume, Owners, Verdict};

/// What the engine will have said, in the order of the objects.
pub type Answers<'a> = Pin<Box<dyn Future<Output = Vec<Found>> + Send + 'a>>;

/// Knows whose the engine's objects are.
pub trait FindOwners: Send + Sync {
    /// Asks the engine about each of these objects. A question without an answer is [`Found::Unknown`].
    fn find<'a>(&'a self, objects: &'a [Object]) -> Answers<'a>;

    /// Makes volumes with the label of the owner, and says whose they are then: somebody else may have made
    /// one of this name in the meantime.
    fn make_volumes<'a>(&'a self, volumes: &'a [NewVolume]) -> Answers<'a>;
}

/// Does what a gate asks for, and adds the answers to `owners`. Returns false if the gate asks for nothing
/// that can be done here.
pub(super) async fn answer(
    finder: Option<&dyn FindOwners>,
    verdict: &Verdict,
    owners: &mut Owners,
) -> bool {
    let (objects, answers): (Vec<&Object>, _) = match verdict {
        Verdict::FindOwners(objects) => {
            (objects.iter().collect(), finder.map(|finder| finder.find(objects)))
        }
        Verdict::MakeVolumes(volumes) => (
            volumes.iter().map(|volume| &volume.object).collect(),
            finder.map(|finder| finder.make_volumes(volumes)),
        ),
        _ => return false,
    };
    let found = match answers {
        Some(answers) => answers.await,
        None => Vec::new(),
    };
    let found = found.into_iter().chain(std::iter::repeat(Found::Unknown));
    objects.into_iter().zip(found).for_each(|(object, found)| owners.add(object.clone(), found));
    true
}
