//! Writes a scenario as markdown that reads back as the same scenario.

use serde_json::Value;

use super::super::matching::Match;
use super::super::spec::{Check, Criterion, Scenario, ScenarioConfig};
use super::bullets::criteria;
use super::sections::{SectionKind, headings, prose};

/// Writes a scenario.
///
/// Texts may come from traces and hold anything: what would be taken for structure is fenced
/// or escaped. Titles and sentences are put on one line.
pub fn write(scenario: &Scenario) -> String {
    let mut out = format!("# {}\n", title(&scenario.title));
    let setup = scenario
        .setup
        .as_deref()
        .filter(|setup| !setup.trim().is_empty());
    if setup.is_some() || !scenario.seed_blocks.is_empty() {
        heading(&mut out, SectionKind::Setup);
        if let Some(setup) = setup {
            out.push_str(&text(setup, true));
            out.push('\n');
        }
        for block in &scenario.seed_blocks {
            out.push_str(&format!(
                "\n```json {}\n{}\n```\n",
                block.clone,
                pretty(&block.document)
            ));
        }
    }
    heading(&mut out, SectionKind::Prompt);
    out.push_str(&text(&scenario.prompt, false));
    out.push('\n');
    if let Some(expected) = scenario
        .expected
        .as_deref()
        .filter(|text| !text.trim().is_empty())
    {
        heading(&mut out, SectionKind::Expected);
        out.push_str(&text(expected, false));
        out.push('\n');
    }
    heading(&mut out, SectionKind::Criteria);
    for criterion in &scenario.criteria {
        out.push_str(&bullet(criterion));
    }
    heading(&mut out, SectionKind::Config);
    config(&mut out, &scenario.config);
    out
}

fn heading(out: &mut String, kind: SectionKind) {
    out.push_str(&format!("\n## {}\n\n", kind.heading()));
}

fn pretty(document: &Value) -> String {
    // A value that came from JSON or YAML always writes.
    serde_json::to_string_pretty(document).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A title on one line, escaped where it would not read back as written.
fn title(title: &str) -> String {
    let plain = one_line(title);
    let reads_back = |written: &str| {
        let file = format!("# {written}\n\n## Prompt\n");
        let found = headings(&file);
        found.len() == 2 && found[0].top && found[0].text.trim() == plain
    };
    if reads_back(&plain) {
        return plain;
    }
    plain
        .chars()
        .flat_map(|c| {
            let escape = c.is_ascii_punctuation().then_some('\\');
            escape.into_iter().chain([c])
        })
        .collect()
}

/// A text of a section, fenced where it would be taken for structure. In a Setup a block of
/// its own would be taken for a starting state.
fn text(text: &str, in_setup: bool) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let file = format!("## Prompt\n\n{text}\n\n## Config\n");
    let found = headings(&file);
    let stays_inside = found.len() == 2 && found[1].range.end == file.len();
    let plain = stays_inside
        && !(in_setup && holds_fence(&text))
        && prose(&text).as_deref() == Some(text.as_str());
    if plain {
        return text;
    }
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

fn holds_fence(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches(['>', ' ', '\t', '-', '*', '+']);
        line.starts_with("```") || line.starts_with("~~~")
    })
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn bullet(criterion: &Criterion) -> String {
    match &criterion.check {
        Check::Cel {
            sentence: Some(sentence),
            ..
        } => format!("- [D] {}\n", one_line(&sentence.text)),
        Check::Cel { source, .. } => {
            let code = code(source);
            match &criterion.title {
                Some(title) => {
                    let title = one_line(title);
                    let whole = format!("- [D] {title}: {code}\n");
                    // A lone backtick in the words would begin a code span.
                    if reads_back(&whole, &title, source) {
                        whole
                    } else {
                        format!("- [D] {}: {code}\n", title.replace('`', "'"))
                    }
                }
                None => format!("- [D] {code}\n"),
            }
        }
        Check::Judged { sentence } => format!("- [P] {}\n", one_line(sentence)),
    }
}

fn reads_back(bullet: &str, title: &str, source: &str) -> bool {
    let (read, _) = criteria(bullet, 0..bullet.len(), &mut Vec::new());
    matches!(
        read.as_slice(),
        [Criterion { title: Some(words), check: Check::Cel { source: code, .. }, .. }]
            if words == title && code == source
    )
}

fn code(source: &str) -> String {
    let source = source.replace(['\n', '\r'], " ");
    let fence = "`".repeat(longest_run(&source) + 1);
    let padded = source.starts_with('`')
        || source.ends_with('`')
        || (source.starts_with(' ') && source.ends_with(' '));
    if padded {
        format!("{fence} {source} {fence}")
    } else {
        format!("{fence}{source}{fence}")
    }
}

fn config(out: &mut String, config: &ScenarioConfig) {
    let mut line =
        |key: &str, value: String| out.push_str(&format!("{key}: {}\n", one_line(&value)));
    line("clones", config.clones.join(", "));
    if !config.seeds.is_empty() {
        let seeds: Vec<String> = config
            .seeds
            .iter()
            .map(|seed| format!("{}:{}", seed.clone, seed.name))
            .collect();
        line("seed", seeds.join(", "));
    }
    if let Some(seconds) = config.timeout_seconds {
        line("timeout", seconds.to_string());
    }
    if let Some(runs) = config.runs {
        line("runs", runs.to_string());
    }
    if !config.tags.is_empty() {
        line("tags", config.tags.join(", "));
    }
    if let Some(model) = &config.evaluator_model {
        line("evaluator-model", model.clone());
    }
    if let Some(condition) = &config.matching {
        line("match", matching(condition));
    }
    if let Some(route) = config.route {
        line("route", route.name().to_owned());
    }
    if let Some(clock) = config.clock {
        line("clock", format!("fixed {}", clock.at));
    }
    if !config.faults.is_empty() {
        let faults: Vec<String> = config.faults.iter().map(ToString::to_string).collect();
        line("fault", faults.join(", "));
    }
    if let Some(threshold) = config.pass_threshold {
        line("pass-threshold", threshold.to_string());
    }
    if let Some(owner) = &config.owner {
        line("owner", owner.clone());
    }
    if let Some(since) = config.since {
        line("since", since.to_string());
    }
    if config.flaky {
        line("flaky", "true".to_owned());
    }
    if config.retired {
        line("retired", "true".to_owned());
    }
}

fn matching(condition: &Match) -> String {
    let mut parts = Vec::new();
    if !condition.names.is_empty() {
        let names: Vec<&str> = condition.names.iter().map(|name| name.text()).collect();
        parts.push(format!("name={}", names.join(",")));
    }
    if !condition.tags.is_empty() {
        parts.push(format!("tags={}", condition.tags.join(",")));
    }
    if !condition.tools.is_empty() {
        parts.push(format!("tools={}", condition.tools.join(",")));
    }
    if let Some(input) = &condition.input {
        let flags = if input.ignores_case() { "i" } else { "" };
        parts.push(format!("input=/{}/{flags}", input.source()));
    }
    parts.join("; ")
}
