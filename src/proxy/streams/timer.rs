//! A time limit for something that is polled repeatedly.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A timer that starts on the first poll, and restarts on the first poll after a stop.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    is_running: bool,
}

impl Timer {
    /// Stops the timer. The next poll restarts it.
    pub(crate) fn stop(&mut self) {
        self.is_running = false;
    }

    /// Waits until `limit` has passed since the timer started.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, limit: Duration) -> Poll<()> {
        if !self.is_running {
            self.is_running = true;
            let due = Instant::now() + limit;
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(due),
                none => *none = Some(Box::pin(tokio::time::sleep_until(due))),
            }
        }
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}
