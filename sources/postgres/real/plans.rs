//! Whether the index is used: by the planner as it is, over a table that is too large to be read whole.

use archal_core::pull::{Rows as _, Standing};
use serde_json::Value;

use super::open;
use super::server::Database;
use crate::postgres::check::{plan, reads_everything};
use crate::postgres::cursor::{Cursor, Place};
use crate::postgres::query;

#[test]
fn every_page_of_a_large_table_comes_from_its_index() {
    let mut database = Database::new(
        "CREATE UNLOGGED TABLE ai_spans (id bigint PRIMARY KEY, trace_id text, name text, updated_at timestamptz NOT NULL);
         INSERT INTO ai_spans SELECT n, 't' || n / 10, 'x', timestamptz '2026-01-01Z' + n / 3 * interval '1 second'
         FROM generate_series(1, 200000) AS n;
         CREATE INDEX by_time ON ai_spans (updated_at, id);
         ANALYZE ai_spans",
    );
    for mode in ["updated_at_id", "id"] {
        let mut source = open(
            &database.url,
            &[("traceTable", "off"), ("cursorMode", mode)],
        );
        let page = source.page(&Value::Null).expect("a page");
        let mut state = Cursor::read(&page.cursor)
            .tables
            .remove("spans")
            .expect("a table");
        let middle = Place {
            at: state
                .place
                .as_ref()
                .and_then(|place| place.at.as_ref())
                .map(|_| "2026-01-01 09:15:33+00".to_owned()),
            key: vec!["100001".to_owned()],
        };
        for place in [None, state.place.clone(), Some(middle)] {
            if place.is_none() && mode == "updated_at_id" {
                state.from = Some("2026-01-01 00:00:00+00".to_owned());
            }
            state.place = place;
            let tables = source.tables().expect("tables");
            let statement = query::plan(query::page(&tables[0], &state.window(), 1000, 1 << 20));
            let answers = source.ask(&[statement], "").expect("a plan");
            let plan = plan(&answers[0]).expect("a plan");
            assert!(!reads_everything(&plan), "{mode}: {plan:#}");
            let index = if mode == "id" {
                "ai_spans_pkey"
            } else {
                "by_time"
            };
            assert!(plan.to_string().contains(index), "{mode}: {plan:#}");
        }
        assert!(
            source
                .check()
                .iter()
                .any(|point| point.name == "index" && point.standing == Standing::Ready)
        );
        let estimate = source
            .estimate(&Value::Null)
            .expect("an estimate")
            .expect("rows");
        assert!(
            estimate
                .rows
                .is_some_and(|rows| (150_000..250_000).contains(&rows)),
            "{estimate:?}"
        );
    }
    database.owner.run("DROP INDEX by_time");
    let mut source = open(&database.url, &[("traceTable", "off")]);
    let points = source.check();
    let index = points
        .iter()
        .find(|point| point.name == "index")
        .expect("a point");
    assert_eq!(index.standing, Standing::Limited);
    let advice = index.advice.as_deref().unwrap_or_default();
    assert_eq!(
        advice,
        "CREATE INDEX CONCURRENTLY ON \"public\".\"ai_spans\" (\"updated_at\", \"id\")"
    );
    database.owner.run(&advice.replace("CONCURRENTLY ", ""));
    assert!(
        source
            .check()
            .iter()
            .any(|point| point.name == "index" && point.standing == Standing::Ready)
    );
}
