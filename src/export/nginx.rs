//! A file for nginx to include inside `http`.
//!
//! nginx decodes the path, removes dot segments and merges slashes before it matches, but forwards
//! the path as received. The file therefore checks the request line first, and refuses a request
//! if the two could differ.

use std::fmt::Write;

use super::expression::{Unit, allowed_version};
use super::grant::{Grant, Policy};
use super::haproxy::PLAIN;
use super::head::{Head, denial};

const HEAD: Head<'_> = Head {
    mark: "#",
    what: "A server of nginx 1.18 or later, to be included inside http",
    run: &[
        "cp dsp.conf /etc/nginx/conf.d/ && nginx -t && nginx -s reload     to run it",
        "DOCKER_HOST=tcp://127.0.0.1:2375                                  for clients",
    ],
    differs: &[
        "An allowed request is forwarded with its path as received, still escaped. Docker decodes \
         it once, as this file does; podman treats an escaped slash differently.",
        "nginx closes a tunnel as soon as either side closes its half, so docker run, exec and \
         attach lose output without -i, or if their input ends first.",
        "The older form of attach and exec (no Upgrade header, answered with 200) carries output \
         only.",
        "A request with the Content-Type of a form is refused even without a body, and so is a \
         target that names a host.",
        "A query parameter is let through even if its escaped name is not UTF-8, or contains an \
         escaped control character beyond ASCII.",
        "A stream that is silent for 24 days is closed. Requests that nginx itself refuses \
         (methods in lower case, bad escapes, heads over 32 KiB) get its own 400.",
        "A denial does not name the rule that would allow the request.",
    ],
};

pub(super) fn write(policy: &Policy) -> String {
    let mut text = HEAD.write(policy);
    let _ = write!(
        text,
        r#"
# Requests that nginx and the engine could read differently; 1 is refused.
map $request $dsp_ambiguous {{
    default 0;
    "~^[^ ]+ [^/]" 1;
    "~#" 1;
    "~^[^ ]+ [^ ?]*(?:\x5c|%25|%5[Cc])" 1;
    "~^[^ ]+ [^ ?]*(?:/|%2[Ff]){{2}}" 1;
    "~^[^ ]+ [^ ?]*(?:/|%2[Ff])(?:\.|%2[Ee]){{1,2}}(?:/|%2[Ff]|[ ?])" 1;
    "~^[^ ]+ [^?]*\?[^ ]*(?:;|%(?![0-9A-Fa-f][0-9A-Fa-f]))" 1;
    "~^[^ ]+ [^?]*\?(?:[^ ]*&)?=" 1;
    "~^[^ ]+ [^?]*\?(?:[^ ]*&)?[^=& ]*%(?:[01][0-9A-Fa-f]|7[Ff])" 1;
}}
map $uri $dsp_plain {{
    default 0;
    "~{PLAIN}" 1;
}}

# Bodies that the engine would read instead of the query, and gRPC; 1 is refused.
map $http_content_type $dsp_form {{
    default 0;
    "~*application/x-www-form-urlencoded|multipart/|application/grpc" 1;
}}

# What the engine reads as an API version; 1 is refused.
map $uri $dsp_version {{
    default 0;
    "~^{version}(?:/|\z)" 0;
    "~^/v[0-9.]+(?:/|\z)" 1;
}}

# The rules; the first line that matches decides. 1 is allowed, and 2 may become a raw tunnel.
map "$request_method $uri" $dsp_rule {{
    default 0;
"#,
        version = allowed_version(policy.min_api),
    );
    policy.grants.iter().for_each(|grant| rule(&mut text, grant));
    let _ = write!(
        text,
        r#"}}
map $dsp_rule $dsp_upgrade {{
    default "";
    2 $http_upgrade;
}}
map $dsp_upgrade $dsp_connection {{
    default upgrade;
    "" "";
}}

upstream dsp_engine {{
    server unix:/var/run/docker.sock;
}}

server {{
    # Anyone who can connect to this address has the rights of the profile.
    listen 127.0.0.1:2375 default_server;
    merge_slashes off;
    client_max_body_size 0;
    client_header_timeout 5m;
    client_body_timeout 24d;
    send_timeout 24d;
    default_type application/json;

    location / {{
        if ($dsp_ambiguous) {{
            return 400;
        }}
        if ($dsp_plain = 0) {{
            return 400;
        }}
        if ($dsp_form) {{
            return 400;
        }}
        if ($dsp_version) {{
            return 403 '{denial}';
        }}
        if ($dsp_rule = 0) {{
            return 403 '{denial}';
        }}
        proxy_pass http://dsp_engine;
        proxy_http_version 1.1;
        proxy_set_header Host docker;
        proxy_set_header Upgrade $dsp_upgrade;
        proxy_set_header Connection $dsp_connection;
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_next_upstream off;
        proxy_read_timeout 24d;
        proxy_send_timeout 24d;
    }}
}}
"#,
        denial = denial(policy),
    );
    text
}

fn rule(text: &mut String, grant: &Grant) {
    for rule in &grant.rules {
        let _ = writeln!(text, "    # {rule}");
    }
    let mut line = |expression: &str, value: u8| {
        let path = expression.strip_prefix('^').unwrap_or(expression);
        let _ = writeln!(text, "    \"~^{} {path}\" {value};", grant.method);
    };
    if let Some(except) = grant.excepted(Unit::Byte) {
        line(&except, 0);
    }
    line(&grant.allowed(Unit::Byte), if grant.tunnel { 2 } else { 1 });
}
