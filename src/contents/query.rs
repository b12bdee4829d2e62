//! The query of a request, read as strictly as a body.

use super::node::{Kind, Node};
use super::reading::Reading;
use super::{Json, Unreadable};
use crate::api::Query;

/// The words that an engine reads as false, in any case (moby `api/server/httputils/form.go`).
const FALSE: [&str; 5] = ["", "0", "no", "false", "none"];

/// Whether an engine reads the value of a parameter as true.
#[must_use]
pub fn is_true(text: &str) -> bool {
    !FALSE.contains(&text.trim().to_ascii_lowercase().as_str())
}

/// The parameters that an operation has.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    pub(super) node: Node,
    /// Whether the engine ignores the case of their names, as podman does (gorilla/schema `info.get`).
    /// Docker Engine takes a name in another case for one that it does not know.
    pub(super) ignores_case: bool,
    /// Parameters that no engine looks for: the fields of the body, which clients such as dockerode repeat
    /// in the query, and those that only a client knows.
    pub(super) repeated: Vec<&'static str>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { node: Node::object(), ignores_case: false, repeated: Vec::new() }
    }
}

impl Parameters {
    /// Reads a query. Engines ignore parameters that they do not know, but one that dsp does not know
    /// may be known to a newer engine. A parameter in two spellings is there twice: which of them counts is
    /// then up to chance.
    pub(super) fn read(
        &self,
        query: Query<'_>,
        reading: &mut Reading<'_>,
    ) -> Result<(), Unreadable> {
        let Kind::Object(known) = &self.node.kind else { return Ok(()) };
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut spellings: Vec<(&str, String)> = Vec::new();
        for (key, value) in query.pairs() {
            let is_it =
                |name: &str| name == key || (self.ignores_case && name.eq_ignore_ascii_case(&key));
            let Some((name, node)) = known.iter().find(|(name, _)| is_it(name)) else {
                if value.is_empty() || self.repeated.contains(&key.as_ref()) {
                    continue;
                }
                return Err(Unreadable::Parameter(key.into_owned()));
            };
            match spellings.iter().find(|(other, _)| other == name) {
                Some((_, spelling)) if *spelling != key => {
                    return Err(Unreadable::Repeated(key.into_owned()));
                }
                Some(_) => {}
                None => spellings.push((name, key.clone().into_owned())),
            }
            let is_decided = node.reading.is_some() || self.node.reading.is_some();
            let text = match std::str::from_utf8(&value) {
                Ok(text) => text,
                Err(_) if !is_decided => "",
                Err(_) => {
                    let expected = "text in UTF-8";
                    return Err(Unreadable::Value { field: key.into_owned(), expected });
                }
            };
            let seen = entries.iter_mut().find(|(other, _)| other == name);
            match (&node.kind, seen) {
                (Kind::List(_), Some((_, Json::List(items)))) => {
                    items.push(Json::Text(text.into()))
                }
                (_, Some(_)) => return Err(Unreadable::Repeated(key.into_owned())),
                (Kind::List(_), None) => {
                    entries.push(((*name).to_owned(), Json::List(vec![Json::Text(text.into())])));
                }
                (Kind::Flag, None) => {
                    entries.push(((*name).to_owned(), Json::Flag(is_true(text))));
                }
                (Kind::Integer, None) => {}
                (Kind::Json, None) if text.is_empty() => {}
                (Kind::Json, None) => match Json::read(text.as_bytes()) {
                    Ok(value) => entries.push(((*name).to_owned(), value)),
                    Err(_) if !is_decided => {}
                    Err(_) => {
                        let expected = "strict JSON";
                        return Err(Unreadable::Value { field: key.into_owned(), expected });
                    }
                },
                (_, None) => entries.push(((*name).to_owned(), Json::Text(text.into()))),
            }
        }
        let absent = known.iter().filter(|(name, node)| {
            let reads = node.reading.as_ref();
            reads.is_some_and(|reads| reads.reader.reads_absent())
                && entries.iter().all(|(other, _)| other != name)
        });
        let absent: Vec<_> = absent.map(|(name, _)| (*name).to_owned()).collect();
        entries.extend(absent.into_iter().map(|name| (name, Json::Object(Vec::new()))));
        self.node.read(Json::Object(entries), "", reading).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{CanonicalRequest, EngineKind};
    use crate::contents::{Context, Schema};

    /// What a request without a body gives away.
    fn read(engine: EngineKind, method: &str, target: &str) -> Result<String, Unreadable> {
        let request = CanonicalRequest::parse(engine, method, target).unwrap();
        let located = request.locate().unwrap();
        let context = Context { names: &located.values, ..Context::default() };
        let contents = Schema::of(located.operation).unwrap().read(request.query(), None, &context);
        contents.map(|contents| format!("{:?}", contents.facts))
    }

    #[test]
    fn podman_ignores_the_case_of_names_and_docker_does_not() {
        let pull = |query: &str| {
            read(
                EngineKind::Podman,
                "POST",
                &format!("/v4.0.0/libpod/images/pull?reference=busybox{query}"),
            )
        };
        let plain = pull("").unwrap();
        for query in ["&allTags=false", "&alltags=false", "&ALLTAGS=false&Policy=missing"] {
            assert_eq!(pull(query).as_ref(), Ok(&plain), "{query}");
        }
        assert_eq!(pull("&REFERENCE=theirs"), Err(Unreadable::Repeated("REFERENCE".into())));
        assert_eq!(pull("&new=1"), Err(Unreadable::Parameter("new".into())));
        let tag = read(EngineKind::Docker, "POST", "/images/x/tag?Repo=theirs");
        assert_eq!(tag, Err(Unreadable::Parameter("Repo".into())));
    }

    /// dockerode sends its options in both places (`docker-modem` `lib/modem.js`, for paths that end in `?`).
    #[test]
    fn what_is_in_the_body_may_be_repeated_in_the_query_and_the_other_way_round() {
        let create = |engine, query: &str, body: &str| {
            let target = format!("/v1.41/containers/create?{query}");
            let request = CanonicalRequest::parse(engine, "POST", &target).unwrap();
            let located = request.locate().unwrap();
            let context = Context { names: &located.values, ..Context::default() };
            let schema = Schema::of(located.operation).unwrap();
            let contents = schema.read(request.query(), Some(body.as_bytes()), &context)?;
            let facts = contents.facts.iter().map(|fact| format!("{} {}", fact.facet, fact.value));
            let sent = String::from_utf8(contents.body.unwrap()).unwrap();
            Ok(format!("{} | {sent}", facts.collect::<Vec<_>>().join(", ")))
        };
        let docker = |query: &str, body: &str| create(EngineKind::Docker, query, body);
        let body = r#"{"Image":"x:1","name":"n","platform":"linux/amd64"}"#;
        assert_eq!(
            docker("Image=y%3A2&HostConfig=%7B%7D&name=n&platform=linux%2Famd64", body),
            Ok(r#"image x:1, name n | {"Image":"x:1"}"#.to_owned()),
        );
        // Only what is spelled exactly so, and only at the top.
        let odd = |error: Unreadable| Err(error);
        assert_eq!(docker("image=y", body), odd(Unreadable::Parameter("image".into())));
        assert_eq!(docker("Binds=/%3A/h", body), odd(Unreadable::Parameter("Binds".into())));
        assert_eq!(docker("", r#"{"Name":"n"}"#), odd(Unreadable::Unknown("Name".into())));
        let inside = r#"{"HostConfig":{"name":"n"}}"#;
        assert!(matches!(docker("", inside), Err(Unreadable::Unknown(_))));
        // podman takes parameters in any case, so a newer one may know it.
        let podman = create(EngineKind::Podman, "Image=y", body);
        assert_eq!(podman, odd(Unreadable::Parameter("Image".into())));
    }

    /// The attributes of a result for a registry may be credentials.
    #[test]
    fn where_a_result_goes_is_named_without_credentials() {
        let build = |outputs: &str| {
            read(EngineKind::Podman, "POST", &format!("/v4.0.0/libpod/build?t=x&outputs={outputs}"))
        };
        assert!(build("type=local,dest=/srv").unwrap().contains("output=type=local,dest=/srv"));
        assert!(build("/srv").unwrap().contains("output=/srv"));
        for secret in ["type=registry,password=pw", "password=pw,type=local", "type=local,pw"] {
            let error = build(secret).unwrap_err();
            assert!(error.is_unknown() && !error.to_string().contains("pw"), "{error}");
        }
    }
}
