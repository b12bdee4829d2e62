//! A profile for each program of a host, and a host file for all of them.

use std::collections::BTreeMap;
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
use crate::text::{shown, spelled};

/// The name of the host file.
const HOST_FILE: &str = "dsp.yaml";

/// A program, and where its requests were recorded.
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
    let programs = programs(from)?;
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
    let (mut made, mut worst) = (Vec::new(), Status::Done);
    for program in &programs {
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
    if made.is_empty() {
        return Ok(Status::NoVerdict);
    }
    let profiles: Vec<String> =
        made.iter().map(|it| format!("{}.yaml", it.name.as_str())).collect();
    let to_write: Vec<_> = made
        .iter()
        .zip(&profiles)
        .map(|(program, profile)| ProgramToWrite {
            name: &program.name,
            profile,
            client: (program.client.key(), program.client.value()),
        })
        .collect();
    let text = host::emit(&to_write);
    match files::exists(&host_file) {
        true => crate::files::put(&host_file, &text, files::HOST)?,
        false => crate::files::create(&host_file, &text)?,
    }
    if !verbosity.quiet {
        output::note(&format!(
            "wrote {} ({}); next: review each profile, then dsp serve {} --check",
            shown(&host_file),
            count(made.len(), "program"),
            quoted(&spelled(&host_file))
        ));
    }
    Ok(worst)
}

fn profile_of(folder: &Path, program: &Program) -> PathBuf {
    folder.join(format!("{}.yaml", program.name.as_str()))
}

/// The programs whose recordings are in a folder, in the order of their files. Warns of recordings that do
/// not say whose they are.
fn programs(folder: &Path) -> anyhow::Result<Vec<Program>> {
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
    let mut programs: Vec<Program> = Vec::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        match client_of(&path)? {
            Whose::One(client) => {
                match programs.iter_mut().find(|program| program.client == client) {
                    Some(program) => program.recordings.push(path),
                    None => {
                        let name = free_name(&path, &mut names);
                        programs.push(Program { client, name, recordings: vec![path] });
                    }
                }
            }
            Whose::NotSaid => {
                output::warn(&format!(
                    "{} was left out: it does not say which program asked, so no rule could let it in",
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

/// A name for the program of a recording that no other one has.
fn free_name(path: &Path, names: &mut BTreeMap<String, usize>) -> Name {
    let stem = spelled(Path::new(path.file_stem().unwrap_or_default()));
    let name = Name::from_words(&stem).unwrap_or_else(Name::fallback);
    // The host file is in the same folder.
    let name = match name.as_str() {
        "dsp" => Name::from_words("dsp-program").unwrap_or(name),
        _ => name,
    };
    let number = names.entry(name.as_str().to_owned()).or_default();
    *number += 1;
    match *number {
        1 => name,
        number => Name::from_words(&format!("{number}-{}", name.as_str())).unwrap_or(name),
    }
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
