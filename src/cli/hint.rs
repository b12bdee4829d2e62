//! Hints for common mistakes: misspelled names, and commands without `--` before them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::profile::BUILTIN;
use crate::text::{nearest, printable, quoted};

/// An error with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Hinted {
    /// What could not be done.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
}

/// Programs that start others with a new environment, in which `DOCKER_HOST` is not set.
const WITHOUT_VARIABLES: [&str; 9] =
    ["doas", "machinectl", "pkexec", "run0", "runuser", "ssh", "su", "sudo", "systemd-run"];

/// `; did you mean NAME?`, or nothing.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

/// Why a command sent no request, judging by its first words.
pub(super) fn no_request(command: &[OsString]) -> Option<String> {
    let (program, arguments) = command.split_first()?;
    let name = Path::new(program).file_name().and_then(OsStr::to_str)?;
    let clears = name == "env" && arguments.iter().any(|word| word == "-i" || word == "-");
    if !clears && !WITHOUT_VARIABLES.contains(&name) {
        return None;
    }
    let way = match name {
        "sudo" => "run dsp itself with sudo, or pass it on: sudo --preserve-env=DOCKER_HOST",
        "ssh" => "run dsp on the machine where the program runs",
        "env" => "pass it on: env -i DOCKER_HOST=\"$DOCKER_HOST\"",
        _ => "run dsp itself with it, and the program with dsp",
    };
    Some(format!("{name} starts its program without DOCKER_HOST; {way}"))
}

/// Exits the process if no program follows `--`: the user did not mean to start a listener.
pub(super) fn refuse_empty_command(line: &[OsString]) {
    let takes_program = |word: &OsString| word == "record" || word == "enforce";
    let ends_in_dashes = line.len() > 2 && line.last().is_some_and(|word| word == "--");
    if ends_in_dashes && line.iter().skip(1).any(takes_program) {
        let text = "no program follows --; leave -- out to serve without one\n";
        clap::Error::raw(ErrorKind::MissingRequiredArgument, text).exit();
    }
}

/// Adds a tip to clap's error if a program has no `--` before it, or a profile is missing.
pub(super) fn meant(mut error: clap::Error, line: &[OsString]) -> clap::Error {
    let tip = if let Some(meant) = program_without_dashes(&error, line) {
        format!("to run a program, put -- before it: {meant}")
    } else if place_of_profile(line, &error).is_some() {
        format!("dsp profiles lists those that are part of dsp, such as {BUILTIN}monitor")
    } else if lacks_address_of_host(&error, line) {
        "--host is the engine's address; to record all programs of this host: dsp record --whole-host"
            .to_owned()
    } else {
        return error;
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

/// Whether `record --host` has no value, so that something else was meant.
fn lacks_address_of_host(error: &clap::Error, line: &[OsString]) -> bool {
    let is_host = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.starts_with("--host "),
        _ => false,
    };
    let is_empty = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.is_empty(),
        _ => true,
    };
    let command = line.iter().skip(1).find(|word| !is_option(word));
    is_host
        && is_empty
        && error.kind() == ErrorKind::InvalidValue
        && command.is_some_and(|it| it == "record")
}

/// Where to insert the profile that `enforce` lacks, if that is what clap's error says.
pub(super) fn place_of_profile(line: &[OsString], error: &clap::Error) -> Option<usize> {
    let lacks = match error.get(ContextKind::InvalidArg)? {
        ContextValue::Strings(lacking) => lacking.iter().any(|lacking| lacking == "<PROFILE>"),
        _ => false,
    };
    let command = line.iter().skip(1).position(|word| !is_option(word))? + 1;
    let is_enforce = line.get(command).is_some_and(|word| word == "enforce");
    let is_it = error.kind() == ErrorKind::MissingRequiredArgument && lacks && is_enforce;
    is_it.then_some(command + 1)
}

/// The command line that was probably meant, if a program has no `--` before it.
fn program_without_dashes(error: &clap::Error, line: &[OsString]) -> Option<String> {
    let takes_program = |word: &&OsString| *word == "record" || *word == "enforce";
    let has_dashes = line.iter().any(|word| word == "--");
    if error.kind() != ErrorKind::UnknownArgument || has_dashes {
        return None;
    }
    line.iter().skip(1).find(|word| !is_option(word)).filter(takes_program)?;
    let ContextValue::String(unknown) = error.get(ContextKind::InvalidArg)? else { return None };
    let found = line.iter().skip(2).position(|word| word.to_str() == Some(unknown))? + 2;
    // An unknown option may be one of the program, whose name then comes before it.
    let place = if is_option(line.get(found)?) { return None } else { found };
    let words = |words: &[OsString]| -> String {
        let shown = words.iter().map(|word| quoted(&crate::text::spelled(word)));
        shown.collect::<Vec<_>>().join(" ")
    };
    let (before, program) = line.get(1..)?.split_at_checked(place - 1)?;
    Some(printable(&format!("dsp {} -- {}", words(before), words(program))))
}

fn is_option(word: &OsString) -> bool {
    crate::text::spelled(word).starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_nearest_name_is_offered() {
        let known = ["traefik", "portainer", "monitor"];
        assert_eq!(did_you_mean("traefk", known), "; did you mean traefik?");
        assert_eq!(did_you_mean("xyz", known), "");
    }

    #[test]
    fn programs_that_drop_the_variable_are_named() {
        for command in
            ["sudo docker ps", "/usr/bin/sudo -u x docker ps", "su -c docker", "env -i x"]
        {
            assert!(no_request(&line(command)).is_some(), "{command}");
        }
        for command in ["docker ps", "env A=b docker ps", "sh -c sudo"] {
            assert_eq!(no_request(&line(command)), None, "{command}");
        }
    }
}
