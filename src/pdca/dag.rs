//! A log as a tree of what follows from what.

use std::collections::BTreeMap;

use super::event::{Event, Kind};
use super::outline::{clean, counted, tokens_of};
use crate::report::style::Style;

/// Deeper branches are drawn at this depth, so that a line stays readable and memory bounded.
const DEEPEST: usize = 24;

/// Text after a number is not folded to fewer letters: on a terminal as narrow as that nothing reads well.
const NARROWEST: usize = 16;

/// The lines of the tree, painted; none where there is nothing to draw.
pub fn render(events: &[Event]) -> Vec<String> {
    render_within(events, None)
}

/// The same for a terminal of so many columns: what is longer goes on in the next line, beside its branch.
pub fn render_within(events: &[Event], columns: Option<usize>) -> Vec<String> {
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
        let more = if is_last { "    " } else { "│   " };
        let has_more = if children.contains_key(&event.seq) {
            '│'
        } else {
            ' '
        };
        let before = prefix.chars().count() + 4 + 1 + width;
        let room = columns.map(|columns| columns.saturating_sub(before).max(NARROWEST));
        for (at, part) in folded(&label(event), room).iter().enumerate() {
            lines.push(match at {
                0 => format!("{prefix}{branch}{}{part}", number(event.seq)),
                _ => format!("{prefix}{more}{has_more}{:width$}{part}", ""),
            });
        }
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
            let style = match verdict.starts_with("APPROVED") {
                true => Style::Good,
                false => Style::Error,
            };
            style.paint(&format!("{role} ({phase}) → {verdict}"))
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
            "run.complete [{}, {}]",
            counted(count(&["agents_total", "agents"]), "agent"),
            counted(count(&["fixes_total", "fixes"]), "fix")
        ),
        Kind::EvidenceDowngrade => format!("downgrade: {role} {} → {}", text("from"), text("to")),
        Kind::Other(name) => clean(name),
    }
}

/// A painted text in lines of so many letters, between words where there are any; each line has its colour.
fn folded(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else {
        return vec![text.to_owned()];
    };
    let mut lines = Vec::new();
    let (mut line, mut letters, mut colour) = (String::new(), 0, String::new());
    // The bytes of the line before its last space, and the letters after it.
    let mut space: Option<(usize, usize)> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            let rest: String = chars.by_ref().take_while(|c| *c != 'm').collect();
            colour = format!("\u{1b}{rest}m");
            line.push_str(&colour);
            continue;
        }
        if letters == room && c == ' ' {
            lines.push(format!("{line}\u{1b}[0m"));
            (line, letters, space) = (colour.clone(), 0, None);
            continue;
        }
        if letters == room {
            let (end, left) = space.take().unwrap_or((line.len(), 0));
            let rest = line.split_off(end);
            lines.push(format!("{}\u{1b}[0m", line.trim_end()));
            line = format!("{colour}{}", rest.trim_start());
            letters = left;
        }
        line.push(c);
        letters += 1;
        space = match (c, space) {
            (' ', _) => Some((line.len(), 0)),
            (_, Some((end, left))) => Some((end, left + 1)),
            (_, None) => None,
        };
    }
    lines.push(line);
    lines
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
    fn what_is_longer_than_the_terminal_goes_on_beside_its_branch() {
        let log = r#"{"seq":1,"type":"run.start"}
{"seq":2,"parent":[1],"type":"decision","data":{"what":"guardian_fast_path","chosen":"skip_remaining_reviewers"}}
{"seq":3,"parent":[2],"type":"fix.applied","data":{"source":"sage","finding":"the name of the greeting is not clear"}}
{"seq":4,"parent":[1],"type":"a_word_without_any_space"}
"#;
        let events = parse(log.as_bytes()).events;
        let lines = render_within(&events, Some(28));
        assert_eq!(
            harmless(&lines.join("\n"), false),
            "\
#1  run.start
├── #2  decision:
│   │   guardian_fast_path →
│   │   skip_remaining_revie
│   │   wers
│   └── #3  fix (sage): the
│           name of the
│           greeting is not
│           clear
└── #4  a_word_without_any_s
        pace"
        );
        // A colour ends with its line and begins again in the next.
        assert!(lines[1].ends_with(":\u{1b}[0m"), "{:?}", lines[1]);
        assert!(lines[2].contains(" \u{1b}[33mguardian"), "{:?}", lines[2]);
        assert_eq!(
            render_within(&events, Some(200)),
            render(&events),
            "nothing is folded where there is room"
        );
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
