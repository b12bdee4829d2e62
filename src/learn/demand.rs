//! What distinguishes two requests for the same operation.

use std::collections::BTreeSet;

use crate::api::Object;
use crate::contents::Facts;

/// What a request asks of an operation: everything by which rules can distinguish requests for it.
/// The evidence is keyed by it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Demand {
    /// The values of the parameters in the path, in order.
    pub names: Vec<String>,
    /// What the contents gave away; `None` if that was not recorded.
    pub facts: Option<Facts>,
    /// Whose objects it is about.
    pub whose: Whose,
}

/// Whose objects a request is about.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Whose {
    /// The objects, as the request names them, that were made by something in the evidence.
    pub own: BTreeSet<Object>,
    /// Whether the recording says what was made. If not, any object may have been.
    pub is_known: bool,
    /// Whether the engine said each time that there is no object of the name in the path.
    pub is_absent: bool,
    /// Whether it asked for objects with the program's own labels only, as every request for the operation did.
    pub is_filtered: bool,
}

impl Demand {
    /// A demand for these names, with these contents, about objects of these owners.
    #[must_use]
    pub fn new(names: Vec<String>, facts: Option<Facts>, whose: Whose) -> Self {
        Self { names, facts, whose }
    }
}

impl Whose {
    /// Nothing is own.
    #[must_use]
    pub fn others() -> Self {
        Self { own: BTreeSet::new(), is_known: true, is_absent: false, is_filtered: false }
    }
}
