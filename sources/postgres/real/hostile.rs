//! Rows, views and servers that mean no good.

use archal_core::pull::{PullErrorKind, Rows as _};
use archal_core::push::Kept;
use serde_json::json;

use super::reading::USUAL;
use super::server::Database;
use super::{Store, open};

#[test]
fn large_values_cost_pages_and_no_memory_and_larger_ones_are_cut() {
    let mut database = Database::new(USUAL);
    database.owner.run(
        "INSERT INTO ai_spans (trace_id, tool_name, input) SELECT 't', 'x',
            to_jsonb(repeat('0123456789', 500000 + n)) FROM generate_series(1, 20) AS n;
         INSERT INTO ai_spans (id, trace_id, tool_name, input, customer) VALUES
            (999, 't', 'x', to_jsonb(repeat('x', 30000000)), repeat('y', 30000000))",
    );
    let mut source = open(&database.url, &[]);
    let mut store = Store::default();
    let (mut most, mut is_last) = (0, false);
    while !is_last {
        let page = source.page(&store.cursor).expect("a page");
        most = most.max(page.bytes);
        is_last = store.take(page);
    }
    assert!(store.pages >= 4, "{} pages", store.pages);
    assert!(most < 40 << 20, "{most} bytes in a page");
    assert_eq!(store.rows.len(), 21);
    assert!(store.came.values().all(|times| *times == 1));
    let trace = store.trace(&source, "t").trace;
    assert_eq!(trace.completeness.dropped, 1);
    let place = trace
        .spans
        .iter()
        .position(|span| span.id == "999")
        .expect("the span");
    assert_eq!(
        trace.completeness.truncated,
        [format!("spans[{place}].input")]
    );
    let input = |span: &archal_core::trace::Span| {
        span.tool.as_ref().and_then(|tool| tool.arguments.clone())
    };
    let texts: Vec<_> = trace.spans.iter().filter_map(input).collect();
    assert_eq!(texts.len(), 20);
}

#[test]
fn ids_and_texts_of_any_kind_cost_no_more_than_themselves() {
    let mut database = Database::new(
        "CREATE TABLE ai_spans (id text, trace_id text, name text, attributes text, status text, started_at text, cost numeric,
            updated_at timestamptz DEFAULT now())",
    );
    database.owner.run(
        r#"INSERT INTO ai_spans VALUES
        ('../../etc/passwd', '../../../root', 'a', '{"a": [1, ', 'failed', 'yesterday', 'NaN'),
        ('''; DROP TABLE ai_spans; --', '../../../root', E'\u0001\u001b[31m', '[[[[', '2', '2026-01-01', 1e300),
        ('dup', '../../../root', 'one', NULL, NULL, NULL, NULL), ('dup', '../../../root', 'two', NULL, NULL, NULL, NULL),
        ('', '../../../root', 'no id', NULL, NULL, NULL, NULL), (NULL, '../../../root', 'null id', NULL, NULL, NULL, NULL),
        ('x', NULL, 'no trace', NULL, NULL, NULL, NULL), ('x', '', 'empty trace', NULL, NULL, NULL, NULL)"#,
    );
    database.owner.run("INSERT INTO ai_spans VALUES (repeat('k', 5000000), '../../../root', 'large key'), ('ok', repeat('t', 5000000), 'large trace')");
    database.owner.run(&format!(
        "INSERT INTO ai_spans (id, trace_id, attributes) VALUES ('deep', '../../../root', '{}')",
        "[".repeat(100_000)
    ));
    database.owner.run(
        "INSERT INTO ai_spans (id, trace_id, updated_at) VALUES ('past', 't', '0001-01-01 BC'), ('old', 't', '-infinity'),
            ('far', 't', 'infinity'), ('ahead', 't', now() + interval '1 hour'), ('never', 't', NULL)",
    );
    let options = [("traceTable", "off"), ("pageRows", "3")];
    let mut source = open(&database.url, &options);
    let mut store = Store::default();
    store.pass(&mut source);
    let bad = store
        .findings
        .iter()
        .filter(|finding| finding.message.contains("has no id"))
        .count();
    assert_eq!(bad, 4, "{:?}", store.findings);
    assert!(
        store
            .findings
            .iter()
            .all(|finding| finding.message.len() < 400)
    );
    let trace = store.trace(&source, "../../../root").trace;
    let ids: Vec<&str> = trace.spans.iter().map(|span| span.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "'; DROP TABLE ai_spans; --",
            "../../etc/passwd",
            "deep",
            "dup"
        ]
    );
    let read: Vec<&str> = store
        .rows
        .keys()
        .filter(|(trace, _)| trace == "t")
        .map(|(_, id)| id.as_str())
        .collect();
    assert_eq!(read, ["s:old", "s:past"]);
    let detail = source
        .check()
        .into_iter()
        .find(|point| point.name == "rows")
        .expect("a point")
        .detail;
    for word in ["future", "without \"updated_at\""] {
        assert!(detail.contains(word), "{detail}");
    }
}

#[test]
fn bodies_that_archal_did_not_write_are_lost_and_counted() {
    let database = Database::new(USUAL);
    let source = open(&database.url, &[]);
    let of = |bodies: Vec<serde_json::Value>| {
        let spans = bodies
            .into_iter()
            .map(|body| archal_core::push::KeptSpan { shared: None, body });
        let kept = Kept {
            spans: spans.collect(),
            ..Kept::default()
        };
        source.assemble("t", kept, &mut Vec::new())
    };
    assert_eq!(
        of(vec![json!(7), json!({"row": "x"}), json!({"row": "spans"})]),
        None
    );
    let span = json!({"row": "spans", "fields": {"id": "s", "tags": 3, "events": [1, {"name": "e"}], "cost": [], "durationMs": -1}, "cut": 3});
    let trace = of(vec![json!(7), span]).expect("a trace").trace;
    assert_eq!((trace.spans.len(), trace.completeness.dropped), (1, 1));
}

#[test]
fn a_statement_that_takes_too_long_is_tried_with_fewer_rows_and_then_told() {
    let mut database = Database::new(
        "CREATE FUNCTION nap(ms float8) RETURNS text LANGUAGE plpgsql STABLE COST 10000
            AS $$ BEGIN PERFORM pg_sleep(ms / 1000); RETURN 'x'; END $$;
         CREATE TABLE slow (id int PRIMARY KEY, ms float8, updated_at timestamptz DEFAULT now());
         CREATE VIEW ai_spans AS SELECT id, 't' AS trace_id, nap(ms) AS name, updated_at FROM slow;
         CREATE INDEX ON slow (updated_at, id);
         INSERT INTO slow SELECT n, 4 FROM generate_series(1, 100) AS n; ANALYZE slow",
    );
    let options = [("traceTable", "off"), ("statementTimeout", "200")];
    let mut store = Store::default();
    store.pass(&mut open(&database.url, &options));
    assert_eq!(store.rows.len(), 100);
    database
        .owner
        .run("UPDATE slow SET ms = 10000, updated_at = now()");
    let error = open(&database.url, &options)
        .page(&store.cursor)
        .expect_err("too slow");
    assert_eq!(error.kind, PullErrorKind::Answer);
    assert!(error.message.contains("statementTimeout"), "{error}");
    assert!(
        error
            .advice
            .is_some_and(|advice| advice.starts_with("CREATE INDEX"))
    );
}

#[test]
fn a_view_that_writes_is_refused_and_writes_nothing() {
    let mut database = Database::new(
        "CREATE TABLE seen (id int);
         CREATE FUNCTION note(n int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (n); RETURN 't'; END $$;
         CREATE TABLE base (id int PRIMARY KEY, updated_at timestamptz DEFAULT now());
         INSERT INTO base VALUES (1);
         CREATE VIEW ai_spans AS SELECT id, note(id) AS trace_id, updated_at FROM base",
    );
    let mut source = open(&database.url, &[("traceTable", "off")]);
    let error = source.page(&json!(null)).expect_err("it writes");
    assert!(error.message.contains("25006"), "{error}");
    assert!(
        error
            .advice
            .is_some_and(|advice| advice.contains("only reads"))
    );
    assert_eq!(database.owner.one("SELECT count(*) FROM seen"), "0");
}

#[test]
fn a_lock_that_somebody_holds_ends_in_words() {
    let mut database = Database::new(USUAL);
    database
        .owner
        .run("BEGIN; LOCK TABLE ai_spans IN ACCESS EXCLUSIVE MODE");
    let options = [("statementTimeout", "100"), ("traceTable", "off")];
    let error = open(&database.url, &options)
        .page(&json!(null))
        .expect_err("locked");
    assert!(
        matches!(error.kind, PullErrorKind::Limited { .. }),
        "{error:?}"
    );
}
