//! Reads the logs of other programs for `generate` and `check`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::misuse::misuse;
use super::{output, standard};
use crate::api::EngineKind;
use crate::learn::{Chosen, Gathering};
use crate::recording::{Event, Format, ImportError, Log, TurnedAway};
use crate::report::{count, printable};
use crate::text::spelled;

/// The logs to read, and which of their requests to use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logs {
    /// The program that wrote them.
    pub(super) format: Format,
    /// Whether to use requests that the proxy itself answered.
    pub(super) denied: TurnedAway,
}

impl Logs {
    /// Logs in a format, without what the proxy denied.
    pub(super) fn of(format: Format) -> Self {
        Self { format, denied: TurnedAway::LeftOut }
    }

    /// The same logs, with what the proxy denied if `chosen` includes it.
    ///
    /// # Errors
    /// If the logs cannot contain denied requests, or if single ones cannot be chosen from logs.
    pub(super) fn with_denied(self, chosen: &Chosen) -> anyhow::Result<Self> {
        match chosen {
            Chosen::None => return Ok(self),
            Chosen::Only(_) if self.format != Format::Dockerd => misuse!(
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
        Ok(Self { denied: TurnedAway::Taken, ..self })
    }
}

/// Reads a log, and warns of what had to be left out.
///
/// # Errors
/// If the log cannot be read, or has no requests.
pub(super) fn read(
    path: &Path,
    logs: Logs,
    engine: EngineKind,
    gathering: &mut Gathering,
) -> Result<(), ImportError> {
    let name = printable(&spelled(standard::name(path)));
    let log = Log::read(&name, logs.format, engine, logs.denied, open(path, &name)?)?;
    warn_of_gaps(&log, &name, logs.denied);
    warn_of_other_engine(&log, &name, engine);
    gathering.turn_away(log.turned_away);
    log.events.into_iter().for_each(|event| gathering.absorb(event));
    Ok(())
}

fn open(path: &Path, name: &str) -> Result<BufReader<File>, ImportError> {
    let file = standard::open(path);
    let file = file.map_err(|source| ImportError::Io { name: name.to_owned(), source })?;
    Ok(BufReader::with_capacity(1 << 16, file))
}

fn warn_of_gaps(log: &Log, name: &str, denied: TurnedAway) {
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
    if log.turned_away > 0 {
        let requests = count(log.turned_away, "request");
        output::warn(&format!("{name}: left out {requests} that the proxy answered itself"));
        if denied == TurnedAway::LeftOut {
            output::help("dsp generate --denied includes those that can be read");
        }
    }
}

/// Warns of requests that only the other engine has. A log does not say which engine it is from.
fn warn_of_other_engine(log: &Log, name: &str, engine: EngineKind) {
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
    let ImportError::NoRequest { format, instead, recording, turned_away, unreadable, .. } = error
    else {
        return None;
    };
    Some(if *recording {
        "it is a recording made by dsp; leave out --from".to_owned()
    } else if let Some(instead) = instead {
        format!("it looks like a log to read with --from {instead}")
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
