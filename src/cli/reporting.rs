//! The outputs of a report: one or more formats, each to standard output or to a file.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;

use super::hint::did_you_mean;
use super::options::Verbosity;
use super::status::Status;
use super::{environment, output, standard};
use crate::files;
use crate::report::{Format, Report, Verdict};
use crate::text::shown;

/// Options on the output of a report.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Outputs {
    /// The output format: text, json, sarif, github, junit or markdown, and the file to write it to, or
    /// - for stdout; may be given several times
    #[arg(long = "format", value_name = "FORMAT[=FILE]", default_value = "text")]
    formats: Vec<Output>,
}

/// A format and its destination.
#[derive(Clone, Debug)]
struct Output {
    format: Format,
    /// `None` for standard output.
    file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_file = |path: &PathBuf| !standard::is_standard(path);
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file is missing after =".to_owned()),
            Some((format, file)) => (format, Some(PathBuf::from(file)).filter(is_file)),
            None => (text, None),
        };
        let format = format.parse().map_err(|()| {
            let known: Vec<&str> = Format::ALL.into_iter().map(Format::as_str).collect();
            let meant = did_you_mean(format, known.iter().copied());
            format!("the formats are {}{meant}", known.join(", "))
        })?;
        Ok(Self { format, file })
    }
}

impl Outputs {
    /// Writes the report in each format, and returns the exit status for it.
    ///
    /// # Errors
    /// If a file cannot be written, or two formats would go to the same place.
    pub(super) fn write(&self, report: &Report, verbosity: Verbosity) -> anyhow::Result<Status> {
        self.check()?;
        for Output { format, file } in &self.formats {
            match file {
                Some(path) => files::put(path, &format.render(report), format.kind())?,
                None if *format == Format::Text => {
                    let width = output::width_of_stdout();
                    let is_verbose = verbosity.verbose > 0;
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

    /// The outputs to write if there is nothing to compare, because programs may wait for them. Leaves
    /// out text, in whose place an error is shown, and SARIF, whose upload would close open alerts.
    pub(super) fn without_evidence(&self) -> Self {
        let is_kept = |output: &&Output| match output.format {
            Format::Text => output.file.is_some(),
            Format::Sarif => false,
            Format::Github | Format::Json | Format::Junit | Format::Markdown => true,
        };
        Self { formats: self.formats.iter().filter(is_kept).cloned().collect() }
    }

    /// Fails if two formats would go to the same place.
    fn check(&self) -> anyhow::Result<()> {
        for (place, output) in self.formats.iter().enumerate() {
            let mut before = self.formats.iter().take(place);
            let Some(other) = before.find(|other| output.meets(other)) else { continue };
            match &output.file {
                Some(path) => anyhow::bail!("two formats would be written to {}", shown(&path)),
                None => anyhow::bail!(
                    "two formats would be mixed on standard output; give one of them a file: \
                     --format {}=FILE",
                    if output.format == Format::Github { other.format } else { output.format }
                        .as_str()
                ),
            }
        }
        Ok(())
    }
}

impl Output {
    /// Whether two formats go to the same place, where they would corrupt each other.
    fn meets(&self, other: &Self) -> bool {
        match (&self.file, &other.file) {
            (Some(file), Some(other)) => {
                file == other && fs::metadata(file).map_or(true, |found| found.is_file())
            }
            // GitHub finds annotations among the lines of any text.
            (None, None) => !matches!(
                (self.format, other.format),
                (Format::Github, Format::Text) | (Format::Text, Format::Github)
            ),
            _ => false,
        }
    }
}

/// Adds the report to the summary of the step, if GitHub Actions runs dsp.
fn summarise(report: &Report) -> anyhow::Result<()> {
    let Some(path) = environment::step_summary() else { return Ok(()) };
    let cannot = || format!("cannot write the step summary {}", shown(&path));
    let mut file = files::append(&path, 0o644).with_context(cannot)?;
    // Existing content may end in the middle of a line.
    let before = if file.metadata().with_context(cannot)?.len() > 0 { "\n" } else { "" };
    let text = format!("{before}{}", Format::Markdown.render(report));
    file.write_all(text.as_bytes()).with_context(cannot)
}
