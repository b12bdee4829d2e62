//! `dsp show`: the requests of a recording or an audit log, one by one.

use std::path::{Path, PathBuf};

use clap::ValueHint;

use super::hint::Hinted;
use super::misuse::misuse;
use super::options::word;
use super::status::Status;
use super::{evidence, output, standard};
use crate::exchanges::{By, Exchange, Filter, Groups, HEADER, Json, detail, is_condition, row};
use crate::session::{follow_exchanges, read_exchanges};
use crate::text::shown;

/// Show the requests of a recording or an audit log
///
/// Each row is a request: when, the status of its answer, how long that took, its risk, who asked, what for,
/// and what it contained. With FILE:LINE, as findings name it, one request is shown in full.
///
/// A condition is a field, one of = != >= <= > <, and a value, such as risk>=change. Fields are risk,
/// operation, method, path, status, ms, verdict, contents, container, unit, client, agent, uid, session and
/// label. A star in a value stands for any characters. All conditions have to be met.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp show recording.jsonl
  dsp show recording.jsonl 'risk>=change' container=web
  dsp show recording.jsonl --by operation
  dsp show recording.jsonl:12
  dsp show -f audit.jsonl verdict=denied
  dsp show recording.jsonl 'contents=mounts /*' --format json")]
pub(super) struct Args {
    /// Recordings and audit logs, and conditions
    #[arg(value_name = "FILE | CONDITION", required = true, value_hint = ValueHint::FilePath)]
    subjects: Vec<String>,
    /// Go on while the file is written: show each request when it has ended, and a stream when it begins
    #[arg(short, long, conflicts_with = "by")]
    follow: bool,
    /// Count requests by operation, client or session instead
    #[arg(long, value_name = "WHAT", value_parser = word(|by| match by {
        By::Operation => "How often each operation was asked for",
        By::Client => "How much each client asked for",
        By::Session => "How much was asked for in each session",
    }))]
    by: Option<By>,
    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text, conflicts_with = "by")]
    format: Format,
}

/// The format of a result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: one object on each line
    Json,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    let (conditions, files): (Vec<&str>, Vec<&str>) =
        args.subjects.iter().map(String::as_str).partition(|subject| is_condition(subject));
    let filter = match Filter::parse(conditions) {
        Ok(filter) => filter,
        Err(error) => misuse!("{error}"),
    };
    let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
    standard::read_once(files.iter().map(PathBuf::as_path))?;
    match files.as_slice() {
        [] => misuse!("give a recording or an audit log, such as recording.jsonl"),
        [file] if args.follow => follow(file, &filter, args.format),
        _ if args.follow => misuse!("-f follows one file, and several are given"),
        [file] if !file.exists() && line_of(file).is_some() => {
            if args.by.is_some() || files.len() < args.subjects.len() {
                misuse!("FILE:LINE is one request, so conditions and --by cannot be used with it");
            }
            in_full(file, args.format)
        }
        files => list(files, &filter, args),
    }
}

/// Shows the requests of whole files.
fn list(files: &[PathBuf], filter: &Filter, args: &Args) -> anyhow::Result<Status> {
    let mut groups = args.by.map(Groups::new);
    let (mut found, mut all) = (0_u64, 0_u64);
    for file in files {
        read_exchanges(evidence::file(file)?, |exchange| {
            all += 1;
            if !filter.matches(&exchange) {
                return Ok(());
            }
            found += 1;
            match &mut groups {
                Some(groups) => groups.add(&exchange),
                None => show(&exchange, args.format, found == 1)?,
            }
            anyhow::Ok(())
        })?;
    }
    match groups {
        Some(groups) if found > 0 => output::data(&groups.table(output::width_of_stdout()))?,
        _ => {}
    }
    match (found, all) {
        (0, 0) => output::note(&format!("{} contains no requests", evidence::names(files))),
        (0, _) => output::note(&format!("none of {all} requests meets the conditions")),
        _ => {}
    }
    Ok(Status::Done)
}

/// Shows the requests of a file that is being written, until somebody ends dsp.
fn follow(file: &Path, filter: &Filter, format: Format) -> anyhow::Result<Status> {
    if standard::is_standard(file) {
        misuse!("-f reads on in a file, and standard input is not one; leave -f out");
    }
    let mut is_first = true;
    follow_exchanges(file, |exchange| {
        if filter.matches(&exchange) {
            show(&exchange, format, std::mem::take(&mut is_first))?;
        }
        anyhow::Ok(())
    })?;
    Ok(Status::Done)
}

/// Shows the request at a line of a file.
fn in_full(subject: &Path, format: Format) -> anyhow::Result<Status> {
    let Some((path, wanted)) = line_of(subject) else { return Ok(Status::Done) };
    let mut found = None;
    let mut nearest = None;
    read_exchanges(evidence::file(&path)?, |exchange| {
        match exchange.line.cmp(&wanted) {
            std::cmp::Ordering::Less => nearest = Some(exchange.line),
            std::cmp::Ordering::Equal => found = Some(exchange),
            std::cmp::Ordering::Greater => {}
        }
        anyhow::Ok(())
    })?;
    let Some(exchange) = found else {
        let message = format!("line {wanted} of {} is not a request", shown(&path));
        let help = match nearest {
            Some(line) => format!("the request before it is at {}:{line}", shown(&path)),
            None => format!("dsp show {} lists all", shown(&path)),
        };
        return Err(Hinted { message, help }.into());
    };
    match format {
        Format::Json => show(&exchange, format, false)?,
        Format::Text => output::text(&detail(&exchange))?,
    }
    Ok(Status::Done)
}

fn show(exchange: &Exchange, format: Format, is_first: bool) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            output::data(&(serde_json::to_string(&Json::of(exchange))? + "\n"))?;
        }
        Format::Text => {
            if is_first {
                output::data(&format!("{HEADER}\n"))?;
            }
            output::data(&(row(exchange, output::width_of_stdout()) + "\n"))?;
        }
    }
    Ok(())
}

/// The file and the line of `FILE:LINE`.
fn line_of(subject: &Path) -> Option<(PathBuf, usize)> {
    let (file, line) = subject.to_str()?.rsplit_once(':')?;
    Some((PathBuf::from(file), line.parse().ok()?))
}
