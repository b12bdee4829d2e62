//! Parses the `accept` and `reviewed` parts of a profile.

use jiff::civil::Date;
use serde::Deserialize;

use super::items::{parse_list, parse_min_api, parse_rule, parse_unknown};
use super::written::Item;
use super::{Acceptance, CheckCode, Entry, Kept, Marks, Reviewed, Rule, Subject};
use crate::api::{EngineKind, Risk};
use crate::text::printable;
use crate::yaml::{Problem, Spanned, at, hint, nearest, span};

/// An entry of `accept` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptanceFile {
    code: Spanned<String>,
    rule: Option<Spanned<String>>,
    reason: Spanned<String>,
    until: Option<Spanned<String>>,
}

/// The `reviewed` part as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewedFile {
    digest: Spanned<String>,
    marks: Option<Vec<Spanned<String>>>,
    min_api: Option<Spanned<String>>,
    deny: Option<Vec<Spanned<Item>>>,
    root: Option<Vec<Spanned<Item>>>,
    change: Option<Vec<Spanned<Item>>>,
    secrets: Option<Vec<Spanned<Item>>>,
    read: Option<Vec<Spanned<Item>>>,
    info: Option<Vec<Spanned<Item>>>,
    unknown: Option<Vec<Spanned<Item>>>,
}

impl AcceptanceFile {
    pub(super) fn parse(
        self,
        text: &str,
        engine: EngineKind,
    ) -> Result<Entry<Acceptance>, Problem> {
        let wrong = |value: &Spanned<String>, message: String, help| {
            Err(at(text, span(text, value), printable(&message), help))
        };
        let code = match self.code.value.parse::<CheckCode>() {
            Ok(code) if code.is_acceptable() => code,
            Ok(code) => {
                let help = matches!(code, CheckCode::RiskRose | CheckCode::Unreviewed)
                    .then(|| "a person accepts a rule with dsp review".to_owned());
                return wrong(&self.code, format!("{code} cannot be accepted here"), help);
            }
            Err(()) => {
                let known = CheckCode::ALL.into_iter().filter(|code| code.is_acceptable());
                let known: Vec<&str> = known.map(CheckCode::as_str).collect();
                let message = format!("dsp check has no finding \"{}\"", self.code.value);
                let help = nearest(&self.code.value, &known)
                    .map_or_else(|| format!("its findings are {}", known.join(", ")), did_you_mean);
                return wrong(&self.code, message, Some(help));
            }
        };
        if self.reason.value.trim().is_empty() {
            let message = "a reason is missing".to_owned();
            return wrong(&self.reason, message, hint("say why this finding does not matter"));
        }
        let until = match &self.until {
            None => None,
            Some(day) => match day.value.parse::<Date>() {
                Ok(date) => Some(date),
                Err(_) => {
                    let message = format!("\"{}\" is not a date", day.value);
                    return wrong(day, message, hint("write it as until: 2027-01-31"));
                }
            },
        };
        let value = Acceptance {
            code,
            rule: self.rule.map(|rule| Subject::parse(engine, &rule.value)),
            reason: self.reason.value.clone(),
            until,
        };
        let span = span(text, &self.code);
        Ok(Entry { value, end: Some(span.end), span: Some(span) })
    }
}

impl ReviewedFile {
    pub(super) fn parse(self, text: &str, engine: EngineKind) -> Result<Reviewed, Problem> {
        let mut kept = Vec::new();
        for (risk, list) in [
            (Risk::Root, self.root),
            (Risk::Change, self.change),
            (Risk::Secrets, self.secrets),
            (Risk::Read, self.read),
            (Risk::Info, self.info),
        ] {
            let rules: Vec<Entry<Rule>> = parse_list(list, |item| parse_rule(text, engine, item))?;
            kept.extend(rules.into_iter().map(|entry| {
                let kept = Kept { risk, rule: entry.value.clone() };
                entry.with(kept)
            }));
        }
        Ok(Reviewed {
            digest: self.digest.value.clone(),
            marks: self
                .marks
                .map(|marks| Marks::parse(marks.iter().map(|words| words.value.as_str()))),
            min_api: self
                .min_api
                .map(|version| parse_min_api(text, engine, &version))
                .transpose()?,
            deny: parse_list(self.deny, |item| parse_rule(text, engine, item))?,
            kept,
            unknown: parse_list(self.unknown, |item| parse_unknown(text, engine, item))?,
        })
    }
}

fn did_you_mean(known: &str) -> String {
    format!("did you mean {known}?")
}

#[cfg(test)]
mod tests {
    use crate::api::Risk;
    use crate::profile::{CheckCode, parse};

    const PROFILE: &str = "version: 1\nname: x\nallow:\n  - GET /info\n  - POST /containers/create\n\
        accept:\n  - code: unused-rule\n    rule: GET /info\n    reason: once a year\n    \
        until: 2027-01-31\nreviewed:\n  digest: none\n  root:\n    - POST /containers/create\n  \
        info:\n    - GET /info\n";

    fn problem(text: &str) -> String {
        let problem = parse(text).unwrap_err();
        let hint = problem.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}:{}: {}{hint}", problem.line, problem.column, problem.message)
    }

    #[test]
    fn decisions_are_read() {
        let profile = parse(PROFILE).unwrap();
        let accepted = &profile.accept[0].value;
        assert_eq!(accepted.code, CheckCode::UnusedRule);
        assert_eq!(accepted.rule.as_ref().unwrap().to_string(), "GET /info");
        assert!(accepted.is_expired("2027-02-01".parse().unwrap()));
        assert!(!accepted.is_expired("2027-01-31".parse().unwrap()));
        let standing = profile.standing();
        // GET /info only reads, but was accepted as `info`.
        assert_eq!(standing.open.len(), 1);
        assert_eq!(standing.open[0].accepted_as, Some(Risk::Info));
        assert!(standing.has_begun && standing.is_changed() && !standing.is_reviewed());
    }

    #[test]
    fn a_review_is_valid_until_something_is_widened() {
        let mut profile = parse(&PROFILE.replace("info:\n    -", "read:\n    -")).unwrap();
        let seal = |profile: &mut crate::profile::Profile| {
            let digest = profile.digest_of(profile.reviewed.as_ref().unwrap());
            profile.reviewed.as_mut().unwrap().digest = digest;
        };
        seal(&mut profile);
        assert!(profile.standing().is_reviewed());
        let removed = profile.allow.pop();
        assert!(profile.standing().is_reviewed(), "narrowing needs no review");
        profile.allow.extend(removed);
        let added =
            parse("version: 1\nname: x\nallow:\n  - GET /events\nmin_api: \"1.30\"\n").unwrap();
        profile.allow.extend(added.allow.clone());
        assert_eq!((profile.standing().open[0].place, profile.standing().is_changed()), (2, false));
        profile.allow.pop();
        profile.min_api = added.min_api;
        assert!(profile.standing().is_changed());
        seal(&mut profile);
        profile.deny.extend(added.allow);
        assert!(profile.standing().is_changed());
    }

    #[test]
    fn errors_in_decisions_are_reported() {
        let with = |from: &str, to: &str| problem(&PROFILE.replace(from, to));
        insta::assert_snapshot!(
            [
                with("unused-rule", "unused-rul"),
                with("unused-rule", "xyz"),
                with("unused-rule", "unmatched-acceptance"),
                with("unused-rule", "unreviewed"),
                with("unused-rule", "risk-rose"),
                with("once a year", "\" \""),
                with("    reason: once a year\n", ""),
                with("2027-01-31", "soon"),
                with("until", "untill"),
                with("  digest: none\n", ""),
                with("  root:\n", "  rot:\n"),
                with("    - POST /containers/create", "    - POST /container/create"),
            ]
            .join("\n")
        );
    }
}
