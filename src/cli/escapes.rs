//! `dsp escapes`: the known ways out that a profile leaves open.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use super::profile_argument::Profiles;
use super::status::Status;
use super::{output, source};
use crate::escapes::{self, Concern, Open, by_rule};
use crate::report::{count, pretty, printable};

/// List the known ways to the host that a profile leaves open
///
/// Some lead to what belongs to others instead. Each is one request, known from a CVE, from the engine's sources or from a bypass of another proxy.
/// dsp decides on it as enforce would, with the images and names that the profile allows. The exit
/// status is 3 if one is open.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp escapes profile.yaml
  dsp escapes builtin:compose --closed-by contents
  dsp escapes profile.yaml --format json")]
pub(super) struct Args {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCompleter::new(Profiles))]
    profile: PathBuf,
    /// List only those that this can close
    #[arg(long, value_enum, value_name = "WHAT")]
    closed_by: Option<ClosedBy>,
    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
}

/// What can close an escape.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ClosedBy {
    /// What the rule says about contents
    Contents,
    /// Names, as far as they tell whose object it is
    Names,
    /// Nothing but leaving the rule out
    Nothing,
}

/// The format of a result.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// An open escape, for programs.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    gives: &'a str,
    effect: &'a str,
    closed_by: &'a str,
    source: &'a str,
    rule: String,
}

impl ClosedBy {
    fn of(concern: Concern) -> Self {
        match concern {
            Concern::Contents => Self::Contents,
            Concern::Owner => Self::Names,
            Concern::Operation => Self::Nothing,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Contents => "contents",
            Self::Names => "names",
            Self::Nothing => "nothing",
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    let (_, profile) = source::load_source(&args.profile)?;
    let is_wanted = |open: &Open| {
        args.closed_by.is_none_or(|wanted| wanted == ClosedBy::of(open.escape.concern))
    };
    let mut open = escapes::left_open(&profile);
    open.retain(is_wanted);
    match args.format {
        Format::Json => {
            let rows: Vec<Row<'_>> = open.iter().map(row).collect();
            output::data(&pretty(&rows))?;
        }
        Format::Text => {
            let all = escapes::of(profile.engine).count();
            output::text(&text(&open, all)?)?;
        }
    }
    Ok(if open.is_empty() { Status::Done } else { Status::Findings })
}

fn row(open: &Open) -> Row<'_> {
    let Open { escape, rule } = open;
    Row {
        name: escape.name,
        gives: escape.gives.as_str(),
        effect: escape.effect,
        closed_by: ClosedBy::of(escape.concern).word(),
        source: escape.source,
        rule: rule.to_string(),
    }
}

/// The open escapes, below the rule that leaves them open.
fn text(open: &[Open], all: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for (rule, list) in &by_rule(open) {
        writeln!(text, "{}", printable(&rule.without_contents().to_string()))?;
        let width = list.iter().map(|one| one.escape.gives.as_str().len()).max().unwrap_or(0);
        for Open { escape, .. } in list {
            writeln!(text, "  {:width$}  {}", escape.gives.as_str(), escape.effect)?;
        }
        writeln!(text)?;
    }
    let mut by: BTreeMap<&str, usize> = BTreeMap::new();
    for one in open {
        *by.entry(ClosedBy::of(one.escape.concern).word()).or_default() += 1;
    }
    write!(text, "{} of {} open", open.len(), count(all, "known escape"))?;
    let advice = [
        ("contents", "closed by saying what requests may contain"),
        ("names", "closed only by names that nobody else's objects have"),
        ("nothing", "closed only by leaving the rule out"),
    ];
    for (word, how) in advice {
        if let Some(number) = by.get(word) {
            write!(text, "; {number} {how}")?;
        }
    }
    writeln!(text)?;
    Ok(text)
}
