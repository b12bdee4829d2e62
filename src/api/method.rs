//! The HTTP methods of the Engine API. Others are refused before any rule is examined: the engine's
//! router compares methods exactly and answers 404 to the rest (docs/engine-api.md#methods).

use crate::text::words;

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

words!(Method, UnknownMethod = UnknownMethod, {
    Head = "HEAD",
    Get = "GET",
    Post = "POST",
    Put = "PUT",
    Delete = "DELETE",
    Options = "OPTIONS",
});
