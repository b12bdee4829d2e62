//! A profile with its text, and how a decision changes both.

use super::decision::{Decision, DraftError, Subject};
use super::edit::{Edit, entry_of};
use super::offer::Offer;
use crate::learn::Evidence;
use crate::profile::{Profile, Rule, comment};

/// A profile under review.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    text: String,
    profile: Profile,
    offer: Option<Box<Offer>>,
}

impl Draft {
    /// A profile with the text that it was parsed from.
    #[must_use]
    pub fn new(text: String, profile: Profile) -> Self {
        Self { text, profile, offer: None }
    }

    /// The same profile with what `evidence` used and it does not allow, as an offer: the file gets what the
    /// user keeps of it. What a person has excluded is not offered.
    ///
    /// # Errors
    /// If the list of rules is not written with one per line.
    pub fn offering(self, evidence: &Evidence) -> Result<Self, DraftError> {
        Ok(match Offer::of(&self.text, &self.profile, evidence)? {
            None => self,
            Some((offer, text, profile)) => Self { text, profile, offer: Some(Box::new(offer)) },
        })
    }

    /// The number of rules, values and requests that are offered.
    #[must_use]
    pub fn offered(&self) -> usize {
        self.offer.as_ref().map_or(0, |offer| offer.len())
    }

    /// What is new about a rule that is not in the file like this.
    pub(super) fn told_of_offer(&self, rule: &Rule) -> Option<&'static str> {
        self.offer.as_ref()?.told(rule)
    }

    /// The text that belongs in the file: without what is offered and nobody has accepted.
    #[must_use]
    pub fn file_text(&self) -> &str {
        self.offer.as_ref().map_or(&self.text, |offer| &offer.text)
    }

    /// The profile that the text in the file describes.
    #[must_use]
    pub fn file_profile(&self) -> &Profile {
        self.offer.as_ref().map_or(&self.profile, |offer| &offer.profile)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The profile that the text describes.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The comment after a rule or request; empty if there is none.
    #[must_use]
    pub fn comment(&self, subject: &Subject) -> String {
        let comment = match subject {
            Subject::Rule(rule) => {
                entry_of(&self.profile.allow, rule).and_then(|entry| comment(&self.text, entry))
            }
            Subject::Unknown(unknown) => entry_of(&self.profile.unknown, unknown)
                .and_then(|entry| comment(&self.text, entry)),
        };
        comment.unwrap_or_default()
    }

    /// Returns the draft after a decision.
    ///
    /// # Errors
    /// [`DraftError`]. The decision then has no effect.
    pub fn decide(&self, decision: &Decision) -> Result<Self, DraftError> {
        let mut edit = Edit::of(&self.text, &self.profile);
        let mut reviewed = self.profile.reviewed.clone().unwrap_or_default();
        match decision {
            Decision::Keep(subjects) => {
                edit.keep(&mut reviewed, subjects)?;
            }
            Decision::Deny(subjects) => {
                let rules = subjects.iter().filter_map(|subject| match subject {
                    Subject::Rule(rule) => Some(rule),
                    Subject::Unknown(_) => None,
                });
                edit.deny(&rules.collect::<Vec<_>>())?;
                for subject in subjects {
                    if let Subject::Unknown(unknown) = subject {
                        edit.drop_unknown(unknown)?;
                    }
                }
            }
            Decision::Narrow { from, to } => {
                edit.narrow(from, to)?;
                let subjects: Vec<Subject> = to.iter().cloned().map(Subject::Rule).collect();
                edit.keep(&mut reviewed, &subjects)?;
            }
            Decision::Contents { rule, edit: change } => edit.contents(rule, change)?,
            Decision::DenyContents(rule) => edit.deny_contents(rule)?,
            Decision::Note { subject, text } => {
                edit.note(subject, text)?;
                return self.edited(edit);
            }
            Decision::Confirm => {}
        }
        edit.seal(reviewed, *decision == Decision::Confirm);
        self.edited(edit)
    }

    /// The draft after an edit.
    fn edited(&self, edit: Edit) -> Result<Self, DraftError> {
        let (text, profile) = edit.read_back()?;
        let offer = self.offer.as_ref().map(|offer| offer.after(&text, &profile));
        Ok(Self { text, profile, offer: offer.transpose()?.map(Box::new) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::EngineKind;
    use crate::profile::{Diff, Pattern, Rule, parse};

    const TEXT: &str = "# docker: 4 operations, highest risk: root\n# mine\nversion: 1\nname: x\nallow:\n  \
        - GET /info\n  # careful\n  - POST /containers/*/exec   # seen in 1 of 2 sessions, 3 containers\n  \
        - POST /containers/*/start  # on purpose\n\n  - GET /containers/json\nunknown:\n  - GET /vendor/x\n";

    fn draft(text: &str) -> Draft {
        Draft::new(text.to_owned(), parse(text).unwrap())
    }

    fn rule(text: &str) -> Rule {
        Rule::parse(EngineKind::Docker, text).unwrap()
    }

    fn keep(text: &str) -> Decision {
        Decision::Keep(vec![Subject::Rule(rule(text))])
    }

    fn deny(texts: &[&str]) -> Decision {
        Decision::Deny(texts.iter().map(|text| Subject::Rule(rule(text))).collect())
    }

    fn narrow(from: &str, to: &[&str]) -> Decision {
        Decision::Narrow { from: vec![rule(from)], to: to.iter().map(|text| rule(text)).collect() }
    }

    #[test]
    fn decisions_are_written_where_they_belong() {
        let vendor = draft(TEXT).profile.unknown[0].value.clone();
        let mut now = draft(TEXT);
        for decision in [
            narrow(
                "POST /containers/*/exec",
                &["POST /containers/db/exec", "POST /containers/web/exec"],
            ),
            narrow("POST /containers/*/start", &["POST /containers/ci-*/start"]),
            keep("GET /info"),
            deny(&["GET /containers/json"]),
            Decision::Keep(vec![Subject::Unknown(vendor.clone())]),
            Decision::Note { subject: Subject::Rule(rule("GET /info")), text: "who asks?".into() },
        ] {
            now = now.decide(&decision).unwrap();
        }
        let digest = now.profile.reviewed.as_ref().unwrap().digest.clone();
        insta::assert_snapshot!(now.text.replace(&digest, "[DIGEST]"), @r#"
        # docker: 3 operations, highest risk: root
        # mine
        version: 1
        name: x
        allow:
          - GET /info  # who asks?
          # careful
          - POST /containers/db/exec
          - POST /containers/web/exec
          - POST /containers/ci-*/start  # on purpose

        unknown:
          - GET /vendor/x
        deny:
          - GET /containers/json
        reviewed:  # by dsp review; a rule that is not here is open
          digest: "[DIGEST]"
          deny:
            - GET /containers/json
          root:
            - POST /containers/db/exec
            - POST /containers/web/exec
          change:
            - POST /containers/ci-*/start
          read:
            - GET /info
          unknown:
            - GET /vendor/x
          marks:
            - "26cbd044 679b802e ad651af6 c1f7c9e7 d8451caf"
        "#);
        assert!(now.profile.standing().is_reviewed());
        let gone = now.decide(&Decision::Deny(vec![Subject::Unknown(vendor)])).unwrap();
        assert!(gone.text.contains("unknown: []\n") && gone.profile.unknown.is_empty());
        assert!(gone.profile.standing().is_reviewed());
        assert_eq!(now.comment(&Subject::Rule(rule("GET /info"))), "who asks?");
    }

    #[test]
    fn what_changed_beside_the_rules_stays_open_until_it_is_confirmed() {
        let reviewed = draft(
            "version: 1\nname: x\nmin_api: \"1.40\"\nallow:\n  - GET /info\n  - GET /events\n",
        )
        .decide(&keep("GET /info"))
        .unwrap();
        let changed = draft(&reviewed.text.replace("\nmin_api: \"1.40\"", "\nmin_api: \"1.30\""));
        let kept = changed.decide(&keep("GET /events")).unwrap();
        assert!(
            kept.profile.standing().is_changed(),
            "an answer must not confirm what was not shown"
        );
        assert_eq!(kept.profile.standing().open_count(), 0);
        assert!(kept.decide(&Decision::Confirm).unwrap().profile.standing().is_reviewed());
    }

    #[test]
    fn a_rule_that_is_denied_takes_with_it_what_it_covers() {
        let text = "version: 1\nname: x\nallow:\n  - GET /events\n  - GET /events\n  \
                    - GET /networks/*\n  - GET /networks/a\ndeny:  # no\n  - GET /info\n";
        let now = draft(text).decide(&deny(&["GET /networks/*"])).unwrap();
        let now = now.decide(&deny(&["GET /events"])).unwrap();
        assert!(
            now.text.starts_with(
                "version: 1\nname: x\nallow: []\ndeny:  # no\n  - GET /info\n  - GET /networks/*\n  \
                 - GET /events\nreviewed:"
            ),
            "{}",
            now.text
        );
    }

    /// Several at once are written as one after the other.
    #[test]
    fn rules_that_are_denied_together_are_written_in_their_order() {
        let text = "version: 1\nname: x\nallow:\n  - GET /events\n  - GET /networks/*  # all\n  \
                    - GET /networks/a\n  - GET /info\ndeny:\n  - GET /info\n";
        let all = ["GET /networks/*", "GET /networks/a", "GET /info", "GET /events"];
        let mut one_by_one = draft(text);
        for rule in ["GET /networks/*", "GET /info", "GET /events"] {
            one_by_one = one_by_one.decide(&deny(&[rule])).unwrap();
        }
        let together = draft(text).decide(&deny(&all)).unwrap();
        assert_eq!(together, one_by_one);
        let missing = draft(text).decide(&deny(&["GET /info", "GET /version"])).unwrap_err();
        assert_eq!(missing, DraftError::NotThere("GET /version".to_owned()));
    }

    #[test]
    fn what_cannot_be_decided_is_told() {
        let error =
            |text: &str, decision: &Decision| draft(text).decide(decision).unwrap_err().to_string();
        let in_a_line = "version: 1\nname: x\nallow: [GET /info, GET /networks/*]\n";
        insta::assert_snapshot!(
            [
                error(TEXT, &keep("GET /events")),
                error(TEXT, &narrow("POST /containers/*/exec", &["POST /containers/*/exec"])),
                error(TEXT, &narrow("POST /containers/*/exec", &["POST /containers/a/kill"])),
                error(TEXT, &narrow("POST /containers/a/exec", &["POST /containers/a/exec"])),
                error(in_a_line, &deny(&["GET /info"])),
                error(in_a_line, &narrow("GET /networks/*", &["GET /networks/a"])),
            ]
            .join("\n"),
            @r"
        GET /events is not in the profile
        POST /containers/*/exec is not narrower than the rule that it would replace
        POST /containers/a/kill is not narrower than the rule that it would replace
        POST /containers/a/exec is not narrower than the rule that it would replace
        the list allow: does not have one rule per line, so it has to be edited by hand
        the list allow: does not have one rule per line, so it has to be edited by hand
        "
        );
        let kept = draft(in_a_line).decide(&keep("GET /info")).unwrap();
        assert!(kept.text.starts_with(in_a_line), "keeping needs no change of the list");
    }

    const RULES: [&str; 8] = [
        "GET /info",
        "GET /containers/*/json",
        "GET /containers/ci-*/json",
        "GET /containers/ci-1/json",
        "POST /containers/*/exec",
        "\"POST /containers/web/exec\"",
        "GET /images/reg:5000/*/json",
        "DELETE /containers/json",
    ];

    fn any_text() -> impl Strategy<Value = String> {
        let one = (prop::sample::select(RULES.as_slice()), "( {1,4}#[ -~]{0,6})?");
        let list = |lines: Vec<(&str, String)>| -> String {
            lines.iter().map(|(rule, comment)| format!("  - {rule}{comment}\n")).collect()
        };
        (prop::collection::vec(one.clone(), 1..7), prop::collection::vec(one, 0..3), any::<bool>())
            .prop_map(move |(allow, deny, deny_first)| {
                let allow = format!("allow:\n  # first\n{}# end\n", list(allow));
                let deny = match deny.len() {
                    0 => String::new(),
                    _ => format!("deny:\n{}", list(deny)),
                };
                let (one, other) = if deny_first { (deny, allow) } else { (allow, deny) };
                format!("# mine\nversion: 1\nname: x\n{one}\n{other}")
            })
    }

    proptest! {
        #[test]
        fn no_decision_widens_and_what_stands_around_stays(
            text in any_text(),
            steps in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 1..6),
            note in "\\PC{0,8}",
        ) {
            let mut now = draft(&text);
            let mut untouched: Vec<String> = text.lines().map(str::to_owned).collect();
            for (place, kind) in steps {
                if now.profile.allow.is_empty() { break }
                let rule = now.profile.allow[place.index(now.profile.allow.len())].value.clone();
                let subject = Subject::Rule(rule.clone());
                let narrower = Rule::narrowed(
                    rule.operation(),
                    rule.patterns().iter().map(|_| Pattern::parse("ci-1").unwrap()).collect(),
                );
                let decision = match kind {
                    0 => Decision::Keep(vec![subject]),
                    1 => Decision::Deny(vec![subject]),
                    2 => Decision::Narrow { from: vec![rule.clone()], to: vec![narrower.clone()] },
                    _ => Decision::Note { subject, text: note.clone() },
                };
                let next = match now.decide(&decision) {
                    Ok(next) => next,
                    Err(DraftError::NotNarrower(_)) => continue,
                    Err(error) => return Err(TestCaseError::fail(format!("{error}\n{}", now.text))),
                };
                let diff = Diff::of(&now.profile, &next.profile);
                prop_assert!(!diff.widens(), "{decision:?} {diff:?}");
                let names_rule = |line: &String| line.contains(rule.operation().template.to_string().split('*').next().unwrap_or_default());
                untouched.retain(|line| !names_rule(line) && *line != "allow:");
                for line in &untouched {
                    prop_assert!(next.text.lines().any(|other| other == line), "{line} is gone from\n{}", next.text);
                }
                if let Decision::Keep(_) = decision {
                    prop_assert_eq!(next.profile.reviewed.as_ref().unwrap().accepted().risk_of(&rule), Some(rule.risk()));
                }
                now = next;
            }
        }
    }
}
