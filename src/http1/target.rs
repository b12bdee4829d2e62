//! The target of a request (RFC 9112 section 3.2): a path and a query, with an optional host before
//! them.

use super::byte_set::ByteSet;
use super::flaw::Flaw;

/// The longest target in bytes. Filters of real programs take a few hundred.
pub const LONGEST_TARGET: usize = 65_534;

/// The characters allowed in a path: those of URLs (RFC 3986 section 2), and some others that every
/// server accepts.
const PATH: ByteSet = ByteSet::alphanumeric_and(b"!$%&'()*+,-./:;=@[\\]^_{|}~");

/// The characters allowed in a query. They include quotes, because `curl` and programs built on it,
/// such as autoheal, send a filter as it was typed. The engine accepts quotes; dsp forwards them
/// escaped.
const QUERY: ByteSet = ByteSet::alphanumeric_and(b"!\"$%&'()*+,-./:;=?@[\\]^_{|}~");

/// The characters allowed in a host and its port.
const AUTHORITY: ByteSet = ByteSet::alphanumeric_and(b"-.:[]_");

/// The beginning of a target with a host.
const HTTP: &str = "http://";

/// Checks that a target is a path and a query, in characters that mean the same to every reader. A host
/// before them has no meaning to an engine (docs/engine-api.md#host-header).
pub(super) fn check(target: &[u8]) -> Result<(), Flaw> {
    let target = match target {
        [b'/', ..] => target,
        other => std::str::from_utf8(other).map_or(other, |text| origin_form(text).as_bytes()),
    };
    let end = target.iter().position(|byte| !PATH.has(*byte)).unwrap_or(target.len());
    let is_plain = match target.get(end..) {
        Some([b'?', query @ ..]) => query.iter().all(|byte| QUERY.has(*byte)),
        Some(rest) => rest.is_empty(),
        None => false,
    };
    match target {
        _ if target.first() != Some(&b'/') => Err(Flaw::Target),
        _ if !is_plain => Err(Flaw::TargetCharacter),
        _ if target.len() > LONGEST_TARGET => Err(Flaw::TooLong),
        _ => Ok(()),
    }
}

/// The path and query of a target with a host before them, which clients write for an HTTP proxy:
/// `http://host:port/path`. Any other target is returned unchanged, including one whose host contains a
/// user name or anything else that could make two readers disagree about where the host ends.
pub(crate) fn origin_form(target: &str) -> &str {
    if target.starts_with('/') {
        return target;
    }
    let rest = match target.split_at_checked(HTTP.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(HTTP) => rest,
        _ => return target,
    };
    let end = rest.bytes().position(|byte| !AUTHORITY.has(byte)).unwrap_or(rest.len());
    match rest.split_at_checked(end) {
        Some((host, path)) if !host.is_empty() && path.starts_with('/') => path,
        _ => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_are_those_of_the_standards() {
        for byte in 0..=255u8 {
            let is_query = byte.is_ascii_graphic() && !b"#<>`".contains(&byte);
            assert_eq!(QUERY.has(byte), is_query, "{byte}");
            assert_eq!(PATH.has(byte), is_query && !b"\"?".contains(&byte), "{byte}");
        }
    }
}
