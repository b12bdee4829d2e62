//! The command line: one file per command. The only code that prints, ends the process or reads the
//! environment.
//!
//! Data goes to stdout, messages to stderr. A command returns its exit status or an error; errors are
//! shown in one place, `failure`.

mod accept;
mod adopt;
mod ambiguity;
mod ask;
mod check;
mod columns;
mod completions;
mod coverage;
mod demo;
mod dialogue;
mod diff;
mod enforce;
mod environment;
mod escapes;
mod evidence;
mod explain;
mod export;
mod failure;
mod files;
mod follow;
mod front;
mod generate;
mod guard;
mod health;
mod help;
mod hint;
mod intercept;
mod late;
mod listen;
mod live_line;
mod logs;
mod matching;
mod misuse;
mod options;
mod output;
mod pending;
mod plain;
mod profile_argument;
mod profiles;
mod record;
mod reload;
mod reloaded;
mod report;
mod reporting;
mod review;
mod runtime;
mod schema;
mod serve;
mod service_manager;
mod sessions;
mod show;
mod source;
mod standard;
mod status;
mod stderr;
mod terminal;
mod validate;
mod verify;
mod whole_host;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::profile::BUILTIN;
use guard::Unanswered;

/// Records what a program asks of the Docker socket, and lets through exactly that.
#[derive(Debug, Parser)]
#[command(
    name = "dsp",
    version,
    max_term_width = 100,
    after_help = "\
The loop:
  dsp record -- docker stats --no-stream    watch a program  -> recording.jsonl
  dsp generate -o profile.yaml              what it used     -> profile.yaml
  dsp review profile.yaml                   decide on each rule
  dsp enforce profile.yaml -- docker stats  exactly that and nothing else
  dsp check profile.yaml recording.jsonl    has it drifted?

Exit status: 0 success, 1 dsp failed, 2 wrong usage, 3 findings, 4 no verdict possible;
record and enforce with a command: the command's own status, or 125, 126, 127 as in docker run."
)]
struct Args {
    #[command(flatten)]
    verbosity: options::Verbosity,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Record(record::Args),
    Generate(generate::Args),
    Adopt(adopt::Args),
    Review(review::Args),
    Enforce(enforce::Args),
    Serve(serve::Args),
    Reload(reload::Args),
    Check(check::Args),
    Accept(accept::Args),
    Match(matching::Args),
    Validate(validate::Args),
    Verify(verify::Args),
    Diff(diff::Args),
    Coverage(coverage::Args),
    Show(show::Args),
    Explain(explain::Args),
    Escapes(escapes::Args),
    Export(export::Args),
    Report(report::Args),
    Profiles(profiles::Args),
    Demo(demo::Args),
    Health(health::Args),
    Schema(schema::Args),
    Completions(completions::Completions),
    Man(completions::Man),
}

impl Command {
    /// Whether the exit status is that of a program which dsp runs.
    fn runs_a_program(&self) -> bool {
        match self {
            Self::Enforce(enforce) => !enforce.command.is_empty(),
            Self::Record(record) => !record.command.is_empty(),
            Self::Accept(_)
            | Self::Adopt(_)
            | Self::Check(_)
            | Self::Completions(_)
            | Self::Coverage(_)
            | Self::Demo(_)
            | Self::Diff(_)
            | Self::Escapes(_)
            | Self::Explain(_)
            | Self::Export(_)
            | Self::Generate(_)
            | Self::Health(_)
            | Self::Man(_)
            | Self::Match(_)
            | Self::Profiles(_)
            | Self::Reload(_)
            | Self::Report(_)
            | Self::Review(_)
            | Self::Schema(_)
            | Self::Serve(_)
            | Self::Show(_)
            | Self::Validate(_)
            | Self::Verify(_) => false,
        }
    }
}

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
    completions::answer(command);
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
        Command::Accept(accept) => accept::run(&accept, args.verbosity),
        Command::Adopt(adopt) => adopt::run(&adopt, args.verbosity),
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
        Command::Man(man) => completions::man(&man, command()),
        Command::Match(requests) => matching::run(&requests, args.verbosity),
        Command::Profiles(profiles) => profiles::run(&profiles),
        Command::Reload(reload) => reload::run(&reload, args.verbosity),
        Command::Show(requests) => show::run(&requests),
        Command::Schema(schema) => schema::run(&schema),
        Command::Serve(serve) => serve::run(&serve, args.verbosity),
        Command::Report(report) => report::run(&report, args.verbosity),
        Command::Review(review) => review::run(&review, args.verbosity),
        Command::Record(record) => record::run(record, args.verbosity),
        Command::Validate(validate) => validate::run(&validate, args.verbosity),
        Command::Verify(verify) => verify::run(&verify, args.verbosity),
        Command::Escapes(escapes) => escapes::run(&escapes),
    };
    let status = result.unwrap_or_else(|error| failure::show(&error, confined));
    stderr::finish();
    ExitCode::from(status.code())
}

/// If `enforce` lacks only its profile, lets the person at the terminal choose one, and returns the
/// completed arguments. `None` if nobody chooses, or if something else is wrong.
fn with_profile(line: &[OsString], error: &clap::Error) -> Result<Option<Args>, Unanswered> {
    let Some(place) = hint::place_of_profile(line, error) else { return Ok(None) };
    let parsed = |profile: &Path| {
        let mut line = line.to_vec();
        line.insert(place, profile.into());
        Args::try_parse_from(line).ok()
    };
    // Insert any profile to see whether the rest is valid, and whether dsp may ask.
    match parsed(Path::new(BUILTIN)) {
        Some(args) if ask::is_possible(args.verbosity) => {
            Ok(ask::builtin()?.as_deref().and_then(parsed))
        }
        _ => Ok(None),
    }
}
