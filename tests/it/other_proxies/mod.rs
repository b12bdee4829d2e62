//! Real HAProxy, nginx and Caddy with exported files: they decide as dsp does, except where the
//! file says otherwise. `scripts/test` installs them. A test without its program passes without
//! doing anything, unless `DSP_TEST_ENGINE=required` is set.

/// When they write a request down.
mod held;
/// The program.
pub mod proxy;
/// The engine behind it.
mod upstream;

use std::io::{Read, Write};

use dsp::api::Catalogue;
use dsp::export::Format;
use dsp::policy::Enforcer;
use dsp::profile::{Profile, parse};

use crate::export::corpus::{self, NAMES, allowed};
use proxy::{Proxy, available};
use upstream::UPGRADE;

/// The formats of programs in Debian.
const PROGRAMS: [Format; 3] = [Format::Caddy, Format::Haproxy, Format::Nginx];

fn compare(format: Format, profile: &Profile, requests: &[(&'static str, String)]) {
    let gate = Enforcer::new(profile);
    let proxy = Proxy::start(format, profile);
    for (method, target) in requests {
        assert_eq!(
            proxy.forwards(method, target, ""),
            allowed(&gate, method, target, None),
            "{method} {target} by {format} with profile {}",
            profile.name
        );
    }
}

/// Each operation with each name, and every odd version with every method.
fn requests() -> Vec<(&'static str, String)> {
    let mut requests = Vec::new();
    for operation in Catalogue::docker().operations() {
        for (number, name) in NAMES.iter().enumerate() {
            let path = operation.template.fill(|_| (*name).into());
            let path = if number % 2 == 0 { path } else { format!("/v1.44{path}") };
            requests.push((operation.method.as_str(), path));
        }
    }
    let odd = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT"].into_iter();
    requests.extend(
        odd.flat_map(|method| corpus::targets(&[]).into_iter().map(move |target| (method, target))),
    );
    requests.sort();
    requests.dedup();
    requests
}

/// Every second operation of the catalogue.
fn half() -> Profile {
    let operations = Catalogue::docker().operations().iter().step_by(2);
    let rules: String = operations.map(|operation| format!("  - {operation}\n")).collect();
    parse(&format!("version: 1\nname: half\nallow:\n{rules}")).unwrap()
}

fn the_whole_catalogue(format: Format) {
    if !available(format) {
        return;
    }
    let requests = requests();
    for profile in [corpus::everything(), half()] {
        compare(format, &profile, &requests);
    }
}

#[test]
fn caddy_decides_over_the_whole_catalogue_as_dsp_does() {
    the_whole_catalogue(Format::Caddy);
}

#[test]
fn haproxy_decides_over_the_whole_catalogue_as_dsp_does() {
    the_whole_catalogue(Format::Haproxy);
}

#[test]
fn nginx_decides_over_the_whole_catalogue_as_dsp_does() {
    the_whole_catalogue(Format::Nginx);
}

/// Spellings that two parsers could read differently, or that are refused whatever the profile
/// says.
const SPELLINGS: [(&str, &str); 62] = [
    ("GET", "/%63ontainers/json"),
    ("GET", "/%76%31.44/containers/json"),
    ("GET", "/v1.44%2Fcontainers%2Fjson"),
    ("GET", "/containers%2fjson"),
    ("GET", "/containers/web%2Fjson"),
    ("DELETE", "/containers/web%2Fcheckpoints%2Fc"),
    ("DELETE", "/containers/%6ason"),
    ("DELETE", "/containers/json%20"),
    ("POST", "/containers/%64b/exec"),
    ("POST", "/containers/ci-%70rod/start"),
    ("GET", "/images/reg%3A5000%2Fapp%3A1/json"),
    ("DELETE", "/images/reg:5000%2fbase/x"),
    ("GET", "/containers/a%252fb/json"),
    ("GET", "/containers/a%25/json"),
    ("GET", "/containers/a%/json"),
    ("GET", "/containers/a%zz/json"),
    ("GET", "/containers/a%00/json"),
    ("GET", "/containers/a%0a/json"),
    ("GET", "/containers/json%0a"),
    ("GET", "/containers/a%7f/json"),
    ("GET", "/containers/a%c2%85/json"),
    ("GET", "/containers/a%ff/json"),
    ("GET", "/containers/a%c3%a9/json"),
    ("GET", "/containers/a%ed%a0%80/json"),
    ("GET", "/containers/a%ef%bf%bd/json"),
    ("GET", "/containers/a%5cb/json"),
    ("GET", "/containers/a\\b/json"),
    ("GET", "/containers/{http.request.host}/json"),
    ("GET", "/containers/a%3fb/json"),
    ("GET", "/containers/a%23b/json"),
    ("GET", "/containers/a+b/json"),
    ("GET", "/containers/a;b/json"),
    ("GET", "//containers/json"),
    ("GET", "/containers//json"),
    ("GET", "/containers%2f%2fjson"),
    ("GET", "/containers/json/"),
    ("GET", "/containers/./json"),
    ("GET", "/containers/%2e/json"),
    ("GET", "/x/../containers/json"),
    ("GET", "/containers/../containers/json"),
    ("GET", "/containers%2f..%2fcontainers/json"),
    ("GET", "/containers/%2e%2E/json"),
    ("GET", "/.."),
    ("GET", "http://docker/containers/json"),
    ("GET", "http://docker/../containers/json"),
    ("GET", "/containers/json#x"),
    ("GET", "/Containers/json"),
    ("get", "/containers/json"),
    ("Get", "/containers/json"),
    ("PATCH", "/containers/json"),
    ("TRACE", "/containers/json"),
    ("HEAD", "/containers/json"),
    ("GET", "/containers/json?all=1&filters=%7B%22a%22%3A%5B%5D%7D&x"),
    ("GET", "/containers/json?a;b"),
    ("GET", "/containers/json?a=%zz"),
    ("GET", "/containers/json?a=%"),
    ("GET", "/containers/json?=x"),
    ("GET", "/containers/json?a=1&=x"),
    ("GET", "/containers/json?a%00=x&b"),
    ("GET", "/containers/json?a=1?b=/../c"),
    ("GET", "/containers/json?%ff=x"),
    ("GET", "/containers/json?a&%c2%85=x"),
];

/// Bodies by type: forms and gRPC are refused. The proxies decide by the type alone, even without a
/// body.
const TYPES: [&str; 6] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "Application/X-WWW-Form-Urlencoded; charset=utf-8",
    "text/plain, multipart/form-data; boundary=x",
    "application/grpc+proto",
    "text/plain",
];

/// Whether a proxy decides differently than dsp, as the header of its file says.
fn differs(format: Format, target: &str) -> bool {
    // Names in the query are not decoded.
    let hidden = ["/containers/json?%ff=x", "/containers/json?a&%c2%85=x"];
    // They refuse a host before the path, and dsp removes it.
    let refused = target == "http://docker/containers/json";
    // U+FFFD replaces what is not UTF-8.
    hidden.contains(&target)
        || refused
        || format == Format::Caddy && target == "/containers/a%ef%bf%bd/json"
}

#[test]
fn odd_spellings_are_refused_as_dsp_refuses_them() {
    let profile = corpus::everything();
    let gate = Enforcer::new(&profile);
    for format in PROGRAMS.into_iter().filter(|format| available(*format)) {
        let proxy = Proxy::start(format, &profile);
        let mut wrong = Vec::new();
        for (method, target) in SPELLINGS {
            let same = proxy.forwards(method, target, "") == allowed(&gate, method, target, None);
            if same == differs(format, target) {
                wrong.push(format!("{method} {target}"));
            }
        }
        for content_type in TYPES {
            let headers = format!("Content-Type: {content_type}\r\nContent-Length: 0\r\n");
            let target = "/containers/web/exec";
            let expected = allowed(&gate, "POST", target, Some(content_type));
            if proxy.forwards("POST", target, &headers) != expected {
                wrong.push(content_type.to_owned());
            }
        }
        assert_eq!(wrong, Vec::<String>::new(), "{format}");
    }
}

const UPGRADING: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";

#[test]
fn only_hijacks_switch_protocols() {
    for format in PROGRAMS.into_iter().filter(|format| available(*format)) {
        let proxy = Proxy::start(format, &corpus::everything());
        let head = format!("GET /containers/json HTTP/1.1\r\nHost: docker\r\n{UPGRADING}\r\n");
        let mut stream = proxy.connect();
        stream.write_all(head.as_bytes()).unwrap();
        let answer = until(&mut stream, "\r\n\r\n");
        let answer = answer.to_ascii_lowercase();
        assert!(answer.contains(&format!("{UPGRADE}\r\n")), "{format}: {answer}");
    }
}

/// Opens a tunnel, sends five bytes and ends its own direction. Returns what came back, if the
/// tunnel opened.
fn through_a_tunnel(proxy: &Proxy, path: &str, body: &str) -> Option<String> {
    let mut stream = proxy.connect();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: docker\r\n{UPGRADING}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 101").then_some(())?;
    assert_eq!(until(&mut stream, "ready\n"), "ready\n");
    stream.write_all(b"hello").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = String::new();
    let _ = stream.read_to_string(&mut rest);
    Some(rest)
}

#[test]
fn tunnels_open_and_end_as_the_files_say() {
    let profile = "version: 1\nname: p\nallow:\n  - POST /exec/*/start\n  \
        - POST /containers/*/attach\n";
    let profile = parse(profile).unwrap();
    for format in PROGRAMS.into_iter().filter(|format| available(*format)) {
        let proxy = Proxy::start(format, &profile);
        let attached = through_a_tunnel(&proxy, "/v1.44/containers/x/attach", "");
        let executed = through_a_tunnel(&proxy, "/v1.44/exec/x/start", "{}");
        let (all, nothing) = (Some("5 bytes\n".to_owned()), Some(String::new()));
        let expected = match format {
            // It removes Upgrade from a request with a body, and keeps one direction open without
            // the other.
            Format::Haproxy => (all, None),
            // They end both directions with the first one.
            _ => (nothing.clone(), nothing),
        };
        assert_eq!((attached, executed), expected, "{format}");
    }
}

/// Reads until `end` arrives or the other side ends.
fn until(stream: &mut impl Read, end: &str) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(end.as_bytes()) && matches!(stream.read(&mut byte), Ok(1)) {
        answer.push(byte[0]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
