//! nginx: what goes inside `http`.
//!
//! nginx decodes the path, takes dot segments out and joins slashes before anything is matched, and
//! forwards the path as it was received. The request line is therefore looked at first, and refused
//! when the two could differ.

use std::fmt::Write;

use super::expression::{Unit, allowed_version};
use super::grant::{Grant, Policy};
use super::haproxy::PLAIN;
use super::head::{Head, denial};

const HEAD: Head<'_> = Head {
    mark: "#",
    what: "A server of nginx 1.18 or later, to be included inside http",
    run: &[
        "cp dsp.conf /etc/nginx/conf.d/ && nginx -t && nginx -s reload",
        "then DOCKER_HOST=tcp://127.0.0.1:2375",
    ],
    differs: &[
        "An allowed request goes to the engine as it was spelled, escapes and all. Docker decodes \
         it once, as was done here; podman reads an escaped slash otherwise.",
        "nginx closes a tunnel when either side ends its direction. docker run, exec and \
         attach lose their output without -i, or when their input ends before they do.",
        "The older form of attach and exec, a request without Upgrade that is answered with 200, \
         carries output only.",
        "A form's content type is refused even if no body comes with it, and so is a target that \
         names a host.",
        "A parameter of the query whose name is escaped text that is not UTF-8, or has an escaped \
         control character beyond ASCII, passes.",
        "A stream that is silent for 24 days ends, and what nginx itself refuses (methods in \
         lower case, bad escapes, heads over 32 KiB) is answered by it with 400.",
        "A denial does not name the rule that would allow the request.",
    ],
};

pub(super) fn write(policy: &Policy) -> String {
    let mut text = HEAD.write(policy);
    let _ = write!(
        text,
        r#"
# What the engine, or nginx before it, could read in two ways; 1 is refused.
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

# What the engine takes for an API version; 1 is refused.
map $uri $dsp_version {{
    default 0;
    "~^{version}(?:/|\z)" 0;
    "~^/v[0-9.]+(?:/|\z)" 1;
}}

# The rules; the first line that matches decides. 2 may become a raw tunnel.
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
    # Whoever reaches this address has the rights of the profile.
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
