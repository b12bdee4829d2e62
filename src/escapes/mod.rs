//! Escapes: every known way from the engine's socket to the host, or to other people's containers,
//! data or networks, as data. Each is one request, with what it gives and where it is known from.
//! Pure.
//!
//! The files `*.tsv` have a row for each. A row is tried against profiles by the code that decides,
//! and on real engines by the tests (`tests/it/real_engine/escapes`).

mod data;
mod open;
mod placeholder;
#[cfg(test)]
mod tests;
mod works;

use std::sync::LazyLock;

pub use open::{Open, by_rule, left_open};
pub use placeholder::{PLACEHOLDERS, fill};
pub use works::{Needs, Releases, Works};

use crate::api::{ApiVersion, EngineKind, Method};
use crate::text::words;

static ALL: LazyLock<Vec<Escape>> = LazyLock::new(data::read);

/// How the paths of podman's own API begin, and a version that every podman serves.
const LIBPOD: &str = "/libpod/";
const LIBPOD_VERSION: ApiVersion = ApiVersion::full(4, 0, 0);

/// Every escape, in the order of the files.
#[must_use]
pub fn all() -> &'static [Escape] {
    &ALL
}

/// The escapes of an engine of this kind.
pub fn of(engine: EngineKind) -> impl Iterator<Item = &'static Escape> {
    all().iter().filter(move |escape| escape.engine == engine)
}

/// One way out, as a request.
///
/// In `target`, `body` and `proof`, a word in braces such as `{image}` stands for an object of the
/// engine, see [`PLACEHOLDERS`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Escape {
    /// Its unique name, in lower case with dashes.
    pub name: &'static str,
    /// The engine that has it.
    pub engine: EngineKind,
    /// The first version of the API with which it works; `None` if every version has it.
    pub since: Option<ApiVersion>,
    /// The last version of the API with which it works; `None` if the newest has it.
    pub until: Option<ApiVersion>,
    /// The engines on which it works.
    pub works: Works,
    /// The part of a rule that can close it.
    pub concern: Concern,
    /// What is gained.
    pub gives: Gain,
    /// The effect, to complete the sentence "the request ...".
    pub effect: &'static str,
    /// Where it is known from.
    pub source: &'static str,
    /// The method of the request.
    pub method: Method,
    /// The path and the query of the request, without a version.
    pub target: &'static str,
    /// The headers that it needs, besides those for the length and, of JSON, the type of its body.
    pub head: Vec<(&'static str, &'static str)>,
    /// The body; empty if there is none.
    pub body: &'static str,
    /// What the engine contains afterwards, for the tests.
    pub proof: &'static str,
    /// Whether it relies on reading the request in another way than the engine does.
    pub is_differential: bool,
}

impl Escape {
    /// The version of the API that the request has to name; `None` if the newest is right. podman's
    /// own API requires one.
    #[must_use]
    pub fn version(&self) -> Option<ApiVersion> {
        self.target.starts_with(LIBPOD).then_some(LIBPOD_VERSION).or(self.until)
    }
}

/// The part of a rule that can close an escape.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Concern {
    /// What the request contains decides.
    Contents,
    /// Whose object it is about decides.
    Owner,
    /// The operation alone gives it away: nothing in the request could be constrained.
    Operation,
}

words!(Concern, () = (), {
    Contents = "contents",
    Owner = "owner",
    Operation = "operation",
});

/// What an escape gives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Gain {
    /// The host itself, or a part of it that leads there.
    Host,
    /// Data of others, or of the host.
    Data,
    /// A network, an address or a name in it.
    Network,
    /// Containers of others: what they run, or whether they run.
    Containers,
}

words!(Gain, () = (), {
    Host = "host",
    Data = "data",
    Network = "network",
    Containers = "containers",
});
