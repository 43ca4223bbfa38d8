//! What is ready: the connection, the tables, the rights of the role, and whether an index serves the
//! cursor.

use archal_core::pull::{Point, PullError, Standing};
use serde_json::Value;

use super::query::{self, Statement, Window};
use super::rows::PostgresRows;
use super::schema::Table;
use super::session::Answer;

/// Tables with fewer rows are read whole in no time.
const SMALL: i64 = 10_000;

/// Everything that can be told without importing.
pub(super) fn check(rows: &mut PostgresRows) -> Vec<Point> {
    let mut points = vec![credentials(rows)];
    let stop = std::sync::Arc::clone(&rows.stop);
    if let Err(error) = rows.session.connect(stop.as_ref()) {
        points.push(missing("reach", error));
        return points;
    }
    match reach(rows) {
        Ok(point) => points.push(point),
        Err(error) => {
            points.push(missing("reach", error));
            return points;
        }
    }
    let tables = match rows.tables() {
        Ok(tables) => tables,
        Err(error) => {
            points.push(missing("schema", error));
            return points;
        }
    };
    for table in tables.iter() {
        points.push(schema(table));
        points.push(rights(table));
        let checks: [fn(&mut PostgresRows, &Table) -> Result<Point, PullError>; 2] =
            [content, index];
        for check in checks {
            match check(rows, table) {
                Ok(point) => points.push(point),
                Err(error) => points.push(missing("rows", error)),
            }
        }
    }
    points
}

fn point(name: &'static str, standing: Standing, detail: impl Into<String>) -> Point {
    Point {
        name,
        standing,
        detail: detail.into(),
        advice: None,
    }
}

fn missing(name: &'static str, error: PullError) -> Point {
    Point {
        advice: error.advice,
        ..point(name, Standing::Missing, error.message)
    }
}

fn credentials(rows: &PostgresRows) -> Point {
    let address = rows.session.address();
    let mut detail = format!("the connection string is for {}", address.server());
    for note in &address.notes {
        detail = format!("{detail}; {note}");
    }
    point("credentials", Standing::Ready, detail)
}

fn ask_one(rows: &mut PostgresRows, text: &str) -> Result<Vec<Option<String>>, PullError> {
    let statement = Statement {
        text: text.to_owned(),
        parameters: Vec::new(),
    };
    let answers = rows.ask(&[statement], "")?;
    let mut found = answers.into_iter().flat_map(|answer| answer.rows);
    Ok(found.next().unwrap_or_default())
}

fn reach(rows: &mut PostgresRows) -> Result<Point, PullError> {
    let mut cells = ask_one(
        rows,
        "SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_setting('transaction_read_only')",
    )?
    .into_iter()
    .flatten();
    let version = cells.next().unwrap_or_default();
    let way = if rows.session.address().is_encrypted {
        "over TLS, the server's certificate verified"
    } else {
        "on this machine, in plain text"
    };
    Ok(point(
        "reach",
        Standing::Ready,
        format!("PostgreSQL {version} answers, {way}; every transaction reads only"),
    ))
}

fn schema(table: &Table) -> Point {
    let mut fields: Vec<String> = table
        .fields
        .iter()
        .map(|(field, place)| {
            let column = &table.columns[*place].name;
            if column == field {
                column.clone()
            } else {
                format!("{field}={column}")
            }
        })
        .collect();
    if let Some(place) = table.document {
        fields = vec![format!("whole traces in {}", table.columns[place].name)];
    }
    let name = table.relation.shown();
    point(
        "schema",
        Standing::Ready,
        format!(
            "{} are in {name}: {}",
            table.holds.name(),
            fields.join(", ")
        ),
    )
}

fn rights(table: &Table) -> Point {
    let name = table.relation.shown();
    if !table.relation.may_write {
        let detail = format!("the role may read {name} and not write it");
        return point("permissions", Standing::Ready, detail);
    }
    Point {
        advice: Some(format!(
            "CREATE ROLE archal_reader LOGIN PASSWORD '…'; GRANT USAGE ON SCHEMA {} TO archal_reader; GRANT SELECT ON {} TO archal_reader",
            super::identifiers::quoted(&table.relation.schema),
            table.relation.qualified()
        )),
        ..point(
            "permissions",
            Standing::Limited,
            format!("the role may write {name}; one that may only read is enough"),
        )
    }
}

/// Why a table may show no rows though it has some, and what mends it.
pub(super) fn hidden(table: &Table) -> Option<(String, String)> {
    let relation = &table.relation;
    let (why, on) = if relation.has_row_security {
        let why = "row-level security holds for this role, and may hide them all";
        (why.to_owned(), relation.qualified())
    } else {
        let below = relation.secured_below.clone()?;
        let why =
            format!("row-level security of {below}, which this view reads, may hide them all");
        (why, below)
    };
    let advice =
        format!("CREATE POLICY archal_reads ON {on} FOR SELECT TO archal_reader USING (true)");
    Some((why, advice))
}

/// Whether there is anything, and whether all of it can be seen.
fn content(rows: &mut PostgresRows, table: &Table) -> Result<Point, PullError> {
    let name = table.relation.shown();
    let qualified = table.relation.qualified();
    let cells = ask_one(rows, &format!("SELECT 1::text FROM {qualified} LIMIT 1"))?;
    if cells.is_empty() {
        if let Some((why, advice)) = hidden(table) {
            return Ok(Point {
                advice: Some(advice),
                ..point(
                    "rows",
                    Standing::Limited,
                    format!("{name} shows no rows: {why}"),
                )
            });
        }
        return Ok(point(
            "rows",
            Standing::Limited,
            format!("{name} has no rows yet"),
        ));
    }
    let mut lacks = Vec::new();
    for place in query::cursor_columns(table).filter(|place| table.columns[*place].may_be_null) {
        let column = super::identifiers::quoted(&table.columns[place].name);
        let statement = format!("SELECT 1::text FROM {qualified} WHERE {column} IS NULL LIMIT 1");
        // Where that takes too long, it stays open.
        if ask_one(rows, &statement).is_ok_and(|cells| !cells.is_empty()) {
            lacks.push(format!("rows without {column} are never read"));
        }
    }
    if let Some(time) = table.time {
        let column = super::identifiers::quoted(&table.columns[time].name);
        let statement = format!(
            "SELECT 1::text FROM {qualified} WHERE {column} > pg_catalog.clock_timestamp() + interval '1 minute' LIMIT 1"
        );
        if ask_one(rows, &statement).is_ok_and(|cells| !cells.is_empty()) {
            lacks.push(format!(
                "rows whose {column} lies in the future are read when that comes"
            ));
        }
    } else {
        lacks.push("rows that are changed later are seen only with `rescan`".to_owned());
    }
    if table.relation.has_row_security {
        lacks.push("row-level security holds for this role, and may hide some".to_owned());
    }
    let counted = match table.relation.rows {
        rows if rows < 0 => String::new(),
        rows => format!(", about {rows}"),
    };
    Ok(if lacks.is_empty() {
        point("rows", Standing::Ready, format!("{name} has rows{counted}"))
    } else {
        point(
            "rows",
            Standing::Limited,
            format!("{name} has rows{counted}; {}", lacks.join("; ")),
        )
    })
}

/// Whether an index finds the rows of a page. The planner reads a small table whole whatever there is, so
/// it is asked what it would do if it could not.
fn index(rows: &mut PostgresRows, table: &Table) -> Result<Point, PullError> {
    let place = query::cursor_columns(table).next();
    let window = Window {
        from: place
            .and(table.time)
            .map(|_| "2000-01-01 00:00:00+00".to_owned()),
        ..Window::default()
    };
    let page = query::page(table, &window, rows.settings.rows, rows.settings.most_value);
    let answers = rows.ask(
        &[query::plan(page)],
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;",
    )?;
    let scans = answers
        .first()
        .and_then(plan)
        .is_none_or(|plan| reads_everything(&plan));
    let name = table.relation.shown();
    if !scans {
        let detail = format!("an index of {name} serves the cursor");
        return Ok(point("index", Standing::Ready, detail));
    }
    let detail =
        format!("no index of {name} serves the cursor: each page reads and sorts all of it");
    let is_view = table.relation.kind == "v";
    let standing = if (0..SMALL).contains(&table.relation.rows) && !is_view {
        Standing::Ready
    } else {
        Standing::Limited
    };
    Ok(Point {
        advice: Some(if is_view {
            format!(
                "an index on the same columns of the table below: {}",
                query::index(table)
            )
        } else {
            query::index(table)
        }),
        ..point("index", standing, detail)
    })
}

/// The plan in the answer to `EXPLAIN (FORMAT JSON)`.
pub(super) fn plan(answer: &Answer) -> Option<Value> {
    let text = answer.rows.first()?.first()?.as_deref()?;
    let mut plan: Value = serde_json::from_str(text).ok()?;
    plan.get_mut(0)?.get_mut("Plan").map(Value::take)
}

/// Whether a plan reads a table from one end to the other, or sorts it.
pub(super) fn reads_everything(plan: &Value) -> bool {
    let node = plan
        .get("Node Type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let inner = plan.get("Plans").and_then(Value::as_array);
    matches!(node, "Seq Scan" | "Sort" | "Function Scan" | "Foreign Scan")
        || inner.is_some_and(|plans| plans.iter().any(reads_everything))
}
