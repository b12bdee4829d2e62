//! The command line: one file per command. The only code that prints, ends the process or reads the
//! environment.
//!
//! Data goes to stdout, messages to stderr. A command returns its exit status; what it could not do
//! comes up as an error and is shown in one place, here.

mod admission;
mod ambiguity;
mod args;
mod ask;
mod check;
mod completions;
mod coverage;
mod demo;
mod diff;
mod enforce;
mod environment;
mod evidence;
mod explain;
mod export;
mod failure;
mod files;
mod follow;
mod generate;
#[cfg(test)]
mod growth;
mod guard;
mod health;
mod help;
mod hint;
mod intercept;
mod listen;
mod logs;
mod misuse;
mod output;
mod pending;
mod place;
mod plain;
mod profiles;
mod record;
mod reload;
mod report;
mod reporting;
mod review;
mod runtime;
mod schema;
mod serve;
mod sessions;
mod source;
mod standard;
mod status;
mod stderr;
mod terminal;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::profile::BUILTIN;
use args::{Args, Command};
use guard::Unanswered;

/// The command line as clap knows it, for tests that look at every option.
#[doc(hidden)]
#[must_use]
pub fn command() -> clap::Command {
    use clap::CommandFactory;
    Args::command()
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    completions::answer();
    let line: Vec<OsString> = std::env::args_os().collect();
    hint::refuse_empty_command(&line);
    let args = match Args::try_parse_from(&line) {
        Ok(args) => args,
        Err(error) => match with_profile(&line, &error) {
            Ok(Some(args)) => args,
            Ok(None) => return failure::usage(&hint::meant(error, &line)),
            Err(unanswered) => return failure::show(&unanswered.into(), false).code().into(),
        },
    };
    let confined = args.command.runs_a_program();
    let result = match args.command {
        Command::Check(check) => check::run(&check, args.verbosity),
        Command::Coverage(coverage) => coverage::run(&coverage),
        Command::Demo(demo) => demo::run(&demo),
        Command::Diff(diff) => diff::run(&diff, args.verbosity),
        Command::Enforce(enforce) => enforce::run(enforce, args.verbosity),
        Command::Explain(explain) => explain::run(&explain),
        Command::Export(export) => export::run(&export, args.verbosity),
        Command::Generate(generate) => generate::run(&generate, args.verbosity),
        Command::Health(health) => health::run(&health),
        Command::Completions(shell) => completions::completions(&shell),
        Command::Man(man) => completions::man(&man),
        Command::Profiles(profiles) => profiles::run(&profiles),
        Command::Schema(schema) => schema::run(&schema),
        Command::Report(report) => report::run(&report, args.verbosity),
        Command::Review(review) => review::run(&review, args.verbosity),
        Command::Record(record) => record::run(record, args.verbosity),
    };
    let status = result.unwrap_or_else(|error| failure::show(&error, confined));
    stderr::finish();
    ExitCode::from(status.code())
}

/// The arguments of `enforce` without a profile, with one that a person chooses; `None` where nobody
/// does, or where something else is wrong.
fn with_profile(line: &[OsString], error: &clap::Error) -> Result<Option<Args>, Unanswered> {
    let Some(place) = hint::place_of_profile(line, error) else { return Ok(None) };
    let parsed = |profile: &Path| {
        let mut line = line.to_vec();
        line.insert(place, profile.into());
        Args::try_parse_from(line).ok()
    };
    // With any profile: is the rest as it should be, and may dsp ask?
    match parsed(Path::new(BUILTIN)) {
        Some(args) if ask::is_possible(args.verbosity) => {
            Ok(ask::builtin()?.as_deref().and_then(parsed))
        }
        _ => Ok(None),
    }
}
