//! Why the engine cannot be located.

use std::path::PathBuf;

use crate::api::{Address, AddressError};
use crate::text::{beginning, printable, shown};
use crate::wire::{SshHostError, TlsFileError};

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
    /// A setting is not an address that ssh can use.
    #[error("{place}: {error}")]
    Ssh {
        /// The setting.
        place: &'static str,
        /// What is wrong with it.
        error: SshHostError,
    },
    /// The engine needs TLS, and the files for it cannot be used.
    #[error("TLS to {address}: {error}; {help}")]
    Tls {
        /// The address.
        address: Address,
        /// The file, and what is wrong with it.
        error: TlsFileError,
        /// Which files are needed where.
        help: &'static str,
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
