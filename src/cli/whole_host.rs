//! `dsp record --whole-host`: records all programs of this host.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::listen::Listen;
use super::live_line::{LiveLine, age};
use super::options::{Engine, LogFormat, Verbosity};
use super::status::Status;
use super::{environment, front, misuse, output, runtime, standard};
use crate::engine;
use crate::report::{count, printable, quoted};
use crate::session::{
    Beyond, GivenBack, HostRecording, HostRecordingEnd, HostRecordingError, HostRecordingNotice,
    HostRecordingOptions, HostSocket, HostSocketError, MOST_PROGRAMS, Mended, RecordedProgram,
    Survey,
};
use crate::text::{shown, spelled};

/// How many names a message lists.
const MOST_NAMED: usize = 20;

/// What the clients are called that are no program of their own.
const OTHERS: &str = "others";

/// What the person has chosen.
pub(super) struct Chosen {
    pub(super) folder: PathBuf,
    pub(super) engine: Engine,
    pub(super) listen: Listen,
    pub(super) labels: Vec<(String, String)>,
    /// Whether only to mend what an earlier dsp has left.
    pub(super) restore: bool,
}

pub(super) fn run(chosen: Chosen, verbosity: Verbosity) -> anyhow::Result<Status> {
    if !cfg!(target_os = "linux") {
        output::error("--whole-host works on Linux only");
        output::help("record each program with --listen, and set its DOCKER_HOST");
        return Ok(Status::Failed);
    }
    if standard::is_standard(&chosen.folder) {
        misuse::misuse!("--whole-host writes a recording for each program; name a folder");
    }
    runtime::start_log(verbosity, false, LogFormat::Text);
    runtime::block_on(record(chosen, verbosity))?
}

async fn record(chosen: Chosen, verbosity: Verbosity) -> anyhow::Result<Status> {
    let Chosen { folder, engine, listen, labels, restore } = chosen;
    let environment = environment::read(engine.host.as_deref());
    let address = engine::locate(&environment)?.address;
    let mended = HostSocket::find(&address).and_then(|socket| socket.mend().map(|it| (socket, it)));
    let (socket, mended) = match mended {
        Ok(mended) => mended,
        Err(error) => return Ok(failed(&error)),
    };
    report_mended(mended, &socket, restore, verbosity);
    if restore {
        return Ok(Status::Done);
    }
    let engine = engine::find(&environment, front::PROBE_TIME).await?;
    let grace = listen.grace;
    let options = HostRecordingOptions {
        folder: folder.clone(),
        labels,
        connections: listen.max_connections,
        grace: Duration::from_secs(grace),
    };
    let recording = match HostRecording::start(socket, engine, options).await {
        Ok(recording) => recording,
        Err(HostRecordingError::Socket(error)) => return Ok(failed(&error)),
        Err(error) => return Err(error.into()),
    };
    let path = recording.socket().path().to_owned();
    if !verbosity.quiet {
        let engine_path = recording.socket().engine_path();
        output::note(&format!(
            "serving {} in the place of the engine's socket, which is {} now",
            shown(&path),
            shown(&engine_path)
        ));
        output::note(&format!("recording each program in {}; end with Ctrl-C", shown(&folder)));
        output::note("if dsp is killed, mend it with: dsp record --whole-host --restore");
    }
    warn_about_unseen(recording.survey(), mended);
    let line = LiveLine::new(verbosity, true);
    let end = recording.run(|notice| report_notice(&notice, &line, &path, grace)).await;
    line.clear();
    report_end(&end, &path, &folder, verbosity);
    Ok(if end.is_lossy() || end.given_back.is_err() { Status::Failed } else { Status::Done })
}

fn failed(error: &HostSocketError) -> Status {
    output::error(&error.to_string());
    output::help(&error.help());
    Status::Failed
}

/// Reports what was mended. A person who asks for it wants to know that there was nothing, too.
fn report_mended(mended: Mended, socket: &HostSocket, is_asked: bool, verbosity: Verbosity) {
    let path = shown(socket.path());
    let text = match mended {
        Mended::Nothing if is_asked => {
            format!("{path} is the engine's; there is nothing to restore")
        }
        Mended::Nothing => return,
        Mended::GivenBack => {
            format!("gave {path} back to the engine; a dsp that had its place was killed")
        }
        Mended::Removed => format!("removed what a dsp that was killed had left beside {path}"),
    };
    if !verbosity.quiet {
        output::note(&text);
    }
}

/// Warns of what is not recorded because it reached the engine before.
fn warn_about_unseen(survey: &Survey, mended: Mended) {
    match &survey.containers {
        None => output::warn(
            "the engine did not list its containers, so those that are not recorded are not known",
        ),
        Some(containers) if !containers.is_empty() => {
            let which = match mended {
                Mended::Nothing => "they have the engine's own socket mounted",
                Mended::GivenBack | Mended::Removed => {
                    "they have the engine's own socket mounted, or that of the dsp that was killed, with \
                     which they cannot reach the engine"
                }
            };
            let names = listed(containers);
            output::warn(&format!(
                "not recorded until they are restarted, because {which}: {names}"
            ));
            output::help(&restart(containers));
        }
        Some(_) => {}
    }
    if survey.connections > 0 {
        output::warn(&about_connections(survey.connections));
        output::help("restart the programs that you want to see from their start");
    }
}

fn about_connections(open: usize) -> String {
    match open {
        1 => "1 connection to the engine was already open; its requests are not recorded until the program \
              reconnects"
            .to_owned(),
        many => format!(
            "{many} connections to the engine were already open; their requests are not recorded until the \
             programs reconnect"
        ),
    }
}

fn report_notice(notice: &HostRecordingNotice, line: &LiveLine, path: &Path, grace: u64) {
    match notice {
        HostRecordingNotice::Progress { requests, programs, newest } => {
            let newest = newest.map_or_else(
                || "waiting for the first one".to_owned(),
                |newest| format!("last new operation {} ago", age(newest)),
            );
            let (requests, programs) = (count(*requests, "request"), count(*programs, "program"));
            line.show(&format!("{requests} · {programs} · {newest}"));
            return;
        }
        _ => line.clear(),
    }
    match notice {
        HostRecordingNotice::Progress { .. } => {}
        HostRecordingNotice::TakenAgain => output::warn(&format!(
            "the engine has made its socket anew; dsp serves {} in its place again, and what was asked in \
             between is not recorded",
            shown(path)
        )),
        HostRecordingNotice::NotTakenAgain(error) => {
            output::error(&format!(
                "the engine has made its socket anew, and nothing is recorded any more: {error}"
            ));
            output::help("end dsp and start it again");
        }
        HostRecordingNotice::Held { containers } => {
            output::note(&format!(
                "gave {} back to the engine. These containers were started with dsp's socket, which dsp \
                 goes on serving until they are restarted, or until Ctrl-C: {}",
                shown(path),
                listed(containers)
            ));
            output::help(&restart(containers));
        }
        HostRecordingNotice::Waiting { open } => front::report_waiting(*open, grace),
    }
}

fn report_end(end: &HostRecordingEnd, path: &Path, folder: &Path, verbosity: Verbosity) {
    match &end.given_back {
        Ok(given) if !verbosity.quiet => output::note(&match given {
            GivenBack::Back => format!("{} is the engine's again", shown(path)),
            GivenBack::ByEngine => format!("the engine had made {} anew", shown(path)),
            GivenBack::Gone => format!("the engine has ended and removed {}", shown(path)),
        }),
        Ok(_) => {}
        Err(error) => {
            output::error(&format!("cannot give {} back: {error}", shown(path)));
            output::help(&error.help());
        }
    }
    if !verbosity.quiet {
        report_programs(end, folder);
    }
    report_gaps(end);
    if !end.cut_off.is_empty() {
        output::warn(&format!(
            "containers that were started with dsp's socket, and cannot reach the engine until they are \
             restarted: {}",
            listed(&end.cut_off)
        ));
        output::help(&restart(&end.cut_off));
    }
}

fn report_programs(end: &HostRecordingEnd, folder: &Path) {
    if end.programs.is_empty() {
        output::note("no request came through");
        output::help("restart the programs that had opened their connections before");
        return;
    }
    let programs = count(end.programs.iter().filter(|it| it.client.is_some()).count(), "program");
    let folder = quoted(&spelled(folder));
    output::note(&format!(
        "{programs} recorded; next: dsp generate --whole-host {folder} -o policy"
    ));
    table(&end.programs).iter().for_each(|line| output::say(line));
    if end.unplaced > 0 {
        let connections = count(end.unplaced, "connection");
        output::note(&format!(
            "{connections} came from clients of which it is not known where they run; they are in \
             others.jsonl, and no rule can let them in"
        ));
    }
}

/// The programs, one a line: which, how much was recorded, and where.
fn table(programs: &[RecordedProgram]) -> Vec<String> {
    let mut rows: Vec<[String; 4]> = programs
        .iter()
        .map(|RecordedProgram { client, file, totals }| {
            let client = client.as_ref().map_or_else(|| OTHERS.to_owned(), ToString::to_string);
            let requests = count(totals.requests, "request");
            let operations = count(totals.operations, "operation");
            let file = shown(Path::new(file.file_name().unwrap_or_default())).to_string();
            [client, requests, operations, file]
        })
        .collect();
    rows.sort_by_key(|row| (row.first().is_some_and(|client| client == OTHERS), row.clone()));
    let width = |place: usize| {
        let cells = rows.iter().filter_map(|row| row.get(place));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let (first, second, third) = (width(0), width(1), width(2));
    let line = |[client, requests, operations, file]: &[String; 4]| {
        format!("  {client:<first$}  {requests:>second$}  {operations:>third$}  {file}")
    };
    rows.iter().map(line).collect()
}

fn report_gaps(end: &HostRecordingEnd) {
    end.failures.iter().for_each(|failure| output::error(failure));
    if !end.beyond.names.is_empty() {
        output::warn(&about_beyond(&end.beyond));
    }
    for RecordedProgram { file, totals, .. } in &end.programs {
        let file = shown(file);
        if totals.dropped > 0 {
            let lines = count(totals.dropped, "line");
            output::error(&format!(
                "{lines} could not be written to {file}; its session is marked as lossy"
            ));
        }
        if totals.unread > 0 {
            let requests = count(totals.unread, "request");
            output::error(&format!(
                "{file}: {requests} could not be read, and passed through with everything after it on the \
                 same connection; its session is marked as lossy"
            ));
        }
    }
}

fn about_beyond(beyond: &Beyond) -> String {
    let names: Vec<String> = beyond.names.iter().cloned().collect();
    format!(
        "there is room for {MOST_PROGRAMS} programs, so others.jsonl also has the requests of: {}{}",
        listed(&names),
        if beyond.has_more { ", and others that were not counted" } else { "" }
    )
}

/// The names of containers or programs, as many as a person reads, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_NAMED).map(|name| printable(name)).collect();
    match names.len().saturating_sub(MOST_NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn restart(names: &[String]) -> String {
    let names: Vec<String> =
        names.iter().take(MOST_NAMED).map(|name| printable(&quoted(name))).collect();
    format!("docker restart {}", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_counted() {
        let names = |most: u32| (0..most).map(|it| format!("p{it:02}")).collect();
        let some = about_beyond(&Beyond { names: names(2), has_more: false });
        assert!(some.ends_with("also has the requests of: p00, p01"), "{some}");
        let many = about_beyond(&Beyond { names: names(23), has_more: false });
        assert!(many.ends_with(", p19 and 3 more"), "{many}");
        let more = about_beyond(&Beyond { names: names(23), has_more: true });
        assert!(more.ends_with(", p19 and 3 more, and others that were not counted"), "{more}");
    }

    #[test]
    fn one_connection_is_not_several() {
        insta::assert_snapshot!(about_connections(1), @"1 connection to the engine was already open; its requests are not recorded until the program reconnects");
        insta::assert_snapshot!(about_connections(2), @"2 connections to the engine were already open; their requests are not recorded until the programs reconnect");
    }
}
