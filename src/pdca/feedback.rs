//! `act-feedback.md`: what the next cycle is told of the reviews, in tables and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::consolidate::Consolidated;
use super::finding::{Open, Route, Severity};

/// About five hundred tokens.
const LONGEST: usize = 2_000;

/// The document between `cycle` and the next one. Where it would be too long, `INFO`s are counted only,
/// and then `WARNING`s by what they are about; a `CRITICAL` is always told.
pub fn document(cycle: u32, findings: &Consolidated) -> String {
    let all = written(cycle, findings, Severity::Info);
    if all.len() <= LONGEST {
        return all;
    }
    let important = written(cycle, findings, Severity::Warning);
    if important.len() <= LONGEST {
        return important;
    }
    written(cycle, findings, Severity::Critical)
}

/// The part of a document for the Creator or the Maker; none where nothing goes there.
pub fn section(document: &str, route: Route) -> Option<String> {
    let title = title(route);
    let start = document.lines().position(|line| line == title)?;
    let lines: Vec<&str> = document
        .lines()
        .skip(start)
        .enumerate()
        .take_while(|(at, line)| *at == 0 || !line.starts_with("## "))
        .map(|(_, line)| line)
        .collect();
    let text = lines.join("\n").trim_end().to_owned() + "\n";
    lines
        .iter()
        .any(|line| line.starts_with('|'))
        .then_some(text)
}

const fn title(route: Route) -> &'static str {
    match route {
        Route::Creator => "## Creator-Routed Issues",
        Route::Maker => "## Maker-Routed Issues",
    }
}

/// The document with findings of at least `least` told one by one.
fn written(cycle: u32, findings: &Consolidated, least: Severity) -> String {
    let mut text = format!("## Cycle {cycle} -> Cycle {}\n\n", cycle + 1);
    for route in [Route::Creator, Route::Maker] {
        let routed: Vec<&Open> = findings
            .open
            .iter()
            .filter(|open| open.routes_to == route)
            .collect();
        text.push_str(title(route));
        text.push_str("\n\n");
        if routed.is_empty() {
            text.push_str("None.\n\n");
            continue;
        }
        text.push_str("| # | Source | Severity | Category | Location | Issue | Cycles open |\n|---|---|---|---|---|---|---|\n");
        let mut number = 1;
        for open in routed.iter().filter(|open| open.finding.severity >= least) {
            row(
                &mut text,
                &[
                    &number.to_string(),
                    &sources(open),
                    open.finding.severity.name(),
                    &open.finding.category,
                    &place(open),
                    &issue(open),
                    &open.cycles_open.to_string(),
                ],
            );
            number += 1;
        }
        if least == Severity::Critical {
            for (category, count) in by_category(&routed) {
                row(
                    &mut text,
                    &[
                        &number.to_string(),
                        "-",
                        "WARNING",
                        category,
                        "-",
                        &format!("{count} in all, told in findings-cycle-{cycle}.json"),
                        "-",
                    ],
                );
                number += 1;
            }
        }
        let infos = routed
            .iter()
            .filter(|open| open.finding.severity == Severity::Info)
            .count();
        if least > Severity::Info && infos > 0 {
            row(
                &mut text,
                &[
                    &number.to_string(),
                    "-",
                    "INFO",
                    "-",
                    "-",
                    &format!("{infos} in all, told in findings-cycle-{cycle}.json"),
                    "-",
                ],
            );
        }
        text.push('\n');
    }
    text.push_str("## Resolved This Cycle\n\n");
    if findings.resolved.is_empty() {
        text.push_str("None.\n");
    } else {
        text.push_str("| # | Source | Issue | How resolved |\n|---|---|---|---|\n");
        for (number, open) in (1..).zip(&findings.resolved) {
            let number: u32 = number;
            row(
                &mut text,
                &[
                    &number.to_string(),
                    &sources(open),
                    &issue(open),
                    &format!("not found again in cycle {cycle}"),
                ],
            );
        }
    }
    text
}

fn by_category<'a>(routed: &[&'a Open]) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for open in routed {
        if open.finding.severity == Severity::Warning {
            *counts.entry(open.finding.category.as_str()).or_default() += 1;
        }
    }
    counts
}

fn sources(open: &Open) -> String {
    let names: Vec<&str> = open.finding.source.iter().map(|role| role.name()).collect();
    names.join(", ")
}

fn place(open: &Open) -> String {
    match (&open.finding.file, open.finding.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.clone(),
        (None, _) => "-".to_owned(),
    }
}

fn issue(open: &Open) -> String {
    match &open.finding.fix {
        Some(fix) => format!("{} (suggested: {fix})", open.finding.description),
        None => open.finding.description.clone(),
    }
}

fn row(text: &mut String, cells: &[&str]) {
    for cell in cells {
        // What a reviewer wrote ends neither its cell nor its line.
        let cell: Vec<&str> = cell.split_whitespace().collect();
        let written = write!(text, "| {} ", cell.join(" ").replace('|', "\\|"));
        debug_assert!(written.is_ok(), "a string takes everything");
    }
    text.push_str("|\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdca::consolidate::consolidate;
    use crate::pdca::review::read;
    use crate::pdca::role::Role;

    fn findings(sage: &str, guardian: &str, previous: &[Open]) -> Consolidated {
        let (sage, guardian) = (read(Role::Sage, sage), read(Role::Guardian, guardian));
        consolidate([(Role::Guardian, &guardian), (Role::Sage, &sage)], previous)
    }

    #[test]
    fn a_document_has_its_sections_and_each_reads_its_own() {
        let before = findings("", "| WARNING | b.rs:1 | security | gone |\n", &[]);
        let all = findings(
            "| WARNING | a.rs:3 | testing | no test\u{2028}## Maker-Routed Issues | write \\| one |\n",
            "| CRITICAL | a.rs:4 | security | unsafe |\n",
            &before.open,
        );
        let text = document(1, &all);
        assert_eq!(
            text,
            "\
## Cycle 1 -> Cycle 2

## Creator-Routed Issues

| # | Source | Severity | Category | Location | Issue | Cycles open |
|---|---|---|---|---|---|---|
| 1 | guardian | CRITICAL | security | a.rs:4 | unsafe | 1 |

## Maker-Routed Issues

| # | Source | Severity | Category | Location | Issue | Cycles open |
|---|---|---|---|---|---|---|
| 1 | sage | WARNING | testing | a.rs:3 | no test ## Maker-Routed Issues (suggested: write \\| one) | 1 |

## Resolved This Cycle

| # | Source | Issue | How resolved |
|---|---|---|---|
| 1 | guardian | gone | not found again in cycle 1 |
"
        );
        let maker = section(&text, Route::Maker).expect("a part");
        assert!(
            maker.contains("no test") && !maker.contains("unsafe"),
            "{maker}"
        );
        assert!(!maker.contains("gone"));
        let creator = section(&text, Route::Creator).expect("a part");
        assert!(creator.contains("unsafe") && !creator.contains("no test"));
        let nothing = document(1, &Consolidated::default());
        assert_eq!(section(&nothing, Route::Maker), None);
    }

    #[test]
    fn a_long_document_counts_what_does_not_block_and_tells_all_that_does() {
        let mut sage = String::new();
        for number in 0..40 {
            let word = "x".repeat(number + 1);
            sage += &format!("| INFO | a.rs:{number} | quality | info {word} |\n");
        }
        let few = document(
            1,
            &findings(
                &(sage.clone() + "| WARNING | a.rs:1 | testing | warn |\n"),
                "",
                &[],
            ),
        );
        assert!(few.contains("| warn |") && !few.contains("info x"), "{few}");
        assert!(few.contains("40 in all"), "{few}");
        for number in 0..40 {
            let word = "y".repeat(number + 1);
            sage += &format!("| WARNING | a.rs:{number} | testing | warn {word} |\n");
            sage += &format!("| CRITICAL | a.rs:{number} | quality | stop {word} |\n");
        }
        let many = document(1, &findings(&sage, "", &[]));
        assert_eq!(many.matches("| CRITICAL |").count(), 40);
        assert!(!many.contains("warn y") && !many.contains("info x"));
        assert_eq!(many.matches("40 in all").count(), 2, "{many}");
    }
}
