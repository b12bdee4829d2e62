//! The HTTP methods of the Engine API. Others are refused before any rule is examined: the engine's
//! router compares methods exactly and answers 404 to the rest (docs/engine-api.md#methods).

use std::fmt;
use std::str::FromStr;

/// A method of the Engine API, compared exactly: `get` is not `GET`, and `HEAD` is not implied.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Method {
    /// `DELETE`
    Delete,
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `OPTIONS`
    Options,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

/// The text is not one of the methods.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a method of the Engine API (DELETE, GET, HEAD, OPTIONS, POST, PUT)")]
pub struct UnknownMethod;

impl Method {
    /// Every method, in the order in which profiles list them.
    pub const ALL: [Self; 6] =
        [Self::Head, Self::Get, Self::Post, Self::Put, Self::Delete, Self::Options];

    /// The method as spelled in a request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        Ok(match text {
            "DELETE" => Self::Delete,
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "OPTIONS" => Self::Options,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            _ => return Err(UnknownMethod),
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
