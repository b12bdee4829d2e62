//! What `enforce` and `serve` say about an engine that was not there when they started.

use super::output;
use crate::engine::FindError;
use crate::profile::Name;
use crate::session::{EngineFound, StartWarning};
use crate::text::printable;
use crate::verify::Caveat;
use crate::wire::EngineAddress;

/// Warns that the engine does not answer yet.
pub(super) fn report_absent(error: &FindError, address: &EngineAddress) {
    output::warn(&error.to_string());
    output::help(&format!("requests are answered with 502 until the engine at {address} answers"));
}

/// Says that the engine answers now.
pub(super) fn report_found(found: &EngineFound, is_quiet: bool) {
    let engine = &found.engine;
    if found.is_silent {
        let warning = StartWarning::SilentEngine { address: engine.address.clone() };
        output::warn(&warning.to_string());
    } else if !is_quiet {
        let version = printable(&engine.version.version);
        output::note(&format!("the engine answers now: {version} at {}", engine.address));
    }
}

/// Warns of what is to be known about enforcing a profile on the engine.
pub(super) fn report_caveat(program: Option<&Name>, caveat: &Caveat) {
    match program {
        Some(program) => output::warn(&format!("program \"{program}\": {caveat}")),
        None => output::warn(&caveat.to_string()),
    }
    if let Some(help) = caveat.help() {
        output::help(&help);
    }
}
