//! Reports of logs of both formats.

use super::*;
use crate::pdca::log::parse;

const TWO_CYCLES: &str = r#"{"ts":"2026-04-03T10:00:00Z","run_id":"2026-04-03-add-auth","seq":1,"parent":[],"type":"run.start","phase":"plan","agent":null,"data":{"task":"Add auth","workflow":"standard","max_cycles":2,"config":{"domain":"code"}}}
{"ts":"2026-04-03T10:00:01Z","seq":2,"parent":[1],"type":"agent.start","phase":"plan","agent":"creator","data":{}}
{"ts":"2026-04-03T10:01:01Z","seq":3,"parent":[2],"type":"agent.complete","phase":"plan","agent":"creator","data":{"duration_ms":60000,"tokens":1500,"estimated_cost_usd":0.126,"cost_estimated":true,"summary":"A ```proposal```\n# not a heading","artifacts":["plan-creator.md"]}}
{"seq":4,"parent":[3],"type":"decision","phase":"plan","data":{"what":"confidence_gate","chosen":"spawn_mini_explorer","rationale":"risk coverage scored 0.4","alternatives":[{"id":"a","label":"go on","reason_rejected":"risk"}]}}
{"seq":5,"parent":[3],"type":"phase.transition","phase":"check","data":{"from":"do","to":"check"}}
{"seq":6,"parent":[5],"type":"review.verdict","phase":"check","agent":"guardian","data":{"verdict":"needs_changes","findings":[{"severity":"critical","description":"SQL injection","fix_required":true},{"severity":"warning","description":"No limit"}]}}
{"seq":7,"parent":[5],"type":"cycle.boundary","phase":"act","data":{"cycle":1,"max_cycles":2,"exit_condition":"all_approved","met":false,"next_action":"cycle_back"}}
{"seq":8,"parent":[6],"type":"fix.applied","phase":"act","data":{"source":"guardian","finding":"SQL injection","file":"src/a.rs","line":48}}
{"seq":9,"parent":[7],"type":"review.verdict","phase":"check","agent":"guardian","data":{"verdict":"APPROVED","findings":[{"severity":"WARNING","description":"No limit"},{"severity":"INFO","description":"A name"}]}}
{"seq":10,"parent":[7],"type":"cycle.boundary","phase":"act","data":{"cycle":2,"max_cycles":2,"exit_condition":"approved","decision":"merge","critical":0,"warning":1,"info":1}}
{"ts":"2026-04-03T10:03:10Z","seq":11,"parent":[],"type":"run.complete","phase":"act","data":{"status":"completed","cycles":2,"agents_total":5,"fixes_total":1,"shadows":0,"artifacts":["plan-creator.md","check-guardian.md"]}}
"#;

#[test]
fn a_run_of_two_cycles_is_told_whole() {
    insta::assert_snapshot!(document(&parse(TWO_CYCLES.as_bytes()).events));
}

#[test]
fn what_a_log_says_closes_no_block_and_moves_no_cursor() {
    let log = r#"{"seq":1,"type":"run.start","phase":"plan","data":{"task":"x\n# y\u001b[2J","config":"```\n# z"}}
{"seq":2,"type":"cycle.boundary","phase":"act","data":{"cycle":"one"}}
{"seq":3,"type":"cycle.boundary","phase":"act","data":{"cycle":-1}}
"#;
    let text = document(&parse(log.as_bytes()).events);
    assert!(text.starts_with("# Report: x # y\n"), "{text}");
    assert!(text.contains("````\n```\n# z\n````\n"), "{text}");
    assert!(text.contains("(No findings to compare)"), "{text}");
    assert!(!text.contains('\u{1b}'));
    assert!(document(&[]).contains("in-progress"));
}
