//! The async runtime and the log.

use std::future::Future;
use std::io;

use tracing_subscriber::filter::LevelFilter;

use super::options::{LogFormat, Verbosity};
use super::stderr;

/// Runs a future to its end.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    // Do not wait at the end for tasks that are waiting for an engine or a name server.
    runtime.shutdown_background();
    Ok(result)
}

/// Starts the log on stderr. If a program owns the terminal, dsp logs only errors between its lines,
/// unless told otherwise.
pub(super) fn start_log(verbosity: Verbosity, owns_terminal: bool, format: LogFormat) {
    let level = match (verbosity.quiet, verbosity.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) if owns_terminal => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    stderr::start();
    let ansi = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let subscriber = tracing_subscriber::fmt()
        .with_writer(|| stderr::Log)
        .with_ansi(ansi)
        .with_target(false)
        .with_max_level(level);
    // Tests may start it twice; the first log stays.
    let _ = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.with_ansi(false).json().flatten_event(true).try_init(),
    };
}
