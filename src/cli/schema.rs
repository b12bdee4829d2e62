//! `dsp schema`: the profile's JSON Schema, for editors.

use std::path::PathBuf;

use super::status::Status;
use super::{files, output, standard};
use crate::profile::schema;

/// Print the JSON Schema of profiles, for editors
///
/// With the schema, an editor with a YAML language server completes operations, shows what each
/// permits, and marks unknown ones. Refer to the file in the first line of a profile, as generate
/// --schema does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp schema -o profile.schema.json
  dsp generate --schema profile.schema.json -o profile.yaml")]
pub(super) struct Args {
    /// Where to write it, instead of stdout; an existing schema is replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    match standard::output(args.output.as_ref()) {
        None => output::data(&schema())?,
        Some(path) => crate::files::put(path, &schema(), files::SCHEMA)?,
    }
    Ok(Status::Done)
}
