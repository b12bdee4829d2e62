//! What is known about the contents of each operation: data files, compiled in.

use std::mem::discriminant;
use std::sync::LazyLock;

use super::mark::Marks;
use super::node::{Kind, Node};
use super::query::Parameters;
use super::reader::{Reader, Reads};
use super::reading::{Reading, Subject};
use super::{Contents, Context, Facet, Fact, Facts, Json, Unreadable, fact, filters};
use crate::api::{EngineKind, Operation, Query};

const DOCKER: &str = include_str!("docker.tsv");
const PODMAN: &str = include_str!("podman.tsv");

/// The reader of operations that show objects, as opposed to those that delete them.
const LIST: &str = "list";

static OF_DOCKER: LazyLock<Vec<Option<Schema>>> =
    LazyLock::new(|| schemas(EngineKind::Docker, DOCKER));
static OF_PODMAN: LazyLock<Vec<Option<Schema>>> =
    LazyLock::new(|| schemas(EngineKind::Podman, PODMAN));

/// What is known about the contents of the requests for one operation.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The body, if it is JSON that decides something.
    body: Option<Node>,
    parameters: Parameters,
    fields: Vec<Field>,
    /// Where the label of the owner goes.
    marks: Marks,
    /// The label of owners by which the engine can filter.
    owner_filter: Option<&'static str>,
    /// Whether only a rule that says something about contents makes dsp read a request.
    is_optional: bool,
}

/// A field of a body, or a parameter of a query, as documentation shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    /// Where it is.
    pub place: Place,
    /// Its path, as in `HostConfig.Binds[]`.
    pub path: &'static str,
    /// The type of its value, in the word of the data file.
    pub kind: &'static str,
    /// What it gives away; `None` if it needs no constraint.
    pub facet: Option<Facet>,
    /// The values that give nothing away, besides values that say nothing.
    pub harmless: Vec<&'static str>,
    /// Whether its value may be a secret, which is never recorded.
    pub is_secret: bool,
    /// The API versions that have it, as `1.44-`; empty for all.
    pub versions: &'static str,
    /// What it gives away, or why it needs no constraint.
    pub why: &'static str,
}

/// The part of a request that has a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// The body.
    Body,
    /// The query.
    Query,
}

/// A row of the data file.
struct Row {
    facet: &'static str,
    reader: &'static str,
    field: Field,
}

impl Schema {
    /// What is known about the contents of an operation; `None` if nothing in a request for it is
    /// decided on. Lists and events are not among them: they give away the same whatever they contain, unless a
    /// rule says which objects they may show ([`Schema::in_rules`]).
    #[must_use]
    pub fn of(operation: &Operation) -> Option<&'static Self> {
        Self::in_rules(operation).filter(|schema| !schema.is_optional)
    }

    /// What a rule can say about the contents of an operation; `None` if nothing.
    #[must_use]
    pub fn in_rules(operation: &Operation) -> Option<&'static Self> {
        let of_engine: &'static Vec<Option<Self>> = match operation.engine {
            EngineKind::Docker => &OF_DOCKER,
            EngineKind::Podman => &OF_PODMAN,
        };
        of_engine.get(operation.index)?.as_ref()
    }

    /// Whether a decision depends on the body.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// The label of owners by which the engine can filter; `None` if it cannot.
    #[must_use]
    pub fn owner_filter(&self) -> Option<&'static str> {
        self.owner_filter
    }

    /// The query of a request that was read, so that it is about the objects of an owner only. `None` if the
    /// engine cannot filter by owner.
    ///
    /// # Errors
    /// If it asks for another owner.
    pub fn with_owner(&self, query: Query<'_>, owner: &str) -> Result<Option<String>, Unreadable> {
        self.owner_filter.map(|label| filters::with_owner(query, label, owner)).transpose()
    }

    /// What a request gives away whose contents were not recorded, because they make no difference unless a rule
    /// says so; `None` if that is not known.
    #[must_use]
    pub fn unrecorded(&self) -> Option<Facts> {
        let everything = || Fact::new(Facet::Filters, fact::EVERYTHING);
        self.is_optional.then(|| Facts::from_iter([everything()]))
    }

    /// Its fields, in the order of the data file.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The facets that a rule for the operation can name, in order.
    #[must_use]
    pub fn facets(&self) -> Vec<Facet> {
        let named = Facet::ALL.into_iter();
        let has = |facet: &Facet| self.fields.iter().any(|field| field.facet == Some(*facet));
        named.filter(has).collect()
    }

    /// Reads a request. `body` is `None` if the request has none, or if the operation's body is not
    /// decided on.
    ///
    /// # Errors
    /// If the contents could be read in two ways, or have a part that dsp does not know.
    pub fn read(
        &self,
        query: Query<'_>,
        body: Option<&[u8]>,
        context: &Context<'_>,
    ) -> Result<Contents, Unreadable> {
        let mut facts = Facts::default();
        self.parameters.read(query, &mut Reading::new(context, &mut facts, true))?;
        let body = match (&self.body, body) {
            (Some(node), Some(body)) if !body.is_empty() => {
                let body = self.own(Json::read(body)?);
                let reading = &mut Reading::new(context, &mut facts, false);
                Some(read_body(node, body, self.marks, reading)?)
            }
            _ => None,
        };
        let query = context.owner.and_then(|owner| self.marks.mark_query(query, owner));
        Ok(Contents { facts, body, query })
    }

    /// A body without the fields that are parameters of the query. Clients such as dockerode repeat these
    /// here; what the engine gets has them in the query only.
    fn own(&self, mut body: Json) -> Json {
        if let Json::Object(entries) = &mut body {
            let is_of_body = |key: &str| self.body.as_ref().is_some_and(|node| node.has(key));
            let is_of_query = |key: &str| self.parameters.node.has(key) && !is_of_body(key);
            entries.retain(|(key, _)| !is_of_query(key));
        }
        body
    }

    fn add(&mut self, row: Row) -> Option<()> {
        let reading = match row.facet {
            "free" | "within" => None,
            facet => {
                let harmless = row.field.harmless.clone();
                let subject = Subject { facet: facet.parse().ok()?, harmless };
                let reader = Reader::parse(row.reader)?;
                if let Reader::Filters(label) = reader {
                    self.owner_filter = label;
                    self.is_optional = row.reader.starts_with(LIST);
                }
                Some(Reads { subject, reader })
            }
        };
        match row.field.place {
            Place::Query => self.parameters.node.add(row.field.path, row.field.kind, reading)?,
            Place::Body => {
                let body = self.body.get_or_insert_with(Node::object);
                body.add(row.field.path, row.field.kind, reading)?;
            }
        }
        // A row of another engine may replace one that was taken over.
        let is_same =
            |field: &Field| field.place == row.field.place && field.path == row.field.path;
        match self.fields.iter_mut().find(|field| is_same(field)) {
            Some(field) => *field = row.field,
            None => self.fields.push(row.field),
        }
        Some(())
    }
}

/// Parameters that no engine reads, and that docker-py sends (docker-py `docker/api/container.py`,
/// `image.py`).
const UNREAD: [(&str, &str); 2] = [("ContainerList", "trunc_cmd"), ("ImageList", "only_ids")];

/// The schemas of an engine's operations, by their index in the catalogue. A row that does not parse is
/// skipped, but a test checks that there is none.
fn schemas(engine: EngineKind, data: &'static str) -> Vec<Option<Schema>> {
    let operations = engine.catalogue().operations().iter();
    let schema = |name| {
        let mut schema = Schema::parse(data, name)?;
        schema.parameters.ignores_case = engine == EngineKind::Podman;
        schema.marks = Marks::of(name);
        if !schema.parameters.ignores_case {
            schema.parameters.repeated = schema.body.iter().flat_map(Node::names).collect();
        }
        let unread = UNREAD.iter().filter(|(operation, _)| *operation == name);
        schema.parameters.repeated.extend(unread.map(|(_, parameter)| parameter));
        Some(schema)
    };
    operations.map(|operation| schema(operation.name)).collect()
}

impl Schema {
    /// The schema of an operation, from its rows in a data file; `None` if it has none.
    pub(super) fn parse(data: &'static str, operation: &str) -> Option<Self> {
        let mut schema = None;
        for line in data.lines() {
            let columns: Vec<&'static str> = line.split('\t').collect();
            if columns.first() != Some(&operation) {
                continue;
            }
            if let [_, "like", other, ..] = columns.as_slice() {
                schema = Self::like(other);
                continue;
            }
            let row = Row::parse(&columns);
            row.and_then(|row| schema.get_or_insert_with(Self::default).add(row));
        }
        schema
    }

    /// The schema of another operation, as in `docker ContainerCreate`.
    fn like(other: &str) -> Option<Self> {
        let (engine, name) = other.split_once(' ')?;
        let data = match engine.parse().ok()? {
            EngineKind::Docker => DOCKER,
            EngineKind::Podman => PODMAN,
        };
        Self::parse(data, name)
    }
}

impl Row {
    fn parse(columns: &[&'static str]) -> Option<Self> {
        let [_, place, path, kind, facet, reader, harmless, secret, versions, why] =
            <[&'static str; 10]>::try_from(columns).ok()?;
        let place = match place {
            "body" => Place::Body,
            "query" => Place::Query,
            _ => return None,
        };
        let field = Field {
            place,
            path,
            kind,
            facet: facet.parse().ok(),
            harmless: harmless.split(',').filter(|word| !word.is_empty()).collect(),
            is_secret: secret == "y",
            versions,
            why,
        };
        Some(Self { facet, reader, field })
    }
}

fn read_body(
    node: &Node,
    body: Json,
    marks: Marks,
    reading: &mut Reading<'_>,
) -> Result<Vec<u8>, Unreadable> {
    // Go's decoder leaves everything as it is where a body is null, as some clients send it.
    let body = if matches!(body, Json::Null) { Json::Object(Vec::new()) } else { body };
    match node.read(body, "", reading)? {
        mut body @ Json::Object(_) => {
            if let Some(owner) = reading.context.owner {
                marks.mark_body(&mut body, owner);
            }
            let mut out = Vec::new();
            body.write(&mut out);
            Ok(out)
        }
        _ => Err(Unreadable::Type { field: String::new(), expected: "an object" }),
    }
}

impl Node {
    /// An object without fields.
    pub(super) fn object() -> Self {
        Self { kind: Kind::Object(Vec::new()), reading: None }
    }

    /// The names of its fields.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let fields = match &self.kind {
            Kind::Object(fields) => fields.as_slice(),
            _ => &[],
        };
        fields.iter().map(|(name, _)| *name)
    }

    /// Whether it has a field with exactly this name.
    fn has(&self, key: &str) -> bool {
        self.names().any(|name| name == key)
    }

    /// Adds a row at a path below this node.
    fn add(&mut self, path: &'static str, kind: &str, reading: Option<Reads>) -> Option<()> {
        let mut node = self;
        let mut rest = path.trim_start_matches('.');
        let reads_whole = reading.as_ref().is_some_and(|reads| reads.reader.reads_whole());
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[]").or_else(|| rest.strip_prefix("{}")) {
                let is_map = rest.starts_with('{');
                if after.is_empty() && (reads_whole || (is_map && reading.is_some())) {
                    node.reading = reading.clone();
                    return node.inside(is_map)?.set_kind(kind);
                }
                node = node.inside(is_map)?;
                rest = after.trim_start_matches('.');
                continue;
            }
            let end = rest.find(['.', '[', '{']).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end)?;
            node = node.named(name)?;
            rest = after.trim_start_matches('.');
        }
        if reading.is_some() {
            node.reading = reading;
        }
        node.set_kind(kind)
    }

    /// The items of this list, or the values of this map.
    fn inside(&mut self, is_map: bool) -> Option<&mut Self> {
        if matches!(self.kind, Kind::Nothing) {
            let inner = Box::default();
            self.kind = if is_map { Kind::Map(inner) } else { Kind::List(inner) };
        }
        match &mut self.kind {
            Kind::List(node) | Kind::Map(node) => Some(node),
            _ => None,
        }
    }

    /// The field with this name.
    fn named(&mut self, name: &'static str) -> Option<&mut Self> {
        if matches!(self.kind, Kind::Nothing) {
            self.kind = Kind::Object(Vec::new());
        }
        let Kind::Object(fields) = &mut self.kind else { return None };
        let place = match fields.iter().position(|(other, _)| *other == name) {
            Some(place) => place,
            None => {
                fields.push((name, Self::default()));
                fields.len() - 1
            }
        };
        fields.get_mut(place).map(|(_, node)| node)
    }

    /// Sets the type in the word of the data file, unless rows below have set it.
    fn set_kind(&mut self, kind: &str) -> Option<()> {
        let own = match kind {
            "text" => Kind::Text,
            "flag" => Kind::Flag,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "json" => Kind::Json,
            "words" => Kind::Words,
            "object" => Kind::Object(Vec::new()),
            _ => return None,
        };
        match &self.kind {
            Kind::Nothing => self.kind = own,
            // A row of another engine has the same type, and rows below may have come before.
            known if kind == "object" || discriminant(known) == discriminant(&own) => {}
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that does not parse would be skipped, and its field refused.
    #[test]
    fn every_row_of_the_data_is_read() {
        for (engine, data) in [(EngineKind::Docker, DOCKER), (EngineKind::Podman, PODMAN)] {
            for row in data.lines().skip(1) {
                let columns: Vec<&'static str> = row.split('\t').collect();
                let operation = engine.catalogue().named(columns[0]);
                assert!(operation.is_some(), "{row}");
                if columns.get(1) == Some(&"like") {
                    assert!(Schema::like(columns[2]).is_some(), "{row}");
                    continue;
                }
                let parsed = Row::parse(&columns).and_then(|row| Schema::default().add(row));
                assert!(parsed.is_some(), "{row}");
            }
            for operation in engine.catalogue().operations() {
                let rows =
                    data.lines().filter(|row| row.split('\t').next() == Some(operation.name));
                let rows = rows.filter(|row| !row.contains("\tlike\t")).count();
                let fields = Schema::in_rules(operation).map_or(0, |schema| schema.fields().len());
                assert!(fields >= rows, "{operation}: {fields} fields of {rows} rows");
            }
        }
    }

    /// The network in the body of a connection decides even where a rule says nothing about contents.
    #[test]
    fn the_body_of_a_connection_is_read() {
        let operation = EngineKind::Docker.catalogue().named("NetworkConnect").unwrap();
        assert!(Schema::of(operation).unwrap().has_body());
    }
}
