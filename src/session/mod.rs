//! The application itself: recording, auditing, following containers, enforcing and reloading profiles,
//! and the sockets, limits and signals that these need.
//!
//! This module returns data or a typed error. It never prints, never exits the process and never reads
//! the environment, so that it can be tested in process; [`crate::cli`] does the rest. Events during
//! serving are logged through `tracing`.

mod admission;
mod audit;
mod audit_log;
mod denials;
mod enforcement;
mod follow;
mod journal;
mod limits;
mod program;
mod recorder;
mod runtime_dir;
mod signals;
mod sockets;
mod source;

pub use admission::{Caveat, EngineMismatch, NotReviewed, check_engine, check_reviewed};
pub use audit::Audit;
pub use audit_log::{AuditLog, AuditLogError, AuditOutput};
pub use enforcement::{Enforcement, EnforcementOptions, Reload, ReloadError};
pub use follow::{
    FollowEnd, FollowError, FollowFailure, FollowOptions, Followed, FollowedContainer, Follower,
    LONGEST_BODY, Recorded, Unfollowed, WhyUnread,
};
pub use journal::about_engine;
pub use program::{CHILD_GRACE, escape, run_program};
pub use recorder::Recorder;
pub use runtime_dir::{RuntimeDir, RuntimeDirError};
pub use signals::{EndSignals, Notice, SignalError, handle_signal, serve_until_signal};
pub use sockets::{ListenOptions, Serving, Sockets, SocketsError, UsualSocket, covered_access};
pub use source::{SourceError, builtin, load};
