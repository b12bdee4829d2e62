//! A report for people: each finding with the line that it is about, as rustc shows it.

use std::fmt::Write;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Finding, Report, Severity, fold, printable};

/// How far the renderer sets the text of a message or a hint in.
const MARGIN: usize = 12;

/// Renders a report for a terminal `width` columns wide, if there is one. Accepted findings are
/// told only when `is_verbose`. Styled; the caller strips the style where no terminal reads it.
#[must_use]
pub fn text(report: &Report, is_verbose: bool, width: Option<usize>) -> String {
    let mut text = String::new();
    for finding in report.open() {
        text += &one(report, finding, width);
        text += "\n\n";
    }
    for finding in report.accepted().filter(|_| is_verbose) {
        let reason = finding.accepted.as_deref().unwrap_or_default();
        let line = format!("accepted[{}]: {}: {reason}", finding.code, finding.message);
        let _ = writeln!(text, "{}", printable(&line));
    }
    let _ = writeln!(text, "{}: {}", printable(&report.summary), report.tally());
    text
}

fn one(report: &Report, finding: &Finding, width: Option<usize>) -> String {
    let shown = |text: &str| {
        let safe = printable(text);
        width.map_or_else(|| safe.clone(), |width| fold(&safe, width.saturating_sub(MARGIN)))
    };
    let level = match finding.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let message = shown(&finding.message);
    let source = finding.region.as_ref().and_then(|region| {
        let source = report.sources.get(region.source)?;
        source.text.get(region.span.clone())?;
        Some((source, region, printable(&source.path), shown(&region.label)))
    });
    let seen = finding.seen.as_deref().map(shown);
    let help = finding.help.as_deref().map(shown);
    let mut group = level.primary_title(message.as_str()).id(finding.code).elements(
        source.iter().map(|(source, region, path, label)| {
            let mark = AnnotationKind::Primary.span(region.span.clone());
            let mark = if label.is_empty() { mark } else { mark.label(label.as_str()) };
            Snippet::source(source.text.as_str()).path(path.as_str()).annotation(mark)
        }),
    );
    if let Some(seen) = &seen {
        group = group.element(Level::NOTE.with_name("seen").message(seen.as_str()));
    }
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::styled().render(&[group])
}
