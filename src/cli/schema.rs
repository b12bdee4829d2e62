//! `dsp schema`: the JSON Schemas of profiles and host files, for editors.

use std::path::PathBuf;

use super::status::Status;
use super::{files, output, standard};
use crate::{host, profile};

/// Print the JSON Schema of profiles or host files, for editors
///
/// With the schema, an editor with a YAML language server completes operations, shows what each
/// permits, and marks unknown ones. Refer to the file in the first line of a profile, as generate
/// --schema does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp schema -o profile.schema.json
  dsp generate --schema profile.schema.json -o profile.yaml
  dsp schema --host -o dsp.schema.json")]
pub(super) struct Args {
    /// Where to write it, instead of stdout; an existing schema is replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The schema of host files, which dsp serve reads, instead of that of profiles
    #[arg(long)]
    host: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    let (schema, kind) = match args.host {
        true => (host::schema(), files::HOST_SCHEMA),
        false => (profile::schema(), files::SCHEMA),
    };
    match standard::output(args.output.as_ref()) {
        None => output::data(&schema)?,
        Some(path) => crate::files::put(path, &schema, kind)?,
    }
    Ok(Status::Done)
}
