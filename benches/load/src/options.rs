//! The options of a command.

use std::io;
use std::time::Duration;

use crate::wire::Address;

/// The options of all commands; each command uses some of them.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) address: Address,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
    pub(crate) path: String,
    pub(crate) ids: usize,
    pub(crate) rate: f64,
    pub(crate) bytes: u64,
}

impl Options {
    pub(crate) fn parse(
        address: &str,
        mut arguments: impl Iterator<Item = String>,
    ) -> io::Result<Self> {
        let mut options = Self {
            address: Address::parse(address)?,
            connections: 32,
            time: Duration::from_secs(5),
            path: "/v1.41/containers/json".to_owned(),
            ids: 0,
            rate: 0.0,
            bytes: 1 << 30,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| wrong(&name))?;
            match name.as_str() {
                "--connections" => options.connections = number(&name, &value)?,
                "--seconds" => options.time = Duration::from_secs_f64(number(&name, &value)?),
                "--path" => options.path = value,
                "--ids" => options.ids = number(&name, &value)?,
                "--rate" => options.rate = number(&name, &value)?,
                "--bytes" => options.bytes = number(&name, &value)?,
                _ => return Err(wrong(&name)),
            }
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> io::Result<T> {
    value.parse().map_err(|_| wrong(name))
}

fn wrong(name: &str) -> io::Error {
    io::Error::other(format!("{name}: no such option, or no such value"))
}
