//! Brings a profile up to date in its own text: what is new is added line by line, and what people
//! decided and wrote stays as it is.

use super::generate::{comment, missing_handshake, provenance, summary};
use super::proof::is_refused_by_people;
use super::{Evidence, Known, Names};
use crate::profile::{Insertion, Profile, Rule, UnknownOperation, insert};

/// What an update came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Update {
    /// The new text.
    pub text: String,
    /// The rules that were added.
    pub added: Vec<String>,
    /// What was recorded and stays forbidden because a person decided so, and by what.
    pub kept_out: Vec<KeptOut>,
}

/// Something that was recorded and that a person decided against.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptOut {
    /// The operation, as a rule spells it.
    pub operation: String,
    /// What keeps it out.
    pub by: Decision,
}

/// A decision of a person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// A rule under `deny`, or `min_api`.
    Denied,
    /// A rule under `allow` that was narrowed to other names.
    Narrowed,
}

/// A profile that cannot be added to in its text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list {0}: is not written with one rule a line, so nothing can be added to it")]
pub struct NotALine(pub &'static str);

/// Adds to `profile`, whose text is `text`, what `evidence` holds and it does not.
///
/// # Errors
/// [`NotALine`].
pub fn update(
    text: &str,
    profile: &Profile,
    evidence: &Evidence,
    names: Names,
    accept_unknown: bool,
) -> Result<Update, NotALine> {
    let mut update = Update::default();
    let mut rules: Vec<(Rule, String)> = Vec::new();
    for known in evidence.known() {
        let news = news(profile, known);
        if news.denied {
            update.keep_out(known, Decision::Denied);
        }
        if news.fresh.values.is_empty() {
            continue;
        }
        if profile.allow.iter().any(|entry| entry.value.operation() == known.operation) {
            update.keep_out(known, Decision::Narrowed);
            continue;
        }
        let comment = comment(evidence, known);
        rules.extend(names.rules(&news.fresh).into_iter().map(|rule| (rule, comment.clone())));
    }
    let allowed =
        |rule: &Rule| profile.allow.iter().chain(&profile.deny).any(|entry| entry.value == *rule);
    let handshake = missing_handshake(evidence).filter(|rule| !allowed(rule));
    rules.extend(handshake.map(|rule| (rule, String::new())));
    rules.sort_by_cached_key(|(rule, _)| (rule.operation().listing_key(), rule.to_string()));

    let unknown: Vec<UnknownOperation> = evidence
        .unknown()
        .filter(|_| accept_unknown)
        .filter(|(_, one)| !profile.unknown.iter().any(|entry| entry.value.matches(&one.request)))
        .filter_map(|(_, one)| UnknownOperation::of(&one.request))
        .collect();
    update.added = rules.iter().map(|(rule, _)| rule.to_string()).collect();
    update.added.extend(unknown.iter().map(ToString::to_string));

    let all =
        profile.allow.iter().map(|entry| &entry.value).chain(rules.iter().map(|(rule, _)| rule));
    let summary = summary(all);
    let rules = rules
        .iter()
        .map(|(rule, comment)| Insertion {
            line: rule.to_string(),
            comment: comment.clone(),
            behind: last_before(profile, rule),
        })
        .collect();
    let text = insert(text, "allow", &profile.allow, rules).ok_or(NotALine("allow"))?;
    let last = profile.unknown.len();
    let unknown = unknown
        .iter()
        .map(|one| Insertion { line: one.to_string(), comment: String::new(), behind: last })
        .collect();
    // The first insertion moved what stands behind it, so the second one reads the text anew.
    let moved = crate::profile::parse(&text).map_err(|_| NotALine("allow"))?;
    let text = insert(&text, "unknown", &moved.unknown, unknown).ok_or(NotALine("unknown"))?;
    update.text = if update.added.is_empty() {
        text
    } else {
        header(&text, &summary, Some(&provenance(evidence)))
    };
    Ok(update)
}

impl Update {
    fn keep_out(&mut self, known: &Known, by: Decision) {
        self.kept_out.push(KeptOut { operation: known.operation.to_string(), by });
    }
}

/// What a profile does not say of an operation that was seen.
struct News {
    /// The values that no rule is about.
    fresh: Known,
    /// Whether a person decided against some.
    denied: bool,
}

fn news(profile: &Profile, known: &Known) -> News {
    let mut denied = false;
    let mut fresh = Known {
        operation: known.operation,
        seen: known.seen.clone(),
        values: std::collections::BTreeMap::new(),
        clients: known.clients.clone(),
        statuses: known.statuses.clone(),
    };
    for (values, versions) in &known.values {
        let refused = |version| is_refused_by_people(profile, known, values, version);
        if versions.iter().any(|version| refused(*version)) {
            denied = true;
        }
        let located = known.located(values);
        let is_allowed = profile.allow.iter().any(|entry| entry.value.matches(&located));
        if !is_allowed && !versions.iter().all(|version| refused(*version)) {
            fresh.values.insert(values.clone(), versions.clone());
        }
    }
    News { fresh, denied }
}

/// How many of the profile's rules come before a new one.
fn last_before(profile: &Profile, rule: &Rule) -> usize {
    let key = rule.operation().listing_key();
    let before = |entry: &crate::profile::Entry<Rule>| entry.value.operation().listing_key() <= key;
    profile.allow.iter().rposition(before).map_or(0, |place| place + 1)
}

/// A profile's text with the line at its head that counts its operations brought up to date, where
/// that is.
#[must_use]
pub fn summarised(text: &str, profile: &Profile) -> String {
    header(text, &summary(profile.allow.iter().map(|entry| &entry.value)), None)
}

/// Brings the two lines that dsp wrote at the head of a profile up to date, where they are; the
/// second one only where there is something new to say.
fn header(text: &str, summary: &str, provenance: Option<&str>) -> String {
    let mut is_head = true;
    let lines = text.split_inclusive('\n').map(|line| {
        is_head &= line.starts_with('#');
        let written = line.trim_end();
        if is_head
            && written.starts_with("# evidence: ")
            && let Some(provenance) = provenance
        {
            format!("# {provenance}\n")
        } else if is_head
            && written.contains(", highest risk: ")
            && let Some((title, _)) = written.split_once(": ")
        {
            format!("{title}: {summary}\n")
        } else {
            line.to_owned()
        }
    });
    lines.collect()
}
