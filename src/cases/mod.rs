//! Requests that a person writes down, and what a profile decides on them: unit tests of a policy.
//!
//! The code that decides is [`policy`](crate::policy), as for a running proxy. What only an engine knows,
//! whose an object is, is assumed.

mod case;
mod judgement;

pub use case::{Case, Misread, Ruling, WrittenBody, parse_request, read};
pub use judgement::{Judgement, Own, judge};
