//! A complete Caddyfile, for Caddy 2.6 or later.
//!
//! Caddy's path matcher decodes the path and removes dot segments and double slashes, but the path
//! is forwarded as received. Paths that the cleaning would change are therefore refused first, by
//! an expression that sees the path before it is cleaned.

use std::fmt::Write;

use super::expression::{Unit, allowed_version};
use super::grant::{Grant, Policy};
use super::head::{Head, denial};

const HEAD: Head<'_> = Head {
    mark: "#",
    what: "A Caddyfile for Caddy 2.6 or later",
    run: &[
        "caddy validate --config Caddyfile --adapter caddyfile     to check it",
        "caddy run --config Caddyfile --adapter caddyfile          to run it",
        "DOCKER_HOST=tcp://127.0.0.1:2375                          for clients",
    ],
    differs: &[
        "An allowed request is forwarded with its path as received, still escaped. Docker decodes \
         it once, as this file does; podman treats an escaped slash differently.",
        "A tunnel opens when the engine answers 101. Caddy closes it as soon as either side \
         closes its half, so docker run, exec and attach lose output without -i, or if their \
         input ends first.",
        "The older form of attach and exec (no Upgrade header, answered with 200) carries output \
         only.",
        "A name that contains U+FFFD is refused, because Caddy reads bytes that are not UTF-8 as \
         U+FFFD.",
        "A request with the Content-Type of a form is refused even without a body, and so is a \
         target that names a host.",
        "A query parameter is let through even if its escaped name is not UTF-8, or contains an \
         escaped control character beyond ASCII.",
        "Connections of clients share the connections to the engine.",
        "A denial does not name the rule that would allow the request.",
    ],
};

pub(super) fn write(policy: &Policy) -> String {
    let mut text = HEAD.write(policy);
    let denial = denial(policy);
    let _ = write!(
        text,
        r#"{{
	admin off
	auto_https off
	servers {{
		protocols h1
	}}
}}

(engine) {{
	reverse_proxy unix//var/run/docker.sock {{
		header_up Host docker
		flush_interval -1
	}}
}}

http://:2375 {{
	# Anyone who can connect to this address has the rights of the profile.
	bind 127.0.0.1
	header ?Content-Type application/json

	# Requests that Caddy and the engine could read differently.
	@target expression `!{{http.request.orig_uri}}.matches("^/[^#]*$")`
	@ambiguous expression `{{http.request.uri.path}}.matches("//|/[.][.]?(/|$)")`
	@strange not path_regexp `^[^%\\\p{{Cc}}\x{{fffd}}]+$`
	@query expression `{{http.request.uri.query}}.matches(";|%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)|(^|&)=|(^|&)[^=&]*%([01][0-9A-Fa-f]|7[Ff])")`

	# Bodies that the engine would read instead of the query, and gRPC.
	@form header_regexp Content-Type `(?i)application/x-www-form-urlencoded|multipart/|application/grpc`

	# What the engine reads as an API version.
	@version {{
		path_regexp `^/v[0-9.]+(?:/|\z)`
		not path_regexp `^{version}(?:/|\z)`
	}}
"#,
        version = allowed_version(policy.min_api),
    );
    for (number, grant) in policy.grants.iter().enumerate() {
        matcher(&mut text, number + 1, grant);
    }
    let _ = write!(
        text,
        r#"
	route {{
		respond @target 400
		respond @ambiguous 400
		respond @strange 400
		respond @query 400
		respond @form 400
		respond @version `{denial}` 403

		# These become raw tunnels; nothing else may switch protocols.
"#
    );
    let mut handle = |number: usize| {
        let _ = writeln!(text, "\t\thandle @rule{number} {{\n\t\t\timport engine\n\t\t}}");
    };
    let numbered = || (1..).zip(&policy.grants);
    numbered().filter(|(_, grant)| grant.tunnel).for_each(|(number, _)| handle(number));
    text.push_str("\t\trequest_header -Upgrade\n\n");
    let mut handle = |number: usize| {
        let _ = writeln!(text, "\t\thandle @rule{number} {{\n\t\t\timport engine\n\t\t}}");
    };
    numbered().filter(|(_, grant)| !grant.tunnel).for_each(|(number, _)| handle(number));
    let _ = write!(
        text,
        r#"
		respond `{denial}` 403
	}}
}}
"#
    );
    text
}

fn matcher(text: &mut String, number: usize, grant: &Grant) {
    text.push('\n');
    for rule in &grant.rules {
        let _ = writeln!(text, "\t# {rule}");
    }
    let allow = grant.allowed(Unit::Character);
    let _ = writeln!(
        text,
        "\t@rule{number} {{\n\t\tmethod {}\n\t\tpath_regexp `{allow}`",
        grant.method
    );
    if let Some(except) = grant.excepted(Unit::Character) {
        let _ = writeln!(text, "\t\tnot path_regexp `{except}`");
    }
    text.push_str("\t}\n");
}
