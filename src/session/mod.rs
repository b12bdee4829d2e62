//! The application itself: recording, auditing, following containers, enforcing and reloading profiles,
//! and the sockets, limits and signals that these need.
//!
//! This module returns data or a typed error. It never prints, never exits the process and never reads
//! the environment, so that it can be tested in process; [`crate::cli`] does the rest. Events during
//! serving are logged through `tracing`.

mod accounts;
mod admission;
mod audit;
mod audit_log;
mod clients;
mod connection_log;
mod containers;
mod denials;
mod enforcement;
mod engine_watch;
mod evidence;
mod follow;
mod front;
mod hosting;
mod journal;
mod late_engine;
mod limits;
mod log_throttle;
mod metrics;
mod nested;
mod output;
mod owners;
mod places;
mod profile_change;
mod program;
mod project_name;
mod recorder;
mod recording;
mod reload;
mod revision;
mod runtime_dir;
mod session_filter;
mod shown;
mod signals;
mod sockets;
mod source;
mod start;
#[cfg(test)]
mod tests;
mod to_enforce;
mod whole_host;
mod workload;

pub use accounts::{Account, AccountError};
pub use admission::{NotReviewed, check_reviewed};
pub use audit_log::AuditLogOptions;
pub use enforcement::{
    Enforcement, EnforcementEnd, EnforcementNotice, EnforcementOptions, ReloadEnd,
};
pub use evidence::{
    EvidenceError, EvidenceFile, EvidenceNotice, EvidenceOptions, LogOptions, gather_evidence,
    recorded_lines, recordings_name,
};
pub use follow::{
    ContainerSessions, FollowEnd, FollowError, FollowFailure, FollowedContainer, Recorded,
    Unfollowed, WhyUnread,
};
pub use front::FrontOptions;
pub use hosting::{
    ControlError, HostEnd, HostReload, HostToServe, Hosting, HostingError, HostingNotice,
    HostingStartError, OpenedSockets, ProgramEnd, ProgramReload, ProgramToServe, ReloadReply,
    ReloadedProgram, ask_to_reload,
};
pub use late_engine::{EngineFound, LateEngine};
pub use log_throttle::LogThrottle;
pub use nested::NestedError;
pub use output::{JournalError, JournalOutput};
pub use profile_change::{ChangeError, ProfileChange, UnreadableError, check_readable};
pub use program::escape;
pub use project_name::{OutsideProjects, name_by_place};
pub use recording::{Recording, RecordingEnd, RecordingNotice, RecordingOptions, SeveralPrograms};
pub use reload::Reload;
pub use revision::{RevisionError, read_revision};
pub use runtime_dir::{RuntimeDir, RuntimeDirError};
pub use session_filter::{NoSession, SessionFilter, session_name, some_of};
pub use shown::{follow_exchanges, read_exchanges};
pub use signals::{SignalError, handle_signal};
pub use sockets::{ListenOptions, SocketsError};
pub use source::{SourceError, builtin, load};
pub use start::{StartError, StartWarning};
pub use to_enforce::{EnforcementMode, ProfileError, ProfileToEnforce};
pub use whole_host::{
    Beyond, GivenBack, HostRecording, HostRecordingEnd, HostRecordingError, HostRecordingNotice,
    HostRecordingOptions, HostSocket, HostSocketError, MOST_PROGRAMS, Mended, RecordedProgram,
    Survey,
};
pub use workload::{Workload, WorkloadEnd};
