//! Properties of a recording that do not depend on the threads that record its requests.

use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Instant;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{Event, Observation, Reader, Session, Ticket, Totals, Writer};
use crate::api::{CanonicalRequest, EngineKind};
use crate::http1::{Arrival, Outcome};
use crate::peer::Peer;

/// What distinguishes requests in these tests: the target, and whether it is denied.
type Asked = (String, bool);

fn arrive(writer: &Writer, (target, is_denied): &Asked) -> Ticket {
    let request = CanonicalRequest::parse(EngineKind::Docker, "GET", target);
    let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
    writer.request(&Observation {
        arrival: Arrival {
            at: Instant::now(),
            connection: 1,
            peer: Peer::Unknown,
            client: None,
            method: "GET",
            target,
            agent: None,
        },
        request: request.as_ref().ok(),
        contents: None,
        refusal: request.as_ref().err(),
        located: located.as_ref(),
        denied: is_denied.then_some("no"),
        would_deny: None,
    })
}

fn answered(status: u16) -> Outcome {
    Outcome { status: Some(status), ..Outcome::default() }
}

pub(super) fn begin(folder: &Path, name: usize) -> (PathBuf, Writer) {
    let path = folder.join(format!("{name}.jsonl"));
    let writer = Writer::create(&path, &Session::begin(vec![])).unwrap();
    (path, writer)
}

/// The contents of recordings.
#[derive(Debug, Default)]
struct Read {
    requests: BTreeMap<Asked, u64>,
    statuses: BTreeMap<u16, u64>,
    repeated: u64,
    ended: Vec<u64>,
    lines: usize,
}

fn read(paths: &[PathBuf]) -> Read {
    let mut read = Read::default();
    for path in paths {
        let mut asked = HashMap::new();
        let mut repeats = HashMap::new();
        for event in Reader::open(path).unwrap().map(Result::unwrap) {
            read.lines += 1;
            match event {
                Event::Request(request) => {
                    let mut target = request.path.clone().into_owned();
                    for (key, value) in &request.query {
                        target += &format!("?{key}={}", value.as_deref().unwrap_or_default());
                    }
                    let key = (target, request.denied.is_some());
                    *read.requests.entry(key.clone()).or_default() += 1;
                    assert!(asked.insert(request.seq, key).is_none(), "one number for two");
                }
                Event::Response(response) => {
                    *read.statuses.entry(response.status.unwrap()).or_default() += 1;
                }
                Event::Repeat(repeat) => {
                    assert!(asked.contains_key(&repeat.seq), "counted behind nothing");
                    let before = repeats.insert(repeat.seq, repeat.clone());
                    assert!(before.is_none_or(|before| before.count <= repeat.count));
                }
                Event::End(end) => read.ended.push(end.requests),
                Event::Session(_) | Event::Made(_) => {}
            }
        }
        for (seq, repeat) in repeats {
            read.repeated += repeat.count;
            *read.requests.entry(asked[&seq].clone()).or_default() += repeat.count;
            for (status, count) in repeat.statuses {
                *read.statuses.entry(status).or_default() += count;
            }
        }
    }
    read
}

#[test]
fn eight_threads_are_counted_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = begin(folder.path(), 0);
    let targets: Vec<Asked> =
        (0..5).map(|number| (format!("/containers/c{number}/json"), number == 0)).collect();
    thread::scope(|scope| {
        for offset in 0..8 {
            let (writer, targets) = (&writer, &targets);
            scope.spawn(move || {
                for turn in 0..5000 {
                    let ticket = arrive(writer, &targets[(turn + offset) % 5]);
                    assert!(ticket.is_written());
                    ticket.answered(&answered(200 + u16::try_from(turn % 6).unwrap()));
                }
            });
        }
    });
    assert_eq!(writer.progress().requests, 40_000);
    assert_eq!(
        writer.end(None),
        Totals { requests: 40_000, operations: 1, dropped: 0, refused: 0, unread: 0 }
    );
    let read = read(&[path]);
    assert!(read.requests.values().eq([8000; 5].iter()), "{read:?}");
    assert_eq!(read.statuses.values().sum::<u64>(), 40_000);
    assert_eq!(read.statuses[&200], 8 * 834);
    assert_eq!(read.ended, [40_000]);
    assert!(read.lines < 1000, "{}", read.lines);
}

#[test]
fn a_change_of_session_loses_nothing_that_comes_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = begin(folder.path(), 0);
    let mut paths = vec![path];
    let (sent, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for target in ["/info", "/version", "/containers/json"] {
                        assert!(arrive(&writer, &(target.to_owned(), false)).is_written());
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for number in 1..40 {
            let before = sent.load(Ordering::Relaxed);
            while sent.load(Ordering::Relaxed) < before + 200 {
                thread::yield_now();
            }
            let (path, next) = begin(folder.path(), number);
            paths.push(path);
            writer.go_on_with(next);
        }
        stop.store(true, Ordering::Relaxed);
    });
    writer.end(None);
    let read = read(&paths);
    let sent = sent.into_inner();
    assert_eq!(read.requests.values().sum::<u64>(), sent);
    assert_eq!((read.ended.len(), read.ended.iter().sum::<u64>()), (40, sent));
}

#[test]
fn what_comes_after_the_end_is_written_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = begin(folder.path(), 0);
    let target = ("/info".to_owned(), false);
    for _ in 0..100 {
        arrive(&writer, &target);
    }
    assert_eq!(writer.end(None).requests, 100);
    for number in 101..120 {
        assert!(arrive(&writer, &target).is_written());
        assert_eq!(read(std::slice::from_ref(&path)).requests[&target], number);
    }
    assert_eq!(writer.progress().requests, 119);
}

#[test]
fn more_requests_than_a_thread_remembers_have_few_lines_each() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = begin(folder.path(), 0);
    let targets: Vec<Asked> =
        (0..3000).map(|number| (format!("/containers/c{number}/json"), false)).collect();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for target in targets.iter().cycle().take(3000 * 16) {
                    arrive(&writer, target).answered(&answered(200));
                }
            });
        }
    });
    writer.end(None);
    let read = read(&[path]);
    assert!(read.requests.values().all(|count| *count == 32));
    assert_eq!(read.statuses[&200], 3000 * 32);
    // Two lines for the first of each, five or six for 1, 2, 4, 8 and 16 repeats, one at the end.
    assert!(read.lines < 3000 * 10, "{}", read.lines);
}

#[test]
fn nothing_is_counted_behind_a_line_that_could_not_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = begin(folder.path(), 0);
    let target = ("/info".to_owned(), false);
    let file = fill(&writer);
    assert!(!arrive(&writer, &target).is_written());
    writer.swap(file);
    assert!(arrive(&writer, &target).is_written());
    assert!(arrive(&writer, &target).is_written());
    writer.end(None);
    assert_eq!(read(&[path]).requests[&target], 2);
}

/// Makes every line fail from now on.
fn fill(writer: &Writer) -> std::fs::File {
    let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
    writer.swap(full)
}

/// One step of a test.
#[derive(Clone, Debug)]
enum Step {
    /// A request on a thread.
    Arrive(usize, Asked),
    /// The answer to the oldest open request, on a thread.
    Answer(usize, u16),
    /// The session changes.
    Change,
    /// The disk is full for this many steps.
    Full(usize),
}

const THREADS: usize = 3;

fn asked() -> impl Strategy<Value = Asked> {
    // These include one with a query, one that is refused and one that is unknown. All only read.
    ("/(info|containers/[ab]/json(\\?size=[01])?|info//json|nowhere)", any::<bool>())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => (0..THREADS, asked()).prop_map(|(thread, asked)| Step::Arrive(thread, asked)),
        8 => (0..THREADS, 200..207_u16).prop_map(|(thread, status)| Step::Answer(thread, status)),
        1 => Just(Step::Change),
        1 => (1..8_usize).prop_map(Step::Full),
    ]
}

/// Runs the tasks that each thread is sent, one after the other.
struct Threads<'scope> {
    queues: Vec<mpsc::Sender<Box<dyn FnOnce() + Send + 'scope>>>,
    done: mpsc::Receiver<()>,
}

impl<'scope> Threads<'scope> {
    fn start(scope: &'scope thread::Scope<'scope, '_>) -> Self {
        let (tell, done) = mpsc::channel();
        let queues = (0..THREADS).map(|_| {
            let (queue, work) = mpsc::channel::<Box<dyn FnOnce() + Send + 'scope>>();
            let tell = tell.clone();
            scope.spawn(move || {
                for task in work {
                    task();
                    tell.send(()).unwrap();
                }
            });
            queue
        });
        Self { queues: queues.collect(), done }
    }

    fn run(&self, thread: usize, task: impl FnOnce() + Send + 'scope) {
        self.queues[thread].send(Box::new(task)).unwrap();
        self.done.recv().unwrap();
    }
}

/// The requests and answers that were sent, and the requests that were reported as written.
#[derive(Default)]
struct Sent {
    all: BTreeMap<Asked, u64>,
    written: BTreeMap<Asked, u64>,
    answers: u64,
    open: std::collections::VecDeque<Ticket>,
}

fn play(steps: &[Step], folder: &TempDir) -> (Vec<PathBuf>, Writer, Sent) {
    let (path, writer) = begin(folder.path(), 0);
    let mut paths = vec![path];
    let sent = Mutex::new(Sent::default());
    let mut full = None;
    thread::scope(|scope| {
        let (writer, sent) = (&writer, &sent);
        let threads = Threads::start(scope);
        for step in steps.iter().cloned() {
            match step {
                Step::Arrive(thread, asked) => threads.run(thread, move || {
                    let ticket = arrive(writer, &asked);
                    let mut sent = sent.lock().unwrap();
                    *sent.all.entry(asked.clone()).or_default() += 1;
                    *sent.written.entry(asked).or_default() += u64::from(ticket.is_written());
                    sent.open.push_back(ticket);
                }),
                Step::Answer(thread, status) => threads.run(thread, move || {
                    let ticket = sent.lock().unwrap().open.pop_front();
                    if let Some(ticket) = ticket {
                        ticket.answered(&answered(status));
                        sent.lock().unwrap().answers += 1;
                    }
                }),
                Step::Change if full.is_none() => {
                    let (path, next) = begin(folder.path(), paths.len());
                    paths.push(path);
                    writer.go_on_with(next);
                    // Answers in counts of a session that has ended are not written.
                    sent.lock().unwrap().open.clear();
                }
                Step::Full(steps) if full.is_none() => full = Some((fill(writer), steps)),
                Step::Change | Step::Full(_) => {}
            }
            full = match full.take() {
                Some((file, 0)) => {
                    writer.swap(file);
                    None
                }
                Some((file, left)) => Some((file, left - 1)),
                None => None,
            };
        }
    });
    if let Some((file, _)) = full {
        writer.swap(file);
    }
    (paths, writer, sent.into_inner().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_recorded_is_what_was_sent(steps in proptest::collection::vec(step(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        let is_whole = !steps.iter().any(|step| matches!(step, Step::Full(_)));
        let (paths, writer, sent) = play(&steps, &folder);

        writer.end(None);
        let read = read(&paths);
        for (asked, all) in &sent.all {
            let recorded = read.requests.get(asked).copied().unwrap_or_default();
            prop_assert!((sent.written[asked]..=*all).contains(&recorded), "{:?}: {:?}", asked, read);
        }
        let all = sent.all.values().sum::<u64>();
        prop_assert_eq!(read.ended.iter().sum::<u64>(), all);
        if is_whole {
            prop_assert_eq!(&sent.written, &sent.all);
            prop_assert_eq!(read.statuses.values().sum::<u64>(), sent.answers);
        }
    }

    #[test]
    fn after_a_crash_a_count_is_at_most_a_factor_of_two_behind(
        turns in proptest::collection::vec((0..THREADS, 1..60_u64), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = begin(folder.path(), 0);
        let target = ("/info".to_owned(), false);
        let (mut sent, mut behind) = (0, Vec::new());
        thread::scope(|scope| {
            let (writer, target) = (&writer, &target);
            let threads = Threads::start(scope);
            for (thread, times) in turns {
                for _ in 0..times {
                    threads.run(thread, move || drop(arrive(writer, target)));
                    let read = read(std::slice::from_ref(&path));
                    if sent >= 2 * read.repeated && sent > 0 {
                        behind.push((sent, read.repeated));
                    }
                    sent += 1;
                }
            }
        });
        prop_assert_eq!(behind, []);
        let lines = read(std::slice::from_ref(&path)).lines;
        prop_assert!(lines < 40, "{} lines for {} requests", lines, sent);
    }

    #[test]
    fn threads_at_the_same_time_lose_nothing(
        lists in proptest::collection::vec(proptest::collection::vec(asked(), 1..60), 2..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = begin(folder.path(), 0);
        thread::scope(|scope| {
            for list in &lists {
                scope.spawn(|| list.iter().for_each(|asked| {
                    arrive(&writer, asked).answered(&answered(200));
                }));
            }
        });
        writer.end(None);
        let mut sent = BTreeMap::new();
        lists.iter().flatten().for_each(|asked| *sent.entry(asked.clone()).or_default() += 1);
        let read = read(&[path]);
        prop_assert_eq!(read.statuses[&200], sent.values().sum::<u64>());
        prop_assert_eq!(read.requests, sent);
    }
}
