//! Decisions of a script, which are made all together or not at all.

use std::str::FromStr;

use super::named::{ScriptError, denials, find, find_all, narrowings};
use super::{Decision, Draft, DraftError, Subject, is_low};
use crate::api::Risk;
use crate::profile::Rule;

/// The word for [`Decision::Confirm`].
const CHANGES: &str = "changes";

/// The decisions of a script, as written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answers {
    /// Rules and requests of the profile to keep. `info` and `read` mean all open rules of that risk,
    /// and `changes` means everything else that has changed since the review.
    pub keep: Vec<String>,
    /// Rules and requests of the profile to deny.
    pub deny: Vec<String>,
    /// Rules that replace the wider rules that cover them.
    pub narrow: Vec<String>,
}

/// Returns the draft after all of these decisions.
///
/// # Errors
/// [`ScriptError`]. None of the decisions then has an effect.
pub fn settle(draft: &Draft, answers: &Answers) -> Result<Draft, ScriptError> {
    let mut now = draft.clone();
    let (contents, denied) = denials(draft, &answers.deny)?;
    // They change rules that the other answers name.
    for rule in contents {
        now = now.decide(&Decision::DenyContents(rule))?;
    }
    let draft = &now.clone();
    let denied = find_all(draft, &denied)?;
    let words = ["info", "read", "secrets", "change", "root", CHANGES];
    let (words, named): (Vec<&String>, Vec<&String>) =
        answers.keep.iter().partition(|text| words.contains(&text.as_str()));
    let kept = named.iter().map(|text| find(draft, text)).collect::<Result<Vec<_>, _>>()?;
    if let Some(both) = kept.iter().find(|subject| denied.contains(subject)) {
        return Err(ScriptError::Contradiction(both.to_string()));
    }
    let narrowings = narrowings(draft, &answers.narrow)?;

    for subject in denied {
        // Denying another rule may already have removed it.
        if is_open_to(&now, &subject) {
            now = now.decide(&Decision::Deny(vec![subject]))?;
        }
    }
    for (from, to) in narrowings {
        let decision = if from.is_empty() {
            Decision::Keep(to.into_iter().map(Subject::Rule).collect())
        } else {
            Decision::Narrow { from, to }
        };
        now = now.decide(&decision)?;
    }
    now = now.decide_if_any(kept)?;
    for word in words {
        if word == CHANGES {
            now = now.decide(&Decision::Confirm)?;
            continue;
        }
        let Ok(risk) = Risk::from_str(word) else { continue };
        let profile = now.profile();
        let open = profile.standing().open;
        let rules = open.iter().filter_map(|open| profile.allow.get(open.place));
        let rules: Vec<Rule> =
            rules.map(|entry| entry.value.clone()).filter(|rule| rule.risk() == risk).collect();
        if risk > Risk::Read || !rules.iter().all(is_low) {
            return Err(ScriptError::OneByOne(risk));
        }
        now = now.decide_if_any(rules.into_iter().map(Subject::Rule).collect())?;
    }
    Ok(now)
}

impl Draft {
    fn decide_if_any(self, kept: Vec<Subject>) -> Result<Self, DraftError> {
        if kept.is_empty() { Ok(self) } else { self.decide(&Decision::Keep(kept)) }
    }
}

/// Whether the subject is still in the profile.
fn is_open_to(draft: &Draft, subject: &Subject) -> bool {
    let profile = draft.profile();
    match subject {
        Subject::Rule(rule) => profile.allow.iter().any(|entry| entry.value == *rule),
        Subject::Unknown(unknown) => profile.unknown.iter().any(|entry| entry.value == *unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse as parse_profile;

    const TEXT: &str = "version: 1\nname: x\nallow:\n  - GET /_ping\n  - GET /info\n  \
        - POST /containers/*/start\n  - POST /containers/ci-*/start\n  - GET /containers/*/json\n\
        unknown:\n  - GET /vendor/x\n";

    fn draft(text: &str) -> Draft {
        Draft::new(text.to_owned(), parse_profile(text).unwrap())
    }

    fn answers(keep: &[&str], deny: &[&str], narrow: &[&str]) -> Answers {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Answers { keep: texts(keep), deny: texts(deny), narrow: texts(narrow) }
    }

    #[test]
    fn a_script_decides_all_of_it_at_once_and_may_run_again() {
        let all = answers(
            &["info", "read", "GET /vendor/x"],
            &["GET /containers/*/json"],
            &["POST /containers/ci-a/start", "POST /containers/web/start"],
        );
        let settled = settle(&draft(TEXT), &all).unwrap();
        let told =
            settled.text().lines().filter(|line| !line.contains("digest")).collect::<Vec<_>>();
        insta::assert_snapshot!(told.join("\n"), @r#"
        version: 1
        name: x
        allow:
          - GET /_ping
          - GET /info
          - POST /containers/ci-a/start
          - POST /containers/web/start
        unknown:
          - GET /vendor/x
        deny:
          - GET /containers/*/json
        reviewed:  # by dsp review; a rule that is not here is open
          deny:
            - GET /containers/*/json
          change:
            - POST /containers/ci-a/start
            - POST /containers/web/start
          read:
            - GET /info
          info:
            - GET /_ping
          unknown:
            - GET /vendor/x
          marks:
            - "26cbd044 88ce9541 b177b3b8 d8451caf e2cb8f73"
        "#);
        assert!(settled.profile().standing().is_reviewed());
        assert_eq!(settle(&settled, &all).unwrap(), settled);
    }

    #[test]
    fn rules_with_contents_are_named_by_their_names() {
        let text = "version: 1\nname: x\nallow:\n  - POST /containers/create:\n      image:\n        - alpine:3\n      \
            mounts:\n        - /etc\n        - /srv\n";
        let create = "POST /containers/create";
        let kept = settle(&draft(text), &answers(&[create], &[], &[])).unwrap();
        assert!(kept.profile().standing().is_reviewed(), "{}", kept.text());
        let value = format!("{create}: {{mounts: [/etc]}}");
        let denied = settle(&draft(text), &answers(&[], &[&value], &[])).unwrap();
        let deny = "deny:\n  - POST /containers/create:\n      mounts:\n        - /etc\n";
        let expected = text.replace("        - /etc\n", "") + deny;
        assert!(denied.text().starts_with(&expected), "{}", denied.text());
        let again = settle(&denied, &answers(&[], &[&value], &[])).unwrap();
        assert_eq!(again.profile().deny, denied.profile().deny);
        let both = settle(&draft(text), &answers(&[create], &[&value], &[])).unwrap();
        assert!(both.profile().standing().is_reviewed(), "{}", both.text());
        assert!(both.text().starts_with(&expected), "{}", both.text());
        let narrower = format!("{create}: {{image: [\"alpine:3\"]}}");
        let narrowed = settle(&draft(text), &answers(&[], &[], &[&narrower])).unwrap();
        let lines = "  - POST /containers/create:\n      image:\n        - alpine:3\nreviewed:";
        assert!(narrowed.text().contains(lines), "{}", narrowed.text());
        let all = settle(&draft(text), &answers(&[], &[create], &[])).unwrap();
        assert!(
            all.text().contains("allow: []\ndeny:\n  - POST /containers/create\n"),
            "{}",
            all.text()
        );
        let elsewhere = "POST /build: {image: any}";
        assert!(settle(&draft(text), &answers(&[], &[elsewhere], &[])).is_err());
    }

    #[test]
    fn what_changed_beside_the_rules_has_a_word_of_its_own() {
        let text = format!("{TEXT}min_api: \"1.40\"\n");
        let first = settle(&draft(&text), &answers(&["info"], &[], &[])).unwrap();
        let changed = draft(&first.text().replace("\nmin_api: \"1.40\"\n", "\n"));
        let kept = settle(&changed, &answers(&["read"], &[], &[])).unwrap();
        assert!(kept.profile().standing().is_changed());
        let kept = settle(&changed, &answers(&["changes"], &[], &[])).unwrap();
        assert!(!kept.profile().standing().is_changed());
    }

    #[test]
    fn what_cannot_be_settled_is_told_with_what_was_meant() {
        let error = |keep: &[&str], deny: &[&str], narrow: &[&str]| {
            settle(&draft(TEXT), &answers(keep, deny, narrow)).unwrap_err().to_string()
        };
        insta::assert_snapshot!(
            [
                error(&["GET /inf"], &[], &[]),
                error(&["nonsense"], &[], &[]),
                error(&["POST /containers/*/stop"], &[], &[]),
                error(&["GET /v1.41/info"], &[], &[]),
                error(&[], &[], &["POST /containers/*/stop"]),
                error(&[], &["GET /swarm"], &[]),
                error(&["root"], &[], &[]),
                error(&["GET /info"], &["GET /info"], &[]),
            ]
            .join("\n"),
            @r#"
        GET /inf is not in the profile; did you mean GET /info, or GET /_ping?
        nonsense is not a rule: a rule is a method, one space and a path: GET /containers/json
        POST /containers/*/stop is not in the profile; did you mean POST /containers/*/start, or POST /containers/ci-*/start, or GET /containers/*/json?
        GET /v1.41/info is not a rule: rules have no version prefix; they apply to every version from min_api on
        no rule of the profile is wider than POST /containers/*/stop; did you mean POST /containers/*/start, or POST /containers/ci-*/start, or GET /containers/*/json?
        GET /swarm is not in the profile
        rules with the risk root have to be named one by one; only info and read stand for all their rules
        GET /info cannot be kept and denied at the same time
        "#
        );
    }
}
