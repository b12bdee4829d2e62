//! The rules of a profile, riskiest first, with the evidence for each.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::api::Risk;
use crate::explain;
use crate::learn::{Evidence, Known, ObjectNames};
use crate::profile::looks_like_id;
use crate::profile::{Profile, Rule, Since, Standing};
use crate::report::{count, printable};

/// The number of names that are shown for a rule.
const NAMES: usize = 6;

/// The number of characters of an ID that are shown, as in the docker CLI.
const SHORT_ID: usize = 12;

/// A highlighted risk.
pub(super) fn risk(risk: Risk) -> Markup {
    html! { span class={ "risk " (risk) } { (risk) } }
}

/// The mark of what nobody has accepted.
pub(super) fn not_accepted() -> Markup {
    html! { strong.state.fail { "not accepted" } }
}

/// Why a rule is open, for a profile whose review has begun.
fn open(standing: &Standing, place: usize) -> Markup {
    let open = standing.open.iter().find(|open| open.place == place);
    html! { @if let Some(open) = open.filter(|_| standing.has_begun) {
        br;
        @match (open.accepted_as, open.since) {
            (Some(before), _) => { (not_accepted()) " since its risk rose from " (before) }
            (None, Since::Added) => { (not_accepted()) ", added after the review" }
            (None, Since::Undecided | Since::Unknown) => (not_accepted()),
        }
    } }
}

pub(super) fn section(profile: &Profile, evidence: Option<&Evidence>) -> Markup {
    let mut rules: Vec<(usize, &Rule)> =
        profile.allow.iter().map(|entry| &entry.value).enumerate().collect();
    rules.sort_by_key(|(_, rule)| std::cmp::Reverse(rule.risk()));
    let denied = profile.denied();
    let standing = profile.standing();
    let used = evidence.map(|evidence| Used::of(profile, evidence));
    html! {
        section aria-labelledby="rules" {
            h2 id="rules" { "What it allows" }
            @if rules.is_empty() { p { "Nothing." } } @else {
                table.stack role="table" {
                    caption { "Every rule, riskiest first." }
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { "risk" }
                        th scope="col" role="columnheader" { "rule" }
                        th scope="col" role="columnheader" { "permits" }
                        @if evidence.is_some() { th scope="col" role="columnheader" { "seen" } }
                    } }
                    tbody role="rowgroup" { @for (place, rule) in rules {
                        tr role="row" {
                            td role="cell" { (risk(rule.risk())) }
                            th.rule scope="row" role="rowheader" { code { (printable(&rule.without_contents().to_string())) }
                                (contents(rule)) (open(&standing, place)) }
                            td.text role="cell" {
                                (explain::permits(rule))
                                @if denied.covers(rule) { strong { " (denied below)" } }
                                br; span.soft { (rule.operation().reason) }
                            }
                            @if let Some(used) = &used { td role="cell" data-label="seen: " { (used.seen(place)) } }
                        }
                    } }
                }
            }
            @if !profile.unknown.is_empty() {
                h3 { "Unknown requests" }
                ul { @for entry in &profile.unknown {
                    li { code { (printable(&entry.value.to_string())) } }
                } }
            }
            @if !profile.deny.is_empty() {
                h3 { "Denied" }
                ul { @for entry in &profile.deny {
                    li { code { (printable(&entry.value.to_string())) } }
                } }
            }
            @if !profile.accept.is_empty() {
                h3 { "Accepted findings" }
                ul { @for entry in &profile.accept {
                    li {
                        code { (entry.value.code) }
                        @if let Some(rule) = &entry.value.rule { " " code { (printable(&rule.to_string())) } }
                        ": " (printable(&entry.value.reason))
                        @if let Some(until) = entry.value.until { " (until " (until) ")" }
                    }
                } }
            }
        }
    }
}

/// What a rule allows requests to contain, a line for each facet.
fn contents(rule: &Rule) -> Markup {
    html! { @for given in explain::given(rule).unwrap_or_default() {
        br; span.soft { (given.facet) " " } code { (printable(&given.values)) }
    } }
}

/// A name, or an ID in its usual short form.
fn shown(name: &str) -> String {
    let short: String = name.chars().take(SHORT_ID).collect();
    if looks_like_id(name) && short != name { short + "…" } else { printable(name) }
}

/// The uses of each rule, by its index in `allow`.
struct Used<'a> {
    rules: Vec<UsedFor<'a>>,
    object_names: &'a ObjectNames,
}

#[derive(Clone, Default)]
struct UsedFor<'a> {
    /// What was seen of the operation; `None` if it was never used.
    known: Option<&'a Known>,
    /// The number of different values with which the rule was used.
    matched: usize,
    /// The names of the first parameter.
    names: BTreeSet<&'a String>,
}

impl<'a> Used<'a> {
    fn of(profile: &Profile, evidence: &'a Evidence) -> Self {
        let mut rules = vec![UsedFor::default(); profile.allow.len()];
        let allowed = profile.allowed();
        for known in evidence.known() {
            for demand in known.demands.keys() {
                let mut places = BTreeSet::new();
                for located in known.readings(demand) {
                    allowed.each_match(&located, |place| {
                        let rule = profile.allow.get(place).map(|entry| &entry.value);
                        if rule.is_some_and(|rule| known.may_admit(rule, demand)) {
                            places.insert(place);
                        }
                        false
                    });
                }
                for place in places {
                    let Some(used) = rules.get_mut(place) else { continue };
                    used.known = Some(known);
                    used.matched += 1;
                    used.names.extend(demand.names.first());
                }
            }
        }
        Self { rules, object_names: evidence.object_names() }
    }

    /// How often a rule was used, in how many sessions and for which names.
    fn seen(&self, place: usize) -> Markup {
        let used = self.rules.get(place).and_then(|used| Some((used.known?, used)));
        let Some((known, UsedFor { matched, names, .. })) = used else {
            return html! { "never" };
        };
        let (matched, more) = (*matched, names.len().saturating_sub(NAMES));
        html! {
            // Requests are counted per operation, so a narrower rule has only some of them.
            @if matched < known.demands.len() { "among " }
            (count(known.seen.requests, "request")) ", "
            (count(known.seen.sessions.len(), "session"))
            @if matched < known.demands.len() { " of the operation" }
            @if !names.is_empty() {
                br; span.soft {
                    @for (place, name) in names.iter().take(NAMES).enumerate() {
                        @if place > 0 { ", " }
                        (shown(name))
                        @if let Some(known_as) = self.object_names.of_operation(known.operation, name) {
                            " (" (printable(known_as)) ")"
                        }
                    }
                    @if more > 0 { " and " (more) " more" }
                }
            }
        }
    }
}
