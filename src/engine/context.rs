//! The contexts of the docker CLI: named engines in its configuration folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::LocateError;
use crate::wire::CertificateFolder;

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
    #[serde(rename = "SkipTLSVerify", default)]
    skips_verification: bool,
}

/// The engine of a context.
#[derive(Debug)]
pub(super) struct Named {
    /// Its address.
    pub(super) host: String,
    /// The files for TLS, if the context has some or wants TLS without them.
    pub(super) certificates: Option<CertificateFolder>,
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
pub(super) fn find(folder: &Path, name: &str) -> Result<Named, LocateError> {
    let unknown = || LocateError::UnknownContext { name: name.to_owned() };
    let entries = fs::read_dir(folder.join("contexts/meta")).map_err(|_| unknown())?;
    for entry in entries.flatten() {
        let path = entry.path().join("meta.json");
        let Some(bytes) = read(&path)? else { continue };
        // Ignore broken files of other contexts.
        let Ok(meta) = serde_json::from_slice::<Meta>(&bytes) else { continue };
        if meta.name == name {
            let endpoint = meta.endpoints.docker.filter(|endpoint| !endpoint.host.is_empty());
            let Endpoint { host, skips_verification } = endpoint.ok_or_else(unknown)?;
            let path = folder.join("contexts/tls").join(entry.file_name()).join("docker");
            let certificates = (skips_verification || path.is_dir()).then_some(CertificateFolder {
                path,
                verifies: !skips_verification,
                may_lack_authority: true,
            });
            return Ok(Named { host, certificates });
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
