//! Reads the logs of other programs for `generate` and `check`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::output;
use crate::api::EngineKind;
use crate::learn::Gathering;
use crate::recording::{Format, ImportError, Log};
use crate::report::{count, printable};
use crate::text::spelled;

/// The path that means standard input.
const STDIN: &str = "-";

/// Takes a log in, and warns of what had to be left out.
///
/// # Errors
/// [`ImportError`].
pub(super) fn read(
    path: &Path,
    format: Format,
    engine: EngineKind,
    gathering: &mut Gathering,
) -> Result<(), ImportError> {
    let name = log_name(path);
    let log = Log::read(&name, format, engine, open(path, &name)?)?;
    warn_of_gaps(&log, &name);
    gathering.turn_away(log.turned_away);
    log.events.into_iter().for_each(|event| gathering.absorb(event));
    Ok(())
}

fn log_name(path: &Path) -> String {
    if path == Path::new(STDIN) { "standard input".to_owned() } else { printable(&spelled(path)) }
}

fn open(path: &Path, name: &str) -> Result<Box<dyn BufRead>, ImportError> {
    if path == Path::new(STDIN) {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file =
        File::open(path).map_err(|source| ImportError::Io { name: name.to_owned(), source })?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

fn warn_of_gaps(log: &Log, name: &str) {
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
        output::warn(&format!("{name}: left out {requests} that the proxy answered by itself"));
    }
}

/// What to do about a log without a request.
pub(super) fn advice(error: &ImportError) -> Option<String> {
    let ImportError::NoRequest { format, instead, recording, turned_away, unreadable, .. } = error
    else {
        return None;
    };
    Some(if *recording {
        "it is a recording of dsp's; leave out --from".to_owned()
    } else if let Some(instead) = instead {
        format!("it looks like a log for --from {instead}")
    } else if *turned_away > 0 {
        let requests = count(*turned_away, "request");
        format!(
            "the proxy itself answered all it holds ({requests}), which is no evidence of a need"
        )
    } else if *unreadable > 0 {
        format!("{} in it cannot be read", count(*unreadable, "request"))
    } else {
        format!("requests are logged with {}", format.source())
    })
}
