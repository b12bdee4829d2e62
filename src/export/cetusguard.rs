//! CetusGuard: a file of rules, each a method and an expression.
//!
//! It decodes and cleans the path before it matches, and puts `^` and `$` around each expression
//! without a group. Text between two `%` could be a variable, so no expression has two of them.

use std::fmt::Write;

use super::automaton::{Rest, difference};
use super::expression::allowed_version;
use super::grant::Policy;
use super::head::Head;

const HEAD: Head<'_> = Head {
    mark: "!",
    what: "Rules for CetusGuard 1.x",
    run: &["cetusguard -no-builtin-rules -rules-file dsp.list      \
         then DOCKER_HOST=tcp://127.0.0.1:2375"],
    differs: &[
        "A rule from which deny takes so much that no expression of 16 KiB says what is left is \
         left out, and named.",
        "Without -no-builtin-rules the pings, /version and /info are allowed whatever the profile \
         says.",
        "Only methods and paths are looked at. A body of a form type, which the engine reads \
         instead of the query, passes, and so do queries that dsp refuses.",
        "The path is cleaned before it is matched and goes to the engine as it was spelled: \
         /containers/../info is taken for /info. Docker answers such spellings with a redirect; \
         podman does not.",
        "Any allowed request may switch protocols, if the engine agrees.",
        "A request for http://host/path is taken for one for /path.",
        "Releases that match the whole target instead of the path refuse requests with a query.",
        "Streams end after two hours. A denial has no text.",
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
