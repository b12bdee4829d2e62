//! `dsp review`: a person, or a script, decides on the rules of a profile.

use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;
use tokio::signal::unix::SignalKind;

use super::dialogue::{End, save};
use super::misuse::misuse;
use super::options::{Origin, Verbosity};
use super::profile_argument::Profiles;
use super::sessions::Sessions;
use super::status::Status;
use super::terminal::{self, Terminal};
use super::{ambiguity, ask, environment, evidence, output, pending, plain, runtime, standard};
use crate::learn::Evidence;
use crate::profile::{self, Profile};
use crate::report::{count, printable, quoted};
use crate::review::{Answers, Draft, Leaving, Session, Step, View, open, settle};
use crate::session::{ProfileChange, handle_signal};
use crate::terminal::Key;
use crate::text::{shown, spelled};

/// The default recording, used if the profile says that it was made from it.
const USUAL_RECORDING: &str = "recording.jsonl";

/// Decide on each rule of a profile, the riskiest first
///
/// On a terminal, dsp shows what each rule permits, why it is risky and how it was used, and asks
/// whether to keep, deny or narrow it. Each answer is saved at once. Without a terminal, or with --list,
/// dsp prints what is open; scripts decide with --keep, --deny and --narrow. Decisions are stored in the
/// profile, under reviewed:, and enforce --require-reviewed insists on them. The exit status is 3 as
/// long as anything is open.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp review profile.yaml
  dsp review profile.yaml --recording monday.jsonl --recording tuesday.jsonl
  dsp review profile.yaml --list
  dsp review profile.yaml --plain
  dsp review profile.yaml --keep info --keep read --keep 'POST /containers/create'
  dsp review profile.yaml --narrow 'POST /containers/ci-*/start' --deny 'POST /containers/*/exec'")]
pub(super) struct Args {
    /// The profile
    #[arg(
        value_name = "PROFILE",
        value_parser = standard::changed(),
        add = ArgValueCompleter::new(Profiles)
    )]
    profile: PathBuf,
    /// A recording to show evidence from; by default recording.jsonl, if the profile was made from it
    #[arg(
        long = "recording",
        value_name = "RECORDING",
        conflicts_with_all = ["keep", "deny", "narrow"]
    )]
    recordings: Vec<PathBuf>,
    /// Accept this rule of the profile; info or read: all open rules of that risk; changes: what
    /// changed since the review besides the rules
    #[arg(long, value_name = "RULE")]
    keep: Vec<String>,
    /// Deny this rule of the profile; generate --update does not add it again
    #[arg(long, value_name = "RULE")]
    deny: Vec<String>,
    /// Replace the wider rule that covers this rule, and accept this one
    #[arg(long, value_name = "RULE")]
    narrow: Vec<String>,
    /// Print what is open, without asking
    #[arg(long, conflicts_with_all = ["keep", "deny", "narrow"])]
    list: bool,
    /// Ask line by line instead of on a full screen, for screen readers; the default on a terminal
    /// that cannot move its cursor
    #[arg(long, conflicts_with_all = ["keep", "deny", "narrow", "list"])]
    plain: bool,
    #[command(flatten)]
    from: Origin,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    standard::read_once(args.recordings.iter().map(PathBuf::as_path))?;
    let path = super::source::changeable(&args.profile)?;
    let answers =
        Answers { keep: args.keep.clone(), deny: args.deny.clone(), narrow: args.narrow.clone() };
    if answers != Answers::default() {
        if args.from.logs().is_some() {
            misuse!("--from is for showing evidence, which --keep, --deny and --narrow do not do");
        }
        return script(&path, verbosity, &answers);
    }
    let (text, profile) = profile::load_text(&path)?;
    let draft = Draft::new(text, profile);
    let evidence = read_evidence(args, &draft)?;
    if args.list || !can_ask(args.plain) {
        list(args, verbosity, &draft, evidence.as_ref())?;
        tell_of_drift(args, &draft, evidence.as_ref());
        return Ok(verdict(draft.profile()));
    }
    if draft.profile().standing().is_reviewed() {
        list(args, verbosity, &draft, None)?;
        tell_of_drift(args, &draft, evidence.as_ref());
        return Ok(verdict(draft.profile()));
    }
    let (session, left) = ask_about(&args.profile, draft, evidence, args.plain, verbosity)?;
    let draft = session.draft().clone();
    let evidence = session.into_evidence();
    tell_of_drift(args, &draft, evidence.as_ref());
    Ok(left.unwrap_or_else(|| verdict(draft.profile())))
}

/// Whether there is a terminal for a dialogue.
pub(super) fn can_ask(plain: bool) -> bool {
    let is_plain = plain || environment::is_dumb_terminal();
    (plain || Terminal::is_there()) && (!is_plain || ask::is_there())
}

/// Asks about each open question of a draft, and reports what was decided. Also returns the exit status if
/// a signal or Ctrl-C ended the dialogue.
///
/// # Errors
/// If the terminal or the file fails.
pub(super) fn ask_about(
    path: &Path,
    draft: Draft,
    evidence: Option<Evidence>,
    plain: bool,
    verbosity: Verbosity,
) -> anyhow::Result<(Session, Option<Status>)> {
    let mut session = Session::new(spelled(path), draft, evidence);
    let end = if plain || environment::is_dumb_terminal() {
        plain::dialogue(&mut session, path)?
    } else {
        runtime::block_on(dialogue(&mut session, path))??
    };
    if !verbosity.quiet {
        report(&session, path);
    }
    let status = match end {
        End::Signal(number) => Some(Status::Signal(number)),
        End::Left(Leaving::Interrupted) => Some(Status::Signal(SIGINT)),
        End::Left(Leaving::Ended) => None,
    };
    Ok((session, status))
}

/// Says that the recordings used something which the profile does not allow, and how to decide on it.
fn tell_of_drift(args: &Args, draft: &Draft, evidence: Option<&Evidence>) {
    let Some(evidence) = evidence.filter(|_| !args.recordings.is_empty()) else { return };
    let offered = draft.clone().offering(evidence).map_or(0, |draft| draft.offered());
    if offered == 0 {
        return;
    }
    let names = evidence::names(&args.recordings);
    output::warn(&format!("{names} used something that {} does not allow", shown(&args.profile)));
    let words = [&args.profile].into_iter().chain(&args.recordings);
    let words: Vec<String> = words.map(|path| quoted(&spelled(path))).collect();
    output::help(&format!("dsp check {} --review asks about it", words.join(" ")));
}

const SIGHUP: u8 = 1;
const SIGINT: u8 = 2;
const SIGTERM: u8 = 15;

/// Asks until everything is answered or the person leaves.
async fn dialogue(session: &mut Session, path: &Path) -> anyhow::Result<End> {
    let (columns, rows) = Terminal::size();
    let mut view = View::new(columns, rows);
    let mut hangup = handle_signal(SignalKind::hangup())?;
    let mut interrupt = handle_signal(SignalKind::interrupt())?;
    let mut terminate = handle_signal(SignalKind::terminate())?;
    let mut resized = handle_signal(SignalKind::window_change())?;
    let mut continued = handle_signal(SignalKind::from_raw(SIGCONT))?;
    let terminal = Terminal::take(output::has_colours())?;
    let mut keys = terminal::keys();
    loop {
        let (columns, rows) = Terminal::size();
        view.resize(columns, rows);
        terminal.show(&view.screen(session))?;
        tokio::select! {
            pressed = keys.recv() => {
                let Some(pressed) = pressed else { return Ok(End::Signal(SIGHUP)) };
                for key in pressed {
                    let asked = session.item().cloned();
                    let step = press(session, &mut view, key, path, &terminal)?;
                    if let Step::Leave(leaving) = step {
                        return Ok(End::Left(leaving));
                    }
                    if step == Step::Save || key == Key::Enter || session.item() != asked.as_ref() {
                        // A key that was pressed before the next question was shown does not
                        // answer it.
                        while keys.try_recv().is_ok() {}
                        break;
                    }
                }
            }
            _ = resized.recv() => {}
            _ = continued.recv() => terminal.enter()?,
            _ = interrupt.recv() => return Ok(End::Signal(SIGINT)),
            _ = terminate.recv() => return Ok(End::Signal(SIGTERM)),
            _ = hangup.recv() => return Ok(End::Signal(SIGHUP)),
        }
    }
}

/// A signal that tokio has no name for.
const SIGCONT: i32 = rustix::process::Signal::CONT.as_raw();

/// Handles a key. Leaving the review is up to the caller.
fn press(
    session: &mut Session,
    view: &mut View,
    key: Key,
    path: &Path,
    terminal: &Terminal,
) -> anyhow::Result<Step> {
    let before = session.draft().file_text().to_owned();
    let step = view.press(session, key);
    match step {
        Step::Show | Step::Leave(_) => {}
        Step::Save => save(session, &before, path)?,
        Step::Suspend => {
            terminal.leave();
            let (own, stop) = (rustix::process::getpid(), rustix::process::Signal::TSTP);
            rustix::process::kill_process(own, stop)?;
            // Either the process was stopped and continued, or it was not stopped because there is no
            // shell to continue it.
            terminal.enter()?;
        }
    }
    Ok(step)
}

/// Prints the result of a dialogue.
fn report(session: &Session, path: &Path) {
    let tally = session.tally();
    let profile = session.draft().file_profile();
    let standing = profile.standing();
    let done = pending::words(&[
        (tally.kept, "kept"),
        (tally.denied, "denied"),
        (tally.narrowed, "narrowed"),
    ]);
    if standing.is_reviewed() {
        let quoted = quoted(&spelled(path));
        output::note(&format!("{} is reviewed ({done})", shown(path)));
        output::help(&format!("insist on it with dsp enforce --require-reviewed {quoted}"));
    } else {
        let open = open(profile);
        output::note(&format!("{}: {done}; {open}", shown(path)));
        output::help(&format!("continue with dsp review {}", quoted(&spelled(path))));
    }
}

/// Decides for a script.
fn script(path: &Path, verbosity: Verbosity, answers: &Answers) -> anyhow::Result<Status> {
    let change = ProfileChange::begin(path)?;
    let draft = Draft::new(change.text().to_owned(), change.profile().clone());
    let settled = settle(&draft, answers)
        .map_err(|error| anyhow::anyhow!("{}", printable(&error.to_string())))?;
    if settled.text() != draft.text() {
        change.finish(settled.text())?;
    }
    if !verbosity.quiet {
        let profile = settled.profile();
        let standing = profile.standing();
        if standing.is_reviewed() {
            let rules = count(profile.allow.len(), "rule");
            output::note(&format!("{} is reviewed ({rules})", shown(path)));
        } else {
            output::note(&format!("{}: {}", shown(path), open(profile)));
            output::help(&format!("dsp review {} --list shows them", quoted(&spelled(path))));
        }
    }
    ambiguity::warn_about_new(draft.profile(), settled.profile());
    Ok(verdict(settled.profile()))
}

/// Prints what is open.
fn list(
    args: &Args,
    verbosity: Verbosity,
    draft: &Draft,
    evidence: Option<&Evidence>,
) -> anyhow::Result<()> {
    let path = spelled(&args.profile);
    let profile = draft.profile();
    if !profile.standing().is_reviewed() {
        output::text(&pending::list(&path, profile, evidence, !verbosity.quiet))?;
    } else if !verbosity.quiet {
        let rules = count(profile.allow.len(), "rule");
        output::note(&format!("{} is reviewed ({rules}); nothing is open", printable(&path)));
    }
    Ok(())
}

fn verdict(profile: &Profile) -> Status {
    if profile.standing().is_reviewed() { Status::Done } else { Status::Findings }
}

/// Reads the given recordings, or else the default recording if the profile was made from it.
fn read_evidence(args: &Args, draft: &Draft) -> anyhow::Result<Option<Evidence>> {
    let engine = Some(draft.profile().engine);
    if !args.recordings.is_empty() {
        return evidence::read(
            &args.recordings,
            args.from.logs(),
            engine,
            false,
            &Sessions::default(),
        )
        .map(Some);
    }
    let usual = PathBuf::from(USUAL_RECORDING);
    if !usual.is_file() {
        return Ok(None);
    }
    // A recording of something else is not evidence for this profile, but not an error either.
    let evidence = evidence::read(&[usual], None, engine, false, &Sessions::default()).ok();
    let is_named = |evidence: &Evidence| {
        let digest: String = evidence.digest().chars().take(16).collect();
        draft.text().contains(&format!("sha256 {digest}"))
    };
    Ok(evidence.filter(is_named))
}
