//! What `docs/grading.md` says of how good the grader is, beside what is measured.

use std::collections::BTreeMap;

use archal::grade::measure::{MeasuredSet, Part, Quality};
use archal::report::rate::Rate;
use archal_testkit::cli::TestEnv;

const PAGE: &str = include_str!("../docs/grading.md");

#[test]
fn the_figures_of_the_page_are_those_of_the_grader() {
    let environment = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    let labelled = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/labelled/tau-airline.jsonl.gz"
    );
    let sets = measured(&environment, &["--halves", labelled]);
    assert_eq!(sets.len(), 2);
    for set in &sets {
        is_told(set);
    }
}

/// What `archal grade --measure` says of some runs.
pub(crate) fn measured(environment: &TestEnv, arguments: &[&str]) -> Vec<MeasuredSet> {
    let arguments = [&["grade", "--measure", "--json"][..], arguments].concat();
    let mut document = environment.run(&arguments).ended(0).json();
    serde_json::from_value(document["sets"].take()).expect("sets")
}

/// Fails where the page says something else of a set.
pub(crate) fn is_told(set: &MeasuredSet) {
    let name = match set.part {
        Part::Whole => set.name.clone(),
        Part::Develop => format!("{}, develop", set.name),
        Part::Check => format!("{}, check", set.name),
    };
    let [precision, recall, f1] = figures(&set.grader);
    let grader = format!(
        "| {name} | {}, {} | **grader** | {precision} | {recall} | {f1} | {} |",
        set.runs,
        set.failing,
        share(set.unsure)
    );
    let mut lines = PAGE.lines().skip_while(|line| *line != grader);
    assert!(lines.next().is_some(), "the page does not say\n{grader}");
    let beside: Vec<&str> = lines.take_while(|line| line.starts_with("|  |")).collect();
    let others = [
        ("always fail", &set.always_fail),
        ("last result is an error", &set.last_result_is_error),
    ];
    for (who, quality) in others {
        let [precision, recall, f1] = figures(quality);
        let line = format!("|  |  | {who} | {precision} | {recall} | {f1} |  |");
        assert!(
            beside.contains(&&*line),
            "of {name} the page does not say\n{line}"
        );
    }
    let fired = set.rules.iter().filter(|rule| rule.precision.n > 0);
    let fired: BTreeMap<String, String> = fired
        .map(|rule| {
            let Rate { low, high, .. } = rule.precision;
            let (precision, recall) = (rule.precision, rule.recall);
            let told = format!("{precision} [{low:.2}, {high:.2}], R {recall}");
            (rule.rule.clone(), told)
        })
        .collect();
    assert_eq!(rules_of_the_page(&name.replace(',', "")), fired, "{name}");
}

/// What the page says of each rule on a set, without what a judge found.
fn rules_of_the_page(column: &str) -> BTreeMap<String, String> {
    let cells = |line: &'static str| {
        let cells = line.trim_matches('|').split('|');
        cells.map(str::trim).collect::<Vec<_>>()
    };
    let mut lines = PAGE
        .lines()
        .skip_while(|line| !line.starts_with("| rule | mini"));
    let header = cells(lines.next().expect("a table of the rules"));
    let at = header.iter().position(|cell| *cell == column);
    let at = at.unwrap_or_else(|| panic!("no column {column}"));
    let rows = lines.take_while(|line| line.starts_with('|')).map(cells);
    let told = rows.map(|row| (row[0].trim_matches('`').to_owned(), row[at].to_owned()));
    told.filter(|(rule, said)| {
        !rule.starts_with("judge.") && !rule.starts_with('-') && !said.is_empty()
    })
    .collect()
}

fn figures(quality: &Quality) -> [String; 3] {
    let f1 = quality.f1;
    [
        share(quality.precision),
        share(quality.recall),
        format!("{:.2} [{:.2}, {:.2}]", f1.value, f1.low, f1.high),
    ]
}

fn share(rate: Rate) -> String {
    match rate.n {
        0 => "–".to_owned(),
        _ => format!(
            "{:.2} [{:.2}, {:.2}] {rate}",
            rate.share(),
            rate.low,
            rate.high
        ),
    }
}
