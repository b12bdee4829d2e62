//! `dsp profiles`: the profiles that are part of dsp.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::Subcommand;
use clap::builder::PossibleValuesParser;

use super::output;
use super::status::Status;
use crate::api::Risk;
use crate::explain::worst_in_short;
use crate::profile::{self, SHIPPED, Shipped};
use crate::report::{count, printable};

/// List and show the profiles that are part of dsp
///
/// Use one as builtin:NAME wherever a profile is expected.
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
    /// List the profiles (the default)
    List,
    /// Print the file of a profile
    Show {
        /// Its name
        #[arg(value_name = "NAME", value_parser = names())]
        name: String,
    },
}

fn names() -> PossibleValuesParser {
    SHIPPED.iter().map(|shipped| shipped.name).collect::<Vec<_>>().into()
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    match &args.action {
        None | Some(Action::List) => {
            let mut text = String::new();
            let width = SHIPPED.iter().map(|shipped| shipped.name.len()).max().unwrap_or(0);
            for shipped in SHIPPED {
                text += &lines(shipped, width)?;
            }
            output::text(&text)?;
        }
        Some(Action::Show { name }) => {
            // clap accepts only known names.
            if let Some(shipped) = Shipped::named(name) {
                output::data(shipped.text)?;
            }
        }
    }
    Ok(Status::Done)
}

/// A profile in two lines: its name, how much it allows and for which program; and the worst that a
/// client can do with it.
fn lines(shipped: &Shipped, width: usize) -> anyhow::Result<String> {
    let profile = profile::parse(shipped.text).map_err(|problem| {
        anyhow::anyhow!("the profile {} of this dsp is wrong: {}", shipped.name, problem.message)
    })?;
    let risk = profile.highest_risk().map_or("none", Risk::as_str);
    let operations: BTreeSet<usize> =
        profile.allow.iter().map(|rule| rule.value.operation().index).collect();
    // The program it was recorded with, or else its purpose.
    let of = shipped.program().unwrap_or_else(|| shipped.about());
    let of = of.split([',', ':']).next().unwrap_or_default();
    let mut text = String::new();
    let strong = output::STRONG;
    let _ = writeln!(
        text,
        "{strong}{:<width$}{strong:#}  {:>13}  {risk:<7}  {}",
        shipped.name,
        count(operations.len(), "operation"),
        printable(of)
    );
    let _ = writeln!(text, "  at worst: {}", printable(&worst_in_short(&profile)));
    Ok(text)
}
