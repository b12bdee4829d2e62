//! `dsp coverage`: has enough been recorded?

use std::fmt::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::sessions::{self, Sessions};
use super::status::Status;
use super::{evidence, output, standard};
use crate::learn::{ContentsRow, Coverage, OperationRow, OtherRow, SessionRow};
use crate::report::{count, pretty, printable};

/// Estimate whether enough was recorded
///
/// Shows what each session added, how many operations the next one is expected to add, and which
/// operations that usually go with the recorded ones are missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp coverage recording.jsonl
  dsp coverage monday.jsonl tuesday.jsonl --format json")]
pub(super) struct Args {
    /// Recordings
    #[arg(value_name = "RECORDING", default_value = "recording.jsonl")]
    recordings: Vec<PathBuf>,
    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    sessions: Sessions,
}

/// The format of a result.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    standard::read_once(args.recordings.iter().map(PathBuf::as_path))?;
    let evidence = evidence::read(&args.recordings, None, None, false, &args.sessions)?;
    if evidence.is_empty() {
        output::error(&format!("{} contains no requests", evidence::names(&args.recordings)));
        output::help("record the program first: dsp record -- COMMAND");
        return Ok(Status::NoVerdict);
    }
    sessions::warn(&evidence);
    let coverage = Coverage::of(&evidence);
    match args.format {
        Format::Json => output::data(&pretty(&coverage))?,
        Format::Text => output::text(&text(&coverage)?)?,
    }
    if evidence.is_all_refused() {
        let names = evidence::names(&args.recordings);
        output::error(&format!("{names} contains only requests that enforce refuses"));
        return Ok(Status::NoVerdict);
    }
    Ok(Status::Done)
}

fn text(coverage: &Coverage) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(text, "SESSION  BEGAN                 NEW  TOTAL  WHAT")?;
    for (place, session) in coverage.sessions.iter().enumerate() {
        let start = session.start.as_deref().unwrap_or("unknown");
        let start = start.split('.').next().unwrap_or_default().trim_end_matches('Z');
        let doubt = if session.complete { "" } else { " (incomplete)" };
        let start = printable(start);
        let (number, new, total, what) = (place + 1, session.new, session.total, what(session));
        writeln!(text, "{number:>7}  {start:19}  {new:>4}  {total:>5}  {what}{doubt}")?;
    }
    let all = coverage.sessions.len();
    writeln!(text, "\nSESSIONS  REQUESTS  OPERATION")?;
    for OperationRow { operation, sessions, requests, .. } in &coverage.operations {
        let share = format!("{sessions}/{all}");
        writeln!(text, "{share:>8}  {requests:>8}  {operation}")?;
    }
    others(&mut text, "Not a known operation:", &coverage.unknown)?;
    others(&mut text, "Refused by enforce whatever the profile says:", &coverage.refused)?;
    writeln!(text, "\n{}", estimate(coverage))?;
    if all > 1 && coverage.once().next().is_some() {
        writeln!(text, "\nSeen in one session only:")?;
        for row in coverage.once() {
            writeln!(text, "  {}", row.operation)?;
        }
    }
    contents(&mut text, coverage)?;
    if !coverage.questions.is_empty() {
        writeln!(text, "\nQuestions:")?;
        for question in &coverage.questions {
            let (seen, missing) = (&question.seen, &question.missing);
            writeln!(text, "  {seen} was seen, {missing} was not: {}", question.question)?;
        }
    }
    Ok(printable_lines(&text))
}

/// The number of values that a line shows.
const SHOWN: usize = 3;

/// What rests on one session, of what the contents of requests gave away. With one session, everything
/// does.
fn contents(text: &mut String, coverage: &Coverage) -> std::fmt::Result {
    let once = || coverage.contents.iter().filter(|row| !row.once.is_empty());
    if coverage.sessions.len() > 1 && once().next().is_some() {
        writeln!(text, "\nContents seen in one session only:")?;
        for ContentsRow { operation, facet, values, once } in once() {
            let shown: Vec<&str> = once.iter().take(SHOWN).map(String::as_str).collect();
            let more = match once.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let (shown, number) = (shown.join(", "), once.len());
            writeln!(text, "  {operation}, {facet}: {number} of {values}: {shown}{more}")?;
        }
    }
    if !coverage.unread.is_empty() {
        writeln!(text, "\nContents not recorded, so their rules are open:")?;
        for OtherRow { request, requests, .. } in &coverage.unread {
            writeln!(text, "{requests:>18}  {request}")?;
        }
    }
    Ok(())
}

/// What ran in a session, with the session's labels.
fn what(session: &SessionRow) -> String {
    let subject = session.subject.clone().unwrap_or_else(|| "a listener".to_owned());
    let labels = session.labels.iter().map(|(key, value)| format!(" {key}={value}"));
    printable(&std::iter::once(subject).chain(labels).collect::<String>())
}

/// Lists requests that are not operations, if there are any.
fn others(text: &mut String, title: &str, rows: &[OtherRow]) -> std::fmt::Result {
    if !rows.is_empty() {
        writeln!(text, "\n{title}")?;
    }
    for OtherRow { request, requests, .. } in rows {
        writeln!(text, "{requests:>18}  {}", printable(request))?;
    }
    Ok(())
}

fn estimate(coverage: &Coverage) -> String {
    let operations = count(coverage.operations.len(), "operation");
    let sessions = count(coverage.sessions.len(), "session");
    match coverage.expected_new_operations {
        None => format!(
            "{operations} in {sessions}. One session says nothing about the next: record more."
        ),
        Some(expected) => {
            let once = coverage.once().count();
            let verdict = match expected {
                _ if coverage.lossy => "but requests are missing: record again",
                0.0 => "looks complete",
                ..0.25 => "nearly complete",
                _ => "record more",
            };
            format!(
                "{operations} in {sessions}, {once} of them in one session only: the next session \
                 is expected to add {expected} ({verdict})."
            )
        }
    }
}

fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(line) + "\n").collect()
}
