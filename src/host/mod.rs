//! The host file (`dsp.yaml`): the programs of a host, each with its profile, its sockets and its settings.
//!
//! It is parsed as strictly as a profile is. Paths in it are read from its own folder. Nothing here looks at
//! the system: users and groups stay names, and profiles stay paths.

mod clients;
mod emit;
mod model;
mod parse;
mod schema;
mod written;

pub use emit::{HEAD, ProgramToWrite, emit};
pub use model::{
    AuditLog, ClientRules, EngineSetting, Host, Program, Settings, Socket, SocketSettings,
    SocketTls,
};
pub use parse::{HostError, is_host_file, load, parse};
pub use schema::{TITLE as SCHEMA_TITLE, schema};
