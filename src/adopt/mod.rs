//! Reads the configuration of another proxy, and says which operations it grants.
//!
//! One file for each program turns its configuration into rules in order, each with a condition on a
//! request. The condition on the path becomes an automaton, so the whole configuration can be asked about
//! every name of every operation, and not only about samples. What a profile cannot say, and what
//! cannot be read, is listed with its line: nothing is left out silently.

mod caddy;
mod cetusguard;
mod compose;
mod decider;
mod dialect;
mod error;
mod form;
mod granted;
mod grants;
mod haproxy;
mod names;
mod paths;
mod program;
mod sections;
mod sockguard;
mod usage;
mod variables;
mod wollomatic;

use std::collections::BTreeSet;

pub use error::AdoptError;
pub use granted::{Difference, DifferenceKind, Granted, GrantedRule};
pub use grants::{Effect, Unread};
pub use program::Program;
pub use usage::{OperationUse, Usage};

use form::Form;
use grants::Grants;

use crate::api::{EngineKind, Method};
use crate::profile::{Entry, Name, Profile};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// How to read a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The program that it is for; `None` if the file shows it.
    pub program: Option<Program>,
    /// The service of a Compose file, the frontend, the site or the profile to read.
    pub service: Option<&'a str>,
    /// The engine whose operations the profile names.
    pub engine: EngineKind,
}

/// A configuration, as what it grants.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// The program that it is for.
    pub program: Program,
    /// The service of a Compose file that was read.
    pub service: Option<String>,
    /// The engine.
    pub engine: EngineKind,
    /// What it grants.
    pub granted: Granted,
    /// What was not taken over, by line.
    pub unread: Vec<Unread>,
}

/// Reads the text of a configuration.
///
/// # Errors
/// [`AdoptError`].
pub fn adopt(text: &str, options: &Options<'_>) -> Result<Adopted, AdoptError> {
    let form = Form::of(text, options.program)?;
    let read = form.read(text, options)?;
    let grants = read.grants;
    let granted = Granted::by(&grants, options.engine);
    let mut unread = grants.unread.clone();
    unread.extend(idle(text, &grants, &granted, options.engine));
    let writes = |granted: &GrantedRule| {
        matches!(granted.rule.operation().method, Method::Post | Method::Put)
    };
    let may_write = granted.rules.iter().any(writes);
    unread.retain(|one| may_write || !one.is_about_writes);
    unread.sort_by_key(|one| (one.line, one.effect));
    unread.dedup();
    Ok(Adopted {
        program: read.program,
        service: read.service,
        engine: options.engine,
        granted,
        unread,
    })
}

/// The rules that allow no request of the engine's API. There is no rule of a profile for them.
fn idle(text: &str, grants: &Grants, granted: &Granted, engine: EngineKind) -> Vec<Unread> {
    let line = |place: &usize| grants.rules.get(*place).and_then(|rule| rule.line);
    // One line may have several rules, of which one is enough.
    let mut idle: BTreeSet<usize> = granted.idle.iter().filter_map(line).collect();
    for (place, rule) in grants.rules.iter().enumerate() {
        if !granted.idle.contains(&place) {
            rule.line.iter().for_each(|line| {
                idle.remove(line);
            });
        }
    }
    // What could not be read has been listed already.
    grants.unread.iter().filter_map(|one| one.line).for_each(|line| {
        idle.remove(&line);
    });
    let lines: Vec<&str> = text.lines().collect();
    let unread = |line: usize| Unread {
        line: Some(line),
        text: lines.get(line - 1).map(|text| text.trim().to_owned()).unwrap_or_default(),
        reason: format!("{} has no operation that it allows", engine.api()),
        effect: Effect::Less,
        is_about_writes: false,
    };
    idle.into_iter().filter(|line| *line > 0).map(unread).collect()
}

impl Adopted {
    /// The profile. Nobody has reviewed it.
    #[must_use]
    pub fn profile(&self, name: Name) -> Profile {
        let allow = self.granted.rules.iter().map(|granted| Entry::new(granted.rule.clone()));
        let deny = self.granted.denied.iter().map(|rule| Entry::new(rule.clone()));
        Profile {
            allow: allow.collect(),
            deny: deny.collect(),
            ..Profile::empty(name, self.engine)
        }
    }

    /// Whether the profile grants exactly what the configuration does, except for versions and links.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let is_inexact = |difference: &Difference| {
            matches!(difference.kind, DifferenceKind::Wider | DifferenceKind::LeftOut)
        };
        self.unread.iter().all(|unread| unread.effect == Effect::Apart)
            && !self.granted.differences.iter().any(is_inexact)
    }
}
