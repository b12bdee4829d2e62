//! Tests that the work on a file grows with its size, and not with the square of its size.

use std::fmt::Write;
use std::path::Path;

use crate::api::EngineKind;
use crate::api::steps;
use crate::check::{self, check, compare};
use crate::learn::{self, Evidence, Gathering, Names};
use crate::policy::{Enforcer, Gate, Request};
use crate::profile::{self, Diff, Profile};
use crate::recording::Reader;
use crate::report::{Severity, Source};
use crate::{explain, html};

const FEW: usize = 250;
const TIMES: usize = 8;

/// Checks that eight times the input takes at most twelve times the work. A step that looks at every
/// pair would take sixty-four times as much.
fn grows(what: &str, work: impl Fn(usize)) {
    let (few, many) = (steps::of(|| work(FEW)), steps::of(|| work(FEW * TIMES)));
    assert!(many <= few * 12 + 2000, "{what}: {few} steps, then {many}");
}

fn text(allow: impl Iterator<Item = String>, rest: &str) -> String {
    let mut text = "version: 1\nname: p\nallow:\n  - GET /info\n".to_owned();
    allow.for_each(|rule| writeln!(text, "  - {rule}").unwrap());
    text + rest
}

fn list(key: &str, rules: impl Iterator<Item = String>) -> String {
    rules.fold(format!("{key}:\n"), |list, rule| list + "  - " + &rule + "\n")
}

fn named(front: &'static str, number: usize) -> impl Iterator<Item = String> {
    (0..number).map(move |place| format!("GET /containers/{front}{place}/json"))
}

fn parse(text: &str) -> Profile {
    profile::parse(text).unwrap()
}

fn evidence(requests: impl Iterator<Item = String>) -> Evidence {
    let mut lines = "{\"session\":{\"version\":1,\"id\":\"a\",\"start\":\"2026-01-01T00:00:00Z\",\
                     \"dsp\":\"0\",\"lossy\":false}}\n"
        .to_owned();
    for (request, seq) in requests.zip(1..) {
        let (method, path) = request.split_once(' ').unwrap();
        let rest = format!("\"connection\":1,\"method\":\"{method}\",\"path\":\"{path}\"");
        let time = "2026-01-01T00:00:00Z";
        writeln!(
            lines,
            "{{\"request\":{{\"session\":\"a\",\"seq\":{seq},\"time\":\"{time}\",{rest}}}}}"
        )
        .unwrap();
    }
    let mut gathering = Gathering::default();
    let reader = Reader::new(Path::new("r"), lines.as_bytes());
    reader.for_each(|event| gathering.absorb(event.unwrap()));
    gathering.finish(EngineKind::Docker)
}

fn checked(text: &str, evidence: &Evidence) {
    let options = check::Options {
        today: jiff::civil::date(2026, 1, 1),
        severities: std::collections::BTreeMap::new(),
        fail_on: Severity::Error,
        reviewed_before: None,
        requires_reviewed: false,
    };
    let _ = check(&parse(text), Source::file("p", text.to_owned()), evidence, &options);
}

fn exact_names() -> learn::Wishes {
    learn::Wishes {
        names: Names::Exact,
        accept_unknown: learn::Chosen::All,
        ..learn::Wishes::default()
    }
}

#[test]
fn generating_and_updating_grow_with_the_names() {
    let exact = |evidence: &Evidence| {
        let options = learn::Options { names: Names::Exact, ..learn::Options::default() };
        let profile = learn::generate(evidence, &options).profile;
        learn::prove(evidence, &profile, None).unwrap();
    };
    grows("generate", |number| exact(&evidence(named("c-", number))));
    grows("update", |number| {
        let seen = evidence(named("c-", number));
        let text = "version: 1\nname: p\nallow: []\n";
        let update = learn::update(text, &parse(text), &seen, exact_names()).unwrap();
        learn::prove(&seen, &parse(&update.text), Some(&parse(text))).unwrap();
    });
    grows("update of what is there", |number| {
        let seen = evidence(named("c-", number));
        let text = text(named("c-", number), "");
        learn::update(&text, &parse(&text), &seen, exact_names()).unwrap();
    });
}

#[test]
fn comparing_grows_with_the_rules() {
    let same = |old: &str, new: &str| {
        let source = |text: &str| Source::file("p", text.to_owned());
        let (one, other) = (parse(old), parse(new));
        let _ = compare((&one, source(old)), (&other, source(new)), None);
    };
    grows("different names", |number| {
        same(&text(named("c-", number), ""), &text(named("d-", number), ""));
    });
    grows("denials", |number| {
        let deny = |front| list("deny", named(front, number));
        same(&text(named("c-", number), &deny("c-")), &text(named("c-", number), &deny("d-")));
    });
    let globs = |end: &'static str, number: usize| {
        (0..number).map(move |place| format!("GET /containers/*x{place}{end}*/json"))
    };
    grows("globs", |number| {
        same(&text(globs("y", number), ""), &text(globs("z", number), ""));
    });
    // One half of the rules share their beginnings with one half of the others, and the other halves
    // share their ends, so that neither is enough to tell rules apart.
    grows("globs that share nothing", |number| {
        let one = (0..number).map(|place| match place % 2 {
            0 => format!("GET /containers/a*{place}*b/json"),
            _ => format!("GET /containers/a{}*b{}/json", "a".repeat(place % 40), place),
        });
        let other = (0..number).map(|place| match place % 2 {
            0 => format!("GET /containers/a*x{place}/json"),
            _ => format!("GET /containers/x{place}*b/json"),
        });
        same(&text(one, ""), &text(other, ""));
    });
    grows("names in globs", |number| {
        let wide = (0..number).map(|place| format!("GET /containers/x{place}y*/json"));
        let exact = (0..number).map(|place| format!("GET /containers/x{place}y-1/json"));
        same(&text(wide, ""), &text(exact, ""));
    });
    grows("what nobody has accepted", |number| {
        let kept: String = named("c-", number).map(|rule| format!("    - {rule}\n")).collect();
        let profile = parse(&text(
            named("c-", number),
            &format!("reviewed:\n  digest: x\n  secrets:\n{kept}"),
        ));
        assert_eq!(profile.standing().open.len(), 1);
        assert!(profile.ambiguities().is_empty() && profile.highest_risk().is_some());
    });
    assert!(Diff::of(&parse(&text(named("a", 9), "")), &parse(&text(named("b", 9), ""))).widens());
}

#[test]
fn checking_and_reporting_grow_with_the_rules() {
    grows("names that are used", |number| {
        checked(&text(named("c-", number), ""), &evidence(named("c-", number)));
    });
    grows("names that are not used", |number| {
        checked(&text(named("c-", number), ""), &evidence(named("d-", number)));
    });
    grows("denials", |number| {
        let deny = list("deny", named("c-", number));
        checked(&text(named("c-", number), &deny), &evidence(named("c-", number)));
    });
    grows("findings that are accepted", |number| {
        let accept = |rule: String| {
            format!("  - code: unused-rule\n    rule: {rule}\n    reason: once a year\n")
        };
        let accepted: String = named("c-", number).map(accept).collect();
        let text = text(named("c-", number), &format!("accept:\n{accepted}"));
        checked(&text, &evidence(std::iter::once("GET /info".to_owned())));
    });
    grows("reports", |number| {
        let profile = parse(&text(named("c-", number), &list("deny", named("d-", number))));
        let seen = evidence(named("c-", number));
        let subject =
            html::Subject { profile: &profile, evidence: Some(&seen), check: None, against: None };
        assert!(html::page(&subject).len() > number);
        assert!(explain::profile(&profile).len() > number);
    });
}

/// The cost of a request does not depend on the number of rules, whatever their globs are.
#[test]
fn deciding_does_not_grow_with_the_rules() {
    let globs: [fn(usize) -> String; 5] = [
        |place| format!("GET /containers/*xxxxxxxxy{place}*/json"),
        |place| format!("GET /containers/{}*y{place}/json", "*x".repeat(20)),
        |place| format!("GET /containers/*-prod-*x{place}/json"),
        |place| format!("GET /containers/prefix-{place}-*/json"),
        |place| format!("GET /containers/same*{place}z/json"),
    ];
    for (which, glob) in globs.into_iter().enumerate() {
        let steps = |number: usize| {
            let gate = Enforcer::new(&parse(&text((0..number).map(glob), "")));
            let long = format!("/containers/{}-prod-/json", "x".repeat(5000));
            steps::of(|| {
                for target in ["/containers/web-prod-1/json", "/containers/same/json", &long] {
                    gate.decide(&Request::new("GET", target));
                }
            })
        };
        let (few, many) = (steps(FEW), steps(FEW * TIMES));
        assert!(many <= few + 8, "globs {which}: {few} steps, then {many}");
    }
}
