//! The items of a profile's lists, with their positions.

use std::ops::Range;

use super::layout::Layout;
use super::written::{Item, Misfit, TermError};
use super::{ConstraintError, Entry, Rule, RuleError, UnknownOperation};
use crate::api::{ApiVersion, EngineKind};
use crate::contents::{OWN, ValueError};
use crate::text::printable;
use crate::yaml::{Problem, Spanned, at, hint, nearest, span};

pub(super) fn parse_min_api(
    text: &str,
    engine: EngineKind,
    version: &Spanned<String>,
) -> Result<ApiVersion, Problem> {
    let wrong = |message: String, help: &str| at(text, span(text, version), message, hint(help));
    let parsed = ApiVersion::parse(engine, &version.value)
        .map_err(|error| wrong(format!("{error}"), "write it in quotes: min_api: \"1.41\""))?;
    if engine == EngineKind::Docker && parsed < ApiVersion::FLOOR {
        let floor = ApiVersion::FLOOR;
        let message =
            format!("versions below {floor} are always refused, so min_api cannot be {parsed}");
        return Err(wrong(message, &format!("min_api: \"{floor}\", or leave it out")));
    }
    Ok(parsed)
}

pub(super) fn parse_list<T>(
    list: Option<Vec<Spanned<Item>>>,
    parse: impl Fn(&Spanned<Item>) -> Result<Entry<T>, Problem>,
) -> Result<Vec<Entry<T>>, Problem> {
    list.unwrap_or_default().iter().map(parse).collect()
}

pub(super) fn parse_rule(
    text: &str,
    engine: EngineKind,
    item: &Spanned<Item>,
) -> Result<Entry<Rule>, Problem> {
    match &item.value {
        Item::Line(line) => {
            let span = span(text, item);
            let value = rule(text, engine, line, &span)?;
            Ok(Entry { value, end: Some(span.end), span: Some(span) })
        }
        Item::Mapping { line, contents } => {
            let place = span(text, line);
            let bare = rule(text, engine, &line.value, &place)?;
            let terms = contents.terms(text, bare.operation());
            let (contents_of, hidden) = terms.map_err(|Misfit { span, error }| {
                let span = if span.is_empty() { place.clone() } else { span };
                misfit(text, span, &error)
            })?;
            let layout = Layout::read(text, line, contents);
            let end = layout.map_or(place.end, |layout| layout.end());
            let value = bare.with_contents(contents_of).hiding(hidden);
            Ok(Entry { value, span: Some(place), end: Some(end) })
        }
    }
}

/// A rule under `deny`, which names what it denies.
pub(super) fn parse_denied(
    text: &str,
    engine: EngineKind,
    item: &Spanned<Item>,
) -> Result<Entry<Rule>, Problem> {
    let entry = parse_rule(text, engine, item)?;
    if entry.value.asks_for_owner() {
        let message = format!("a rule under deny cannot say {OWN}");
        let help = hint("what is not allowed is denied: leave it out of allow");
        return Err(at(text, entry.span.unwrap_or_default(), message, help));
    }
    if !entry.value.hidden().is_empty() {
        let message = "a rule under deny lets no answer through, so it hides nothing".to_owned();
        let help = hint("write hide with the rule under allow");
        return Err(at(text, entry.span.unwrap_or_default(), message, help));
    }
    Ok(entry)
}

fn rule(text: &str, engine: EngineKind, line: &str, span: &Range<usize>) -> Result<Rule, Problem> {
    Rule::parse(engine, line).map_err(|error| {
        let help = match &error {
            RuleError::NoOperation { nearest, .. } if nearest.is_empty() => {
                hint("an engine's extension can be allowed literally, under unknown:")
            }
            RuleError::NoOperation { nearest, .. } => {
                Some(format!("did you mean {}?", nearest.join(", or ")))
            }
            RuleError::Version { without } => Some(format!("write {without}")),
            RuleError::Query { without } => Some(format!("write {without}")),
            RuleError::Parameter(_) => hint("escapes are %XX, and %2A is a star"),
            RuleError::NoOwner { operation } => Some(format!("write {operation}")),
            RuleError::Contents(error) => contents_hint(error),
            RuleError::Hide(error) => Some(error.hint()),
            RuleError::Written(_) | RuleError::Method(_) | RuleError::Shape => None,
        };
        let help = help.map(|help| printable(&help));
        at(text, span.clone(), printable(&error.to_string()), help)
    })
}

/// An error in the contents of a rule.
fn misfit(text: &str, span: Range<usize>, error: &TermError) -> Problem {
    let help = match error {
        TermError::Contents(error) => contents_hint(error),
        TermError::Hide(error) => Some(error.hint()),
    };
    let help = help.map(|help| printable(&help));
    at(text, span, printable(&error.to_string()), help)
}

/// How to mend the contents of a rule.
fn contents_hint(error: &ConstraintError) -> Option<String> {
    match error {
        ConstraintError::NoContents(operation) => {
            Some(format!("write it on a line of its own: - {operation}"))
        }
        ConstraintError::NoFacet { facet, known, .. } => {
            let words: Vec<&str> = known.iter().map(|facet| facet.as_str()).collect();
            let near = nearest(facet, &words).map(|word| format!("did you mean {word}?"));
            near.or_else(|| Some(format!("it has {}", words.join(", "))))
        }
        ConstraintError::NoOwner { operation, .. } => {
            Some(format!("write it on a line of its own for any object: - {operation}"))
        }
        ConstraintError::TwoSockets { .. } => {
            Some("write a rule for each, with what tells their containers apart".to_owned())
        }
        ConstraintError::Value { facet, why, .. } => match why {
            ValueError::Spelling { right } => Some(format!("write {right}")),
            ValueError::Any => Some(format!("write {facet}: any to allow every value")),
            ValueError::Flag(facet) => Some(format!("write {facet}: true")),
            ValueError::Text | ValueError::Kind(_) => None,
        },
    }
}

pub(super) fn parse_unknown(
    text: &str,
    engine: EngineKind,
    item: &Spanned<Item>,
) -> Result<Entry<UnknownOperation>, Problem> {
    let span = span(text, item);
    let line = match &item.value {
        Item::Line(line) => line,
        Item::Mapping { line, .. } => {
            let message = "an unknown operation has no contents".to_owned();
            return Err(at(text, self::span(text, line), message, hint("write only METHOD /path")));
        }
    };
    match UnknownOperation::parse(engine, line) {
        Ok(value) => Ok(Entry { value, end: Some(span.end), span: Some(span) }),
        Err(message) => Err(at(text, span, printable(&message), None)),
    }
}
