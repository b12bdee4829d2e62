//! Logs what happens to a proxy's connections besides the decisions on their requests. Clients cause
//! most of it, so each kind of event is logged at powers of ten only, and at the end with its total.

use parking_lot::Mutex;

use super::log_throttle::LogThrottle;
use crate::api::Address;
use crate::proxy::{Event, Observe};

/// Logs the events of one proxy's connections.
#[derive(Debug, Default)]
pub(super) struct ConnectionLog {
    listeners: Mutex<Vec<ListenerLog>>,
    unread: Mutex<LogThrottle>,
    unanswered: Mutex<LogThrottle>,
}

/// The connections to one listener that are not served.
#[derive(Debug)]
struct ListenerLog {
    address: Address,
    strangers: LogThrottle,
    full: LogThrottle,
    failed: LogThrottle,
}

impl ConnectionLog {
    /// Counts an event at a listener. Returns its number if that should be logged.
    fn note(
        &self,
        listener: &Address,
        kind: impl FnOnce(&mut ListenerLog) -> &mut LogThrottle,
    ) -> Option<u64> {
        let mut listeners = self.listeners.lock();
        if let Some(known) = listeners.iter_mut().find(|known| known.address == *listener) {
            return kind(known).once_more();
        }
        let mut new = ListenerLog::new(listener);
        let times = kind(&mut new).once_more();
        listeners.push(new);
        times
    }

    /// Logs the totals of a listener that is closed.
    fn close(&self, listener: &Address) {
        let mut listeners = self.listeners.lock();
        let closed = listeners.extract_if(.., |known| known.address == *listener);
        closed.for_each(|closed| closed.log_totals());
    }
}

impl ListenerLog {
    fn new(address: &Address) -> Self {
        let [strangers, full, failed] = Default::default();
        Self { address: address.clone(), strangers, full, failed }
    }

    fn log_totals(&self) {
        for (throttle, what) in [
            (&self.failed, "cannot accept a connection"),
            (&self.strangers, "turned away: strangers"),
            (&self.full, "turned away: all connections are busy"),
        ] {
            if let Some(times) = throttle.unlogged() {
                tracing::warn!(address = %self.address, times, "{what} in all");
            }
        }
    }
}

impl Observe for ConnectionLog {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::NotAdmitted { listener: address, reason } => {
                if let Some(times) = self.note(address, |listener| &mut listener.strangers) {
                    tracing::warn!(%address, times, "turned away: {reason}");
                }
            }
            Event::Full { listener: address } => {
                if let Some(times) = self.note(address, |listener| &mut listener.full) {
                    tracing::warn!(%address, times, "turned away: all connections are busy");
                }
            }
            Event::AcceptFailed { listener: address, error } => {
                if let Some(times) = self.note(address, |listener| &mut listener.failed) {
                    tracing::warn!(%error, %address, times, "cannot accept a connection");
                }
            }
            Event::Closed { listener } => self.close(listener),
            Event::Unread { connection, fault } => {
                if let Some(times) = self.unread.lock().once_more() {
                    tracing::warn!(connection, times, "passed on without a look: {fault}");
                }
            }
            Event::Unanswered { connection, error } => {
                if let Some(times) = self.unanswered.lock().once_more() {
                    tracing::warn!(connection, times, "the engine gave no answer: {error}");
                }
            }
            Event::FewerThreads { error } => tracing::warn!(%error, "goes on with fewer threads"),
            Event::Decided(_) | Event::Finished(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(log: &ConnectionLog, listener: &Address, times: usize) {
        (0..times).for_each(|_| log.on(&Event::Full { listener }));
    }

    #[test]
    fn each_listener_is_counted_until_it_is_closed() {
        let log = ConnectionLog::default();
        let [first, second] = ["tcp://a:1", "tcp://a:2"].map(|text| text.parse().unwrap());
        busy(&log, &first, 15);
        busy(&log, &second, 10);
        let unlogged = |address: &Address| {
            let listeners = log.listeners.lock();
            let known = listeners.iter().find(|known| known.address == *address);
            known.map(|known| [&known.full, &known.strangers].map(LogThrottle::unlogged))
        };
        assert_eq!(unlogged(&first), Some([Some(15), None]));
        assert_eq!(unlogged(&second), Some([None, None]), "ten have just been logged");
        log.on(&Event::Closed { listener: &first });
        assert_eq!(unlogged(&first), None);
        assert!(unlogged(&second).is_some());
    }
}
