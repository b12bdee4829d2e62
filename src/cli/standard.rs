//! `-` in place of a file: standard input for reading, standard output for writing.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};

use super::misuse::{Misuse, misuse};
use crate::recording::Stream;
use crate::session::JournalOutput;
use crate::text::shown;

const DASH: &str = "-";

/// What messages call standard input.
const INPUT: &str = "standard input";

/// What messages call standard output.
pub(super) const OUTPUT: &str = "standard output";

/// Whether an argument is standard input or output.
pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == DASH
}

/// What messages call a file that is read.
pub(super) fn name(path: &Path) -> &Path {
    if is_standard(path) { Path::new(INPUT) } else { path }
}

/// What messages call a file that is written.
pub(super) fn shown_output(path: &Path) -> String {
    if is_standard(path) { OUTPUT.to_owned() } else { shown(path).to_string() }
}

/// Where to write a recording or an audit log.
///
/// # Errors
/// If the system has no descriptor left.
pub(super) fn journal(path: PathBuf) -> io::Result<JournalOutput> {
    if !is_standard(&path) {
        return Ok(JournalOutput::File(path));
    }
    // Without the buffer of this process.
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(JournalOutput::Stdout(Stream::new(stdout.into())))
}

/// The file to write to, or `None` for standard output.
pub(super) fn output(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path).filter(|path| !is_standard(path))
}

/// Opens a file, or standard input for `-`.
///
/// # Errors
/// If the system cannot open it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    if is_standard(path) {
        return Ok(io::stdin().as_fd().try_clone_to_owned()?.into());
    }
    File::open(path)
}

/// Reads all of an open file that has at most this many bytes.
///
/// # Errors
/// If the system cannot read it, or it is larger.
pub(super) fn read_at_most(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        let message = format!("it is larger than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Refuses standard input for more than one of the files that a command reads, because the second one
/// would be empty.
pub(super) fn read_once<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), Misuse> {
    if paths.into_iter().filter(|path| is_standard(path)).count() > 1 {
        let message = "- is standard input, which can be only one of the files; it is given twice";
        return Err(Misuse(message.to_owned()));
    }
    Ok(())
}

/// Refuses standard output for `option` if dsp runs a command, which needs it.
pub(super) fn check_free(
    option: &str,
    path: Option<&PathBuf>,
    has_command: bool,
) -> anyhow::Result<()> {
    if has_command && path.is_some_and(|path| is_standard(path)) {
        misuse!("stdout belongs to the command, so {option} - cannot be used; name a file");
    }
    Ok(())
}

/// Parses the path of a folder.
pub(super) fn folder() -> impl TypedValueParser<Value = PathBuf> {
    not("a folder is needed here")
}

/// Parses the path of a profile that the command changes.
pub(super) fn changed() -> impl TypedValueParser<Value = PathBuf> {
    not("the profile is changed, so it has to be a file")
}

/// Parses a path that cannot be standard input or output, for the given reason.
pub(super) fn not(reason: &'static str) -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(move |path| {
        if is_standard(&path) {
            return Err(format!("{reason}; for a file that has this name, write ./-"));
        }
        Ok(path)
    })
}
