//! Metrics and health of a host, on a listener of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::{Method, StatusCode};
use indexmap::IndexMap;
use parking_lot::RwLock;

use super::http::{Answer, Reply, Replying};
use crate::engine;
use crate::profile::Name;
use crate::proxy::{Event, Observe, Running};
use crate::session::metrics::{Exposition, ProgramMetrics};
use crate::wire::EngineAddress;

/// The content type of Prometheus' text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long the engine may take to answer a ping.
const PING_TIME: Duration = Duration::from_secs(2);

/// How long an answer of the engine is used for.
const FRESH: Duration = Duration::from_secs(1);

/// What is counted for all programs together.
pub(super) struct HostMetrics {
    programs: RwLock<IndexMap<Name, Profiled>>,
    begun: SystemTime,
    reloads: AtomicU64,
    failed_reloads: AtomicU64,
    not_admitted: AtomicU64,
    full: AtomicU64,
    not_accepted: AtomicU64,
}

/// A program and the profile that is in force for it.
struct Profiled {
    metrics: Arc<ProgramMetrics>,
    profile: String,
    digest: String,
}

/// Answers requests for metrics and health.
pub(super) struct Monitor {
    metrics: Arc<HostMetrics>,
    running: Arc<Running>,
    engine: EngineAddress,
    ping: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

impl HostMetrics {
    pub(super) fn new() -> Self {
        Self {
            programs: RwLock::default(),
            begun: SystemTime::now(),
            reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
            not_admitted: AtomicU64::new(0),
            full: AtomicU64::new(0),
            not_accepted: AtomicU64::new(0),
        }
    }

    /// The counters of a program, which are new if it has none.
    pub(super) fn of_program(&self, name: &Name) -> Arc<ProgramMetrics> {
        let mut programs = self.programs.write();
        let program = programs.entry(name.clone()).or_insert_with(|| Profiled {
            metrics: Arc::default(),
            profile: String::new(),
            digest: String::new(),
        });
        Arc::clone(&program.metrics)
    }

    /// From now on, this profile is in force for a program.
    pub(super) fn in_force(&self, name: &Name, profile: &Name, digest: &str) {
        if let Some(program) = self.programs.write().get_mut(name) {
            program.profile = profile.to_string();
            digest.clone_into(&mut program.digest);
        }
    }

    /// A program is not served any more.
    pub(super) fn remove(&self, name: &Name) {
        self.programs.write().shift_remove(name);
    }

    /// Counts a reload.
    pub(super) fn reloaded(&self, has_failed: bool) {
        let counter = if has_failed { &self.failed_reloads } else { &self.reloads };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn text(&self, connections: usize, is_up: bool) -> String {
        let programs = self.programs.read();
        let counted = programs.iter().map(|(name, it)| (name.as_str(), it.metrics.as_ref()));
        let mut text = Exposition::of(counted.collect());
        text.family("dsp_engine_up", "gauge", "Whether the engine answers a ping.");
        text.sample("dsp_engine_up", &[], u8::from(is_up));
        text.family("dsp_connections", "gauge", "Open connections of clients.");
        text.sample("dsp_connections", &[], connections);
        let name = "dsp_refused_connections_total";
        text.family(name, "counter", "Connections that were not served, by reason.");
        for (reason, counter) in [
            ("not-admitted", &self.not_admitted),
            ("full", &self.full),
            ("not-accepted", &self.not_accepted),
        ] {
            text.sample(name, &[("reason", reason)], counter.load(Ordering::Relaxed));
        }
        let name = "dsp_reloads_total";
        text.family(name, "counter", "Reloads of the host file, by result.");
        for (result, counter) in [("success", &self.reloads), ("failure", &self.failed_reloads)] {
            text.sample(name, &[("result", result)], counter.load(Ordering::Relaxed));
        }
        let name = "dsp_profile_info";
        text.family(name, "gauge", "The profile in force, and the SHA-256 digest of its file.");
        for (program, Profiled { profile, digest, .. }) in programs.iter() {
            let labels = [("program", program.as_str()), ("profile", profile), ("digest", digest)];
            text.sample(name, &labels, 1);
        }
        let name = "dsp_build_info";
        text.family(name, "gauge", "The version of dsp.");
        text.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let name = "dsp_start_time_seconds";
        text.family(name, "gauge", "When dsp started, in seconds since 1970.");
        let begun = self.begun.duration_since(UNIX_EPOCH).unwrap_or_default();
        text.sample(name, &[], begun.as_secs());
        text.text()
    }
}

impl Observe for HostMetrics {
    fn on(&self, event: &Event<'_>) {
        let counter = match event {
            Event::NotAdmitted { .. } => &self.not_admitted,
            Event::Full { .. } => &self.full,
            Event::AcceptFailed { .. } => &self.not_accepted,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Monitor {
    pub(super) fn new(
        metrics: Arc<HostMetrics>,
        running: Arc<Running>,
        engine: EngineAddress,
    ) -> Self {
        Self { metrics, running, engine, ping: tokio::sync::Mutex::default() }
    }

    /// Whether the engine answers. It is asked at most once a second.
    async fn is_up(&self) -> bool {
        let mut ping = self.ping.lock().await;
        if let Some((asked, is_up)) = *ping
            && asked.elapsed() < FRESH
        {
            return is_up;
        }
        let is_up = engine::ping(&self.engine, PING_TIME).await.is_ok();
        *ping = Some((Instant::now(), is_up));
        is_up
    }

    async fn reply(self: Arc<Self>, path: String) -> Reply {
        match path.as_str() {
            "/metrics" => {
                let is_up = self.is_up().await;
                let body = self.metrics.text(self.running.open(), is_up);
                Reply { status: StatusCode::OK, content_type: EXPOSITION, body }
            }
            "/healthz" => Reply::line(StatusCode::OK, "ok"),
            "/readyz" if self.is_up().await => Reply::line(StatusCode::OK, "ok"),
            "/readyz" => Reply::line(StatusCode::SERVICE_UNAVAILABLE, "the engine does not answer"),
            _ => Reply::line(StatusCode::NOT_FOUND, "there is /metrics, /healthz and /readyz"),
        }
    }
}

/// Answers for a [`Monitor`].
pub(super) struct Monitoring(pub(super) Arc<Monitor>);

impl Answer for Monitoring {
    fn answer(&self, method: &Method, path: &str) -> Replying {
        if *method != Method::GET && *method != Method::HEAD {
            return Box::pin(async {
                Reply::line(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here")
            });
        }
        Box::pin(Arc::clone(&self.0).reply(path.to_owned()))
    }
}
