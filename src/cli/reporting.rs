//! Where a report goes: one or several formats, each to standard output or to a file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;

use super::args::Talk;
use super::status::Status;
use super::{files, output, surroundings};
use crate::report::{Format, Report, Verdict};

/// How a report is printed.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Outputs {
    /// How to print it: text, json, sarif, github, junit or markdown, and the file to write it to;
    /// can be given several times
    #[arg(long = "format", value_name = "FORMAT[=FILE]", default_value = "text")]
    formats: Vec<Output>,
}

/// A format, and where it goes.
#[derive(Clone, Debug)]
struct Output {
    format: Format,
    /// Standard output without one.
    file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file is missing behind =".to_owned()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = format.parse().map_err(|()| {
            let known: Vec<&str> = Format::ALL.into_iter().map(Format::as_str).collect();
            format!("the formats are {}", known.join(", "))
        })?;
        Ok(Self { format, file })
    }
}

impl Outputs {
    /// Writes the report and gives the exit status for it.
    ///
    /// # Errors
    /// What cannot be written, and two formats that would run into each other.
    pub(super) fn write(&self, report: &Report, talk: Talk) -> anyhow::Result<Status> {
        let on_stdout: Vec<Format> =
            self.formats.iter().filter(|one| one.file.is_none()).map(|one| one.format).collect();
        // Annotations are lines that GitHub finds in any text.
        let mixed = on_stdout.iter().filter(|format| **format != Format::Github).count();
        if mixed > 1 {
            anyhow::bail!(
                "two formats would be mixed on standard output; give one of them a file: \
                 --format {}=FILE",
                on_stdout.last().map_or("json", |format| format.as_str())
            );
        }
        for Output { format, file } in &self.formats {
            match file {
                Some(path) => files::write_again(path, &format.render(report))?,
                None if *format == Format::Text => {
                    let width = output::width_of_data();
                    let is_verbose = talk.verbose > 0;
                    output::data(&crate::report::text(report, is_verbose, width))?;
                }
                None => output::data(&format.render(report))?,
            }
            if *format == Format::Github {
                summarise(report)?;
            }
        }
        Ok(match report.verdict {
            Verdict::Pass => Status::Done,
            Verdict::Fail => Status::Findings,
            Verdict::Unknown => Status::NoVerdict,
        })
    }
}

/// Adds the report to the summary of the step, where GitHub Actions has one.
fn summarise(report: &Report) -> anyhow::Result<()> {
    let Some(path) = surroundings::step_summary() else { return Ok(()) };
    let text = Format::Markdown.render(report);
    let cannot = || format!("cannot write the step summary {}", path.display());
    let mut file = OpenOptions::new().append(true).create(true).open(&path).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)
}
