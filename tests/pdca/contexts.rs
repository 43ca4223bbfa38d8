//! Who is told what, and sees which files: of every workflow each agent in each cycle, asserted both ways.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::World;

/// Each prints to stderr, which is kept and told to nobody, what of the change its copy shows.
const LOOKS: &str = "test ! -e greeting.txt || sed 's/^/SEEN-/' greeting.txt >&2";

/// Agents of `cycles` cycles, whose every word names its cycle; all but the last are rejected.
fn script(cycles: u32) -> String {
    let mut text = format!("- role: explorer\n  runs: {LOOKS}\n  says: RESEARCH-MARK\n");
    for cycle in 1..=cycles {
        write!(
            text,
            "- role: creator
  cycle: {cycle}
  runs: {LOOKS}
  says: |
    ## Proposal
    PROPOSAL-{cycle}
    ### Confidence
    | Task understanding | 0.9 |
    | Solution completeness | 0.9 |
    | Risk coverage | 0.9 |
    ### Risks
    RISK-{cycle}
    ### Not Doing
    REST-{cycle}
- role: maker
  cycle: {cycle}
  runs: {LOOKS}; echo DIFF-{cycle} >> greeting.txt
  commit: cycle {cycle}
  says: REPORT-{cycle}
"
        )
        .expect("a string");
        let severity = if cycle == cycles {
            "WARNING"
        } else {
            "CRITICAL"
        };
        for (role, severity, category) in [
            ("guardian", severity, "security"),
            ("skeptic", "WARNING", "design"),
            ("sage", "WARNING", "quality"),
            ("trickster", "WARNING", "testing"),
        ] {
            write!(
                text,
                "- role: {role}
  cycle: {cycle}
  runs: {LOOKS}
  says: |
    | Location | Severity | Category | Description | Fix |
    |---|---|---|---|---|
    | greeting.txt:1 | {severity} | {category} | {role}-{cycle} at {}; output: `x` | - |
    ### Verdict: APPROVED
",
                // Words, as numbers alone do not make findings different.
                ["once", "twice", "thrice"][cycle as usize - 1]
            )
            .expect("a string");
        }
    }
    text
}

/// What an agent is told: titles in order, and marks. `reviewers` are those of the workflow.
fn told(
    role: &str,
    cycle: u32,
    explores: bool,
    reviewers: &[&str],
) -> (Vec<&'static str>, BTreeSet<String>) {
    let last = cycle - 1;
    let found = |roles: &[&str]| -> Vec<String> {
        let roles = roles
            .iter()
            .filter(|role| cycle > 1 && reviewers.contains(*role));
        roles.map(|role| format!("{role}-{last}")).collect()
    };
    let plan = || {
        ["PROPOSAL", "RISK", "REST"]
            .map(|mark| format!("{mark}-{cycle}"))
            .to_vec()
    };
    let diff = || {
        (1..=cycle)
            .map(|one| format!("DIFF-{one}"))
            .collect::<Vec<_>>()
    };
    let risk = || vec![format!("RISK-{cycle}")];
    let (titles, marks) = match role {
        "explorer" => (vec!["Task"], vec!["TASK-MARK".to_owned()]),
        "creator" => {
            let mut titles = vec!["Task"];
            let mut marks = vec!["TASK-MARK".to_owned()];
            if explores {
                titles.push("Research");
                marks.push("RESEARCH-MARK".to_owned());
            }
            if cycle > 1 {
                titles.push("Feedback of the last cycle");
            }
            marks.extend(found(&["guardian", "skeptic", "sage", "trickster"]));
            // The feedback also tells what is resolved of the cycle before the last.
            let gone = reviewers.iter().filter(|_| cycle > 2);
            marks.extend(gone.map(|role| format!("{role}-{}", cycle - 2)));
            (titles, marks)
        }
        "maker" => {
            let handed = found(&["sage", "trickster"]);
            let mut titles = vec!["Proposal"];
            if !handed.is_empty() {
                titles.push("Implementation feedback");
            }
            (titles, [plan(), handed].concat())
        }
        "guardian" => (
            vec!["Change", "Risks the proposal names"],
            [diff(), risk()].concat(),
        ),
        "skeptic" => (vec!["Proposal"], plan()),
        "sage" => {
            let report = vec![format!("REPORT-{cycle}")];
            let titles = vec!["Proposal", "Change", "Report of the Maker"];
            (titles, [plan(), diff(), report].concat())
        }
        "trickster" => (vec!["Change"], diff()),
        other => panic!("{other} is no role"),
    };
    (titles, marks.into_iter().collect())
}

/// The cycles whose change an agent's copy shows.
fn seen(role: &str, cycle: u32) -> u32 {
    match role {
        "explorer" | "skeptic" => 0,
        "creator" | "maker" => cycle - 1,
        _ => cycle,
    }
}

#[test]
fn every_agent_of_every_workflow_and_cycle_has_its_inputs_and_no_others() {
    let all = ["guardian", "skeptic", "sage", "trickster"];
    for (workflow, cycles, explores, reviewers) in [
        ("fast", 2, false, &all[..1]),
        ("standard", 2, true, &all[..3]),
        ("thorough", 3, true, &all[..]),
    ] {
        let world = World::new(&[&script(cycles)]);
        let limit = cycles.to_string();
        let arguments = [
            "--workflow",
            workflow,
            "--max-cycles",
            &limit,
            "--yes",
            "--json",
        ];
        let mut run = vec!["run", "TASK-MARK"];
        run.extend(arguments);
        let (id, document) = world.document(0, &run);
        assert_eq!(document["status"], "merged", "{workflow}: {document}");
        assert_eq!(document["cycle"], cycles, "{workflow}");

        let mut marks: BTreeSet<String> = ["TASK-MARK", "RESEARCH-MARK"].map(str::to_owned).into();
        for cycle in 1..=cycles {
            let words = ["PROPOSAL", "RISK", "REST", "DIFF", "REPORT"];
            marks.extend(
                words
                    .iter()
                    .chain(&all)
                    .map(|word| format!("{word}-{cycle}")),
            );
        }
        let mut started = Vec::new();
        for process in world.processes(&id) {
            let (name, cycle) = (
                process["name"].as_str().expect("text"),
                process["cycle"].as_u64(),
            );
            let cycle = u32::try_from(cycle.expect("a cycle")).expect("small");
            let number = process["number"].as_u64().expect("a number");
            let of = format!("{workflow}, {name} in cycle {cycle}");
            started.push((name.to_owned(), cycle));
            let file = |what: &str| {
                let path = world
                    .place("runs", &id)
                    .join(format!("{number:03}-{name}-{what}"));
                std::fs::read_to_string(path).expect("kept")
            };
            let prompt = file("prompt.md");
            let (titles, wanted) = told(name, cycle, explores, reviewers);
            let is_title = |line: &&str| line.starts_with("## ");
            // Material stands in a fence of `~`; what is in it has no titles of archal's own.
            let mut is_within = false;
            let own = prompt.lines().filter(|line| {
                is_within ^= line.starts_with("~~~~");
                !is_within
            });
            let shown: Vec<&str> = own.filter(is_title).map(|line| &line[3..]).collect();
            assert_eq!(shown, titles, "{of}:\n{prompt}");
            let there: BTreeSet<String> = marks
                .iter()
                .filter(|mark| prompt.contains(*mark))
                .cloned()
                .collect();
            assert_eq!(there, wanted, "{of}:\n{prompt}");
            let output = file("output.log");
            // Its answer, which stands before it, may end without a line end.
            let lines = output.lines();
            let copies: Vec<&str> = lines
                .filter_map(|line| line.get(line.find("SEEN-")?..))
                .collect();
            let wanted: Vec<String> = (1..=seen(name, cycle))
                .map(|one| format!("SEEN-DIFF-{one}"))
                .collect();
            assert_eq!(copies, wanted, "{of}");
        }
        // Nobody is missing, and the Explorer works once.
        let mut wanted = Vec::new();
        for cycle in 1..=cycles {
            let explorer = (explores && cycle == 1).then_some("explorer");
            let roles = explorer.into_iter().chain(["creator", "maker"]);
            wanted.extend(
                roles
                    .chain(reviewers.iter().copied())
                    .map(|role| (role.to_owned(), cycle)),
            );
        }
        started.sort();
        wanted.sort();
        assert_eq!(started, wanted, "{workflow}");
    }
}
