//! JSON taken apart one level at a time.
//!
//! Taking a level apart does not recurse and does not copy, so that one bad or absurdly deep
//! part costs that part and not the file, and every part knows its place.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::Value;
use serde_json::value::RawValue;

/// One JSON object of a file with its fields, not looked into yet.
#[derive(Debug, Clone)]
pub(crate) struct Record<'a> {
    /// Its text, or that of a list it is in.
    pub(crate) text: &'a str,
    /// Where that begins in the document.
    pub(crate) start: usize,
    /// Its fields; of a name given twice the last.
    pub(crate) fields: Fields<'a>,
}

/// The fields of an object by their names.
pub(crate) type Fields<'a> = BTreeMap<String, &'a RawValue>;

impl<'a> Record<'a> {
    /// Takes an object apart; none when the text is not one.
    pub(crate) fn of(text: &'a str, start: usize) -> Result<Self, serde_json::Error> {
        Ok(Self {
            text,
            start,
            fields: serde_json::from_str(text)?,
        })
    }

    /// Its byte range in the document; that of the list where it is one of its items.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The first of these fields that is there and not null.
    pub(crate) fn field(&self, names: &[&str]) -> Option<&'a RawValue> {
        names
            .iter()
            .find_map(|name| self.fields.get(*name))
            .copied()
            .filter(|value| value.get() != "null")
    }

    /// Where a part of this record begins in the document.
    pub(crate) fn start_of(&self, part: &RawValue) -> usize {
        // Both borrow from one text, so the difference of their addresses is the offset.
        self.start + (part.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    /// A field that is a list; none when it is missing, null or something else.
    pub(crate) fn list(&self, names: &[&str]) -> Option<&'a RawValue> {
        self.field(names)
            .filter(|value| value.get().starts_with('['))
    }

    /// A field that is an object.
    pub(crate) fn object(&self, names: &[&str]) -> Option<Record<'a>> {
        let part = self.field(names)?;
        Record::of(part.get(), self.start_of(part)).ok()
    }
}

/// Reads the items of a list one by one, without looking for their ends first, until `take` does not
/// take one or one cannot be read so; how many it took, or none where that was all of them.
pub(crate) fn each_read<'a, T: Deserialize<'a>>(
    list: &'a RawValue,
    mut take: impl FnMut(T) -> bool,
) -> Option<usize> {
    struct Items<'f, F, T>(&'f mut F, &'f mut usize, PhantomData<T>);
    impl<'de, T: Deserialize<'de>, F: FnMut(T) -> bool> Visitor<'de> for Items<'_, F, T> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
            while let Some(item) = items.next_element::<T>()? {
                if !(self.0)(item) {
                    return Err(serde::de::Error::custom("not taken"));
                }
                *self.1 += 1;
            }
            Ok(())
        }
    }
    let mut taken = 0;
    let mut reader = serde_json::Deserializer::from_str(list.get());
    let items = Items(&mut take, &mut taken, PhantomData);
    reader.deserialize_seq(items).is_err().then_some(taken)
}

/// Hands over the items of a list one by one, so that a list of a hundred million zeros costs
/// time and no memory. What is no list has no items.
pub(crate) fn each_item<'a>(list: &'a RawValue, mut visit: impl FnMut(&'a RawValue)) {
    struct Items<F>(F);
    impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Items<&mut F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
            while let Some(item) = items.next_element::<&'de RawValue>()? {
                (self.0)(item);
            }
            Ok(())
        }
    }
    let mut reader = serde_json::Deserializer::from_str(list.get());
    // The text is known to be JSON, so the only error is that it is not a list.
    _ = reader.deserialize_seq(Items(&mut visit));
}

/// Levels of lists and objects in a value that is read. What stands around it when it is written again
/// takes some of the 128 that the JSON reader has.
const MAX_DEPTH: usize = 100;

/// A value that can be read again wherever in a trace it is written.
///
/// # Errors
///
/// When the text is not JSON or nests too deeply.
pub(crate) fn value(text: &str) -> Result<Value, serde_json::Error> {
    let value: Value = serde_json::from_str(text)?;
    if is_flat(&value) {
        Ok(value)
    } else {
        Err(serde::de::Error::custom(format_args!(
            "it is nested deeper than {MAX_DEPTH} levels"
        )))
    }
}

/// Whether a value that was read can be read again wherever in a trace it is written.
pub(crate) fn is_flat(value: &Value) -> bool {
    fits(value, MAX_DEPTH)
}

/// Whether a value has no more levels of lists and objects. The reader bounds how deep this recurses.
pub(crate) fn fits(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|value| fits(value, levels - 1)),
        Value::Object(map) => levels > 0 && map.values().all(|value| fits(value, levels - 1)),
        _ => true,
    }
}

/// What serde_json says of an error without the text it quotes: the text may hold a secret.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message
        .rfind(" at line ")
        .map_or(message.as_str(), |at| &message[..at]);
    if message.starts_with("failed to parse") {
        // The time library quotes what it was given.
        return "a time is not RFC 3339".to_owned();
    }
    if let Some((_, expected)) = message.split_once("`, expected ") {
        return format!("unknown value, expected {expected}");
    }
    let mut out = String::new();
    let mut quoted = false;
    let mut chars = message.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => {
                chars.next();
            }
            '"' => {
                quoted = !quoted;
                if !quoted {
                    out.push('…');
                }
            }
            _ if quoted => {}
            other => out.push(other),
        }
    }
    out
}

/// Where in `text` an error is, from the line and column serde_json gives.
pub(crate) fn offset(text: &str, error: &serde_json::Error) -> usize {
    let line_start = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum::<usize>();
    (line_start + error.column().saturating_sub(1)).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_can_be_read_again_inside_a_trace() {
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(value(&nested(MAX_DEPTH)).is_ok());
        for levels in [MAX_DEPTH + 1, 126, 10_000] {
            assert!(value(&nested(levels)).is_err(), "{levels}");
        }
    }
}
