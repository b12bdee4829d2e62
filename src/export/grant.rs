//! A profile as grants: which paths each allowed operation lets through, and which it excludes.

use crate::api::{
    ApiVersion, CanonicalRequest, Catalogue, EngineKind, Located, Method, Operation, Part, Refusal,
    Template, decode_name,
};
use crate::profile::{Pattern, Profile, Rule, UnknownOperation};

/// A profile, ready to be written in another language.
pub(super) struct Policy {
    pub(super) name: String,
    /// The lowest API version that is allowed.
    pub(super) min_api: ApiVersion,
    /// An operation with a literal segment comes before those that could match it as a name, so
    /// formats in which the first match decides can write grants in this order.
    pub(super) grants: Vec<Grant>,
    /// Rules that are left out, because other proxies do not read what requests and answers contain.
    pub(super) left_out: Vec<String>,
}

/// The rules under `allow` that no other proxy can enforce, without their contents.
pub(super) fn left_out(profile: &Profile) -> Vec<String> {
    let rules = profile.allow.iter().map(|entry| &entry.value);
    let mut left_out: Vec<String> = rules
        .filter(|rule| !is_exported(rule))
        .map(|rule| rule.without_contents().to_string())
        .collect();
    left_out.sort();
    left_out.dedup();
    left_out
}

/// Whether another proxy can enforce a rule: the operation and the names decide, and the answer passes as
/// it is.
fn is_exported(rule: &Rule) -> bool {
    rule.is_plain() && rule.hidden().is_empty()
}

/// The allowed paths of one operation, or of one unknown request.
pub(super) struct Grant {
    /// The rules that it comes from, as the profile spells them.
    pub(super) rules: Vec<String>,
    pub(super) method: Method,
    /// What may come before the paths.
    pub(super) prefix: Prefix,
    /// Whether the connection may become a raw tunnel.
    pub(super) tunnel: bool,
    pub(super) allow: Vec<Shape>,
    /// Exceptions from `allow`: a `deny` rule matches them, or they belong to another operation.
    pub(super) except: Vec<Shape>,
}

/// Whether a path begins with an API version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Prefix {
    None,
    Optional,
    Required,
}

/// A set of paths, without the version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Shape {
    pub(super) pieces: Vec<Piece>,
    /// Whether the same path with a slash at the end is included.
    pub(super) final_slash: bool,
}

/// One or more segments of a shape.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Piece {
    /// Exactly this segment.
    Text(String),
    /// A name in one segment.
    One(Pattern),
    /// A name that may span segments.
    Many(Pattern),
    /// A segment that the engine would read as a version.
    Version,
}

impl Policy {
    pub(super) fn of(profile: &Profile) -> Self {
        let mut operations: Vec<&'static Operation> =
            profile.allow.iter().map(|entry| entry.value.operation()).collect();
        operations.sort_by_key(|operation| operation.listing_key());
        operations.dedup();
        let known = operations.into_iter().flat_map(|operation| Grant::of(profile, operation));
        let unknown = profile.unknown.iter().map(|entry| Grant::literal(&entry.value));
        Self {
            name: profile.name.to_string(),
            min_api: profile.min_api.unwrap_or(ApiVersion::FLOOR),
            grants: known.chain(unknown).collect(),
            left_out: left_out(profile),
        }
    }

    /// Grants by method, in the order in which profiles list methods.
    pub(super) fn methods(&self) -> impl Iterator<Item = (Method, Vec<&Grant>)> {
        Method::ALL.into_iter().filter_map(|method| {
            let of_method: Vec<&Grant> =
                self.grants.iter().filter(|grant| grant.method == method).collect();
            (!of_method.is_empty()).then_some((method, of_method))
        })
    }
}

impl Grant {
    /// What remains of an operation without denied paths and the paths of other operations.
    ///
    /// If a path begins with a name, the engine may read that name as a version. Such an operation
    /// (`OPTIONS /*`) therefore gets two grants, one with a version and one without.
    fn of(profile: &Profile, operation: &'static Operation) -> Vec<Self> {
        let about = |list: &[crate::profile::Entry<Rule>]| -> Vec<Rule> {
            let rules = list.iter().map(|entry| entry.value.clone());
            rules.filter(|rule| rule.operation() == operation).collect()
        };
        // What is denied with some contents is denied with any: the file allows less rather than more.
        let (mut allowed, denied) = (about(&profile.allow), about(&profile.deny));
        allowed.retain(is_exported);
        let all_denied =
            denied.iter().any(|rule| rule.patterns().iter().all(|one| *one == Pattern::Any));
        let mut allow: Vec<Shape> = allowed.iter().filter_map(Shape::of).collect();
        if all_denied || allow.is_empty() {
            return Vec::new();
        }
        let fixed = matches!(operation.template.parts().first(), Some(Part::Literal(_)));
        if !fixed {
            allow.extend(aliases(operation.method).filter_map(|(path, located)| {
                let matches = |rules: &[Rule]| rules.iter().any(|rule| rule.matches(&located));
                let allowed = matches(&allowed) && !matches(&denied);
                allowed.then(|| Shape::literal(operation.method, &path))
            }));
        }
        let others = Catalogue::docker().operations().iter().filter(|other| {
            other.method == operation.method
                && other.template < operation.template
                && meet(other.template.parts(), operation.template.parts())
        });
        let others = others
            .filter_map(|other| Shape::of(&Rule::any(other)))
            .filter(|other| allow.iter().any(|one| one.may_be_as_long_as(other)));
        let except: Vec<Shape> = others.chain(denied.iter().filter_map(Shape::of)).collect();
        let grant = |prefix, except| Self {
            rules: allowed.iter().map(ToString::to_string).collect(),
            method: operation.method,
            prefix,
            tunnel: operation.traits.hijack,
            allow: allow.clone(),
            except,
        };
        if fixed {
            return vec![grant(Prefix::Optional, except)];
        }
        let versions = except.iter().cloned().chain(Shape::versions()).collect();
        vec![grant(Prefix::Required, except), grant(Prefix::None, versions)]
    }

    fn literal(unknown: &UnknownOperation) -> Self {
        Self {
            rules: vec![unknown.to_string()],
            method: unknown.method(),
            prefix: Prefix::Optional,
            tunnel: false,
            allow: vec![Shape::literal(unknown.method(), unknown.path())],
            except: Vec::new(),
        }
    }
}

impl Shape {
    /// The paths of a rule, or `None` if no request can have them, because a pattern for one
    /// segment contains a slash.
    fn of(rule: &Rule) -> Option<Self> {
        if rule.is_of_owner() {
            return None;
        }
        let template: &Template = &rule.operation().template;
        let mut patterns = rule.patterns().iter();
        let mut pieces = Vec::new();
        for part in template.parts() {
            pieces.push(match part {
                Part::Literal(word) => Piece::Text((*word).to_owned()),
                Part::One(_) => Piece::One(one_segment(patterns.next()?)?),
                Part::Several(_) => {
                    pieces.extend(several(patterns.next()?)?);
                    continue;
                }
                Part::Many(_) => Piece::Many(simple(patterns.next()?)),
            });
        }
        let literal = rule.patterns().is_empty();
        let final_slash =
            literal && slash_is_the_same(rule.operation().method, &template.to_string());
        Some(Self { pieces, final_slash })
    }

    /// Whether the two shapes can have paths with the same number of segments.
    fn may_be_as_long_as(&self, other: &Self) -> bool {
        let varies = |shape: &Self| {
            shape.final_slash || shape.pieces.iter().any(|piece| matches!(piece, Piece::Many(_)))
        };
        varies(self) || varies(other) || self.pieces.len() == other.pieces.len()
    }

    /// Exactly one path, in canonical spelling.
    fn literal(method: Method, path: &str) -> Self {
        let segments = path.split('/').skip(1).filter(|segment| !segment.is_empty());
        let pieces = segments.map(|segment| Piece::Text(decode_name(segment).unwrap_or_default()));
        let root = path == "/";
        Self { pieces: pieces.collect(), final_slash: root || slash_is_the_same(method, path) }
    }

    /// Paths that begin with a version, for operations whose path begins with a name.
    fn versions() -> [Self; 2] {
        [vec![Piece::Version], vec![Piece::Version, Piece::Many(Pattern::Any)]]
            .map(|pieces| Self { pieces, final_slash: false })
    }
}

/// The fixed paths of the catalogue that the engine also accepts with a final slash, and the
/// operation that each means with this method.
fn aliases(method: Method) -> impl Iterator<Item = (String, Located)> {
    let literal = Catalogue::docker().operations().iter().filter_map(move |operation| {
        let path = operation.template.to_string();
        let fixed = operation.template.parameters().next().is_none();
        (fixed && slash_is_the_same(method, &path)).then_some(path)
    });
    literal.filter_map(move |path| {
        let request = canonical(method, &path).ok()?;
        Some((path, request.locate()?))
    })
}

/// Whether the engine ignores a slash at the end of the path, as far as `api` knows.
fn slash_is_the_same(method: Method, path: &str) -> bool {
    let with_slash = canonical(method, &format!("{path}/"));
    with_slash.is_ok() && with_slash == canonical(method, path)
}

fn canonical(method: Method, path: &str) -> Result<CanonicalRequest, Refusal> {
    CanonicalRequest::parse(EngineKind::Docker, method.as_str(), path)
}

fn one_segment(pattern: &Pattern) -> Option<Pattern> {
    let texts = match pattern {
        Pattern::Any | Pattern::Own => &[][..],
        Pattern::Exact(name) => std::slice::from_ref(name),
        Pattern::Glob(glob) => glob.pieces(),
    };
    let possible = texts.iter().all(|text| !text.contains('/'));
    possible.then(|| simple(pattern))
}

/// The pieces of a pattern for a name that may contain slashes. `None` if no request can match it,
/// because a segment would be empty.
fn several(pattern: &Pattern) -> Option<Vec<Piece>> {
    let Pattern::Glob(glob) = pattern else { return Some(vec![Piece::Many(pattern.clone())]) };
    let Some(segments) = glob.segments() else { return Some(vec![Piece::Many(simple(pattern))]) };
    let one = |segment: &Pattern| {
        let is_possible = *segment != Pattern::Exact(String::new());
        is_possible.then(|| Piece::One(simple(segment)))
    };
    segments.iter().map(one).collect()
}

/// Turns a glob that consists of stars only into [`Pattern::Any`].
fn simple(pattern: &Pattern) -> Pattern {
    match pattern {
        Pattern::Glob(glob) if glob.pieces().iter().all(String::is_empty) => Pattern::Any,
        other => other.clone(),
    }
}

/// Whether some path matches both templates.
fn meet(one: &[Part], other: &[Part]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([], _) | (_, []) => false,
        ([first, rest @ ..], [second, remaining @ ..]) => {
            let same = match (first, second) {
                (Part::Literal(a), Part::Literal(b)) => a == b,
                // No name is empty.
                (Part::Literal(word), _) | (_, Part::Literal(word)) => !word.is_empty(),
                _ => true,
            };
            same && (meet(rest, remaining)
                || first.spans() && meet(one, remaining)
                || second.spans() && meet(rest, other))
        }
    }
}
