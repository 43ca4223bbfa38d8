//! `archal grade --measure`: how good the grader is on labelled runs.

use std::path::Path;

use archal_core::trace::{Trace, TraceIdentity};

use crate::attach::inbox::labels::{self, Label, LabelLine};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::state::Place;
use crate::grade::measure::{self, Labelled, Measured, MeasuredSet, Part, Quality, Row};
use crate::ingest::artifact::{ImportArtifact, artifact_path};
use crate::report::rate::Rate;
use crate::report::style::Style;

use super::judging::{Grader, Interrupted};
use super::{Args, Outcome, Reading};

/// The set of what the user decided.
const OWN: &str = "own";

pub(super) fn run(
    read: &mut Reading,
    grader: &Grader<'_>,
    halves: bool,
    cx: &CommandContext,
) -> Result<Exit, CliError> {
    let mut rows: Vec<Row> = Vec::new();
    let mut unlabelled = 0;
    let mut is_interrupted = false;
    read.each(cx, |path, outcome| {
        let Outcome::Trace(imported) = outcome else {
            return;
        };
        if is_interrupted {
            return;
        }
        let name = path.file_name().map_or_else(String::new, |name| {
            let name = name.to_string_lossy();
            name.split('.').next().unwrap_or_default().to_owned()
        });
        match Labelled::of(imported.trace, &name) {
            Some(labelled) => match grader.decide(&labelled.trace) {
                Ok((decided, judgement)) => rows.push(labelled.row(decided, judgement.as_ref())),
                Err(Interrupted) => is_interrupted = true,
            },
            None => unlabelled += 1,
        }
    });
    if is_interrupted {
        return Ok(Exit::Interrupted);
    }
    if rows.is_empty() {
        return Err(
            CliError::usage("no trace has a label: `label` is `ok` or `fail`")
                .hint("archal grade --measure <labelled.jsonl>"),
        );
    }
    show(&rows, unlabelled, halves, cx);
    let unread = (read.unread > 0).then_some(Exit::CouldNotRun);
    Ok(Exit::of_all(
        [unread, grader.told(cx)].into_iter().flatten(),
    ))
}

/// The same on what the user decided about the failures of this repository.
pub(super) fn own(args: &Args, cx: &CommandContext) -> Result<Exit, CliError> {
    let loaded = cx.load_config(args.config.config.as_deref(), Path::new("."), &[])?;
    let grader = Grader::new(args.judge, &loaded, cx)?;
    let place = Place::of(Path::new("."), cx)?;
    let labels = labels::standing(&place.layout).map_err(|error| {
        let file = labels::path(&place.layout);
        CliError::environment(format!("cannot read {}: {error}", file.display()))
    })?;
    let mut rows: Vec<Row> = Vec::new();
    let mut gone = 0_u64;
    for line in labels {
        match imported(&place, &line) {
            Some(trace) => {
                let labelled = Labelled {
                    trace,
                    set: OWN.to_owned(),
                    group: line.group,
                    fails: line.label == Some(Label::Fail),
                };
                let Ok((decided, judgement)) = grader.decide(&labelled.trace) else {
                    return Ok(Exit::Interrupted);
                };
                rows.push(labelled.row(decided, judgement.as_ref()));
            }
            None => gone += 1,
        }
    }
    if gone > 0 {
        cx.printer.note(format!(
            "labels of traces that are not kept any more: {gone}"
        ));
    }
    if rows.is_empty() {
        return Err(
            CliError::usage("nothing was confirmed or dismissed in this repository yet")
                .hint("archal issue list")
                .hint("archal grade --measure <labelled.jsonl>"),
        );
    }
    show(&rows, 0, args.halves, cx);
    Ok(grader.told(cx).unwrap_or(Exit::Fine))
}

/// The revision of a trace that was labelled, where it is still there.
fn imported(place: &Place, line: &LabelLine) -> Option<Trace> {
    let identity = TraceIdentity {
        source: line.source.clone(),
        project: line.project.clone(),
        trace: line.trace.clone(),
    };
    [identity.path_name(), identity.hashed_name()]
        .iter()
        .filter_map(|name| std::fs::read(artifact_path(&place.layout, name)).ok())
        .filter_map(|bytes| serde_json::from_slice::<ImportArtifact>(&bytes).ok())
        .find(|artifact| artifact.identity == identity && artifact.trace.revision == line.revision)
        .map(|artifact| artifact.trace)
}

fn show(rows: &[Row], unlabelled: u64, halves: bool, cx: &CommandContext) {
    let measured = measure::measure(rows, unlabelled, halves);
    text(&measured, cx);
    cx.printer.document("archal.grade-measure", 1, &measured);
}

fn text(measured: &Measured, cx: &CommandContext) {
    for (place, set) in measured.sets.iter().enumerate() {
        if place > 0 {
            cx.printer.line("");
        }
        one_set(set, cx);
    }
    if measured.unlabelled > 0 {
        cx.printer.note(format!(
            "traces without a label, which are not counted: {}",
            measured.unlabelled
        ));
    }
}

fn one_set(set: &MeasuredSet, cx: &CommandContext) {
    let part = match set.part {
        Part::Whole => "",
        Part::Develop => ", develop half",
        Part::Check => ", check half",
    };
    cx.printer.line(Style::Heading.paint(&format!(
        "{}{part}: {} runs, {} failing",
        set.name, set.runs, set.failing
    )));
    cx.printer
        .line(format!("  {:<28}{:<30}{:<30}F1", "", "precision", "recall"));
    let line = |name: &str, quality: &Quality| {
        cx.printer.line(format!(
            "  {name:<28}{:<30}{:<30}{:.2} [{:.2}, {:.2}]",
            shown(quality.precision),
            shown(quality.recall),
            quality.f1.value,
            quality.f1.low,
            quality.f1.high
        ));
    };
    line("grader", &set.grader);
    line("always fail", &set.always_fail);
    line("last result is an error", &set.last_result_is_error);
    cx.printer.line(format!(
        "  unsure {}; ok {} right; cost ${:.2}{}",
        shown(set.unsure),
        shown(set.ok),
        set.cost_usd,
        match set.unpriced {
            0 => String::new(),
            runs => format!(", and what {runs} runs cost is not known"),
        }
    ));
    if set.judged > 0 {
        cx.printer
            .line(format!("  the judge was asked about {} runs", set.judged));
    }
    for rule in set.rules.iter().filter(|rule| rule.precision.n > 0) {
        cx.printer.line(format!(
            "  {:<28}{:<30}{}",
            rule.rule,
            shown(rule.precision),
            shown(rule.recall)
        ));
    }
    let silent: Vec<&str> = set
        .rules
        .iter()
        .filter(|rule| rule.precision.n == 0)
        .map(|rule| rule.rule.as_str())
        .collect();
    if !silent.is_empty() {
        cx.printer
            .line(format!("  never fired: {}", silent.join(", ")));
    }
}

/// `0.83 [0.65, 0.93] 20/24`.
fn shown(rate: Rate) -> String {
    if rate.n == 0 {
        return "- 0/0".to_owned();
    }
    format!(
        "{:.2} [{:.2}, {:.2}] {rate}",
        rate.share(),
        rate.low,
        rate.high
    )
}
