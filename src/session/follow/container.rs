//! A container with its own recording socket.

use std::sync::OnceLock;

use parking_lot::{Mutex, MutexGuard};

use crate::proxy::{Running, SocketFile};
use crate::recording::{Totals, Writer};
use crate::session::output::JournalOutput;

/// How many digits of an ID are enough to identify it, as in the docker CLI.
const SHORT_ID: usize = 12;

/// A container with its own recording socket.
#[derive(Debug)]
pub(super) struct Container {
    number: usize,
    identity: Mutex<Identity>,
    /// Started by the first request, when the container has its name. `None` if that failed.
    recording: OnceLock<Option<ContainerRecording>>,
    running: Mutex<Option<Running>>,
    file: Mutex<Option<SocketFile>>,
}

#[derive(Debug, Default)]
struct Identity {
    id: Option<String>,
    name: Option<String>,
}

/// The session of a container, and where it is written.
#[derive(Debug)]
pub(super) struct ContainerRecording {
    pub(super) writer: Writer,
    pub(super) output: JournalOutput,
}

impl Container {
    /// A container that is about to be created. The number identifies it until it has a name.
    pub(super) fn new(number: usize, name: Option<String>) -> Self {
        let identity = Mutex::new(Identity { id: None, name });
        Self {
            number,
            identity,
            recording: OnceLock::new(),
            running: Mutex::default(),
            file: Mutex::default(),
        }
    }

    /// A container from an earlier session.
    pub(super) fn of_before(id: String, name: String) -> Self {
        let container = Self::new(0, Some(name).filter(|name| !name.is_empty()));
        container.created(id);
        container
    }

    /// Its name, or the beginning of its ID if it was not given one.
    pub(super) fn name(&self) -> String {
        let identity = self.identity();
        let short = |id: &String| id.get(..SHORT_ID).unwrap_or(id).to_owned();
        let name = identity.name.clone().or_else(|| identity.id.as_ref().map(short));
        name.unwrap_or_else(|| format!("container-{}", self.number))
    }

    /// Its ID, once the engine has returned it.
    pub(super) fn id(&self) -> Option<String> {
        self.identity().id.clone()
    }

    /// Notes that the engine has created it.
    pub(super) fn created(&self, id: String) {
        self.identity().id = Some(id);
    }

    /// Whether the engine has created it.
    pub(super) fn is_there(&self) -> bool {
        self.identity().id.is_some()
    }

    /// Whether this name or ID in a request refers to it.
    pub(super) fn is_called(&self, called: &str) -> bool {
        let called = called.trim_start_matches('/');
        let identity = self.identity();
        let is_id = |id: &String| called.len() >= SHORT_ID && id.starts_with(called);
        identity.name.as_deref() == Some(called) || identity.id.as_ref().is_some_and(is_id)
    }

    /// Renames it.
    pub(super) fn rename(&self, name: &str) {
        self.identity().name = Some(name.to_owned());
    }

    /// Its recording. The first call starts it with `begin`.
    pub(super) fn recording(
        &self,
        begin: impl FnOnce() -> Option<ContainerRecording>,
    ) -> Option<&ContainerRecording> {
        self.recording.get_or_init(begin).as_ref()
    }

    /// Whether any request came through its socket.
    pub(super) fn is_heard(&self) -> bool {
        self.recording.get().is_some()
    }

    /// Remembers the proxy that serves its socket, and the socket's file.
    pub(super) fn serve(&self, running: Running, file: Option<SocketFile>) {
        *self.running.lock() = Some(running);
        *self.file.lock() = file;
    }

    /// Takes the file of its socket, which is removed when it is dropped.
    pub(super) fn take_file(&self) -> Option<SocketFile> {
        self.file.lock().take()
    }

    /// Takes the proxy that serves its socket, in order to stop it.
    pub(super) fn take_running(&self) -> Option<Running> {
        self.running.lock().take()
    }

    /// Ends its session, if it has one. Returns where it was written, and the session's totals.
    pub(super) fn end(&self) -> Option<(&JournalOutput, Totals)> {
        let recording = self.recording.get()?.as_ref()?;
        Some((&recording.output, recording.writer.end(None)))
    }

    fn identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_goes_by_its_name_and_its_id() {
        let container = Container::new(3, None);
        assert_eq!(container.name(), "container-3");
        container.created("0123456789abcdef".to_owned());
        assert_eq!(container.name(), "0123456789ab");
        assert!(container.is_called("0123456789ab") && !container.is_called("0123"));
        container.rename("web");
        assert_eq!(container.name(), "web");
        assert!(container.is_called("/web") && !container.is_called("we"));
    }
}
