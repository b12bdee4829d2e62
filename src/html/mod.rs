//! A report for people as one HTML file, to attach to a pull request: no network, no script.
//!
//! Pure, with the same bytes for the same input. Templates escape everything that is put into them.
//! Foreign text also goes through [`printable`], because escaping keeps characters that reorder a
//! line.

mod chart;
mod escapes;
mod evidence;
mod rules;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::explain;
use crate::files::Kind;
use crate::learn::Evidence;
use crate::profile::{Change, ContentChange, Diff, Effect, Entry, Profile, Rule};
use crate::report::{Report, count, printable};

/// The style of the page, with colours for light and dark themes.
const STYLE: &str = include_str!("style.css");

/// The contents of a report.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// The evidence, if there is any.
    pub evidence: Option<&'a Evidence>,
    /// What a check of the profile with the evidence found.
    pub check: Option<&'a Report>,
    /// What to compare the profile with: its name, and the changes since.
    pub against: Option<(&'a str, &'a Diff)>,
}

/// How to recognize a file as such a page, which a later one may replace.
pub const KIND: Kind = Kind {
    name: "a report",
    is_own: |head, tail| head.starts_with("<!DOCTYPE html>") && tail.contains(">Made by dsp "),
};

/// Renders the report.
#[must_use]
pub fn page(subject: &Subject<'_>) -> String {
    let Subject { profile, evidence, check, against } = subject;
    let title = format!("dsp: {}", printable(profile.name.as_str()));
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Profile " (printable(profile.name.as_str())) }
                    p.lead { (printable(&explain::worst(profile))) }
                    (facts(profile, *evidence))
                }
                main {
                    (verdict::section(profile, *check, *against))
                    @if let Some((name, diff)) = against { (changes(profile, name, diff)) }
                    (rules::section(profile, *evidence))
                    (escapes::section(profile))
                    @if let Some(evidence) = evidence { (evidence::sections(evidence)) }
                }
                footer { p.soft { "Made by dsp " (env!("CARGO_PKG_VERSION")) "." } }
            }
        }
    };
    markup.into_string() + "\n"
}

fn facts(profile: &Profile, evidence: Option<&Evidence>) -> Markup {
    let seen = evidence.map(|evidence| {
        let requests = evidence.known().map(|known| known.seen.requests).sum::<u64>();
        let sessions = count(evidence.sessions().len(), "session");
        format!("{}, {sessions}", count(requests, "request"))
    });
    html! {
        dl {
            dt { "engine" } dd { (profile.engine.title()) }
            dt { "rules" } dd { (profile.allow.len()) }
            dt { "highest risk" }
            dd { @match profile.highest_risk() { Some(risk) => (rules::risk(risk)), None => "none" } }
            @if let Some(version) = profile.min_api { dt { "oldest API" } dd { (version) } }
            @if let Some(seen) = seen { dt { "evidence" } dd { (seen) } }
        }
    }
}

/// The rules that a change adds or widens.
fn added<'a>(profile: &'a Profile, change: &'a Change) -> impl Iterator<Item = &'a Rule> {
    let is_new = |rule: &&Rule| {
        let text = rule.to_string();
        change.effect == Effect::Widens && change.new.iter().any(|entry| entry.value == text)
    };
    profile.allow.iter().map(|entry| &entry.value).filter(is_new)
}

/// The changes since another profile.
fn changes(profile: &Profile, name: &str, diff: &Diff) -> Markup {
    let texts = |entries: &[Entry<String>]| -> Markup {
        html! { @for entry in entries { code { (printable(&entry.value)) } " " } }
    };
    html! {
        section aria-labelledby="changes" {
            h2 id="changes" { "Changes since " (printable(name)) }
            @if diff.changes.is_empty() {
                p { "It allows the same." }
            } @else {
                table.stack role="table" {
                    caption { "Widenings come first." }
                    thead role="rowgroup" { tr role="row" {
                        @for name in ["effect", "change", "before", "now", "risk"] {
                            th scope="col" role="columnheader" { (name) }
                        }
                    } }
                    tbody role="rowgroup" { @for change in &diff.changes {
                        tr role="row" {
                            th.word scope="row" role="rowheader" { @match change.effect {
                                Effect::Widens => strong { "widens" },
                                Effect::Narrows => "narrows",
                                Effect::None => "nothing",
                            } }
                            td.word role="cell" {
                                (change.kind)
                                @if change.effect == Effect::Widens {
                                    br; @if change.is_reviewed { span.soft { "accepted" } } @else { (rules::not_accepted()) }
                                }
                                @if !change.contents.is_empty() {
                                    br; span.soft { (printable(&ContentChange::told(&change.contents))) }
                                }
                            }
                            td.word role="cell" data-label="before: " { (texts(&change.old)) }
                            td role="cell" data-label="now: " {
                                (texts(&change.new))
                                @for rule in added(profile, change) {
                                    br; span.soft { (explain::permits(rule)) ": " (rule.operation().reason) }
                                }
                            }
                            td role="cell" { @if let Some(risk) = change.risk { (rules::risk(risk)) } }
                        }
                    } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The colours of a block of custom properties.
    fn colours(block: &str) -> Vec<(String, [f64; 3])> {
        let property = |text: &str| {
            let (name, value) = text.trim().strip_prefix("--")?.split_once(": #")?;
            let part = |at: usize| f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap());
            Some((name.to_owned(), [part(0), part(2), part(4)]))
        };
        block.split(';').filter_map(property).collect()
    }

    /// The relative luminance of WCAG 2.1.
    fn luminance(colour: [f64; 3]) -> f64 {
        let [red, green, blue] = colour.map(|part| {
            let part = part / 255.0;
            if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn text_stands_out_in_light_and_dark() {
        let blocks = STYLE.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap());
        let blocks: Vec<&str> = blocks.filter(|block| block.contains("--page")).collect();
        assert_eq!(blocks.len(), 2);
        for block in blocks {
            let colours = colours(block);
            let of = |name: &str| colours.iter().find(|(known, _)| known == name).unwrap().1;
            for text in ["text", "soft", "root", "change", "secrets", "read", "info", "mark", "new"]
            {
                for ground in ["page", "panel"] {
                    let (one, other) = (luminance(of(text)), luminance(of(ground)));
                    let ratio = (one.max(other) + 0.05) / (one.min(other) + 0.05);
                    assert!(ratio >= 4.5, "{text} on {ground}: {ratio}");
                }
            }
        }
    }
}
