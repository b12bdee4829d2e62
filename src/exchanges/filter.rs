//! Conditions by which a person chooses requests, such as `risk>=change` and `container=web*`.

use super::Exchange;
use crate::api::Risk;
use crate::text::{Comparison, condition, is_like, nearest};

/// Conditions that all have to be met.
#[derive(Clone, Debug, Default)]
pub struct Filter(Vec<Condition>);

/// One condition.
#[derive(Clone, Debug)]
struct Condition {
    field: Field,
    how: Comparison,
    value: Value,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Risk,
    Operation,
    Method,
    Path,
    Container,
    Unit,
    Client,
    Agent,
    User,
    Status,
    Milliseconds,
    Session,
    Label,
    Verdict,
    Contents,
}

/// The names of fields, in the order in which errors list them.
const FIELDS: [(&str, Field); 15] = [
    ("risk", Field::Risk),
    ("operation", Field::Operation),
    ("method", Field::Method),
    ("path", Field::Path),
    ("status", Field::Status),
    ("ms", Field::Milliseconds),
    ("verdict", Field::Verdict),
    ("contents", Field::Contents),
    ("container", Field::Container),
    ("unit", Field::Unit),
    ("client", Field::Client),
    ("agent", Field::Agent),
    ("uid", Field::User),
    ("session", Field::Session),
    ("label", Field::Label),
];

/// What a field is compared with.
#[derive(Clone, Debug)]
enum Value {
    Risk(Risk),
    Number(u64),
    /// A text in which a star stands for any characters.
    Text(String),
}

/// A text is not a condition.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadCondition {
    /// There is no such field.
    #[error("there is no field \"{field}\"{}; the fields are {}", did_you_mean(field), names())]
    Field {
        /// The field.
        field: String,
    },
    /// The value is not a risk.
    #[error("\"{value}\" is not a risk; they are info, read, secrets, change and root")]
    Risk {
        /// The value.
        value: String,
    },
    /// The value is not a number.
    #[error("\"{value}\" is not a number, and {field} is compared with one")]
    Number {
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// The field has no order.
    #[error("{field} has no order; use = or !=")]
    Order {
        /// The field.
        field: &'static str,
    },
}

fn did_you_mean(field: &str) -> String {
    let near = nearest(field, FIELDS.iter().map(|(name, _)| *name));
    near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

fn names() -> String {
    FIELDS.map(|(name, _)| name).join(", ")
}

/// Whether a text is written as a condition: a word, and a sign. A file of such a name is written as
/// `./NAME`.
#[must_use]
pub fn is_condition(text: &str) -> bool {
    condition(text).is_some()
}

impl Filter {
    /// Reads conditions.
    ///
    /// # Errors
    /// [`BadCondition`] for the first one that is not one.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, BadCondition> {
        texts.into_iter().map(Condition::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a request meets all conditions.
    #[must_use]
    pub fn matches(&self, exchange: &Exchange) -> bool {
        self.0.iter().all(|condition| condition.matches(exchange))
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Self, BadCondition> {
        let unknown = |field: &str| BadCondition::Field { field: field.to_owned() };
        let (name, how, value) = condition(text).ok_or_else(|| unknown(text))?;
        let known = FIELDS.iter().find(|(known, _)| *known == name);
        let (name, field) = *known.ok_or_else(|| unknown(name))?;
        let text = value.to_owned();
        let value = match field {
            Field::Risk => {
                Value::Risk(value.parse().map_err(|()| BadCondition::Risk { value: text })?)
            }
            Field::Status | Field::Milliseconds | Field::User => {
                let number = |_| BadCondition::Number { field: name, value: text };
                Value::Number(value.parse().map_err(number)?)
            }
            _ if how.needs_order() => {
                return Err(BadCondition::Order { field: name });
            }
            _ => Value::Text(text),
        };
        Ok(Self { field, how, value })
    }

    fn matches(&self, exchange: &Exchange) -> bool {
        match &self.value {
            Value::Risk(wanted) => {
                exchange.risk().is_some_and(|risk| self.how.compares(&risk, wanted))
            }
            Value::Number(wanted) => {
                self.number(exchange).is_some_and(|number| self.how.compares(&number, wanted))
            }
            Value::Text(wanted) => {
                let mut texts = self.texts(exchange).into_iter();
                let has = texts.any(|text| is_like(&text, wanted));
                has == (self.how == Comparison::Equal)
            }
        }
    }

    fn number(&self, exchange: &Exchange) -> Option<u64> {
        match self.field {
            Field::Status => exchange.answer?.status.map(u64::from),
            Field::Milliseconds => exchange.answer.map(|answer| answer.milliseconds),
            Field::User => match exchange.request.peer {
                crate::peer::Peer::Process { user, .. } => Some(u64::from(user)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The texts of the field, any of which may be the wanted one.
    fn texts(&self, exchange: &Exchange) -> Vec<String> {
        let request = &exchange.request;
        let container = request.client.as_deref().and_then(|client| client.container.as_ref());
        let own = |text: &str| text.to_owned();
        match self.field {
            Field::Operation => {
                let named = exchange.operation.map(|operation| operation.name.to_owned());
                named.into_iter().chain(exchange.operation.map(ToString::to_string)).collect()
            }
            Field::Method => vec![own(&request.method)],
            Field::Path => vec![own(&request.path)],
            Field::Container => container
                .map(|one| vec![own(&one.name), own(&one.id)])
                .unwrap_or_default()
                .into_iter()
                .chain(container.and_then(|one| one.service.as_deref()).map(own))
                .chain(exchange.session.container.clone())
                .collect(),
            Field::Unit => {
                let unit = request.client.as_deref().and_then(|client| client.unit.as_deref());
                unit.into_iter().map(own).collect()
            }
            Field::Client => {
                let agent = request.agent.as_deref().map(own);
                [exchange.place(), Some(exchange.client()), agent].into_iter().flatten().collect()
            }
            Field::Agent => request.agent.as_deref().into_iter().map(own).collect(),
            Field::Session => vec![exchange.session.id.clone()],
            Field::Label => {
                let labels = exchange.session.labels.iter();
                labels.map(|(key, value)| format!("{key}={value}")).collect()
            }
            Field::Verdict => vec![exchange.fate().to_string()],
            Field::Contents => {
                let facts = exchange.facts().into_iter().flat_map(|facts| facts.iter());
                facts.map(|fact| format!("{} {}", fact.facet, fact.value)).collect()
            }
            Field::Risk | Field::Status | Field::Milliseconds | Field::User => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exchanges::{Answer, SessionOf};

    fn exchange(method: &str, path: &str, rest: &str) -> Exchange {
        let line = format!(
            r#"{{"session":"s1","seq":1,"time":"2026-01-01T00:00:00Z","connection":1,"method":"{method}","path":"{path}"{rest}}}"#
        );
        let session = SessionOf { id: "s1".to_owned(), ..SessionOf::default() };
        let mut exchange =
            Exchange::new(1, Arc::new(session), serde_json::from_str(&line).unwrap());
        exchange.answer = Some(Answer { status: Some(404), milliseconds: 20, ..Answer::default() });
        exchange
    }

    fn is_met(condition: &str, exchange: &Exchange) -> bool {
        Filter::parse([condition]).unwrap().matches(exchange)
    }

    #[test]
    fn conditions_are_about_what_a_row_shows() {
        let container = r#","client":{"container":{"id":"0123","name":"web","service":"shop/front"}},"agent":"docker-sdk/7"#;
        let stop = exchange("POST", "/v1.41/containers/db/stop", &format!("{container}\""));
        for condition in [
            "risk=change",
            "risk>=read",
            "risk<root",
            "risk!=info",
            "operation=ContainerStop",
            "operation=containerstop",
            "operation=POST /containers/*/stop",
            "method=POST",
            "path=*/db/*",
            "status=404",
            "status>=400",
            "ms>10",
            "ms<=20",
            "container=web",
            "container=shop/*",
            "client=*web",
            "agent=docker-sdk/*",
            "session=s1",
            "verdict=allowed",
            "contents!=image *",
        ] {
            assert!(is_met(condition, &stop), "{condition}");
        }
        for condition in [
            "risk=root",
            "method=GET",
            "path=*/db",
            "status<400",
            "ms<20",
            "uid=0",
            "unit=x",
            "label=a=b",
            "container!=web",
        ] {
            assert!(!is_met(condition, &stop), "{condition}");
        }
        let create = exchange(
            "POST",
            "/containers/create",
            r#","contents":{"image":["app:1"],"privileged":["true"]}"#,
        );
        assert!(is_met("contents=image app:*", &create) && is_met("risk=root", &create));
        let harmless = exchange("POST", "/containers/create", r#","contents":{"image":["app:1"]}"#);
        assert!(is_met("risk<root", &harmless), "without anything that reaches the host");
        let denied = exchange("GET", "/info", r#","denied":"no""#);
        assert!(is_met("verdict=denied", &denied) && is_met("verdict!=allowed", &denied));
    }

    #[test]
    fn what_is_not_a_condition_is_named() {
        let said = |text: &str| Filter::parse([text]).unwrap_err().to_string();
        insta::assert_snapshot!(
            ["risc=root", "risk=high", "status=ok", "path>x", "ms="].map(said).join("\n"), @r#"
        there is no field "risc" (did you mean risk?); the fields are risk, operation, method, path, status, ms, verdict, contents, container, unit, client, agent, uid, session, label
        "high" is not a risk; they are info, read, secrets, change and root
        "ok" is not a number, and status is compared with one
        path has no order; use = or !=
        "" is not a number, and ms is compared with one
        "#
        );
        for file in ["a.jsonl", "./a=b", "A=b", "=b", "a", "/a=b", "a.b=c"] {
            assert!(!is_condition(file), "{file}");
        }
    }
}
