//! From the bytes of a file to a scenario, or to all that is wrong with it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::{Diagnostic, Span};

use super::super::criteria::compile;
use super::super::setup::understand;
use super::super::spec::{Check, Criterion, Scenario, SeedBlock};
use super::blocks::{Setup, setup};
use super::bullets::{Said as SaidCriterion, criteria, slug};
use super::fault::faults;
use super::sections::{Outline, Section, SectionKind, headings, outline, prose};
use super::seeds::{Chosen, Said, choose};
use super::sentences::settle;
use super::settings::settings;

/// The largest scenario file, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The longest id, in bytes; ids become names of files.
const MAX_ID: usize = 64;

/// Reads a scenario file; see [`parse`]. A file that cannot be read is a diagnostic too.
pub fn load(path: &Path, catalogue: &[CloneDescriptor]) -> (Option<Scenario>, Vec<Diagnostic>) {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read {
        Ok(_) => parse(path, &bytes, catalogue),
        Err(error) => {
            let message = format!("the scenario could not be read: {error}");
            let diagnostic = Diagnostic::error("scenario/unreadable", message).in_file(path);
            (None, vec![diagnostic])
        }
    }
}

/// Reads a scenario. Gives back the scenario when nothing in it is wrong, and with it notes;
/// otherwise all that is wrong with its place in the file. Criteria are checked against the
/// schemas of the clones, so that what is given back can be run.
pub fn parse(
    path: &Path,
    bytes: &[u8],
    catalogue: &[CloneDescriptor],
) -> (Option<Scenario>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let scenario = text_of(bytes, &mut diagnostics)
        .and_then(|(text, shift)| {
            let mut scenario = scenario(path, text, catalogue, &mut diagnostics);
            for diagnostic in &mut diagnostics {
                diagnostic.span = diagnostic.span.map(|span| shifted(span, shift));
            }
            if let Some(scenario) = &mut scenario {
                shift_spans(scenario, shift);
            }
            scenario
        })
        .filter(|_| !diagnostics.iter().any(Diagnostic::is_error));
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.map_or(0, |span| span.start));
    let diagnostics = diagnostics
        .into_iter()
        .map(|diagnostic| diagnostic.in_file(path))
        .collect();
    (scenario, diagnostics)
}

/// The file's text, and how many bytes of the file stand before it.
fn text_of<'b>(bytes: &'b [u8], diagnostics: &mut Vec<Diagnostic>) -> Option<(&'b str, usize)> {
    if bytes.len() > MAX_BYTES {
        diagnostics.push(Diagnostic::error(
            "scenario/too-large",
            format!("a scenario has at most {MAX_BYTES} bytes"),
        ));
        return None;
    }
    if bytes.contains(&0) {
        diagnostics.push(Diagnostic::error(
            "scenario/not-text",
            "a binary file, not a scenario",
        ));
        return None;
    }
    match str::from_utf8(bytes) {
        Ok(text) => match text.strip_prefix('\u{feff}') {
            Some(rest) => Some((rest, text.len() - rest.len())),
            None => Some((text, 0)),
        },
        Err(error) => {
            let at = error.valid_up_to();
            diagnostics.push(
                Diagnostic::error("scenario/not-text", "not text in UTF-8")
                    .at(at..at + error.error_len().unwrap_or(bytes.len() - at)),
            );
            None
        }
    }
}

fn shifted(span: Span, by: usize) -> Span {
    Span {
        start: span.start + by,
        end: span.end + by,
    }
}

/// Moves every place that the scenario keeps: they are places of the file.
fn shift_spans(scenario: &mut Scenario, by: usize) {
    let criteria = scenario.criteria.iter_mut().flat_map(|criterion| {
        let check = match &mut criterion.check {
            Check::Cel { span, .. } => Some(span),
            Check::Judged { .. } => None,
        };
        check.into_iter().chain([&mut criterion.span])
    });
    let blocks = scenario
        .seed_blocks
        .iter_mut()
        .chain(&mut scenario.said_states)
        .map(|block| &mut block.span);
    let config = &mut scenario.config;
    let clock = config.clock.iter_mut().map(|clock| &mut clock.span);
    let faults = config.faults.iter_mut().map(|fault| &mut fault.span);
    for span in criteria.chain(blocks).chain(clock).chain(faults) {
        *span = shifted(*span, by);
    }
}

fn scenario(
    path: &Path,
    text: &str,
    catalogue: &[CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    if let Some((span, lines)) = front_matter(text) {
        let found = Diagnostic::error("scenario/front-matter", "a scenario has no front matter");
        let help = format!("delete lines 1-{lines}; settings stand under ## Config");
        diagnostics.push(found.at(span).with_help(help));
        return None;
    }
    let outline = outline(text, diagnostics);
    let start = Span {
        start: 0,
        end: text.lines().next().map_or(0, str::len),
    };
    if outline.title.is_none() {
        diagnostics.push(
            Diagnostic::error("scenario/no-title", "the scenario has no title")
                .at(start)
                .with_help("begin with `# What the agent should do`"),
        );
    }
    let top = outline.title.as_ref().map_or(start, |(_, span)| *span);
    let words = |kind| {
        outline
            .section(kind)
            .and_then(|section| prose(&text[section.body.clone()]))
    };
    let prompt = words(SectionKind::Prompt);
    if prompt.is_none() {
        diagnostics.push(no_prompt(&outline, top));
    }
    let (mut criteria, said) = criteria_of(text, &outline, top, diagnostics);
    let config = outline.section(SectionKind::Config);
    let settings = settings(
        text,
        config.map_or(0..0, |section| section.body.clone()),
        diagnostics,
    );
    let setup = setup_of(text, &outline, diagnostics);
    let said_prose = setup.prose.clone();
    let has_block = !setup.blocks.is_empty();
    let spoken = [
        outline.title.as_ref().map(|(title, _)| title.as_str()),
        said_prose.as_ref().map(|(words, _)| words.as_str()),
        prompt.as_deref(),
    ];
    let chosen = choose(
        Said {
            clones: &settings.clones,
            seeds: &settings.seeds,
            blocks: setup.blocks,
            words: spoken.into_iter().flatten().collect::<Vec<_>>().join("\n"),
            criteria: &criteria,
            place: config.map_or(top, |section| section.heading),
        },
        catalogue,
        diagnostics,
    );
    let said_states = match &said_prose {
        Some((words, span)) if settings.seeds.is_empty() && !has_block => {
            said_states(text, words, *span, &chosen, catalogue, diagnostics)
        }
        _ => Vec::new(),
    };
    settle(
        text,
        &mut criteria,
        &said,
        &chosen.clones,
        catalogue,
        diagnostics,
    );
    check_criteria(&criteria, &chosen.clones, catalogue, diagnostics);
    let faults = faults(&settings.faults, &chosen.clones, catalogue, diagnostics);
    let mut config = settings.config;
    config.faults = faults;
    config.clones = chosen.clones;
    config.seeds = chosen.seeds;
    let (title, _) = outline.title.clone()?;
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy())
        .unwrap_or_default();
    let id = slug(&stem, MAX_ID);
    Some(Scenario {
        id: if id.is_empty() {
            "scenario".to_owned()
        } else {
            id
        },
        path: path.to_owned(),
        title,
        setup: said_prose.map(|(words, _)| lines(&words)),
        prompt: lines(&prompt?),
        expected: words(SectionKind::Expected).map(|words| lines(&words)),
        criteria,
        config,
        seed_blocks: chosen.blocks,
        said_states,
    })
}

/// The settings that other tools put before a text, between lines of dashes, and how many lines
/// they are. Markdown takes them for a rule and a heading, which makes nonsense of the rest.
fn front_matter(text: &str) -> Option<(Span, usize)> {
    let mut end = 0;
    let mut is_setting = false;
    for (line, at) in text.split_inclusive('\n').zip(1..) {
        end += line.len();
        let line = line.trim_end();
        match (at, line) {
            (1, "---") => {}
            (1, _) => return None,
            (_, "---" | "...") => {
                let span = Span {
                    start: 0,
                    end: end.min(text.trim_end().len()),
                };
                return is_setting.then_some((span, at));
            }
            (_, line) if line.starts_with("# ") || line.starts_with("## ") => return None,
            (_, line) => is_setting |= line.contains(':'),
        }
    }
    None
}

/// Text with plain line ends.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn no_prompt(outline: &Outline, top: Span) -> Diagnostic {
    match outline.section(SectionKind::Prompt) {
        Some(section) => {
            Diagnostic::error("scenario/no-prompt", "the prompt is empty").at(section.heading)
        }
        None => Diagnostic::error("scenario/no-prompt", "the scenario has no prompt")
            .at(top)
            .with_help("add `## Prompt` with what the agent is asked"),
    }
}

fn criteria_of(
    text: &str,
    outline: &Outline,
    top: Span,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Criterion>, Vec<SaidCriterion>) {
    let Some(section) = outline.section(SectionKind::Criteria) else {
        diagnostics.push(
            Diagnostic::error(
                "scenario/no-criteria",
                "the scenario has no success criteria",
            )
            .at(top)
            .with_help("add `## Success Criteria` with one bullet for each"),
        );
        return (Vec::new(), Vec::new());
    };
    let before = diagnostics.len();
    let found = criteria(text, section.body.clone(), diagnostics);
    if found.0.is_empty() && diagnostics.len() == before {
        diagnostics.push(
            Diagnostic::error(
                "scenario/no-criteria",
                "the scenario has no success criteria",
            )
            .at(section.heading)
            .with_help("write one bullet for each"),
        );
    }
    found
}

/// Setup and Seed State together.
fn setup_of(text: &str, outline: &Outline, diagnostics: &mut Vec<Diagnostic>) -> Setup {
    let read = |section: Option<&Section>, diagnostics: &mut Vec<Diagnostic>| {
        section.map_or_else(Setup::default, |section| {
            setup(text, section.body.clone(), diagnostics)
        })
    };
    let mut both = read(outline.section(SectionKind::Setup), diagnostics);
    let state = read(outline.section(SectionKind::SeedState), diagnostics);
    if let Some((_, span)) = state.prose {
        diagnostics.push(
            Diagnostic::error("scenario/seed-state", "Seed State holds fenced blocks only")
                .at(span)
                .with_help("words for the judge stand under ## Setup"),
        );
    }
    both.blocks.extend(state.blocks);
    both
}

/// The starting states that the words of a Setup are; what is not understood is an error, since
/// nothing else says where the clones start.
fn said_states(
    text: &str,
    words: &str,
    span: Span,
    chosen: &Chosen,
    catalogue: &[CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<SeedBlock> {
    let clones: Vec<&CloneDescriptor> = catalogue
        .iter()
        .filter(|clone| chosen.clones.iter().any(|name| name == clone.name))
        .collect();
    // Without clones there was a complaint before.
    if clones.is_empty() {
        return Vec::new();
    }
    // The words stand in one piece, perhaps within a block fenced as text.
    let start = text[span.start..]
        .find(words)
        .map_or(span.start, |at| span.start + at);
    match understand(words, &clones) {
        Ok(said) => said
            .into_iter()
            .map(|said| SeedBlock {
                clone: said.clone,
                document: said.document,
                span,
            })
            .collect(),
        Err(problems) => {
            let last = problems.len().saturating_sub(1);
            for (at, problem) in problems.into_iter().enumerate() {
                let place = start + problem.span.start..start + problem.span.end;
                let found = Diagnostic::error("scenario/setup", problem.message).at(place);
                // What else can be done is said once.
                let other = (at == last).then(|| other_ways(&clones));
                let help: Vec<String> = problem.help.into_iter().chain(other).collect();
                diagnostics.push(if help.is_empty() {
                    found
                } else {
                    found.with_help(help.join(" "))
                });
            }
            Vec::new()
        }
    }
}

fn other_ways(clones: &[&CloneDescriptor]) -> String {
    let seeds: Vec<String> = clones
        .iter()
        .flat_map(|clone| {
            let name = clone.name;
            clone
                .seeds
                .iter()
                .map(move |seed| format!("{name}:{}", seed.name))
        })
        .collect();
    let choice = if seeds.is_empty() {
        String::new()
    } else {
        format!(" ({})", seeds.join(", "))
    };
    format!(
        "`archal scenario --help` has what can be said; or name a state with `seed:` under ## Config{choice}, or write it as a ```yaml block, and the words are for the judge alone"
    )
}

/// Checks each expression and moves what is wrong to its place in the file.
fn check_criteria(
    criteria: &[Criterion],
    clones: &[String],
    catalogue: &[CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let clones: Vec<&CloneDescriptor> = catalogue
        .iter()
        .filter(|clone| clones.iter().any(|name| name == clone.name))
        .collect();
    for criterion in criteria {
        let Check::Cel {
            source,
            span,
            sentence: None,
        } = &criterion.check
        else {
            continue;
        };
        let Err(problems) = compile(source, &clones) else {
            continue;
        };
        // Where line ends changed the text its offsets do not fit the file.
        let exact = span.end - span.start == source.len();
        for mut problem in problems {
            problem.span = match problem.span {
                Some(inner) if exact => Some(Span {
                    start: span.start + inner.start,
                    end: span.start + inner.end,
                }),
                _ => Some(*span),
            };
            diagnostics.push(problem);
        }
    }
}

/// Whether a text has a section that only scenarios have: a prompt, success criteria or a Config.
/// One of them is enough, so that a scenario that lacks another is told so, not passed over.
pub fn is_meant_as_scenario(text: &str) -> bool {
    use SectionKind::{Config, Criteria, Prompt};
    headings(text).iter().any(|heading| {
        !heading.top
            && matches!(
                SectionKind::of(&heading.text),
                Some(Prompt | Criteria | Config)
            )
    })
}
