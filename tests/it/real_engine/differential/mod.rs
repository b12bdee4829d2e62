//! Compares dsp's reading of strange request targets with that of a real engine.
//!
//! If dsp locates an operation, the engine must run that operation on the same name or nothing at
//! all, for the original target and for the one that dsp forwards. Requests that dsp refuses or
//! does not know are denied, so they are not compared.
//!
//! The engine does not say which handler ran, so `oracle` infers it from the answer, by comparison
//! with the answers to an operation's plainest request. The few cases that it cannot distinguish
//! are listed there: pairs of operations with the same answers, and operations whose answers do not
//! contain the name. This test does not compare queries and bodies.
//!
//! `DSP_DIFFERENTIAL` is the number of targets, `DSP_DIFFERENTIAL_SEED` chooses others.

/// Determines which handler ran.
mod oracle;
/// Generates targets.
mod targets;
/// Sends requests.
mod wire;

use dsp::api::{CanonicalRequest, EngineKind, Located};

use self::oracle::{NOT_TOLD_APART, Oracle, Probe, WITHOUT_NAME, is_left_out, probes};
use self::targets::Target;
use self::wire::Answer;
use super::{OwnEngine, real_or_return};
use crate::support::World;

/// The number of threads that send requests; more do not help while the engine shares two
/// processors with them. With containerd's image store there is one: two requests at once that mount
/// the same container see what the other one does there.
fn threads(world: &World) -> usize {
    let done = world.shell("docker info --format '{{.DriverStatus}}'");
    assert_eq!(done.status, 0, "{}", done.err);
    if done.out.contains("io.containerd.snapshotter") { 1 } else { 2 }
}

#[derive(Default)]
struct Counts {
    refused: usize,
    unknown: usize,
    /// Targets that must not be sent: `oracle::probes` and `may_be_a_prefix` say why.
    left_out: usize,
    agreed: usize,
    /// The engine has no route for the original target, and runs the operation as dsp spells it.
    only_canonical: usize,
    not_routed: usize,
    disagreements: Vec<String>,
}

#[test]
fn the_engine_runs_what_dsp_reads() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "differ");
    let socket = world.host.trim_start_matches("unix://").to_owned();
    let mut oracle = Oracle::new(&socket);
    oracle.prepare();
    let (pairs, nameless) = oracle.blind_spots();
    assert!(pairs.iter().all(|pair| NOT_TOLD_APART.contains(pair)), "{pairs:?}");
    assert!(nameless.iter().all(|name| WITHOUT_NAME.contains(name)), "{nameless:?}");
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let count = number("DSP_DIFFERENTIAL").unwrap_or(20_000);
    let seed = number("DSP_DIFFERENTIAL_SEED").unwrap_or(5);
    let targets = targets::generate(count, seed.try_into().unwrap());
    let mut total = Counts::default();
    std::thread::scope(|scope| {
        let work = |part: Vec<Target>| {
            let socket = &socket;
            move || compare(socket, &part)
        };
        let parts = targets.chunks(count.div_ceil(threads(&world)).max(1));
        let threads: Vec<_> = parts.map(|part| scope.spawn(work(part.to_vec()))).collect();
        for thread in threads {
            total.add(thread.join().unwrap());
        }
    });
    let Counts { refused, unknown, left_out, agreed, only_canonical, not_routed, disagreements } =
        total;
    eprintln!(
        "{count} targets: {refused} refused by dsp, {unknown} unknown to dsp, {left_out} left out, \
         {agreed} agreed, {only_canonical} routed as dsp spells them only, {not_routed} not routed \
         by the engine, {} disagreements",
        disagreements.len()
    );
    let shown: Vec<_> = disagreements.iter().take(20).map(String::as_str).collect();
    assert!(shown.is_empty(), "{} disagree:\n{}", disagreements.len(), shown.join("\n"));
    assert!(agreed >= count / 10, "too few of the targets are ones that anything could run for");
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.left_out += other.left_out;
        self.agreed += other.agreed;
        self.only_canonical += other.only_canonical;
        self.not_routed += other.not_routed;
        self.disagreements.extend(other.disagreements);
    }
}

fn compare(socket: &str, targets: &[Target]) -> Counts {
    let mut counts = Counts::default();
    let mut oracle = Oracle::new(socket);
    for (method, path) in targets {
        let Ok(request) = CanonicalRequest::parse(EngineKind::Docker, method, path) else {
            counts.refused += 1;
            continue;
        };
        let Some(located) = request.locate() else {
            counts.unknown += 1;
            continue;
        };
        let probes = probes(located.operation, &located.values);
        if is_left_out(located.operation.name) || may_be_a_prefix(&located) || probes.is_empty() {
            counts.left_out += 1;
            continue;
        }
        let ran: Result<Vec<[bool; 2]>, String> =
            probes.into_iter().map(|probe| differ(&mut oracle, method, path, probe)).collect();
        match ran {
            Err(text) => counts.disagreements.push(text),
            Ok(ran) if ran.contains(&[true, true]) => counts.agreed += 1,
            Ok(ran) if ran.contains(&[false, true]) => counts.only_canonical += 1,
            Ok(_) => counts.not_routed += 1,
        }
    }
    counts
}

/// Whether a value could be a prefix of some object's ID, and then mean that object.
fn may_be_a_prefix(located: &Located) -> bool {
    let in_swarm = ["Node", "Service", "Task", "Secret", "Config", "Network"];
    let any_letter = in_swarm.contains(&located.operation.section);
    located
        .values
        .iter()
        .any(|value| value.len() < 4 && value.bytes().all(|b| any_letter || b.is_ascii_hexdigit()))
}

/// Sends a target in its original form and as dsp forwards it; returns whether a handler ran for
/// each.
fn differ(
    oracle: &mut Oracle,
    method: &str,
    path: &str,
    probe: &'static Probe,
) -> Result<[bool; 2], String> {
    let with_query = format!("{path}?{}", probe.query);
    let request = CanonicalRequest::parse(EngineKind::Docker, method, &with_query).unwrap();
    let Located { operation, values } = request.locate().unwrap();
    let version = request.version().map_or_else(String::new, |version| format!("/v{version}"));
    let target = request.target();
    let canonical = target.split('?').next().unwrap();
    let expected = oracle.expected(operation, &version, &values, probe);
    let answers = [path, canonical].map(|path| oracle.answer(operation.method, path, probe));
    let ran = answers.each_ref().map(|answer| !answer.nothing_ran());
    let is_other = |answer: &Answer| *answer != expected && !answer.nothing_ran();
    // The target that dsp forwards must not be lost either.
    if answers.iter().any(is_other) || ran == [true, false] {
        return Err(format!(
            "{method} {path}: dsp reads {} {values:?} and sends {canonical} on; with {}\n  \
             the engine should answer {expected:?}\n  and answered {:?}\n  and to dsp's {:?}",
            operation.name, probe.query, answers[0], answers[1]
        ));
    }
    Ok(ran)
}
