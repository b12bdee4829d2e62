//! A rule: an operation, and a pattern for each of its parameters.

use std::fmt;
use std::ops::Range;

use super::written::{TermError, Written};
use super::{
    Allowed, ConstraintError, Constraints, HideError, Pattern, ValuePattern, hide, looks_like_id,
};
use crate::answers::{Answer, Hidden, risk_hiding};
use crate::api::{ApiVersion, EngineKind, Found, Located, Method, Operation, Risk};
use crate::contents::{Facet, Fact, Facts, Nesting, OWN, Schema};

/// A rule such as `GET /containers/*/json`. It always names exactly one operation.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Rule {
    operation: &'static Operation,
    patterns: Vec<Pattern>,
    /// What requests may contain; `None` for anything.
    contents: Option<Constraints>,
    /// What is taken out of the answers.
    hidden: Hidden,
}

/// Why a text is not a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RuleError {
    /// The text is not of the form `METHOD /path`.
    #[error("a rule is a method, one space and a path: GET /containers/json")]
    Shape,
    /// The Engine API does not have the method.
    #[error("\"{0}\" is not a method of the Engine API; rules spell it in capitals")]
    Method(String),
    /// The rule has a query.
    #[error("rules have no query; they apply to every query")]
    Query {
        /// The rule without the query.
        without: String,
    },
    /// The rule has a version prefix.
    #[error("rules have no version prefix; they apply to every version from min_api on")]
    Version {
        /// The rule without the prefix.
        without: String,
    },
    /// No operation has this method and path.
    #[error("\"{rule}\" names no operation of {}", engine.api())]
    NoOperation {
        /// The engine.
        engine: EngineKind,
        /// The text.
        rule: String,
        /// The rules of the operations with the most similar spelling.
        nearest: Vec<String>,
    },
    /// No request can have such a parameter.
    #[error("no request can have the name \"{0}\"")]
    Parameter(String),
    /// It speaks of own objects where the path names none.
    #[error("{operation} has no objects with owners, so there is no {OWN}")]
    NoOwner {
        /// The operation.
        operation: &'static Operation,
    },
    /// Its contents are not those of the operation.
    #[error("{0}")]
    Contents(#[from] ConstraintError),
    /// It hides what the answers do not have.
    #[error("{0}")]
    Hide(#[from] HideError),
    /// Its contents are not written as contents.
    #[error("{0}")]
    Written(String),
}

impl Rule {
    /// The rule that matches every request for an operation.
    #[must_use]
    pub fn any(operation: &'static Operation) -> Self {
        let patterns = operation.template.parameters().map(|_| Pattern::Any).collect();
        Self { operation, patterns, contents: None, hidden: Hidden::NOTHING }
    }

    /// The risk of the rule: that of its operation, or of what its contents leave open and its
    /// answers show.
    #[must_use]
    pub fn risk(&self) -> Risk {
        let risk = match &self.contents {
            // Whoever made an object knows what is in it.
            None if self.is_of_owner() && Schema::of(self.operation).is_none() => {
                self.operation.risk_of_own()
            }
            None => self.operation.risk,
            Some(contents) if self.is_of_owner() => contents.risk_of_own(self.operation),
            Some(contents) => contents.risk(self.operation),
        };
        match self.hidden.is_empty() {
            true => risk,
            false => risk.min(risk_hiding(self.operation, self.hidden)),
        }
    }

    /// The rule for the same requests if they have these contents; `None` for any contents.
    #[must_use]
    pub fn with_contents(self, contents: Option<Constraints>) -> Self {
        Self { contents, ..self }
    }

    /// The rule that hides this in answers, as far as they have it.
    #[must_use]
    pub fn hiding(self, hidden: Hidden) -> Self {
        let hidden = hidden.and(Answer::kinds_of(self.operation));
        Self { hidden, ..self }
    }

    /// The rule with everything but the names of another one: its contents, and what it hides.
    #[must_use]
    pub fn with_terms_of(self, other: &Self) -> Self {
        let other = other.clone();
        Self { contents: other.contents, hidden: other.hidden, ..self }
    }

    /// The rule for any contents that hides nothing: its operation and its names.
    #[must_use]
    pub fn without_contents(&self) -> Self {
        Self { contents: None, hidden: Hidden::NOTHING, ..self.clone() }
    }

    /// What is taken out of the answers.
    #[must_use]
    pub fn hidden(&self) -> Hidden {
        self.hidden
    }

    /// Whether it says more than its operation and its names: what requests may contain, or what
    /// answers hide.
    #[must_use]
    pub fn has_terms(&self) -> bool {
        self.contents.is_some() || !self.hidden.is_empty()
    }

    /// What requests may contain; `None` for anything.
    #[must_use]
    pub fn contents(&self) -> Option<&Constraints> {
        self.contents.as_ref()
    }

    /// The rule that matches an operation with these patterns, one for each parameter.
    #[must_use]
    pub fn narrowed(operation: &'static Operation, patterns: Vec<Pattern>) -> Self {
        let stops = operation.template.stars_stop_at_slashes().chain(std::iter::repeat(false));
        let as_far = |(pattern, stops): (Pattern, bool)| match stops {
            true => pattern.in_segments(),
            false => pattern,
        };
        let patterns = patterns.into_iter().zip(stops).map(as_far).collect();
        Self { operation, patterns, contents: None, hidden: Hidden::NOTHING }
    }

    /// The rule for an operation on the names in a request. A container ID becomes a wildcard,
    /// because the next container has another one.
    #[must_use]
    pub fn of_request(located: &Located) -> Self {
        let pattern = |value: &String| {
            if looks_like_id(value) { Pattern::Any } else { Pattern::Exact(value.clone()) }
        };
        let patterns = located.values.iter().map(pattern).collect();
        let rule = Self::narrowed(located.operation, patterns);
        let read = Self::parse(located.operation.engine, &rule.to_string());
        if read.is_ok_and(|read| read == rule) { rule } else { Self::any(located.operation) }
    }

    /// Parses `METHOD /path` as an operation of this engine.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn parse(engine: EngineKind, text: &str) -> Result<Self, RuleError> {
        if let Some((line, contents)) = text.split_once(": ") {
            let rule = Self::parse(engine, line)?;
            let written = Written::from_line(contents).map_err(RuleError::Written)?;
            let terms = written.terms(contents, rule.operation);
            let (contents, hidden) = terms.map_err(|misfit| match misfit.error {
                TermError::Contents(error) => RuleError::Contents(error),
                TermError::Hide(error) => RuleError::Hide(error),
            })?;
            return Ok(Self { contents, hidden, ..rule });
        }
        let (method, path) = method_and_path(text)?;
        if let Some((path, _)) = path.split_once('?') {
            return Err(RuleError::Query { without: format!("{method} {path}") });
        }
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        if segments.first().is_some_and(|first| is_version(engine, first)) && segments.len() > 1 {
            let without = segments
                .iter()
                .skip(1)
                .fold(method.to_string() + " ", |rule, segment| rule + "/" + segment);
            return Err(RuleError::Version { without });
        }
        let found = engine.catalogue().locate_rule(method, &segments).ok_or_else(|| {
            let nearest = engine.catalogue().nearest(text);
            RuleError::NoOperation {
                engine,
                rule: text.to_owned(),
                nearest: nearest.into_iter().map(ToString::to_string).collect(),
            }
        })?;
        Self::of(&found, &segments)
    }

    /// The rule whose parameters are these segments.
    fn of(found: &Found, segments: &[&str]) -> Result<Self, RuleError> {
        let pattern = |range: &Range<usize>| {
            let spelled = segments.get(range.clone()).unwrap_or_default().join("/");
            Pattern::parse(&spelled).ok_or(RuleError::Parameter(spelled))
        };
        let patterns: Vec<Pattern> =
            found.parameters.iter().map(pattern).collect::<Result<_, _>>()?;
        let kinds = std::iter::once(found.operation.object()).chain(std::iter::repeat(None));
        if patterns.iter().zip(kinds).any(|(own, kind)| *own == Pattern::Own && kind.is_none()) {
            return Err(RuleError::NoOwner { operation: found.operation });
        }
        Ok(Self::narrowed(found.operation, patterns))
    }

    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// Whether the operation and the names alone decide: it says nothing about contents or owners.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.contents.is_none() && !self.is_of_owner()
    }

    /// Whether its path names the objects that were made through the profile.
    #[must_use]
    pub fn is_of_owner(&self) -> bool {
        self.patterns.contains(&Pattern::Own)
    }

    /// Whether it asks whose an object is, in its path or in its contents.
    #[must_use]
    pub fn asks_for_owner(&self) -> bool {
        let mut values = self.contents.iter().flat_map(Constraints::values);
        self.is_of_owner() || values.any(ValuePattern::is_of_owner)
    }

    /// Which socket a container gets that asks for the engine's: one of dsp's if the mounts name `@socket`.
    #[must_use]
    pub fn nesting(&self) -> Nesting<'_> {
        let mounts = self.contents.as_ref().and_then(|it| it.of_facet(Facet::Mounts));
        let Some(Allowed::Values(values)) = mounts else { return Nesting::AsAsked };
        let socket = values.iter().find(|value| value.is_socket());
        socket.map_or(Nesting::AsAsked, |value| Nesting::Under(value.profile_of_socket()))
    }

    /// The patterns of its parameters, in template order.
    #[must_use]
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether a rule that allows admits a request with these facts; `None` if they are not known.
    #[must_use]
    pub fn admits(&self, facts: Option<&Facts>) -> bool {
        match (&self.contents, facts) {
            (None, _) => true,
            (Some(contents), Some(facts)) => contents.refused(facts).next().is_none(),
            (Some(_), None) => false,
        }
    }

    /// Whether a rule that allows may admit a request with these facts, which are `None` if they are not
    /// known.
    #[must_use]
    pub fn may_admit(&self, facts: Option<&Facts>) -> bool {
        facts.is_none() || self.admits(facts)
    }

    /// Whether a rule that denies is about a request with these facts: any of them is enough. If they
    /// are not known, it may be.
    #[must_use]
    pub fn denies(&self, facts: Option<&Facts>) -> bool {
        match (&self.contents, facts) {
            (Some(contents), Some(facts)) => facts.iter().any(|fact| contents.names(fact)),
            (None, _) | (Some(_), None) => true,
        }
    }

    /// The fact for which a rule that denies is about a request.
    #[must_use]
    pub fn denied_fact(&self, facts: Option<&Facts>) -> Option<Fact> {
        let contents = self.contents.as_ref()?;
        facts?.iter().find(|fact| contents.names(fact)).cloned()
    }

    /// Whether the rule under `deny` denies every request that `other` would deny there.
    #[must_use]
    pub fn denies_all_of(&self, other: &Self) -> bool {
        let contents = match (&self.contents, &other.contents) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own.names_all_of(other),
        };
        contents && self.compare(other, Pattern::covers)
    }

    /// Whether the rule matches this operation with these values, whatever the contents.
    #[must_use]
    pub fn matches(&self, located: &Located) -> bool {
        self.operation == located.operation
            && self.patterns.len() == located.values.len()
            && self
                .patterns
                .iter()
                .zip(&located.values)
                .all(|(pattern, value)| pattern.matches(value))
    }

    /// Whether the rule matches every request that `other` matches, and shows as much of the answers.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let contents = match (&self.contents, &other.contents) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own.covers(other),
        };
        contents && other.hidden.has_all_of(self.hidden) && self.compare(other, Pattern::covers)
    }

    /// Whether some request matches both rules: harmless contents match any rule that allows.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.compare(other, Pattern::overlaps)
    }

    fn compare(&self, other: &Self, holds: impl Fn(&Pattern, &Pattern) -> bool) -> bool {
        let pairs = || self.patterns.iter().zip(&other.patterns);
        self.operation == other.operation && pairs().all(|(one, other)| holds(one, other))
    }
}

impl Rule {
    /// Its path, with each pattern spelled by `spell`.
    fn path(&self, spell: impl Fn(&Pattern) -> String) -> String {
        let template = &self.operation.template;
        template.fill(|place| self.patterns.get(place).map(&spell).unwrap_or_default().into())
    }

    /// Whether the path reads back as this rule.
    fn is_read_from(&self, path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let Operation { engine, method, .. } = self.operation;
        let found = engine.catalogue().locate_rule(*method, &segments);
        let read = found.and_then(|found| Self::of(&found, &segments).ok());
        read.is_some_and(|read| read == self.without_contents())
    }
}

/// The rule as text, in the one spelling that `generate` writes.
impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path(ToString::to_string);
        let path = if self.is_read_from(&path) { path } else { self.path(no_literal) };
        let terms = hide::terms(self.operation, self.contents.as_ref(), self.hidden);
        let terms = terms.map(|terms| format!(": {terms}")).unwrap_or_default();
        formatter.pad(&format!("{} {}{terms}", self.operation.method, plain(path)))
    }
}

/// Spells a name so that no part of it reads as a literal of the API. With podman, a name can equal
/// a literal of another version of the API.
fn no_literal(pattern: &Pattern) -> String {
    let text = pattern.to_string();
    if text.contains('/') {
        return text.replace('/', "%2F");
    }
    match text.bytes().next() {
        Some(first) if first.is_ascii_alphanumeric() => {
            format!("%{first:02X}{}", text.get(1..).unwrap_or_default())
        }
        _ => text,
    }
}

/// Splits `METHOD /path`.
pub(super) fn method_and_path(text: &str) -> Result<(Method, &str), RuleError> {
    let (method, path) = text.split_once(' ').ok_or(RuleError::Shape)?;
    if !path.starts_with('/') || path.contains(char::is_whitespace) {
        return Err(RuleError::Shape);
    }
    let method = method.parse().map_err(|_| RuleError::Method(method.to_owned()))?;
    Ok((method, path))
}

/// Makes a path safe as unquoted YAML: a `:` at its end would make it a key.
pub(super) fn plain(path: String) -> String {
    match path.strip_suffix(':') {
        Some(front) => format!("{front}%3A"),
        None => path,
    }
}

fn is_version(engine: EngineKind, segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|text| ApiVersion::parse(engine, text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::CanonicalRequest;

    fn parse(text: &str) -> Result<Rule, RuleError> {
        Rule::parse(EngineKind::Docker, text)
    }

    fn matches(rule: &str, method: &str, target: &str) -> bool {
        let request = CanonicalRequest::parse(EngineKind::Docker, method, target).unwrap();
        let located = request.locate();
        located.is_some_and(|located| parse(rule).unwrap().matches(&located))
    }

    #[test]
    fn a_rule_names_one_operation() {
        assert!(matches("GET /containers/*/json", "GET", "/v1.41/containers/web/json"));
        assert!(!matches("GET /containers/*/json", "GET", "/containers/json"));
        assert!(!matches("POST /containers/*/start", "POST", "/containers/prune"));
        assert!(matches("DELETE /containers/json", "DELETE", "/containers/json"));
        assert!(!matches("DELETE /containers/json", "DELETE", "/containers/web"));
        assert!(matches("GET /images/*/json", "GET", "/images/reg:5000/a/b/json"));
        assert!(matches("GET /images/reg:5000/*/json", "GET", "/images/reg:5000/a/b/json"));
        assert!(!matches("GET /images/reg:5000/*/json", "GET", "/images/evil/reg:5000/a/json"));
    }

    #[test]
    fn a_rule_reads_back_as_itself() {
        for operation in EngineKind::Docker.catalogue().operations() {
            let rule = Rule::any(operation);
            assert_eq!(parse(&rule.to_string()), Ok(rule), "{operation}");
        }
        for text in ["GET /networks/a%20b%2A", "GET /networks/x%3A", "GET /images/a/b*c/json"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_name_that_is_a_literal_in_another_version_is_spelled_apart() {
        for (path, rule) in [
            ("create", "POST /libpod/manifests/%63reate"),
            ("a/b/add", "POST /libpod/manifests/a%2Fb%2Fadd"),
            ("a/b", "POST /libpod/manifests/a/b"),
        ] {
            let target = format!("/v4.3.1/libpod/manifests/{path}");
            let request = CanonicalRequest::parse(EngineKind::Podman, "POST", &target).unwrap();
            let located = request.locate().unwrap();
            assert_eq!(located.operation.name, "LibpodManifestCreate");
            let exact = located.values.iter().cloned().map(Pattern::Exact).collect();
            let narrowed = Rule::narrowed(located.operation, exact);
            assert_eq!(narrowed.to_string(), rule);
            assert_eq!(Rule::parse(EngineKind::Podman, rule), Ok(narrowed));
        }
    }

    #[test]
    fn a_slash_that_would_move_to_another_name_is_spelled_apart() {
        for (text, written) in [
            ("a/registry/b", "a/registry/b"),
            ("a%2Fb/registry/c", "a/b/registry/c"),
            ("a/registry/b%2Fregistry%2Fc", "%61/registry/b%2Fregistry%2Fc"),
            ("a/registry/*%2Fregistry%2Fc", "%61/registry/*%2Fregistry%2Fc"),
        ] {
            let front = "POST /libpod/manifests/";
            let rule = Rule::parse(EngineKind::Podman, &format!("{front}{text}")).unwrap();
            assert_eq!(rule.to_string(), format!("{front}{written}"));
            assert_eq!(Rule::parse(EngineKind::Podman, &rule.to_string()), Ok(rule));
        }
    }

    #[test]
    fn errors_in_rules_say_what_is_wrong() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert!(error("GET").contains("a method, one space and a path"));
        assert!(error("GET  /info").contains("one space"));
        assert!(error("get /info").contains("capitals"));
        assert!(error("GET /containers/*").contains("names no operation"));
        assert!(error("GET /*").contains("names no operation"));
        assert!(error("GET /networks/%zz").contains("can have the name"));
        assert_eq!(
            parse("GET /v1.41/info"),
            Err(RuleError::Version { without: "GET /info".into() })
        );
        let Err(RuleError::NoOperation { nearest, .. }) = parse("GET /container/json") else {
            panic!("a rule that names no operation was accepted");
        };
        assert_eq!(nearest.first().map(String::as_str), Some("GET /containers/json"));
    }
}
