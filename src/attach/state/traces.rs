//! Which trace has which name in paths and commands.

use archal_core::trace::TraceIdentity;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A trace that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTrace {
    /// Its row.
    pub id: i64,
    /// What makes it this trace.
    pub identity: TraceIdentity,
    /// Its `<trace>`.
    pub name: String,
}

/// The trace's row and name, made on first sight.
///
/// The name is the trace id where it is safe and nobody has it, compared without case; else the
/// hashed one, numbered where even that is taken. It stays, whoever comes later.
pub fn known(connection: &Connection, identity: &TraceIdentity) -> rusqlite::Result<KnownTrace> {
    if let Some(trace) = find(connection, identity)? {
        return Ok(trace);
    }
    let is_free = |name: &str| -> rusqlite::Result<bool> {
        let taken: Option<i64> = connection
            .prepare_cached("SELECT id FROM traces WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(taken.is_none())
    };
    let mut name = identity.path_name();
    if !is_free(&name)? {
        let hashed = identity.hashed_name();
        name.clone_from(&hashed);
        let mut number = 2;
        while !is_free(&name)? {
            name = format!("{hashed}-{number}");
            number += 1;
        }
    }
    let id = connection
        .prepare_cached(
            "INSERT INTO traces (source, project, trace, name) VALUES (?1, ?2, ?3, ?4)",
        )?
        .insert(params![
            identity.source,
            identity.project,
            identity.trace,
            name
        ])?;
    Ok(KnownTrace {
        id,
        identity: identity.clone(),
        name,
    })
}

fn find(connection: &Connection, identity: &TraceIdentity) -> rusqlite::Result<Option<KnownTrace>> {
    connection
        .prepare_cached(
            "SELECT id, source, project, trace, name FROM traces
             WHERE trace = ?3 AND source = ?1 AND project = ?2",
        )?
        .query_row(
            params![identity.source, identity.project, identity.trace],
            of_row,
        )
        .optional()
}

/// The traces a person may mean by `asked`: the one of that name, else all with that id.
pub fn meant(connection: &Connection, asked: &str) -> rusqlite::Result<Vec<KnownTrace>> {
    let list = |condition: &str| -> rusqlite::Result<Vec<KnownTrace>> {
        connection
            .prepare_cached(&format!(
                "SELECT id, source, project, trace, name FROM traces WHERE {condition} ORDER BY id"
            ))?
            .query_map([asked], of_row)?
            .collect()
    };
    let by_id = list("trace = ?1")?;
    // A name that is also the id of another trace is ambiguous, and said to be.
    let mut found = list("name = ?1")?;
    for trace in by_id {
        if !found.contains(&trace) {
            found.push(trace);
        }
    }
    Ok(found)
}

/// Names of traces, the newest first, at most `most`.
pub fn names(connection: &Connection, most: usize) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT name FROM traces ORDER BY id DESC LIMIT ?1")?
        .query_map([most], |row| row.get(0))?
        .collect()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<KnownTrace> {
    Ok(KnownTrace {
        id: row.get(0)?,
        identity: TraceIdentity {
            source: row.get(1)?,
            project: row.get(2)?,
            trace: row.get(3)?,
        },
        name: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::attach::state::State;
    use crate::store::layout::Layout;

    /// The names that traces of these (source, id) get, in this order of arrival.
    fn named(all: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, false).expect("opened").state;
        let known = |(source, trace): &(&str, &str)| {
            let identity = TraceIdentity {
                source: (*source).to_owned(),
                project: String::new(),
                trace: (*trace).to_owned(),
            };
            let first = state.write(|change| known(change, &identity));
            let again = state.write(|change| known(change, &identity));
            let first = first.expect("named");
            assert_eq!(again.expect("known"), first);
            first.name
        };
        all.iter().map(known).collect()
    }

    #[test]
    fn a_safe_id_that_nobody_has_names_itself_and_no_two_differ_in_case_only() {
        let names = named(&[
            ("file", "t-1"),
            ("file", "t-2"),
            ("prod", "t-1"),
            ("file", "T-1"),
            ("file", "../t1"),
            ("file", "t-2.json"),
        ]);
        assert_eq!(names[..2], ["t-1", "t-2"]);
        let distinct: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        let is_safe = |name: &String| !name.contains('/') && !name.ends_with(".json");
        assert!(names.iter().all(is_safe), "{names:?}");
    }

    #[test]
    fn an_id_made_to_equal_a_hashed_name_does_not_take_its_place() {
        let victim = named(&[("file", "a/b")]).remove(0);
        for all in [
            [("file", "a/b"), ("file", victim.as_str())],
            [("file", victim.as_str()), ("file", "a/b")],
        ] {
            let names = named(&all);
            assert_ne!(names[0].to_lowercase(), names[1].to_lowercase());
        }
    }
}
