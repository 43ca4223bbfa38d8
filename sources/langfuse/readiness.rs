//! What is ready, what there is, and how much.

use std::time::Duration;

use archal_core::pull::{Estimate, Page, Point, PullError, PullErrorKind, Standing};
use serde_json::{Value, json};

use super::cursor::{Api, Cursor, Window};
use super::observations::{self, Wanted};
use super::page::asked;
use super::{Langfuse, legacy, scores};
use crate::client::{Rate, listing};

/// Traces that are shown.
const SAMPLED: usize = 3;
/// Newest observations that are looked through for them.
const LOOKED_AT: u32 = 20;

/// Credentials, reach and schema, each with what mends it.
pub(super) fn check(source: &mut Langfuse) -> Vec<Point> {
    let mut points = Vec::new();
    let found = asked(source);
    let (reach, credentials) = match &found {
        Ok(_) => (Standing::Ready, Standing::Ready),
        Err(error) if error.kind == PullErrorKind::Denied => (Standing::Ready, Standing::Missing),
        Err(_) => (Standing::Missing, Standing::Limited),
    };
    let advice = found.as_ref().err().and_then(|error| error.advice.clone());
    let said = |otherwise: String| match &found {
        Err(error) => error.message.clone(),
        Ok(_) => otherwise,
    };
    let host = source.settings.host.clone();
    points.push(Point {
        name: "reach",
        standing: reach,
        detail: if reach == Standing::Ready {
            format!("{host} answers")
        } else {
            said(String::new())
        },
        advice: advice.clone().filter(|_| reach != Standing::Ready),
    });
    if reach != Standing::Ready {
        return points;
    }
    points.push(Point {
        name: "credentials",
        standing: credentials,
        detail: said(project(source)),
        advice: advice.filter(|_| credentials != Standing::Ready),
    });
    let Ok((api, _)) = found else {
        return points;
    };
    points.push(schema(api));
    points.push(scores(source));
    points
}

fn schema(api: Api) -> Point {
    match api {
        Api::V2 => Point {
            name: "schema",
            standing: Standing::Ready,
            detail: "observations can be read".to_owned(),
            advice: None,
        },
        Api::Legacy => Point {
            name: "schema",
            standing: Standing::Limited,
            detail: "this server has the API before release 4: each trace is a request of its own"
                .to_owned(),
            advice: Some(
                "update Langfuse to release 4, or set LANGFUSE_MIGRATION_V4_ALLOW_PREVIEW_OPT_IN=true there"
                    .to_owned(),
            ),
        },
    }
}

fn scores(source: &mut Langfuse) -> Point {
    let rate = source.settings.rate.clone();
    let one = vec![("limit", "1".to_owned())];
    let (standing, detail) = match source.list(scores::PATH, one, &rate, false) {
        Ok(_) => (Standing::Ready, "scores can be read".to_owned()),
        Err(failure) if failure.is_not_found() => (
            Standing::Limited,
            "scores are read with the traces: this server has no newer way".to_owned(),
        ),
        Err(failure) => (Standing::Limited, source.client.told(failure).message),
    };
    Point {
        name: "scores",
        standing,
        detail,
        advice: None,
    }
}

/// Whose keys these are.
fn project(source: &mut Langfuse) -> String {
    let rate = source.settings.rate.clone();
    let known = "the keys are known".to_owned();
    let Ok(answer) = source.ask("/api/public/projects", Vec::new(), &rate, false) else {
        return known;
    };
    let listing = listing::read(&answer.body, "data").unwrap_or_default();
    let name = listing
        .rows
        .first()
        .and_then(|row| row.get("name")?.as_str());
    match name {
        Some(name) => format!(
            "the keys are those of project {}",
            crate::normalise::shown(name)
        ),
        None => known,
    }
}

/// The newest traces, whole.
pub(super) fn sample(source: &mut Langfuse) -> Result<Page, PullError> {
    let (api, _) = asked(source)?;
    let mut page = Page::default();
    let newest = Window::default();
    let mut cursor = Cursor {
        rows: LOOKED_AT,
        ..Cursor::default()
    };
    let began = source.client.now();
    let listed = match api {
        Api::V2 => observations::fetch(source, &mut cursor, Wanted::Window(newest), None),
        Api::Legacy => legacy::list_newest(source, LOOKED_AT, began),
    };
    let listed = listed.map_err(|failure| source.client.told(failure))?;
    let mut traces: Vec<String> = Vec::new();
    for row in &listed.rows {
        let name = match api {
            Api::V2 => "traceId",
            Api::Legacy => "id",
        };
        if let Some(id) = row.get(name).and_then(Value::as_str)
            && traces.len() < SAMPLED
            && !traces.iter().any(|known| known == id)
        {
            traces.push(id.to_owned());
        }
    }
    for trace in traces {
        match api {
            Api::V2 => {
                let wanted = Wanted::Trace(&trace);
                let listed = observations::fetch(source, &mut cursor, wanted, None)
                    .map_err(|failure| source.client.told(failure))?;
                observations::take(source, listed.rows, &mut page);
            }
            Api::Legacy => legacy::fetch(source, &trace, &mut page)
                .map_err(|failure| source.client.told(failure))?,
        }
    }
    (page.is_last, page.is_checkpoint) = (true, true);
    Ok(page)
}

/// How much there is from a cursor on, where that can be told for one request.
pub(super) fn estimate(
    source: &mut Langfuse,
    cursor: &Value,
) -> Result<Option<Estimate>, PullError> {
    let cursor = Cursor::read(cursor, &source.settings.host);
    let from = cursor.began.max(source.settings.since);
    let api = match cursor.api {
        Some(api) => api,
        None => asked(source)?.0,
    };
    let now = source.client.now();
    Ok(match api {
        Api::V2 => {
            let start = from.map_or_else(|| "2020-01-01T00:00:00Z".to_owned(), |at| at.to_string());
            let query = json!({
                "view": "observations",
                "metrics": [{"measure": "count", "aggregation": "count"}],
                "filters": [],
                "fromTimestamp": start,
                "toTimestamp": now.to_string(),
            });
            let rate = source.settings.rate.clone();
            let path = "/api/public/v2/metrics";
            let listed = source.list(path, vec![("query", query.to_string())], &rate, false);
            let rows = listed.ok().and_then(|listed| {
                let count = listed.rows.first()?.values().next()?.clone();
                match count {
                    Value::String(text) => text.parse().ok(),
                    other => other.as_u64(),
                }
            });
            rows.map(|rows: u64| of(rows, rows / u64::from(cursor.rows) + 3, &rate))
        }
        Api::Legacy => {
            let window = Window { from, to: None };
            let rate = source.settings.legacy.clone();
            let listed = legacy::list(source, window, 1, now).ok();
            let traces = listed.and_then(|listed| listed.meta.get("totalItems")?.as_u64());
            traces.map(|traces| Estimate {
                rows: None,
                ..of(traces, traces + traces / 100 + 3, &rate)
            })
        }
    })
}

fn of(rows: u64, requests: u64, rate: &Rate) -> Estimate {
    Estimate {
        rows: Some(rows),
        requests: Some(requests),
        time: Some(Duration::from_secs(
            requests * 60 / u64::from(rate.per_minute.get()),
        )),
    }
}
