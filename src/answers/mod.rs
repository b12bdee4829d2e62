//! What answers of the engine give away, and how it is taken out of them while they pass.
//!
//! A data file (`places.tsv`) says where the answer to an operation has secrets. [`Filter`] reads an
//! answer once, as it arrives, and leaves out the values at these places. Pure: bytes in, bytes out.

mod filter;
mod kind;
mod places;

pub use filter::{Filter, Hide, Unfit};
pub use kind::{Hidden, Kind};
pub use places::{Answer, risk_hiding};
