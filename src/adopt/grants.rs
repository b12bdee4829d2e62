//! What a foreign configuration grants: rules in order, each with a condition on a request, and what of
//! the configuration could not be read.

use super::paths::PathSet;
use crate::api::Method;

/// What a configuration says, in the order in which its proxy decides: the first rule that applies.
#[derive(Clone, Debug)]
pub(super) struct Grants {
    pub(super) rules: Vec<GrantRule>,
    /// What is decided if no rule applies.
    pub(super) otherwise: Action,
    /// Whether the paths that its conditions see begin with the version of the API, as in the request.
    pub(super) sees_version: bool,
    pub(super) unread: Vec<Unread>,
    /// Settings that are not in the file, and of which the program has a default that grants.
    pub(super) defaults: Vec<&'static str>,
}

/// What a rule does with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Allow,
    Deny,
}

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct GrantRule {
    pub(super) action: Action,
    pub(super) condition: Condition,
    /// Its line in the file, from 1; `None` if the program has it built in.
    pub(super) line: Option<usize>,
}

/// A condition on a request.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// It always or never holds.
    Constant(bool),
    /// The method is one of these.
    Methods(Vec<Method>),
    /// The path is in the set.
    Path(PathSet),
    /// It asks who the client is, which a profile does not know. It holds or not, whichever grants more.
    Client,
    /// It could not be read. It holds or not, whichever grants less.
    Unreadable,
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// A part of a configuration that a profile does not have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unread {
    /// The line in its file, from 1.
    pub line: Option<usize>,
    /// The part, as the file spells it.
    pub text: String,
    /// Why it is not in the profile.
    pub reason: String,
    /// What that means for the profile.
    pub effect: Effect,
    /// Whether it only matters if the profile allows something to be written.
    pub(super) is_about_writes: bool,
}

/// What a part that could not be taken over means for the profile.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Effect {
    /// The profile may grant less than the proxy does.
    Less,
    /// The profile may grant more than the proxy does.
    More,
    /// The part is about clients, or about the proxy itself. The profile grants what it should.
    Apart,
}

impl Grants {
    pub(super) fn new(otherwise: Action) -> Self {
        Self {
            rules: Vec::new(),
            otherwise,
            sees_version: true,
            unread: Vec::new(),
            defaults: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, action: Action, condition: Condition, line: Option<usize>) {
        self.rules.push(GrantRule { action, condition, line });
    }

    /// Notes a part that is not taken over.
    pub(super) fn note(
        &mut self,
        line: Option<usize>,
        text: &str,
        reason: impl Into<String>,
        effect: Effect,
    ) {
        let text = text.trim().to_owned();
        let reason = reason.into();
        self.unread.push(Unread { line, text, reason, effect, is_about_writes: false });
    }

    /// The same for a limit on what requests write, which only matters if some may.
    pub(super) fn note_about_writes(&mut self, line: Option<usize>, text: &str, reason: &str) {
        self.note(line, text, reason, Effect::More);
        self.unread.last_mut().into_iter().for_each(|last| last.is_about_writes = true);
    }
}

impl Condition {
    pub(super) fn not(condition: Self) -> Self {
        Self::Not(Box::new(condition))
    }

    /// The methods with these names. What the Engine API has not is left out: no request has it.
    pub(super) fn methods<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Methods(names.into_iter().filter_map(|name| name.parse().ok()).collect())
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self::All(vec![self, other])
    }

    /// Its lower and its higher value for all clients; `None` if it also depends on the request.
    pub(super) fn by_client(&self) -> Option<(bool, bool)> {
        let both = |parts: &[Self]| parts.iter().map(Self::by_client).collect::<Option<Vec<_>>>();
        match self {
            Self::Constant(value) => Some((*value, *value)),
            Self::Client => Some((false, true)),
            Self::Methods(_) | Self::Path(_) | Self::Unreadable => None,
            Self::Not(inner) => inner.by_client().map(|(lower, higher)| (!higher, !lower)),
            Self::All(parts) => both(parts).map(|parts| {
                (parts.iter().all(|(lower, _)| *lower), parts.iter().all(|(_, higher)| *higher))
            }),
            Self::Any(parts) => both(parts).map(|parts| {
                (parts.iter().any(|(lower, _)| *lower), parts.iter().any(|(_, higher)| *higher))
            }),
        }
    }

    /// Whether some part of it asks who the client is.
    pub(super) fn asks_for_client(&self) -> bool {
        match self {
            Self::Client => true,
            Self::Constant(_) | Self::Methods(_) | Self::Path(_) | Self::Unreadable => false,
            Self::Not(inner) => inner.asks_for_client(),
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::asks_for_client),
        }
    }
}

impl Effect {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "less",
            Self::More => "more",
            Self::Apart => "apart",
        }
    }
}
