//! A page of rows as a service writes it: an object with a list, of which a bad row costs itself.

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{PullError, PullErrorKind};
use archal_core::source::Decoded;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::findings;
use crate::raw::{self, Record};

/// Rows of one answer that are read; none that a service gives has so many.
const MAX_ROWS: usize = 100_000;

/// The longest cursor that is taken: it goes into the next request, and is stored with each page.
const LONGEST_CURSOR: usize = 16 << 10;

/// A cursor that can be asked with.
///
/// # Errors
///
/// When it is longer than any that a service needs.
pub(crate) fn usable(cursor: Option<String>, service: &str) -> Result<Option<String>, PullError> {
    match cursor {
        Some(cursor) if cursor.len() > LONGEST_CURSOR => Err(PullError::new(
            PullErrorKind::Answer,
            format!("{service} gives a cursor of {} bytes", cursor.len()),
        )
        .advice(format!(
            "see whether {service} or a cache in front of it has a fault"
        ))),
        cursor => Ok(cursor),
    }
}

/// An answer taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Listing {
    /// Its rows.
    pub(crate) rows: Vec<Map<String, Value>>,
    /// What stands beside them, as far as it can be read.
    pub(crate) beside: Map<String, Value>,
    /// What could not be read.
    pub(crate) findings: Vec<Diagnostic>,
}

/// Reads an object with its rows under `list`; none where the body is no such object. Text that was cut
/// in half a character, and numbers that JSON does not have, cost nothing.
pub(crate) fn read(body: &[u8], list: &str) -> Option<Listing> {
    let mut decoded = Decoded {
        complete: true,
        ..Decoded::default()
    };
    let document = Document::read(body, &mut decoded)?;
    let record = Record::of(document.text.trim(), 0).ok()?;
    let mut listing = Listing::default();
    let rows = record.list(&[list])?;
    let mut bad = 0_u64;
    let mut why = String::new();
    raw::each_item(rows, |part| {
        let read = if listing.rows.len() >= MAX_ROWS {
            Err("there are too many".to_owned())
        } else {
            match raw::value(part.get()) {
                Ok(Value::Object(row)) => Ok(row),
                Ok(_) => Err("it is not an object".to_owned()),
                Err(error) => Err(raw::reason(&error)),
            }
        };
        match read {
            Ok(row) => listing.rows.push(row),
            Err(reason) => {
                bad += 1;
                why = reason;
            }
        }
    });
    if bad > 0 {
        findings::add(
            &mut listing.findings,
            Diagnostic::warning(
                "trace/bad-row",
                format!("rows of an answer that cannot be read: {bad}; the last one: {why}"),
            ),
        );
    }
    for (name, part) in &record.fields {
        if name != list
            && let Ok(value) = raw::value(part.get())
        {
            listing.beside.insert(name.clone(), value);
        }
    }
    Some(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_row_costs_itself() {
        let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
        let body = format!(
            r#"{{"data":[{{"id":"a"}},7,{{"id":"b","input":"\ud83d"}},{{"id":"c","x":{deep}}},{{"id":"d","cost":NaN}}],"meta":{{"cursor":"n"}}}}"#
        );
        let listing = read(body.as_bytes(), "data").expect("a page");
        let ids: Vec<&Value> = listing.rows.iter().map(|row| &row["id"]).collect();
        assert_eq!(ids, ["a", "b", "d"]);
        assert_eq!(listing.beside["meta"]["cursor"], "n");
        assert_eq!(listing.findings.len(), 1);
        assert!(read(b"{\"data\":{}}", "data").is_none());
        assert!(read(b"[1]", "data").is_none());
    }
}
