//! Nothing is lost between passes, whatever commits when, and wherever it is killed.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::pull::Rows as _;

use super::reading::USUAL;
use super::server::Database;
use super::{Store, open};

/// Spans alone, by the time of their last change or by their number.
const MODES: [&str; 2] = ["updated_at_id", "id"];

fn add(database: &mut Database, id: u32) {
    database.owner.run(&format!(
        "INSERT INTO ai_spans (id, trace_id) VALUES ({id}, 't')"
    ));
}

#[test]
fn a_row_that_is_committed_late_behind_the_cursor_is_found() {
    for mode in MODES {
        // Without the overlap it is lost: that is what this test would show otherwise.
        for (overlap, is_found) in [("300000", true), ("0", false)] {
            let mut database = Database::new(USUAL);
            let options = [
                ("cursorMode", mode),
                ("overlap", overlap),
                ("traceTable", "off"),
            ];
            let mut source = open(&database.url, &options);
            let mut store = Store::default();
            add(&mut database, 1);
            store.pass(&mut source);
            let mut late = database.writer();
            late.run("BEGIN; INSERT INTO ai_spans (id, trace_id) VALUES (2, 't')");
            add(&mut database, 3);
            store.pass(&mut source);
            store.pass(&mut source);
            assert_eq!(store.ids(), ["s:1", "s:3"], "{mode}");
            late.run("COMMIT");
            store.pass(&mut source);
            assert_eq!(
                store.ids().contains(&"s:2"),
                is_found,
                "{mode}, {overlap} ms"
            );
        }
    }
}

#[test]
fn what_was_edited_counts_as_it_is_now() {
    let mut database = Database::new(USUAL);
    add(&mut database, 1);
    let mut source = open(&database.url, &[]);
    let mut store = Store::default();
    store.pass(&mut source);
    database
        .owner
        .run("UPDATE ai_spans SET name = 'edited', updated_at = now() WHERE id = 1");
    store.pass(&mut source);
    let names: Vec<_> = store
        .rows
        .values()
        .map(|row| row.body["fields"]["name"].clone())
        .collect();
    assert_eq!(names, ["edited"]);
    // A writer that does not set the time is seen only when everything is read again.
    database.owner.run(
        "UPDATE ai_spans SET name = 'again', updated_at = now() - interval '1 day' WHERE id = 1",
    );
    store.pass(&mut source);
    assert_eq!(
        store
            .rows
            .values()
            .next()
            .map(|row| &row.body["fields"]["name"]),
        Some(&"edited".into())
    );
    let mut source = open(&database.url, &[("rescan", "1")]);
    store.pass(&mut source);
    assert_eq!(
        store
            .rows
            .values()
            .next()
            .map(|row| &row.body["fields"]["name"]),
        Some(&"again".into())
    );
}

#[test]
fn rows_of_one_instant_come_once_each_though_pages_part_them() {
    for mode in MODES {
        let mut database = Database::new(USUAL);
        database
            .owner
            .run("INSERT INTO ai_spans (trace_id) SELECT 't' FROM generate_series(1, 1000)");
        let mut source = open(
            &database.url,
            &[
                ("pageRows", "7"),
                ("cursorMode", mode),
                ("traceTable", "off"),
            ],
        );
        let mut store = Store::default();
        store.pass(&mut source);
        assert_eq!(store.rows.len(), 1000, "{mode}");
        assert!(store.came.values().all(|times| *times == 1), "{mode}");
        assert!(store.pages >= 143, "{mode}: {} pages", store.pages);
    }
}

#[test]
fn a_source_that_is_killed_anywhere_goes_on_with_nothing_lost() {
    for mode in MODES {
        let mut database = Database::new(USUAL);
        let traces = if mode == "id" { "off" } else { "ai_traces" };
        let options = [
            ("pageRows", "13"),
            ("cursorMode", mode),
            ("traceTable", traces),
        ];
        let mut source = open(&database.url, &options);
        let mut store = Store::default();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut kills = 0;
        let mut next = 1;
        let mut held = None;
        while kills < 50 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            match random % 8 {
                0 | 1 => {
                    // Killed with a page in its hands, or between two.
                    if random.is_multiple_of(16) {
                        source.page(&store.cursor).expect("a page that nobody keeps");
                    }
                    source = open(&database.url, &options);
                    kills += 1;
                }
                2 => {
                    database.owner.run(&format!(
                        "INSERT INTO ai_spans (id, trace_id) SELECT n, 't' || n % 5 FROM generate_series({next}, {next} + 9) AS n;
                         INSERT INTO ai_traces (id) VALUES ('t{next}')"
                    ));
                    next += 10;
                }
                3 if mode != "id" => database.owner.run(&format!(
                    "UPDATE ai_spans SET name = 'v{random}', updated_at = clock_timestamp() WHERE id % 7 = {}",
                    random % 7
                )),
                4 => match held.take() {
                    None => {
                        let mut late = database.writer();
                        late.run(&format!("BEGIN; INSERT INTO ai_spans (id, trace_id) VALUES ({next}, 'late')"));
                        next += 1;
                        held = Some(late);
                    }
                    Some(mut late) => late.run("COMMIT"),
                },
                _ => {
                    let page = source.page(&store.cursor).expect("a page");
                    store.take(page);
                }
            }
        }
        if let Some(mut late) = held {
            late.run("COMMIT");
        }
        // A pass that was under way when the last row came, and one that begins after it.
        store.pass(&mut source);
        store.pass(&mut source);
        let there: BTreeMap<String, String> = database
            .owner
            .one("SELECT string_agg(id || '=' || coalesce(name, ''), ',') FROM ai_spans")
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(id, name)| (format!("s:{id}"), name.to_owned()))
            .collect();
        let read: BTreeMap<String, String> = store
            .rows
            .values()
            .filter(|row| row.id.starts_with("s:"))
            .map(|row| {
                let name = row.body["fields"]["name"].as_str().unwrap_or_default();
                (row.id.clone(), name.to_owned())
            })
            .collect();
        assert!(there.len() > 50, "{mode}");
        assert_eq!(read, there, "{mode}");
        if mode != "id" {
            let traces: BTreeSet<&str> = store
                .ids()
                .into_iter()
                .filter(|id| id.starts_with("t:"))
                .collect();
            assert_eq!(
                traces.len().to_string(),
                database.owner.one("SELECT count(*) FROM ai_traces")
            );
        }
    }
}

#[test]
fn a_cursor_of_another_table_or_order_begins_anew() {
    let mut database = Database::new(USUAL);
    add(&mut database, 1);
    let mut store = Store::default();
    store.pass(&mut open(&database.url, &[]));
    database.owner.run("CREATE TABLE other_spans (LIKE ai_spans INCLUDING ALL); INSERT INTO other_spans (id, trace_id, updated_at) VALUES (5, 't', '2020-01-01')");
    store.pass(&mut open(&database.url, &[("spanTable", "other_spans")]));
    assert_eq!(store.ids(), ["s:1", "s:5"]);
    store.pass(&mut open(
        &database.url,
        &[("cursorMode", "id"), ("traceTable", "off")],
    ));
    assert_eq!(store.ids(), ["s:1", "s:5"]);
}

#[test]
fn a_cursor_of_other_rows_or_another_database_begins_anew() {
    let fill = "INSERT INTO ai_spans (id, trace_id, customer, updated_at) VALUES";
    let mut staging = Database::new(USUAL);
    staging.owner.run(&format!(
        "{fill} (1, 't', 'a', now()), (2, 't', 'b', now() - interval '9 days')"
    ));
    let mut production = Database::new(USUAL);
    production
        .owner
        .run(&format!("{fill} (3, 't', 'b', now() - interval '30 days')"));
    let of = |url: &str, customer: &str| {
        let options = [
            ("traceTable", "off"),
            ("filterColumn", "customer"),
            ("filterValue", customer),
        ];
        open(url, &options)
    };
    let mut store = Store::default();
    store.pass(&mut of(&staging.url, "a"));
    assert_eq!(store.ids(), ["s:1"]);
    store.pass(&mut of(&staging.url, "b"));
    assert_eq!(store.ids(), ["s:1", "s:2"]);
    store.pass(&mut of(&production.url, "b"));
    assert_eq!(store.ids(), ["s:1", "s:2", "s:3"]);
    // With the same again nothing is read twice.
    let came = store.came.clone();
    store.pass(&mut of(&production.url, "b"));
    assert_eq!(store.came, came);
}

#[test]
fn a_table_that_is_added_during_a_first_pass_makes_no_row_of_the_other_unread() {
    for mode in MODES {
        let mut database = Database::new(USUAL);
        database.owner.run(
            "ALTER TABLE ai_traces RENAME TO later;
             INSERT INTO ai_spans (trace_id, updated_at)
                SELECT 't', now() - interval '30 days' + n * interval '1 hour' FROM generate_series(1, 100) AS n",
        );
        let options = [("pageRows", "10"), ("cursorMode", mode)];
        let mut store = Store::default();
        let mut source = open(&database.url, &options);
        for _ in 0..3 {
            let page = source.page(&store.cursor).expect("a page");
            store.take(page);
        }
        assert_eq!(store.rows.len(), 30, "{mode}");
        database.owner.run(
            "CREATE TABLE ai_traces (id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now());
             INSERT INTO ai_traces VALUES (1)",
        );
        store.pass(&mut open(&database.url, &options));
        assert_eq!(store.rows.len(), 101, "{mode}");
        assert!(store.came.values().all(|times| *times == 1), "{mode}");
    }
}

#[test]
fn how_far_all_tables_are_is_told_with_each_page() {
    let mut database = Database::new(USUAL);
    database.owner.run(
        "INSERT INTO ai_spans (id, trace_id, updated_at)
         SELECT n, n / 4, '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute' FROM generate_series(1, 40) n;
         INSERT INTO ai_traces (id, updated_at)
         SELECT n, '2026-01-01T00:00:00Z'::timestamptz + n * interval '4 minutes' FROM generate_series(1, 10) n",
    );
    let mut source = open(&database.url, &[("pageRows", "10")]);
    let mut cursor = serde_json::Value::Null;
    let (mut told, mut times) = (Vec::new(), Vec::new());
    loop {
        let page = source.page(&cursor).expect("a page");
        cursor = page.cursor;
        times.extend(page.reached);
        told.push(page.reached.map(|at| at.to_string()));
        if page.is_last {
            break;
        }
    }
    // Of one table nothing is known before its first page; at the end there is nothing to wait for.
    assert_eq!((told.first(), told.last()), (Some(&None), Some(&None)));
    assert!(times.is_sorted() && times.len() > 2, "{told:?}");
    // The spans are at the tenth minute, the traces at the end of theirs, the fortieth.
    assert_eq!(times[0].to_string(), "2026-01-01T00:10:00Z");
}
