//! Finding the engine as the docker CLI finds it, and asking who it is.
//!
//! The order is the CLI's own (docker/cli `cli/command/cli.go`,
//! docs/engine-api.md#finding-the-engine): the flag, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current
//! context, the default socket. The first one that says something decides; there is no falling back
//! to a socket that happens to exist.

mod ask;
mod context;
mod environment;
mod find;
mod known;
mod probe;

pub use ask::{MountedContainer, container_name, mounted_containers};
pub use environment::Environment;
pub use find::{Engine, FindError, LocateError, Located, Source, Step, find, locate};
pub use probe::{EngineVersion, ProbeError, ping, probe};
