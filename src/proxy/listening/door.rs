//! Decides which requests are let in over TCP. Any web page in a browser on this machine can send
//! requests to a listener on the loopback interface, and if the page's host name resolves to it (DNS
//! rebinding), the page can also read the answers. A browser gives itself away in headers that a page
//! cannot omit, and in the host name of the request.

use std::net::IpAddr;

use crate::http1::Header;
use crate::policy::Stray;

/// Names that every listener has: the machine's name for itself, and the name that podman's own client
/// uses for every engine, which cannot be registered in the DNS.
const USUAL: [&str; 2] = ["localhost", "d"];

/// The longest host name (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 253;

/// Checks the requests that arrive at a TCP listener.
#[derive(Debug)]
pub(crate) struct Door {
    /// Host names that clients may use for it, in lower case.
    names: Vec<String>,
    /// Whether only this machine can reach it.
    is_local: bool,
}

impl Door {
    /// Creates the door of a listener on this host, which also has these names.
    pub(crate) fn new(host: &str, names: &[String], is_local: bool) -> Self {
        let names = names.iter().map(String::as_str).chain([host]);
        let names = names.map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
        Self { names, is_local }
    }

    /// Whether only this machine can reach the listener.
    pub(crate) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Checks the target and the headers of a request.
    ///
    /// # Errors
    /// [`Stray`].
    pub(crate) fn check(&self, target: &str, headers: &[Header<'_>]) -> Result<(), Stray> {
        let mut host = None;
        for &Header { name, value } in headers {
            if name.eq_ignore_ascii_case(b"host") {
                if host.replace(value).is_some() {
                    return Err(Stray::BadHost);
                }
            } else if name.eq_ignore_ascii_case(b"origin") {
                return Err(Stray::Page("Origin"));
            } else if name.eq_ignore_ascii_case(b"referer") {
                // Browsers omit Sec-Fetch-Site if the address is not on this machine.
                return Err(Stray::Page("Referer"));
            } else if name.eq_ignore_ascii_case(b"sec-fetch-site")
                && !value.eq_ignore_ascii_case(b"none")
            {
                return Err(Stray::Page("Sec-Fetch-Site"));
            }
        }
        // Every browser sends the host, so a request without one comes from another program.
        host.map_or(Ok(()), |host| self.host(host))?;
        match target.split_once("://") {
            Some((scheme, rest)) if !scheme.starts_with('/') => {
                self.host(rest.split('/').next().unwrap_or_default().as_bytes())
            }
            _ => Ok(()),
        }
    }

    /// Checks that clients may use this host, which may include a port.
    fn host(&self, host: &[u8]) -> Result<(), Stray> {
        if host.is_empty() {
            return Ok(());
        }
        let name = name(host).ok_or(Stray::BadHost)?;
        let is_admitted = match name.trim_matches(['[', ']']).parse::<IpAddr>() {
            // A page loaded from a bare address comes from that address, whoever owns a name.
            Ok(address) => !self.is_local || address.to_canonical().is_loopback(),
            // A name without a dot cannot be registered in the DNS, so it is not the name of a page. It
            // belongs to a container or a nearby machine.
            Err(_) => USUAL.contains(&name.as_str()) || !self.is_local && !name.contains('.'),
        };
        if is_admitted || self.names.contains(&name) { Ok(()) } else { Err(Stray::Host(name)) }
    }
}

/// Returns the name before the port, in lower case and without a trailing dot.
fn name(host: &[u8]) -> Option<String> {
    let host = std::str::from_utf8(host).ok()?;
    let end = match host.find(']') {
        Some(end) if host.starts_with('[') => end + 1,
        Some(_) => return None,
        None => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at_checked(end)?;
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_address = name.starts_with('[');
    let is_letter = |byte: u8| match byte {
        b':' | b'[' | b']' => is_address,
        b'.' | b'-' | b'_' => true,
        byte => byte.is_ascii_alphanumeric(),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_name = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.bytes().all(is_letter)
        && (!is_address || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok());
    (is_port && is_name).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::Framing;

    fn check(door: &Door, target: &str, lines: &str) -> Result<(), Stray> {
        let head = format!("GET {target} HTTP/1.0\r\n{lines}\r\n\r\n");
        // Parsed as by a proxy that only watches, which accepts several hosts.
        door.check(target, Framing::watching().read_head(head.as_bytes()).unwrap().headers())
    }

    fn look(door: &Door, lines: &str) -> Result<(), Stray> {
        check(door, "/info", lines)
    }

    fn host(door: &Door, host: &str) -> bool {
        look(door, &format!("Host: {host}")).is_ok()
    }

    #[test]
    fn a_page_is_recognised_by_its_headers() {
        let door = Door::new("127.0.0.1", &[], true);
        for (line, header) in [
            ("Origin: http://evil.test", "Origin"),
            ("origin: null", "Origin"),
            ("ORIGIN:", "Origin"),
            ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Site"),
            ("sec-fetch-site: same-origin", "Sec-Fetch-Site"),
            ("Sec-Fetch-Site: none\r\nSec-Fetch-Site: same-site", "Sec-Fetch-Site"),
            ("Sec-Fetch-Site:", "Sec-Fetch-Site"),
            ("Referer: http://evil.test/", "Referer"),
            ("Host: localhost\nOrigin: x", "Origin"),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://localhost:1", "Origin"),
        ] {
            assert_eq!(look(&door, line), Err(Stray::Page(header)), "{line}");
        }
        for line in ["Host: localhost\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate", "X: y"]
        {
            assert_eq!(look(&door, line), Ok(()), "{line}");
        }
    }

    #[test]
    fn a_local_listener_has_the_names_of_this_machine_and_those_that_were_asked_for() {
        let door = Door::new("Box.example.", &["socket-proxy".into(), "B.Example".into()], true);
        for name in [
            "localhost",
            "LocalHost:2375",
            "localhost.",
            "127.0.0.1:2375",
            "127.8.9.10",
            "[::1]",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
            "box.example",
            "BOX.example.:1",
            "socket-proxy:2375",
            "b.example",
            "",
            "d",
        ] {
            assert!(host(&door, name), "{name}");
        }
        for name in [
            "evil.test",
            "evil.test:2375",
            "127.0.0.1.evil.test",
            "localhost.evil.test",
            "evil",
            "dd",
            "10.0.0.1",
            "[::2]:1",
            "0.0.0.0",
            "u@localhost",
            "localhost@evil.test",
            "localhost:evil",
            "localhost:1:2",
            "[::1",
            "::1",
            "local host",
            "localhost,evil.test",
            "127.1",
            "0x7f.1",
            ".",
            "localhost..",
            "x.localhost",
            "\u{b6}",
            "[localhost]",
            "a.box.example",
        ] {
            assert!(!host(&door, name), "{name}");
        }
        assert_eq!(look(&door, "Host: localhost\r\nhost: localhost"), Err(Stray::BadHost));
        assert_eq!(check(&door, "http://localhost:1/info", "Host: localhost"), Ok(()));
        let other = check(&door, "http://evil.test/info", "Host: localhost");
        assert_eq!(other, Err(Stray::Host("evil.test".into())));
    }

    #[test]
    fn a_listener_for_others_has_addresses_and_names_without_a_dot_too() {
        let door = Door::new("0.0.0.0", &["proxy.example".into()], false);
        for name in
            ["192.168.1.5:2375", "[fe80::1]:1", "socket-proxy:2375", "dsp_1", "proxy.example", "d"]
        {
            assert!(host(&door, name), "{name}");
        }
        for name in ["evil.test", "a.proxy.example", "proxy.example.evil.test:2375"] {
            assert!(!host(&door, name), "{name}");
        }
    }
}
