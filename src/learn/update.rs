//! Updates a profile in place: adds new rules line by line and keeps everything that people decided
//! and wrote.

use std::collections::{BTreeMap, HashSet};

use super::generate::{comment, missing_handshake, provenance, summary};
use super::{Chosen, Confine, Evidence, Known, MinApi, Names};
use crate::answers::Hidden;
use crate::api::{ApiVersion, Template};
use crate::contents::Fact;
use crate::policy::{Enforcer, Reason};
use crate::profile::{
    Entry, Insertion, Profile, Rule, UnknownOperation, ValuePattern, add_value, insert, set_min_api,
};

/// The prefix of the header line that describes the evidence.
const EVIDENCE: &str = "# evidence: ";

/// The prefix of the line below it, which describes only the last update.
const LAST_UPDATE: &str = "# last update: ";

/// The result of an update.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Update {
    /// The new text.
    pub text: String,
    /// The rules that were added.
    pub added: Vec<String>,
    /// The values that were added to rules about contents.
    pub values: Vec<String>,
    /// What was recorded and stays denied because of a person's decision.
    pub kept_out: Vec<KeptOut>,
    /// What was recorded and `min_api` denies.
    pub too_old: Option<TooOld>,
    /// The old and the new `min_api`, if the update was asked to change it and did.
    pub min_api: Option<(Option<ApiVersion>, Option<ApiVersion>)>,
}

/// Recorded requests for API versions older than a profile's `min_api`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooOld {
    /// The profile's `min_api`.
    pub least: ApiVersion,
    /// The oldest version that was recorded.
    pub oldest: ApiVersion,
    /// The number of operations that were requested in such versions.
    pub operations: usize,
}

/// The options of an update.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// How wide new rules are.
    pub names: Names,
    /// What new rules say about contents.
    pub confine: Confine,
    /// What new rules hide in answers that have it.
    pub hide: Hidden,
    /// Which unknown operations to list.
    pub accept_unknown: Chosen,
    /// The new `min_api`; `None` leaves it unchanged.
    pub min_api: Option<MinApi>,
}

/// Something that was recorded and that a person has excluded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptOut {
    /// The operation as a rule spells it.
    pub operation: String,
    /// The decision that excludes it.
    pub by: Decision,
}

/// A person's decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// A rule under `deny`.
    Denied,
    /// A rule under `allow` that was narrowed to other names.
    Narrowed,
    /// A rule about contents, and those of the request were not recorded.
    Confined,
}

/// A part of a profile's text cannot be edited.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("cannot edit {0}: it does not have one value per line")]
pub struct NotALine(pub &'static str);

/// Adds to `profile`, whose text is `text`, what `evidence` contains and the profile does not.
///
/// # Errors
/// [`NotALine`].
pub fn update(
    text: &str,
    profile: &Profile,
    evidence: &Evidence,
    wishes: Wishes,
) -> Result<Update, NotALine> {
    let mut update = additions(text, profile, evidence, wishes)?;
    if !update.added.is_empty() || !update.values.is_empty() {
        update.text = noted(&update.text, &provenance(evidence));
    }
    Ok(update)
}

/// Like [`update`], but the header does not name the evidence: somebody still has to decide whether
/// anything of it is taken.
///
/// # Errors
/// [`NotALine`].
pub fn additions(
    text: &str,
    profile: &Profile,
    evidence: &Evidence,
    wishes: Wishes,
) -> Result<Update, NotALine> {
    let Wishes { names, confine, hide, accept_unknown, min_api } = wishes;
    let mut update = Update::default();
    let (text, profile) = &with_min_api(text, profile, evidence, min_api, &mut update)?;
    update.too_old = TooOld::of(profile, evidence);
    let mut rules: Vec<(Rule, String)> = Vec::new();
    let mut lacking: Vec<(Rule, Fact)> = Vec::new();
    let (allowed, gate) = (profile.allowed(), Enforcer::new(profile));
    for known in evidence.known() {
        let news = news(&gate, known);
        if news.denied {
            update.keep_out(known, Decision::Denied);
        }
        if news.is_unread {
            update.keep_out(known, Decision::Confined);
        }
        lacking.extend(news.lacking);
        if news.fresh.demands.is_empty() {
            continue;
        }
        if allowed.is_about(known.operation) {
            update.keep_out(known, Decision::Narrowed);
            continue;
        }
        let comment = comment(evidence, known);
        let fresh = names.rules(&news.fresh).into_iter();
        let fresh = fresh.map(|rule| confine.apply(rule, &news.fresh).hiding(hide));
        rules.extend(fresh.map(|rule| (rule, comment.clone())));
    }
    let allowed =
        |rule: &Rule| profile.allow.iter().chain(&profile.deny).any(|entry| entry.value == *rule);
    let handshake = missing_handshake(evidence).filter(|rule| !allowed(rule));
    rules.extend(handshake.map(|rule| (rule, String::new())));
    rules.sort_by_cached_key(|(rule, _)| (rule.operation().listing_key(), rule.to_string()));

    let listed: HashSet<&UnknownOperation> =
        profile.unknown.iter().map(|entry| &entry.value).collect();
    let unknown: Vec<UnknownOperation> = evidence
        .unknown()
        .filter(|(request, _)| accept_unknown.includes(request))
        .filter_map(|(_, one)| one.listed())
        .filter(|one| !listed.contains(one))
        .collect();
    update.added = rules.iter().map(|(rule, _)| rule.to_string()).collect();
    update.added.extend(unknown.iter().map(ToString::to_string));
    let mut seen = HashSet::new();
    lacking.retain(|value| seen.insert(value.clone()));
    update.values =
        lacking.iter().map(|(rule, fact)| format!("{}: {fact}", rule.without_contents())).collect();

    let all =
        profile.allow.iter().map(|entry| &entry.value).chain(rules.iter().map(|(rule, _)| rule));
    let summary = summary(all);
    let places = Places::of(profile);
    let rules = rules
        .iter()
        .map(|(rule, comment)| Insertion {
            line: rule.to_string(),
            comment: comment.clone(),
            after: places.last_before(rule),
        })
        .collect();
    let text = insert(text, "allow", &profile.allow, rules).ok_or(NotALine("allow"))?;
    let last = profile.unknown.len();
    let unknown = unknown
        .iter()
        .map(|one| Insertion { line: one.to_string(), comment: String::new(), after: last })
        .collect();
    // The first insertion moved everything after it, so the text is parsed again.
    let moved = crate::profile::parse(&text).map_err(|_| NotALine("allow"))?;
    let text = insert(&text, "unknown", &moved.unknown, unknown).ok_or(NotALine("unknown"))?;
    let text = add_values(text, &lacking)?;
    update.text = header(&text, Some(&summary), None);
    Ok(update)
}

/// The text and the profile with the requested `min_api`.
fn with_min_api(
    text: &str,
    profile: &Profile,
    evidence: &Evidence,
    wanted: Option<MinApi>,
    update: &mut Update,
) -> Result<(String, Profile), NotALine> {
    let Some(wanted) = wanted else { return Ok((text.to_owned(), profile.clone())) };
    let version = match wanted {
        // The evidence is only the newest part of everything that was recorded.
        MinApi::Recorded => match (profile.min_api, evidence.lowest_version()) {
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        },
        MinApi::Any | MinApi::At(_) => wanted.of(evidence),
    };
    if version == profile.min_api {
        return Ok((text.to_owned(), profile.clone()));
    }
    let text = set_min_api(text, version);
    let changed = crate::profile::parse(&text).map_err(|_| NotALine("min_api"))?;
    if changed.min_api != version || changed.allow != profile.allow {
        return Err(NotALine("min_api"));
    }
    update.min_api = Some((profile.min_api, version));
    Ok((text, changed))
}

impl TooOld {
    /// What a profile's `min_api` denies of the evidence.
    #[must_use]
    pub fn of(profile: &Profile, evidence: &Evidence) -> Option<Self> {
        let least = profile.min_api?;
        let oldest = |versions: &mut dyn Iterator<Item = ApiVersion>| {
            versions.filter(|version| *version < least).min()
        };
        let known = evidence.known().filter_map(|known| oldest(&mut known.versions().flatten()));
        let unknown = evidence
            .unknown()
            .filter_map(|(_, unknown)| oldest(&mut unknown.request.version().into_iter()));
        let versions: Vec<ApiVersion> = known.chain(unknown).collect();
        let oldest = versions.iter().copied().min()?;
        Some(Self { least, oldest, operations: versions.len() })
    }
}

impl Update {
    fn keep_out(&mut self, known: &Known, by: Decision) {
        self.kept_out.push(KeptOut { operation: known.operation.to_string(), by });
    }
}

/// What a profile lacks for an operation that was seen.
struct News {
    /// The demands that no rule matches.
    fresh: Known,
    /// Whether a person denied some of them.
    denied: bool,
    /// The values that rules about contents lack.
    lacking: Vec<(Rule, Fact)>,
    /// Whether there are rules about contents, and those of some demand were not recorded.
    is_unread: bool,
}

fn news(gate: &Enforcer, known: &Known) -> News {
    let (mut denied, mut is_unread) = (false, false);
    let mut missing = Vec::new();
    let mut fresh = known.with_demands(BTreeMap::new());
    for (demand, demanded) in &known.demands {
        let mut is_fresh = false;
        for version in &demanded.versions {
            match known.denial(gate, demand, *version).map(|denial| denial.reason) {
                None | Some(Reason::BelowMinApi { .. }) => {}
                Some(Reason::Denied { .. }) => denied = true,
                Some(Reason::NoContents) => is_unread = true,
                Some(Reason::Contents { rule, lacking }) => {
                    let own = |fact: Fact| demand.as_own(known.operation, &fact).unwrap_or(fact);
                    missing.extend(lacking.into_iter().map(|fact| (rule.clone(), own(fact))));
                }
                Some(_) => is_fresh = true,
            }
        }
        if is_fresh {
            fresh.demands.insert(demand.clone(), demanded.clone());
        }
    }
    News { fresh, denied, lacking: missing, is_unread }
}

/// Adds values to rules about contents, each on a line of its own.
fn add_values(text: String, lacking: &[(Rule, Fact)]) -> Result<String, NotALine> {
    const LIST: NotALine = NotALine("allow");
    let mut text = text;
    for (rule, fact) in lacking {
        let parsed = crate::profile::parse(&text).map_err(|_| LIST)?;
        // An earlier value may have widened the rule already.
        let is_it = |entry: &&Entry<Rule>| {
            entry.value.without_contents() == rule.without_contents()
                && entry
                    .value
                    .contents()
                    .zip(rule.contents())
                    .is_some_and(|(now, then)| now.covers(then))
        };
        let entry = parsed.allow.iter().find(is_it).ok_or(LIST)?;
        text = add_value(&text, entry, &ValuePattern::of(fact)).ok_or(LIST)?;
    }
    Ok(text)
}

/// Finds the position of a new rule in a profile: after the last rule that sorts before it,
/// whatever the order of the rules.
struct Places<'a> {
    /// The rules in listing order, each with the highest index among it and all rules before it.
    last: Vec<((bool, &'a Template, usize), usize)>,
}

impl<'a> Places<'a> {
    fn of(profile: &'a Profile) -> Self {
        let mut last: Vec<_> = (profile.allow.iter().zip(1..))
            .map(|(entry, place)| (entry.value.operation().listing_key(), place))
            .collect();
        last.sort();
        let mut highest = 0;
        for (_, place) in &mut last {
            highest = highest.max(*place);
            *place = highest;
        }
        Self { last }
    }

    /// The number of the profile's rules that come before a new one.
    fn last_before(&self, rule: &Rule) -> usize {
        let key = rule.operation().listing_key();
        let before = self.last.partition_point(|(other, _)| *other <= key);
        before.checked_sub(1).and_then(|at| self.last.get(at)).map_or(0, |(_, place)| *place)
    }
}

/// A profile's text in which the header line that counts its operations, if present, is updated.
#[must_use]
pub fn summarised(text: &str, profile: &Profile) -> String {
    header(text, Some(&summary(profile.allow.iter().map(|entry| &entry.value))), None)
}

/// A profile's text in which the header line about the last update, if there is one about the evidence,
/// names this evidence.
#[must_use]
pub fn noted(text: &str, provenance: &str) -> String {
    header(text, None, Some(provenance))
}

/// Updates the header lines that dsp wrote, if present: the summary of the whole file, and the
/// evidence of the last update after that of the profile.
fn header(text: &str, summary: Option<&str>, provenance: Option<&str>) -> String {
    let mut is_head = true;
    let mut edited = String::new();
    for line in text.split_inclusive('\n') {
        is_head &= line.starts_with('#');
        let written = line.trim_end();
        if is_head
            && written.contains(", highest risk: ")
            && let Some((title, _)) = written.split_once(": ")
            && let Some(summary) = summary
        {
            edited.push_str(&format!("{title}: {summary}\n"));
        } else if is_head && written.starts_with(LAST_UPDATE) && provenance.is_some() {
            // Written again below the evidence.
        } else {
            edited.push_str(line);
        }
        if is_head
            && written.starts_with(EVIDENCE)
            && let Some(provenance) = provenance.and_then(|text| text.strip_prefix("evidence: "))
        {
            edited.push_str(&format!("{LAST_UPDATE}{provenance}\n"));
        }
    }
    edited
}
