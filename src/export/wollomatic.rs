//! A compose service for wollomatic/socket-proxy, with one expression for each method.
//!
//! The proxy matches the decoded path, puts `^` and `$` around each expression without a group, and
//! answers 405 if a method has no expression.

use std::fmt::Write;

use super::automaton::{Rest, difference};
use super::expression::{allowed_version, group};
use super::grant::{Policy, Prefix};
use super::head::Head;

const HEAD: Head<'_> = Head {
    mark: "#",
    what: "A compose service for wollomatic/socket-proxy 1.x",
    run: &[
        "docker compose -f socket-proxy.yaml up     to run it; without compose, pass the lines",
        "                                           under command as arguments",
    ],
    differs: &[
        "A rule is left out, and named in a comment, if what deny leaves of it needs an \
         expression longer than 16 KiB.",
        "Only methods and paths are checked. Form bodies, which the engine reads instead of the \
         query, are let through, and so are queries that dsp refuses.",
        "An allowed request is forwarded with its path as received, still escaped. Docker decodes \
         it once, as the proxy does; podman treats an escaped slash differently.",
        "Any allowed request may switch protocols, if the engine agrees.",
        "A request for http://host/path is treated as a request for /path.",
        "Denied requests get 403, or 405 if no rule has the method, and the answer does not name \
         the rule that would allow the request.",
        "Compose needs each $ doubled. The expressions contain none, because the program adds the \
         anchors itself.",
    ],
};

pub(super) fn write(policy: &Policy) -> String {
    let mut text = HEAD.write(policy);
    text.push_str(
        r"services:
  socket-proxy:
    image: wollomatic/socket-proxy:1
    restart: unless-stopped
    # 999 is the group of the socket: stat -c %g /var/run/docker.sock
    user: '65534:999'
    read_only: true
    cap_drop: [ALL]
    security_opt: ['no-new-privileges']
    volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']
    command:
      - '-listenip=0.0.0.0'
      # Only this service may connect. It has the rights of the profile.
      - '-allowfrom=my-program'
",
    );
    let version = allowed_version(policy.min_api);
    for (method, grants) in policy.methods() {
        // Written once, before all the paths that may have a version.
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
