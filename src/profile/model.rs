//! The types of a profile. Each can only hold what is right.

use std::fmt;
use std::ops::Range;

use super::rule::{method_and_path, plain};
use super::{Acceptance, Reviewed, Rule, RuleIndex};
use crate::api::{ApiVersion, CanonicalRequest, EngineKind, Method};

/// The longest name of a profile in bytes.
const LONGEST_NAME: usize = 64;

/// Which operations a program may use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    /// What denials and the log call it.
    pub name: Name,
    /// The engine whose operations its rules name.
    pub engine: EngineKind,
    /// The lowest API version that requests may ask for; none means the lowest that dsp lets
    /// through.
    pub min_api: Option<ApiVersion>,
    /// What is allowed.
    pub allow: Vec<Entry<Rule>>,
    /// What people decided against; stronger than `allow`, and `generate` never brings it back.
    pub deny: Vec<Entry<Rule>>,
    /// Requests that the catalogue does not know and that are allowed literally.
    pub unknown: Vec<Entry<UnknownOperation>>,
    /// Findings of `check` that do not count.
    pub accept: Vec<Entry<Acceptance>>,
    /// What a person has accepted; none when nobody has looked.
    pub reviewed: Option<Reviewed>,
}

/// A value and where in the file it stands; two entries are equal when their values are.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// The value.
    pub value: T,
    /// Its bytes in the file; none when it was not read from one.
    pub span: Option<Range<usize>>,
}

/// The name of a profile: letters, digits, `.`, `_` and `-`, at most 64 of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name(String);

/// A text that is no name for a profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a name has 1 to {LONGEST_NAME} letters, digits, \".\", \"_\" or \"-\", a letter or digit first"
)]
pub struct NameError;

/// A request that no operation of the catalogue is, allowed exactly as it is written.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UnknownOperation {
    method: Method,
    path: String,
}

impl Profile {
    /// A profile that allows nothing.
    #[must_use]
    pub fn empty(name: Name, engine: EngineKind) -> Self {
        Self {
            name,
            engine,
            min_api: None,
            allow: Vec::new(),
            deny: Vec::new(),
            unknown: Vec::new(),
            accept: Vec::new(),
            reviewed: None,
        }
    }

    /// What is allowed, found by what it is about; the places are those of `allow`.
    #[must_use]
    pub fn allowed(&self) -> RuleIndex {
        RuleIndex::new(self.engine, self.allow.iter().map(|entry| &entry.value))
    }

    /// What is denied, found by what it is about; the places are those of `deny`.
    #[must_use]
    pub fn denied(&self) -> RuleIndex {
        RuleIndex::new(self.engine, self.deny.iter().map(|entry| &entry.value))
    }
}

impl<T> Entry<T> {
    /// An entry that stands in no file yet.
    pub fn new(value: T) -> Self {
        Self { value, span: None }
    }
}

impl<T: Eq> Eq for Entry<T> {}

impl<T: PartialEq> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let good = first && text.len() <= LONGEST_NAME && text.bytes().all(plain);
        good.then(|| Self(text.to_owned())).ok_or(NameError)
    }

    /// The nearest name to any text: what a name cannot hold becomes a `-`.
    #[must_use]
    pub fn from_words(text: &str) -> Option<Self> {
        let mut name = String::new();
        for character in text.chars().take(LONGEST_NAME) {
            if character.is_ascii_alphanumeric() || "._-".contains(character) {
                name.push(character);
            } else if !name.ends_with('-') {
                name.push('-');
            }
        }
        Self::parse(name.trim_matches(['-', '.', '_'])).ok()
    }

    /// The name of a profile that nothing else names.
    #[must_use]
    pub fn fallback() -> Self {
        Self("profile".to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl UnknownOperation {
    /// The request itself, if no operation of the catalogue is meant.
    #[must_use]
    pub fn of(request: &CanonicalRequest) -> Option<Self> {
        let unknown = request.locate().is_none();
        unknown.then(|| Self { method: request.method(), path: plain(request.path().to_owned()) })
    }

    /// Parses `METHOD /path`, without wildcards. The error says what to write instead.
    pub(super) fn parse(engine: EngineKind, text: &str) -> Result<Self, String> {
        let (method, path) = method_and_path(text).map_err(|error| error.to_string())?;
        if path.contains('*') {
            return Err("an unknown operation is written literally, without \"*\" (%2A is a star)"
                .to_owned());
        }
        let request = CanonicalRequest::parse(engine, method.as_str(), path)
            .map_err(|refusal| format!("no request can be spelled so: {refusal}"))?;
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

    /// Whether this is the request that the entry allows.
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
