//! What distinguishes two requests for the same operation.

/// What a request asks of an operation: everything by which rules can distinguish requests for it.
/// The evidence is keyed by it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Demand {
    /// The values of the parameters in the path, in order.
    pub names: Vec<String>,
}

impl Demand {
    /// A demand for these names.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self { names }
    }
}
