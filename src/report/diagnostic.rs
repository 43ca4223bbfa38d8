//! A finding about a file as people read it: message, place, snippet, what to do.

use std::path::Path;

use archal_core::diagnostic::{Diagnostic, Severity, SourceText, line_and_column};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource};

use super::style::{Style, harmless};

/// Columns a snippet is wrapped at.
const WIDTH: usize = 100;
/// A longer line is not shown: a snippet of a one-line file of megabytes helps nobody.
const LONGEST_LINE: usize = 2_000;

/// The finding as lines with a newline at the end, painted.
///
/// The snippet is shown where `source` is the text of the finding's file.
pub fn render(finding: &Diagnostic, source: Option<&SourceText>) -> String {
    let file = finding.file.as_deref();
    let source = source.filter(|source| file.is_none_or(|file| file == source.path));
    match (finding.span, source) {
        (Some(span), Some(source)) => {
            let start = span.start.min(source.text.len());
            if longest_line_around(&source.text, start) <= LONGEST_LINE {
                snippet(finding, source, start, span.end)
            } else {
                let (line, column) = line_and_column(&source.text, start);
                plain(finding, Some((&source.path, Some((line, column)))))
            }
        }
        _ => plain(finding, file.map(|file| (file, None))),
    }
}

fn longest_line_around(text: &str, start: usize) -> usize {
    let (line, _) = line_and_column(text, start);
    text.lines()
        .skip(line.saturating_sub(2))
        .take(3)
        .map(str::len)
        .max()
        .unwrap_or(0)
}

fn snippet(finding: &Diagnostic, source: &SourceText, start: usize, end: usize) -> String {
    // The text may be hostile; escapes in it must not reach the terminal as such, and taking
    // them out would move the columns.
    let text: String = source
        .text
        .chars()
        .flat_map(|c| {
            let shown = if c.is_control() && !matches!(c, '\n' | '\t') {
                '.'
            } else {
                c
            };
            std::iter::repeat_n(shown, if shown == c { 1 } else { c.len_utf8() })
        })
        .collect();
    let end = end.clamp(start, text.len());
    let report = MietteDiagnostic {
        message: harmless(&finding.message, false).into_owned(),
        code: Some(finding.code.clone()),
        severity: Some(match finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        }),
        help: finding
            .help
            .as_deref()
            .map(|help| harmless(help, false).into_owned()),
        url: None,
        labels: Some(vec![LabeledSpan::new_primary_with_span(
            None,
            (start, end - start),
        )]),
    };
    let report = miette::Report::new(report)
        .with_source_code(NamedSource::new(source.path.to_string_lossy(), text));
    let mut out = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode())
        .with_width(WIDTH)
        .with_links(false);
    match handler.render_report(&mut out, report.as_ref()) {
        Ok(()) => out,
        // A span that the renderer cannot place must not cost the message.
        Err(_) => plain(finding, Some((&source.path, None))),
    }
}

fn plain(finding: &Diagnostic, place: Option<(&Path, Option<(usize, usize)>)>) -> String {
    let label = match finding.severity {
        Severity::Error => Style::Error.paint("error:"),
        Severity::Warning => Style::Warning.paint("warning:"),
        Severity::Note => Style::Hint.paint("note:"),
    };
    let place = match place {
        Some((path, Some((line, column)))) => format!("{}:{line}:{column}: ", path.display()),
        Some((path, None)) => format!("{}: ", path.display()),
        None => String::new(),
    };
    let mut out = format!("{label} {place}{} [{}]\n", finding.message, finding.code);
    if let Some(help) = &finding.help {
        out.push_str(&format!("  help: {help}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn source(text: &str) -> SourceText {
        SourceText {
            path: PathBuf::from("a.json"),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_place_is_shown_with_its_line() {
        let finding = Diagnostic::error("config/unknown-key", "unknown key `runz`")
            .at(4..10)
            .with_help("did you mean `runs`?");
        let text = render(&finding, Some(&source("{\n  \"runz\": 1\n}\n")));
        insta::assert_snapshot!(harmless(&text, false), @r#"
            config/unknown-key

              × unknown key `runz`
               ╭─[a.json:2:3]
             1 │ {
             2 │   "runz": 1
               ·   ──────
             3 │ }
               ╰────
              help: did you mean `runs`?
            "#);
    }

    #[test]
    fn a_finding_without_a_place_is_one_line_and_its_help() {
        let finding = Diagnostic::warning("trace/cut", "the file ends early").in_file("t.json");
        let text = render(&finding, Some(&source("{}")));
        insta::assert_snapshot!(harmless(&text, false), @"warning: t.json: the file ends early [trace/cut]");
    }

    #[test]
    fn spans_outside_the_text_and_long_lines_keep_the_message() {
        let finding = Diagnostic::error("x/y", "odd").at(900..1000);
        for text in ["", "é", &"x".repeat(3_000)] {
            assert!(render(&finding, Some(&source(text))).contains("odd"));
        }
    }
}
