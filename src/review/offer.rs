//! What recordings used and a profile does not allow, as an offer: the person is asked about it like
//! about any rule, and the file gets only what was accepted.
//!
//! The draft contains everything that is offered. What belongs in the file follows from it after each
//! decision: the draft without the offered rules, values and requests that are still open.

use std::collections::HashSet;

use super::decision::{ContentEdit, DraftError};
use super::edit::Edit;
use crate::learn::{self, Chosen, Evidence, NotALine, Wishes};
use crate::profile::{self, Profile, Rule, UnknownOperation, ValuePattern, key_span, set_part};

/// What is offered, and the file without it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Offer {
    offered: Offered,
    /// What the header says about the evidence once something of it is accepted.
    provenance: String,
    /// The text that belongs in the file.
    pub(super) text: String,
    /// The profile that this text describes.
    pub(super) profile: Profile,
}

/// What the draft has and the profile had not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Offered {
    /// New rules, without contents.
    rules: Vec<Rule>,
    /// Values that rules about contents gain, with the rules, which are without contents.
    values: Vec<(Rule, ValuePattern)>,
    /// New requests that are not in the catalogue.
    unknown: Vec<UnknownOperation>,
}

impl Offered {
    /// What `next` allows and `profile` does not.
    fn between(profile: &Profile, next: &Profile) -> Self {
        let mut offered = Self::default();
        let before: HashSet<&Rule> = profile.allow.iter().map(|entry| &entry.value).collect();
        for rule in next.allow.iter().map(|entry| &entry.value) {
            if before.contains(rule) {
                continue;
            }
            let names = rule.without_contents();
            let old: Vec<&&Rule> =
                before.iter().filter(|old| old.without_contents() == names).collect();
            if old.is_empty() {
                offered.rules.push(names);
                continue;
            }
            let had = |value: &ValuePattern| {
                let mut contents = old.iter().filter_map(|old| old.contents());
                contents.any(|own| own.values().any(|own| own == value))
            };
            let values = rule.contents().into_iter().flat_map(|contents| contents.values());
            let values = values.filter(|value| !had(value));
            offered.values.extend(values.map(|value| (names.clone(), value.clone())));
        }
        let listed: HashSet<&UnknownOperation> =
            profile.unknown.iter().map(|entry| &entry.value).collect();
        let unknown = next.unknown.iter().map(|entry| &entry.value);
        offered.unknown = unknown.filter(|one| !listed.contains(*one)).cloned().collect();
        offered
    }

    /// How much is offered.
    fn len(&self) -> usize {
        self.rules.len() + self.values.len() + self.unknown.len()
    }

    /// Whether a rule is offered as a whole.
    fn has_rule(&self, rule: &Rule) -> bool {
        self.rules.contains(&rule.without_contents())
    }

    /// The values of a rule that are offered.
    fn values_of(&self, rule: &Rule) -> Vec<&ValuePattern> {
        let names = rule.without_contents();
        let has = |value: &ValuePattern| {
            rule.contents().is_some_and(|own| own.values().any(|own| own == value))
        };
        let own = self.values.iter().filter(|(of, value)| *of == names && has(value));
        own.map(|(_, value)| value).collect()
    }

    /// Takes everything that is open out of an edit.
    fn withdraw(&self, edit: &mut Edit) -> Result<(), DraftError> {
        let standing = edit.profile().standing();
        let open: Vec<Rule> = standing
            .open
            .iter()
            .filter_map(|open| edit.profile().allow.get(open.place))
            .map(|entry| entry.value.clone())
            .collect();
        for rule in &open {
            if self.has_rule(rule) {
                edit.remove_rules(|other| other == rule)?;
                continue;
            }
            let mut now = rule.clone();
            for value in self.values_of(rule) {
                edit.contents(&now, &ContentEdit::Remove(value.clone()))?;
                let contents = now.contents().cloned().map(|mut contents| {
                    contents.remove(value);
                    contents
                });
                now = now.with_contents(contents);
            }
        }
        let open: Vec<UnknownOperation> = standing
            .open_unknown
            .iter()
            .filter_map(|place| edit.profile().unknown.get(*place))
            .map(|entry| entry.value.clone())
            .collect();
        for unknown in open.iter().filter(|unknown| self.unknown.contains(unknown)) {
            edit.drop_unknown(unknown)?;
        }
        Ok(())
    }

    /// Whether a review has accepted something of it, which the profile had no more.
    fn has_accepted(&self, profile: &Profile) -> bool {
        let standing = profile.standing();
        let open: HashSet<usize> = standing.open.iter().map(|open| open.place).collect();
        let mut rules = profile.allow.iter().enumerate();
        let is_offered = |rule: &Rule| self.has_rule(rule) || !self.values_of(rule).is_empty();
        let has_rule = rules.any(|(at, entry)| !open.contains(&at) && is_offered(&entry.value));
        let mut unknown = profile.unknown.iter().enumerate();
        let is_open = |at: &usize| standing.open_unknown.contains(at);
        has_rule || unknown.any(|(at, one)| !is_open(&at) && self.unknown.contains(&one.value))
    }

    /// Whether a profile allows something of it.
    fn is_taken(&self, profile: &Profile) -> bool {
        let mut rules = profile.allow.iter().map(|entry| &entry.value);
        rules.any(|rule| self.has_rule(rule) || !self.values_of(rule).is_empty())
            || profile.unknown.iter().any(|entry| self.unknown.contains(&entry.value))
    }
}

impl Offer {
    /// Adds what `evidence` used to a profile, as an offer; `None` if the profile allows all of it, apart from
    /// what a person has excluded. Also returns the text and the profile with everything that is offered.
    pub(super) fn of(
        text: &str,
        profile: &Profile,
        evidence: &Evidence,
    ) -> Result<Option<(Self, String, Profile)>, DraftError> {
        let next = with_additions(text, profile, evidence)?;
        let offered = Offered::between(profile, &next.1);
        if offered.len() == 0 {
            return Ok(None);
        }
        // What was accepted and then removed by hand is offered again, and not simply back.
        let is_accepted = offered.has_accepted(&next.1);
        let next = match &profile.reviewed {
            Some(reviewed) if is_accepted => {
                let mut edit = Edit::of(text, profile);
                edit.seal(reviewed.clone(), false);
                let (text, profile) = edit.read_back()?;
                with_additions(&text, &profile, evidence)?
            }
            _ => next,
        };
        let (text, profile) = (text.to_owned(), profile.clone());
        let provenance = learn::provenance(evidence);
        let offer = Self { offered, provenance, text, profile };
        Ok(Some((offer, next.0, next.1)))
    }

    /// The offer after a decision that led to this text and profile.
    pub(super) fn after(&self, text: &str, profile: &Profile) -> Result<Self, DraftError> {
        let mut edit = Edit::of(text, profile);
        self.offered.withdraw(&mut edit)?;
        if let Some(reviewed) = profile.reviewed.clone() {
            edit.seal(reviewed, false);
        }
        let (mut text, profile) = edit.read_back()?;
        // A list that was made for the offer goes with it.
        for (list, is_empty) in
            [("allow", profile.allow.is_empty()), ("unknown", profile.unknown.is_empty())]
        {
            if is_empty && key_span(&self.text, list).is_none() {
                text = set_part(&text, list, "");
            }
        }
        if self.offered.is_taken(&profile) {
            text = learn::noted(&text, &self.provenance);
        }
        match profile::parse(&text) {
            Ok(read) if read == profile => Ok(Self { text, profile: read, ..self.clone() }),
            _ => Err(DraftError::Unfaithful),
        }
    }

    /// What an offered rule is, in words; `None` if it is in the file like this.
    pub(super) fn told(&self, rule: &Rule) -> Option<&'static str> {
        if self.profile.allow.iter().any(|entry| entry.value == *rule) {
            None
        } else if self.offered.has_rule(rule) {
            Some("not in the profile yet; what you do not keep is left out")
        } else if !self.offered.values_of(rule).is_empty() {
            Some("some values are not in the profile yet; what you do not keep is left out")
        } else {
            None
        }
    }

    /// The number of rules, values and requests that are offered.
    pub(super) fn len(&self) -> usize {
        self.offered.len()
    }
}

/// The text and the profile with everything that was used and is not allowed.
fn with_additions(
    text: &str,
    profile: &Profile,
    evidence: &Evidence,
) -> Result<(String, Profile), DraftError> {
    let wishes = Wishes { accept_unknown: Chosen::All, ..Wishes::default() };
    let update = learn::additions(text, profile, evidence, wishes)
        .map_err(|NotALine(list)| DraftError::NotALine(list))?;
    let profile = profile::parse(&update.text).map_err(|_| DraftError::Unfaithful)?;
    Ok((update.text, profile))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::api::EngineKind;
    use crate::learn::told;
    use crate::profile::{Rule, parse};
    use crate::review::{Decision, Draft, Session, Subject};
    use crate::terminal::Key;

    const TEXT: &str = "# docker: 2 operations, highest risk: change\n# evidence: 1 session, sha256 0\n\
        # mine\nversion: 1\nname: x\nallow:\n  # careful\n  - POST /containers/create:  # ours\n      \
        image:\n        - alpine:3  # small\n  - GET /info  # on purpose\ndeny:\n  \
        - POST /containers/*/kill\n";

    fn draft(text: &str) -> Draft {
        Draft::new(text.to_owned(), parse(text).unwrap())
    }

    fn evidence() -> crate::learn::Evidence {
        told::evidence(&[&[
            "GET /info",
            "GET /events",
            "POST /containers/create image=alpine:3 mounts=/srv",
            "POST /containers/create image=alpine:4",
            "POST /containers/web/kill",
            "GET /vendor/x",
        ]])
    }

    fn rule(text: &str) -> Rule {
        Rule::parse(EngineKind::Docker, text).unwrap()
    }

    fn keep(rule: Rule) -> Decision {
        Decision::Keep(vec![Subject::Rule(rule)])
    }

    #[test]
    fn the_file_gets_what_is_kept_and_nothing_else() {
        let draft = draft(TEXT).offering(&evidence()).unwrap();
        assert_eq!(draft.offered(), 4, "{}", draft.text());
        assert_eq!(draft.file_text(), TEXT, "nothing is decided");
        let kept = draft.decide(&keep(rule("GET /info"))).unwrap();
        let (before, review) = kept.file_text().split_once("reviewed:").unwrap();
        assert_eq!(before, TEXT, "nothing of it is taken");
        assert!(!review.contains("events"), "{review}");
        let kept = kept.decide(&keep(rule("GET /events"))).unwrap();
        let create = kept.profile().allow[0].value.clone();
        let kept = kept.decide(&keep(create)).unwrap();
        let digest = kept.file_profile().reviewed.as_ref().unwrap().digest.clone();
        let file = kept.file_text().replace(&digest, "[DIGEST]");
        insta::assert_snapshot!(file);
        assert!(kept.file_profile().standing().is_reviewed());
        assert!(!kept.profile().standing().is_reviewed(), "the request is still offered");
    }

    #[test]
    fn what_is_denied_is_written_as_denied() {
        let draft = draft(TEXT).offering(&evidence()).unwrap();
        let denied =
            draft.decide(&Decision::Deny(vec![Subject::Rule(rule("GET /events"))])).unwrap();
        let file = denied.file_profile();
        assert!(file.deny.iter().any(|entry| entry.value == rule("GET /events")));
        assert_eq!(file.allow, parse(TEXT).unwrap().allow);
        // An offer that nobody takes leaves nothing behind.
        assert!(!denied.file_text().contains("unknown"), "{}", denied.file_text());
        assert!(!denied.file_text().contains("last update"), "{}", denied.file_text());
    }

    #[test]
    fn what_was_accepted_and_then_removed_is_offered_again() {
        let kept = draft(TEXT).offering(&evidence()).unwrap();
        let kept = kept.decide(&keep(rule("GET /events"))).unwrap();
        let removed: String = kept
            .file_text()
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("  - GET /events"))
            .collect();
        let again = draft(&removed).offering(&evidence()).unwrap();
        assert_eq!((again.offered(), again.file_text()), (4, removed.as_str()));
        let standing = again.profile().standing();
        let is_open = |text: &str| {
            let mut open = standing.open.iter();
            open.any(|open| again.profile().allow[open.place].value == rule(text))
        };
        assert!(is_open("GET /events"), "{}", again.text());
        assert!(draft(TEXT).offering(&told::evidence(&[&["GET /info"]])).unwrap().offered() == 0);
    }

    proptest! {
        #[test]
        fn a_dialogue_adds_nothing_that_was_not_kept(
            keys in prop::collection::vec("[kdsbnl]", 0..12),
        ) {
            let base = parse(TEXT).unwrap();
            let draft = draft(TEXT).offering(&evidence()).unwrap();
            let mut session = Session::new("p.yaml".to_owned(), draft, Some(evidence()));
            for key in keys.iter().filter_map(|key| key.chars().next()) {
                session.press(Key::Char(key));
                let (file, text) = (session.draft().file_profile(), session.draft().file_text());
                let read = parse(text).map_err(|problem| problem.message);
                prop_assert_eq!(read.as_ref(), Ok(file), "{}", text);
                let accepted = file.reviewed.clone().unwrap_or_default();
                for entry in &file.allow {
                    let is_old = base.allow.contains(entry);
                    let is_kept = accepted.accepted().risk_of(&entry.value).is_some();
                    prop_assert!(is_old || is_kept, "{}\n{text}", entry.value);
                }
                for comment in ["# mine", "# careful"] {
                    prop_assert!(text.contains(comment), "{text}");
                }
            }
        }
    }
}
