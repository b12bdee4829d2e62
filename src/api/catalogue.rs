//! The catalogue of operations: a data file, compiled in, and the lookup by position.
//!
//! An identifier is never recognised by its looks. A container may be called `json`, `create` or
//! `deadbeefcafe`; the route grammar alone says which segment is a parameter, literals first.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::operation::Traits;
use super::template::{Part, Template};
use super::{Method, Operation};

static DOCKER: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::parse(include_str!("docker.tsv")));

/// How many operations [`Catalogue::nearest`] offers at most.
const NEAREST: usize = 3;

/// The operations of an engine and an index over them.
#[derive(Debug)]
pub struct Catalogue {
    operations: Vec<Operation>,
    /// Operations by method and first literal, most literal template first. Templates that start
    /// with a parameter stand under the empty word.
    index: HashMap<(Method, &'static str), Vec<usize>>,
}

/// An operation and which of the request's segments are its parameters, in template order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The operation.
    pub operation: &'static Operation,
    /// The segments that each parameter takes.
    pub parameters: Vec<Range<usize>>,
}

impl Catalogue {
    /// The operations of the Docker Engine API.
    #[must_use]
    pub fn docker() -> &'static Self {
        &DOCKER
    }

    /// Every operation, in the order of the data file.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation of this name.
    #[must_use]
    pub fn named(&'static self, name: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// The operation that the engine would run for these segments, if it has one.
    #[must_use]
    pub fn locate<S: AsRef<str>>(&'static self, method: Method, segments: &[S]) -> Option<Found> {
        let first = segments.first()?.as_ref();
        [first, ""].into_iter().find_map(|word| {
            self.index.get(&(method, word))?.iter().find_map(|at| {
                let operation = self.operations.get(*at)?;
                let parameters = operation.template.captures(segments)?;
                Some(Found { operation, parameters })
            })
        })
    }

    /// The operations whose rules are spelled most like `rule`, for the hint of an error.
    #[must_use]
    pub fn nearest(&self, rule: &str) -> Vec<&Operation> {
        let mut scored: Vec<(f64, &Operation)> = self
            .operations
            .iter()
            .map(|operation| (strsim::jaro_winkler(rule, &operation.to_string()), operation))
            .filter(|(score, _)| *score > 0.8)
            .collect();
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        scored.into_iter().take(NEAREST).map(|(_, operation)| operation).collect()
    }

    /// Parses the data file. A row that does not parse is left out, and a test holds that there is
    /// none: the file is part of the binary, so no user can meet such a row.
    fn parse(data: &'static str) -> Self {
        let mut operations = Vec::new();
        for row in data.lines().skip(1) {
            operations.extend(parse_row(operations.len(), row));
        }
        let mut index: HashMap<_, Vec<usize>> = HashMap::new();
        for operation in &operations {
            let word = match operation.template.parts().first() {
                Some(Part::Literal(word)) => word,
                _ => "",
            };
            index.entry((operation.method, word)).or_default().push(operation.index);
        }
        let template = |at: &usize| operations.get(*at).map(|operation| &operation.template);
        for places in index.values_mut() {
            places.sort_by(|a, b| template(a).cmp(&template(b)));
        }
        Self { operations, index }
    }
}

fn parse_row(index: usize, row: &'static str) -> Option<Operation> {
    let columns: Vec<&'static str> = row.split('\t').collect();
    let [
        method,
        template,
        name,
        section,
        since,
        until,
        flags,
        query,
        secret,
        risk,
        permits,
        reason,
    ] = <[&'static str; 12]>::try_from(columns).ok()?;
    let list = |text: &'static str| -> Vec<&'static str> {
        text.split(',').filter(|word| !word.is_empty()).collect()
    };
    let mut traits = Traits::default();
    for flag in list(flags) {
        match flag {
            "hijack" => traits.hijack = true,
            "stream" => traits.stream = true,
            "tar_in" => traits.tar_in = true,
            "tar_out" => traits.tar_out = true,
            _ => return None,
        }
    }
    Some(Operation {
        index,
        name,
        method: method.parse().ok()?,
        template: Template::parse(template)?,
        section,
        since: since.parse().ok()?,
        until: until.parse().ok()?,
        traits,
        query: list(query),
        secret_query: list(secret),
        risk: risk.parse().ok()?,
        permits,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A request path for an operation, its parameters filled with `name`.
    fn example(operation: &Operation, name: &str) -> Vec<String> {
        let path = operation.template.fill(|_| name.to_owned().into());
        path.split('/').skip(1).map(str::to_owned).collect()
    }

    fn located(method: Method, path: &str) -> Option<(&'static str, Vec<String>)> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let found = Catalogue::docker().locate(method, &segments)?;
        let values = found.parameters.into_iter().map(|range| segments[range].join("/")).collect();
        Some((found.operation.name, values))
    }

    #[test]
    fn every_row_parses_and_says_what_it_permits_and_why_it_is_risky() {
        let rows = include_str!("docker.tsv").lines().count() - 1;
        assert_eq!(Catalogue::docker().operations().len(), rows);
        let mut names = HashSet::new();
        for operation in Catalogue::docker().operations() {
            assert!(names.insert(operation.name), "{} stands twice", operation.name);
            assert!(!operation.permits.is_empty() && !operation.reason.is_empty(), "{operation}");
            for secret in &operation.secret_query {
                assert!(operation.query.contains(secret), "{operation}: {secret}");
            }
        }
    }

    #[test]
    fn the_index_finds_what_trying_every_template_finds() {
        let names =
            ["web", "json", "create", "prune", "deadbeefcafe", "get", "start", "privileges"];
        for operation in Catalogue::docker().operations() {
            for name in names {
                let segments = example(operation, name);
                let expected = Catalogue::docker()
                    .operations()
                    .iter()
                    .filter(|other| other.method == operation.method)
                    .filter(|other| other.template.captures(&segments).is_some())
                    .min_by_key(|other| &other.template);
                let found = Catalogue::docker().locate(operation.method, &segments);
                assert_eq!(found.map(|found| found.operation), expected, "{operation} {name}");
            }
        }
    }

    /// Two templates of one method that match the same path would leave the decision to their order.
    /// Only a literal against a parameter in its place is settled, literal first; and a name that
    /// spans segments is settled by the literal behind it.
    #[test]
    fn no_two_operations_take_the_same_path_unless_a_literal_decides() {
        let operations = Catalogue::docker().operations();
        for (place, one) in operations.iter().enumerate() {
            for other in operations.iter().skip(place + 1) {
                if one.method != other.method {
                    continue;
                }
                let (a, b) = (one.template.parts(), other.template.parts());
                let spans = |parts: &[Part]| parts.iter().any(|part| matches!(part, Part::Many(_)));
                let same_place = |(x, y): (&Part, &Part)| match (x, y) {
                    (Part::Literal(x), Part::Literal(y)) => x == y,
                    (Part::Literal(_), _) | (_, Part::Literal(_)) => false,
                    _ => true,
                };
                let collide = if spans(a) || spans(b) {
                    a.last() == b.last() && a.first() == b.first() && a.len() == b.len()
                } else {
                    a.len() == b.len() && a.iter().zip(b).all(same_place)
                };
                assert!(!collide, "{one} and {other}");
            }
        }
    }

    #[test]
    fn literals_come_first_and_only_for_their_own_method() {
        assert_eq!(located(Method::Get, "/containers/json"), Some(("ContainerList", vec![])));
        assert_eq!(
            located(Method::Delete, "/containers/json"),
            Some(("ContainerDelete", vec!["json".into()]))
        );
        assert_eq!(
            located(Method::Get, "/networks/prune"),
            Some(("NetworkInspect", vec!["prune".into()]))
        );
        assert_eq!(located(Method::Post, "/networks/prune"), Some(("NetworkPrune", vec![])));
    }

    #[test]
    fn the_last_literal_decides_behind_a_name_that_spans_segments() {
        assert_eq!(
            located(Method::Get, "/images/a/get/json"),
            Some(("ImageInspect", vec!["a/get".into()]))
        );
        assert_eq!(
            located(Method::Get, "/images/getmeili/meilisearch/json"),
            Some(("ImageInspect", vec!["getmeili/meilisearch".into()]))
        );
        assert_eq!(
            located(Method::Delete, "/images/reg:5000/a/b@sha256:00"),
            Some(("ImageDelete", vec!["reg:5000/a/b@sha256:00".into()]))
        );
        assert_eq!(located(Method::Get, "/images/json"), Some(("ImageList", vec![])));
    }

    #[test]
    fn what_is_no_operation_is_not_found() {
        for (method, path) in [
            (Method::Head, "/containers/json"),
            (Method::Get, "/containers/json/exec"),
            (Method::Get, "/volumes/"),
            (Method::Get, "/Containers/json"),
            (Method::Post, "/containers/x/exec/start"),
            (Method::Get, "/"),
        ] {
            assert_eq!(located(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn the_nearest_operations_are_offered() {
        let nearest = Catalogue::docker().nearest("GET /container/*/json");
        assert_eq!(nearest.first().map(|operation| operation.name), Some("ContainerInspect"));
    }
}
