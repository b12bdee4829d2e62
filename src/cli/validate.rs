//! `dsp validate`: whether profiles and host files are valid.

use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;

use super::columns::aligned;
use super::help::cause;
use super::hint::Hinted;
use super::options::Verbosity;
use super::profile_argument::Profiles;
use super::status::Status;
use super::{failure, output, source, standard};
use crate::api::Risk;
use crate::host::{HostError, is_host_file};
use crate::profile::{LoadError, Profile};
use crate::session::{EnforcementMode, HostToServe, NotReviewed, ProfileToEnforce, check_reviewed};
use crate::text::{count, shown};

/// Check that profiles and host files are valid, without an engine
///
/// Reads the files as strictly as enforce and serve do, with all profiles that they name. Prints a line about
/// each file, and what is wrong with it. The exit status is 3 if a file is not valid,
/// or not reviewed although it has to be.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp validate profile.yaml
  dsp validate policies/*.yaml dsp.yaml --require-reviewed
  git show main:profile.yaml | dsp validate -         a profile only")]
pub(super) struct Args {
    /// Profiles and host files
    #[arg(value_name = "FILE", required = true, add = ArgValueCompleter::new(Profiles))]
    files: Vec<PathBuf>,
    /// Require profiles to be reviewed; a host file says itself for which of its programs
    #[arg(long)]
    require_reviewed: bool,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    standard::read_once(args.files.iter().map(PathBuf::as_path))?;
    let mut rows = Vec::new();
    let mut status = Status::Done;
    for path in &args.files {
        match row(path, args.require_reviewed) {
            Ok(row) => rows.push(row),
            Err(error) => {
                failure::show(&error, false);
                let name = shown(standard::name(path)).to_string();
                let standing = if is_unread(&error) { "cannot be read" } else { "not valid" };
                let standing = if is_unreviewed(&error) { "not reviewed" } else { standing };
                rows.push([&name, standing, "", "", ""].map(str::to_owned));
                // A file that cannot be read says nothing about its contents.
                status = match (status, is_unread(&error)) {
                    (Status::Failed, _) | (_, true) => Status::Failed,
                    _ => Status::Findings,
                };
            }
        }
    }
    if !verbosity.quiet {
        output::data(&aligned(&rows))?;
    }
    Ok(status)
}

/// What a valid file is, in columns.
///
/// # Errors
/// If it is not valid.
fn row(path: &Path, requires_reviewed: bool) -> anyhow::Result<[String; 5]> {
    let name = shown(standard::name(path)).to_string();
    if standard::is_standard(path) {
        let profile = source::load(path).map_err(|error| match cause(&error) {
            Some(LoadError::Invalid { text, .. }) if is_host_file(text) => Hinted {
                message: "standard input is a host file, and not a profile".to_owned(),
                help: "name the file, because the profiles are next to it".to_owned(),
            }
            .into(),
            _ => error,
        })?;
        if requires_reviewed {
            check_reviewed(standard::name(path), &profile)?;
        }
        return Ok(of_profile(name, &profile));
    }
    let mode = EnforcementMode { requires_reviewed, ..EnforcementMode::default() };
    match ProfileToEnforce::load(path, mode) {
        Ok(loaded) => Ok(of_profile(name, loaded.profile())),
        Err(error) => {
            let error = error.into();
            match cause(&error) {
                Some(LoadError::Invalid { text, .. }) if is_host_file(text) => {
                    Ok(of_host(name, &HostToServe::load(path)?))
                }
                _ => Err(error),
            }
        }
    }
}

fn of_profile(name: String, profile: &Profile) -> [String; 5] {
    let risk = profile.allow.iter().map(|entry| entry.value.risk()).max();
    let standing = if profile.standing().is_reviewed() { "reviewed" } else { "not reviewed" };
    [
        name,
        format!("profile \"{}\"", profile.name),
        count(profile.allow.len(), "rule"),
        risk.unwrap_or(Risk::Info).to_string(),
        standing.to_owned(),
    ]
}

fn of_host(name: String, host: &HostToServe) -> [String; 5] {
    let programs = count(host.programs().len(), "program");
    [name, "host file".to_owned(), programs, String::new(), String::new()]
}

/// Whether the file is valid, but not reviewed.
fn is_unreviewed(error: &anyhow::Error) -> bool {
    cause::<NotReviewed>(error).is_some()
}

/// Whether the error is about reading a file, and not about what is in it.
fn is_unread(error: &anyhow::Error) -> bool {
    matches!(cause(error), Some(LoadError::Io { .. }))
        || matches!(cause(error), Some(HostError::Io { .. }))
}
