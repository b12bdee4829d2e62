//! Who asks: finds out what rules about clients need to know, and admits those that match.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::timeout;

use super::containers::Containers;
use super::places::Places;
use crate::peer::{Client, Clients, Container, ContainerPlace, Identified, Needs, Peer, Place};
use crate::proxy::{
    self, Admission, Admitted, AdmittedLater, Admitting, Caller, NotAdmitted, Record, Service,
};

/// How long a connection waits for the name of its container if no rule depends on that.
const NAME_PATIENCE: Duration = Duration::from_secs(1);

/// Finds out who clients are.
#[derive(Clone)]
pub(super) struct WhoAsks {
    needs: Needs,
    /// The folder of processes; `None` if they cannot be looked up.
    processes: Option<Arc<Path>>,
    /// Where processes ran a moment ago; `None` if a rule depends on it.
    places: Option<Arc<Places>>,
    /// The last client. Many connections in a row are often of one process.
    last: Arc<Mutex<Option<Arc<Identified>>>>,
    containers: Arc<Containers>,
}

/// A client, as far as it could be found out without waiting.
pub(super) enum FoundOut {
    /// That is all.
    All(Client),
    /// Its engine has to be asked about its container.
    Except(Client, ContainerPlace),
}

impl WhoAsks {
    /// Finds out what rules need and what is written down, and asks `containers` about containers.
    pub(super) fn new(rules: Needs, written_down: Needs, containers: Arc<Containers>) -> Self {
        let processes = proxy::processes().map(Arc::from);
        let places = (!rules.place).then(Arc::default);
        let (needs, last) = (rules.and(written_down), Arc::default());
        Self { needs, processes, places, last, containers }
    }

    /// Writes down what logs say about a client, unless it was the last one too.
    pub(super) fn identify(&self, client: Client) -> Arc<Identified> {
        let last = self.last.lock().clone();
        if let Some(last) = last.filter(|last| *last.client() == client) {
            return last;
        }
        let identified = Arc::new(Identified::new(client));
        *self.last.lock() = Some(Arc::clone(&identified));
        identified
    }

    /// Where the process of a client runs.
    fn place(&self, caller: &Caller<'_>) -> Option<Place> {
        let processes = self.processes.as_deref()?;
        match &self.places {
            Some(places) => places.of(caller, processes),
            None => caller.process()?.place(processes),
        }
    }

    /// Finds out who a client is, as far as that is possible without waiting.
    pub(super) fn find(&self, caller: &Caller<'_>) -> FoundOut {
        let mut client = Client::of(caller.peer());
        client.certificate = caller.certificate().to_vec();
        if self.needs.groups {
            client.groups = caller.groups().unwrap_or_default();
        }
        if !self.needs.place || !matches!(caller.peer(), Peer::Process { .. }) {
            return FoundOut::All(client);
        }
        let Some(place) = self.place(caller) else {
            client.is_hidden = true;
            return FoundOut::All(client);
        };
        client.unit = place.unit;
        client.is_login = place.is_login;
        match place.container.filter(|_| self.needs.container) {
            None => FoundOut::All(client),
            Some(container) => match self.containers.known(&container) {
                Some(known) => FoundOut::All(in_container(client, known)),
                None => FoundOut::Except(client, container),
            },
        }
    }

    /// Finds out the rest about a client. If no rule depends on its container, it does not wait long: an
    /// engine that is late must not keep out a client that only a file names.
    pub(super) async fn complete(
        &self,
        client: Client,
        place: &ContainerPlace,
        by_rule: bool,
    ) -> Client {
        let asking = self.containers.find(place, self.processes.as_deref());
        match by_rule {
            true => in_container(client, asking.await),
            false => match timeout(NAME_PATIENCE, asking).await {
                Ok(container) => in_container(client, container),
                Err(_) => client,
            },
        }
    }
}

/// A client whose control groups name a container; `None` if the engine did not confirm it.
fn in_container(client: Client, container: Option<Container>) -> Client {
    Client { is_hidden: container.is_none(), container, ..client }
}

/// Serves the clients that match rules.
pub(super) struct AdmitClients<R: Record> {
    clients: Arc<Clients>,
    who_asks: WhoAsks,
    service: Arc<Service<R>>,
}

impl<R: Record> AdmitClients<R> {
    /// Gives this service to the clients that match one of the rules; to all if there are no rules.
    /// `who_asks` finds out at least what the rules need.
    pub(super) fn new(clients: Clients, who_asks: WhoAsks, service: Service<R>) -> Self {
        Self { clients: Arc::new(clients), who_asks, service: Arc::new(service) }
    }
}

impl<R: Record> Admission<R> for AdmitClients<R> {
    fn admit(&self, caller: &Caller<'_>) -> Admitting<R> {
        let is_known = !caller.certificate().is_empty();
        if self.who_asks.needs.is_nothing() && self.clients.is_empty() && !is_known {
            return Admitting::Now(Ok(Admitted::to(Arc::clone(&self.service))));
        }
        match self.who_asks.find(caller) {
            FoundOut::All(client) => {
                let service = Arc::clone(&self.service);
                Admitting::Now(admitted(&self.clients, &self.who_asks, client, service))
            }
            FoundOut::Except(client, place) => {
                let (clients, service) = (Arc::clone(&self.clients), Arc::clone(&self.service));
                let who_asks = self.who_asks.clone();
                let later: AdmittedLater<R> = Box::pin(async move {
                    let by_rule = clients.needs().container;
                    let client = who_asks.complete(client, &place, by_rule).await;
                    admitted(&clients, &who_asks, client, service)
                });
                Admitting::Later(later)
            }
        }
    }
}

fn admitted<R: Record>(
    clients: &Clients,
    who_asks: &WhoAsks,
    client: Client,
    service: Arc<Service<R>>,
) -> Result<Admitted<R>, NotAdmitted> {
    if clients.is_empty() || clients.admits(&client) {
        return Ok(Admitted::to(service).known_as(who_asks.identify(client)));
    }
    match client.peer {
        Peer::Unknown => Err(NotAdmitted::Unknown),
        _ => Err(NotAdmitted::Client(Arc::new(client))),
    }
}
