//! A person looks at each rule of a profile, the riskiest first, and decides. Pure: keys go in,
//! screens and a new text of the profile come out.
//!
//! Each decision is an edit of the profile's own text, so that what people wrote there stays.

mod draft;

pub use draft::{Decision, Draft, DraftError, Subject};
