//! The adopted profile decides as the real proxy does, for a sample of the requests that the API has,
//! apart from what the summary says.
//!
//! HAProxy and Caddy are those of Debian. wollomatic's socket-proxy, CetusGuard and sockguard are built
//! from their sources into a folder, which `DSP_TEST_PROXIES` names; without it, their tests pass
//! without doing anything.

use std::path::{Path, PathBuf};
use std::process::Command;

use dsp::adopt::{Adopted, Program};
use dsp::api::{Catalogue, Method};

use super::{Decisions, adopted};
use crate::other_proxies::proxy::{Proxy, is_installed};
use crate::support::World;

/// The part of Tecnativa's `haproxy.cfg` that decides.
const TECNATIVA: &str = include_str!("tecnativa.cfg");

/// Names that engines accept, names of images, and the link of a container.
const NAMES: [&str; 9] = [
    "web",
    "ci-1.a_b",
    "prod-db",
    "deadbeefcafe",
    "3b1f27f1b9a0e8d0c1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708",
    "reg.example:5000/team/app:1.2",
    "alpine@sha256:3b1f27f1b9a0e8d0c1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708",
    "json",
    "web/db",
];

/// Every operation with some of the names, with and without a version. `seed` chooses which.
fn requests(seed: usize) -> Vec<(Method, String)> {
    let mut requests = Vec::new();
    for (number, operation) in Catalogue::docker().operations().iter().enumerate() {
        if operation.method == Method::Options {
            continue;
        }
        let parameters = operation.template.parameters().count();
        for choice in 0..if parameters == 0 { 1 } else { 4 } {
            let name = NAMES[(seed + number + choice * 2) % NAMES.len()];
            // Only images and plugins have such names, and only containers have links.
            let takes_any = operation.template.to_string()
                != operation.template.fill(|_| "x".into())
                && ["Image", "Plugin", "Distribution"].contains(&operation.section);
            let has_links = operation.section == "Container";
            let name = match name {
                name if name.contains([':', '@']) && !takes_any => "web",
                "web/db" if !has_links && !takes_any => "db",
                name => name,
            };
            let path = operation.template.fill(|place| if place == 0 { name } else { "c1" }.into());
            let version = ["", "/v1.24", "/v1.41", "/v1.51"][(seed + number + choice) % 4];
            requests.push((operation.method, format!("{version}{path}")));
        }
    }
    requests
}

/// Compares a proxy with a profile. Returns how many requests were compared.
fn compare(proxy: &Proxy, adopted: &Adopted, seed: usize) -> usize {
    let decisions = Decisions::of(adopted);
    let mut compared = 0;
    for (method, target) in requests(seed) {
        let method = method.as_str();
        if decisions.differs(method, &target) {
            continue;
        }
        compared += 1;
        assert_eq!(
            decisions.allows(method, &target),
            proxy.reaches(method, &target),
            "{method} {target}: {:?} {:?}",
            adopted.program,
            super::rules(adopted)
        );
    }
    compared
}

/// The command of HAProxy with a file, and with what its programs set around it.
fn haproxy(world: &World, socket: &Path, port: u16, text: &str) -> Command {
    let defaults =
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n\n";
    world.write("haproxy.cfg", &format!("{defaults}{text}"));
    let mut command = world.command("haproxy", &["-db", "-f", "haproxy.cfg"]);
    command.env("BIND_CONFIG", format!("127.0.0.1:{port}")).env("SOCKET_PATH", socket);
    command
}

/// Settings of Tecnativa's proxy: sections alone, with writes, and values that look like yes.
const SETTINGS: [&str; 9] = [
    "CONTAINERS=1",
    "CONTAINERS=1 POST=1",
    "CONTAINERS=1 IMAGES=1 NETWORKS=1 VOLUMES=1 INFO=1 POST=1 EXEC=1 AUTH=1 BUILD=1 COMMIT=1",
    "ALLOW_START=1 ALLOW_STOP=1",
    "POST=1 ALLOW_START=1 ALLOW_RESTARTS=1",
    "CONTAINERS=true POST=yes INFO=1",
    "EVENTS=0 PING=0 VERSION=0 PLUGINS=1 DISTRIBUTION=1",
    "SERVICES=2 TASKS=1 SWARM=01 NODES=1 SECRETS=1 CONFIGS=1 SYSTEM=1 POST=1x",
    "GRPC=1 SESSION=1 POST=1",
];

#[test]
fn tecnativas_settings_grant_what_its_haproxy_passes_on() {
    if !is_installed("haproxy") {
        return;
    }
    for (seed, settings) in SETTINGS.into_iter().enumerate() {
        let pairs: Vec<(&str, &str)> =
            settings.split(' ').map(|pair| pair.split_once('=').unwrap()).collect();
        let adopted = adopted(Program::Tecnativa, &settings.replace(' ', "\n"), None);
        let proxy = Proxy::serve("haproxy", |world, socket, port| {
            let mut command = haproxy(
                world,
                socket,
                port,
                &TECNATIVA
                    .replace("${BIND_CONFIG}", "\"${BIND_CONFIG}\"")
                    .replace("$SOCKET_PATH", "\"$SOCKET_PATH\""),
            );
            // What the image turns on.
            command.envs([("EVENTS", "1"), ("PING", "1"), ("VERSION", "1")]);
            command.envs(pairs.iter().copied());
            command
        });
        let compared = compare(&proxy, &adopted, seed);
        assert!(compared > 200, "{settings}: {compared}");
    }
}

/// A configuration of one's own: named ACLs, one of which has a line after its use, alternatives,
/// negations, converters, a second backend, and a default that an unconditional line replaces.
const OWN_HAPROXY: &str = r#"
frontend docker
  bind 127.0.0.1:PORT
  acl reads method GET HEAD
  acl of_containers path_reg ^(/v[0-9.]+)?/containers/(json|[a-zA-Z0-9_.-]+/(json|logs))$
  acl of_images path,url_dec -m beg /images
  acl of_images path,url_dec -m reg -i ^/v1\.[0-9]+/IMAGES/
  acl is_prod path_sub /prod-
  acl exec path_end /exec
  http-request set-var(txn.docker) path,url_dec
  http-request deny if exec !reads
  http-request deny if of_containers is_prod
  http-request allow if reads of_containers || reads of_images
  acl of_images path_reg ^(/v[0-9.]+)?/networks$
  http-request allow if { method POST } { path_dir start stop }
  http-request allow if { var(txn.docker) -m reg '^(?:/v1\.4[0-9])?/volumes$' }
  http-request allow if METH_GET { path /_ping /v1.41/_ping }
  http-request allow if reads { path_beg /other }
  http-request deny
  default_backend other
  use_backend other if { path_beg /other }
  use_backend engine

backend engine
  server engine unix@SOCKET

backend other
  server other 127.0.0.1:9
"#;

#[test]
fn a_haproxy_cfg_of_ones_own_grants_what_haproxy_passes_on() {
    if !is_installed("haproxy") {
        return;
    }
    let adopted = adopted(Program::Haproxy, OWN_HAPROXY, None);
    assert!(adopted.unread.iter().all(|one| one.text.contains("/other")), "{:?}", adopted.unread);
    let rules = super::rules(&adopted);
    for rule in [
        "GET /containers/*/json",
        "GET /networks",
        "GET /volumes",
        "POST /containers/*/start",
        "GET /_ping",
    ] {
        assert!(rules.iter().any(|one| one == rule), "{rule}: {rules:?}");
    }
    let proxy = Proxy::serve("haproxy", |world, socket, port| {
        let text = OWN_HAPROXY.replace("PORT", &port.to_string());
        haproxy(world, socket, port, &text.replace("SOCKET", socket.to_str().unwrap()))
    });
    (0..4).for_each(|seed| assert!(compare(&proxy, &adopted, seed) > 150));
}

/// Caddyfiles: matchers of each kind, `handle`, `route`, a snippet, and Caddy's own order.
const CADDYFILES: [&str; 3] = [
    r#"{
	admin off
	auto_https off
}
(engine) {
	reverse_proxy unix/SOCKET
}
http://:PORT {
	bind 127.0.0.1
	@read {
		method GET HEAD
		path_regexp ^(/v[0-9.]+)?/(_ping|version|events|containers/json|containers/[a-zA-Z0-9_.-]+/(json|logs|stats))$
	}
	@restart {
		method POST
		path /containers/*/restart /v1.41/containers/*/restart
		not path */prod-*
	}
	handle @read {
		import engine
	}
	handle @restart {
		import engine
	}
	handle {
		respond "denied" 403
	}
}
"#,
    r#"http://:PORT {
	bind 127.0.0.1
	respond /v1.41/images/* 403
	reverse_proxy /v1.41/* unix/SOCKET
	@pings path /_ping /version
	reverse_proxy @pings unix/SOCKET
	@writes not method GET HEAD
	error @writes 405
}
"#,
    r#"http://:PORT {
	bind 127.0.0.1
	route {
		@info method GET
		respond /info* 403
		reverse_proxy @info unix/SOCKET
		respond 403
	}
}
"#,
];

#[test]
fn a_caddyfile_grants_what_caddy_passes_on() {
    if !is_installed("caddy") {
        return;
    }
    for text in CADDYFILES {
        let adopted = adopted(Program::Caddy, text, None);
        assert!(adopted.unread.is_empty(), "{:?}", adopted.unread);
        assert!(!adopted.granted.rules.is_empty());
        let proxy = Proxy::serve("caddy", |world, socket, port| {
            let options =
                if text.starts_with('{') { "" } else { "{\n\tadmin off\n\tauto_https off\n}\n" };
            let text = text.replace("PORT", &port.to_string());
            let text = text.replace("SOCKET", socket.to_str().unwrap());
            world.write("Caddyfile", &format!("{options}{text}"));
            world.command("caddy", &["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
        });
        (0..4).for_each(|seed| assert!(compare(&proxy, &adopted, seed) > 100, "{text}"));
    }
}

/// A program that is built from source, if it is here.
fn built(program: &str) -> Option<PathBuf> {
    let folder = std::env::var("DSP_TEST_PROXIES").ok()?;
    let path = Path::new(&folder).join(program);
    assert!(path.is_file(), "{} is missing", path.display());
    Some(path)
}

const WOLLOMATIC: [&[&str]; 4] = [
    &[r"-allowGET=/v1\..{1,2}/(version|containers/.*|events.*)"],
    &[r"-allowGET=/v1\..{2}/(containers/.*|events)|/_ping", "-allowHEAD=/_ping"],
    &[
        r"-allowGET=/v1\..{2}/(containers/.*|images/.*)",
        r"-allowPOST=/v1\..{2}/(containers/(ci-.*|web)/(start|stop)|images/.*|networks/.*)",
        r"-allowDELETE=(/v1\.[0-9]+)?/containers/[a-f0-9]{64}",
    ],
    &["-allowGET=.*", "-allowPUT=.*", "-allowPOST=.*/exec", "-allowPOST=/auth"],
];

#[test]
fn wollomatics_flags_grant_what_it_passes_on() {
    let Some(program) = built("socket-proxy") else { return };
    for flags in WOLLOMATIC {
        let text = flags.iter().map(|flag| format!("'{flag}'\n")).collect::<String>();
        let adopted = adopted(Program::Wollomatic, &text, None);
        let proxy = Proxy::serve("socket-proxy", |world, socket, port| {
            let mut command = world.command(program.to_str().unwrap(), flags);
            command.arg(format!("-proxyport={port}"));
            command.arg(format!("-socketpath={}", socket.display()));
            command
        });
        (0..4).for_each(|seed| assert!(compare(&proxy, &adopted, seed) > 60, "{flags:?}"));
    }
}

const CETUSGUARD: [&str; 3] = [
    "! Traefik\nGET %API_PREFIX_EVENTS%\nGET %API_PREFIX_CONTAINERS%/json\n\
     GET %API_PREFIX_CONTAINERS%/%CONTAINER_ID_OR_NAME%/json\n",
    "GET,POST %API_PREFIX_IMAGES%/(json|create|%IMAGE_ID_OR_REFERENCE%/(json|push))\n\
     DELETE %API_PREFIX_NETWORKS%/%NETWORK_ID_OR_NAME%\nPOST /containers/web-[12]/(start|stop)\n",
    "GET .+\nPOST %API_PREFIX%/(build|session|grpc)\nPUT %API_PREFIX_VOLUMES%/%VOLUME_ID_OR_NAME%\n",
];

#[test]
fn cetusguards_rules_grant_what_it_passes_on() {
    let Some(program) = built("cetusguard") else { return };
    for rules in CETUSGUARD {
        let adopted = adopted(Program::Cetusguard, rules, None);
        let proxy = Proxy::serve("cetusguard", |world, socket, port| {
            let mut command = world.command(program.to_str().unwrap(), &[]);
            command.args(["-rules", rules, "-frontend-addr", &format!("tcp://127.0.0.1:{port}")]);
            command.args(["-backend-addr", &format!("unix://{}", socket.display())]);
            command
        });
        (0..4).for_each(|seed| assert!(compare(&proxy, &adopted, seed) > 150, "{rules}"));
    }
}

const SOCKGUARD: [&str; 2] = [
    "rules:\n  - match: { method: \"*\", path: \"/_ping\" }\n    action: allow\n  \
     - match: { method: GET, path: \"/containers/prod-*/**\" }\n    action: deny\n  \
     - match: { method: GET, path: \"/containers/**\" }\n    action: allow\n  \
     - match: { method: \"GET,HEAD\", path: \"/images/**/json\" }\n    action: allow\n  \
     - match: { method: POST, path: \"/containers/*/restart\" }\n    action: allow\n  \
     - match: { method: DELETE, path: \"/volumes/ci-*\" }\n    action: allow\n  \
     - match: { method: \"*\", path: \"/**\" }\n    action: deny\n",
    "rules:\n  - match: { method: GET, path: \"/**\" }\n    action: allow\n",
];

#[test]
fn sockguards_rules_grant_what_it_passes_on() {
    let Some(program) = built("sockguard") else { return };
    for rules in SOCKGUARD {
        let adopted = adopted(Program::Sockguard, rules, None);
        let proxy = Proxy::serve("sockguard", |world, socket, port| {
            let head = format!(
                "upstream:\n  socket: {}\nlisten:\n  address: 127.0.0.1:{port}\n  \
                 insecure_allow_plain_tcp: true\nhealth:\n  enabled: false\n\
                 insecure_allow_body_blind_writes: true\ninsecure_allow_read_exfiltration: true\n\
                 response:\n  redact_container_env: false\n",
                socket.display()
            );
            world.write("sockguard.yaml", &format!("{head}{rules}"));
            world.command(program.to_str().unwrap(), &["serve", "--config", "sockguard.yaml"])
        });
        (0..4).for_each(|seed| assert!(compare(&proxy, &adopted, seed) > 150, "{rules}"));
    }
}
