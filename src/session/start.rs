//! Why recording or enforcing cannot start, and what a person should know if it does.

use super::follow::FollowError;
use super::nested::NestedError;
use super::output::JournalError;
use super::signals::SignalError;
use super::sockets::SocketsError;
use super::to_enforce::ProfileError;
use crate::api::Address;
use crate::proxy::Hazard;
use crate::text::{printable, shown};
use crate::verify::Caveat;
use crate::wire::EngineAddress;

/// Why recording or enforcing cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A profile does not fit the engine.
    #[error("{0}")]
    Profile(#[from] ProfileError),
    /// Containers cannot be followed.
    #[error("{0}")]
    Follow(#[from] FollowError),
    /// The recording or the audit log cannot be written.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// Containers cannot have sockets.
    #[error("{0}")]
    Nested(#[from] NestedError),
    /// Signals cannot be handled.
    #[error("{0}")]
    Signals(#[from] SignalError),
    /// The sockets cannot be opened.
    #[error("{0}")]
    Sockets(#[from] SocketsError),
}

/// Something that a person should know about a proxy that starts.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StartWarning {
    /// The profile does not fit the engine.
    #[error("{0}")]
    Caveat(Caveat),
    /// A running container has mounted a socket of an earlier session, which cannot be replaced.
    #[error(
        "container {} is still running from an earlier session, and its recording socket is gone: \
         until you restart it, it cannot reach the engine and is not recorded",
        printable(container)
    )]
    CutOff {
        /// Its name.
        container: String,
    },
    /// A running container has mounted a socket of an earlier session, which cannot be replaced.
    #[error(
        "container {} still runs with the socket of a dsp that has ended: until you restart it, it cannot \
         reach the engine",
        printable(container)
    )]
    CutOffNested {
        /// Its name.
        container: String,
    },
    /// Others can replace dsp's socket.
    #[error("{}", hazardous(.0))]
    Hazard(Hazard),
    /// The engine did not say who it is.
    #[error(
        "what answers at {address} does not say which engine it is; dsp takes it for Docker Engine"
    )]
    SilentEngine {
        /// Its address.
        address: EngineAddress,
    },
    /// A socket cannot tell its clients apart, so anyone who reaches it can connect.
    #[error("{} can connect to {address}", clients(*is_local))]
    OpenToAll {
        /// The address of the socket.
        address: Address,
        /// Whether only this machine reaches it.
        is_local: bool,
    },
}

impl StartWarning {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Caveat(caveat) => caveat.help(),
            Self::CutOff { container } | Self::CutOffNested { container } => {
                Some(format!("docker restart {}", printable(container)))
            }
            Self::Hazard(_) | Self::SilentEngine { .. } => None,
            Self::OpenToAll { .. } => Some(
                "a unix socket can be limited to one user, with --mode and --allow-uid".to_owned(),
            ),
        }
    }
}

fn hazardous(hazard: &Hazard) -> String {
    let folder = shown(&hazard.folder);
    format!(
        "{folder} {hazard}, who can replace dsp's socket; listen in a folder of your own, such as \
         /run/dsp"
    )
}

fn clients(is_local: bool) -> &'static str {
    match is_local {
        true => "every user and every program on this machine",
        false => "anyone who can reach it, from other machines too,",
    }
}
