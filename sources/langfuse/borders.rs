//! Traces that lie across the border of two windows: nobody is told that a half is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use archal_core::pull::Rows;
use archal_testkit::langfuse::Release;
use serde_json::{Value, json};

use super::cursor::before;
use super::tests::{ago, run, world};

const WEEK: u64 = 7 * 24 * 3_600;

/// A run of forty minutes, half of it on each side of a time, with an observation each minute.
fn across(name: &str, border: archal_core::clock::Timestamp) -> Vec<Value> {
    let start = before(border, Duration::from_secs(20 * 60)).expect("a time");
    let mut rows = run(name, start);
    let step = rows[2].clone();
    rows[0]["endTime"] = json!(start + Duration::from_secs(41 * 60));
    for minute in 1..=38_u64 {
        let at = start + Duration::from_secs(minute * 60);
        let mut row = step.clone();
        row["id"] = json!(format!("{name}-{minute}"));
        for field in ["startTime", "endTime", "createdAt", "updatedAt"] {
            row[field] = json!(at);
        }
        rows.push(row);
    }
    rows
}

/// Reads all there is; how often a part was said to be whole before the end.
fn read(most_sorted: Option<usize>) -> usize {
    let (world, server, mut source) = world(Release::Four, &[]);
    let border = ago(&world, WEEK);
    for number in 0..1_050 {
        let rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 1_200));
        server.state().observations.extend(rows);
    }
    server.state().observations.extend(across("long", border));
    // One whose root was lost, on both sides, too.
    let rootless = across("rootless", border).split_off(1);
    server.state().observations.extend(rootless);
    if let Some(most) = most_sorted {
        server.state().most_sorted = most;
    }
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for row in &server.state().observations {
        let id = row["traceId"].as_str().expect("an id").to_owned();
        *wanted.entry(id).or_default() += 1;
    }
    assert_eq!((wanted["long"], wanted["rootless"]), (41, 40));

    let mut came: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut rooted: BTreeSet<String> = BTreeSet::new();
    let mut cursor = Value::Null;
    let mut borders = 0;
    loop {
        let page = source.page(&cursor).expect("a page");
        cursor = page.cursor;
        for row in page.rows {
            if row.ends_root {
                rooted.insert(row.trace.clone());
            }
            came.entry(row.trace).or_default().insert(row.id);
        }
        let is_all = page.is_checkpoint || page.is_last;
        for (trace, rows) in &came {
            if is_all || page.is_rooted_whole && rooted.contains(trace) {
                assert_eq!(rows.len(), wanted[trace], "{trace} is a half");
            }
        }
        borders += usize::from(page.is_rooted_whole && !rooted.is_empty());
        if page.is_last {
            assert_eq!(came.len(), wanted.len());
            return borders;
        }
    }
}

#[test]
fn what_lies_across_the_border_of_two_windows_is_whole_with_its_root_or_at_the_end() {
    // What is new comes before the end all the same.
    assert!(read(None) >= 1);
}

#[test]
fn so_it_is_where_windows_are_halved() {
    assert!(read(Some(600)) > 3);
}
