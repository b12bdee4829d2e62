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
mod object;
mod operation;
mod parameter;
mod query;
mod redact;
mod refusal;
mod risk;
mod segments;
#[cfg(test)]
pub(crate) mod steps;
mod template;
mod version;

pub use address::{Address, AddressError};
pub(crate) use advice::keys as data_keys;
pub use advice::{Advice, Matter, MatterPlace};
pub use canonical::{CanonicalRequest, Located};
pub use catalogue::{Catalogue, Found};
pub use encoding::{decode_name, encode_segment};
pub use engine_kind::{EngineKind, UnknownEngine};
pub use fact::{Grounds, RiskFact};
pub use method::{Method, UnknownMethod};
pub use object::{Object, ObjectKind};
pub use operation::{Made, Operation, Traits, Versions};
pub use parameter::{IsOfId, ParameterKind};
pub use query::{Query, QueryError};
pub use redact::{
    HIDDEN, HIDDEN_IN_PATH, is_incomplete, is_length, is_method, length, redacted_canonical,
    redacted_method, redacted_name, redacted_path, without_user,
};
pub use refusal::{Refusal, RefusalKind};
pub use risk::Risk;
pub use template::{Parameters, Part, Template};
pub use version::{ApiVersion, VersionError};
