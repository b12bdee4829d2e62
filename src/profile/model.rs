//! The types of a profile. Invalid values cannot be represented.

use std::fmt;

use super::{Acceptance, Entry, Reviewed, Rule, RuleIndex, UnknownOperation};
use crate::api::{ApiVersion, EngineKind};

/// The length limit of a profile's name, in bytes.
const LONGEST_NAME: usize = 64;

/// Which operations a program may use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    /// What denials and the log call the profile.
    pub name: Name,
    /// The engine whose operations its rules name.
    pub engine: EngineKind,
    /// The lowest API version that requests may ask for; if `None`, the lowest that dsp supports.
    pub min_api: Option<ApiVersion>,
    /// The rules that allow requests.
    pub allow: Vec<Entry<Rule>>,
    /// The rules that people decided against. They override `allow`, and `generate` never proposes
    /// them again.
    pub deny: Vec<Entry<Rule>>,
    /// Requests that are not in the catalogue and are allowed literally.
    pub unknown: Vec<Entry<UnknownOperation>>,
    /// Findings of `check` that do not count.
    pub accept: Vec<Entry<Acceptance>>,
    /// What a person has accepted; `None` if nobody has reviewed the profile.
    pub reviewed: Option<Reviewed>,
}

/// The name of a profile: letters, digits, `.`, `_` and `-`, at most 64 of them.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub struct Name(String);

/// The text is not a valid name for a profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a name has 1 to {LONGEST_NAME} letters, digits, \".\", \"_\" or \"-\", a letter or digit first"
)]
pub struct NameError;

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

    /// The same profile with only one of its rules under `allow`, and nothing under `unknown`. Nobody has
    /// reviewed it.
    #[must_use]
    pub fn with_one_rule(&self, entry: &Entry<Rule>) -> Self {
        Self {
            allow: vec![entry.clone()],
            deny: self.deny.clone(),
            min_api: self.min_api,
            ..Self::empty(self.name.clone(), self.engine)
        }
    }

    /// An index of `allow`.
    #[must_use]
    pub fn allowed(&self) -> RuleIndex {
        RuleIndex::new(self.engine, self.allow.iter().map(|entry| &entry.value))
    }

    /// An index of the rules under `deny` that deny whatever the contents.
    #[must_use]
    pub fn denied(&self) -> RuleIndex {
        let rules = self.deny.iter().map(|entry| &entry.value);
        RuleIndex::new(self.engine, rules.filter(|rule| rule.contents().is_none()))
    }

    /// An index of `deny`.
    #[must_use]
    pub fn denials(&self) -> RuleIndex {
        RuleIndex::new(self.engine, self.deny.iter().map(|entry| &entry.value))
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

    /// The name most similar to any text: invalid characters become `-`.
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

    /// The name of a profile for which no other name is known.
    #[must_use]
    pub fn fallback() -> Self {
        Self("profile".to_owned())
    }

    /// The name as text.
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
