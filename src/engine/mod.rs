//! Finds the engine as the docker CLI does, and asks for its version.
//!
//! The order is the CLI's own (docker/cli `cli/command/cli.go`,
//! docs/engine-api.md#finding-the-engine): the flag, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current
//! context, the default socket. The first one that is set decides; there is no fallback to a socket
//! that happens to exist.

mod ask;
mod connector;
mod context;
mod environment;
mod error;
mod find;
mod known;
mod objects;
mod probe;
mod settings;

pub use ask::{MountedContainer, container_name, mounted_containers};
pub use environment::Environment;
pub use error::LocateError;
pub use find::{Engine, FindError, Located, Source, Step, find, locate};
pub use objects::{Described, NotDescribed, Objects};
pub use probe::{EngineVersion, ProbeError, ping, probe};
pub use settings::{Settings, settings};
