//! What calls prove, one after the other.

use serde_json::json;

use super::*;

const BASE: &str = "2026-01-10T12:00:00Z";

fn base() -> Timestamp {
    BASE.parse().expect("a time")
}

fn seen(fields: &[(&str, Value)], written: &[&'static str]) -> Fact {
    Fact::Row {
        table: "issues",
        key: "a/b#1".to_owned(),
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        written: written.to_vec(),
    }
}

fn row(state: &str, written: &[&'static str]) -> Fact {
    seen(&[("state", json!(state)), ("title", json!("t"))], written)
}

/// Each fact is a call of its own, a second after the one before.
fn after(facts: Vec<Fact>) -> (CloneWorld, Vec<Conflict>) {
    let mut world = CloneWorld::default();
    let mut conflicts = Vec::new();
    for (at, fact) in facts.into_iter().enumerate() {
        let wrote = world.wrote.clone();
        let span = format!("s{at}");
        let seconds = i64::try_from(at).expect("few");
        let of = Applied {
            clone: "tracker",
            span: &span,
            base: base(),
            at: base()
                .checked_add(jiff::SignedDuration::from_secs(seconds))
                .ok(),
            wrote: wrote.as_deref(),
        };
        world.apply(fact, of, &mut conflicts);
    }
    (world, conflicts)
}

fn only(world: &CloneWorld) -> &Row {
    world.rows.values().next().expect("one row")
}

#[test]
fn a_write_is_undone_by_an_earlier_read() {
    let (world, conflicts) = after(vec![row("open", &[]), row("closed", &["state"])]);
    assert_eq!(only(&world).initial["state"].value, json!("open"));
    assert_eq!(only(&world).initial["state"].span, "s0");
    assert!(only(&world).unknown.is_empty());
    assert_eq!(conflicts, []);
}

#[test]
fn a_field_written_before_it_was_read_stays_unknown_and_the_rest_is_proved() {
    let (world, _) = after(vec![row("closed", &["state"]), row("closed", &[])]);
    assert_eq!(only(&world).unknown["state"].span, "s0");
    assert!(!only(&world).initial.contains_key("state"));
    assert_eq!(only(&world).initial["title"].value, json!("t"));
}

#[test]
fn rows_the_trace_made_are_not_in_the_state_before() {
    let created = Fact::Created {
        table: "issues",
        key: "a/b#1".to_owned(),
    };
    let (world, _) = after(vec![created, row("open", &[])]);
    assert_eq!(only(&world).existed, Existed::No);
    assert!(only(&world).initial.is_empty());
}

#[test]
fn a_change_nobody_made_is_told_once_with_both_spans_and_the_earlier_is_kept() {
    let (world, conflicts) = after(vec![
        row("open", &[]),
        row("closed", &[]),
        row("closed", &[]),
    ]);
    assert_eq!(only(&world).initial["state"].value, json!("open"));
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].kind, ConflictKind::OutsideChange);
    assert_eq!(
        (conflicts[0].kept_span.as_str(), conflicts[0].span.as_str()),
        ("s0", "s1")
    );
}

#[test]
fn what_a_call_of_unknown_outcome_may_have_set_is_no_proof_afterwards() {
    let written = Fact::Written {
        table: "issues",
        key: "a/b#1".to_owned(),
        fields: vec!["state"],
    };
    let (world, conflicts) = after(vec![written, row("closed", &[])]);
    assert_eq!(only(&world).unknown["state"].span, "s0");
    assert_eq!(only(&world).initial["title"].span, "s1");
    assert_eq!(conflicts, []);
}

#[test]
fn a_row_that_says_it_is_older_is_proof_whatever_may_have_happened() {
    let uncertain = || Fact::Uncertain {
        tables: vec!["issues"],
        prefix: "a/b#".to_owned(),
        fields: Vec::new(),
    };
    let old = json!("2026-01-09T00:00:00Z");
    let new = json!("2026-01-10T12:00:01Z");
    let at = |updated: &Value, created: &Value| {
        let fields = [
            ("state", json!("closed")),
            ("updated_at", updated.clone()),
            ("created_at", created.clone()),
        ];
        let (world, _) = after(vec![uncertain(), seen(&fields, &[])]);
        let row = only(&world);
        (row.existed, row.initial.contains_key("state"))
    };
    assert_eq!(at(&old, &old), (Existed::Yes, true));
    assert_eq!(at(&new, &old), (Existed::Yes, false));
    assert_eq!(at(&new, &new), (Existed::No, false));
    // Nothing says how old it is.
    let (world, _) = after(vec![uncertain(), row("open", &[])]);
    assert_eq!(only(&world).existed, Existed::Unknown);
    assert_eq!(only(&world).doubt.as_deref(), Some("s0"));
}

#[test]
fn a_field_that_a_call_sets_in_many_rows_is_no_proof_even_in_old_ones() {
    let swept = Fact::Uncertain {
        tables: vec!["issues"],
        prefix: "a/b#".to_owned(),
        fields: vec!["labels"],
    };
    let fields = [
        ("labels", json!(["bug"])),
        ("title", json!("t")),
        ("updated_at", json!("2026-01-09T00:00:00Z")),
    ];
    let (world, _) = after(vec![swept, seen(&fields, &[])]);
    assert_eq!(only(&world).unknown["labels"].span, "s0");
    assert!(only(&world).initial.contains_key("title"));
}

#[test]
fn a_time_of_the_trace_itself_follows_its_calls_and_a_due_date_does_not() {
    let fields = [
        ("updated_at", json!("2026-01-10T12:00:00Z")),
        ("due_on", json!("2026-03-01T00:00:00Z")),
    ];
    let written = Fact::Written {
        table: "labels",
        key: "a/b:x".to_owned(),
        fields: vec!["name"],
    };
    let (world, _) = after(vec![written, seen(&fields, &[])]);
    let row = &world.rows[&("issues", "a/b#1".to_owned())];
    assert!(row.unknown.contains_key("updated_at"));
    assert!(row.initial.contains_key("due_on"));
}

#[test]
fn a_text_that_a_tracer_cut_is_no_proof() {
    let cut = format!("It began when {}…", "the wheel turned, and ".repeat(5));
    let (world, _) = after(vec![seen(&[("body", json!(cut))], &[])]);
    assert!(only(&world).initial.is_empty());
    assert_eq!(only(&world).unknown["body"].span, "s0");
}

#[test]
fn what_is_not_there_after_it_was_seen_was_taken_away_by_others() {
    let absent = || Fact::Absent {
        table: "issues",
        key: "a/b#1".to_owned(),
    };
    let (_, conflicts) = after(vec![row("open", &[]), absent()]);
    assert_eq!(conflicts.len(), 1);
    let deleted = Fact::Deleted {
        table: "issues",
        key: "a/b#1".to_owned(),
    };
    let (world, conflicts) = after(vec![row("open", &[]), deleted, absent()]);
    assert_eq!(conflicts, []);
    assert_eq!(only(&world).existed, Existed::Yes);
}
