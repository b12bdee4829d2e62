//! A report for people: each finding with an excerpt of the file, in the style of rustc.

use std::fmt::Write;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Finding, Region, Report, Severity, Source, fold, printable};

/// The most columns by which the renderer indents a hint.
const MARGIN: usize = 12;

/// Renders a report, wrapped at `width` columns, if any. Accepted findings are shown only if
/// `is_verbose`. The output is styled; the caller strips the styles if it does not go to a terminal.
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
    let last = format!("{}: {}", printable(&report.summary), report.tally());
    let last = width.map_or_else(|| last.clone(), |width| fold(&last, width));
    let _ = writeln!(text, "{last}");
    text
}

fn one(report: &Report, finding: &Finding, width: Option<usize>) -> String {
    let folded = |text: &str, margin: usize| {
        let safe = printable(text);
        // Never break a line between a method and its path.
        width.map_or_else(
            || safe.clone(),
            |width| {
                let kept = safe.replace(" /", "\u{a0}/");
                fold(&kept, width.saturating_sub(margin)).replace("\u{a0}/", " /")
            },
        )
    };
    let shown = |text: &str| folded(text, MARGIN);
    let level = match finding.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    // `error[code]: ` comes before the message, whose further lines are aligned with its first.
    let before = finding.severity.as_str().len() + finding.code.len() + "[]: ".len();
    let message = folded(&finding.message, before);
    let source = finding.region.as_ref().and_then(|region| {
        let source = report.sources.get(region.source)?;
        let excerpt = source.excerpt(&region.span)?;
        Some((source, region, excerpt, printable(&source.path), printable(&region.label)))
    });
    // A label that does not fit on the line is shown below it.
    let has_room = |source: &Source, region: &Region, label: &str| {
        let lines = source.lines(&region.span);
        let gutter = lines.line.to_string().len() + " |  ".len();
        let end = gutter + lines.end_column + label.chars().count();
        width.is_none_or(|width| end <= width)
    };
    let below = source.as_ref().and_then(|(source, region, _, _, label)| {
        (!has_room(source, region, label)).then(|| shown(label))
    });
    let seen = finding.seen.as_deref().map(shown);
    let help = finding.help.as_deref().map(shown);
    let mut group = level.primary_title(message.as_str()).id(finding.code).elements(
        source.iter().map(|(_, _, excerpt, path, label)| {
            let mark = AnnotationKind::Primary.span(excerpt.span.clone());
            let mark = match label.as_str() {
                "" => mark,
                _ if below.is_some() => mark,
                label => mark.label(label),
            };
            let lines = Snippet::source(excerpt.lines.as_str()).line_start(excerpt.line);
            lines.path(path.as_str()).annotation(mark)
        }),
    );
    if let Some(below) = &below {
        group = group.element(Level::NOTE.message(below.as_str()));
    }
    if let Some(seen) = &seen {
        group = group.element(Level::NOTE.with_name("seen").message(seen.as_str()));
    }
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::styled().render(&[group])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Kind, Verdict};

    const KINDS: [Kind; 1] =
        [Kind { code: "rule-widened", title: "more", severity: Severity::Warning }];

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let region = Region { source: 0, span: 4..8, label: "what is there ".repeat(4) };
        let finding = Finding {
            region: Some(region),
            seen: Some("1 request in a session of long ago, ".repeat(5)),
            help: Some("write it as GET /containers/*/json".repeat(3)),
            ..Finding::new(
                &KINDS[0],
                "GET /containers/*/json instead of GET /networks/a ".repeat(4),
            )
        };
        let report = Report {
            command: "diff",
            kinds: &KINDS,
            sources: vec![Source::file("p.yaml", "abc\ndefg\n".into())],
            findings: vec![finding],
            facts: vec![],
            summary: "looked at many things, ".repeat(6),
            fail_on: Severity::Error,
            verdict: Verdict::Pass,
        };
        for width in [60, 80, 120] {
            let text = anstream::adapter::strip_str(&text(&report, false, Some(width))).to_string();
            let wide = text.lines().find(|line| line.chars().count() > width);
            assert_eq!(wide, None, "at {width}\n{text}");
        }
    }
}
