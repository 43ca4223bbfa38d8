//! The `postgres` and `supabase` sources: traces in tables or views of PostgreSQL.
//!
//! - `address`: the connection string, read by archal first: who is asked, and that it is encrypted.
//! - `tls`: whom to trust; `pass_file`: passwords that lie in `~/.pgpass`.
//! - `session`: one connection, read-only transactions, and what their errors mean.
//! - `settings`: what was said of the source.
//! - `identifiers`: names of tables and columns, quoted.
//! - `mapping`: which column is which field of a trace or span.
//! - `schema`: the tables as the database describes them.
//! - `query`: the statements.
//! - `cursor`: where a pass is, and where the next one begins.
//! - `row`: cells to rows; `assemble`: rows to traces.
//! - `rows`: the source at work; `check`: what is ready.
//!
//! Every statement goes without a name and in a transaction of its own, so that a pooler may give
//! each to another connection.

mod address;
mod assemble;
mod check;
mod cursor;
mod identifiers;
mod mapping;
mod pass_file;
mod query;
mod row;
mod rows;
mod schema;
mod session;
mod settings;
mod tls;

#[cfg(test)]
mod real;

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Asking, INTERVAL, KEEP, Opened, PullError, PullSource, SETTLE, Said};
use archal_core::push::Kept;
use archal_core::reach::{self, Reach};
use archal_core::source::{DecodedTrace, OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;

/// `postgres` as the catalogue lists it.
pub const POSTGRES: SourceDescriptor = SourceDescriptor {
    name: "postgres",
    about: "tables or views in PostgreSQL, read only",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: OPTIONS,
    files: None,
    pull: Some(PullSource {
        open,
        hosts,
        reach: REACH,
        asks: &[],
        scores: None,
    }),
    push: None,
};

/// `supabase` as the catalogue lists it: the same, with what is Supabase's own in its advice.
pub const SUPABASE: SourceDescriptor = SourceDescriptor {
    name: "supabase",
    about: "tables or views in Supabase, read only",
    ..POSTGRES
};

const fn option(name: &'static str, about: &'static str, kind: OptionKind) -> OptionInfo {
    OptionInfo {
        name,
        about,
        kind,
        default: None,
        is_required: false,
    }
}

const fn with_default(option: OptionInfo, default: &'static str) -> OptionInfo {
    OptionInfo {
        default: Some(default),
        ..option
    }
}

const OPTIONS: &[OptionInfo] = &[
    with_default(
        option(
            "cursorMode",
            "how new rows are found: by the time of their last change, of their making, or by a growing number",
            OptionKind::Choice(&["created_at_id", "id", "updated_at_id"]),
        ),
        "updated_at_id",
    ),
    option(
        "documentColumn",
        "the column of `traceTable` that holds whole traces as JSON",
        OptionKind::Text,
    ),
    option(
        "filterColumn",
        "only rows with `filterValue` in this column are read",
        OptionKind::Text,
    ),
    option(
        "filterValue",
        "what `filterColumn` has to be",
        OptionKind::Text,
    ),
    INTERVAL,
    KEEP,
    with_default(
        option(
            "maxValue",
            "the largest value that is read; a larger one counts as cut",
            OptionKind::Size,
        ),
        "16MiB",
    ),
    with_default(
        option(
            "overlap",
            "how far back each pass begins: the longest transaction that writes traces",
            OptionKind::Duration,
        ),
        "5m",
    ),
    with_default(
        option(
            "pageRows",
            "rows that are asked for at a time",
            OptionKind::Number {
                least: 1,
                most: 10_000,
            },
        ),
        "1000",
    ),
    option(
        "passFile",
        "the file with passwords of servers; where PGPASSFILE says, else `~/.pgpass`, where nobody says",
        OptionKind::UsualPath {
            variable: "PGPASSFILE",
            in_home: ".pgpass",
        },
    ),
    option(
        "passwordEnv",
        "the variable with the password, where the connection string has none: `PGPASSWORD`",
        OptionKind::Variable,
    ),
    option(
        "rescan",
        "how often everything is read again, for rows whose times were set wrong; never where nobody says",
        OptionKind::Duration,
    ),
    option(
        "rootCert",
        "the file with the certificates of who may vouch for the server; the system's where nobody says",
        OptionKind::Path,
    ),
    SETTLE,
    option(
        "spanColumns",
        "which column of the spans is what, where it is not told by its name: `id=span_id,input=payload`",
        OptionKind::Text,
    ),
    option(
        "spanTable",
        "the table or view of spans: `ai_spans` where nobody says, `off` for none",
        OptionKind::Text,
    ),
    option(
        "spansFrom",
        "where to begin with spans: a time, or a time and an id (`2026-01-01T00:00:00Z,42`)",
        OptionKind::Text,
    ),
    with_default(
        option(
            "statementTimeout",
            "how long one statement may take",
            OptionKind::Duration,
        ),
        "30s",
    ),
    option(
        "traceColumns",
        "which column of the traces is what, where it is not told by its name: `id=run_id,input=question`",
        OptionKind::Text,
    ),
    option(
        "traceTable",
        "the table or view of traces: `ai_traces` where nobody says, `off` for none",
        OptionKind::Text,
    ),
    option(
        "tracesFrom",
        "where to begin with traces: a time, or a time and an id",
        OptionKind::Text,
    ),
    OptionInfo {
        is_required: true,
        ..option(
            "urlEnv",
            "the variable with the connection string, `postgresql://…`",
            OptionKind::Variable,
        )
    },
    option(
        "zone",
        "the time zone of columns without one: `UTC`, `Europe/Berlin`",
        OptionKind::Text,
    ),
];

fn open(asking: Asking) -> Result<Opened, PullError> {
    rows::PostgresRows::open(asking).map(|rows| Opened::Rows(Box::new(rows)))
}

/// Any variable may hold the way to a database, and any database may be read: nothing of it is usual.
const REACH: Reach = Reach {
    options: &["passFile", "passwordEnv", "rootCert", "urlEnv"],
    is_usual: |_| false,
    told: |named| {
        let mut told = format!(
            "reads the database that {} names",
            reach::text(named, "urlEnv")
        );
        let password = reach::listed(named, &["passwordEnv", "passFile"]);
        if !password.is_empty() {
            told += &format!(", with the password in {password}");
        }
        let vouches = reach::text(named, "rootCert");
        if !vouches.is_empty() {
            told += &format!(", and trusts who {vouches} vouches for");
        }
        told
    },
};

/// Puts the rows of one trace together as they were kept; none where none can be read.
pub fn assemble_rows(
    trace: &str,
    kept: Kept,
    findings: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    assemble::assemble(trace, kept, findings)
}

/// The server that the connection string names. One that is reached by a socket of this machine is no host.
fn hosts(said: &Said) -> Vec<String> {
    let address = said
        .secret("urlEnv")
        .and_then(|url| address::Address::parse(url, None).ok());
    let address = address.filter(|address| address.host().is_some());
    address.iter().map(address::Address::server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_told_and_nothing_else_of_the_connection_string() {
        let of = |url| hosts(&settings::tests::said(url, &[]));
        assert_eq!(
            of("postgres://someone:hunter2@db.example.com:6543/x?sslmode=require"),
            ["db.example.com:6543"]
        );
        assert_eq!(of("host=/run/postgresql user=u"), [""; 0]);
        assert_eq!(of("hunter2"), [""; 0]);
        assert_eq!(hosts(&Said::default()), [""; 0]);
    }
}
