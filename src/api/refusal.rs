//! Why a request is refused whatever a profile says.

use std::mem::Discriminant;

use super::{ApiVersion, QueryError, UnknownMethod, VersionError};
use crate::http1::Flaw;

/// Why a request is refused whatever a profile says: it has no canonical form, or the engine may
/// follow some other part of the request instead of its target. The text is for the client and for
/// the log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The path has a `%` without two hexadecimal digits.
    #[error("a bad percent escape in the path")]
    BadEscape,
    /// The path has a control character, possibly escaped.
    #[error("a control character in the path")]
    Control,
    /// The path has a `.` or `..` segment, possibly escaped.
    #[error("a \".\" or \"..\" segment in the path")]
    DotSegment,
    /// The path has two slashes in a row, or one at the end.
    #[error("an empty segment in the path")]
    EmptySegment,
    /// The message has a syntax that not every parser reads in the same way.
    #[error("{0}")]
    Framing(#[from] Flaw),
    /// The body is a form, and the engine reads forms before the query for this method
    /// (docs/engine-api.md#forms).
    #[error("a form as the body, which the engine would read instead of the query")]
    Form,
    /// The target has a `#`; servers disagree on the meaning of what follows.
    #[error("a \"#\" in the request target")]
    Fragment,
    /// The content type is gRPC; engines pass such requests to their builder whatever the path says
    /// (docs/engine-api.md#grpc).
    #[error("a content type of gRPC, which the engine may serve whatever the path says")]
    Grpc,
    /// The Engine API does not have the method.
    #[error("the method is {0}")]
    Method(#[from] UnknownMethod),
    /// The body is a multipart form, which a build reads instead of the query
    /// (docs/engine-api.md#forms).
    #[error("a multipart body, which the engine would read instead of the query")]
    Multipart,
    /// The path is not UTF-8.
    #[error("a path that is not UTF-8")]
    NotUtf8,
    /// The target is not of the form `/path?query`, possibly after `http://host`.
    #[error("a request target that is not a plain /path")]
    NotOriginForm,
    /// A `%` remains after decoding once; decoding again would change the path.
    #[error("a doubly escaped path")]
    PercentLeft,
    /// The query has no canonical form.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The path has a backslash.
    #[error("a backslash in the path")]
    Backslash,
    /// The version is below [`ApiVersion::FLOOR`].
    #[error("API version {0} is older than {floor}, where container start takes a host configuration", floor = ApiVersion::FLOOR)]
    OldVersion(ApiVersion),
    /// The version is not in the spelling of [`ApiVersion`].
    #[error("{0}")]
    Version(#[from] VersionError),
}

/// Distinguishes refusals of the same target for different reasons.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RefusalKind(Discriminant<Refusal>, Option<Flaw>);

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Framing(flaw) => flaw.status(),
            _ => 400,
        }
    }

    /// The kind of refusal, for counting.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        let flaw = match self {
            Self::Framing(flaw) => Some(*flaw),
            _ => None,
        };
        RefusalKind(std::mem::discriminant(self), flaw)
    }
}
