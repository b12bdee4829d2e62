//! `dsp completions` and `dsp man`: shell completions and manual pages.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;

use super::status::Status;
use super::{files, output, standard};
use crate::text::shown;

/// The environment variable with which a shell asks dsp for completions.
const VARIABLE: &str = "DSP_COMPLETE";

/// bash splits words such as `builtin:mon` and `tcp://` at the colons, and completes only the last
/// part. This joins the parts again, and removes from each completion what was typed up to the last
/// colon.
const COLONS: &str = r#"
_dsp_with_colons() {
    local line=${COMP_LINE:0:COMP_POINT}
    local typed=${line##*[[:space:]]}
    if [[ $typed != *:* ]]; then
        _clap_complete_dsp "$@"
        return
    fi
    local words
    read -ra words <<<"$line"
    local -a COMP_WORDS=("${words[@]}")
    local COMP_CWORD=$((${#words[@]} - 1))
    _clap_complete_dsp "$1" "$typed" "$3"
    COMPREPLY=("${COMPREPLY[@]#"${typed%"${typed##*:}"}"}")
}
complete -o nospace -o bashdefault -F _dsp_with_colons dsp
"#;

/// Print a script that completes dsp's command lines
///
/// The script asks dsp itself, so it completes what this version of dsp has: options, files, and the
/// profiles that are part of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp completions fish | source       in ~/.config/fish/config.fish
  source <(dsp completions bash)      in ~/.bashrc
  source <(dsp completions zsh)       in ~/.zshrc, after compinit")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Write the manual pages
///
/// One for dsp and one for each of its commands.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp man | man -l -                                 read the first one
  dsp man -o /usr/local/share/man/man1               install all of them")]
pub(super) struct Man {
    /// The folder to write all pages to; by default only the first is printed
    #[arg(short, long, value_name = "FOLDER", value_parser = standard::folder())]
    output: Option<PathBuf>,
}

/// If a shell asks for completions of this command, prints them and exits the process.
pub(super) fn answer(command: fn() -> clap::Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

pub(super) fn completions(args: &Completions) -> anyhow::Result<Status> {
    let shells = Shells::builtins();
    let shell = shells.completer(&args.shell).context("clap does not support this shell")?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "dsp", "dsp", "dsp", &mut script)?;
    let mut script = String::from_utf8(script)?;
    if args.shell == "bash" {
        script += COLONS;
    }
    output::data(&script)?;
    Ok(Status::Done)
}

pub(super) fn man(args: &Man, command: clap::Command) -> anyhow::Result<Status> {
    // `help` needs no page, because each command has one.
    let command = command.disable_help_subcommand(true);
    let Some(folder) = &args.output else {
        output::data(&page(&command)?)?;
        return Ok(Status::Done);
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", shown(folder)))?;
    let mut command = command;
    command.build();
    write_pages(&command, folder)?;
    Ok(Status::Done)
}

/// Writes the page of a command and, recursively, those of its subcommands.
fn write_pages(command: &clap::Command, folder: &Path) -> anyhow::Result<()> {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        write_pages(inner, folder)?;
    }
    let name = clap_mangen::Man::new(command.clone()).get_filename();
    Ok(crate::files::put(&folder.join(name), &page(command)?, files::MANUAL)?)
}

fn page(command: &clap::Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(String::from_utf8(page)?)
}
