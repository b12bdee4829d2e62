//! Methods.

use std::borrow::Cow;

use super::name::{is_length, length};

/// The methods of HTTP (the registry of RFC 9110 section 18.2), including those of `WebDAV`.
const METHODS: &[&str] = &[
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// The method in its own spelling or in lowercase letters, if HTTP has it.
#[must_use]
pub fn redacted_method(method: &str) -> Cow<'_, str> {
    if method.is_empty() || is_method(method) || is_length(method) {
        return method.into();
    }
    length(method.len()).into()
}

/// Whether HTTP has a method with this name, ignoring case.
#[must_use]
pub fn is_method(text: &str) -> bool {
    METHODS.iter().any(|method| method.eq_ignore_ascii_case(text))
}
