//! What no person has accepted.

use super::Check;
use crate::profile::{BUILTIN, CheckCode, Subject};
use crate::report::{Finding, Severity, count, printable, quoted};

impl Check<'_> {
    pub(super) fn find_unreviewed(&mut self) {
        let standing = self.profile.standing();
        if !standing.has_begun {
            let code = CheckCode::Unreviewed;
            let rules = count(standing.open_count(), "rule");
            let finding = Finding {
                // A profile without decisions is a draft, and that is no news to whoever made it.
                severity: Severity::Note,
                region: Self::region(self.key(&["name"]), ""),
                help: Some(review_command(&self.source.path)),
                ..Self::finding(code, format!("nobody has reviewed this profile ({rules})"))
            };
            self.push(code, None, finding);
            return;
        }
        for open in &standing.open {
            let Some(entry) = self.profile.allow.get(open.place) else { continue };
            let operation = entry.value.operation();
            let (code, message) = match open.accepted_as {
                Some(before) => (
                    CheckCode::RiskRose,
                    format!(
                        "{} was accepted as {before} and is {} today",
                        entry.value, operation.risk
                    ),
                ),
                None => (
                    CheckCode::Unreviewed,
                    format!("{} was added, and nobody has accepted it", entry.value),
                ),
            };
            let finding = Finding {
                subject: Some(entry.value.to_string()),
                risk: Some(operation.risk),
                region: Self::region(
                    entry.span.clone(),
                    &format!("{}: {}", operation.risk, operation.reason),
                ),
                help: Some(review_command(&self.source.path)),
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
                help: Some(review_command(&self.source.path)),
                ..Self::finding(code, format!("{text} was added, and nobody has accepted it"))
            };
            self.push(code, Some(Subject::Text(text)), finding);
        }
        if standing.is_changed {
            let code = CheckCode::Unreviewed;
            let message = "what is denied, min_api or the list of what was accepted has changed \
                           since the review";
            let finding = Finding {
                region: Self::region(self.key(&["reviewed"]), "its digest is of something else"),
                help: Some(review_command(&self.source.path)),
                ..Self::finding(code, message)
            };
            self.push(code, None, finding);
        }
    }
}

/// The command that has a person review a profile. One that is part of dsp cannot be changed, so that a
/// copy is made of it first.
#[must_use]
pub fn review_command(path: &str) -> String {
    match path.strip_prefix(BUILTIN) {
        Some(name) => {
            let (name, file) = (quoted(name), quoted(&format!("{name}.yaml")));
            printable(&format!("dsp profiles show {name} > {file} && dsp review {file}"))
        }
        None => format!("dsp review {}", printable(&quoted(path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_dsp_is_copied_before_it_is_reviewed() {
        assert_eq!(review_command("a b.yaml"), "dsp review 'a b.yaml'");
        assert_eq!(
            review_command("builtin:traefik"),
            "dsp profiles show traefik > traefik.yaml && dsp review traefik.yaml"
        );
    }
}
