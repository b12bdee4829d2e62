//! How much load a proxy accepts at once.

use std::time::Duration;

/// The smallest connection limit at which a share is reserved for others.
const FEWEST_SHARED: usize = 16;

/// How much load a proxy accepts at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The maximum number of connections that are open at the same time. From 16 on, one process gets
    /// at most seven eighths of them, and one user or machine fifteen sixteenths.
    pub connections: usize,
    /// How long the body of a permitted request may make no progress; `None` for no limit.
    pub body: Option<Duration>,
}

impl Limits {
    /// Far more connections than Docker clients open, and little memory while they are idle.
    pub const DEFAULT: Self = Self { connections: 16_384, body: Some(Duration::from_secs(60)) };

    pub(super) fn of_process(self) -> usize {
        self.share(8)
    }

    pub(super) fn of_party(self) -> usize {
        self.share(16)
    }

    /// All connections but one of `parts` equal parts.
    fn share(self, parts: usize) -> usize {
        let most = self.most();
        if most < FEWEST_SHARED { most } else { most - most / parts }
    }

    pub(super) fn most(self) -> usize {
        self.connections.max(1)
    }
}
