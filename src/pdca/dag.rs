//! A log as a tree of what follows from what.

use std::collections::BTreeMap;

use super::event::{Event, Kind};
use super::outline::{clean, tokens_of};
use crate::report::style::Style;

/// Deeper branches are drawn at this depth, so that a line stays readable and memory bounded.
const DEEPEST: usize = 24;

/// The lines of the tree, painted; none where there is nothing to draw.
pub fn render(events: &[Event]) -> Vec<String> {
    let Some(root) = events
        .iter()
        .find(|event| event.kind == Kind::RunStart)
        .or_else(|| events.iter().min_by_key(|event| event.seq))
    else {
        return Vec::new();
    };
    // Wide enough for the largest number and a gap, and three at least.
    let widest = events.iter().map(|event| event.seq).max().unwrap_or(0);
    let width = (widest.to_string().len() + 1).max(3);
    let mut children: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
    let mut seen = BTreeMap::new();
    for event in events {
        // Of two events with one number the first is drawn.
        if event.seq == root.seq || seen.insert(event.seq, ()).is_some() {
            continue;
        }
        let parent = under(event, root.seq, &seen);
        children.entry(parent).or_default().push(event);
    }
    for list in children.values_mut() {
        list.sort_by_key(|event| event.seq);
    }
    let number = |seq: u64| Style::Heading.paint(&format!("#{seq:<width$}"));
    let root_label = match root.kind {
        Kind::RunStart => "run.start".to_owned(),
        _ => label(root),
    };
    let mut lines = vec![format!("{}{root_label}", number(root.seq))];
    // Each entry: the event, what stands before it, whether it is the last of its siblings.
    let mut open: Vec<(&Event, String, bool, usize)> = Vec::new();
    let push = |open: &mut Vec<_>, seq: u64, prefix: &str, depth: usize| {
        let list = children.get(&seq).map(Vec::as_slice).unwrap_or_default();
        for (at, event) in list.iter().enumerate().rev() {
            open.push((*event, prefix.to_owned(), at + 1 == list.len(), depth));
        }
    };
    push(&mut open, root.seq, "", 0);
    while let Some((event, prefix, is_last, depth)) = open.pop() {
        let branch = if is_last { "└── " } else { "├── " };
        lines.push(format!(
            "{prefix}{branch}{}{}",
            number(event.seq),
            label(event)
        ));
        let more = if is_last { "    " } else { "│   " };
        let prefix = if depth < DEEPEST {
            format!("{prefix}{more}")
        } else {
            prefix
        };
        push(&mut open, event.seq, &prefix, depth + 1);
    }
    lines
}

/// The event under which one is drawn: its first parent, or the root for steps of the run and for what
/// follows from nothing known.
fn under(event: &Event, root: u64, seen: &BTreeMap<u64, ()>) -> u64 {
    let is_step = matches!(
        event.kind,
        Kind::RunStart | Kind::PhaseTransition | Kind::CycleBoundary | Kind::RunComplete
    );
    event
        .parent
        .first()
        .copied()
        // What comes later cannot be what it follows from, and would make a circle.
        .filter(|parent| !is_step && *parent < event.seq && seen.contains_key(parent))
        .unwrap_or(root)
}

fn label(event: &Event) -> String {
    let text = |name: &str| event.text(name).map(clean).unwrap_or_default();
    let role = event.role().map(clean).unwrap_or_default();
    let phase = clean(&event.phase);
    let count = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| event.number(name))
            .unwrap_or(0)
    };
    match &event.kind {
        Kind::RunStart => match event.text("resumed_from") {
            Some(from) => format!("run.start (from {})", clean(from)),
            None => "run.start".to_owned(),
        },
        Kind::AgentStart => paint(&phase, &format!("{role} started ({phase})")),
        Kind::AgentComplete => {
            let tokens = tokens_of(event);
            let failed = event.data.get("error").is_some_and(|error| error == true);
            let mut label = paint(&phase, &format!("{role} ({phase})"));
            if failed {
                label.push(' ');
                label.push_str(&Style::Error.paint("failed"));
            }
            if tokens > 0 {
                label.push_str(&format!(" [{tokens} tok]"));
            }
            label
        }
        Kind::AgentFailed | Kind::AgentTimeout => {
            Style::Error.paint(&format!("{role} {} ({phase})", event.kind.as_str()))
        }
        Kind::PhaseTransition => {
            Style::Hint.paint(&format!("─── {} → {} ───", text("from"), text("to")))
        }
        Kind::ReviewVerdict => {
            let verdict = text("verdict").to_uppercase().replace('_', " ");
            Style::Error.paint(&format!("{role} ({phase}) → {verdict}"))
        }
        Kind::Decision => {
            Style::Decision.paint(&format!("decision: {} → {}", text("what"), text("chosen")))
        }
        Kind::DecisionPoint => {
            let confidence = event.amount("confidence").unwrap_or(0.0);
            Style::Decision.paint(&format!(
                "{role} → {} (conf {confidence})",
                text("decision")
            ))
        }
        Kind::FixApplied => format!("fix ({}): {}", text("source"), text("finding")),
        Kind::CycleBoundary => {
            let next = event.text("decision").or_else(|| event.text("next_action"));
            let next = next.map(clean).unwrap_or_default();
            Style::Act.paint(&format!(
                "cycle {}/{} → {next}",
                count(&["cycle"]),
                count(&["max_cycles"])
            ))
        }
        Kind::ShadowDetected => format!("shadow: {role} — {}", text("shadow")),
        Kind::WiggumBreak => Style::Error.paint(&format!("wiggum break ({})", text("type"))),
        Kind::RunMerged => Style::Good.paint(&format!("merged into {}", text("base"))),
        Kind::RunComplete => format!(
            "run.complete [{} agents, {} fixes]",
            count(&["agents_total", "agents"]),
            count(&["fixes_total", "fixes"])
        ),
        Kind::EvidenceDowngrade => format!("downgrade: {role} {} → {}", text("from"), text("to")),
        Kind::Other(name) => clean(name),
    }
}

fn paint(phase: &str, text: &str) -> String {
    match phase {
        "plan" => Style::Plan,
        "do" => Style::Good,
        "check" => Style::Decision,
        "act" => Style::Act,
        _ => return text.to_owned(),
    }
    .paint(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdca::log::parse;
    use crate::report::style::harmless;

    fn plain(log: &str) -> String {
        let lines = render(&parse(log.as_bytes()).events);
        harmless(&lines.join("\n"), false).into_owned()
    }

    #[test]
    fn the_documented_log_is_drawn_as_documented() {
        let log = r#"{"seq":1,"parent":[],"type":"run.start","phase":"plan","data":{}}
{"seq":2,"parent":[1],"type":"agent.complete","phase":"plan","agent":"creator","data":{"tokens":1500}}
{"seq":3,"parent":[2],"type":"phase.transition","phase":"do","data":{"from":"plan","to":"do"}}
{"seq":4,"parent":[3],"type":"agent.complete","phase":"do","agent":"maker","data":{"tokens_input":1000,"tokens_output":2000}}
{"seq":5,"parent":[],"type":"run.complete","phase":"act","data":{"agents_total":2,"fixes_total":0}}
"#;
        assert_eq!(
            plain(log),
            "\
#1  run.start
├── #2  creator (plan) [1500 tok]
├── #3  ─── plan → do ───
│   └── #4  maker (do) [3000 tok]
└── #5  run.complete [2 agents, 0 fixes]"
        );
    }

    #[test]
    fn every_event_is_drawn_once_whatever_it_says_of_its_parents() {
        let log = r#"{"seq":1,"type":"run.start","phase":"plan","data":{}}
{"seq":2,"parent":[3],"type":"no\nte\u001b[31m","phase":"plan"}
{"seq":3,"parent":[2,1],"type":"agent.start","phase":"plan","agent":"a\nb"}
{"seq":3,"parent":[1],"type":"twice"}
{"seq":4,"parent":[99],"type":"decision","data":{"what":"x","chosen":"y"}}
"#;
        assert_eq!(
            plain(log),
            "\
#1  run.start
├── #2  no te
│   └── #3  a b started (plan)
└── #4  decision: x → y"
        );
        assert_eq!(plain(""), "");
    }

    #[test]
    fn a_chain_of_a_thousand_events_stays_narrow() {
        let mut log = String::from("{\"seq\":1,\"type\":\"run.start\"}\n");
        for seq in 2..=1000_u64 {
            log += &format!(
                "{{\"seq\":{seq},\"parent\":[{}],\"type\":\"x\"}}\n",
                seq - 1
            );
        }
        let text = plain(&log);
        assert_eq!(text.lines().count(), 1000);
        assert!(
            text.lines()
                .all(|line| line.chars().count() < 4 * (DEEPEST + 3))
        );
        assert!(text.contains("#1000 x"), "{}", &text[text.len() - 200..]);
    }
}
