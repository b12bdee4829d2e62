//! Signals, and the orderly shutdown of a proxy that runs without a program.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::limits::raise_open_files;
use crate::api::{CanonicalRequest, EngineKind};
use crate::proxy::{Drained, OpenRequest, Running};

/// How long a shutdown may take before the user is told what is still open. Idle connections end at
/// once, so only real work is worth mentioning.
const WAITING_AFTER: Duration = Duration::from_millis(200);

/// How often, and how many times in a row, nothing but endless answers has to be open before they are cut.
const ENDLESS_AFTER: Duration = Duration::from_millis(50);
const ENDLESS_TIMES: u32 = 10;

/// How long dsp waits before it asks again whether containers run.
const CONTAINERS_AFTER: Duration = Duration::from_millis(500);

/// Signals cannot be handled.
#[derive(Debug, thiserror::Error)]
#[error("cannot handle signals: {0}")]
pub struct SignalError(#[source] io::Error);

/// The signals that end a proxy.
#[derive(Debug)]
pub(super) struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

/// A signal that ends a proxy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EndSignal {
    /// A person at the terminal has asked for the end.
    Interrupt,
    /// The system, or whoever started dsp, has.
    Other,
}

/// What a user may want to see while the proxy is serving.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Notice {
    /// Another second has passed.
    Second,
    /// The proxy is shutting down, and connections are still open.
    Waiting {
        /// How many connections.
        open: usize,
    },
}

impl EndSignals {
    /// Interrupt, terminate and hang-up.
    ///
    /// # Errors
    /// When they cannot be handled.
    pub(super) fn new() -> Result<Self, SignalError> {
        let hangup = Some(handle_signal(SignalKind::hangup())?);
        Ok(Self { hangup, ..Self::except_hangup()? })
    }

    /// Interrupt and terminate.
    ///
    /// # Errors
    /// When they cannot be handled.
    pub(super) fn except_hangup() -> Result<Self, SignalError> {
        let interrupt = handle_signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: handle_signal(SignalKind::terminate())?, hangup: None })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> EndSignal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => EndSignal::Interrupt,
            _ = self.terminate.recv() => EndSignal::Other,
            _ = hangup => EndSignal::Other,
        }
    }
}

/// Starts to handle a signal.
///
/// # Errors
/// When it cannot be handled.
pub fn handle_signal(kind: SignalKind) -> Result<Signal, SignalError> {
    signal(kind).map_err(SignalError)
}

/// Serves until a signal arrives, then shuts down in order: open requests get the grace period. A
/// second signal ends them at once.
pub(super) async fn serve_until_signal(
    running: &Running,
    grace: Duration,
    mut signals: EndSignals,
    notice: impl Fn(Notice),
) -> Drained {
    raise_open_files();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = signals.next() => break,
            _ = seconds.tick() => notice(Notice::Second),
        }
    }
    end(running, grace, signals.next(), notice).await
}

/// Waits while containers run that a program has left, or until a signal arrives. `still` is told which
/// they are, once.
pub(super) async fn wait_for_containers<F: Future<Output = Vec<String>>>(
    running: impl Fn() -> F,
    still: impl FnOnce(Vec<String>),
) {
    let Ok(mut signals) = EndSignals::new() else { return };
    let waiting = async {
        let containers = running().await;
        if containers.is_empty() {
            return;
        }
        still(containers);
        while !running().await.is_empty() {
            tokio::time::sleep(CONTAINERS_AFTER).await;
        }
    };
    tokio::select! {
        () = waiting => {}
        _ = signals.next() => {}
    }
}

/// Waits until all that is left are answers that never end, such as events, for a while. Programs open
/// those again when they are cut, and do not finish them.
async fn only_endless(running: &Running) {
    let mut times = 0;
    while times < ENDLESS_TIMES {
        tokio::time::sleep(ENDLESS_AFTER).await;
        let open = running.requests();
        let is_left = !open.is_empty() && open.iter().all(is_endless);
        times = if is_left { times + 1 } else { 0 };
    }
}

fn is_endless(open: &OpenRequest) -> bool {
    let located =
        |kind: EngineKind| CanonicalRequest::parse(kind, &open.method, &open.target).ok()?.locate();
    let engines = [EngineKind::Docker, EngineKind::Podman];
    engines.into_iter().filter_map(located).any(|located| located.operation.is_endless())
}

/// Shuts down in order: open requests get the grace period, unless `hurry` ends before.
pub(super) async fn end<T>(
    running: &Running,
    grace: Duration,
    hurry: impl Future<Output = T>,
    notice: impl Fn(Notice),
) -> Drained {
    let waiting = async {
        tokio::time::sleep(WAITING_AFTER).await;
        if running.open() > 0 {
            notice(Notice::Waiting { open: running.open() });
        }
        std::future::pending::<()>().await;
    };
    let hurry = async {
        tokio::select! {
            _ = hurry => {}
            () = only_endless(running) => {}
        }
    };
    tokio::select! {
        drained = running.drain(grace, hurry) => drained,
        () = waiting => Drained { cut: 0 },
    }
}
