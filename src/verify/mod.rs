//! Compares a profile with the engine in front of which it is to be enforced, before anybody is
//! denied: its versions, the operations that it does not have, and the settings that change what
//! operations do. Pure: what the engine says of itself is an argument.

mod caveat;
mod kinds;

pub use caveat::{Caveat, EngineMismatch, check_engine};
pub use kinds::KINDS;

use std::ops::Range;

use crate::api::{ApiVersion, EngineKind, Operation, Risk, Versions};
use crate::engine::{Engine, Settings};
use crate::profile::{Entry, Profile, Rule, key_span};
use crate::report::{Fact, Finding, Region, Report, Severity, Source, Verdict, count, printable};
use crate::text::beginning;
use kinds::Code;

/// The length limit, in bytes, for a text of the engine that a finding repeats.
const LONGEST_FOREIGN: usize = 64;

/// How many plugins a finding names.
const MOST_PLUGINS: usize = 10;

/// Compares a profile, whose file is `source`, with an engine. `settings` is what the engine says
/// about itself, if it does. The verdict is a failure if a finding is as severe as `fail_on`.
#[must_use]
pub fn verify(
    profile: &Profile,
    source: Source,
    engine: &Engine,
    settings: Option<&Settings>,
    fail_on: Severity,
) -> Report {
    let mut verification = Verification { profile, source: &source, engine, found: Vec::new() };
    verification.find_mismatch();
    verification.find_missing();
    verification.find_oldest();
    match settings {
        Some(settings) => verification.find_settings(settings),
        None => verification.push(
            Code::SettingsUnknown,
            "the engine does not tell its settings, so only its versions were compared",
        ),
    }
    let Verification { mut found, .. } = verification;
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let is_failed = found.iter().any(|finding| finding.severity >= fail_on);
    let rules = u64::try_from(profile.allow.len()).unwrap_or(u64::MAX);
    Report {
        command: "verify",
        kinds: &KINDS,
        findings: found,
        facts: vec![("rules", Fact::Count(rules))],
        summary: format!("verified {} for {}", count(rules, "rule"), describe(engine)),
        sources: vec![source],
        fail_on,
        verdict: if is_failed { Verdict::Fail } else { Verdict::Pass },
    }
}

/// `Docker Engine 28.5.2 (API 1.24 to 1.51) at unix:///var/run/docker.sock`.
fn describe(engine: &Engine) -> String {
    let name = match engine.version.kind {
        EngineKind::Docker => "Docker Engine",
        EngineKind::Podman => "podman",
    };
    let newest = foreign(&engine.version.api);
    let versions = match &engine.version.min_api {
        Some(oldest) => format!("{} to {newest}", foreign(oldest)),
        None => format!("up to {newest}"),
    };
    let version = foreign(&engine.version.version);
    format!("{name} {version} (API {versions}) at {}", engine.address)
}

/// A profile, an engine, and the findings so far.
struct Verification<'a> {
    profile: &'a Profile,
    source: &'a Source,
    engine: &'a Engine,
    found: Vec<Finding>,
}

impl Verification<'_> {
    /// Adds a finding about the whole profile.
    fn push(&mut self, code: Code, message: impl Into<String>) {
        self.push_at("name", code, message, None);
    }

    /// Adds a finding at a key of the profile, or at its name if it does not have the key.
    fn push_at(&mut self, key: &str, code: Code, message: impl Into<String>, help: Option<String>) {
        let text = &self.source.text;
        let span = key_span(text, key).or_else(|| key_span(text, "name"));
        let region = span.map(region);
        self.found.push(Finding { region, help, ..Finding::new(code.kind(), message) });
    }

    /// Adds a finding about a rule.
    fn push_rule(&mut self, code: Code, rule: &Entry<Rule>, message: String, help: String) {
        self.found.push(Finding {
            subject: Some(rule.value.to_string()),
            risk: Some(rule.value.risk()),
            region: rule.span.clone().map(region),
            help: Some(help),
            ..Finding::new(code.kind(), message)
        });
    }

    /// Finds what `enforce` refuses or warns of at its start.
    fn find_mismatch(&mut self) {
        match check_engine(self.profile, self.engine) {
            Err(mismatch) => {
                self.push_at("engine", Code::WrongEngine, mismatch.to_string(), None);
            }
            Ok(caveats) => {
                for caveat in caveats {
                    let (key, code) = match caveat {
                        Caveat::IsPodman { .. } => ("name", Code::OtherEngine),
                        Caveat::MinApi { .. } => ("min_api", Code::MinApi),
                    };
                    self.push_at(key, code, caveat.to_string(), caveat.help());
                }
            }
        }
    }

    /// Finds rules for operations that this version of the engine does not have.
    fn find_missing(&mut self) {
        let version = &self.engine.version;
        let Ok(newest) = ApiVersion::parse(EngineKind::Docker, &version.api) else {
            let api = foreign(&version.api);
            self.push(
                Code::SettingsUnknown,
                format!(
                    "\"{api}\" is not an API version, so the engine's versions were not compared"
                ),
            );
            return;
        };
        for rule in &self.profile.allow {
            let operation = rule.value.operation();
            if operation.engine != version.kind {
                continue;
            }
            let Some(missing) = missing(operation, newest, &version.version) else { continue };
            let help = "remove the rule, or keep it for hosts with another version".to_owned();
            self.push_rule(Code::NotInEngine, rule, missing, help);
        }
    }

    /// Notes that the engine rejects older versions of the API.
    fn find_oldest(&mut self) {
        let Some(text) = &self.engine.version.min_api else { return };
        let Ok(oldest) = ApiVersion::parse(EngineKind::Docker, text) else { return };
        if oldest > ApiVersion::FLOOR {
            let message = format!("this engine rejects requests for API versions below {oldest}");
            let help = format!(
                "if the program asks for an older one, set DOCKER_API_VERSION={oldest} for it, or use \
                 a newer version of the program"
            );
            self.push_at("name", Code::OldestApi, message, Some(help));
        }
    }

    /// Finds what the engine's settings change.
    fn find_settings(&mut self, settings: &Settings) {
        for rule in &self.profile.allow {
            if let Some((message, help)) =
                unavailable(rule.value.operation(), settings, self.engine.version.kind)
            {
                self.push_rule(Code::NeedsSetting, rule, message.to_owned(), help.to_owned());
            }
        }
        let has_root = self.profile.allow.iter().any(|rule| rule.value.risk() == Risk::Root);
        if settings.rootless && has_root {
            self.push(
                Code::Rootless,
                "the engine runs as an unprivileged user: a rule of risk root gives away that user's \
                 account, not the host",
            );
        }
        if settings.user_namespaces && has_root {
            self.push(
                Code::UserNamespaces,
                "root in a container is another user on the host, but a request can ask for the host's \
                 user namespace, so a rule of risk root still gives the host away",
            );
        }
        if !settings.authorization.is_empty() {
            let plugins: Vec<_> = settings
                .authorization
                .iter()
                .take(MOST_PLUGINS)
                .map(|name| foreign(name))
                .collect();
            self.push(
                Code::AuthorizationPlugin,
                format!(
                    "the engine asks a plugin of its own about each request ({}), which may deny what \
                     the profile allows",
                    plugins.join(", ")
                ),
            );
        }
    }
}

/// Why an engine of this version does not have an operation, if so.
fn missing(operation: &Operation, newest: ApiVersion, release: &str) -> Option<String> {
    match &operation.versions {
        Versions::Documented { since, .. } if *since > newest => Some(format!(
            "the operation is in API {since} and newer, and this engine supports {newest} at most"
        )),
        _ => {
            let since = operation.since_release?;
            let (own, first) = (release_numbers(release)?, release_numbers(since)?);
            (own < first).then(|| {
                format!(
                    "the operation is in podman {since} and newer, and this one is {}",
                    foreign(release)
                )
            })
        }
    }
}

/// The beginning of a text that the engine may have chosen freely, safe to print.
fn foreign(text: &str) -> String {
    printable(beginning(text, LONGEST_FOREIGN)).to_string()
}

/// A place in the profile.
fn region(span: Range<usize>) -> Region {
    Region { source: 0, span, label: String::new() }
}

/// The major and minor number of a release such as `5.4.2`.
fn release_numbers(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-', '+']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Why an engine with these settings answers an operation only with an error, and what to do.
fn unavailable(
    operation: &Operation,
    settings: &Settings,
    kind: EngineKind,
) -> Option<(&'static str, &'static str)> {
    if operation.engine != EngineKind::Docker || kind != EngineKind::Docker {
        return None;
    }
    match operation.section {
        "Checkpoint" if !settings.experimental => Some((
            "the operation needs experimental features, which are off on this engine",
            "set \"experimental\": true in the engine's daemon.json, or remove the rule",
        )),
        "Debug" if !settings.debug => Some((
            "the operation needs debug mode, which is off on this engine",
            "set \"debug\": true in the engine's daemon.json, or remove the rule",
        )),
        "Swarm"
            if settings.live_restore && ["SwarmInit", "SwarmJoin"].contains(&operation.name) =>
        {
            Some((
                "the engine's live restore rules out swarm mode",
                "remove \"live-restore\" from the engine's daemon.json, or remove the rule",
            ))
        }
        "Node" | "Service" | "Task" | "Secret" | "Config" if !settings.swarm_manager => Some((
            "only the manager of a swarm executes the operation, and this engine is not one",
            "make it one with docker swarm init, or remove the rule",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
