//! Notices that a peer has gone for good. Reading tells only that it sends no more, and it may
//! still be listening.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::stream::Stream;

/// A watch on a stream whose reading side has ended.
///
/// A unix socket hangs up when its peer has closed it or has died. A TCP peer that closes looks like
/// one that only sends no more, until it refuses what it is sent.
#[derive(Debug)]
pub(super) struct HangUp(Stream);

impl HangUp {
    /// Watches a stream through a second handle, whose readiness nobody else waits for.
    pub(super) fn watch(stream: &Stream) -> io::Result<Self> {
        stream.duplicate().map(Self)
    }

    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            // A peer that hangs up makes a stream ready to be written to, once more if it was.
            if ready!(self.0.poll_write_ready(context)).is_err() || is_now(&self.0) {
                return Poll::Ready(());
            }
            self.0.clear_write_ready();
        }
    }
}

fn is_now(stream: &Stream) -> bool {
    let mut watched = [PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::empty())];
    match rustix::event::poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => {
            watched.iter().any(|one| one.revents().intersects(PollFlags::HUP | PollFlags::ERR))
        }
        // What cannot be watched any more counts as gone.
        Err(_) => true,
    }
}
