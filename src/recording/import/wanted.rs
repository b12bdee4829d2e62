//! Which requests of a log to use.

use crate::peer::AddressRange;

/// What happens to requests that the proxy answered itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TurnedAway {
    /// They are counted and left out.
    LeftOut,
    /// They count like the others.
    Taken,
}

/// Which requests of a log to use.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What happens to requests that the proxy itself answered.
    pub denied: TurnedAway,
    /// If given, only requests of clients with these addresses are used.
    pub client: Option<AddressRange>,
}
