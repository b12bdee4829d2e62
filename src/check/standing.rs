//! Rules that no person has accepted.

use super::{Check, Options};
use crate::profile::{CheckCode, ContentChange, Open, Rule, Since, Standing, Subject, Widened};
use crate::report::{Finding, Severity, count, printable, quoted};

/// The number of rules that a finding names.
const EXAMPLES: usize = 3;

/// Whether the rule may have existed when a person decided on the others.
fn is_undecided(open: &Open) -> bool {
    open.accepted_as.is_none() && open.since != Since::Added
}

impl Check<'_> {
    pub(super) fn find_unreviewed(&mut self, options: &Options) {
        let standing = self.profile.standing();
        if !standing.has_begun {
            let code = CheckCode::Unreviewed;
            let rules = count(standing.open_count(), "rule");
            // A profile without decisions is a draft, which its author knows. It is an error only if the
            // caller requires a review, or if there were decisions before.
            let (severity, message) = match &options.reviewed_before {
                None => (
                    if options.requires_reviewed { Severity::Error } else { Severity::Note },
                    format!("nobody has reviewed this profile ({rules})"),
                ),
                Some(before) => (
                    Severity::Error,
                    format!("{before} was reviewed, but the review was removed ({rules})"),
                ),
            };
            let finding = Finding {
                severity,
                region: Self::region(self.key(&["name"]), ""),
                help: Some(self.review()),
                ..Self::finding(code, message)
            };
            self.push(code, None, finding);
            return;
        }
        self.find_undecided(&standing);
        let decided = standing.open.iter().filter(|open| !is_undecided(open));
        for open in decided {
            let Some(entry) = self.profile.allow.get(open.place) else { continue };
            let operation = entry.value.operation();
            let (code, message) = match open.accepted_as {
                Some(before) => (
                    CheckCode::RiskRose,
                    format!(
                        "{} was accepted as {before} and is {} today",
                        entry.value,
                        entry.value.risk()
                    ),
                ),
                None => (CheckCode::Unreviewed, self.added(&entry.value)),
            };
            let finding = Finding {
                subject: Some(entry.value.to_string()),
                risk: Some(entry.value.risk()),
                region: Self::region(
                    entry.span.clone(),
                    &match entry.value.contents() {
                        None => format!("{}: {}", entry.value.risk(), operation.reason),
                        Some(_) => entry.value.risk().to_string(),
                    },
                ),
                help: Some(self.review()),
                ..Self::finding(code, message)
            };
            self.push(code, Some(Subject::Rule(entry.value.clone())), finding);
        }
        for place in &standing.open_unknown {
            let Some(entry) = self.profile.unknown.get(*place) else { continue };
            let code = CheckCode::Unreviewed;
            let text = entry.value.to_string();
            let finding = Finding {
                subject: Some(text.clone()),
                region: Self::region(entry.span.clone(), "nothing is known about it"),
                help: Some(self.review()),
                ..Self::finding(code, format!("nobody has accepted {text}"))
            };
            self.push(code, Some(Subject::Text(text)), finding);
        }
        for change in &standing.changes {
            let code = CheckCode::Unreviewed;
            let (key, label) = match change {
                Widened::Engine { .. } => ("engine", "the review was for another engine"),
                Widened::MinApi { to: Some(_), .. } => {
                    ("min_api", "the review was for a newer version")
                }
                Widened::MinApi { to: None, .. } => {
                    ("reviewed", "at the review, the profile had a min_api")
                }
                Widened::Undenied(_) => ("deny", "the rule was here"),
                Widened::ByHand | Widened::Something => ("reviewed", "the digest does not match"),
            };
            let finding = Finding {
                region: Self::region(self.key(&[key, "reviewed"]), label),
                help: Some(self.review()),
                ..Self::finding(code, change.to_string())
            };
            self.push(code, None, finding);
        }
    }

    /// What was added to the profile after the review: a rule, or what one allows requests to contain.
    fn added(&self, rule: &Rule) -> String {
        let reviewed = self.profile.reviewed.as_ref();
        match reviewed.and_then(|reviewed| reviewed.gained(rule)) {
            Some(gained) => format!(
                "{}: {} after the review, and nobody has accepted it",
                rule.without_contents(),
                ContentChange::told(&gained)
            ),
            None => format!("{rule} was added after the review, and nobody has accepted it"),
        }
    }

    /// One finding for all undecided rules, because finishing an interrupted review is a single
    /// task.
    fn find_undecided(&mut self, standing: &Standing) {
        let open = standing.open.iter().filter(|open| is_undecided(open));
        let entries: Vec<_> = open.filter_map(|open| self.profile.allow.get(open.place)).collect();
        let Some(first) = entries.iter().max_by_key(|entry| entry.value.risk()) else {
            return;
        };
        let mut names: Vec<&Rule> = entries.iter().map(|entry| &entry.value).collect();
        names.sort_by_key(|rule| std::cmp::Reverse(rule.risk()));
        let mut shown: Vec<String> = names.iter().take(EXAMPLES).map(ToString::to_string).collect();
        let more = names.len().saturating_sub(EXAMPLES);
        shown.extend((more > 0).then(|| format!("{more} more")));
        let operation = first.value.operation();
        let code = CheckCode::Unreviewed;
        let all = count(self.profile.allow.len(), "rule");
        let message = format!("nobody has accepted {} of {all}: {}", names.len(), shown.join(", "));
        let finding = Finding {
            subject: (names.len() == 1).then(|| first.value.to_string()),
            risk: Some(first.value.risk()),
            region: Self::region(
                first.span.clone(),
                &format!("{}: {}", first.value.risk(), operation.reason),
            ),
            help: Some(self.review()),
            ..Self::finding(code, message)
        };
        let subject = (names.len() == 1).then(|| Subject::Rule(first.value.clone()));
        self.push(code, subject, finding);
    }

    /// The command that resolves the finding.
    fn review(&self) -> String {
        if !self.source.is_file {
            return "dsp review, on the file of this profile".to_owned();
        }
        format!("dsp review {}", printable(&quoted(&self.source.path)))
    }
}
