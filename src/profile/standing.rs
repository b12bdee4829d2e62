//! How a profile differs from what people have accepted, and how a review is sealed.
//!
//! The `reviewed` part lists each accepted rule with the risk it had at the time. A rule that was
//! added since, by whatever means, is therefore open, and so is one whose operation is riskier today.
//! Narrowing never requires another review: a rule may disappear from `allow` and from this list,
//! `deny` may grow, and `min_api` may rise.
//!
//! A line that was typed into the list is not a review. Everything a person was shown has a mark,
//! and a rule without its mark is not accepted. The digest covers the marks and everything else
//! except the lists of accepted rules. None of this is a signature: anyone who can change the file
//! can also review it.

use std::collections::HashSet;
use std::fmt;

use sha2::{Digest, Sha256};

use super::reviewed::{kept_line, open_line, unknown_line};
use super::{Entry, Marks, Profile, Reviewed, Rule, RuleIndex, UnknownOperation};
use crate::api::{ApiVersion, EngineKind, Risk};
use crate::text::hex;

/// How the profile differs from what people have accepted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// Whether the profile has a `reviewed` part.
    pub has_begun: bool,
    /// The rules under `allow` that nobody has accepted as they are today, by index.
    pub open: Vec<Open>,
    /// The entries under `unknown` that nobody has accepted, by index.
    pub open_unknown: Vec<usize>,
    /// Other changes that allow more than a person has accepted.
    pub changes: Vec<Widened>,
}

/// A rule that nobody has accepted as it is today.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Open {
    /// Its index in `allow`.
    pub place: usize,
    /// The risk with which it was accepted, if it is riskier today.
    pub accepted_as: Option<Risk>,
    /// When it was added.
    pub since: Since,
}

/// When a rule that nobody has accepted was added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Since {
    /// Before the last review, which left it undecided.
    Undecided,
    /// After the last review.
    Added,
    /// It cannot be determined.
    Unknown,
}

/// A widening, other than a rule, that nobody has accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Widened {
    /// The profile is for a different engine.
    Engine {
        /// The engine at the review.
        from: EngineKind,
        /// The engine today.
        to: EngineKind,
    },
    /// Older API versions are allowed.
    MinApi {
        /// The oldest version at the review.
        from: ApiVersion,
        /// The oldest version today; `None` for any.
        to: Option<ApiVersion>,
    },
    /// A rule is no longer denied, or only in part.
    Undenied(Rule),
    /// The `reviewed` part was edited by hand.
    ByHand,
    /// Something in `deny`, `min_api`, the engine or the list changed. It is unknown what, because
    /// an older dsp wrote the part.
    Something,
}

impl fmt::Display for Widened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine { from, to } => {
                write!(formatter, "engine was {from} at the review and is {to}")
            }
            Self::MinApi { from, to: Some(to) } => {
                write!(formatter, "min_api was \"{from}\" at the review and is \"{to}\"")
            }
            Self::MinApi { from, to: None } => {
                write!(formatter, "min_api was \"{from}\" at the review and is gone")
            }
            Self::Undenied(rule) => {
                write!(formatter, "{rule} was under deny at the review and is gone from there")
            }
            Self::ByHand => formatter.write_str("the reviewed part was changed by hand"),
            Self::Something => formatter.write_str(
                "deny, min_api, engine or the list of what was accepted changed since the review",
            ),
        }
    }
}

impl Standing {
    /// Whether people have accepted all that the profile allows.
    #[must_use]
    pub fn is_reviewed(&self) -> bool {
        self.has_begun
            && self.open.is_empty()
            && self.open_unknown.is_empty()
            && self.changes.is_empty()
    }

    /// The number of open rules and entries.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len() + self.open_unknown.len()
    }

    /// Whether something other than rules is open.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }
}

impl Profile {
    /// What a person has to review.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let nothing = Reviewed::default();
        let reviewed = self.reviewed.as_ref().unwrap_or(&nothing);
        let accepted = reviewed.accepted();
        let unknown: HashSet<&UnknownOperation> =
            reviewed.unknown.iter().map(|entry| &entry.value).collect();
        let since = |rule: &Rule| match &reviewed.marks {
            None => Since::Unknown,
            Some(marks) if marks.has(&open_line(rule)) => Since::Undecided,
            Some(_) => Since::Added,
        };
        let open = self.allow.iter().enumerate().filter_map(|(place, entry)| {
            let accepted = accepted.risk_of(&entry.value);
            let risk = entry.value.risk();
            let is_open = accepted.is_none_or(|accepted| accepted < risk);
            let since = since(&entry.value);
            is_open.then_some(Open { place, accepted_as: accepted, since })
        });
        let is_open = |entry: &Entry<UnknownOperation>| {
            !unknown.contains(&entry.value) || !reviewed.is_marked(&unknown_line(&entry.value))
        };
        let open_unknown = self.unknown.iter().enumerate();
        Standing {
            has_begun: self.reviewed.is_some(),
            open: open.collect(),
            open_unknown: open_unknown
                .filter_map(|(place, entry)| is_open(entry).then_some(place))
                .collect(),
            changes: self
                .reviewed
                .as_ref()
                .map_or_else(Vec::new, |reviewed| self.widened(reviewed)),
        }
    }

    /// Other widenings than rules.
    fn widened(&self, reviewed: &Reviewed) -> Vec<Widened> {
        let fits = reviewed.digest == self.digest_of(reviewed);
        if reviewed.marks.is_none() {
            return if fits { Vec::new() } else { vec![Widened::Something] };
        }
        let mut changes = Vec::new();
        if !fits {
            let mut others = EngineKind::ALL.into_iter().filter(|engine| *engine != self.engine);
            let before = others.find(|engine| reviewed.digest == digest(*engine, reviewed));
            let to = self.engine;
            changes.push(before.map_or(Widened::ByHand, |from| Widened::Engine { from, to }));
        }
        if let Some(from) = reviewed.min_api.filter(|from| self.min_api.is_none_or(|to| to < *from))
        {
            changes.push(Widened::MinApi { from, to: self.min_api });
        }
        // The engine may differ from that of the rules.
        let denied = EngineKind::ALL
            .map(|engine| RuleIndex::new(engine, self.deny.iter().map(|entry| &entry.value)));
        let is_denied = |rule: &Rule| denied.iter().any(|index| index.denies_all_of(rule));
        let gone = reviewed.deny.iter().map(|entry| &entry.value).filter(|rule| !is_denied(rule));
        changes.extend(gone.cloned().map(Widened::Undenied));
        changes
    }

    /// The digest, in hexadecimal, of what a person was shown and of everything outside the lists
    /// of accepted rules. For a part written by an older dsp it covers those lists too.
    #[must_use]
    pub fn digest_of(&self, reviewed: &Reviewed) -> String {
        if reviewed.marks.is_some() {
            return digest(self.engine, reviewed);
        }
        let mut lines = vec![format!("engine {}", self.engine)];
        lines.extend(self.min_api.map(|version| format!("min_api {version}")));
        lines.extend(self.deny.iter().map(|entry| format!("deny {}", entry.value)));
        lines.extend(reviewed.kept.iter().map(|entry| kept_line(&entry.value)));
        lines.extend(reviewed.unknown.iter().map(|entry| unknown_line(&entry.value)));
        digest_of_lines(1, lines)
    }
}

impl Reviewed {
    /// Marks the accepted rules, marks the rest of `profile` as shown but undecided, and records
    /// the denied rules and the oldest version.
    pub fn seal(&mut self, profile: &Profile) {
        self.remember(profile);
        self.min_api = profile.min_api;
        self.deny = profile.deny.iter().map(|entry| Entry::new(entry.value.clone())).collect();
        self.digest = profile.digest_of(self);
    }

    /// Marks the rules, and leaves open the other widenings in `changes`: `deny` and `min_api` stay
    /// as they were at the last review, and a digest that does not match stays wrong.
    pub fn seal_rules(&mut self, profile: &Profile, changes: &[Widened]) {
        self.remember(profile);
        let fits =
            |change: &Widened| matches!(change, Widened::MinApi { .. } | Widened::Undenied(_));
        if changes.iter().all(fits) {
            self.digest = profile.digest_of(self);
        }
    }

    fn remember(&mut self, profile: &Profile) {
        let mut marks = Marks::default();
        self.kept.iter().for_each(|entry| marks.add(&kept_line(&entry.value)));
        self.unknown.iter().for_each(|entry| marks.add(&unknown_line(&entry.value)));
        let kept: HashSet<&Rule> = self.kept.iter().map(|entry| &entry.value.rule).collect();
        let is_open = |rule: &&Rule| !kept.contains(rule);
        let allow = profile.allow.iter().map(|entry| &entry.value);
        allow.filter(is_open).for_each(|rule| marks.add(&open_line(rule)));
        self.marks = Some(marks);
    }
}

fn digest(engine: EngineKind, reviewed: &Reviewed) -> String {
    let mut lines = vec![format!("engine {engine}")];
    lines.extend(reviewed.min_api.map(|version| format!("min_api {version}")));
    lines.extend(reviewed.deny.iter().map(|entry| format!("deny {}", entry.value)));
    let marks = reviewed.marks.iter().flat_map(Marks::words);
    lines.extend(marks.map(|mark| format!("mark {mark}")));
    digest_of_lines(2, lines)
}

fn digest_of_lines(form: u8, mut lines: Vec<String>) -> String {
    lines.sort();
    lines.dedup();
    hex(&Sha256::digest(format!("dsp review {form}\n{}\n", lines.join("\n"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Comments, Kept, emit, parse};

    const TEXT: &str = "version: 1\nname: x\nmin_api: \"1.40\"\nallow:\n  - GET /containers/*/json\n  \
        - GET /events\n  - GET /info\n  - POST /containers/create\ndeny:\n  - POST /build\n";

    /// A profile, parsed back, in which everything but the last rule is accepted.
    fn reviewed() -> Profile {
        let mut profile = parse(TEXT).unwrap();
        let mut reviewed = Reviewed { marks: Some(Marks::default()), ..Reviewed::default() };
        reviewed.accept(profile.allow.iter().take(3).map(|entry| &entry.value));
        reviewed.seal(&profile);
        profile.reviewed = Some(reviewed);
        let back = parse(&emit(&profile, &Comments::default())).unwrap();
        assert_eq!(back, profile);
        back
    }

    fn rules(text: &str) -> Vec<Entry<Rule>> {
        parse(&format!("version: 1\nname: x\nallow:\n  - {text}\n")).unwrap().allow
    }

    fn described(profile: &Profile) -> Vec<String> {
        let standing = profile.standing();
        let open = standing
            .open
            .iter()
            .map(|open| format!("{:?} {}", open.since, profile.allow[open.place].value));
        open.chain(standing.changes.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn an_undecided_rule_is_distinguished_from_an_added_one() {
        let mut profile = reviewed();
        assert_eq!(described(&profile), ["Undecided POST /containers/create"]);
        profile.allow.extend(rules("POST /build"));
        assert_eq!(described(&profile)[1..], ["Added POST /build"]);
    }

    #[test]
    fn narrowing_needs_no_review() {
        let mut profile = reviewed();
        profile.allow.pop();
        assert!(profile.standing().is_reviewed());
        // Removed from both lists, narrowed, denied, only for newer versions.
        profile.allow.pop();
        let list = &mut profile.reviewed.as_mut().unwrap().kept;
        list.retain(|kept| kept.value.rule.to_string() != "GET /info");
        profile.allow[0] = rules("GET /containers/web/json").remove(0);
        profile.deny.extend(rules("GET /containers/db/json"));
        profile.min_api = Some(ApiVersion::new(1, 44));
        assert_eq!(described(&profile), [""; 0]);
        assert!(profile.standing().is_reviewed());
    }

    #[test]
    fn a_widening_is_reported_with_the_old_value() {
        let mut profile = reviewed();
        profile.allow.pop();
        profile.min_api = Some(ApiVersion::new(1, 30));
        assert_eq!(described(&profile), ["min_api was \"1.40\" at the review and is \"1.30\""]);
        profile.min_api = None;
        profile.deny.clear();
        let gone = "POST /build was under deny at the review and is gone from there";
        assert_eq!(described(&profile), ["min_api was \"1.40\" at the review and is gone", gone]);
        let mut profile = reviewed();
        profile.allow.pop();
        profile.engine = EngineKind::Podman;
        assert_eq!(described(&profile), ["engine was docker at the review and is podman"]);
    }

    #[test]
    fn a_line_typed_into_the_list_is_not_a_review() {
        let mut profile = reviewed();
        let rule = profile.allow[3].value.clone();
        let list = &mut profile.reviewed.as_mut().unwrap().kept;
        list.push(Entry::new(Kept { risk: Risk::Root, rule: rule.clone() }));
        assert_eq!(described(&profile), ["Undecided POST /containers/create"]);
        // A line with its mark but without the digest is not a review either.
        let part = profile.reviewed.as_mut().unwrap();
        let kept = Kept { risk: Risk::Root, rule };
        part.marks.as_mut().unwrap().add(&kept_line(&kept));
        assert_eq!(described(&profile), ["the reviewed part was changed by hand"]);
        // Nor are a changed setting and removed marks.
        let mut profile = reviewed();
        profile.allow.pop();
        profile.reviewed.as_mut().unwrap().min_api = None;
        assert_eq!(described(&profile), ["the reviewed part was changed by hand"]);
        let mut profile = reviewed();
        profile.reviewed.as_mut().unwrap().marks = None;
        assert!(!profile.standing().is_reviewed());
    }
}
