//! The query of a request, read as strictly as a body.

use super::node::{Kind, Node};
use super::reader::Reading;
use super::{Json, Unreadable};
use crate::api::Query;

/// The words that an engine reads as false, in any case (moby `api/server/httputils/form.go`).
const FALSE: [&str; 5] = ["", "0", "no", "false", "none"];

/// The parameters that an operation has.
#[derive(Clone, Debug)]
pub(super) struct Parameters(pub(super) Node);

impl Default for Parameters {
    fn default() -> Self {
        Self(Node::object())
    }
}

impl Parameters {
    /// Reads a query. Engines ignore parameters that they do not know, but one that dsp does not know
    /// may be known to a newer engine, and podman ignores the case of names.
    pub(super) fn read(
        &self,
        query: Query<'_>,
        reading: &mut Reading<'_>,
    ) -> Result<(), Unreadable> {
        let Kind::Object(known) = &self.0.kind else { return Ok(()) };
        let mut entries: Vec<(String, Json)> = Vec::new();
        for (key, value) in query.pairs() {
            let Some((name, node)) = known.iter().find(|(name, _)| *name == key) else {
                if value.is_empty() {
                    continue;
                }
                return Err(Unreadable::Parameter(key.into_owned()));
            };
            let is_decided = node.reading.is_some() || self.0.reading.is_some();
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
                    let is_false = FALSE.contains(&text.trim().to_ascii_lowercase().as_str());
                    entries.push(((*name).to_owned(), Json::Flag(!is_false)));
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
        self.0.read(Json::Object(entries), "", reading).map(|_| ())
    }
}
