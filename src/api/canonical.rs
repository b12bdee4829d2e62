//! Requests in canonical form.
//!
//! The engine matches the decoded path, its newest versions and podman match the encoded one, and
//! all of them redirect unclean paths (docs/engine-api.md#unclean-paths). So this module accepts
//! only targets with a single reading: escapes are decoded once, an encoded slash is a slash, and
//! anything that another parser could read differently is refused. The target that goes upstream is
//! rendered from the canonical value.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::encoding::{decode, encode, is_plain};
use super::query::{self, Query};
use super::segments::{Segments, split_path};
use super::template::Parameters;
use super::{ApiVersion, EngineKind, Method, Operation, Refusal};
use crate::http1::origin_form;

/// A request in canonical form: method, version, path and query.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CanonicalRequest {
    engine: EngineKind,
    method: Method,
    version: Option<ApiVersion>,
    /// The target in its canonical spelling.
    target: Arc<str>,
    /// The range of the path in the target, without the version.
    path: Range<usize>,
    /// The decoded path if it differs from the one in the target. It has no empty segments and no
    /// dot segments, except that the last segment is empty in `/` and in `/debug/pprof/`, which the
    /// engine serves with its final slash.
    decoded: Option<Box<str>>,
    /// The operation, and the positions of its parameters in the decoded path.
    found: Option<(&'static Operation, Parameters)>,
}

/// The operation that a request names, with the values of its parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Located {
    /// The operation.
    pub operation: &'static Operation,
    /// The decoded values, in the order of the template's parameters.
    pub values: Vec<String>,
}

impl EngineKind {
    /// The other engine, if it has the requested operation and this one does not.
    #[must_use]
    pub fn elsewhere(self, method: &str, target: &str) -> Option<Self> {
        let has_it = |engine: &Self| {
            let request = CanonicalRequest::parse(*engine, method, target);
            request.is_ok_and(|request| request.locate().is_some())
        };
        let mut others = Self::ALL.into_iter().filter(|other| *other != self);
        others.find(has_it).filter(|_| !has_it(&self))
    }
}

impl CanonicalRequest {
    /// Canonicalizes the method and target of a request to an engine of this kind.
    ///
    /// # Errors
    /// [`Refusal`], if the target can be read in more than one way.
    pub fn parse(engine: EngineKind, method: &str, target: &str) -> Result<Self, Refusal> {
        let method = method.parse()?;
        let target = origin_form(target);
        if !target.starts_with('/') {
            return Err(Refusal::NotOriginForm);
        }
        let decoded;
        // Most paths are plain up to the query, and then no byte is examined twice.
        let (mut all, plain): (Segments<'_>, usize) = split_path(target, is_plain);
        let rest = target.as_bytes().get(plain..).unwrap_or_default();
        if rest.contains(&b'#') {
            return Err(Refusal::Fragment);
        }
        let end = plain + rest.iter().position(|byte| *byte == b'?').unwrap_or(rest.len());
        let query = target.get(end + 1..).unwrap_or_default();
        if end > plain {
            decoded = decode_path(target.get(..end).unwrap_or_default())?;
            all = split_path(&decoded, |byte| byte != b'/').0;
        }
        check_segments(&all)?;
        let (version, rest) = take_version(engine, &all)?;
        let floor = engine.floor(rest.first().copied());
        if let Some((version, floor)) = version.zip(floor)
            && version < floor
        {
            return Err(Refusal::OldVersion(version));
        }
        let segments = final_slash(engine, rest)?;
        let query = query::canonical(query)?;

        let found = engine.catalogue().locate(method, version, segments);
        let found = found.map(|found| (found.operation, in_bytes(segments, found.parameters)));
        let taken = all.get(..all.len() - rest.len()).unwrap_or_default();
        let path = length(taken)..length(taken) + length(segments).max(1);
        let query_length = query.len() + usize::from(!query.is_empty());
        // A target that is entirely plain and complete is in canonical spelling already.
        let is_canonical = end == plain
            && matches!(query, Cow::Borrowed(_))
            && path.end + query_length == target.len();
        if is_canonical {
            let target = target.into();
            return Ok(Self { engine, method, version, target, path, decoded: None, found });
        }
        let (target, path) = render(version, segments, &query);
        let is_spelled_so = segments.iter().all(|segment| segment.bytes().all(is_plain));
        let decoded = (!is_spelled_so).then(|| joined(segments).into());
        Ok(Self { engine, method, version, target: target.into(), path, decoded, found })
    }

    /// The engine for which the request is meant.
    #[must_use]
    pub fn engine(&self) -> EngineKind {
        self.engine
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The API version in the request. Without one, the engine uses its newest version.
    #[must_use]
    pub fn version(&self) -> Option<ApiVersion> {
        self.version
    }

    /// The query.
    #[must_use]
    pub fn query(&self) -> Query<'_> {
        Query::of_canonical(self.target.get(self.path.end + 1..).unwrap_or_default())
    }

    /// The path without version and query, in canonical spelling.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.get(self.path.clone()).unwrap_or_default()
    }

    /// The decoded path without version and query.
    #[must_use]
    pub fn meant(&self) -> &str {
        self.decoded.as_deref().unwrap_or(self.path())
    }

    /// The target to send upstream: version, path and query, rendered from the parsed values.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The target with `id` in the place of the first parameter of the path, and with another query, which is
    /// in canonical spelling. `None` leaves what the request has.
    #[must_use]
    pub fn target_with(&self, id: Option<&str>, query: Option<&str>) -> Arc<str> {
        let meant = self.meant();
        let named = self.found.as_ref().and_then(|(_, parameters)| parameters.first().cloned());
        let path = match id.zip(named) {
            None => Cow::Borrowed(meant),
            Some((id, named)) => {
                let before = meant.get(..named.start).unwrap_or_default();
                let after = meant.get(named.end..).unwrap_or_default();
                Cow::Owned(format!("{before}{id}{after}"))
            }
        };
        let query = query.unwrap_or_else(|| self.query().as_str());
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        render(self.version, &segments, query).0.into()
    }

    /// The target, shared with this request.
    pub(crate) fn shared_target(&self) -> Arc<str> {
        Arc::clone(&self.target)
    }

    /// The operation that the engine would run, if it is in the catalogue.
    #[must_use]
    pub fn locate(&self) -> Option<Located> {
        let (operation, parameters) = self.found.as_ref()?;
        let path = self.meant();
        let value = |range: &Range<usize>| path.get(range.clone()).unwrap_or_default().to_owned();
        Some(Located { operation, values: parameters.iter().map(value).collect() })
    }
}

/// Decodes a path that contains characters other than plain ones.
fn decode_path(path: &str) -> Result<String, Refusal> {
    let decoded = decode(path).map_err(|_| Refusal::BadEscape)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Refusal::NotUtf8)?;
    for character in decoded.chars() {
        match character {
            '%' => return Err(Refusal::PercentLeft),
            '\\' => return Err(Refusal::Backslash),
            _ if character.is_control() => return Err(Refusal::Control),
            _ => {}
        }
    }
    Ok(decoded)
}

/// Checks that no segment is a dot segment, and that none but the last is empty.
fn check_segments(segments: &[&str]) -> Result<(), Refusal> {
    let (_, inner) = segments.split_last().ok_or(Refusal::NotOriginForm)?;
    if inner.iter().any(|segment| segment.is_empty()) {
        return Err(Refusal::EmptySegment);
    }
    if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
        return Err(Refusal::DotSegment);
    }
    Ok(())
}

/// Removes the version from the front. Everything that the engine's router would read as a version
/// is either parsed as one or refused.
fn take_version<'s, 'a>(
    engine: EngineKind,
    segments: &'s [&'a str],
) -> Result<(Option<ApiVersion>, &'s [&'a str]), Refusal> {
    let first = segments.split_first();
    let Some((text, rest)) = first.and_then(|(first, rest)| Some((first.strip_prefix('v')?, rest)))
    else {
        return Ok((None, segments));
    };
    let is_version = match engine {
        // `v[0-9.]+`
        EngineKind::Docker => {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        }
        // `v[0-9][0-9A-Za-z.-]*`
        EngineKind::Podman => text.starts_with(|first: char| first.is_ascii_digit()),
    };
    if !is_version {
        return Ok((None, segments));
    }
    Ok((Some(ApiVersion::parse(engine, text)?), rest))
}

/// Handles a slash at the end. Docker Engine serves two such paths: `/networks/`, an alias, and
/// `/debug/pprof/`, which has no other spelling. Elsewhere the last segment would be an empty name.
fn final_slash<'s, 'a>(
    engine: EngineKind,
    segments: &'s [&'a str],
) -> Result<&'s [&'a str], Refusal> {
    match (engine, segments) {
        (_, [front @ .., ""]) if front.is_empty() => Ok(front),
        (EngineKind::Docker, [front @ .., ""]) if front == ["networks"] => Ok(front),
        (EngineKind::Docker, ["debug", "pprof", ""]) => Ok(segments),
        (_, [.., ""]) => Err(Refusal::EmptySegment),
        _ => Ok(segments),
    }
}

/// The target in canonical spelling, and the range of the path in it.
fn render(version: Option<ApiVersion>, segments: &[&str], query: &str) -> (String, Range<usize>) {
    // Escaped paths are longer, but usually only a little.
    let mut target = String::with_capacity(length(segments) + query.len() + 48);
    if let Some(version) = version {
        let _ = write!(target, "/v{version}");
    }
    let start = target.len();
    if segments.is_empty() {
        target.push('/');
    }
    for segment in segments {
        target.push('/');
        encode(segment.as_bytes(), is_plain, &mut target);
    }
    let path = start..target.len();
    if !query.is_empty() {
        target.push('?');
        target.push_str(query);
    }
    (target, path)
}

fn joined(segments: &[&str]) -> String {
    segments.iter().fold(String::new(), |path, segment| path + "/" + segment)
}

/// The length in bytes of these segments with a slash before each.
fn length(segments: &[&str]) -> usize {
    segments.iter().map(|segment| 1 + segment.len()).sum()
}

/// The positions of parameters in the path that these segments form.
fn in_bytes(segments: &[&str], mut parameters: Parameters) -> Parameters {
    let length = |range| length(segments.get(range).unwrap_or_default());
    for range in &mut parameters {
        *range = length(0..range.start) + 1..length(0..range.end);
    }
    parameters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{QueryError, UnknownMethod};

    fn target(text: &str) -> Result<String, Refusal> {
        canonical(EngineKind::Docker, text).map(|request| request.target().to_owned())
    }

    fn canonical(engine: EngineKind, text: &str) -> Result<CanonicalRequest, Refusal> {
        CanonicalRequest::parse(engine, "GET", text)
    }

    #[test]
    fn all_legal_spellings_have_the_same_canonical_form() {
        for (sent, canonical) in [
            ("/_ping", "/_ping"),
            ("/v1.41/%63ontainers/json?all=1", "/v1.41/containers/json?all=1"),
            ("/%76%31.41/info", "/v1.41/info"),
            ("/v1.41%2Fcontainers%2Fjson", "/v1.41/containers/json"),
            ("/images/a%40sha256:0/json", "/images/a@sha256:0/json"),
            ("/images/reg%2Fapp%3A1/json", "/images/reg/app:1/json"),
            ("/networks/", "/networks"),
            ("/v1.41/networks/", "/v1.41/networks"),
            ("/debug/pprof/", "/debug/pprof/"),
            ("/networks/a%20b", "/networks/a%20b"),
            ("/networks/%3F%23", "/networks/%3F%23"),
            ("/version/x", "/version/x"),
            ("/info?", "/info"),
            ("http://proxy.example:2375/v1.41/info", "/v1.41/info"),
            ("/", "/"),
            ("/v1.41", "/v1.41/"),
        ] {
            assert_eq!(target(sent), Ok(canonical.to_owned()), "{sent}");
        }
    }

    #[test]
    fn ambiguous_targets_are_refused() {
        for (sent, refusal) in [
            ("//containers/json", Refusal::EmptySegment),
            ("/containers//json", Refusal::EmptySegment),
            ("/containers%2F%2Fjson", Refusal::EmptySegment),
            ("/containers/json/", Refusal::EmptySegment),
            ("/volumes/", Refusal::EmptySegment),
            ("/containers/../json", Refusal::DotSegment),
            ("/containers/%2e%2E/json", Refusal::DotSegment),
            ("/containers/.", Refusal::DotSegment),
            ("/containers/%252e/json", Refusal::PercentLeft),
            ("/containers/%5cx/json", Refusal::Backslash),
            ("/containers/a%0Ab/json", Refusal::Control),
            ("/containers/a%00/json", Refusal::Control),
            ("/containers/%zz", Refusal::BadEscape),
            ("/containers/%ff", Refusal::NotUtf8),
            ("/info#x", Refusal::Fragment),
            ("*", Refusal::NotOriginForm),
            ("https://host/info", Refusal::NotOriginForm),
            ("http://u:p@host/info", Refusal::NotOriginForm),
            ("http://host//info", Refusal::EmptySegment),
            ("", Refusal::NotOriginForm),
            ("/v1.23/containers/x/start", Refusal::OldVersion(ApiVersion::new(1, 23))),
            ("/info?a;b", Refusal::Query(QueryError::Semicolon)),
        ] {
            assert_eq!(target(sent), Err(refusal), "{sent}");
        }
        for sent in ["/v1.41.0/info", "/v01.041/info", "/v1.41./info", "/v1/info", "/v9.99999/info"]
        {
            assert!(matches!(target(sent), Err(Refusal::Version(_))), "{sent}");
        }
        for method in ["get", "CONNECT", "TRACE", "PATCH", "PRI", ""] {
            let refused = CanonicalRequest::parse(EngineKind::Docker, method, "/info");
            assert_eq!(refused, Err(Refusal::Method(UnknownMethod)), "{method}");
        }
    }

    #[test]
    fn parameters_are_decoded_values() {
        let request = canonical(EngineKind::Docker, "/v1.41/images/reg%2Fa%40b/json").unwrap();
        let located = request.locate().unwrap();
        assert_eq!(located.operation.name, "ImageInspect");
        assert_eq!(located.values, ["reg/a@b"]);
    }

    #[test]
    fn podman_has_its_own_form_of_versions() {
        let target = |text: &str| {
            canonical(EngineKind::Podman, text).map(|request| request.target().to_owned())
        };
        for (sent, form) in [
            ("/v4.3.1/libpod/info", "/v4.3.1/libpod/info"),
            ("/v5.8.0-dev/containers/json", "/v5.8.0-dev/containers/json"),
            ("/v1.0.0/libpod/info", "/v1.0.0/libpod/info"),
            ("/v1.41/info", "/v1.41/info"),
            ("/version", "/version"),
            ("/v4%2E3.1/libpod/images/a%2Fb/json", "/v4.3.1/libpod/images/a/b/json"),
        ] {
            assert_eq!(target(sent), Ok(form.to_owned()), "{sent}");
        }
        for sent in ["/v4/libpod/info", "/v4.3.1_/info", "/v5x/info", "/v04.3.1/libpod/info"] {
            assert!(matches!(target(sent), Err(Refusal::Version(_))), "{sent}");
        }
        let old = Refusal::OldVersion(ApiVersion::full(1, 0, 0));
        assert_eq!(target("/v1.0.0/containers/json"), Err(old));
        assert_eq!(target("/networks/"), Err(Refusal::EmptySegment));
    }

    proptest! {
        #[test]
        fn canonicalization_is_idempotent(
            text in "(/|/v[1-5](\\.[0-9]{1,2}){1,2}(-dev)?|%2[0-9a-fA-F]|[a-z%./?&=+;é]){0,12}",
        ) {
            for engine in EngineKind::ALL {
                if let Ok(request) = canonical(engine, &text) {
                    prop_assert_eq!(canonical(engine, request.target()), Ok(request));
                }
            }
        }

        #[test]
        fn the_rendered_target_is_plain_and_has_no_unclean_segment(
            text in "(/|//|%2[fFeE5]|%5c|%0[0aA]|%[cC]3%[aA]9|[.?#&;=é]|v1\\.41|networks|libpod){0,12}",
        ) {
            for engine in EngineKind::ALL {
                if let Ok(request) = canonical(engine, &format!("/{text}")) {
                    let target = request.target();
                    prop_assert!(target.starts_with('/'), "{}", target);
                    prop_assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{}", target);
                    let path = target.split('?').next().unwrap();
                    let strange = |segment: &str| matches!(segment, "." | "..");
                    prop_assert!(!path.contains("//") && !path.split('/').any(strange), "{}", target);
                }
            }
        }

        #[test]
        fn no_target_panics(method in ".{0,8}", text in ".{0,64}") {
            for engine in EngineKind::ALL {
                let _ = CanonicalRequest::parse(engine, &method, &text);
            }
        }
    }

    #[test]
    fn a_request_for_the_other_engine_is_recognized() {
        let of = |engine: EngineKind, method, target| engine.elsewhere(method, target);
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        assert_eq!(of(docker, "GET", "/v4.6.1/libpod/containers/json"), Some(podman));
        assert_eq!(of(docker, "GET", "/v1.41/containers/json"), None);
        assert_eq!(of(docker, "GET", "/nothing"), None);
        assert_eq!(of(docker, "GET", "/libpod/containers//json"), None);
        assert_eq!(of(podman, "GET", "/v1.41/configs"), Some(docker));
        assert_eq!(of(podman, "GET", "/v4.6.1/libpod/containers/json"), None);
    }
}
