//! `dsp generate`: makes a profile from recordings.

mod args;
mod warnings;
mod whole_host;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

pub(super) use self::args::Args;
use super::ask::{self, Existing};
use super::misuse::misuse;
use super::options::Verbosity;
use super::status::Status;
use super::{ambiguity, environment, evidence, files, hint, output, sessions, standard};
use crate::api::{ApiVersion, EngineKind, Risk};
use crate::learn::{self, Chosen, Confine, Decision, Evidence, Generated, MinApi, TooOld, Wishes};
use crate::profile::{self, LoadError, Name, Profile, emit};
use crate::report::{count, printable, quoted};
use crate::session::{self, OutsideProjects, ProfileChange};
use crate::text::{shown, spelled};

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    match args.whole_host {
        true => whole_host::run(args, verbosity, &|args| one(args, verbosity)),
        false => one(args, verbosity),
    }
}

/// Makes one profile.
fn one(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    // First, so that a question is asked before the work, on which the answer does not depend.
    let target = Target::of(args, verbosity)?;
    let name = match &args.name {
        Some(name) => Some(Name::parse(name).with_context(|| format!("--name {name:?} is wrong"))?),
        None => target.new_file().and_then(named_after_file),
    };
    standard::read_once(args.recordings.iter().map(PathBuf::as_path))?;
    let old = target.old_profile()?;
    let wanted = engine(args.engine, old.as_ref())?;
    let denied = ask::chosen(&args.denied);
    let from = args.from.logs().map(|logs| logs.with_denied(&denied)).transpose()?;
    let (mut gathering, engine) = evidence::gather(&args.recordings, from, wanted, &args.sessions)?;
    let question = "denied requests to allow";
    let denied = chosen(denied, &gathering.denied(engine), "--denied", question, verbosity)?;
    gathering.take_denied(engine, &denied);
    let evidence = gathering.finish(engine);
    check_version(args.min_api, evidence.engine())?;
    if evidence.is_empty() && evidence.denied().next().is_some() {
        let names = evidence::names(&args.recordings);
        output::error(&format!("{names} contains only requests that were denied"));
        output::help("look at them with dsp check, and include them with --denied");
        return Ok(Status::NoVerdict);
    }
    if evidence.is_empty() {
        output::error(&format!("{} contains no requests", evidence::names(&args.recordings)));
        output::help("record a program first: dsp record -- docker stats --no-stream");
        return Ok(Status::NoVerdict);
    }
    if evidence.is_all_refused() {
        let names = evidence::names(&args.recordings);
        output::error(&format!("{names} contains only requests that enforce refuses"));
        warnings::about_gaps(&evidence, &Chosen::None);
        output::help("no profile can allow them; the program has to send other requests");
        return Ok(Status::NoVerdict);
    }
    if evidence.lossy() && !args.allow_lossy {
        output::error("the recording has gaps, so the profile would miss operations");
        output::help(
            "requests were lost, or could not be read: record again, or use the incomplete recording with \
             --allow-lossy",
        );
        return Ok(Status::NoVerdict);
    }
    sessions::warn(&evidence);
    let unknown = unknown(args, verbosity, &evidence)?;
    match (old, &target) {
        (Some(profile), Target::Update(path)) => {
            update(args, verbosity, &evidence, &unknown, path, profile.engine)?;
        }
        _ => fresh(args, verbosity, &evidence, &unknown, &target, name)?,
    }
    warnings::about_gaps(&evidence, &unknown);
    warnings::about_hidden_names(&evidence, args.names);
    if args.contents == Confine::Seen {
        warnings::about_contents(&evidence);
    }
    let is_open = |(request, one): (&str, &learn::Unknown)| {
        !unknown.includes(request) || one.listed().is_none()
    };
    Ok(if evidence.unknown().any(is_open) { Status::Findings } else { Status::Done })
}

/// Where a profile goes.
enum Target {
    Stdout,
    /// A file that does not exist yet.
    New(PathBuf),
    /// An existing profile, to be replaced.
    Replace(PathBuf),
    /// An existing profile, to be added to.
    Update(PathBuf),
}

impl Target {
    /// Takes the target from the options, and asks if the file exists.
    fn of(args: &Args, verbosity: Verbosity) -> anyhow::Result<Self> {
        if let Some(path) = &args.update {
            return Ok(Self::Update(super::source::changeable(path)?));
        }
        let Some(path) = standard::output(args.output.as_ref()) else {
            if args.replace {
                misuse!("--replace has no file to replace with --output -");
            }
            return Ok(Self::Stdout);
        };
        let mut path = path.to_owned();
        while files::exists(&path) {
            if args.replace {
                return Ok(Self::Replace(path));
            }
            if ask::is_possible(verbosity) {
                let is_profile = profile::load_text(&path).is_ok();
                // --name and --schema make sense for a new profile only.
                let may_update = is_profile && args.name.is_none() && args.schema.is_none();
                match ask::about_existing(&path, may_update, is_profile)? {
                    Existing::Update => return Ok(Self::Update(path)),
                    Existing::Replace => return Ok(Self::Replace(path)),
                    Existing::Other(other) => {
                        path = other;
                        continue;
                    }
                    Existing::Stop => {}
                }
            }
            files::check_new(&path, "add to it with --update, replace it with --replace")?;
        }
        Ok(Self::New(path))
    }

    /// The file, unless its profile is only updated.
    fn new_file(&self) -> Option<&Path> {
        match self {
            Self::New(path) | Self::Replace(path) => Some(path),
            Self::Stdout | Self::Update(_) => None,
        }
    }

    /// The profile to update, if any.
    ///
    /// # Errors
    /// If the file to update or to replace is not a profile.
    fn old_profile(&self) -> Result<Option<Profile>, LoadError> {
        match self {
            Self::Stdout | Self::New(_) => Ok(None),
            Self::Replace(path) => profile::load_text(path).map(|_| None),
            Self::Update(path) => profile::load_text(path).map(|(_, profile)| Some(profile)),
        }
    }
}

/// The unknown requests that the profile is to allow.
fn unknown(args: &Args, verbosity: Verbosity, evidence: &Evidence) -> anyhow::Result<Chosen> {
    let named = ask::chosen(&args.accept_unknown);
    // The others cannot be listed, because a part of them was not recorded.
    let listed = evidence.unknown().filter(|(_, unknown)| unknown.listed().is_some());
    let listed = listed.map(|(request, _)| request.to_owned()).collect();
    let question = "unknown requests to allow";
    chosen(named, &listed, "--accept-unknown", question, verbosity)
}

/// The requests that an option names or, if it names none, those that the person at the terminal
/// chooses.
fn chosen(
    named: Chosen,
    known: &BTreeSet<String>,
    option: &str,
    question: &str,
    verbosity: Verbosity,
) -> anyhow::Result<Chosen> {
    if let Some(missing) = named.missing(known) {
        let near = hint::did_you_mean(missing, known.iter().map(String::as_str));
        let text = format!("{option}={missing}: no such request was recorded{near}");
        anyhow::bail!(printable(&text));
    }
    if named != Chosen::None || known.is_empty() || !ask::is_possible(verbosity) {
        return Ok(named);
    }
    let requests: Vec<String> = known.iter().cloned().collect();
    let taken = ask::which_of(question, &requests)?;
    Ok(if taken.is_empty() { Chosen::None } else { Chosen::Only(taken.into_iter().collect()) })
}

/// The engine that the profile is for, if that is known before the evidence is read.
fn engine(asked: Option<EngineKind>, old: Option<&Profile>) -> anyhow::Result<Option<EngineKind>> {
    match (asked, old.map(|profile| profile.engine)) {
        (Some(asked), Some(old)) if asked != old => {
            anyhow::bail!("--engine says {asked}, but the profile is for {old}")
        }
        (asked, old) => Ok(old.or(asked)),
    }
}

/// Checks that the version given with `--min-api` is valid for this engine.
fn check_version(asked: Option<MinApi>, engine: EngineKind) -> anyhow::Result<()> {
    let Some(MinApi::At(version)) = asked else { return Ok(()) };
    ApiVersion::parse(engine, &version.to_string()).context("--min-api is wrong")?;
    if engine == EngineKind::Docker && version < ApiVersion::FLOOR {
        anyhow::bail!(
            "--min-api {version} has no effect: versions below {} are always refused",
            ApiVersion::FLOOR
        );
    }
    Ok(())
}

/// Makes a new profile.
fn fresh(
    args: &Args,
    verbosity: Verbosity,
    evidence: &Evidence,
    unknown: &Chosen,
    target: &Target,
    name: Option<Name>,
) -> anyhow::Result<()> {
    let options = learn::Options {
        name,
        place: name_of_place(args),
        accept_unknown: unknown.clone(),
        names: args.names,
        confine: args.contents,
        hide: args.hide.iter().copied().collect(),
        min_api: args.min_api.unwrap_or_default(),
    };
    let Generated { profile, mut comments } = learn::generate(evidence, &options);
    if let Some(path) = &args.schema {
        comments.header.insert(0, format!("yaml-language-server: $schema={}", shown(path)));
    }
    let proof = learn::prove(evidence, &profile, None)?;
    let text = emit(&profile, &comments);
    session::check_readable(&text)?;
    match target {
        Target::Stdout => output::data(&text)?,
        Target::New(path) => crate::files::create(path, &text)?,
        Target::Replace(path) | Target::Update(path) => {
            ProfileChange::begin(path)?.finish(&text)?
        }
    }
    if let Some(path) = target.new_file()
        && !verbosity.quiet
    {
        let rules = count(profile.allow.len(), "rule");
        output::note(&format!(
            "wrote {} ({rules}, highest risk: {}); next: dsp review {}",
            shown(path),
            risk(&profile),
            quoted(&spelled(path))
        ));
    }
    if !verbosity.quiet {
        output::note(&proof.to_string());
    }
    warnings::about_ids(&profile);
    ambiguity::warn(&profile);
    Ok(())
}

/// Adds what is new to a profile.
fn update(
    args: &Args,
    verbosity: Verbosity,
    evidence: &Evidence,
    unknown: &Chosen,
    path: &Path,
    engine: EngineKind,
) -> anyhow::Result<()> {
    // Read again, because a person may have changed it while the evidence was read.
    let change = ProfileChange::begin(path)?;
    let (text, old) = (change.text().to_owned(), change.profile().clone());
    let (text, old) = (text.as_str(), &old);
    if old.engine != engine {
        anyhow::bail!(
            "{} was changed to a profile for {} in the meantime",
            shown(path),
            old.engine
        );
    }
    let wishes = Wishes {
        names: args.names,
        confine: args.contents,
        hide: args.hide.iter().copied().collect(),
        accept_unknown: unknown.clone(),
        min_api: args.min_api,
    };
    let update = learn::update(text, old, evidence, wishes)
        .with_context(|| format!("cannot change {}", shown(path)))?;
    let profile = profile::parse(&update.text).map_err(|problem| {
        anyhow::anyhow!("dsp could not read the updated profile back: {}", problem.message)
    })?;
    let proof = learn::prove(evidence, &profile, Some(old))?;
    if update.text != text {
        change.finish(&update.text)?;
    }
    if !verbosity.quiet {
        let added = [(update.added.len(), "rule"), (update.values.len(), "value")];
        let added = added.into_iter().filter(|(number, _)| *number > 0);
        let added: Vec<String> = added.map(|(number, thing)| count(number, thing)).collect();
        output::note(&match added.as_slice() {
            [] if proof.is_complete() => {
                format!("{} already covers everything; nothing was added", shown(path))
            }
            [] => format!("nothing was added to {}", shown(path)),
            added => format!("updated {}: {} added", shown(path), added.join(" and ")),
        });
        if let Some((before, after)) = update.min_api {
            let word = |version: Option<ApiVersion>| {
                version.map_or_else(|| "none".to_owned(), |version| format!("\"{version}\""))
            };
            let (before, after) = (word(before), word(after));
            output::note(&format!("min_api was {before} and is {after}"));
        }
        let added = update.added.iter().chain(&update.values);
        added.for_each(|line| output::say(&format!("  + {}", printable(line))));
        output::note(&proof.to_string());
    }
    for kept in &update.kept_out {
        let by = match kept.by {
            Decision::Denied => "is denied by the profile",
            Decision::Narrowed => "is allowed for other names only",
            Decision::Confined => "its contents were not recorded, on which the profile decides",
        };
        output::warn(&format!(
            "{} was recorded but {by}; this was not changed",
            printable(&kept.operation)
        ));
    }
    if !update.kept_out.is_empty() {
        output::help(&format!("dsp check {} lists each request", quoted(&spelled(path))));
    }
    if let Some(TooOld { least, oldest, operations }) = update.too_old {
        let operations = count(operations, "operation");
        output::warn(&format!(
            "{operations} in the recording used API versions as old as {oldest}, but min_api: \
             \"{least}\" denies older versions"
        ));
        output::help(&format!(
            "use a newer client, --min-api {oldest}, or --min-api none (versions below {} are always \
             refused)",
            ApiVersion::FLOOR
        ));
    }
    warnings::about_ids(&profile);
    ambiguity::warn_about_new(old, &profile);
    Ok(())
}

fn risk(profile: &Profile) -> Risk {
    let risk = profile.allow.iter().map(|entry| entry.value.risk()).max();
    risk.unwrap_or(Risk::Info)
}

/// A file `ci.yaml` names its profile `ci`. `profile.yaml` names none, because what was recorded gives
/// a better name.
fn named_after_file(path: &Path) -> Option<Name> {
    let stem = path.file_stem()?.to_str()?;
    (stem != "profile").then(|| Name::from_words(stem)).flatten()
}

/// The name of the recording, or else of its folder. Logs do not count: they are named after a proxy,
/// and not after the program that the profile is for.
fn name_of_place(args: &Args) -> Option<Name> {
    if args.from.logs().is_some() {
        return None;
    }
    let outside = OutsideProjects::new(environment::home(), environment::temporary());
    session::name_by_place(&args.recordings, &outside)
}
