//! What a line from a plugin is. Total: any bytes are a reply, or a reason why they are none.

use std::borrow::Cow;

use archal_plugin::message::{Description, Error, Point, Severity};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::normalise::shown;
use crate::raw;

/// A reply, with what is large as it was written.
#[derive(Debug)]
pub enum Line<'a> {
    /// What the plugin is.
    Description(Description),
    /// One thing that was looked at.
    Point(Point),
    /// A whole trace.
    Trace {
        /// The project it belongs to.
        project: Option<String>,
        /// The trace.
        trace: &'a RawValue,
    },
    /// A span, and what is known of its trace.
    Span {
        /// The project it belongs to.
        project: Option<String>,
        /// Fields of its trace.
        trace: Value,
        /// The span.
        span: Value,
        /// Which of two versions counts.
        version: Option<i64>,
    },
    /// A row in a shape of its own.
    Row {
        /// The row.
        row: Value,
        /// Which of two versions counts.
        version: Option<i64>,
    },
    /// Something worth knowing.
    Diagnostic {
        /// How bad it is.
        severity: Severity,
        /// In words.
        message: String,
    },
    /// Where to go on.
    Cursor {
        /// The plugin's own.
        cursor: Value,
        /// Whether the spans so far make whole traces.
        whole: bool,
    },
    /// The answer is complete.
    End {
        /// Whether there is more already.
        more: bool,
    },
    /// There is no answer.
    Error(Error),
    /// What a later protocol may say.
    Unknown,
}

#[derive(Deserialize)]
struct Fields<'a> {
    id: u64,
    #[serde(borrow)]
    reply: Cow<'a, str>,
    project: Option<String>,
    #[serde(borrow)]
    trace: Option<&'a RawValue>,
    #[serde(borrow)]
    span: Option<&'a RawValue>,
    #[serde(borrow)]
    row: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    severity: Option<Severity>,
    message: Option<String>,
    #[serde(borrow)]
    cursor: Option<&'a RawValue>,
    #[serde(default)]
    whole: bool,
    #[serde(default)]
    more: bool,
}

/// The request that a line answers, and what it says.
///
/// # Errors
///
/// Why it says nothing, without what stands in it.
pub fn read(line: &[u8]) -> Result<(u64, Line<'_>), String> {
    let failed = |error: serde_json::Error| raw::reason(&error);
    let fields: Fields<'_> = serde_json::from_slice(line).map_err(failed)?;
    let missing = |name: &str| format!("a `{}` has no `{name}`", shown(&fields.reply));
    let object = |part: Option<&RawValue>, name: &str| {
        let value = raw::value(part.ok_or_else(|| missing(name))?.get()).map_err(failed)?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(format!("`{name}` is no object"))
        }
    };
    let version = fields
        .version
        .and_then(|version| version.get().parse::<i64>().ok());
    // What is small is read again, by what it is.
    let said = match &*fields.reply {
        "description" => Line::Description(serde_json::from_slice(line).map_err(failed)?),
        "point" => Line::Point(serde_json::from_slice(line).map_err(failed)?),
        "trace" => Line::Trace {
            project: fields.project,
            trace: fields.trace.ok_or_else(|| missing("trace"))?,
        },
        "span" => Line::Span {
            trace: object(fields.trace, "trace")?,
            span: object(fields.span, "span")?,
            project: fields.project,
            version,
        },
        "row" => Line::Row {
            row: object(fields.row, "row")?,
            version,
        },
        "diagnostic" => Line::Diagnostic {
            severity: fields.severity.unwrap_or(Severity::Note),
            message: fields.message.ok_or_else(|| missing("message"))?,
        },
        "cursor" => Line::Cursor {
            cursor: match fields.cursor {
                Some(cursor) => raw::value(cursor.get()).map_err(failed)?,
                None => Value::Null,
            },
            whole: fields.whole,
        },
        "end" => Line::End { more: fields.more },
        "error" => Line::Error(serde_json::from_slice(line).map_err(failed)?),
        _ => Line::Unknown,
    };
    Ok((fields.id, said))
}
