//! What a person searches for among the rules: texts, and conditions as `dsp show` has them.

use crate::api::Risk;
use crate::profile::{Rule, UnknownOperation};
use crate::text::{Comparison, condition, is_like, nearest};

/// The names of the fields of conditions.
const FIELDS: [(&str, Field); 6] = [
    ("risk", Field::Risk),
    ("operation", Field::Operation),
    ("method", Field::Method),
    ("path", Field::Path),
    ("name", Field::Name),
    ("contents", Field::Contents),
];

/// What a condition is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Risk,
    Operation,
    Method,
    Path,
    Name,
    Contents,
}

/// Words that all have to be met.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Search {
    typed: String,
    words: Vec<Word>,
}

/// A part of a search.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Word {
    /// A text that has to be in the rule, in small letters.
    Text(String),
    Risk(Comparison, Risk),
    /// A field that has to be, or must not be, like a text.
    Field(Field, Comparison, String),
}

/// A text is not a search.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// There is no such field.
    #[error("there is no field \"{field}\"{}; the fields are {}", did_you_mean(field), names())]
    Field {
        /// The field.
        field: String,
    },
    /// The value is not a risk.
    #[error("\"{0}\" is not a risk; they are info, read, secrets, change and root")]
    Risk(String),
    /// The field has no order.
    #[error("{0} has no order; use = or !=")]
    Order(&'static str),
}

fn did_you_mean(field: &str) -> String {
    let near = nearest(field, FIELDS.iter().map(|(name, _)| *name));
    near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

fn names() -> String {
    FIELDS.map(|(name, _)| name).join(", ")
}

impl Search {
    /// Reads words, each of which is a condition or a text. Nothing typed matches everything.
    ///
    /// # Errors
    /// [`SearchError`] for the first word that is a condition and cannot be met by any rule.
    pub fn parse(typed: &str) -> Result<Self, SearchError> {
        let words = typed.split_whitespace().map(Word::parse).collect::<Result<_, _>>()?;
        Ok(Self { typed: typed.trim().to_owned(), words })
    }

    /// The text that it was read from.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether it matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a rule is what was searched for.
    #[must_use]
    pub fn matches(&self, rule: &Rule) -> bool {
        let text = rule.to_string().to_lowercase();
        let path = rule.without_contents().to_string();
        let path = path.split_once(' ').map_or("", |(_, path)| path);
        self.words.iter().all(|word| match word {
            Word::Text(wanted) => text.contains(wanted),
            Word::Risk(how, wanted) => how.compares(&rule.risk(), wanted),
            Word::Field(field, how, wanted) => {
                let operation = rule.operation();
                let is = |text: &str| is_like(text, wanted);
                let has = match field {
                    Field::Operation => {
                        is(operation.name)
                            || is(&operation.to_string())
                            || is(&operation.template.to_string())
                    }
                    Field::Method => is(operation.method.as_str()),
                    Field::Path => is(path),
                    Field::Name => rule.patterns().iter().any(|name| is(&name.to_string())),
                    Field::Contents => {
                        let own = rule.contents().into_iter().flat_map(|own| own.values());
                        own.into_iter()
                            .any(|value| is(&format!("{} {}", value.facet(), value.as_str())))
                    }
                    Field::Risk => false,
                };
                has == (*how == Comparison::Equal)
            }
        })
    }

    /// Whether a request under `unknown` is what was searched for. Its risk is not known, so it counts as root.
    #[must_use]
    pub fn matches_unknown(&self, unknown: &UnknownOperation) -> bool {
        let text = unknown.to_string();
        let (method, path) = text.split_once(' ').unwrap_or((&text, ""));
        self.words.iter().all(|word| match word {
            Word::Text(wanted) => text.to_lowercase().contains(wanted),
            Word::Risk(how, wanted) => how.compares(&Risk::Root, wanted),
            Word::Field(field, how, wanted) => {
                let has = match field {
                    Field::Method => is_like(method, wanted),
                    Field::Path => is_like(path, wanted),
                    Field::Operation => is_like(&text, wanted) || is_like(path, wanted),
                    Field::Risk | Field::Name | Field::Contents => false,
                };
                has == (*how == Comparison::Equal)
            }
        })
    }
}

impl Word {
    fn parse(text: &str) -> Result<Self, SearchError> {
        let Some((name, how, value)) = condition(text) else {
            return Ok(Self::Text(text.to_lowercase()));
        };
        let known = FIELDS.iter().find(|(known, _)| *known == name);
        let (name, field) = *known.ok_or_else(|| SearchError::Field { field: name.to_owned() })?;
        match field {
            Field::Risk => match value.parse() {
                Ok(risk) => Ok(Self::Risk(how, risk)),
                Err(()) => Err(SearchError::Risk(value.to_owned())),
            },
            _ if how.needs_order() => Err(SearchError::Order(name)),
            _ => Ok(Self::Field(field, how, value.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EngineKind;
    use crate::profile::parse;

    fn rule(text: &str) -> Rule {
        Rule::parse(EngineKind::Docker, text).unwrap()
    }

    #[test]
    fn words_are_texts_or_conditions_and_all_are_met() {
        let start = rule("POST /containers/web-1/start");
        let found = |typed: &str| Search::parse(typed).unwrap().matches(&start);
        for typed in [
            "",
            "web",
            "START web-1",
            "/containers/web-1/start",
            "post /containers",
            "risk=change",
            "risk>=read risk<root",
            "operation=ContainerStart",
            "operation=/containers/*/start",
            "method=post",
            "path=/containers/web-*",
            "name=web-*",
            "name!=db",
            "contents!=image*",
            "1 name=*1",
        ] {
            assert!(found(typed), "{typed}");
        }
        for typed in ["db", "web stop", "risk=root", "name=web", "method!=POST", "web risk<change"]
        {
            assert!(!found(typed), "{typed}");
        }
        let create = rule("POST /containers/create: {image: [\"app:1\"], mounts: [/etc]}");
        let search = Search::parse("contents=mounts*/etc").unwrap();
        assert!(search.matches(&create) && !search.matches(&start));
    }

    #[test]
    fn unknown_requests_are_found_by_their_text() {
        let text = "version: 1\nname: x\nallow: []\nunknown:\n  - GET /vendor/health\n";
        let profile = parse(text).unwrap();
        let found =
            |typed: &str| Search::parse(typed).unwrap().matches_unknown(&profile.unknown[0].value);
        assert!(found("vendor") && found("method=GET path=/vendor/*") && found("risk=root"));
        assert!(!found("name=vendor") && !found("method=POST"));
    }

    #[test]
    fn what_no_rule_can_meet_is_told() {
        let said = |typed: &str| Search::parse(typed).unwrap_err().to_string();
        insta::assert_snapshot!(
            ["nam=web", "risk=high", "path>x"].map(said).join("\n"), @r#"
        there is no field "nam" (did you mean name?); the fields are risk, operation, method, path, name, contents
        "high" is not a risk; they are info, read, secrets, change and root
        path has no order; use = or !=
        "#
        );
    }
}
