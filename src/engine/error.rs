//! Why the engine cannot be located.

use std::path::PathBuf;

use crate::api::AddressError;
use crate::text::{beginning, printable, shown};

/// The length limit, in characters, for foreign text that a message repeats.
const LONGEST_QUOTE: usize = 200;

/// Why the engine cannot be located.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// A setting is not an address that dsp can use.
    #[error("{place}: {error}")]
    Address {
        /// The setting.
        place: &'static str,
        /// What is wrong with it.
        error: AddressError,
    },
    /// A configuration file of the docker CLI cannot be used.
    #[error("cannot use the docker CLI's {}: {}", shown(path), quote(reason))]
    Config {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The setting asks for TLS.
    #[error(
        "{} needs TLS, which dsp does not speak yet; forward its socket instead: ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST, then -H unix:///tmp/engine.sock",
        quote(address)
    )]
    Tls {
        /// The address.
        address: String,
    },
    /// The context does not exist.
    #[error(
        "no docker context {}; list contexts with docker context ls, or name the engine with -H",
        quote(name)
    )]
    UnknownContext {
        /// Its name.
        name: String,
    },
}

/// Foreign text in quotes, truncated and without anything that a terminal would interpret.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", printable(beginning(text, LONGEST_QUOTE)))
}
