//! `dsp generate`: recordings to a profile.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};

use super::args::{self, Talk};
use super::status::Status;
use super::{evidence, output};
use crate::api::Risk;
use crate::learn::{self, Evidence, Generated};
use crate::profile::{Name, emit};
use crate::report::{count, printable};

pub(super) fn run(args: &args::Generate, talk: Talk) -> anyhow::Result<Status> {
    let name = match &args.name {
        Some(name) => Some(Name::parse(name).with_context(|| format!("--name {name:?} is wrong"))?),
        None => args.output.as_deref().and_then(named_after_file),
    };
    // Looked at before the work: the answer does not depend on it.
    if let Some(path) = &args.output
        && fs::symlink_metadata(path).is_ok()
    {
        bail!("{} exists; remove it, or choose another file with -o", path.display());
    }
    let evidence = evidence::read(&args.recordings)?;
    if evidence.is_empty() {
        output::error(&format!("{} holds no request", evidence::names(&args.recordings)));
        output::help("record a program first: dsp record -- docker stats --no-stream");
        return Ok(Status::NoVerdict);
    }
    if evidence.lossy() && !args.allow_lossy {
        output::error("lines were lost while recording, so the profile would miss operations");
        output::help("record again, or take what there is with --allow-lossy");
        return Ok(Status::NoVerdict);
    }
    let Generated { profile, comments } = learn::generate(&evidence, name, args.accept_unknown);
    let text = emit(&profile, &comments);
    match &args.output {
        None => output::data(&text)?,
        Some(path) => write_new(path, &text)?,
    }
    warn(&evidence, args.accept_unknown);
    if let Some(path) = &args.output
        && !talk.quiet
    {
        let rules = count(u64::try_from(profile.allow.len()).unwrap_or(u64::MAX), "rule");
        let risk = profile.allow.iter().map(|entry| entry.value.operation().risk).max();
        let risk = risk.unwrap_or(Risk::Info);
        output::note(&format!("wrote {} ({rules}, highest risk: {risk})", path.display()));
    }
    let open = evidence.unknown().next().is_some() && !args.accept_unknown;
    Ok(if open { Status::Findings } else { Status::Done })
}

/// Tells what the profile does not hold.
fn warn(evidence: &Evidence, accept_unknown: bool) {
    if evidence.incomplete() > 0 {
        let sessions = count(u64::try_from(evidence.incomplete()).unwrap_or(u64::MAX), "session");
        output::warn(&format!("{sessions} did not end in order; the last requests may be missing"));
    }
    for (request, _) in evidence.unknown().filter(|_| !accept_unknown) {
        output::warn(&format!("{} is no known operation and is left out", printable(request)));
    }
    if evidence.unknown().next().is_some() && !accept_unknown {
        output::help("take them as they were recorded with --accept-unknown");
    }
    for (request, _) in evidence.refused() {
        output::warn(&format!(
            "enforce refuses this whatever the profile says: {}",
            printable(request)
        ));
    }
}

/// `ci.yaml` names its profile `ci`. `profile.yaml` says nothing that the recording cannot say
/// better.
fn named_after_file(path: &Path) -> Option<Name> {
    let stem = path.file_stem()?.to_str()?;
    (stem != "profile").then(|| Name::from_words(stem)).flatten()
}

/// Writes a file that must not exist yet, whole or not at all.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let written =
        OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
            let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
            if written.is_err() {
                // Half a profile would be worse than none.
                let _ = fs::remove_file(path);
            }
            written
        });
    written.map_err(|error: io::Error| anyhow::anyhow!("{}: {error}", cannot()))
}
