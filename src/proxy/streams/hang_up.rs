//! Detects that a peer has closed its connection completely. A read only shows that it has stopped
//! sending, and it may still be receiving.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::wire::Stream;

/// A watch on a stream whose reading side has ended.
///
/// A unix socket reports a hang-up when its peer has closed it or died. A TCP peer that closes looks
/// like one that has only stopped sending, until it rejects data sent to it.
#[derive(Debug)]
pub(crate) struct HangUp(UnixStream);

impl HangUp {
    /// Watches a stream through a second handle, so that no other code waits on its readiness.
    pub(crate) fn watch(stream: &Stream) -> io::Result<Self> {
        // Only its readiness is used, so it does not matter what kind of socket it is.
        UnixStream::from_std(stream.duplicate()?.into()).map(Self)
    }

    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            // A hang-up makes a stream writable, and wakes a waiter even if it was writable before.
            if ready!(self.0.poll_write_ready(context)).is_err() || is_now(&self.0) {
                return Poll::Ready(());
            }
            // Wait for a new event.
            let _ = self
                .0
                .try_io(Interest::WRITABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
    }
}

fn is_now(stream: &impl AsFd) -> bool {
    let mut watched = [PollFd::new(stream, PollFlags::empty())];
    match rustix::event::poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => {
            watched.iter().any(|one| one.revents().intersects(PollFlags::HUP | PollFlags::ERR))
        }
        // A stream that can no longer be polled counts as gone.
        Err(_) => true,
    }
}
