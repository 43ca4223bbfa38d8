//! What is known of one row: its fields before the trace began, with the span that proves each.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::PartHolds;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// What a tracer leaves at the end of a text that it cut.
const CUT: &[&str] = &[
    "...[truncated]",
    "... [truncated]",
    "…[truncated]",
    "[truncated]",
    "(truncated)",
    "<truncated>",
];
/// What people end a text with, too: it says that a text was cut only where it is this long, in
/// bytes.
const ELLIPSIS: (&str, usize) = ("…", 100);

/// A value and the span that proves it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::reconstruct) struct Proof {
    pub(in crate::reconstruct) value: Value,
    pub(in crate::reconstruct) span: String,
}

/// Whether a row was there before the trace began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::reconstruct) enum Existed {
    /// Nothing says so yet.
    #[default]
    Unknown,
    Yes,
    /// The trace made it, or found it absent.
    No,
}

/// Why a field's value before the trace began cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::reconstruct) struct Unknown {
    /// The span that took the evidence away.
    pub(in crate::reconstruct) span: String,
    /// How, for people.
    pub(in crate::reconstruct) why: &'static str,
}

/// What is known of one row.
#[derive(Debug, Default)]
pub(in crate::reconstruct) struct Row {
    /// Whether it was there before the trace began.
    pub(in crate::reconstruct) existed: Existed,
    /// The span that first spoke of it.
    pub(in crate::reconstruct) first: String,
    /// Values before the trace began, with the span that proves each.
    pub(in crate::reconstruct) initial: BTreeMap<String, Proof>,
    /// Values that follow from how the service answered, where nothing shows the field itself.
    pub(in crate::reconstruct) implied: BTreeMap<&'static str, Proof>,
    /// Values that may stand where nothing else does.
    pub(in crate::reconstruct) standins: BTreeMap<&'static str, Proof>,
    /// Entries of map-valued fields, by field and name, with the span that shows each.
    pub(in crate::reconstruct) parts: BTreeMap<(&'static str, String), (PartHolds, String)>,
    /// Fields whose evidence came too late, with the reason.
    pub(in crate::reconstruct) unknown: BTreeMap<String, Unknown>,
    /// Whether it may have been made by a call of which nothing certain is known.
    pub(in crate::reconstruct) doubt: Option<String>,
    /// What was last seen of each field, with its span: what a later read must agree with.
    current: BTreeMap<String, Proof>,
    /// Fields the trace has written since they were last seen.
    dirty: BTreeSet<String>,
    /// Whether the trace removed it.
    pub(super) gone: bool,
}

/// What was going on when a row was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seeing<'a> {
    /// The span.
    pub(super) span: &'a str,
    /// When the trace began, in whole seconds.
    pub(super) base: Timestamp,
    /// When the call was, by the clock of whoever recorded it.
    pub(super) at: Option<Timestamp>,
    /// The last call of the trace before this one that may have changed something.
    pub(super) wrote: Option<&'a str>,
    /// The call of which nothing certain is known that may have touched the row.
    pub(super) uncertain: Option<&'a str>,
    /// Fields that calls may have changed that touched many rows, with their spans.
    pub(super) swept: &'a [(&'static str, String)],
}

/// A read that differs from an earlier one though the trace wrote nothing in between.
#[derive(Debug)]
pub(super) struct Differs {
    pub(super) field: String,
    pub(super) before: Proof,
    pub(super) now: Value,
}

impl Row {
    /// Whether entries of a map-valued field are known to be there.
    pub(in crate::reconstruct) fn holds_parts(&self, field: &str) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|((of, _), (holds, _))| *of == field && *holds != PartHolds::Nothing)
    }

    /// Takes what a call showed of the row, and which of its fields it may have set.
    pub(super) fn observe(
        &mut self,
        fields: BTreeMap<String, Value>,
        written: &[&'static str],
        seeing: Seeing<'_>,
    ) -> Vec<Differs> {
        if self.first.is_empty() {
            seeing.span.clone_into(&mut self.first);
        }
        if self.existed == Existed::No {
            return Vec::new();
        }
        let younger = |name: &str| {
            let at = fields.get(name).and_then(Value::as_str);
            at.and_then(|at| at.parse::<Timestamp>().ok())
                .map(|at| at >= seeing.base)
        };
        let made = ["created_at", "starred_at", "date"]
            .into_iter()
            .find_map(younger);
        let changed = younger("updated_at");
        // A row says of itself that it is older than whatever may have touched it.
        let uncertain = seeing.uncertain.filter(|_| changed != Some(false));
        if self.existed == Existed::Unknown {
            if made == Some(true) && seeing.wrote.is_some() {
                self.existed = Existed::No;
                return Vec::new();
            }
            match uncertain {
                Some(span) if made != Some(false) => {
                    self.doubt.get_or_insert_with(|| span.to_owned());
                }
                _ => self.existed = Existed::Yes,
            }
        }
        for field in written {
            self.write(field, seeing.span);
        }
        let mut outside = Vec::new();
        for (field, value) in fields {
            if is_cut(&value) {
                self.lose(&field, seeing.span, "the tracer cut its text short");
                continue;
            }
            let proof = Proof {
                value: value.clone(),
                span: seeing.span.to_owned(),
            };
            let own = self.dirty.remove(&field) || written.contains(&field.as_str());
            let swept = seeing.swept.iter().find(|(name, _)| *name == field);
            let late = match (uncertain, seeing.wrote) {
                _ if own => None,
                _ if swept.is_some() => swept.map(|(_, span)| {
                    (
                        span.as_str(),
                        "a call that changes many rows may have set it",
                    )
                }),
                (Some(span), _) => Some((span, "a call whose effect is not known may have set it")),
                // What follows a call: the time of the last change, of the repository and its owner.
                (None, Some(span)) if seeing.is_meanwhile(&value) => {
                    Some((span, "it is a time at which the trace was under way"))
                }
                _ => None,
            };
            let before = self.current.insert(field.clone(), proof.clone());
            if own {
                continue;
            }
            match (late, before) {
                (Some((span, why)), before) => {
                    if before.is_none_or(|before| !same(&before.value, &value)) {
                        self.lose(&field, span, why);
                    }
                }
                (None, Some(before)) if !same(&before.value, &value) => outside.push(Differs {
                    field,
                    before,
                    now: value,
                }),
                (None, Some(_)) => {}
                (None, None) => {
                    if !self.unknown.contains_key(&field) {
                        self.initial.entry(field).or_insert(proof);
                    }
                }
            }
        }
        outside
    }

    /// Notes that a call may have set a field.
    pub(super) fn write(&mut self, field: &str, span: &str) {
        self.dirty.insert(field.to_owned());
        self.lose(
            field,
            span,
            "a call of the trace wrote it before any call read it",
        );
    }

    /// What the field held before can no longer be told, unless it is known already.
    fn lose(&mut self, field: &str, span: &str, why: &'static str) {
        if !self.initial.contains_key(field) {
            self.unknown.entry(field.to_owned()).or_insert(Unknown {
                span: span.to_owned(),
                why,
            });
        }
    }

    /// Takes what a call showed of an entry of a map-valued field.
    pub(super) fn part(
        &mut self,
        field: &'static str,
        part: String,
        holds: PartHolds,
        written: bool,
        span: &str,
    ) {
        let name = format!("{field}/{part}");
        if written {
            // What is shown later is not of the time before.
            self.dirty.insert(name);
        } else if !self.dirty.contains(&name) {
            let known = self.parts.get(&(field, part.clone()));
            if known.is_none_or(|(known, _)| *known == PartHolds::Unseen) {
                self.parts.insert((field, part), (holds, span.to_owned()));
            }
        }
    }
}

/// Whether two values are the same. Interfaces of one service list names in different orders.
fn same(one: &Value, other: &Value) -> bool {
    let names = |value: &Value| -> Option<BTreeSet<String>> {
        let items = value.as_array()?.iter();
        items.map(|item| item.as_str().map(str::to_owned)).collect()
    };
    one == other || matches!((names(one), names(other)), (Some(one), Some(other)) if one == other)
}

/// How far the clocks of a service and of a recorder may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

impl Seeing<'_> {
    /// Whether a value is a time between the trace's beginning and the call.
    fn is_meanwhile(&self, value: &Value) -> bool {
        let text = value.as_str().filter(|text| text.len() >= 20);
        let Some(at) = text.and_then(|text| text.parse::<Timestamp>().ok()) else {
            return false;
        };
        let until = self.at.unwrap_or(self.base).checked_add(SKEW);
        at >= self.base && until.is_ok_and(|until| at <= until)
    }
}

/// Whether a text ends as tracers leave it that cut it.
fn is_cut(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    let text = text.trim_end();
    let (mark, least) = ELLIPSIS;
    if text.len() >= least && text.ends_with(mark) {
        return true;
    }
    CUT.iter().any(|mark| {
        text.len() >= mark.len()
            && text.is_char_boundary(text.len() - mark.len())
            && text[text.len() - mark.len()..].eq_ignore_ascii_case(mark)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_end_a_short_text_with_is_no_cut() {
        assert!(!is_cut(&json!("Loading…")));
        assert!(is_cut(&json!("Loading… [truncated]")));
        assert!(is_cut(&json!("Load…[truncated]")));
        assert!(is_cut(&json!(format!("{}…", "x".repeat(100)))));
    }
}
