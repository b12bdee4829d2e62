//! Observing connections and requests, for example to log or count them. An observer sees what happens
//! and changes nothing.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::not_admitted::NotAdmitted;
use super::record::Decided;
use crate::api::Address;
use crate::http1::{Disorder, Flaw, Outcome};

/// Something that happened to a request or to a connection. The observer of a
/// [`Service`](super::Service) sees what happens to its requests, and the observer of a
/// [`Proxy`](super::Proxy) sees everything else.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A decision was made. It takes effect after the observers return.
    Decided(&'a Decided<'a>),
    /// The answer has ended, or one side has closed the connection.
    Finished(&'a Outcome),
    /// A client was turned away, because it may not connect.
    NotAdmitted {
        /// The address that it connected to.
        listener: &'a Address,
        /// Why it may not connect.
        reason: &'a NotAdmitted,
    },
    /// A client was turned away, because all connections are busy.
    Full {
        /// The address that it connected to.
        listener: &'a Address,
    },
    /// A connection could not be accepted, for example because no file descriptor is free.
    AcceptFailed {
        /// The address of the listener.
        listener: &'a Address,
        /// The system's error.
        error: &'a io::Error,
    },
    /// A listener was closed. There are no more events about it.
    Closed {
        /// Its address.
        listener: &'a Address,
    },
    /// Something malformed is forwarded as it is, because the gate only watches.
    Unread {
        /// The number of the client's connection.
        connection: u64,
        /// What is malformed.
        fault: Fault,
    },
    /// The engine did not answer a request. The client sees what it would have seen without the proxy,
    /// because the gate only watches.
    Unanswered {
        /// The number of the client's connection.
        connection: u64,
        /// The system's error.
        error: &'a io::Error,
    },
    /// A thread that should serve connections could not be started.
    FewerThreads {
        /// The system's error.
        error: &'a io::Error,
    },
}

/// The malformed part of an exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The head of the request.
    Head(Flaw),
    /// Something after it.
    AfterHead(Disorder),
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(flaw) => flaw.fmt(to),
            Self::AfterHead(disorder) => disorder.fmt(to),
        }
    }
}

/// Observes requests and connections. Observers compose: a tuple or a slice of observers is itself an observer that
/// calls each of them in order.
pub trait Observe: Send + Sync {
    /// Handles an event. Calls for one connection come in order; calls for different connections come
    /// from different threads.
    fn on(&self, event: &Event<'_>);
}

/// Observes nothing.
impl Observe for () {
    fn on(&self, _event: &Event<'_>) {}
}

impl<O: Observe + ?Sized> Observe for Arc<O> {
    fn on(&self, event: &Event<'_>) {
        (**self).on(event);
    }
}

impl<A: Observe, B: Observe> Observe for (A, B) {
    fn on(&self, event: &Event<'_>) {
        self.0.on(event);
        self.1.on(event);
    }
}

impl<O: Observe> Observe for [O] {
    fn on(&self, event: &Event<'_>) {
        self.iter().for_each(|observer| observer.on(event));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Observe for Count {
        fn on(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn observers_compose() {
        let counts = [(); 3].map(|()| Arc::new(Count::default()));
        let [first, second, third] = counts.clone();
        let outcome = Outcome::default();
        let all: (_, Arc<[Arc<Count>]>) = ((first, ()), Arc::new([second, third]));
        all.on(&Event::Finished(&outcome));
        all.on(&Event::Finished(&outcome));
        assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [2; 3]);
    }
}
