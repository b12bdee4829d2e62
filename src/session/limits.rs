//! The limit on open files, and what it leaves room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files dsp opens besides its connections, with some to spare.
const OTHER_FILES: u64 = 32;

/// Raises the limit on open files as far as the system allows. Each stream takes two files.
pub(super) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "cannot raise the limit of open files");
        }
    }
}

/// How many connections the limit on open files allows, counting the matching connection to the engine.
pub(super) fn most_connections() -> usize {
    usize::try_from(most_files().saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX)
}

/// How many container sockets leave enough room for connections.
pub(super) fn most_sockets() -> usize {
    usize::try_from(most_files() / 4).unwrap_or(usize::MAX)
}

fn most_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}
