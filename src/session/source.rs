//! Loads a profile from the place that the user names.

use std::io;
use std::path::Path;

use crate::profile::{self, BUILTIN, LoadError, Profile, SHIPPED, Shipped};
use crate::text::{nearest, printable};

/// Why a profile cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read, or its content is invalid.
    #[error("{0}")]
    Load(#[from] LoadError),
    /// There is no such file, but dsp has a built-in profile with that name or a similar one.
    #[error("{error}")]
    NearlyBuiltin {
        /// The error for the file.
        error: LoadError,
        /// The name of the built-in profile.
        near: &'static str,
    },
    /// dsp has no built-in profile with this name.
    #[error("dsp has no profile \"{}\"", printable(name))]
    NoBuiltin {
        /// The name.
        name: String,
    },
}

impl SourceError {
    /// How to fix it, if there is a suggestion.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Load(_) => None,
            Self::NearlyBuiltin { near, .. } => {
                Some(format!("dsp has its own profile {BUILTIN}{near}"))
            }
            Self::NoBuiltin { name } => {
                let known = || SHIPPED.iter().map(|shipped| shipped.name);
                Some(match nearest(name, known()) {
                    Some(near) => {
                        format!("did you mean {BUILTIN}{near}? dsp profiles lists all")
                    }
                    None => format!("it has {}", known().collect::<Vec<_>>().join(", ")),
                })
            }
        }
    }
}

/// Loads a profile from a file, or a built-in one from `builtin:NAME`. Also returns its text.
///
/// # Errors
/// When it cannot be read or is invalid.
pub fn load(path: &Path) -> Result<(String, Profile), SourceError> {
    match builtin(path) {
        Some(name) => {
            let shipped = Shipped::named(name)
                .ok_or_else(|| SourceError::NoBuiltin { name: name.to_owned() })?;
            Ok(profile::parse_from(path, shipped.text.to_owned())?)
        }
        None => profile::load_text(path).map_err(|error| missing(path, error)),
    }
}

/// The name of a built-in profile, if the path refers to one.
#[must_use]
pub fn builtin(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(BUILTIN)
}

/// Suggests the built-in profile that the user may have meant, if the file does not exist.
fn missing(path: &Path, error: LoadError) -> SourceError {
    let is_missing =
        matches!(&error, LoadError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
    let name = path.to_str().filter(|name| is_missing && !name.contains(['/', '.']));
    match name.and_then(|name| nearest(name, SHIPPED.iter().map(|shipped| shipped.name))) {
        Some(near) => SourceError::NearlyBuiltin { error, near },
        None => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(path: &str) -> Option<String> {
        load(Path::new(path)).unwrap_err().help()
    }

    #[test]
    fn a_name_that_is_nearly_one_of_dsps_is_explained() {
        let first = SHIPPED.first().unwrap().name;
        assert!(load(Path::new(&format!("{BUILTIN}{first}"))).is_ok());
        assert_eq!(help(first), Some(format!("dsp has its own profile {BUILTIN}{first}")));
        let near = format!("{BUILTIN}{}", first.get(..first.len() - 1).unwrap());
        assert!(help(&near).unwrap().starts_with("did you mean builtin:"), "{near}");
        assert!(help("builtin:?").unwrap().contains(first));
        assert_eq!(help("no/such/file.yaml"), None);
    }
}
