//! What distinguishes two requests for the same operation.

use crate::contents::Facts;

/// What a request asks of an operation: everything by which rules can distinguish requests for it.
/// The evidence is keyed by it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Demand {
    /// The values of the parameters in the path, in order.
    pub names: Vec<String>,
    /// What the contents gave away; `None` if that was not recorded.
    pub facts: Option<Facts>,
}

impl Demand {
    /// A demand for these names, with these contents.
    #[must_use]
    pub fn new(names: Vec<String>, facts: Option<Facts>) -> Self {
        Self { names, facts }
    }
}
