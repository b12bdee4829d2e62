//! How a request is read before a profile is applied. All gates share this code, so that what one
//! refuses the others note.

use super::{Body, Request};
use crate::api::{CanonicalRequest, EngineKind, Located, Method, Refusal};

/// What a request asks for, and whether any profile can allow it.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The canonical form, if there is one.
    pub(super) request: Option<CanonicalRequest>,
    /// The operation, if the catalogue has it.
    pub(super) located: Option<Located>,
    /// Why it is refused whatever a profile says.
    pub(super) refusal: Option<Refusal>,
}

impl Reading {
    /// Reads a request to an engine of this kind.
    pub(super) fn of(engine: EngineKind, asked: &Request<'_>) -> Self {
        let head = &asked.head;
        match CanonicalRequest::parse(engine, head.method, head.target) {
            Err(refusal) => {
                let refusal = head.flaw.map_or(refusal, Refusal::from);
                Self { request: None, located: None, refusal: Some(refusal) }
            }
            Ok(request) => {
                let located = request.locate();
                let flaw = head.flaw.map(Refusal::from);
                let refusal = flaw.or_else(|| in_place_of_the_query(asked, request.method()));
                Self { request: Some(request), located, refusal }
            }
        }
    }
}

/// Finds a body that an engine would read instead of the query. Go reads a form only in the body of
/// POST, PUT and PATCH, a multipart form in the body of any method, and neither if there is no
/// body.
fn in_place_of_the_query(asked: &Request<'_>, method: Method) -> Option<Refusal> {
    let content_type = asked.head.content_type?;
    let names = |name: &str| {
        let mut places = content_type.windows(name.len());
        places.any(|place| place.eq_ignore_ascii_case(name.as_bytes()))
    };
    // podman routes a request with this type to its gRPC server, whatever the path.
    if names("application/grpc") {
        return Some(Refusal::Grpc);
    }
    if asked.body == Body::Absent {
        return None;
    }
    if names("multipart/") {
        return Some(Refusal::Multipart);
    }
    let reads_forms = matches!(method, Method::Post | Method::Put);
    (reads_forms && names("application/x-www-form-urlencoded")).then_some(Refusal::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(method: &str, content_type: &str, has_body: bool) -> Option<Refusal> {
        let mut asked = Request::new(method, "/containers/a/kill");
        asked.head.content_type = Some(content_type.as_bytes());
        asked.body = if has_body { Body::Unread } else { Body::Absent };
        let reading = Reading::of(EngineKind::Docker, &asked);
        assert!(reading.request.is_some(), "it is noted anyway");
        reading.refusal
    }

    #[test]
    fn bodies_that_engines_read_instead_of_the_query_are_refused() {
        for (content_type, expected) in [
            ("application/x-www-form-urlencoded", Refusal::Form),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", Refusal::Form),
            ("text/plain, multipart/form-data", Refusal::Multipart),
            ("multipart/mixed", Refusal::Multipart),
            ("application/grpc+proto", Refusal::Grpc),
        ] {
            for method in ["POST", "PUT"] {
                assert_eq!(refusal(method, content_type, true), Some(expected.clone()));
            }
        }
    }

    #[test]
    fn bodies_that_no_engine_reads_are_not_refused() {
        for content_type in ["application/x-www-form-urlencoded", "multipart/form-data"] {
            assert_eq!(refusal("POST", content_type, false), None);
        }
        for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
            assert_eq!(refusal(method, "application/x-www-form-urlencoded", true), None);
        }
        assert_eq!(refusal("DELETE", "multipart/form-data", true), Some(Refusal::Multipart));
        assert_eq!(refusal("GET", "application/grpc", false), Some(Refusal::Grpc));
    }
}
