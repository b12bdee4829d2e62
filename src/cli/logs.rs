//! The logs of other programs, as `generate` and `check` read them: options, warnings and advice.

use super::misuse::misuse;
use super::output;
use crate::api::EngineKind;
use crate::learn::Chosen;
use crate::peer::AddressRange;
use crate::recording::{Event, Format, ImportError, Log, TurnedAway, Wanted};
use crate::report::count;
use crate::session::LogOptions;

/// The logs to read, and which of their requests to use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logs {
    /// The program that wrote them.
    pub(super) format: Format,
    /// Which of their requests to use.
    pub(super) wanted: Wanted,
}

impl Logs {
    /// Logs in a format, without what the proxy denied; only of these clients, if any are given.
    pub(super) fn of(format: Format, client: Option<AddressRange>) -> Self {
        Self { format, wanted: Wanted { denied: TurnedAway::LeftOut, client } }
    }

    /// Refuses to choose by what the logs do not contain.
    ///
    /// # Errors
    /// If a client is wanted and the format names none.
    pub(super) fn check(self) -> anyhow::Result<()> {
        if self.wanted.client.is_some() && !self.format.names_clients() {
            misuse!(
                "--client has no effect with --from {}, because the log does not name the addresses of clients",
                self.format
            );
        }
        Ok(())
    }

    /// How to read them.
    pub(super) fn options(self) -> LogOptions {
        LogOptions { format: self.format, wanted: self.wanted }
    }

    /// The same logs, with what the proxy denied if `chosen` includes it.
    ///
    /// # Errors
    /// If the logs cannot contain denied requests, or if single ones cannot be chosen from logs.
    pub(super) fn with_denied(self, chosen: &Chosen) -> anyhow::Result<Self> {
        match chosen {
            Chosen::None => return Ok(self),
            Chosen::Only(_) if self.format.tells_denied() => misuse!(
                "--denied cannot name a request with --from {}; without one, it includes all \
                 requests that the proxy denied",
                self.format
            ),
            Chosen::All | Chosen::Only(_) => {}
        }
        if self.format == Format::Dockerd {
            misuse!(
                "--denied has no effect with --from dockerd, because the engine's own log does not \
                 contain requests that a proxy denied; read the log of the proxy instead"
            );
        }
        if !self.format.tells_denied() {
            misuse!(
                "--denied has no effect with --from {}, because the log does not tell what was denied",
                self.format
            );
        }
        Ok(Self { wanted: Wanted { denied: TurnedAway::Taken, ..self.wanted }, ..self })
    }
}

/// Warns of what had to be left out of a log.
pub(super) fn warn(log: &Log, name: &str, engine: EngineKind, from: Option<Logs>) {
    let denied = from.map_or(TurnedAway::LeftOut, |logs| logs.wanted.denied);
    warn_about_gaps(log, name, denied);
    warn_about_other_engine(log, name, engine);
}

fn warn_about_gaps(log: &Log, name: &str, denied: TurnedAway) {
    for skipped in &log.skipped {
        output::warn(&format!(
            "{name}:{}: a request that cannot be read is left out: {}",
            skipped.line, skipped.reason
        ));
    }
    let shown = u64::try_from(log.skipped.len()).unwrap_or(u64::MAX);
    if log.unreadable > shown {
        let more = count(log.unreadable - shown, "more request");
        output::warn(&format!("{name}: left out {more} that cannot be read"));
    }
    if log.others > 0 {
        let requests = count(log.others, "request");
        output::note(&format!("{name}: left out {requests} of other clients"));
    }
    if log.turned_away > 0 {
        let requests = count(log.turned_away, "request");
        output::warn(&format!("{name}: left out {requests} that the proxy answered itself"));
        if denied == TurnedAway::LeftOut {
            output::help("dsp generate --denied includes those that can be read");
        }
    }
}

/// Warns of requests that only the other engine has. A log does not say which engine it is from.
fn warn_about_other_engine(log: &Log, name: &str, engine: EngineKind) {
    let others = log.events.iter().filter_map(|event| match event {
        Event::Request(request) if request.operation.is_none() => {
            engine.elsewhere(&request.method, &request.path)
        }
        _ => None,
    });
    let others: Vec<EngineKind> = others.collect();
    let Some(other) = others.first() else { return };
    let requests = count(others.len(), "kind of request");
    output::warn(&format!(
        "{name} has {requests} that only {} knows, but was read as a log of {}",
        other.title(),
        engine.title()
    ));
    output::help(&format!("if it is a log of {}, use generate --engine {other}", other.title()));
}

/// What to do about a log without a request.
pub(super) fn advice(error: &ImportError) -> Option<String> {
    if let ImportError::Utf16 { .. } = error {
        return Some("convert it to UTF-8 first: iconv -f UTF-16 -t UTF-8".to_owned());
    }
    let ImportError::NoRequest {
        format, instead, recording, turned_away, others, unreadable, ..
    } = error
    else {
        return None;
    };
    Some(if *recording {
        "it is a recording made by dsp; leave out --from".to_owned()
    } else if let Some(instead) = instead {
        format!("it looks like a log to read with --from {instead}")
    } else if *others > 0 {
        format!("{} in it are of other clients", count(*others, "request"))
    } else if *turned_away > 0 {
        let requests = count(*turned_away, "request");
        format!(
            "the proxy itself answered everything in it ({requests}), which is not evidence of a need; \
             dsp generate --denied includes it"
        )
    } else if *unreadable > 0 {
        format!("{} in it cannot be read", count(*unreadable, "request"))
    } else {
        format!("requests are logged with {}", format.source())
    })
}
