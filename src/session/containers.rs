//! Asks an engine about the containers of clients.
//!
//! A container counts only if the engine confirms it: its first process must be in the same control groups
//! as the client, so that nobody becomes a container by writing its ID into the name of a group.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::api::{EngineKind, Object, ObjectKind};
use crate::engine::{Described, NotDescribed, Objects};
use crate::peer::{ComposeService, Container, ContainerPlace};
use crate::proxy::Process;
use crate::wire::EngineAddress;

/// How long an answer is used. A container can get another name at any time (`docker rename`).
const FRESH: Duration = Duration::from_secs(2);

/// How many answers are kept. When there are more, those that are not fresh are forgotten.
const MOST_KEPT: usize = 1024;

/// The labels that Compose gives to the containers of a service.
const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

/// Asks one engine about containers.
pub(super) struct Containers {
    objects: Objects,
    answers: Mutex<HashMap<ContainerPlace, Arc<Answer>>>,
}

/// What is known about one container. The lock is held while the engine is asked, so that it is asked once
/// by many connections of the container.
type Answer = tokio::sync::Mutex<Option<(Instant, Option<Container>)>>;

impl Containers {
    /// Asks the engine at an address.
    pub(super) fn new(address: &EngineAddress, kind: EngineKind) -> Self {
        Self { objects: Objects::new(address, kind), answers: Mutex::default() }
    }

    /// The container in these groups, if the engine has been asked recently. The inner value is `None` if
    /// it did not confirm it.
    pub(super) fn known(&self, place: &ContainerPlace) -> Option<Option<Container>> {
        let answer = self.answers.lock().get(place).map(Arc::clone)?;
        let answer = answer.try_lock().ok()?;
        let (asked, container) = answer.as_ref()?;
        (asked.elapsed() < FRESH).then(|| container.clone())
    }

    /// Asks about the container in these groups. `processes` is the folder of processes.
    pub(super) async fn find(
        &self,
        place: &ContainerPlace,
        processes: Option<&Path>,
    ) -> Option<Container> {
        let answer = self.answer(place);
        let mut answer = answer.lock().await;
        if let Some((asked, container)) = &*answer
            && asked.elapsed() < FRESH
        {
            return container.clone();
        }
        let asked = Instant::now();
        match self.ask(place, processes?).await {
            Ok(container) => {
                *answer = Some((asked, container.clone()));
                container
            }
            // Whether that lasts is not known, so the next client asks again.
            Err(NotDescribed::Unknown) => None,
            Err(NotDescribed::Absent | NotDescribed::Refused) => {
                *answer = Some((asked, None));
                None
            }
        }
    }

    fn answer(&self, place: &ContainerPlace) -> Arc<Answer> {
        let mut answers = self.answers.lock();
        if answers.len() >= MOST_KEPT {
            // One that is being asked for is in use.
            answers.retain(|_, answer| {
                answer.try_lock().map_or(true, |answer| {
                    answer.as_ref().is_some_and(|(asked, _)| asked.elapsed() < FRESH)
                })
            });
        }
        Arc::clone(answers.entry(place.clone()).or_default())
    }

    async fn ask(
        &self,
        place: &ContainerPlace,
        processes: &Path,
    ) -> Result<Option<Container>, NotDescribed> {
        let id = place.id.as_str();
        let described = self.objects.describe(&Object::new(ObjectKind::Container, id)).await?;
        if described.id != id || !is_confirmed(&described, place, processes) {
            return Ok(None);
        }
        let service = match service(&described) {
            Some(service) if self.is_own_label(&described).await? => Some(service),
            _ => None,
        };
        let name = described.name.trim_start_matches('/').to_owned();
        Ok(Some(Container { id: place.id.clone(), name, service }))
    }

    /// Whether the labels of Compose are the container's own. It also has the labels of its image, which
    /// anybody can choose who makes an image.
    async fn is_own_label(&self, described: &Described) -> Result<bool, NotDescribed> {
        let Some(image) = &described.image else { return Ok(false) };
        match self.objects.describe(&Object::new(ObjectKind::Image, image)).await {
            Ok(image) => {
                Ok([PROJECT, SERVICE].iter().all(|label| !image.labels.contains_key(*label)))
            }
            Err(NotDescribed::Unknown) => Err(NotDescribed::Unknown),
            Err(NotDescribed::Absent | NotDescribed::Refused) => Ok(false),
        }
    }
}

/// Whether the first process of a container is in these control groups.
fn is_confirmed(described: &Described, place: &ContainerPlace, processes: &Path) -> bool {
    let first = described.process.map(Process::numbered);
    let first: Option<_> = first.and_then(|process| process.place(processes));
    first.and_then(|first| first.container).is_some_and(|first| first == *place)
}

fn service(described: &Described) -> Option<ComposeService> {
    let label = |name| described.labels.get(name).cloned();
    Some(ComposeService { project: label(PROJECT)?, service: label(SERVICE)? })
}
