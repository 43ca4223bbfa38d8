//! Criteria that are sentences, compiled once it is known which clones they are about.

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::Diagnostic;

use super::super::criteria::sentence::{Lexicon, Refusal, compile_sentence, place};
use super::super::spec::{Check, Criterion};
use super::bullets::Said;

/// Compiles the sentences among the criteria. One tagged `[D]` that is not understood is an error
/// with the part that is not; an untagged one is left to the judge.
pub(super) fn settle(
    text: &str,
    criteria: &mut [Criterion],
    said: &[Said],
    clones: &[String],
    catalogue: &[CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let clones: Vec<&CloneDescriptor> = catalogue
        .iter()
        .filter(|clone| clones.iter().any(|name| name == clone.name))
        .collect();
    let lexicon = match Lexicon::new(&clones) {
        Ok(lexicon) => lexicon,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            diagnostics.push(Diagnostic::error(
                "scenario/vocabulary",
                format!("{error}: {}", cause.unwrap_or_default()),
            ));
            return;
        }
    };
    for each in said {
        let Some(criterion) = criteria.get_mut(each.at) else {
            continue;
        };
        let words = &text[each.span.start..each.span.end];
        match compile_sentence(words, &lexicon) {
            Ok(mut sentence) => {
                sentence.text = words.split_whitespace().collect::<Vec<_>>().join(" ");
                criterion.check = Check::Cel {
                    source: sentence.cel.clone(),
                    span: each.span,
                    sentence: Some(Box::new(sentence)),
                };
            }
            // Without clones there are no words; that none is named is said already.
            Err(refusal) if each.deterministic && !clones.is_empty() => {
                diagnostics.push(refused(words, each.span.start, &refusal));
            }
            Err(refusal) if counts(words) && !clones.is_empty() => {
                diagnostics.push(left_to_the_judge(words, each.span.start, &refusal));
            }
            Err(_) => {}
        }
    }
}

/// Whether a sentence begins as one that is counted, not judged.
fn counts(words: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "exactly",
        "at least",
        "at most",
        "fewer than",
        "less than",
        "more than",
        "between",
        "no",
        "none of",
        "only",
        "there are",
        "there is",
        "the number of",
    ];
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    BEGINNINGS.iter().any(|beginning| {
        words
            .get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
            && words[beginning.len()..].starts_with(' ')
    })
}

fn left_to_the_judge(words: &str, start: usize, refusal: &Refusal) -> Diagnostic {
    let part = refusal.part(words).split_whitespace().collect::<Vec<_>>();
    let message = format!(
        "this is left to the judge, for \"{}\": {}",
        part.join(" "),
        refusal.message
    );
    let help = "tag it [P] where the judge is to decide it";
    let help = match &refusal.help {
        Some(own) => format!("{own}; or {help}"),
        None => help.to_owned(),
    };
    Diagnostic::warning("scenario/sentence", message)
        .at(place(refusal, start))
        .with_help(help)
}

fn refused(words: &str, start: usize, refusal: &Refusal) -> Diagnostic {
    let part = refusal.part(words).split_whitespace().collect::<Vec<_>>();
    let message = format!(
        "\"{}\" in a [D] criterion: {}",
        part.join(" "),
        refusal.message
    );
    let help = "write the condition as CEL in backticks, or tag it [P] for the judge";
    let help = match &refusal.help {
        Some(own) => format!("{own}; or {help}"),
        None => help.to_owned(),
    };
    Diagnostic::error("scenario/sentence", message)
        .at(place(refusal, start))
        .with_help(help)
}
