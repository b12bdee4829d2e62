//! Requests that are not in the catalogue and are allowed literally.

use std::fmt;

use super::rule::{method_and_path, plain};
use crate::api::{CanonicalRequest, EngineKind, Method};

/// A request that is not in the catalogue, allowed exactly as written.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UnknownOperation {
    method: Method,
    path: String,
}

impl UnknownOperation {
    /// The request itself, if it is not an operation of the catalogue.
    #[must_use]
    pub fn of(request: &CanonicalRequest) -> Option<Self> {
        let unknown = request.locate().is_none();
        unknown.then(|| Self { method: request.method(), path: plain(request.path().to_owned()) })
    }

    /// Parses `METHOD /path` without wildcards. The error says what to write instead.
    pub(super) fn parse(engine: EngineKind, text: &str) -> Result<Self, String> {
        let (method, path) = method_and_path(text).map_err(|error| error.to_string())?;
        if path.contains('*') {
            return Err("an unknown operation is written literally, without \"*\" (%2A is a star)"
                .to_owned());
        }
        let request = CanonicalRequest::parse(engine, method.as_str(), path)
            .map_err(|refusal| format!("no request can be spelled like this: {refusal}"))?;
        if request.version().is_some() {
            return Err("rules have no version prefix".to_owned());
        }
        if !request.query().is_empty() {
            return Err("rules have no query".to_owned());
        }
        Self::of(&request).ok_or_else(|| {
            "this is a known operation of the Engine API; write it under allow:".to_owned()
        })
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// Its path in canonical spelling, without a version.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the entry allows this request.
    #[must_use]
    pub fn matches(&self, request: &CanonicalRequest) -> bool {
        self.method == request.method() && self.path == plain(request.path().to_owned())
    }
}

impl fmt::Display for UnknownOperation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{} {}", self.method, self.path))
    }
}
