//! Gives each client of a socket the service of the program that it is.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::peer::{Client, Clients, ContainerPlace, Identified, Needs, Peer};
use crate::proxy::{Admission, Admitted, Admitting, Caller, NotAdmitted, Service};
use crate::session::audit::Audit;
use crate::session::clients::{FoundOut, WhoAsks};
use crate::session::containers::Containers;

/// The programs of a socket. They can be replaced; open connections keep the service that they have.
pub(super) struct ByClient {
    containers: Arc<Containers>,
    programs: ArcSwap<Programs>,
}

struct Programs {
    list: Vec<ProgramOfSocket>,
    /// `None` if there is nothing to find out.
    who_asks: Option<WhoAsks>,
    /// Whether a rule is about containers.
    asks_for_container: bool,
}

/// A program of a socket.
#[derive(Clone)]
pub(super) struct ProgramOfSocket {
    /// Which clients are this program; all if there are no rules.
    pub(super) clients: Clients,
    /// Whether a file says where its clients run.
    pub(super) is_written_down: bool,
    /// What they get.
    pub(super) service: Arc<Service<Audit>>,
}

impl ByClient {
    /// Tells these programs apart, and asks `containers` about containers.
    pub(super) fn new(programs: Vec<ProgramOfSocket>, containers: Arc<Containers>) -> Self {
        let programs = ArcSwap::from_pointee(Programs::new(programs, &containers));
        Self { containers, programs }
    }

    /// Puts other programs in their place.
    pub(super) fn set(&self, programs: Vec<ProgramOfSocket>) {
        self.programs.store(Arc::new(Programs::new(programs, &self.containers)));
    }
}

impl Programs {
    fn new(list: Vec<ProgramOfSocket>, containers: &Arc<Containers>) -> Self {
        let rules = list.iter().map(|program| program.clients.needs());
        let rules = rules.fold(Needs::default(), Needs::and);
        let is_written_down = list.iter().any(|program| program.is_written_down);
        let written_down = if is_written_down { Needs::PLACE } else { Needs::default() };
        let tells_apart = list.iter().any(|program| !program.clients.is_empty());
        let who_asks = (tells_apart || is_written_down)
            .then(|| WhoAsks::new(rules, written_down, Arc::clone(containers)));
        Self { list, who_asks, asks_for_container: rules.container }
    }

    /// The program that a client is. A client that is several is none of them.
    fn choose(&self, who_asks: &WhoAsks, client: Client) -> Result<Admitted<Audit>, NotAdmitted> {
        let is_meant = |program: &&ProgramOfSocket| {
            program.clients.is_empty() || program.clients.admits(&client)
        };
        let mut meant = self.list.iter().filter(is_meant);
        let found = (meant.next(), meant.next());
        match found {
            (Some(program), None) => {
                let service = Arc::clone(&program.service);
                Ok(Admitted::to(service).known_as(who_asks.identify(client)))
            }
            (Some(_), Some(_)) => Err(NotAdmitted::Several(Arc::new(client))),
            (None, _) if client.peer == Peer::Unknown => Err(NotAdmitted::Unknown),
            (None, _) => Err(NotAdmitted::Client(Arc::new(client))),
        }
    }

    async fn find_and_choose(
        self: Arc<Self>,
        who_asks: WhoAsks,
        client: Client,
        place: ContainerPlace,
    ) -> Result<Admitted<Audit>, NotAdmitted> {
        let client = who_asks.complete(client, &place, self.asks_for_container).await;
        self.choose(&who_asks, client)
    }
}

impl Admission<Audit> for Arc<ByClient> {
    fn admit(&self, caller: &Caller<'_>) -> Admitting<Audit> {
        let programs = self.programs.load();
        let Some(who_asks) = &programs.who_asks else {
            return Admitting::Now(match programs.list.first() {
                Some(program) => {
                    let admitted = Admitted::to(Arc::clone(&program.service));
                    let certificate = caller.certificate().to_vec();
                    let has_names = !certificate.is_empty();
                    let client = || Client { certificate, ..Client::of(caller.peer()) };
                    let client = || Arc::new(Identified::new(client()));
                    Ok(if has_names { admitted.known_as(client()) } else { admitted })
                }
                None => Err(NotAdmitted::Unknown),
            });
        };
        match who_asks.find(caller) {
            FoundOut::All(client) => Admitting::Now(programs.choose(who_asks, client)),
            FoundOut::Except(client, place) => {
                let (programs, who_asks) = (Arc::clone(&programs), who_asks.clone());
                Admitting::Later(Box::pin(programs.find_and_choose(who_asks, client, place)))
            }
        }
    }
}
