//! What the Engine API is: addresses, canonical requests, versions and the operation catalogue.
//! Pure: nothing here opens a socket or a file.
//!
//! Everything behind this module speaks of operations. A request's target is made canonical once,
//! by [`CanonicalRequest::parse`]; below that line no code looks at the raw text again.

mod address;
mod advice;
mod bytes;
mod canonical;
mod catalogue;
mod disorder;
mod encoding;
mod engine_kind;
mod fact;
mod flaw;
mod framing;
mod head;
mod method;
mod operation;
mod parameter;
mod query;
mod risk;
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
pub use disorder::Disorder;
pub use encoding::{decode_name, encode_segment};
pub use engine_kind::{EngineKind, UnknownEngine};
pub use fact::{Grounds, RiskFact};
pub use flaw::Flaw;
pub use framing::{Framing, Piece, Progress};
pub(crate) use head::origin_form;
pub use head::{LONGEST_HEAD, LONGEST_TARGET, Length, MOST_HEADERS};
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
