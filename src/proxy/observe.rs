//! Observing requests, for example to log or count them. An observer sees what happens and changes
//! nothing.

use std::sync::Arc;

use super::record::Decided;
use crate::http1::Outcome;

/// Something that happened to a request.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A decision was made. It takes effect after the observers return.
    Decided(&'a Decided<'a>),
    /// The answer has ended, or one side has closed the connection.
    Finished(&'a Outcome),
}

/// Observes requests. Observers compose: a tuple or a slice of observers is itself an observer that
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
