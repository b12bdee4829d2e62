//! The contexts of the docker CLI: named engines in its configuration folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::LocateError;

/// The size limit of a configuration file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The name of the context for the default socket.
pub(super) const DEFAULT: &str = "default";

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

/// The name of the current context in `folder/config.json`; `None` without the file.
pub(super) fn current(folder: &Path) -> Result<Option<String>, LocateError> {
    let path = folder.join("config.json");
    let Some(bytes) = read(&path)? else { return Ok(None) };
    let config: Config = serde_json::from_slice(&bytes)
        .map_err(|error| LocateError::Config { path, reason: error.to_string() })?;
    Ok(Some(config.current_context).filter(|name| !name.is_empty()))
}

/// The engine of the context `name`. The CLI stores contexts under the SHA-256 of their names. Each
/// file also contains the name, so a search through the files finds the same one.
pub(super) fn host(folder: &Path, name: &str) -> Result<String, LocateError> {
    let unknown = || LocateError::UnknownContext { name: name.to_owned() };
    let entries = fs::read_dir(folder.join("contexts/meta")).map_err(|_| unknown())?;
    for entry in entries.flatten() {
        let path = entry.path().join("meta.json");
        let Some(bytes) = read(&path)? else { continue };
        // Ignore broken files of other contexts.
        let Ok(meta) = serde_json::from_slice::<Meta>(&bytes) else { continue };
        if meta.name == name {
            let host = meta.endpoints.docker.map(|endpoint| endpoint.host).unwrap_or_default();
            let secured = entry.file_name();
            let tls = folder.join("contexts/tls").join(secured).join("docker");
            if host.starts_with("tcp://") && tls.is_dir() {
                return Err(LocateError::Tls { address: host });
            }
            return if host.is_empty() { Err(unknown()) } else { Ok(host) };
        }
    }
    Err(unknown())
}

/// The bytes of a small file; `None` if it does not exist.
fn read(path: &PathBuf) -> Result<Option<Vec<u8>>, LocateError> {
    let wrong = |reason: String| LocateError::Config { path: path.clone(), reason };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if found.len() > MAX_BYTES => return Err(wrong("it is too large".to_owned())),
        _ => {}
    }
    fs::read(path).map(Some).map_err(|error| wrong(error.to_string()))
}
