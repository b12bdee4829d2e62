//! `dsp adopt`: the configuration of other proxies.

/// The command, and what it prints.
mod command;
/// Files of each kind, and what cannot be read in them.
mod readers;
/// Compared with the real proxies.
mod real;

use std::collections::BTreeSet;

use dsp::adopt::{Adopted, DifferenceKind, Options, Program, adopt};
use dsp::api::{CanonicalRequest, EngineKind};
use dsp::policy::Enforcer;
use dsp::profile::Name;

use crate::export::corpus::allowed;

/// Reads a configuration of this program.
pub fn adopted(program: Program, text: &str, service: Option<&str>) -> Adopted {
    let options = Options { program: Some(program), service, engine: EngineKind::Docker };
    adopt(text, &options).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The names of the operations that are granted.
pub fn operations(adopted: &Adopted) -> BTreeSet<&'static str> {
    adopted.granted.rules.iter().map(|granted| granted.rule.operation().name).collect()
}

/// The granted rules as text.
pub fn rules(adopted: &Adopted) -> Vec<String> {
    adopted.granted.rules.iter().map(|granted| granted.rule.to_string()).collect()
}

/// What `dsp enforce` would decide with the adopted profile.
pub struct Decisions<'a> {
    adopted: &'a Adopted,
    gate: Enforcer,
}

impl<'a> Decisions<'a> {
    pub fn of(adopted: &'a Adopted) -> Self {
        let profile = adopted.profile(Name::parse("adopted").unwrap());
        Self { adopted, gate: Enforcer::new(&profile) }
    }

    pub fn allows(&self, method: &str, target: &str) -> bool {
        allowed(&self.gate, method, target, None)
    }

    /// Whether the summary says that the proxy decides otherwise on this request.
    pub fn differs(&self, method: &str, target: &str) -> bool {
        let Ok(request) = CanonicalRequest::parse(EngineKind::Docker, method, target) else {
            return false;
        };
        let Some(located) = request.locate() else { return false };
        let has_slash = located.values.iter().any(|value| value.contains('/'));
        self.adopted.granted.differences.iter().any(|difference| {
            difference.operation == located.operation
                && match &difference.kind {
                    DifferenceKind::Links => has_slash,
                    DifferenceKind::Versions(granted) => !granted.contains(&request.version()),
                    DifferenceKind::Wider | DifferenceKind::LeftOut => true,
                }
        })
    }
}
