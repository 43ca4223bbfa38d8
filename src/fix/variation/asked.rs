//! The scenario rewritten: prompt, words and the literals of its criteria.

use crate::run::scenarios::Prepared;
use crate::scenario::criteria::{self, Compiled, LiteralKind};
use crate::scenario::{Check, Scenario};

use super::renaming::Renaming;

/// A scenario with the new names and numbers; ids of criteria stay, so that failures do.
pub fn scenario(prepared: &Prepared, renaming: &Renaming) -> Scenario {
    let mut scenario = prepared.scenario.clone();
    scenario.prompt = renaming.text(&scenario.prompt);
    let words = |text: Option<String>| text.map(|text| renaming.text(&text));
    scenario.expected = words(scenario.expected);
    scenario.setup = words(scenario.setup);
    for (at, criterion) in scenario.criteria.iter_mut().enumerate() {
        criterion.title = words(criterion.title.take());
        match &mut criterion.check {
            Check::Judged { sentence } => *sentence = renaming.text(sentence),
            Check::Cel {
                source, sentence, ..
            } => {
                if let Some(compiled) = prepared.compiled.get(at).and_then(Option::as_ref) {
                    *source = expression(compiled, renaming);
                }
                let Some(sentence) = sentence else { continue };
                sentence.text = renaming.text(&sentence.text);
                sentence.canonical = renaming.text(&sentence.canonical);
                sentence.cel.clone_from(source);
                let doubt = prepared.readings.get(at).and_then(Option::as_ref);
                if let (Some(readings), Some(doubt)) = (&mut sentence.readings, doubt) {
                    readings.final_state.cel = expression(&doubt.final_state, renaming);
                    readings.change.cel = expression(&doubt.change, renaming);
                }
            }
        }
    }
    scenario
}

/// An expression with the new names in its texts, and the new numbers where it compares a row's
/// number.
pub fn expression(compiled: &Compiled, renaming: &Renaming) -> String {
    let source = compiled.source();
    let mut out = String::with_capacity(source.len());
    let mut from = 0;
    for literal in criteria::literals(compiled) {
        let (start, end) = literal.place;
        let Some(said) = source.get(start..end).filter(|_| start >= from) else {
            continue;
        };
        let is_number = literal.field.as_deref() == Some("number");
        out.push_str(&source[from..start]);
        match literal.value {
            LiteralKind::Text(_) => out.push_str(&renaming.text(said)),
            LiteralKind::Int(number) if is_number => {
                out.push_str(&renaming.number(number).to_string());
            }
            LiteralKind::Int(_) => out.push_str(said),
        }
        from = end;
    }
    out.push_str(&source[from..]);
    out
}
