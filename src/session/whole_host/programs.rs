//! Gives each client the recorder of its program.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::file_name::{MOST_ALIKE, OTHERS, recording_of};
use crate::peer::{Client, ContainerPlace, HostProgram};
use crate::policy::Gate;
use crate::proxy::{Admission, Admitted, AdmittedLater, Admitting, Caller, Service};
use crate::recording::{self, Purpose, Session, SessionClient, Totals};
use crate::session::accounts::Account;
use crate::session::clients::{FoundOut, WhoAsks};
use crate::session::output::JournalOutput;
use crate::session::recorder::Recorder;
use crate::text::printable;
use crate::wire::EngineAddress;

/// The most programs that have recordings of their own. Clients that may create containers decide how many
/// there are.
pub const MOST_PROGRAMS: usize = 100;

/// How many programs without recordings of their own are kept by name.
const MOST_NAMED: usize = 1000;

/// How long a connection waits for the name of its container.
const NAME_PATIENCE: Duration = Duration::from_secs(5);

/// Records what can be written; if nothing can, requests pass without being recorded.
type MaybeRecorder = Option<Recorder>;

/// How the recordings of programs begin.
pub(super) struct SessionStart {
    /// Where they are.
    pub(super) folder: PathBuf,
    /// The labels of each session.
    pub(super) labels: Vec<(String, String)>,
    /// What they say about the engine.
    pub(super) engine: recording::Engine,
}

/// The programs that have asked so far.
pub(super) struct Programs {
    who_asks: WhoAsks,
    gate: Arc<dyn Gate>,
    engine: EngineAddress,
    start: SessionStart,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The service of each program, and for `None` the one of all other clients.
    services: HashMap<Option<HostProgram>, Arc<Service<MaybeRecorder>>>,
    recordings: Vec<ProgramRecording>,
    failures: Vec<String>,
    beyond: Beyond,
    unplaced: u64,
}

struct ProgramRecording {
    client: Option<SessionClient>,
    file: PathBuf,
    recorder: Arc<MaybeRecorder>,
}

/// What was recorded of one program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordedProgram {
    /// The program; `None` for clients that are no program of their own.
    pub client: Option<SessionClient>,
    /// The recording.
    pub file: PathBuf,
    /// The totals of its session.
    pub totals: Totals,
}

/// The programs for which there was no recording of their own left.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Beyond {
    /// Their names, of which only so many are kept.
    pub names: BTreeSet<String>,
    /// Whether there were more than are kept.
    pub has_more: bool,
}

/// What was recorded of all programs.
#[derive(Debug)]
pub(super) struct ProgramsEnd {
    pub(super) programs: Vec<RecordedProgram>,
    /// The recordings that could not be begun, and why.
    pub(super) failures: Vec<String>,
    /// Programs for which there was no recording left.
    pub(super) beyond: Beyond,
    /// How many connections came from clients that are no program.
    pub(super) unplaced: u64,
}

/// What was recorded so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProgramsProgress {
    pub(super) requests: u64,
    pub(super) programs: usize,
    pub(super) newest: Option<Instant>,
}

impl Programs {
    /// Records the requests of each program that `gate` lets through to the engine.
    pub(super) fn new(
        who_asks: WhoAsks,
        gate: Arc<dyn Gate>,
        engine: EngineAddress,
        start: SessionStart,
    ) -> Self {
        Self { who_asks, gate, engine, start, state: Mutex::default() }
    }

    /// The service of the program that a client is. The first client of a program begins its recording.
    fn service(&self, client: &Client) -> Arc<Service<MaybeRecorder>> {
        let program = HostProgram::of(client);
        let mut state = self.state.lock();
        if program.is_none() {
            state.unplaced = state.unplaced.saturating_add(1);
        }
        if let Some(service) = state.services.get(&program) {
            return Arc::clone(service);
        }
        let named = program.as_ref().map(named);
        if let Some(named) = &named {
            let own = state.services.keys().filter(|program| program.is_some()).count();
            if own >= MOST_PROGRAMS {
                state.beyond.insert(named);
                return self.others(&mut state);
            }
        }
        let Some(named) = named else { return self.others(&mut state) };
        let is_free = |path: &std::path::Path| state.recordings.iter().all(|it| it.file != path);
        let begun = match recording_of(&self.start.folder, &named, is_free) {
            Some(file) => self.begin(Some(named), file),
            None => Err(format!(
                "{named} is not recorded on its own: {MOST_ALIKE} recordings have similar names"
            )),
        };
        match begun {
            Ok(recording) => self.keep(&mut state, program, recording),
            Err(failure) => {
                tracing::warn!("{failure}");
                state.failures.push(failure);
                let service = self.others(&mut state);
                // It is not tried for each connection.
                state.services.insert(program, Arc::clone(&service));
                service
            }
        }
    }

    /// The service of the clients that are no program of their own.
    fn others(&self, state: &mut State) -> Arc<Service<MaybeRecorder>> {
        if let Some(service) = state.services.get(&None) {
            return Arc::clone(service);
        }
        let file = self.start.folder.join(format!("{OTHERS}.jsonl"));
        let recording = self.begin(None, file.clone()).unwrap_or_else(|failure| {
            tracing::warn!("{failure}");
            state.failures.push(failure);
            ProgramRecording { client: None, file, recorder: Arc::new(None) }
        });
        self.keep(state, None, recording)
    }

    fn keep(
        &self,
        state: &mut State,
        program: Option<HostProgram>,
        recording: ProgramRecording,
    ) -> Arc<Service<MaybeRecorder>> {
        let recorder = Arc::clone(&recording.recorder);
        let service = Service::new(Arc::clone(&self.gate), recorder, self.engine.clone());
        let service = Arc::new(service.numbered(state.recordings.len()));
        state.recordings.push(recording);
        state.services.insert(program, Arc::clone(&service));
        service
    }

    fn begin(
        &self,
        client: Option<SessionClient>,
        file: PathBuf,
    ) -> Result<ProgramRecording, String> {
        let session = Session {
            client: client.clone(),
            labels: self.start.labels.iter().cloned().collect(),
            engine: Some(self.start.engine.clone()),
            ..Session::begin(Vec::new())
        };
        let output = JournalOutput::File(file.clone());
        match output.begin(&session, Purpose::Evidence) {
            Ok(writer) => {
                let recorder = Arc::new(Some(Recorder::new(writer)));
                Ok(ProgramRecording { client, file, recorder })
            }
            Err(error) => Err(match &client {
                Some(client) => format!("{client} is not recorded on its own: {error}"),
                None => format!("other clients are not recorded: {error}"),
            }),
        }
    }

    /// What was recorded so far.
    pub(super) fn progress(&self) -> ProgramsProgress {
        let state = self.state.lock();
        let recorders = state.recordings.iter().filter_map(|it| it.recorder.as_ref().as_ref());
        let start = ProgramsProgress { requests: 0, programs: 0, newest: None };
        recorders.map(Recorder::progress).fold(start, |all, one| ProgramsProgress {
            requests: all.requests + one.requests,
            programs: all.programs + 1,
            newest: all.newest.max(Some(one.newest)),
        })
    }

    /// Ends all recordings.
    pub(super) fn end(&self) -> ProgramsEnd {
        let state = std::mem::take(&mut *self.state.lock());
        let ended = |it: ProgramRecording| {
            let totals = it.recorder.as_ref().as_ref()?.end(None);
            Some(RecordedProgram { client: it.client, file: it.file, totals })
        };
        let programs = state.recordings.into_iter().filter_map(ended).collect();
        let State { failures, beyond, unplaced, .. } = state;
        ProgramsEnd { programs, failures, beyond, unplaced }
    }
}

impl Beyond {
    fn insert(&mut self, client: &SessionClient) {
        let client = client.to_string();
        if self.names.len() < MOST_NAMED {
            self.names.insert(client);
        } else if !self.names.contains(&client) {
            self.has_more = true;
        }
    }
}

/// How a recording names a program.
fn named(program: &HostProgram) -> SessionClient {
    match program {
        HostProgram::Container(rule) => SessionClient::Container(rule.to_string()),
        HostProgram::Unit(rule) => SessionClient::Unit(rule.to_string()),
        HostProgram::Login(user) => {
            let name = Account::User.name(*user).filter(|name| printable(name) == *name);
            SessionClient::Login(name.unwrap_or_else(|| user.to_string()))
        }
    }
}

impl Admission<MaybeRecorder> for Arc<Programs> {
    fn admit(&self, caller: &Caller<'_>) -> Admitting<MaybeRecorder> {
        match self.who_asks.find(caller) {
            FoundOut::All(client) => {
                let service = self.service(&client);
                let client = self.who_asks.identify(client);
                Admitting::Now(Ok(Admitted::to(service).known_as(client)))
            }
            FoundOut::Except(client, place) => {
                Admitting::Later(later(Arc::clone(self), client, place))
            }
        }
    }
}

fn later(
    programs: Arc<Programs>,
    client: Client,
    place: ContainerPlace,
) -> AdmittedLater<MaybeRecorder> {
    Box::pin(async move {
        // Its name decides which recording it is, but an engine that is late must not keep it out.
        let known = programs.who_asks.complete(client.clone(), &place, true);
        let known = tokio::time::timeout(NAME_PATIENCE, known).await;
        let client = known.unwrap_or(Client { is_hidden: true, ..client });
        let service = programs.service(&client);
        Ok(Admitted::to(service).known_as(programs.who_asks.identify(client)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Address, EngineKind};
    use crate::peer::{Container, ContainerId, Needs, Peer};
    use crate::policy::Observer;
    use crate::session::containers::Containers;

    fn programs(folder: PathBuf) -> Programs {
        let engine = EngineAddress::from(Address::unix("/none").unwrap());
        let containers = Arc::new(Containers::new(&engine, EngineKind::Docker));
        let gate = Arc::new(Observer::new(EngineKind::Docker));
        let about = recording::Engine {
            kind: EngineKind::Docker,
            version: "1".to_owned(),
            api: "1.41".to_owned(),
            min_api: None,
        };
        let start = SessionStart { folder, labels: Vec::new(), engine: about };
        let who_asks = WhoAsks::new(Needs::PLACE, Needs::default(), containers);
        Programs::new(who_asks, gate, engine, start)
    }

    fn in_container(name: &str) -> Client {
        let id = ContainerId::parse(&"a".repeat(64)).unwrap();
        let container = Some(Container { id, name: name.to_owned(), service: None });
        Client { container, ..Client::of(Peer::Unknown) }
    }

    #[tokio::test]
    async fn the_number_of_recordings_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let programs = programs(folder.path().to_owned());
        let many = MOST_PROGRAMS + MOST_NAMED;
        for round in 0..2 {
            for number in 0..many {
                let service = programs.service(&in_container(&format!("web-{number}")));
                let again = programs.service(&in_container(&format!("web-{number}")));
                assert!(Arc::ptr_eq(&service, &again), "{round}");
            }
        }
        assert_eq!(programs.progress().programs, MOST_PROGRAMS + 1);
        assert!(!programs.state.lock().beyond.has_more);
        programs.service(&in_container("one-more"));
        let end = programs.end();
        assert_eq!(end.programs.len(), MOST_PROGRAMS + 1);
        assert_eq!(end.beyond.names.len(), MOST_NAMED);
        assert!(end.beyond.names.contains(&format!("container web-{MOST_PROGRAMS}")));
        assert!(end.beyond.has_more);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), MOST_PROGRAMS + 1);
    }

    #[tokio::test]
    async fn clients_that_no_rule_can_name_share_a_recording() {
        let folder = tempfile::tempdir().unwrap();
        let programs = programs(folder.path().to_owned());
        let hidden = Client { is_hidden: true, ..in_container("web") };
        let others = programs.service(&hidden);
        assert!(Arc::ptr_eq(&others, &programs.service(&Client::default())));
        assert!(!Arc::ptr_eq(&others, &programs.service(&in_container("web"))));
        let end = programs.end();
        assert_eq!(end.unplaced, 2);
        let client = Some(SessionClient::Container("web".to_owned()));
        let files: Vec<_> = end.programs.iter().map(|it| (&it.client, &it.file)).collect();
        let (first, second) = (folder.path().join("others.jsonl"), folder.path().join("web.jsonl"));
        assert_eq!(files, [(&None, &first), (&client, &second)]);
    }

    #[tokio::test]
    async fn a_program_without_a_free_name_shares_a_recording() {
        let folder = tempfile::tempdir().unwrap();
        let programs = programs(folder.path().to_owned());
        std::fs::write(folder.path().join("web.jsonl"), "").unwrap();
        for number in 2..=MOST_ALIKE {
            std::fs::write(folder.path().join(format!("web-{number}.jsonl")), "").unwrap();
        }
        let others = programs.service(&Client::default());
        assert!(Arc::ptr_eq(&others, &programs.service(&in_container("web"))));
        let end = programs.end();
        assert_eq!(end.programs.len(), 1, "{:?}", end.programs);
        assert!(end.programs[0].file.ends_with("others.jsonl"));
        let failure =
            "container web is not recorded on its own: 1000 recordings have similar names";
        assert_eq!(end.failures, [failure]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_down_passes_and_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let programs = programs(file);
        let service = programs.service(&in_container("web"));
        assert!(Arc::ptr_eq(&service, &programs.service(&in_container("web"))));
        let end = programs.end();
        assert!(end.programs.is_empty());
        assert_eq!(end.failures.len(), 2, "{:?}", end.failures);
        assert!(end.failures[0].starts_with("container web is not recorded on its own: cannot"));
        assert!(end.failures[1].starts_with("other clients are not recorded: cannot"));
    }
}
