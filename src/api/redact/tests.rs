//! Redaction of whole targets.

use proptest::prelude::*;

use super::*;
use crate::api::{CanonicalRequest, EngineKind, Located};

fn shown(method: &str, target: &str) -> String {
    let engine = if target.contains("libpod") { EngineKind::Podman } else { EngineKind::Docker };
    let request = CanonicalRequest::parse(engine, method, target).ok();
    let located = request.as_ref().and_then(CanonicalRequest::locate);
    redacted_path(target, request.as_ref(), located.as_ref(), usize::MAX).into_owned()
}

#[test]
fn paths_without_secrets_are_unchanged() {
    assert_eq!(shown("GET", "/v1.41/containers/web/json#x"), "/v1.41/containers/[hidden]/json");
    assert_eq!(shown("GET", "/v1.41/containers/json#x"), "/v1.41/containers/json");
    for path in [
        "/v1.41/containers/web1/json",
        "/images/app@sha256:0123/json",
        "/images/app%40sha256:0123/json",
        "/images/reg:5000%2Fapp%3A1/json",
        "/v1.41/%63ontainers/json",
        "/v1.41/Containers/web",
        "/v1.41/vendor/some-thing/7",
        "/v1.41/../info",
        "/",
        "//",
    ] {
        assert_eq!(shown("GET", path), path);
        assert_eq!(shown("GET", &format!("{path}?token=x")), path);
    }
}

#[test]
fn user_information_is_cut() {
    for (target, expected) in [
        ("/images/u:pw@reg/x/json", "/images/[hidden]@reg/x/json"),
        ("/v1.41/images/u:p%40w%2f@reg/x/json", "/v1.41/images/[hidden]@reg/x/json"),
        ("/images/u:pw@reg/x@sha256:01/json", "/images/[hidden]@reg/x@sha256:01/json"),
        ("/images/u%3Apw%40reg/x/json", "/images/[hidden]@reg/x/json"),
        ("/images/https:%2F%2Fu:pw@reg/x/json", "/images/https:%2F%2Fu:pw@reg/x/json"),
        ("/a/u:p/w@reg/x", "/a/[hidden]/[hidden]@reg/x"),
        ("/a/u:p/w@reg:5000/x", "/a/[hidden]/[hidden]/x"),
        ("/v1.41//u:pw@info", "/v1.41//[hidden]@info"),
        ("/v1.41//u:pw@reg", "/v1.41//[hidden]"),
        ("/a%2540info", "/[hidden]@info"),
        (
            "/v4.0.0/libpod/manifests/u:x/registry/u:pw@h",
            "/v4.0.0/libpod/manifests/u:x/registry/u:pw@h",
        ),
    ] {
        if target.contains("https") {
            assert!(!shown("GET", target).contains("pw"), "{target}");
        } else if target.contains("registry") {
            let shown = shown("POST", target);
            assert_eq!(shown, "/v4.0.0/libpod/manifests/u:x/registry/[hidden]@h");
        } else {
            assert_eq!(shown("GET", target), expected, "{target}");
        }
    }
}

#[test]
fn a_name_with_an_at_sign_stays() {
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for name in [
        &format!("busybox@{digest}"),
        &format!("reg:5000/a/busybox@{digest}"),
        "web@.container",
        "web@1.container",
        "web@1.service",
        "net@home",
        "@x",
    ] {
        assert_eq!(redacted_name(name, usize::MAX), *name);
        assert!(!is_incomplete(&redacted_name(name, usize::MAX)));
        for path in [format!("/images/{name}/json"), format!("/v1.41/networks/{name}")] {
            if !name.contains('/') || path.contains("images") {
                assert_eq!(shown("GET", &path), path);
            }
        }
    }
    let path = "/v5.0.0/libpod/quadlets/web@.container/file";
    assert_eq!(shown("GET", path), path);
    for name in [
        "u:pw@h",
        "pw@h/x",
        "pw@h:5000",
        "https://pw@h",
        "a@pw@h",
        "pw@h/x@sha256:01",
        "u%3Apw%40h",
        "u:pw@.container",
    ] {
        let shown = redacted_name(name, usize::MAX);
        assert!(!shown.contains("pw") && is_incomplete(&shown), "{name}: {shown}");
    }
    // In a path that no operation has, the meaning of a segment is unknown.
    assert_eq!(shown("GET", "/nowhere/pw@h"), "/nowhere/[hidden]@h");
    assert!(is_incomplete(&redacted_name(&"a".repeat(900), 512)));
}

#[test]
fn the_text_after_a_name_is_cut() {
    for (target, expected) in [
        ("/containers/x/json%3Ftoken=pw", "/containers/x/json[hidden]"),
        ("/v1.41/containers/json;token=pw", "/v1.41/containers/json[hidden]"),
        ("/containers;t=pw/json", "/containers[hidden]/json"),
        ("/containers/x%26k=pw/json", "/containers/x[hidden]/json"),
        ("/containers/x%23pw/json", "/containers/x[hidden]/json"),
        ("/info/%253Ftoken=pw", "/info/[hidden]"),
        ("/info%2525253Fpw%25", "[19 bytes]"),
    ] {
        assert!(!shown("GET", target).contains("pw"), "{target}");
        if !target.contains("2525") {
            assert_eq!(shown("GET", target), expected);
        }
    }
}

#[test]
fn other_targets_are_replaced_by_their_length() {
    assert_eq!(shown("GET", "http://u:pw@d/info"), "[18 bytes]");
    assert_eq!(shown("CONNECT", "u:pw@d:443"), "[10 bytes]");
    assert_eq!(shown("OPTIONS", "*"), "[1 bytes]");
    assert_eq!(redacted_method("{\"password\":\"x\"}"), "[16 bytes]");
    assert_eq!(redacted_method("GET"), "GET");
    assert_eq!(redacted_method("get"), "get");
}

#[test]
fn in_an_unknown_path_only_words_are_shown() {
    for (target, expected) in [
        ("/v1.41/hooks/pw1/run", "/v1.41/hooks/[hidden]/run"),
        ("/v1.41/hooks/aPw/run", "/v1.41/hooks/[hidden]/run"),
        ("/hooks/aaaaaaaaaaaaaaaaaaaaaaaaapw", "/hooks/[hidden]"),
        ("/hooks/1234", "/hooks/[hidden]"),
        ("/hooks/pw%20x", "/hooks/[hidden]"),
        ("/hooks/pw\u{e9}", "/hooks/[hidden]"),
        ("/hooks/%2E%2Epw", "/hooks/[hidden]"),
        // A refused target may be anything, so only the API's own words are shown.
        ("/v1.41/../pw/info", "/v1.41/../[hidden]/info"),
        ("/v1.pw/info", "/[hidden]/info"),
        ("/v123456789/info", "/[hidden]/info"),
        ("/v1.41//pw", "/v1.41//[hidden]"),
        ("/v1.23/containers/pw/json", "/v1.23/containers/[hidden]/json"),
        ("/v1.41/containers\\pw/json", "/v1.41/[hidden]/json"),
        ("/pw%zz", "/[hidden]"),
        ("/pw%2520b", "/[hidden]"),
    ] {
        assert_eq!(shown("GET", target), expected, "{target}");
        assert!(is_incomplete(&shown("GET", target)));
    }
    assert_eq!(shown("PATCH", "/containers/pw/json"), "/containers/[hidden]/json");
}

#[test]
fn long_names_are_cut_within_their_operation() {
    let target = format!("/containers/{}/json", "a".repeat(5000));
    let request = CanonicalRequest::parse(EngineKind::Docker, "GET", &target).unwrap();
    let located = request.locate();
    let shown = redacted_path(&target, Some(&request), located.as_ref(), 100);
    assert!(shown.len() < 200 && shown.ends_with("%20bytes%20more%5D/json"), "{shown}");
}

proptest! {
    #[test]
    fn redaction_keeps_the_operation_and_is_idempotent(
        method in "GET|POST|DELETE|PUT|HEAD",
        target in "(/v1\\.41|/v4\\.0\\.0/libpod|/containers|/images|/json|/push|/manifests|/registry\
                   |/networks|/a|/u:p|/pw@h|/x@sha256:0a|%3Fpw|;pw=|@|:|%40|%2F|/%2[0-9]){1,7}(\\?pw)?",
        longest in prop_oneof![Just(usize::MAX), 1..60_usize],
    ) {
        for engine in [EngineKind::Docker, EngineKind::Podman] {
            let request = CanonicalRequest::parse(engine, &method, &target);
            let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
            let shown = redacted_path(&target, request.as_ref().ok(), located.as_ref(), longest);
            let again = CanonicalRequest::parse(engine, &method, &shown);
            if let Ok(request) = &request {
                let again = again.as_ref().map_err(|error| TestCaseError::fail(format!("{shown}: {error}")))?;
                let of = |located: Option<Located>| located.map(|located| located.operation);
                prop_assert_eq!(of(again.locate()), of(request.locate()), "{}", &shown);
                prop_assert_eq!(again.version(), request.version());
            }
            let located = again.as_ref().ok().and_then(CanonicalRequest::locate);
            let twice = redacted_path(&shown, again.as_ref().ok(), located.as_ref(), usize::MAX);
            prop_assert_eq!(&twice, &shown);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC*", longest: usize) {
        let _ = redacted_name(&text, longest);
        let _ = redacted_path(&text, None, None, longest);
        let _ = redacted_method(&text);
    }
}
