//! A profile for each program of a host, and a host file for all of them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::args::Args;
use crate::cli::misuse::misuse;
use crate::cli::options::Verbosity;
use crate::cli::status::Status;
use crate::cli::{files, output, standard};
use crate::host::{self, ProgramToWrite};
use crate::profile::Name;
use crate::recording::{Event, ReadError, Reader, SessionClient};
use crate::report::{count, quoted};
use crate::session::MOST_PROGRAMS;
use crate::text::{shown, spelled};

/// The name of the host file.
const HOST_FILE: &str = "dsp.yaml";

/// A program, where its requests were recorded, and what its profile is called.
#[derive(Clone, Debug)]
struct Program {
    client: SessionClient,
    name: Name,
    recordings: Vec<PathBuf>,
}

/// Makes the profiles with `one`, and writes the host file.
pub(super) fn run(
    args: &Args,
    verbosity: Verbosity,
    one: &dyn Fn(&Args) -> anyhow::Result<Status>,
) -> anyhow::Result<Status> {
    let [from] = args.recordings.as_slice() else {
        misuse!("--whole-host reads one folder; {} are named", args.recordings.len());
    };
    let Some(folder) = standard::output(args.output.as_ref()) else {
        misuse!("--whole-host writes a file for each program; name a folder with -o");
    };
    let programs = named(recorded(from)?);
    if programs.is_empty() {
        output::error(&format!("{} has no recordings of programs", shown(from)));
        output::help("record all programs of a host first: sudo dsp record --whole-host");
        return Ok(Status::NoVerdict);
    }
    let host_file = folder.join(HOST_FILE);
    if !args.replace {
        for path in programs.iter().map(|it| profile_of(folder, it)).chain([host_file.clone()]) {
            files::check_new(&path, "replace it with --replace")?;
        }
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", shown(folder)))?;
    let (made, status) = make_profiles(args, folder, &programs, one)?;
    if made.is_empty() {
        return Ok(Status::NoVerdict);
    }
    write_host_file(&host_file, &made)?;
    if !verbosity.quiet {
        output::note(&format!(
            "wrote {} ({}); next: review each profile, then dsp serve {} --check",
            shown(&host_file),
            count(made.len(), "program"),
            quoted(&spelled(&host_file))
        ));
    }
    Ok(status)
}

/// Makes the profile of each program. Returns the programs that have one, and the status of the whole.
fn make_profiles<'a>(
    args: &Args,
    folder: &Path,
    programs: &'a [Program],
    one: &dyn Fn(&Args) -> anyhow::Result<Status>,
) -> anyhow::Result<(Vec<&'a Program>, Status)> {
    let (mut made, mut worst) = (Vec::new(), Status::Done);
    for program in programs {
        let of_one = Args {
            recordings: program.recordings.clone(),
            output: Some(profile_of(folder, program)),
            name: Some(program.name.as_str().to_owned()),
            whole_host: false,
            ..args.clone()
        };
        let status = one(&of_one)?;
        if status == Status::NoVerdict {
            output::warn(&format!("no profile was made for {}", program.client));
        } else {
            made.push(program);
        }
        if worst == Status::Done || status == Status::NoVerdict {
            worst = status;
        }
    }
    Ok((made, worst))
}

fn write_host_file(path: &Path, programs: &[&Program]) -> anyhow::Result<()> {
    let profiles: Vec<String> = programs.iter().map(|it| profile_file(it)).collect();
    let to_write: Vec<_> = programs
        .iter()
        .zip(&profiles)
        .map(|(program, profile)| ProgramToWrite {
            name: &program.name,
            profile,
            client: (program.client.key(), program.client.value()),
        })
        .collect();
    let text = host::emit(&to_write);
    match files::exists(path) {
        true => crate::files::put(path, &text, files::HOST)?,
        false => crate::files::create(path, &text)?,
    }
    Ok(())
}

fn profile_file(program: &Program) -> String {
    format!("{}.yaml", program.name.as_str())
}

fn profile_of(folder: &Path, program: &Program) -> PathBuf {
    folder.join(profile_file(program))
}

/// The programs whose recordings are in a folder, in the order of their files, and these recordings. Warns
/// of recordings that do not say whose they are.
fn recorded(folder: &Path) -> anyhow::Result<Vec<(SessionClient, Vec<PathBuf>)>> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", shown(folder)))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path =
            entry.with_context(|| format!("cannot read the folder {}", shown(folder)))?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut programs: Vec<(SessionClient, Vec<PathBuf>)> = Vec::new();
    for path in paths {
        match client_of(&path)? {
            Whose::One(client) => match programs.iter_mut().find(|(known, _)| *known == client) {
                Some((_, recordings)) => recordings.push(path),
                None => programs.push((client, vec![path])),
            },
            Whose::NotSaid => {
                output::warn(&format!(
                    "{} was left out: it does not say which program asked, because dsp could not tell, or \
                     because the program had no recording of its own (there is room for {MOST_PROGRAMS})",
                    shown(&path)
                ));
            }
            Whose::Several(one, other) => {
                anyhow::bail!("{} has requests of {one} and of {other}", shown(&path));
            }
        }
    }
    Ok(programs)
}

/// Gives each program a name like its first recording, which no other program has.
fn named(programs: Vec<(SessionClient, Vec<PathBuf>)>) -> Vec<Program> {
    let mut in_use = HashSet::new();
    let name = |(client, recordings): (SessionClient, Vec<PathBuf>)| {
        let stem = recordings.first().and_then(|path| path.file_stem()).unwrap_or_default();
        let name = free_name(&spelled(Path::new(stem)), &mut in_use);
        Program { client, name, recordings }
    };
    programs.into_iter().map(name).collect()
}

/// A name that is not in use, and then is: `web`, `2-web`, `3-web` and so on.
fn free_name(stem: &str, in_use: &mut HashSet<Name>) -> Name {
    let name = Name::from_words(stem).unwrap_or_else(Name::fallback);
    // The host file is in the same folder.
    let name = match name.as_str() {
        "dsp" => Name::from_words("dsp-program").unwrap_or(name),
        _ => name,
    };
    let numbered = |number: u64| Name::from_words(&format!("{number}-{}", name.as_str()));
    let mut names = std::iter::once(name.clone()).chain((2..).filter_map(numbered));
    let free = names.find(|name| in_use.insert(name.clone()));
    free.unwrap_or(name)
}

/// Whose requests a recording has.
enum Whose {
    /// Those of one program.
    One(SessionClient),
    /// It does not say.
    NotSaid,
    /// Those of several programs.
    Several(SessionClient, SessionClient),
}

fn client_of(path: &Path) -> Result<Whose, ReadError> {
    let mut found: Option<SessionClient> = None;
    for event in Reader::open(path)? {
        let Event::Session(session) = event? else { continue };
        match (session.client, &found) {
            (None, _) => return Ok(Whose::NotSaid),
            (Some(client), None) => found = Some(client),
            (Some(client), Some(known)) if client != *known => {
                return Ok(Whose::Several(known.clone(), client));
            }
            (Some(_), Some(_)) => {}
        }
    }
    Ok(found.map_or(Whose::NotSaid, Whose::One))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_programs_have_one_name() {
        let names = |files: &[&str]| {
            let of = |file: &&str| (SessionClient::Unit((*file).to_owned()), vec![file.into()]);
            let programs = named(files.iter().map(of).collect());
            let names: Vec<_> = programs.iter().map(|it| it.name.as_str().to_owned()).collect();
            let different: HashSet<_> = names.iter().collect();
            assert_eq!(different.len(), names.len(), "{names:?}");
            names
        };
        let all = names(&["2-web.jsonl", "web.jsonl", "web_.jsonl"]);
        assert_eq!(all, ["2-web", "web", "3-web"]);
        let all = names(&["web.jsonl", "web_.jsonl", "2-web.jsonl"]);
        assert_eq!(all, ["web", "2-web", "2-2-web"]);
        assert_eq!(names(&["dsp.jsonl", "dsp-program.jsonl"]), ["dsp-program", "2-dsp-program"]);
        assert_eq!(names(&["-.jsonl", "_.jsonl"]), ["profile", "2-profile"]);
        // Names are cut off at the end.
        let long = "a".repeat(500);
        let all = names(&[&format!("{long}b.jsonl"), &format!("{long}c.jsonl"), &long]);
        assert!(all[1].starts_with("2-a") && all[2].starts_with("3-a"), "{all:?}");
    }
}
