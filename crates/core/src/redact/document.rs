//! Redaction of a file: JSON, JSON lines or plain text, by its content.
//!
//! Of JSON only what is a secret changes: order, spaces and numbers stay as they were written.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Redactor;
use super::pass::{Hit, Pass, RedactionCounts};
use super::text::INNER_JSON;
use crate::trace::BATCH_SCHEMA;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON document.
    Json,
    /// A JSON document on each line.
    JsonLines,
    /// Anything else.
    Text,
}

/// A file without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// What it was taken for.
    pub form: Form,
    /// The file, whole.
    pub text: String,
    /// How often each rule fired.
    pub counts: RedactionCounts,
    /// Each replacement, in the order of the file.
    pub hits: Vec<Hit>,
    /// The same for each trace, where the file is a batch of traces.
    pub traces: Vec<RedactedTrace>,
}

/// A trace of a batch file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactedTrace {
    /// Its id.
    pub id: String,
    /// How often each rule fired in it.
    pub counts: RedactionCounts,
}

impl Redactor {
    /// A file without its secrets, and where each stood.
    pub fn document(&self, text: &str) -> Redacted {
        let mut pass = Pass::explained();
        let one = [(1, text)];
        let lines: Vec<(usize, &str)> = (1..)
            .zip(text.split('\n'))
            .filter(|(_, line)| !line.trim().is_empty())
            .collect();
        let (form, clean) = if let Some(values) = parsed(&one) {
            (Form::Json, self.documents(text, &one, values, &mut pass))
        } else if let Some(values) = (lines.len() > 1).then(|| parsed(&lines)).flatten() {
            (
                Form::JsonLines,
                self.documents(text, &lines, values, &mut pass),
            )
        } else {
            let clean = self.plain_text(text, &mut pass);
            (
                Form::Text,
                (clean.unwrap_or_else(|| text.to_owned()), Vec::new()),
            )
        };
        let hits = pass.take_hits();
        let (text, ids) = clean;
        let traces = ids
            .into_iter()
            .enumerate()
            .map(|(at, id)| RedactedTrace {
                id,
                counts: counts_below(&hits, at),
            })
            .collect();
        Redacted {
            form,
            text,
            counts: std::mem::take(&mut pass.counts),
            hits,
            traces,
        }
    }

    /// The file with each of its documents redacted, and the ids of its traces.
    fn documents(
        &self,
        text: &str,
        parts: &[(usize, &str)],
        mut values: Vec<Value>,
        pass: &mut Pass,
    ) -> (String, Vec<String>) {
        let is_json_lines = parts.len() > 1;
        let before = values.clone();
        for (value, (line, _)) in values.iter_mut().zip(parts) {
            pass.line(if is_json_lines { *line } else { 0 });
            self.walk(value, None, pass, INNER_JSON);
        }
        for (value, (line, _)) in values.iter_mut().zip(parts) {
            pass.line(if is_json_lines { *line } else { 0 });
            self.echo_in(value, pass);
        }
        let mut changes = Vec::new();
        for ((part, before), after) in parts.iter().zip(&before).zip(&values) {
            let start = offset(text, part.1);
            if serde_json::from_str::<Distinct>(part.1).is_err() {
                // A name that is there twice has values that no reader sees; nothing of them stays.
                changes.push((start..start + part.1.len(), after.to_string()));
            } else {
                compare(text, part.1, before, after, &mut changes);
            }
        }
        let mut clean = String::with_capacity(text.len());
        let mut done = 0;
        for (span, new) in changes {
            clean.push_str(&text[done..span.start]);
            clean.push_str(&new);
            done = span.end;
        }
        clean.push_str(&text[done..]);
        let ids = match values.as_slice() {
            [batch] if batch["schema"] == BATCH_SCHEMA => batch["traces"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|trace| trace["id"].as_str().unwrap_or_default().to_owned())
                .collect(),
            _ => Vec::new(),
        };
        (clean, ids)
    }
}

fn parsed(parts: &[(usize, &str)]) -> Option<Vec<Value>> {
    parts
        .iter()
        .map(|(_, part)| {
            // A number or word alone is text.
            let begins = part.trim_start().starts_with(['{', '[', '"']);
            begins.then(|| serde_json::from_str(part).ok()).flatten()
        })
        .collect()
}

fn counts_below(hits: &[Hit], trace: usize) -> RedactionCounts {
    let number = trace.to_string();
    let mut counts = RedactionCounts::new();
    for hit in hits {
        if let [traces, at, ..] = hit.path.as_slice()
            && traces == "traces"
            && *at == number
        {
            *counts.entry(hit.rule.clone()).or_default() += 1;
        }
    }
    counts
}

/// Where a part of a text begins in it.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// What to replace in `part` of `text`, which reads as `before`, so that it reads as `after`.
fn compare(
    text: &str,
    part: &str,
    before: &Value,
    after: &Value,
    changes: &mut Vec<(Range<usize>, String)>,
) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if before.keys().eq(after.keys()) => {
            for (name, raw) in serde_json::from_str::<Members<'_>>(part)
                .map_or_else(|_| Vec::new(), |members| members.0)
            {
                if let (Some(before), Some(after)) = (before.get(&name), after.get(&name)) {
                    compare(text, raw.get(), before, after, changes);
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let raw = serde_json::from_str::<Vec<&RawValue>>(part).unwrap_or_default();
            for ((raw, before), after) in raw.iter().zip(before).zip(after) {
                compare(text, raw.get(), before, after, changes);
            }
        }
        _ => {
            let value = part.trim();
            let start = offset(text, value);
            changes.push((start..start + value.len(), after.to_string()));
        }
    }
}

/// The members of an object as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A value in which no object has a name twice.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Distinct;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Distinct, A::Error> {
                let mut seen = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    map.next_value::<Distinct>()?;
                    if !seen.insert(name) {
                        return Err(serde::de::Error::custom("a name is there twice"));
                    }
                }
                Ok(Distinct)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Distinct, A::Error> {
                while seq.next_element::<Distinct>()?.is_some() {}
                Ok(Distinct)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Distinct, E> {
                Ok(Distinct)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Distinct, E> {
                Ok(Distinct)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Distinct, E> {
                Ok(Distinct)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Distinct, E> {
                Ok(Distinct)
            }

            fn visit_str<E>(self, _: &str) -> Result<Distinct, E> {
                Ok(Distinct)
            }

            fn visit_unit<E>(self) -> Result<Distinct, E> {
                Ok(Distinct)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
