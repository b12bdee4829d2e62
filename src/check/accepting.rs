//! What a person accepts of the findings of a check, as entries under `accept`.

use jiff::civil::Date;

use super::{Found, Options, find};
use crate::learn::Evidence;
use crate::profile::{
    self, Acceptance, CheckCode, Profile, Subject, add_acceptance, remove_acceptances,
};
use crate::report::Source;
use crate::text::nearest;

/// A finding, as far as an entry under `accept` names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Acceptable {
    /// Its code.
    pub code: CheckCode,
    /// What it is about.
    pub subject: Option<Subject>,
    /// The reason of the entry that accepts it already.
    pub accepted: Option<String>,
}

/// What a person names to accept: a code, a rule or request, or a code and a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    code: Option<CheckCode>,
    about: Option<Subject>,
    text: String,
}

/// Why something cannot be accepted. May contain foreign text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NamedError {
    /// No finding has this code.
    #[error("dsp check has no finding \"{code}\"; {}", did_you_mean(near))]
    NoCode {
        /// The word.
        code: String,
        /// The nearest code, or all of them.
        near: Result<String, String>,
    },
    /// Findings of this kind are not accepted in this way.
    #[error("{code} cannot be accepted here: {}", instead(*code))]
    NotAcceptable {
        /// Their code.
        code: CheckCode,
    },
    /// Nothing of this kind was found.
    #[error("there is no finding {text}; {}", did_you_mean(near))]
    NotFound {
        /// What was named.
        text: String,
        /// The nearest finding, or all of them.
        near: Result<String, String>,
    },
}

fn did_you_mean(near: &Result<String, String>) -> String {
    match near {
        Ok(one) => format!("did you mean {one}?"),
        Err(all) if all.is_empty() => "nothing was found".to_owned(),
        Err(all) => format!("there are {all}"),
    }
}

fn instead(code: CheckCode) -> &'static str {
    match code {
        CheckCode::Unreviewed | CheckCode::RiskRose => "a person accepts a rule with dsp review",
        _ => "it is about an entry under accept; change or remove that entry",
    }
}

/// The most findings that an error lists.
const MOST_LISTED: usize = 6;

/// The findings of a check on a day that an entry could accept.
#[must_use]
pub fn acceptable(
    profile: &Profile,
    source: &Source,
    evidence: &Evidence,
    today: Date,
) -> Vec<Acceptable> {
    let found = find(profile, source, evidence, &Options::on(today)).into_iter();
    let found = found.filter(|found| found.code.is_acceptable());
    let acceptable = |Found { code, subject, finding, .. }: Found| {
        let accepted = finding.accepted;
        Acceptable { code, subject, accepted }
    };
    found.map(acceptable).collect()
}

impl Acceptable {
    /// The code and what the finding is about, as they can be named.
    #[must_use]
    pub fn named(&self) -> String {
        match &self.subject {
            None => self.code.to_string(),
            Some(subject) => format!("{} {subject}", self.code),
        }
    }

    /// Whether it is what was named, or part of it.
    fn is(&self, named: &Named) -> bool {
        let is_about = match (&named.about, &self.subject) {
            (None, _) => true,
            (Some(Subject::Rule(wide)), Some(Subject::Rule(own))) => wide.covers(own),
            (Some(about), Some(own)) => about == own,
            (Some(_), None) => false,
        };
        named.code.is_none_or(|code| code == self.code) && is_about
    }
}

impl Named {
    /// Reads `CODE`, `METHOD /path` or `CODE METHOD /path`.
    ///
    /// # Errors
    /// [`NamedError`].
    pub fn parse(profile: &Profile, text: &str) -> Result<Self, NamedError> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let is_code = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let about = |text: &str| {
            let text = text.trim();
            (!text.is_empty()).then(|| Subject::parse(profile.engine, text))
        };
        if !is_code {
            return Ok(Self { code: None, about: about(text), text: text.to_owned() });
        }
        match word.parse::<CheckCode>() {
            Ok(code) if code.is_acceptable() => {
                Ok(Self { code: Some(code), about: about(rest), text: text.to_owned() })
            }
            Ok(code) => Err(NamedError::NotAcceptable { code }),
            Err(()) => {
                let known = CheckCode::ALL.into_iter().filter(|code| code.is_acceptable());
                let known: Vec<&str> = known.map(CheckCode::as_str).collect();
                let near = nearest(word, known.iter().copied()).map(str::to_owned);
                let near = near.ok_or_else(|| known.join(", "));
                Err(NamedError::NoCode { code: word.to_owned(), near })
            }
        }
    }

    /// The findings that are named.
    ///
    /// # Errors
    /// [`NamedError::NotFound`].
    pub fn of<'a>(&self, findings: &'a [Acceptable]) -> Result<Vec<&'a Acceptable>, NamedError> {
        let named: Vec<&Acceptable> = findings.iter().filter(|one| one.is(self)).collect();
        if !named.is_empty() {
            return Ok(named);
        }
        let whole: Vec<String> = findings.iter().map(Acceptable::named).collect();
        let subjects: Vec<String> = findings
            .iter()
            .filter_map(|one| one.subject.as_ref().map(ToString::to_string))
            .collect();
        let known = if self.code.is_some() { &whole } else { &subjects };
        let near = nearest(&self.text, known.iter().map(String::as_str)).map(str::to_owned);
        let listed = whole.iter().take(MOST_LISTED).map(String::as_str);
        let mut listed: Vec<&str> = listed.collect();
        if whole.len() > MOST_LISTED {
            listed.push("others");
        }
        let near = near.ok_or_else(|| listed.join(", "));
        Err(NamedError::NotFound { text: self.text.clone(), near })
    }
}

/// The list `accept` is written in a way that has to be edited by hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list accept: does not have one entry below the other, so it has to be edited by hand")]
pub struct NotAList;

/// What became of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Written {
    /// It is new.
    Added,
    /// An entry for the same findings has another reason or another last day now.
    Changed,
    /// It is there already.
    Kept,
}

/// A profile's text with an entry under `accept`.
///
/// # Errors
/// [`NotAList`].
pub fn with_acceptance(
    text: &str,
    profile: &Profile,
    accepted: &Acceptance,
) -> Result<(String, Profile, Written), NotAList> {
    let is_same = |own: &Acceptance| own.code == accepted.code && own.rule == accepted.rule;
    let mut expected = profile.clone();
    let old = profile.accept.iter().position(|entry| is_same(&entry.value));
    let (text, written) = match old {
        Some(place) if profile.accept.get(place).is_some_and(|own| own.value == *accepted) => {
            return Ok((text.to_owned(), profile.clone(), Written::Kept));
        }
        Some(place) => {
            expected.accept.remove(place);
            let text = remove_acceptances(text, &profile.accept, &[place]).ok_or(NotAList)?;
            (text, Written::Changed)
        }
        None => (text.to_owned(), Written::Added),
    };
    let between = profile::parse(&text).map_err(|_| NotAList)?;
    let text = add_acceptance(&text, &between.accept, accepted).ok_or(NotAList)?;
    expected.accept.push(profile::Entry::new(accepted.clone()));
    match profile::parse(&text) {
        Ok(profile) if profile == expected => Ok((text, profile, written)),
        _ => Err(NotAList),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::told;

    const TEXT: &str = "version: 1\nname: x\nallow:\n  - GET /info\n  - GET /version\n  \
        - POST /containers/create:\n      image: [\"a:1\", \"b:1\"]\n";

    fn findings(text: &str) -> (Profile, Vec<Acceptable>) {
        let profile = profile::parse(text).unwrap();
        let evidence =
            told::evidence(&[&["GET /events", "POST /containers/create image=a:1", "GET /x"]]);
        let source = Source::file("p.yaml", text.to_owned());
        let found = acceptable(&profile, &source, &evidence, jiff::civil::date(2026, 12, 1));
        (profile, found)
    }

    fn named(text: &str) -> String {
        let (profile, found) = findings(TEXT);
        match Named::parse(&profile, text).and_then(|named| {
            let named = named.of(&found)?;
            Ok(named.into_iter().map(Acceptable::named).collect::<Vec<_>>().join(", "))
        }) {
            Ok(told) => told,
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn findings_are_named_by_code_by_rule_and_by_both() {
        let told = [
            "unused-rule",
            "unused-rule GET /info",
            "GET /info",
            "POST /containers/create",
            "unused-value POST /containers/create",
            "GET /x",
            "GET /inof",
            "unused-rule GET /events",
            "lossy-recording",
            "unused-rul",
            "nonsense",
            "unreviewed",
            "expired-acceptance",
        ]
        .map(|text| format!("{text}\n    {}", named(text)));
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn an_entry_is_written_once() {
        let (profile, found) = findings(TEXT);
        let info = found.iter().find(|one| one.named() == "unused-rule GET /info").unwrap();
        let entry = |reason: &str| Acceptance {
            code: info.code,
            rule: info.subject.clone(),
            reason: reason.to_owned(),
            until: None,
        };
        let (text, profile, written) = with_acceptance(TEXT, &profile, &entry("one")).unwrap();
        assert_eq!(written, Written::Added);
        let again = with_acceptance(&text, &profile, &entry("one")).unwrap();
        assert_eq!((&again.0, again.2), (&text, Written::Kept));
        let (text, _, written) = with_acceptance(&text, &profile, &entry("other")).unwrap();
        assert_eq!(written, Written::Changed);
        assert!(text.ends_with(
            "accept:\n  - code: unused-rule\n    rule: \"GET /info\"\n    reason: \"other\"\n"
        ));
        let accepted = findings(&text).1.into_iter().filter(|one| one.accepted.is_some());
        assert_eq!(accepted.count(), 1);
    }
}
