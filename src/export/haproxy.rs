//! A complete `haproxy.cfg`, for HAProxy 2.6 or later.
//!
//! HAProxy forwards what it received, whatever was matched. The path is therefore decoded once
//! into a variable, as the engine will decode it, and every spelling that could be read in two
//! ways is refused before any rule is tried.

use std::fmt::Write;

use super::expression::{Unit, allowed_version};
use super::grant::{Grant, Policy};
use super::head::{self, Head};

const HEAD: Head<'_> = Head {
    mark: "#",
    what: "A configuration of HAProxy 2.6 or later",
    run: &[
        "haproxy -c -f haproxy.cfg            to check it",
        "haproxy -f haproxy.cfg               to run it",
        "DOCKER_HOST=tcp://127.0.0.1:2375     for clients",
    ],
    differs: &[
        "An allowed request is forwarded with its path as received, still escaped. Docker decodes \
         it once, as this file does; podman treats an escaped slash differently.",
        "HAProxy 2.6 removes Upgrade from a request with a body (haproxy issue 2684; later \
         releases differ), so docker exec fails. docker attach and docker run work.",
        "A tunnel opens when the engine answers 101. The older form of attach and exec (no \
         Upgrade header, answered with 200) carries output only.",
        "A request with the Content-Type of a form is refused even without a body, and so is a \
         target that names a host.",
        "A query parameter is let through even if its escaped name is not UTF-8, or contains an \
         escaped control character beyond ASCII.",
        "A request head is limited to tune.bufsize, 16 KiB, and a stream that is silent for 24 \
         days is closed.",
        "A denial does not name the rule that would allow the request, and is not logged until \
         you add a log line.",
    ],
};

/// A decoded path, in bytes: UTF-8 without control characters, `%` and `\`.
pub(super) const PLAIN: &str = concat!(
    r"^(?:[\x20-\x24\x26-\x5b\x5d-\x7e]|\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]",
    r"|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]",
    r"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+\z",
);

pub(super) fn write(policy: &Policy) -> String {
    let denial = denial(policy);
    let mut text = HEAD.write(policy);
    let _ = write!(
        text,
        r"
global
    maxconn 1000

defaults
    mode http
    option disable-h2-upgrade
    option http-no-delay
    http-reuse never
    timeout connect 10s
    timeout http-request 5m
    timeout http-keep-alive 5m
    timeout client 24d
    timeout server 24d
    timeout tunnel 24d

frontend docker
    # Anyone who can connect to this address has the rights of the profile.
    bind 127.0.0.1:2375
    default_backend engine

    # Requests that HAProxy and the engine could read differently.
    http-request deny deny_status 400 unless {{ url -m beg / }}
    http-request deny deny_status 400 if {{ url -m sub '#' }}
    http-request set-var(txn.path) path,url_dec
    http-request deny deny_status 400 unless {{ var(txn.path) -m reg '{plain}' }}
    http-request deny deny_status 400 if {{ var(txn.path) -m reg '//|/\.\.?(?:/|\z)' }}
    http-request deny deny_status 400 if {{ query -m reg ';|%(?![0-9A-Fa-f][0-9A-Fa-f])|(?:^|&)=' }}
    http-request deny deny_status 400 if {{ query -m reg '(?:^|&)[^=&]*%(?:[01][0-9A-Fa-f]|7[Ff])' }}

    # Bodies that the engine would read instead of the query, and gRPC.
    http-request deny deny_status 400 if {{ req.fhdr(content-type) -i -m sub application/x-www-form-urlencoded multipart/ application/grpc }}

    # What the engine reads as an API version.
    http-request deny deny_status 403 {denial} if {{ var(txn.path) -m reg '^/v[0-9.]+(?:/|\z)' }} !{{ var(txn.path) -m reg '^{version}(?:/|\z)' }}
",
        plain = PLAIN,
        version = allowed_version(policy.min_api),
    );
    text.push_str("\n    # These become raw tunnels; nothing else may switch protocols.\n");
    policy.grants.iter().filter(|grant| grant.tunnel).for_each(|grant| allow(&mut text, grant));
    text.push_str("    http-request del-header Upgrade\n\n");
    policy.grants.iter().filter(|grant| !grant.tunnel).for_each(|grant| allow(&mut text, grant));
    let _ = write!(
        text,
        r"
    http-request deny deny_status 403 {denial}

backend engine
    server engine unix@/var/run/docker.sock
",
    );
    text
}

fn allow(text: &mut String, grant: &Grant) {
    for rule in &grant.rules {
        let _ = writeln!(text, "    # {rule}");
    }
    let matches = |expression: String| format!("{{ var(txn.path) -m reg '{expression}' }}");
    let _ = write!(
        text,
        "    http-request allow if {{ method -m str {} }} {}",
        grant.method,
        matches(grant.allowed(Unit::Byte))
    );
    if let Some(except) = grant.excepted(Unit::Byte) {
        let _ = write!(text, " !{}", matches(except));
    }
    text.push('\n');
}

/// The arguments of an answer whose message the docker CLI prints.
fn denial(policy: &Policy) -> String {
    let message = head::denial(policy);
    format!("content-type application/json string '{message}'")
}
