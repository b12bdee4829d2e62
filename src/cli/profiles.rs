//! `dsp profiles`: the profiles that are part of dsp.

use std::fmt::Write;

use clap::Subcommand;

use super::output;
use super::status::Status;
use crate::explain::worst;
use crate::profile::{self, SHIPPED, Shipped};
use crate::report::{count, printable};

/// List and show the profiles that are part of dsp
///
/// Each can be used wherever a profile is, as builtin:NAME.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp profiles
  dsp profiles show monitor > monitor.yaml
  dsp enforce builtin:monitor --listen tcp://127.0.0.1:2379
  dsp check builtin:monitor recording.jsonl")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them (what profiles alone does)
    List,
    /// Print the file of one
    Show {
        /// Its name
        #[arg(value_name = "NAME", value_parser = SHIPPED.map(|shipped| shipped.name))]
        name: String,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    match &args.action {
        None | Some(Action::List) => {
            let mut text = String::new();
            for shipped in &SHIPPED {
                text += &line(shipped)?;
            }
            output::text(&text)?;
        }
        Some(Action::Show { name }) => {
            // clap takes known names only.
            if let Some(shipped) = Shipped::named(name) {
                output::data(shipped.text)?;
            }
        }
    }
    Ok(Status::Done)
}

/// A profile in a few lines: how much it allows, what for, and what it gives away at worst.
fn line(shipped: &Shipped) -> anyhow::Result<String> {
    let profile = profile::parse(shipped.text).map_err(|problem| {
        anyhow::anyhow!("the profile {} of this dsp is wrong: {}", shipped.name, problem.message)
    })?;
    let risk = profile.highest_risk().map_or("none", crate::api::Risk::as_str);
    let rules = count(profile.allow.len(), "rule");
    let mut text = String::new();
    let strong = output::STRONG;
    let _ =
        writeln!(text, "{strong}builtin:{}{strong:#}  {rules}, highest risk: {risk}", shipped.name);
    let _ = writeln!(text, "  {}", printable(&shipped.about()));
    let _ = writeln!(text, "  {}", printable(&worst(&profile)));
    Ok(text)
}
