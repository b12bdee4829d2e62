//! Where processes run, remembered for a moment for what is only written down.
//!
//! A program that connects for each of its requests would otherwise have its control groups read for each of
//! them. Rules about clients never use what is remembered here.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::peer::{Peer, Place};
use crate::proxy::Caller;

/// How long an answer is used for the same process. A process can be moved to other groups at any time.
const FRESH: Duration = Duration::from_secs(1);

/// How long it is used for whoever has the ID of the process. The system gives out IDs in turn, so another
/// process has it that soon only if some 30,000 processes have started in the meantime.
const SAME: Duration = Duration::from_millis(5);

/// How many answers are kept. When there are more, all are forgotten.
const MOST_KEPT: usize = 256;

/// Where processes run, by their IDs.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<NonZeroU32, Known>>);

/// What is known about one process.
#[derive(Clone, Debug)]
struct Known {
    /// What distinguishes it from others that had its ID before.
    identity: u64,
    /// When that was checked.
    seen: Instant,
    /// When its groups were read.
    read: Instant,
    /// `None` if it could not be found out.
    place: Option<Place>,
}

impl Known {
    /// Whether the place may still be used.
    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.read) < FRESH
    }

    /// Whether it is certain enough that nobody else has the ID by now.
    fn is_same(&self, now: Instant) -> bool {
        now.duration_since(self.seen) < SAME
    }
}

impl Places {
    /// Where the process of a client runs, or ran a moment ago. `processes` is the folder of processes.
    pub(super) fn of(&self, caller: &Caller<'_>, processes: &Path) -> Option<Place> {
        let Peer::Process { process: Some(number), .. } = caller.peer() else { return None };
        let (now, known) = (Instant::now(), self.0.lock().get(&number).cloned());
        let known = known.filter(|known| known.is_fresh(now));
        if let Some(known) = &known
            && known.is_same(now)
        {
            return known.place.clone();
        }
        let process = caller.process()?;
        let Some(identity) = process.identity() else { return process.place(processes) };
        let known = match known.filter(|known| known.identity == identity) {
            Some(known) => Known { seen: now, ..known },
            None => Known { identity, seen: now, read: now, place: process.place(processes) },
        };
        let place = known.place.clone();
        let mut kept = self.0.lock();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(number, known);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_trusted_for_a_moment_and_a_process_a_little_longer() {
        let start = Instant::now();
        let known = Known { identity: 1, seen: start + FRESH / 2, read: start, place: None };
        for (after, is_same, is_fresh) in
            [(FRESH / 2, true, true), (FRESH / 2 + SAME, false, true), (FRESH, false, false)]
        {
            let now = start + after;
            assert_eq!((known.is_same(now), known.is_fresh(now)), (is_same, is_fresh), "{after:?}");
        }
    }
}
