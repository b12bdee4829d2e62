//! The Engine API: addresses, canonical requests, versions and the operation catalogue. Pure:
//! nothing here opens a socket or a file.
//!
//! The rest of dsp works with operations. A request's target is canonicalized once, by
//! [`CanonicalRequest::parse`], and no later code reads the raw text again.

mod address;
mod advice;
mod canonical;
mod catalogue;
mod encoding;
mod engine_kind;
mod fact;
mod method;
mod operation;
mod parameter;
mod query;
mod risk;
mod segments;
#[cfg(test)]
pub(crate) mod steps;
mod template;
mod told;
mod version;
mod words;

pub use address::{Address, AddressError};
pub use advice::{Advice, Matter, MatterPlace};
pub use canonical::{CanonicalRequest, Located, Refusal, RefusalKind};
pub use catalogue::{Catalogue, Found};
pub use encoding::{decode_name, encode_segment};
pub use engine_kind::{EngineKind, UnknownEngine};
pub use fact::{Grounds, RiskFact};
pub use method::{Method, UnknownMethod};
pub use operation::{Made, Operation, Traits, Versions};
pub use parameter::{IsOfId, ParameterKind};
pub use query::{Query, QueryError};
pub use risk::Risk;
pub use template::{Parameters, Part, Template};
pub use told::{
    is_incomplete, is_length, is_method, length, told_canonical, told_method, told_name, told_path,
    without_user,
};
pub use version::{ApiVersion, VersionError};
pub use words::HIDDEN;
