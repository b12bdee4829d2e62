//! Logs that the engine is lost, and that it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::http1::{Outcome, Upstream};

/// Notices from the answers to requests whether the engine is there. It logs each change once.
#[derive(Debug, Default)]
pub(super) struct EngineWatch {
    is_lost: AtomicBool,
    /// Since when, and how many requests it has not answered.
    loss: Mutex<Option<(Instant, u64)>>,
}

impl EngineWatch {
    /// Notes the end of a request that was forwarded.
    pub(super) fn finished(&self, outcome: &Outcome) {
        let is_lost = self.is_lost.load(Ordering::Relaxed);
        if outcome.upstream == Upstream::Silent {
            let mut loss = self.loss.lock();
            let (_, times) = loss.get_or_insert_with(|| (Instant::now(), 0));
            *times = times.saturating_add(1);
            if !self.is_lost.swap(true, Ordering::Relaxed) {
                tracing::warn!("the engine does not answer");
            }
        } else if is_lost
            && outcome.upstream == Upstream::Answered
            && self.is_lost.swap(false, Ordering::Relaxed)
        {
            let (since, times) = self.loss.lock().take().unwrap_or_else(|| (Instant::now(), 0));
            let seconds = rounded(since.elapsed());
            tracing::warn!(seconds, unanswered = times, "the engine answers again");
        }
    }
}

fn rounded(time: Duration) -> u64 {
    time.saturating_add(Duration::from_millis(500)).as_secs()
}
