//! Which headers stay on one connection (RFC 9110 section 7.6.1).

/// Headers that are about one connection, whatever `Connection` says.
const HOP_BY_HOP: [&[u8]; 9] = [
    b"connection",
    b"http2-settings",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"transfer-encoding",
    b"upgrade",
];

/// Headers that `Connection` cannot take off: they frame or identify a message, so that a client
/// could have it read otherwise (docs/engine-api.md#connection-headers).
const KEPT: [&[u8]; 6] = [
    b"authorization",
    b"content-length",
    b"content-type",
    b"host",
    b"x-registry-auth",
    b"x-registry-config",
];

/// The header lines of a head that is in order: names, and values without the blanks around them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a>(&'a [u8]);

/// The names in a `Connection` header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a>(pub(super) &'a [u8]);

impl<'a> Lines<'a> {
    /// What stands behind the first line of a head, its empty line included.
    pub(super) fn new(lines: &'a [u8]) -> Self {
        Self(lines)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = self.0.split_at_checked(end + 1)?;
        self.0 = rest;
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        Some((name, value.get(1..).unwrap_or_default().trim_ascii()))
    }
}

impl Named<'_> {
    /// Whether this name, in small letters, is among them.
    pub(super) fn holds(self, name: &[u8]) -> bool {
        !self.0.is_empty()
            && self
                .0
                .split(|byte| *byte == b',')
                .any(|one| one.trim_ascii().eq_ignore_ascii_case(name))
    }
}

/// Whether a header is about one connection only: one of the usual ones, or one that `Connection`
/// names. A message has one of those at most, as a rule.
pub(super) fn is_dropped(name: &[u8], value: &[u8], connection: &[Named<'_>]) -> bool {
    let is_one_of = |names: &[&[u8]]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
    // Trailers are passed on, so the wish for them is as well.
    let wants_trailers =
        || name.eq_ignore_ascii_case(b"te") && value.eq_ignore_ascii_case(b"trailers");
    let is_named = || connection.iter().any(|named| named.holds(name)) && !is_one_of(&KEPT);
    (is_one_of(&HOP_BY_HOP) || is_named()) && !wants_trailers()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_names_is_removed_unless_it_frames_or_identifies() {
        let head = b"Connection: Upgrade, X-Hop\r\nUpgrade: tcp\r\nX-Hop: 1\r\nHost: docker\r\n\
                     X-Kept: 1\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTe: gzip\r\n\r\n";
        let named = Named(b"Upgrade, X-Hop,host");
        let left: Vec<String> = Lines::new(head)
            .filter(|(name, value)| !is_dropped(name, value, &[named]))
            .map(|(name, value)| {
                String::from_utf8_lossy(&[name, b"=", value].concat()).into_owned()
            })
            .collect();
        assert_eq!(left, ["Host=docker", "X-Kept=1", "TE=trailers"]);
    }
}
