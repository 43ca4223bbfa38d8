//! A worked plugin of archal: spans from a log that an agent appends to.
//!
//! The log is a file of lines with seven fields, tabs between them: time of the beginning and the end, run, step,
//! tool, and its arguments and result as JSON. A step without a tool is the run itself. With `→` for a tab:
//!
//! ```text
//! 2026-03-01T12:00:00Z→2026-03-01T12:00:09Z→run-1→run→→"close stale issues"→"closed 3"
//! 2026-03-01T12:00:01Z→2026-03-01T12:00:02Z→run-1→s-1→list_issues→{"state":"open"}→[]
//! ```
//!
//! The cursor is how many bytes were read. Lines are read whole: one that has no end yet waits.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind as IoErrorKind, Seek, SeekFrom};
use std::path::PathBuf;

use archal_plugin::message::{Needed, Point, Reply, Severity, Standing};
use archal_plugin::serde_json::Value;
use archal_plugin::{Description, ErrorKind, Failure, Output, Plugin, Pull, archal_plugin, json};

/// The longest line.
const MOST_LINE: usize = 4 << 20;

/// The log of an agent.
#[derive(Debug)]
pub struct RunLog {
    path: PathBuf,
}

archal_plugin!(RunLog);

impl RunLog {
    fn file(&self) -> Result<File, Failure> {
        File::open(&self.path).map_err(|error| {
            let kind = match error.kind() {
                IoErrorKind::NotFound => ErrorKind::Missing,
                IoErrorKind::PermissionDenied => ErrorKind::Denied,
                _ => ErrorKind::Unreachable,
            };
            Failure::new(
                kind,
                format!("cannot read {}: {error}", self.path.display()),
            )
        })
    }
}

impl Plugin for RunLog {
    fn describe() -> Description {
        Description {
            about: Some("steps of an agent in an append-only log".to_owned()),
            options: vec![Needed {
                name: "log".to_owned(),
                about: "the file".to_owned(),
                required: true,
            }],
            ..Description::new("runlog", env!("CARGO_PKG_VERSION"))
        }
    }

    fn open(config: &Value) -> Result<Self, Failure> {
        let path = config["log"].as_str().map(PathBuf::from);
        match path.filter(|path| path.is_absolute()) {
            Some(path) => Ok(Self { path }),
            None => Err(
                Failure::new(ErrorKind::Options, "`log` is no absolute path")
                    .advice("--option 'config={\"log\":\"/srv/agent/runs.log\"}'"),
            ),
        }
    }

    fn check(&mut self, out: &mut Output<'_>) -> Result<(), Failure> {
        let size = self.file()?.metadata().map_or(0, |metadata| metadata.len());
        out.point(Point {
            name: "reach".to_owned(),
            standing: Standing::Ready,
            detail: format!("{}, {size} bytes", self.path.display()),
            advice: None,
        })?;
        Ok(())
    }

    fn pull(&mut self, pull: &Pull, out: &mut Output<'_>) -> Result<(), Failure> {
        let broken = |error: std::io::Error| {
            Failure::new(
                ErrorKind::Unreachable,
                format!("the log broke off: {error}"),
            )
        };
        let mut file = self.file()?;
        let size = file.metadata().map_err(broken)?.len();
        // A log that became shorter was begun anew.
        let mut place = pull
            .cursor
            .as_u64()
            .filter(|place| *place <= size)
            .unwrap_or(0);
        file.seek(SeekFrom::Start(place)).map_err(broken)?;
        let mut lines = BufReader::new(file);
        let mut line = Vec::new();
        for number in 1_u32.. {
            line.clear();
            let read = lines.read_until(b'\n', &mut line).map_err(broken)?;
            if !line.ends_with(b"\n") || line.len() > MOST_LINE {
                break;
            }
            place += read as u64;
            match step(&String::from_utf8_lossy(&line), pull.since.as_deref()) {
                Ok(Some((trace, span))) => out.span(trace, span)?,
                Ok(None) => {}
                Err(reason) => {
                    let told = format!("the line that ends at byte {place}: {reason}");
                    out.diagnostic(Severity::Warning, told)?;
                }
            }
            if number % pull.most.max(1) == 0 {
                out.cursor(json!(place))?;
            }
        }
        // Everything that was written is read: what is quiet from now on is whole.
        out.reply(&Reply::Cursor {
            cursor: json!(place),
            whole: true,
        })?;
        Ok(())
    }
}

/// The trace and span of a line; none where it is older than what is wanted.
fn step(line: &str, since: Option<&str>) -> Result<Option<(Value, Value)>, String> {
    let fields: Vec<&str> = line.trim_end_matches(['\r', '\n']).split('\t').collect();
    let [began, ended, run, id, tool, arguments, result] = fields.as_slice() else {
        return Err(format!("it has {} fields and not 7", fields.len()));
    };
    // Times of one form are in order as texts.
    if since.is_some_and(|since| *began < since) {
        return Ok(None);
    }
    let value = |text: &str| -> Value {
        archal_plugin::serde_json::from_str(text).unwrap_or_else(|_| text.into())
    };
    let (arguments, result) = (value(arguments), value(result));
    let mut span = json!({"id": id, "startedAt": began, "endedAt": ended, "status": "ok"});
    let more = if tool.is_empty() {
        json!({"name": "run", "kind": "agent", "parentId": null, "input": arguments, "output": result})
    } else {
        json!({"name": tool, "kind": "tool", "parentId": "run",
               "tool": {"name": tool, "arguments": arguments, "result": result}})
    };
    if let (Some(span), Value::Object(more)) = (span.as_object_mut(), more) {
        span.extend(more);
    }
    Ok(Some((json!({"id": run}), span)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_step_of_a_run() {
        let line =
            "2026-03-01T12:00:01Z\t2026-03-01T12:00:02Z\trun-1\ts-1\tlist\t{\"a\":1}\tplain\n";
        let (trace, span) = step(line, None).expect("a line").expect("wanted");
        assert_eq!(trace, json!({"id": "run-1"}));
        assert_eq!(span["tool"]["arguments"]["a"], 1);
        assert_eq!(
            (span["tool"]["result"].as_str(), span["parentId"].as_str()),
            (Some("plain"), Some("run"))
        );
        assert_eq!(step(line, Some("2026-03-02T00:00:00Z")), Ok(None));
        assert!(step("too short", None).is_err());
    }
}
