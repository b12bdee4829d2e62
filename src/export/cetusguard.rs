//! A file of rules for CetusGuard, each a method and an expression.
//!
//! CetusGuard decodes and cleans the path before it matches, and puts `^` and `$` around each
//! expression without a group. Text between two `%` could be a variable, so no expression has two.

use std::fmt::Write;

use super::automaton::{Rest, difference};
use super::expression::allowed_version;
use super::grant::Policy;
use super::head::Head;

const HEAD: Head<'_> = Head {
    mark: "!",
    what: "Rules for CetusGuard 1.x",
    run: &[
        "cetusguard -no-builtin-rules -rules-file dsp.list     to run it",
        "DOCKER_HOST=tcp://127.0.0.1:2375                      for clients",
    ],
    differs: &[
        "A rule is left out, and named in a comment, if what deny leaves of it needs an \
         expression longer than 16 KiB.",
        "Without -no-builtin-rules, the pings, /version and /info are always allowed.",
        "Only methods and paths are checked. Form bodies, which the engine reads instead of the \
         query, are let through, and so are queries that dsp refuses.",
        "The path is cleaned for matching but forwarded as received: /containers/../info matches \
         as /info. Docker answers such a path with a redirect; podman does not.",
        "Any allowed request may switch protocols, if the engine agrees.",
        "A request for http://host/path is treated as a request for /path.",
        "Releases that match the whole target instead of the path refuse requests with a query.",
        "Streams are closed after two hours. Denials have no message.",
    ],
};

pub(super) fn write(policy: &Policy) -> String {
    let mut text = HEAD.write(policy);
    let version = allowed_version(policy.min_api);
    for grant in &policy.grants {
        let path = match difference(&grant.allow, &grant.except) {
            Rest::Nothing => continue,
            Rest::Paths(path) => grant.prefix.expression(&version) + &path,
            Rest::TooLong => {
                let _ = writeln!(text, "\n! LEFT OUT: {}", grant.rules.join(", "));
                continue;
            }
        };
        text.push('\n');
        for rule in &grant.rules {
            let _ = writeln!(text, "! {rule}");
        }
        let _ = writeln!(text, "{} {path}", grant.method);
    }
    text
}
