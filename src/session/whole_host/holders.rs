//! The containers that have the engine's socket mounted.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::api::{Object, ObjectKind};
use crate::engine::{self, Engine, Objects};
use crate::wire::EngineAddress;

/// How long the engine may take to list its containers.
const ASK_TIME: Duration = Duration::from_secs(2);

/// Asks which running containers have the socket mounted. A mount of its folder is none of them: such a
/// container finds whatever has the name.
pub(super) struct Holders {
    address: EngineAddress,
    objects: Objects,
    /// The paths of the socket.
    paths: Vec<String>,
}

/// A running container. It has the socket that had the name when it was started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Holder {
    id: String,
    /// Its name. A client may have chosen any text.
    pub(super) name: String,
    /// Its first process, which is another one after a restart.
    process: Option<NonZeroU32>,
}

impl Holders {
    /// Asks this engine, at `address`, about mounts of these paths.
    pub(super) fn new(engine: &Engine, address: EngineAddress, paths: &[String]) -> Self {
        let objects = Objects::new(&address, engine.version.kind);
        Self { address, objects, paths: paths.to_owned() }
    }

    /// The containers; `None` if the engine does not say.
    pub(super) async fn running(&self) -> Option<Vec<Holder>> {
        let all = engine::mounted_containers(&self.address, ASK_TIME).await?;
        let has_socket = |sources: &[String]| sources.iter().any(|it| self.paths.contains(it));
        let mut holders = Vec::new();
        for container in all.into_iter().filter(|it| it.is_running && has_socket(&it.sources)) {
            let object = Object::new(ObjectKind::Container, &container.id);
            let described = tokio::time::timeout(ASK_TIME, self.objects.describe(&object)).await;
            let process = described.ok().and_then(Result::ok).and_then(|it| it.process);
            let (id, name) = (container.id, container.name);
            holders.push(Holder { id, name, process });
        }
        Some(holders)
    }
}

/// The names of those of `now` that were started after `before` was found out.
pub(super) fn started_since(before: &[Holder], now: Vec<Holder>) -> Vec<String> {
    now.into_iter().filter(|it| !before.contains(it)).map(|it| it.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_was_restarted_has_another_socket() {
        let holder = |id: &str, process| Holder {
            id: id.to_owned(),
            name: format!("name of {id}"),
            process: NonZeroU32::new(process),
        };
        let before = [holder("a", 1), holder("b", 2)];
        let now = vec![holder("a", 1), holder("b", 3), holder("c", 4)];
        assert_eq!(started_since(&before, now), ["name of b", "name of c"]);
    }
}
