//! The statements. Names are quoted, values are parameters; what stands in a statement otherwise are
//! numbers of archal's own and types as the database names them.

use super::identifiers::quoted;
use super::schema::{Column, Kind, Table};

/// A statement and its parameters, all of them text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<String>,
}

impl Statement {
    fn parameter(&mut self, value: impl Into<String>) -> usize {
        self.parameters.push(value.into());
        self.parameters.len()
    }
}

/// Which rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// From this time on, as the database wrote it.
    pub(super) from: Option<String>,
    /// Behind this place: a time, where the cursor has one, and a key.
    pub(super) behind: Option<(Option<String>, Vec<String>)>,
    /// Up to this time.
    pub(super) until: Option<String>,
}

/// What a page has in front of its cells: the time of the cursor, if any, and the key.
pub(super) fn cursor_columns(table: &Table) -> impl Iterator<Item = usize> + '_ {
    table.time.into_iter().chain(table.key.iter().copied())
}

/// The rows of a window in their order, with cells as [`super::row`] reads them. The last cell
/// names, by place, the values that are larger than `most`.
pub(super) fn page(table: &Table, window: &Window, rows: u32, most: u64) -> Statement {
    let mut statement = Statement {
        text: String::new(),
        parameters: Vec::new(),
    };
    let conditions = conditions(&mut statement, table, window);
    statement.text = wrapped(table, &conditions, &order(table, ""), rows, most);
    statement
}

/// The newest rows.
pub(super) fn newest(table: &Table, rows: u32, most: u64) -> Statement {
    let mut statement = Statement {
        text: String::new(),
        parameters: Vec::new(),
    };
    let conditions = conditions(&mut statement, table, &Window::default());
    statement.text = wrapped(table, &conditions, &order(table, " DESC"), rows, most);
    statement
}

/// The rows of a window, without the cells and the end, for the planner to estimate.
pub(super) fn counted(table: &Table, window: &Window) -> Statement {
    let mut statement = Statement {
        text: String::new(),
        parameters: Vec::new(),
    };
    let conditions = conditions(&mut statement, table, window);
    statement.text = format!(
        "EXPLAIN (FORMAT JSON) SELECT 1 FROM {}{conditions}",
        table.relation.qualified()
    );
    statement
}

/// How the planner would read a page.
pub(super) fn plan(page: Statement) -> Statement {
    Statement {
        text: format!("EXPLAIN (FORMAT JSON) {}", page.text),
        parameters: page.parameters,
    }
}

/// The index that a cursor wants.
pub(super) fn index(table: &Table) -> String {
    format!(
        "CREATE INDEX CONCURRENTLY ON {} ({})",
        table.relation.qualified(),
        order(table, "")
    )
}

/// The server's clock, and where a window begins: `overlap` seconds before a time that the database
/// wrote, or at a time as archal writes it.
pub(super) fn window_ends(
    table: &Table,
    before: Option<&str>,
    overlap: f64,
    at: Option<&str>,
) -> Statement {
    let mut statement = Statement {
        text: String::new(),
        parameters: Vec::new(),
    };
    let column = table.time.map(|time| &table.columns[time]);
    let is_plain = column.is_some_and(|column| column.kind == Kind::Plain);
    let here = |expression: &str| match (&table.zone, is_plain) {
        (Some(zone), true) => format!("({expression} AT TIME ZONE '{zone}')"),
        _ => expression.to_owned(),
    };
    let mut begin = vec!["NULL".to_owned()];
    if let Some(before) = before {
        let cast = if is_plain { "timestamp" } else { "timestamptz" };
        let (before, overlap) = (
            statement.parameter(before),
            statement.parameter(format!("{overlap} seconds")),
        );
        begin = vec![format!(
            "${before}::text::{cast} - ${overlap}::text::interval"
        )];
    } else if let Some(at) = at {
        let at = statement.parameter(at);
        begin = vec![here(&format!("${at}::text::timestamptz"))];
    }
    statement.text = format!(
        "SELECT {}::text, ({})::text, pg_catalog.clock_timestamp()::text",
        here("pg_catalog.clock_timestamp()"),
        begin.concat()
    );
    statement
}

/// The smallest growing number whose row is not older than a time, by the column of `field`.
pub(super) fn first_since(table: &Table, time: usize, since: &str) -> Statement {
    let mut statement = Statement {
        text: String::new(),
        parameters: Vec::new(),
    };
    let at = statement.parameter(since);
    let key = table
        .key
        .first()
        .map_or_else(String::new, |place| quoted(&table.columns[*place].name));
    statement.text = format!(
        "SELECT (pg_catalog.min({key}) - 1)::text FROM {} WHERE {} >= ${at}::text::timestamptz",
        table.relation.qualified(),
        zoned(table, &table.columns[time]),
    );
    statement
}

/// A time with its zone.
fn zoned(table: &Table, column: &Column) -> String {
    let name = quoted(&column.name);
    match (&table.zone, column.kind) {
        (Some(zone), Kind::Plain) => format!("({name} AT TIME ZONE '{zone}')"),
        _ => name,
    }
}

fn wrapped(table: &Table, conditions: &str, order: &str, rows: u32, most: u64) -> String {
    let mut inner = Vec::new();
    let mut outer = Vec::new();
    for (place, column) in cursor_columns(table).enumerate() {
        let name = quoted(&table.columns[column].name);
        inner.push(format!("{name}::text AS k{place}"));
        outer.push(format!("k{place}"));
    }
    let mut large = vec!["','".to_owned()];
    for (place, column) in table.columns.iter().enumerate() {
        inner.push(format!("{} AS c{place}", value(table, column)));
        if column.is_wide {
            // The rows of the inner query are limited first, so each value is written out once.
            outer.push(format!(
                "CASE WHEN pg_catalog.octet_length(c{place}) <= {most} THEN c{place} END"
            ));
            large.push(format!(
                "CASE WHEN pg_catalog.octet_length(c{place}) > {most} THEN '{place}' END"
            ));
        } else {
            outer.push(format!("c{place}"));
        }
    }
    outer.push(if large.len() > 1 {
        format!("pg_catalog.concat_ws({})", large.join(", "))
    } else {
        "''".to_owned()
    });
    format!(
        "SELECT {} FROM (SELECT {} FROM {}{conditions} ORDER BY {order} LIMIT {rows}) AS page",
        outer.join(", "),
        inner.join(", "),
        table.relation.qualified(),
    )
}

/// A column as text.
fn value(table: &Table, column: &Column) -> String {
    let name = quoted(&column.name);
    match column.kind {
        Kind::Plain => format!("{}::text", zoned(table, column)),
        Kind::Composite => format!("pg_catalog.to_json({name})::text"),
        Kind::Bytes => format!("pg_catalog.encode({name}, 'hex')"),
        _ => format!("{name}::text"),
    }
}

fn order(table: &Table, direction: &str) -> String {
    let names: Vec<String> = cursor_columns(table)
        .map(|place| format!("{}{direction}", quoted(&table.columns[place].name)))
        .collect();
    names.join(", ")
}

fn conditions(statement: &mut Statement, table: &Table, window: &Window) -> String {
    let mut all = Vec::new();
    let name = |place: usize| quoted(&table.columns[place].name);
    let cast = |place: usize| &table.columns[place].cast;
    if let (Some(time), Some(from)) = (table.time, &window.from) {
        let at = statement.parameter(from);
        all.push(format!("{} >= ${at}::text::{}", name(time), cast(time)));
    }
    if let Some((at, key)) = &window.behind {
        let times = table.time.iter().zip(at.iter());
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (place, said) in times.chain(table.key.iter().zip(key)) {
            let number = statement.parameter(said);
            names.push(name(*place));
            values.push(format!("${number}::text::{}", cast(*place)));
        }
        all.push(format!("({}) > ({})", names.join(", "), values.join(", ")));
    }
    if let (Some(time), Some(until)) = (table.time, &window.until) {
        let at = statement.parameter(until);
        all.push(format!("{} <= ${at}::text::{}", name(time), cast(time)));
    }
    if let Some((place, said)) = &table.filter {
        let at = statement.parameter(said);
        all.push(format!("{} = ${at}::text::{}", name(*place), cast(*place)));
    }
    for place in cursor_columns(table).filter(|place| table.columns[*place].may_be_null) {
        // A row without a key has no place in any order.
        all.push(format!("{} IS NOT NULL", name(place)));
    }
    if all.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", all.join(" AND "))
    }
}
