//! The canonical form: one spelling with the meaning of the original, which every parser reads in
//! the same way.

use dsp::api::{ApiVersion, CanonicalRequest, EngineKind, decode_name, encode_segment};

/// Checks a request line without its protocol, `METHOD TARGET`, for both engines.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (method, target) = text.split_once(' ').unwrap_or(("GET", &text));
    for engine in EngineKind::ALL {
        match CanonicalRequest::parse(engine, method, target) {
            Ok(request) => {
                is_canonical(&request);
                means(&request, target);
            }
            Err(refusal) => assert!(super::printable(&refusal.to_string()), "{refusal:?}"),
        }
    }
}

/// Checks that the rendered target of a request is plain, and names the same operation when parsed
/// again.
pub(super) fn is_canonical(request: &CanonicalRequest) {
    let target = request.target();
    assert!(target.starts_with('/'), "{target} is not in origin form");
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{target:?} is not plain ASCII");
    assert!(!target.contains("//") && !target.contains(['#', '\\']), "{target}");
    let path = target.split('?').next().unwrap_or_default();
    let decoded = decode_name(path).expect("a canonical path can be decoded");
    assert!(!decoded.contains(|c: char| c.is_control() || "%\\".contains(c)), "{target}");
    assert!(!decoded.split('/').any(|segment| segment == "." || segment == ".."), "{target}");

    let floor = match request.engine() {
        EngineKind::Podman if first_word(request.path()) == "libpod" => None,
        EngineKind::Docker | EngineKind::Podman => Some(ApiVersion::FLOOR),
    };
    assert!(request.version().is_none_or(|version| Some(version) >= floor), "{target}");

    let again = CanonicalRequest::parse(request.engine(), request.method().as_str(), target);
    assert_eq!(again.as_ref(), Ok(request), "{target} is not its own canonical form");
    let located = request.locate();
    assert_eq!(again.ok().and_then(|again| again.locate()), located, "{target}");
    let Some(located) = located else { return };
    assert_eq!(located.operation.engine, request.engine(), "{target}");
    assert_eq!(located.operation.method, request.method(), "{target}");
    assert!(located.values.iter().all(|value| !value.is_empty()), "{target}: an empty name");
    let filled = located.operation.template.fill(|place| {
        let segments: Vec<String> = located.values[place].split('/').map(encode_segment).collect();
        segments.join("/").into()
    });
    assert_eq!(filled, request.path(), "{target} is not {}", located.operation);
}

/// Checks that the decoded path is the same as in the original, except for a slash at the end and a
/// host in front.
fn means(request: &CanonicalRequest, sent: &str) {
    let sent = match sent.splitn(4, '/').collect::<Vec<_>>().as_slice() {
        [scheme, "", host, _] if scheme.eq_ignore_ascii_case("http:") => {
            assert!(!host.is_empty() && !host.contains(['@', '\\', '?', '#', '%']), "{sent}");
            &sent[scheme.len() + 2 + host.len()..]
        }
        _ => sent,
    };
    let decoded = |target: &str| {
        let path = decode_name(target.split('?').next().unwrap_or_default());
        path.map(|path| path.trim_end_matches('/').to_owned())
    };
    assert_eq!(decoded(request.target()), decoded(sent), "{sent}");
}

fn first_word(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}
