//! A table or view as the database describes it, and what of it is read.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::hash;
use archal_core::pull::{PullError, PullErrorKind};

use super::identifiers::{TableName, quoted};
use super::mapping::{self, Field, SPAN, TRACE};
use super::settings::{Mode, Settings, Wanted};

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// Whole traces, as JSON in one column.
    Documents,
    /// Spans.
    Spans,
    /// Traces without their spans.
    Traces,
}

impl Holds {
    /// For cursors and messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Spans => "spans",
            Self::Traces => "traces",
        }
    }

    /// The option that maps its columns.
    pub(super) fn columns_option(self) -> &'static str {
        match self {
            Self::Spans => "spanColumns",
            Self::Documents | Self::Traces => "traceColumns",
        }
    }

    pub(super) fn table_option(self) -> &'static str {
        match self {
            Self::Spans => "spanTable",
            Self::Documents | Self::Traces => "traceTable",
        }
    }

    fn fields(self) -> &'static [Field] {
        match self {
            Self::Spans => SPAN,
            Self::Documents | Self::Traces => TRACE,
        }
    }
}

/// What a column holds, as far as reading it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    /// `timestamptz`.
    Zoned,
    /// `timestamp`.
    Plain,
    Number,
    Truth,
    /// Lists and rows, which are read as JSON.
    Composite,
    Bytes,
    Text,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type, for casts.
    pub(super) cast: String,
    pub(super) kind: Kind,
    pub(super) is_whole: bool,
    pub(super) may_be_null: bool,
    /// Whether its values may be of any length.
    pub(super) is_wide: bool,
}

/// What is known of a relation beside its columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Relation {
    pub(super) oid: String,
    pub(super) schema: String,
    pub(super) name: String,
    /// `r` a table, `p` a partitioned one, `v` a view, `m` a materialized one, `f` a foreign one.
    pub(super) kind: String,
    /// Rows as the planner believes; negative where nobody counted.
    pub(super) rows: i64,
    pub(super) has_row_security: bool,
    /// A table below a view that has row-level security; whether that holds for this role depends on
    /// whose rights the view reads with.
    pub(super) secured_below: Option<String>,
    pub(super) may_write: bool,
    pub(super) may_read: bool,
}

impl Relation {
    pub(super) fn qualified(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    pub(super) fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// A table or view that is read.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) holds: Holds,
    pub(super) relation: Relation,
    pub(super) columns: Vec<Column>,
    /// The column of each field, by place.
    pub(super) fields: BTreeMap<&'static str, usize>,
    /// The time that the cursor goes by; none where it goes by a growing number.
    pub(super) time: Option<usize>,
    /// What tells rows of one time apart, and what they are in order of.
    pub(super) key: Vec<usize>,
    /// The column of whole traces.
    pub(super) document: Option<usize>,
    /// The column whose value is said, and the value.
    pub(super) filter: Option<(usize, String)>,
    pub(super) zone: Option<String>,
    /// A hash of where it is and which of its rows are asked for.
    pub(super) within: String,
}

/// The statement that describes a relation, by its quoted name.
pub(super) const RELATION: &str = "
    SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::bigint::text,
        row_security_active(c.oid)::text,
        (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))::text,
        (has_any_column_privilege(c.oid, 'SELECT'))::text,
        (WITH RECURSIVE below (oid) AS (
            SELECT c.oid
            UNION SELECT d.refobjid FROM below b
                JOIN pg_catalog.pg_rewrite r ON r.ev_class = b.oid
                JOIN pg_catalog.pg_depend d ON d.objid = r.oid
                    AND d.classid = 'pg_catalog.pg_rewrite'::regclass
                    AND d.refclassid = 'pg_catalog.pg_class'::regclass)
        SELECT pg_catalog.min(t.oid::regclass::text) FROM below JOIN pg_catalog.pg_class t ON t.oid = below.oid
            WHERE c.relkind = 'v' AND t.relrowsecurity)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = pg_catalog.to_regclass($1::text) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// The statement that describes its columns, by its number.
pub(super) const COLUMNS: &str = "
    SELECT a.attname::text, pg_catalog.format_type(a.atttypid, -1), b.typname::text, b.typcategory::text,
        (b.typlen = -1)::text, (NOT a.attnotnull)::text,
        has_column_privilege(a.attrelid, a.attnum, 'SELECT')::text,
        (SELECT pg_catalog.array_position(i.indkey::int2[], a.attnum)::text FROM pg_catalog.pg_index i
            WHERE i.indrelid = a.attrelid AND i.indisprimary)
    FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    WHERE a.attrelid = $1::text::oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

/// The statement that names relations like one that there is not.
pub(super) const NEAR: &str = "
    SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN c.relname::text
        ELSE n.nspname::text || '.' || c.relname::text END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%'
        AND n.nspname <> 'information_schema' AND has_any_column_privilege(c.oid, 'SELECT')
    ORDER BY 1 LIMIT 200";

/// Cells of a row of an answer.
pub(super) type Cells = Vec<Option<String>>;

fn cell(cells: &Cells, place: usize) -> &str {
    cells
        .get(place)
        .and_then(Option::as_deref)
        .unwrap_or_default()
}

impl Relation {
    /// Of a row of [`RELATION`].
    pub(super) fn of(cells: &Cells) -> Self {
        Self {
            oid: cell(cells, 0).to_owned(),
            schema: cell(cells, 1).to_owned(),
            name: cell(cells, 2).to_owned(),
            kind: cell(cells, 3).to_owned(),
            rows: cell(cells, 4).parse().unwrap_or(-1),
            has_row_security: cell(cells, 5) == "true",
            may_write: cell(cells, 6) == "true",
            may_read: cell(cells, 7) == "true",
            secured_below: cells.get(8).cloned().flatten(),
        }
    }
}

/// A column and its place in the primary key.
fn column(cells: &Cells) -> Option<(Column, Option<i64>)> {
    let kind = match (cell(cells, 2), cell(cells, 3)) {
        ("json" | "jsonb", _) => Kind::Json,
        ("timestamptz", _) => Kind::Zoned,
        ("timestamp", _) => Kind::Plain,
        ("bytea", _) => Kind::Bytes,
        (_, "N") => Kind::Number,
        (_, "B") => Kind::Truth,
        (_, "A" | "C") => Kind::Composite,
        _ => Kind::Text,
    };
    let column = Column {
        name: cell(cells, 0).to_owned(),
        cast: cell(cells, 1).to_owned(),
        kind,
        is_whole: matches!(cell(cells, 2), "int2" | "int4" | "int8" | "numeric"),
        is_wide: cell(cells, 4) == "true",
        may_be_null: cell(cells, 5) == "true",
    };
    let is_readable = cell(cells, 6) == "true";
    is_readable.then(|| (column, cell(cells, 7).parse().ok()))
}

impl Table {
    /// Of what the database says of it.
    ///
    /// # Errors
    ///
    /// When a column that is needed is not there, or not of a kind that will do.
    pub(super) fn of(
        holds: Holds,
        wanted: &Wanted,
        settings: &Settings,
        relation: Relation,
        described: &[Cells],
    ) -> Result<Self, PullError> {
        let (columns, primary): (Vec<Column>, Vec<Option<i64>>) =
            described.iter().filter_map(column).unzip();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let shown = relation.shown();
        let (fields, missing) = mapping::places(holds.fields(), &wanted.columns, &names);
        if let Some((field, column)) = missing.first() {
            return Err(PullError::new(
                PullErrorKind::Missing,
                format!("{shown} has no column `{column}` that could be read, which was said to be `{field}`"),
            )
            .advice(format!("its columns are {}", listed(&names))));
        }
        let named = |column: &str| names.iter().position(|name| name == column);
        let lacks = |column: &str, option: &str| {
            PullError::new(
                PullErrorKind::Missing,
                format!(
                    "{shown} has no column `{column}` that could be read, which `{option}` names"
                ),
            )
            .advice(format!("its columns are {}", listed(&names)))
        };
        let document = match (&settings.document, holds) {
            (Some(column), Holds::Documents) => {
                Some(named(column).ok_or_else(|| lacks(column, "documentColumn"))?)
            }
            _ => None,
        };
        let filter = match &settings.filter {
            Some((column, value)) => {
                let place = named(column).ok_or_else(|| lacks(column, "filterColumn"))?;
                Some((place, value.clone()))
            }
            None => None,
        };
        let mut table = Self {
            holds,
            relation,
            columns,
            fields,
            time: None,
            key: Vec::new(),
            document,
            filter,
            zone: settings.zone.clone(),
            within: hash::short(&format!(
                "{}\0{:?}",
                settings.address.database(),
                settings.filter
            )),
        };
        let needed: &[&str] = match holds {
            Holds::Spans => &["id", "traceId"],
            Holds::Traces => &["id"],
            Holds::Documents => &[],
        };
        for field in needed {
            table.field(field).ok_or_else(|| table.unmapped(field))?;
        }
        table.choose_cursor(settings.mode, &primary)?;
        table.check_zones()?;
        Ok(table)
    }

    /// The place of a field's column.
    pub(super) fn field(&self, name: &str) -> Option<usize> {
        self.fields.get(name).copied()
    }

    /// Places of columns that no field has and that are no cursor.
    pub(super) fn others(&self) -> Vec<usize> {
        let taken: BTreeSet<usize> = self
            .fields
            .values()
            .chain(&self.key)
            .chain(&self.time)
            .chain(&self.document)
            .copied()
            .collect();
        (0..self.columns.len())
            .filter(|place| !taken.contains(place))
            .collect()
    }

    /// What a cursor of this table belongs to: with another table or key, in another database, or of other
    /// rows of it, it means nothing.
    pub(super) fn fingerprint(&self) -> String {
        let names: Vec<&str> = self
            .time
            .iter()
            .chain(&self.key)
            .map(|place| self.columns[*place].name.as_str())
            .collect();
        let shown = self.relation.shown();
        format!("{shown} by {} in {}", names.join(", "), self.within)
    }

    fn unmapped(&self, field: &str) -> PullError {
        let names: Vec<String> = self.columns.iter().map(|one| one.name.clone()).collect();
        let option = self.holds.columns_option();
        PullError::new(
            PullErrorKind::Missing,
            format!(
                "no column of {} is known as the `{field}` of {}; it has {}",
                self.relation.shown(),
                self.holds.name(),
                listed(&names)
            ),
        )
        .advice(format!("--option {option}={field}=COLUMN"))
    }

    fn choose_cursor(&mut self, mode: Mode, primary: &[Option<i64>]) -> Result<(), PullError> {
        let mut key: Vec<(i64, usize)> = primary
            .iter()
            .enumerate()
            .filter_map(|(place, position)| Some(((*position)?, place)))
            .collect();
        key.sort_unstable();
        let key: Vec<usize> = key.into_iter().map(|(_, place)| place).collect();
        let said = self.field("cursor");
        if mode == Mode::Growing {
            let only = said.or(match key.as_slice() {
                [only] => Some(*only),
                _ => self.field("id"),
            });
            let place = only.ok_or_else(|| self.unmapped("cursor"))?;
            let column = &self.columns[place];
            if !column.is_whole {
                return Err(PullError::new(
                    PullErrorKind::Options,
                    format!(
                        "`cursorMode=id` needs a number that grows, and {} of {} is {}",
                        column.name,
                        self.relation.shown(),
                        column.cast
                    ),
                )
                .advice(format!(
                    "--option {}=cursor=COLUMN, or another `cursorMode`",
                    self.holds.columns_option()
                )));
            }
            self.key = vec![place];
            return Ok(());
        }
        let field = if mode == Mode::Created {
            "createdAt"
        } else {
            "updatedAt"
        };
        let time = said
            .or_else(|| self.field(field))
            .ok_or_else(|| self.unmapped(field))?;
        let column = &self.columns[time];
        if !matches!(column.kind, Kind::Zoned | Kind::Plain) {
            return Err(PullError::new(
                PullErrorKind::Options,
                format!(
                    "the cursor goes by a timestamp, and {} of {} is {}",
                    column.name,
                    self.relation.shown(),
                    column.cast
                ),
            )
            .advice("--option cursorMode=id, or a view that casts it"));
        }
        self.time = Some(time);
        let ids = ["traceId", "id"]
            .into_iter()
            .filter_map(|name| self.field(name));
        self.key = if key.is_empty() { ids.collect() } else { key };
        self.key.retain(|place| *place != time);
        if self.key.is_empty() {
            return Err(self.unmapped("id"));
        }
        Ok(())
    }

    /// Times without a zone mean nothing until somebody says which.
    fn check_zones(&self) -> Result<(), PullError> {
        let times = ["startedAt", "endedAt"]
            .into_iter()
            .filter_map(|name| self.field(name));
        let plain: Vec<&str> = times
            .chain(self.time)
            .map(|place| &self.columns[place])
            .filter(|column| column.kind == Kind::Plain)
            .map(|column| column.name.as_str())
            .collect();
        if plain.is_empty() || self.zone.is_some() {
            return Ok(());
        }
        Err(PullError::new(
            PullErrorKind::Options,
            format!(
                "{} has times without a zone: {}",
                self.relation.shown(),
                plain.join(", ")
            ),
        )
        .advice("say which they are in: --option zone=UTC"))
    }
}

/// A table that is not there.
pub(super) fn no_table(holds: Holds, name: &TableName, near: &[String]) -> PullError {
    let option = holds.table_option();
    let message = format!("there is no table or view {} for this role", name.shown());
    let advice = match archal_core::diagnostic::nearest(&name.name, near.iter().map(String::as_str))
    {
        Some(near) => format!("--option {option}={near}"),
        None if near.is_empty() => "this role may read no table at all: GRANT SELECT".to_owned(),
        None => format!("--option {option}=NAME; there are {}", listed(near)),
    };
    PullError::new(PullErrorKind::Missing, message).advice(advice)
}

/// Names for messages, not all of a hundred.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 24;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(|name| {
            name.chars()
                .flat_map(char::escape_debug)
                .collect::<String>()
        })
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(", …");
    }
    text
}
