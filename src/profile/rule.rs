//! One rule: an operation, and a pattern for each of its parameters.

use std::fmt;

use super::Pattern;
use crate::api::{Catalogue, Located, Method, Operation};

/// A rule such as `GET /containers/*/json`. It always names exactly one operation.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Rule {
    operation: &'static Operation,
    patterns: Vec<Pattern>,
}

/// Why a text is not a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RuleError {
    /// Not `METHOD /path`.
    #[error("a rule is a method, one space and a path: GET /containers/json")]
    Shape,
    /// A method that the Engine API does not have.
    #[error("\"{0}\" is not a method of the Engine API; rules spell it in capitals")]
    Method(String),
    /// A version prefix.
    #[error("rules have no version prefix; they hold for every version from min_api on")]
    Version {
        /// The rule without it.
        without: String,
    },
    /// No operation has this method and path.
    #[error("\"{rule}\" names no operation of the Engine API")]
    NoOperation {
        /// The text.
        rule: String,
        /// The rules of the operations that are spelled most alike.
        nearest: Vec<String>,
    },
    /// A parameter that no request could have.
    #[error("\"{0}\" is no name that a request can have")]
    Parameter(String),
}

impl Rule {
    /// The rule that permits all of an operation.
    #[must_use]
    pub fn any(operation: &'static Operation) -> Self {
        let patterns = operation.template.parameters().map(|_| Pattern::Any).collect();
        Self { operation, patterns }
    }

    /// The rule that permits an operation on what the patterns say, one for each parameter.
    #[must_use]
    pub fn narrowed(operation: &'static Operation, patterns: Vec<Pattern>) -> Self {
        Self { operation, patterns }
    }

    /// Parses `METHOD /path`.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let (method, path) = method_and_path(text)?;
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        if segments.first().is_some_and(|first| is_version(first)) && segments.len() > 1 {
            let without = segments
                .iter()
                .skip(1)
                .fold(method.to_string() + " ", |rule, segment| rule + "/" + segment);
            return Err(RuleError::Version { without });
        }
        let found = Catalogue::docker().locate(method, &segments).ok_or_else(|| {
            let nearest = Catalogue::docker().nearest(text);
            RuleError::NoOperation {
                rule: text.to_owned(),
                nearest: nearest.into_iter().map(ToString::to_string).collect(),
            }
        })?;
        let patterns = found
            .parameters
            .into_iter()
            .map(|range| {
                let spelled = segments.get(range).unwrap_or_default().join("/");
                Pattern::parse(&spelled).ok_or(RuleError::Parameter(spelled))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { operation: found.operation, patterns })
    }

    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The patterns of its parameters, in template order.
    #[must_use]
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether the rule is about this operation and these values.
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
}

/// A rule's text, in the one spelling that `generate` writes.
impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.operation.template.fill(|place| {
            self.patterns.get(place).map(ToString::to_string).unwrap_or_default().into()
        });
        formatter.pad(&format!("{} {}", self.operation.method, plain(path)))
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

/// Makes a path safe as an unquoted YAML text: a `:` at its end would make it a key.
pub(super) fn plain(path: String) -> String {
    match path.strip_suffix(':') {
        Some(front) => format!("{front}%3A"),
        None => path,
    }
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|version| {
        !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::CanonicalRequest;

    fn matches(rule: &str, method: &str, target: &str) -> bool {
        let request = CanonicalRequest::parse(method, target).unwrap();
        let located = request.locate(Catalogue::docker());
        located.is_some_and(|located| Rule::parse(rule).unwrap().matches(&located))
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
        for operation in Catalogue::docker().operations() {
            let rule = Rule::any(operation);
            assert_eq!(Rule::parse(&rule.to_string()), Ok(rule), "{operation}");
        }
        for text in ["GET /networks/a%20b%2A", "GET /networks/x%3A", "GET /images/a/b*c/json"] {
            assert_eq!(Rule::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rule_is_told_why() {
        let error = |text: &str| Rule::parse(text).unwrap_err().to_string();
        assert!(error("GET").contains("a method, one space and a path"));
        assert!(error("GET  /info").contains("one space"));
        assert!(error("get /info").contains("capitals"));
        assert!(error("GET /containers/*").contains("names no operation"));
        assert!(error("GET /*").contains("names no operation"));
        assert!(error("GET /networks/%zz").contains("no name"));
        assert_eq!(
            Rule::parse("GET /v1.41/info"),
            Err(RuleError::Version { without: "GET /info".into() })
        );
        let Err(RuleError::NoOperation { nearest, .. }) = Rule::parse("GET /container/json") else {
            panic!("a rule that names no operation was taken");
        };
        assert_eq!(nearest.first().map(String::as_str), Some("GET /containers/json"));
    }
}
