//! What no person has accepted.

use super::{Check, Options};
use crate::profile::{CheckCode, Open, Rule, Since, Standing, Subject, Widened};
use crate::report::{Finding, Severity, count, printable, quoted};

/// How many rules a finding names.
const EXAMPLES: usize = 3;

/// Whether nothing says that the rule was added since somebody decided on the others.
fn is_undecided(open: &Open) -> bool {
    open.accepted_as.is_none() && open.since != Since::Added
}

impl Check<'_> {
    pub(super) fn find_unreviewed(&mut self, options: &Options) {
        let standing = self.profile.standing();
        if !standing.has_begun {
            let code = CheckCode::Unreviewed;
            let rules = count(standing.open_count(), "rule");
            // A profile without decisions is a draft, which is no news to the person who made it. It is
            // an error if that person wants a reviewed one, and if decisions were there before.
            let (severity, message) = match &options.reviewed_before {
                None => (
                    if options.requires_reviewed { Severity::Error } else { Severity::Note },
                    format!("nobody has reviewed this profile ({rules})"),
                ),
                Some(before) => (
                    Severity::Error,
                    format!("{before} was reviewed, and the review was taken away ({rules})"),
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
                None => (
                    CheckCode::Unreviewed,
                    format!(
                        "{} was added since the review, and nobody has accepted it",
                        entry.value
                    ),
                ),
            };
            let finding = Finding {
                subject: Some(entry.value.to_string()),
                risk: Some(entry.value.risk()),
                region: Self::region(
                    entry.span.clone(),
                    &format!("{}: {}", entry.value.risk(), operation.reason),
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
                Widened::Engine { .. } => ("engine", "another one was reviewed"),
                Widened::MinApi { to: Some(_), .. } => ("min_api", "a newer one was reviewed"),
                Widened::MinApi { to: None, .. } => ("reviewed", "there was a min_api then"),
                Widened::Undenied(_) => ("deny", "it stood here"),
                Widened::ByHand | Widened::Something => {
                    ("reviewed", "its digest is of something else")
                }
            };
            let finding = Finding {
                region: Self::region(self.key(&[key, "reviewed"]), label),
                help: Some(self.review()),
                ..Self::finding(code, change.to_string())
            };
            self.push(code, None, finding);
        }
    }

    /// One finding for all rules that no person has decided on: a review that stopped half-way is one
    /// thing to do.
    fn find_undecided(&mut self, standing: &Standing) {
        let open = standing.open.iter().filter(|open| is_undecided(open));
        let entries: Vec<_> = open.filter_map(|open| self.profile.allow.get(open.place)).collect();
        let Some(first) = entries.iter().max_by_key(|entry| entry.value.risk()) else {
            return;
        };
        let mut names: Vec<&Rule> = entries.iter().map(|entry| &entry.value).collect();
        names.sort_by_key(|rule| std::cmp::Reverse(rule.risk()));
        let mut told: Vec<String> = names.iter().take(EXAMPLES).map(ToString::to_string).collect();
        let more = names.len().saturating_sub(EXAMPLES);
        told.extend((more > 0).then(|| format!("{more} more")));
        let operation = first.value.operation();
        let code = CheckCode::Unreviewed;
        let all = count(self.profile.allow.len(), "rule");
        let verb = if names.len() == 1 { "is" } else { "are" };
        let message =
            format!("{} of {all} {verb} not accepted by anybody: {}", names.len(), told.join(", "));
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

    /// The command that settles it.
    fn review(&self) -> String {
        if !self.source.is_file {
            return "dsp review, on the file of this profile".to_owned();
        }
        format!("dsp review {}", printable(&quoted(&self.source.path)))
    }
}
