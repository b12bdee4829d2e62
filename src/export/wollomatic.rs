//! wollomatic/socket-proxy: a compose service, with one expression for each method.
//!
//! It matches the decoded path, puts `^` and `$` around each expression without a group, and
//! answers 405 to a method without one.

use std::fmt::Write;

use super::automaton::{Rest, difference};
use super::expression::{allowed_version, group};
use super::grant::{Policy, Prefix};
use super::head::Head;

const HEAD: Head<'_> = Head {
    mark: "#",
    what: "A compose service for wollomatic/socket-proxy 1.x",
    run: &[
        "docker compose -f socket-proxy.yaml up      runs it; the lines under command are also",
        "                                            arguments of the program itself",
    ],
    differs: &[
        "A rule from which deny takes so much that no expression of 16 KiB says what is left is \
         left out, and named.",
        "Only methods and paths are looked at. A body of a form type, which the engine reads \
         instead of the query, passes, and so do queries that dsp refuses.",
        "An allowed request goes to the engine as it was spelled, escapes and all. Docker decodes \
         it once, as is done here; podman reads an escaped slash otherwise.",
        "Any allowed request may switch protocols, if the engine agrees.",
        "A request for http://host/path is taken for one for /path.",
        "A denial is 403, or 405 when no rule has the method, and does not name the rule that \
         would allow the request.",
        "A $ in an expression would have to be doubled for compose; there is none, the program \
         anchors by itself.",
    ],
};

pub(super) fn write(policy: &Policy) -> String {
    let mut text = HEAD.write(policy);
    text.push_str(
        r"services:
  socket-proxy:
    image: wollomatic/socket-proxy:1
    restart: unless-stopped
    # With the group of the socket: stat -c %g /var/run/docker.sock
    user: '65534:999'
    read_only: true
    cap_drop: [ALL]
    security_opt: ['no-new-privileges']
    volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']
    command:
      - '-listenip=0.0.0.0'
      # Only this service may connect; whoever does has the rights of the profile.
      - '-allowfrom=my-program'
",
    );
    let version = allowed_version(policy.min_api);
    for (method, grants) in policy.methods() {
        // The version stands once, before all the paths that may have one.
        let mut paths: [Vec<String>; 3] = Default::default();
        let [none, optional, required] = &mut paths;
        for grant in grants {
            let path = match difference(&grant.allow, &grant.except) {
                Rest::Nothing => continue,
                Rest::Paths(path) => path,
                Rest::TooLong => {
                    let _ = writeln!(text, "      # LEFT OUT: {}", grant.rules.join(", "));
                    continue;
                }
            };
            for rule in &grant.rules {
                let _ = writeln!(text, "      # {rule}");
            }
            match grant.prefix {
                Prefix::None => none.push(path),
                Prefix::Optional => optional.push(path),
                Prefix::Required => required.push(path),
            }
        }
        let prefixes = [Prefix::None, Prefix::Optional, Prefix::Required];
        let all = prefixes.into_iter().zip(&paths).filter(|(_, paths)| !paths.is_empty());
        let all: Vec<String> =
            all.map(|(prefix, paths)| prefix.expression(&version) + &group(paths)).collect();
        if !all.is_empty() {
            let _ = writeln!(text, "      - '-allow{method}={}'", group(&all));
        }
    }
    text
}
