//! `dsp export`: a profile as the configuration of another proxy.

use std::path::PathBuf;

use clap_complete::engine::ArgValueCompleter;

use super::options::{Verbosity, word};
use super::profile_argument::Profiles;
use super::source;
use super::status::Status;
use super::{files, output, standard};
use crate::export::{Format, export, left_out};
use crate::text::shown;

/// Write a profile for another proxy
///
/// The file contains the same policy for a proxy that you already run, as far as that proxy's language
/// can express it. Its first lines say how to run it and where it decides differently from enforce.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp export --format haproxy profile.yaml -o haproxy.cfg
  dsp export --format nginx profile.yaml > /etc/nginx/conf.d/docker.conf")]
pub(super) struct Args {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCompleter::new(Profiles))]
    profile: PathBuf,
    /// The proxy
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_parser = word(|format| match format {
            Format::Caddy => "A Caddyfile",
            Format::Cetusguard => "Rules of CetusGuard",
            Format::Haproxy => "A haproxy.cfg",
            Format::Nginx => "A server for the http section of nginx",
            Format::Wollomatic => "A compose service of wollomatic/socket-proxy",
        })
    )]
    format: Format,
    /// Where to write it, instead of stdout; an existing file is not overwritten
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    let file = standard::output(args.output.as_ref());
    if let Some(path) = file {
        files::check_new(path, "remove it")?;
    }
    let profile = source::load(&args.profile)?;
    let text = export(&profile, args.format)?;
    let left_out = left_out(&profile);
    if !left_out.is_empty() && !verbosity.quiet {
        output::note(&format!(
            "{} left out, because {} does not read what requests and answers contain: {}",
            if left_out.len() == 1 {
                "a rule is".to_owned()
            } else {
                format!("{} rules are", left_out.len())
            },
            args.format,
            left_out.join(", ")
        ));
    }
    let Some(path) = file else {
        output::data(&text)?;
        return Ok(Status::Done);
    };
    crate::files::create(path, &text)?;
    if !verbosity.quiet {
        output::note(&format!(
            "wrote {} for {}; its first lines say what it cannot express",
            shown(path),
            args.format
        ));
    }
    Ok(Status::Done)
}
