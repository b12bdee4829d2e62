//! What tells two requests for one operation apart.

/// What a request asks of an operation: all that a rule can tell requests for it apart by. It is the
/// key of the evidence.
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
