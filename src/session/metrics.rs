//! Counts what a program asks and gets, as Prometheus reads it.
//!
//! Counting costs a few atomic additions for each request, and no lock. Nothing that a client chooses is
//! the value of a label: operations come from the catalogue, and reasons from [`Denial::code`].

use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::api::EngineKind;
use crate::http1::{Outcome, Upstream};
use crate::policy::{Denial, Verdict};
use crate::proxy::Decided;

/// The upper bounds of the buckets for durations, in milliseconds.
const BOUNDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000];

/// What is counted for one program.
#[derive(Default)]
pub(super) struct ProgramMetrics {
    docker: OnceLock<Operations>,
    podman: OnceLock<Operations>,
    /// Requests for no operation of the catalogue.
    unknown: Verdicts,
    /// Denials by the words for their reasons. There are as many words as reasons.
    denials: Mutex<Vec<(&'static str, u64)>>,
    open: AtomicI64,
    unanswered: AtomicU64,
    durations: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

/// The operations of an engine, in the order of its catalogue.
type Operations = Box<[Verdicts]>;

/// Requests by what was decided.
#[derive(Default)]
struct Verdicts {
    allowed: AtomicU64,
    denied: AtomicU64,
    /// Let through, although the profile does not allow them.
    audited: AtomicU64,
}

impl ProgramMetrics {
    /// Counts a decision.
    pub(super) fn decided(&self, decided: &Decided<'_>) {
        let decision = decided.decision;
        let verdicts = match &decision.located {
            Some(located) => self.verdicts(located.operation.engine, located.operation.index),
            None => &self.unknown,
        };
        let counter = match (&decision.verdict, decided.denial) {
            (Verdict::Deny(denial), _) => {
                self.denied(denial);
                &verdicts.denied
            }
            (_, Some(_)) => &verdicts.audited,
            (_, None) => &verdicts.allowed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the end of a request.
    pub(super) fn finished(&self, outcome: &Outcome) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        if outcome.upstream == Upstream::Silent {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        if outcome.upgraded {
            // It took as long as somebody used it.
            return;
        }
        let spent = outcome.duration;
        let bucket = BOUNDS.iter().position(|bound| spent <= Duration::from_millis(*bound));
        if let Some(counter) = self.durations.get(bucket.unwrap_or(BOUNDS.len())) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let spent = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(spent, Ordering::Relaxed);
    }

    /// How many requests were let through, and how many were denied.
    pub(super) fn totals(&self) -> (u64, u64) {
        let of_engines = [&self.docker, &self.podman].into_iter().filter_map(OnceLock::get);
        let all = of_engines.flatten().chain([&self.unknown]);
        all.fold((0, 0), |(allowed, denied), verdicts| {
            let Verdicts { allowed: more, denied: refused, audited } = verdicts;
            (allowed + get(more) + get(audited), denied + get(refused))
        })
    }

    fn denied(&self, denial: &Denial) {
        let code = denial.code();
        let mut denials = self.denials.lock();
        match denials.iter_mut().find(|(known, _)| *known == code) {
            Some((_, times)) => *times = times.saturating_add(1),
            None => denials.push((code, 1)),
        }
    }

    fn verdicts(&self, engine: EngineKind, index: usize) -> &Verdicts {
        let operations = match engine {
            EngineKind::Docker => &self.docker,
            EngineKind::Podman => &self.podman,
        };
        let operations = operations.get_or_init(|| {
            engine.catalogue().operations().iter().map(|_| Verdicts::default()).collect()
        });
        operations.get(index).unwrap_or(&self.unknown)
    }
}

/// What Prometheus reads: families of samples, each with its help.
pub(super) struct Exposition<'a> {
    programs: Vec<(&'a str, &'a ProgramMetrics)>,
    text: String,
}

impl<'a> Exposition<'a> {
    /// Begins with the metrics of these programs.
    pub(super) fn of(programs: Vec<(&'a str, &'a ProgramMetrics)>) -> Self {
        let mut exposition = Self { programs, text: String::new() };
        exposition.requests();
        exposition.denials();
        exposition.gauges();
        exposition.durations();
        exposition
    }

    /// The whole text.
    pub(super) fn text(self) -> String {
        self.text
    }

    /// Begins a family of samples.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Adds a sample with these labels, whose values may be any text.
    pub(super) fn sample(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        value: impl std::fmt::Display,
    ) {
        self.text.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            self.text.push(if place == 0 { '{' } else { ',' });
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    fn requests(&mut self) {
        let name = "dsp_requests_total";
        self.family(name, "counter", "Requests by program, operation and verdict.");
        for (program, metrics) in self.programs.clone() {
            for (engine, operations) in
                [(EngineKind::Docker, &metrics.docker), (EngineKind::Podman, &metrics.podman)]
            {
                let operations = operations.get().into_iter().flatten();
                for (operation, verdicts) in engine.catalogue().operations().iter().zip(operations)
                {
                    self.verdicts(name, program, operation.name, verdicts);
                }
            }
            self.verdicts(name, program, "unknown", &metrics.unknown);
        }
    }

    fn verdicts(&mut self, name: &str, program: &str, operation: &str, verdicts: &Verdicts) {
        let Verdicts { allowed, denied, audited } = verdicts;
        for (verdict, counter) in [("allowed", allowed), ("denied", denied), ("audited", audited)] {
            let labels = [("program", program), ("operation", operation), ("verdict", verdict)];
            let value = get(counter);
            if value > 0 {
                self.sample(name, &labels, value);
            }
        }
    }

    fn denials(&mut self) {
        let name = "dsp_denials_total";
        self.family(name, "counter", "Denied requests by program and reason.");
        for (program, metrics) in self.programs.clone() {
            let denials = metrics.denials.lock().clone();
            for (reason, times) in denials {
                self.sample(name, &[("program", program), ("reason", reason)], times);
            }
        }
    }

    fn gauges(&mut self) {
        let programs = self.programs.clone();
        let name = "dsp_open_requests";
        self.family(name, "gauge", "Requests that are being answered, with streams.");
        for (program, metrics) in &programs {
            self.sample(name, &[("program", program)], metrics.open.load(Ordering::Relaxed).max(0));
        }
        let name = "dsp_unanswered_requests_total";
        self.family(name, "counter", "Allowed requests that the engine did not answer.");
        for (program, metrics) in &programs {
            self.sample(name, &[("program", program)], get(&metrics.unanswered));
        }
    }

    fn durations(&mut self) {
        let name = "dsp_request_duration_seconds";
        let help = "From the arrival of a request to the end of its answer, without upgraded ones.";
        self.family(name, "histogram", help);
        for (program, metrics) in self.programs.clone() {
            let mut sum = 0_u64;
            let bounds = BOUNDS.iter().map(|bound| seconds(Duration::from_millis(*bound)));
            let bounds = bounds.chain(["+Inf".to_owned()]);
            for (bound, counter) in bounds.zip(&metrics.durations) {
                sum = sum.saturating_add(get(counter));
                let labels = [("program", program), ("le", bound.as_str())];
                self.sample(&format!("{name}_bucket"), &labels, sum);
            }
            let spent = Duration::from_micros(get(&metrics.microseconds));
            self.sample(&format!("{name}_sum"), &[("program", program)], seconds(spent));
            self.sample(&format!("{name}_count"), &[("program", program)], sum);
        }
    }
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn seconds(time: Duration) -> String {
    time.as_secs_f64().to_string()
}
