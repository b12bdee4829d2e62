//! A profile with its text, and how a decision changes both.
//!
//! The text is edited line by line, and the profile is edited as a value. A decision is accepted only
//! if the edited text parses as exactly the intended profile.

use std::collections::HashSet;
use std::fmt;

use crate::learn;
use crate::profile::{
    self, Entry, Insertion, Kept, Profile, Reviewed, Rule, RuleIndex, UnknownOperation, Widened,
    comment, emit_reviewed, insert, key_span, remove_all, replace, set_comment, set_part,
};

/// A profile under review.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    text: String,
    profile: Profile,
}

/// What a decision is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// A rule under `allow`.
    Rule(Rule),
    /// A request under `unknown`.
    Unknown(UnknownOperation),
}

/// A decision of the user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// These are kept, and accepted with the risk that they have today.
    Keep(Vec<Subject>),
    /// A rule moves from `allow` to `deny`, with everything that it covers. An unknown request is
    /// removed.
    Deny(Subject),
    /// Rules under `allow` are replaced by narrower ones, which are accepted.
    Narrow {
        /// The rules to replace.
        from: Vec<Rule>,
        /// The narrower rules.
        to: Vec<Rule>,
    },
    /// A comment replaces the existing one. An empty comment removes it.
    Note {
        /// The rule or request that it is for.
        subject: Subject,
        /// The comment.
        text: String,
    },
    /// Everything else that has changed since the review is accepted: `deny`, `min_api`, `engine` and
    /// the list of what was accepted.
    Confirm,
}

/// Why a decision cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DraftError {
    /// It refers to something that is not in the profile.
    #[error("{0} is not in the profile")]
    NotThere(String),
    /// A new rule is not narrower.
    #[error("{0} is not narrower than the rule that it would replace")]
    NotNarrower(String),
    /// The list is not written with one entry per line.
    #[error("the list {0}: does not have one rule per line, so it has to be edited by hand")]
    NotALine(&'static str),
    /// The edited text would mean something else.
    #[error("the edited profile would not mean what was decided, so nothing was changed")]
    Unfaithful,
}

impl Draft {
    /// A profile with the text that it was parsed from.
    #[must_use]
    pub fn new(text: String, profile: Profile) -> Self {
        Self { text, profile }
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
        let span = match subject {
            Subject::Rule(rule) => span_of(&self.profile.allow, rule),
            Subject::Unknown(unknown) => span_of(&self.profile.unknown, unknown),
        };
        span.and_then(|span| comment(&self.text, &span)).unwrap_or_default()
    }

    /// Returns the draft after a decision.
    ///
    /// # Errors
    /// [`DraftError`]. The decision then has no effect.
    pub fn decide(&self, decision: &Decision) -> Result<Self, DraftError> {
        let changes = self.profile.standing().changes;
        let mut edit = Edit { text: self.text.clone(), profile: self.profile.clone(), changes };
        let mut reviewed = self.profile.reviewed.clone().unwrap_or_default();
        match decision {
            Decision::Keep(subjects) => {
                edit.keep(&mut reviewed, subjects)?;
            }
            Decision::Deny(Subject::Rule(rule)) => edit.deny(rule)?,
            Decision::Deny(Subject::Unknown(unknown)) => edit.drop_unknown(unknown)?,
            Decision::Narrow { from, to } => {
                edit.narrow(from, to)?;
                let subjects: Vec<Subject> = to.iter().cloned().map(Subject::Rule).collect();
                edit.keep(&mut reviewed, &subjects)?;
            }
            Decision::Note { subject, text } => {
                edit.note(subject, text)?;
                return edit.read_back();
            }
            Decision::Confirm => {}
        }
        edit.seal(reviewed, *decision == Decision::Confirm);
        edit.read_back()
    }
}

/// A text, and the profile that it should describe.
struct Edit {
    text: String,
    profile: Profile,
    /// What was widened since the last review, besides rules.
    changes: Vec<Widened>,
}

impl Edit {
    fn keep(&self, reviewed: &mut Reviewed, subjects: &[Subject]) -> Result<(), DraftError> {
        let allowed: HashSet<&Rule> = self.profile.allow.iter().map(|entry| &entry.value).collect();
        let listed: HashSet<&UnknownOperation> =
            self.profile.unknown.iter().map(|entry| &entry.value).collect();
        let mut kept = Vec::new();
        for subject in subjects {
            let is_there = match subject {
                Subject::Rule(rule) => {
                    kept.push(rule);
                    allowed.contains(rule)
                }
                Subject::Unknown(unknown) => {
                    reviewed.accept_unknown(unknown);
                    listed.contains(unknown)
                }
            };
            if !is_there {
                return Err(DraftError::NotThere(subject.to_string()));
            }
        }
        reviewed.accept(kept);
        Ok(())
    }

    fn deny(&mut self, rule: &Rule) -> Result<(), DraftError> {
        let span = span_of(&self.profile.allow, rule);
        let span = span.ok_or_else(|| DraftError::NotThere(rule.to_string()))?;
        let comment = comment(&self.text, &span).ok_or(DraftError::NotALine("allow"))?;
        self.remove_rules(|allowed| rule.covers(allowed))?;
        if self.profile.deny.iter().any(|entry| entry.value.covers(rule)) {
            return Ok(());
        }
        if key_span(&self.text, "deny").is_none() {
            // A new list is written at the end, but `reviewed` must come after all others.
            self.text = set_part(&self.text, "reviewed", "");
            self.profile.reviewed = None;
        }
        let after = self.profile.deny.len();
        let insertion = Insertion { line: rule.to_string(), comment, after };
        self.text = insert(&self.text, "deny", &self.profile.deny, vec![insertion])
            .ok_or(DraftError::NotALine("deny"))?;
        self.profile.deny.push(Entry::new(rule.clone()));
        self.find_spans()
    }

    fn drop_unknown(&mut self, unknown: &UnknownOperation) -> Result<(), DraftError> {
        span_of(&self.profile.unknown, unknown)
            .ok_or_else(|| DraftError::NotThere(unknown.to_string()))?;
        let places = places_of(&self.profile.unknown, |other| other == unknown);
        self.text = remove_all(&self.text, "unknown", &self.profile.unknown, &places)
            .ok_or(DraftError::NotALine("unknown"))?;
        self.profile.unknown.retain(|entry| entry.value != *unknown);
        self.find_spans()
    }

    /// Replaces the first of the wider rules with the narrower ones, and removes the other wider rules.
    fn narrow(&mut self, from: &[Rule], to: &[Rule]) -> Result<(), DraftError> {
        let wider = RuleIndex::new(self.profile.engine, from);
        let from: HashSet<&Rule> = from.iter().collect();
        let allowed: HashSet<&Rule> = self.profile.allow.iter().map(|entry| &entry.value).collect();
        let is_narrower = |rule: &Rule| wider.covers(rule) && !from.contains(rule);
        if let Some(wrong) = to.iter().find(|rule| !is_narrower(rule)) {
            return Err(DraftError::NotNarrower(wrong.to_string()));
        }
        if let Some(gone) = from.iter().find(|rule| !allowed.contains(*rule)) {
            return Err(DraftError::NotThere(gone.to_string()));
        }
        let is_wider = |entry: &Entry<Rule>| from.contains(&entry.value);
        let place = self.profile.allow.iter().position(is_wider);
        let place = place.ok_or(DraftError::NotALine("allow"))?;
        let span = self.profile.allow.get(place).and_then(|entry| entry.span.clone());
        let span = span.ok_or(DraftError::NotALine("allow"))?;
        let old = comment(&self.text, &span).ok_or(DraftError::NotALine("allow"))?;
        let mut seen = allowed;
        let fresh: Vec<Rule> = to.iter().filter(|rule| seen.insert(*rule)).cloned().collect();
        // A count is no longer true if one rule becomes several.
        let comment = if fresh.len() > 1 && is_count(&old) { "" } else { old.as_str() };
        let Some((first, others)) = fresh.split_first() else {
            return self.remove_rules(|rule| from.contains(rule));
        };
        self.text = set_comment(&self.text, &span, comment).ok_or(DraftError::NotALine("allow"))?;
        self.text =
            replace(&self.text, &span, &first.to_string()).ok_or(DraftError::NotALine("allow"))?;
        if let Some(entry) = self.profile.allow.get_mut(place) {
            *entry = Entry::new(first.clone());
        }
        self.find_spans()?;
        let insertion = |rule: &Rule| Insertion {
            line: rule.to_string(),
            comment: comment.to_owned(),
            after: place + 1,
        };
        let insertions = others.iter().map(insertion).collect();
        self.text = insert(&self.text, "allow", &self.profile.allow, insertions)
            .ok_or(DraftError::NotALine("allow"))?;
        let others = others.iter().cloned().map(Entry::new);
        self.profile.allow.splice(place + 1..place + 1, others);
        self.find_spans()?;
        self.remove_rules(|rule| from.contains(rule))
    }

    fn remove_rules(&mut self, is_gone: impl Fn(&Rule) -> bool) -> Result<(), DraftError> {
        let places = places_of(&self.profile.allow, &is_gone);
        if places.is_empty() {
            return Ok(());
        }
        self.text = remove_all(&self.text, "allow", &self.profile.allow, &places)
            .ok_or(DraftError::NotALine("allow"))?;
        self.profile.allow.retain(|entry| !is_gone(&entry.value));
        self.find_spans()
    }

    fn note(&mut self, subject: &Subject, note: &str) -> Result<(), DraftError> {
        let (list, span) = match subject {
            Subject::Rule(rule) => ("allow", span_of(&self.profile.allow, rule)),
            Subject::Unknown(unknown) => ("unknown", span_of(&self.profile.unknown, unknown)),
        };
        let span = span.ok_or_else(|| DraftError::NotThere(subject.to_string()))?;
        self.text = set_comment(&self.text, &span, note).ok_or(DraftError::NotALine(list))?;
        Ok(())
    }

    /// Writes down which parts of the current profile are accepted. Anything else that was widened
    /// stays open until it is confirmed.
    fn seal(&mut self, reviewed: Reviewed, is_confirmed: bool) {
        let mut kept: Vec<Entry<Kept>> = Vec::new();
        let (accepted, mut seen) = (reviewed.accepted(), HashSet::new());
        for entry in &self.profile.allow {
            let rule = &entry.value;
            if let Some(risk) = accepted.risk_of(rule)
                && seen.insert(rule)
            {
                kept.push(Entry::new(Kept { risk, rule: rule.clone() }));
            }
        }
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.value.risk));
        let mut unknown: Vec<Entry<UnknownOperation>> = Vec::new();
        let mut listed: HashSet<&UnknownOperation> =
            reviewed.unknown.iter().map(|entry| &entry.value).collect();
        for entry in &self.profile.unknown {
            if listed.remove(&entry.value) {
                unknown.push(Entry::new(entry.value.clone()));
            }
        }
        let mut sealed = Reviewed { kept, unknown, ..reviewed };
        if is_confirmed || self.changes.is_empty() {
            sealed.seal(&self.profile);
        } else {
            sealed.seal_rules(&self.profile, &self.changes);
        }
        self.text = set_part(&self.text, "reviewed", &emit_reviewed(&sealed));
        self.text = learn::summarised(&self.text, &self.profile);
        self.profile.reviewed = Some(sealed);
    }

    /// Parses the text in the middle of an edit, to find the current position of each entry.
    fn find_spans(&mut self) -> Result<(), DraftError> {
        let read = profile::parse(&self.text).map_err(|_| DraftError::Unfaithful)?;
        if read != self.profile {
            return Err(DraftError::Unfaithful);
        }
        self.profile = read;
        Ok(())
    }

    fn read_back(mut self) -> Result<Draft, DraftError> {
        self.find_spans()?;
        Ok(Draft { text: self.text, profile: self.profile })
    }
}

/// The positions of the matching entries, in order.
fn places_of<T>(entries: &[Entry<T>], is_meant: impl Fn(&T) -> bool) -> Vec<usize> {
    let meant = entries.iter().enumerate().filter(|(_, entry)| is_meant(&entry.value));
    meant.map(|(place, _)| place).collect()
}

fn span_of<T: PartialEq>(entries: &[Entry<T>], value: &T) -> Option<std::ops::Range<usize>> {
    entries.iter().find(|entry| entry.value == *value)?.span.clone()
}

/// Whether a comment is empty or from `generate`: `seen in 1 of 2 sessions, 3 containers`.
pub(super) fn is_count(comment: &str) -> bool {
    comment.is_empty()
        || comment.split(", ").all(|part| {
            let words: Vec<&str> = part.split(' ').collect();
            let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
            match words.as_slice() {
                [number, _] => is_number(number),
                ["seen", "in", seen, "of", all, "sessions"] => is_number(seen) && is_number(all),
                _ => false,
            }
        })
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => rule.fmt(formatter),
            Self::Unknown(unknown) => unknown.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::EngineKind;
    use crate::profile::{Diff, parse};

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
            Decision::Deny(Subject::Rule(rule("GET /containers/json"))),
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
        let gone = now.decide(&Decision::Deny(Subject::Unknown(vendor))).unwrap();
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
        let deny = |rule_text| Decision::Deny(Subject::Rule(rule(rule_text)));
        let now = draft(text).decide(&deny("GET /networks/*")).unwrap();
        let now = now.decide(&deny("GET /events")).unwrap();
        assert!(
            now.text.starts_with(
                "version: 1\nname: x\nallow: []\ndeny:  # no\n  - GET /info\n  - GET /networks/*\n  \
                 - GET /events\nreviewed:"
            ),
            "{}",
            now.text
        );
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
                error(in_a_line, &Decision::Deny(Subject::Rule(rule("GET /info")))),
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
                    rule.patterns().iter().map(|_| profile::Pattern::parse("ci-1").unwrap()).collect(),
                );
                let decision = match kind {
                    0 => Decision::Keep(vec![subject]),
                    1 => Decision::Deny(subject),
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
