//! The rules of a profile, the riskiest first, with what stands behind each.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::api::Risk;
use crate::learn::Evidence;
use crate::profile::looks_like_id;
use crate::profile::{Profile, Rule};
use crate::report::{count, printable};

/// How many names of what a rule was used for are shown.
const NAMES: usize = 6;

/// How much of an id is shown, as the docker CLI does.
const SHORT_ID: usize = 12;

/// A risk as a word that stands out.
pub(super) fn risk(risk: Risk) -> Markup {
    html! { span class={ "risk " (risk) } { (risk) } }
}

pub(super) fn section(profile: &Profile, evidence: Option<&Evidence>) -> Markup {
    let mut rules: Vec<&Rule> = profile.allow.iter().map(|entry| &entry.value).collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.operation().risk));
    let is_denied = |rule: &Rule| profile.deny.iter().any(|denied| denied.value.covers(rule));
    html! {
        section aria-labelledby="rules" {
            h2 id="rules" { "What it allows" }
            @if rules.is_empty() { p { "Nothing." } } @else {
                table.stack role="table" {
                    caption { "Every rule, the riskiest first." }
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { "risk" }
                        th scope="col" role="columnheader" { "rule" }
                        th scope="col" role="columnheader" { "permits" }
                        @if evidence.is_some() { th scope="col" role="columnheader" { "seen" } }
                    } }
                    tbody role="rowgroup" { @for rule in rules {
                        tr role="row" {
                            td role="cell" { (risk(rule.operation().risk)) }
                            th.rule scope="row" role="rowheader" { code { (printable(&rule.to_string())) } }
                            td role="cell" {
                                (rule.operation().permits)
                                @if is_denied(rule) { strong { " (denied below)" } }
                                br; span.soft { (rule.operation().reason) }
                            }
                            @if let Some(evidence) = evidence { td role="cell" data-label="seen: " { (seen(rule, evidence)) } }
                        }
                    } }
                }
            }
            @if !profile.unknown.is_empty() {
                h3 { "Nothing is known about" }
                ul { @for entry in &profile.unknown {
                    li { code { (printable(&entry.value.to_string())) } }
                } }
            }
            @if !profile.deny.is_empty() {
                h3 { "Denied by people" }
                ul { @for entry in &profile.deny {
                    li { code { (printable(&entry.value.to_string())) } }
                } }
            }
            @if !profile.accept.is_empty() {
                h3 { "Findings that are accepted" }
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

/// A name, and of an id what people know it by.
fn shown(name: &str) -> String {
    let short: String = name.chars().take(SHORT_ID).collect();
    if looks_like_id(name) && short != name { short + "…" } else { printable(name) }
}

/// How often a rule was used, in how many sessions and for which names.
fn seen(rule: &Rule, evidence: &Evidence) -> Markup {
    let known = evidence.known().find(|known| known.operation == rule.operation());
    let Some(known) = known else { return html! { "never" } };
    let used = |values: &&Vec<String>| rule.matches(&known.located(values));
    let names: BTreeSet<&String> =
        known.values.keys().filter(used).filter_map(|values| values.first()).collect();
    let matched = known.values.keys().filter(|values| used(values)).count();
    if matched == 0 {
        return html! { "never" };
    }
    let more = names.len().saturating_sub(NAMES);
    html! {
        // Requests are counted by operation: of a narrower rule they are not all.
        @if matched < known.values.len() { "among " }
        (count(known.seen.requests, "request")) ", "
        (count(known.seen.sessions.len(), "session"))
        @if matched < known.values.len() { " of the operation" }
        @if !names.is_empty() {
            br; span.soft {
                @for (place, name) in names.iter().take(NAMES).enumerate() {
                    @if place > 0 { ", " }
                    (shown(name))
                }
                @if more > 0 { " and " (more) " more" }
            }
        }
    }
}
