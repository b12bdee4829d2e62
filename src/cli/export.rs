//! `dsp export`: a profile for a proxy that somebody runs already.

use super::args::{self, Verbosity};
use super::source;
use super::status::Status;
use super::{files, output, standard};
use crate::export::export;
use crate::text::shown;

pub(super) fn run(args: &args::Export, verbosity: Verbosity) -> anyhow::Result<Status> {
    let file = standard::output(args.output.as_ref());
    if let Some(path) = file {
        files::check_new(path, "remove it")?;
    }
    let text = export(&source::load(&args.profile)?, args.format.into())?;
    let Some(path) = file else {
        output::data(&text)?;
        return Ok(Status::Done);
    };
    crate::files::create(path, &text)?;
    if !verbosity.quiet {
        let format = crate::export::Format::from(args.format);
        output::note(&format!(
            "wrote {} for {format}; its first lines say what it cannot express",
            shown(path)
        ));
    }
    Ok(Status::Done)
}
