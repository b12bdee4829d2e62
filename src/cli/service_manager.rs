//! What dsp and the service manager tell each other (sd_notify(3), sd_listen_fds(3)). Without one, nothing
//! is sent.

use std::time::Duration;

use anyhow::Context;
use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::session::OpenedSockets;

/// Tells the service manager that dsp is alive, if it wants to know.
pub(super) struct Watchdog {
    /// How long dsp may be silent.
    patience: Option<Duration>,
}

impl Watchdog {
    /// What the service manager expects of this process.
    pub(super) fn of_service() -> Self {
        Self { patience: sd_notify::watchdog_enabled() }
    }

    /// Says that dsp is alive. To be called each second.
    pub(super) fn feed(&self) {
        if self.patience.is_some() {
            notify(&[NotifyState::Watchdog]);
        }
    }
}

/// The sockets that the service manager has opened.
pub(super) fn opened_sockets() -> anyhow::Result<OpenedSockets> {
    let mut passed = ListenFd::from_env();
    let mut opened = OpenedSockets::default();
    for number in 0..passed.len() {
        if let Ok(Some(listener)) = passed.take_unix_listener(number) {
            opened.unix.push(listener);
        } else if let Some(listener) = passed
            .take_tcp_listener(number)
            .with_context(|| format!("socket {number} of the service manager is of another kind"))?
        {
            opened.tcp.push(listener);
        }
    }
    Ok(opened)
}

/// dsp serves, or serves the new version.
pub(super) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// dsp reads its files again.
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
}

/// dsp is ending.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(state: &[NotifyState<'_>]) {
    // That nobody listens is not a reason to end.
    let _ = sd_notify::notify(state);
}
