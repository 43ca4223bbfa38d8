//! Each failure mode shows where it should and nowhere near.

use super::*;

fn diff(files: &[(&str, usize)]) -> String {
    let mut text = String::new();
    for (file, lines) in files {
        text += &format!("diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n");
        text += &"+ line\n".repeat(*lines);
    }
    text
}

fn shows(role: Role, output: &str, diff: &str, proposal: &str) -> Option<String> {
    let seen = Seen {
        output,
        diff,
        proposal,
    };
    detect(role, &seen).map(|shadow| shadow.trigger)
}

fn rows(critical: usize, warning: usize) -> String {
    let row = |severity: &str, number: usize| {
        let word = "x".repeat(number + 1);
        format!("| {severity} | a.rs:{number} | security | problem {word} | fix |\n")
    };
    (0..critical)
        .map(|number| row("CRITICAL", number))
        .collect::<String>()
        + &(0..warning)
            .map(|number| row("WARNING", number))
            .collect::<String>()
}

#[test]
fn a_guardian_is_paranoid_by_the_documented_numbers() {
    for (critical, warning, wanted) in [(3, 0, true), (4, 2, false), (5, 2, true), (2, 0, false)] {
        let found = shows(Role::Guardian, &rows(critical, warning), "", "");
        assert_eq!(found.is_some(), wanted, "{critical}:{warning} {found:?}");
    }
    // Prose that names severities is no finding.
    assert_eq!(
        shows(Role::Guardian, &"No CRITICAL here.\n".repeat(9), "", ""),
        None
    );
}

#[test]
fn an_explorer_gets_lost_and_a_creator_builds_too_much() {
    let long = "word ".repeat(2001);
    assert!(shows(Role::Explorer, &long, "", "").is_some());
    assert_eq!(
        shows(Role::Explorer, &(long + "\n### Recommendation\n"), "", ""),
        None
    );
    let files: String = (0..16)
        .map(|number| format!("src/a{number}.rs\n"))
        .collect();
    assert!(shows(Role::Explorer, &files, "", "").is_some());
    assert_eq!(
        shows(Role::Explorer, &(files + "The pattern is one.\n"), "", ""),
        None
    );
    let grand = "Use an abstract factory.\n".repeat(3);
    assert!(shows(Role::Creator, &grand, "", "").is_some());
    assert_eq!(
        shows(
            Role::Creator,
            "Use an abstract factory.\nChange src/a.rs.\n",
            "",
            ""
        ),
        None
    );
}

#[test]
fn a_maker_is_held_to_tests_and_to_the_proposal() {
    let proposal = "Change src/a.rs, src/b.rs, src/c.rs and tests/a.rs.";
    let three = diff(&[("src/a.rs", 1), ("src/b.rs", 1), ("src/c.rs", 1)]);
    assert!(shows(Role::Maker, "3 tests passed", &three, proposal).is_some());
    let tested = diff(&[("src/a.rs", 20), ("tests/a.rs", 5), ("README.md", 90)]);
    assert_eq!(
        shows(Role::Maker, "3 tests passed", &tested, proposal),
        None
    );
    assert!(shows(Role::Maker, "done", &tested, proposal).is_some());
    let other = diff(&[("src/other.rs", 2), ("tests/a.rs", 2)]);
    let told = shows(Role::Maker, "3 tests passed", &other, proposal).expect("rogue");
    assert!(told.contains("src/other.rs"), "{told}");
}

#[test]
fn reviewers_are_held_to_the_change() {
    let change = diff(&[("src/a.rs", 200), ("src/b.rs", 1)]);
    let outside = "| WARNING | src/z.rs:3 | reliability | breaks | x |\n";
    assert!(shows(Role::Trickster, outside, &change, "").is_some());
    let inside = "| WARNING | src/a.rs:3 | reliability | breaks | x |\n";
    assert_eq!(shows(Role::Trickster, inside, &change, ""), None);
    let far = "See src/x.rs, src/y.rs and src/z.rs.\n";
    assert!(shows(Role::Sage, far, &change, "").is_some());
    assert_eq!(
        shows(
            Role::Sage,
            "See src/a.rs, src/b.rs and src/z.rs.\n",
            &change,
            ""
        ),
        None
    );
    let wordy = "word ".repeat(500);
    assert!(shows(Role::Sage, &wordy, &change, "").is_some());
    assert_eq!(shows(Role::Sage, &"word ".repeat(300), &change, ""), None);
    assert!(shows(Role::Sage, &"Consider this one.\n".repeat(3), &change, "").is_some());
    let challenges = "### Challenge: it\n".repeat(8);
    assert!(shows(Role::Skeptic, &challenges, "", "").is_some());
    assert_eq!(
        shows(
            Role::Skeptic,
            &(challenges + &"**Alternative:** x\n".repeat(4)),
            "",
            ""
        ),
        None
    );
}

#[test]
fn a_cycle_has_failure_modes_of_its_own() {
    let names = |reviews: &[(Role, &str)], diff: &str, proposal: &str| {
        let reviews: Vec<(Role, Review)> = reviews
            .iter()
            .map(|(role, text)| (*role, review::read(*role, text)))
            .collect();
        let shadows = of_cycle(&reviews, diff, proposal);
        shadows.iter().map(|shadow| shadow.name).collect::<Vec<_>>()
    };
    let approved = "No findings.\n### Verdict: APPROVED\n";
    let two = [(Role::Guardian, approved), (Role::Sage, approved)];
    assert_eq!(names(&two, "", ""), ["echo_chamber"]);
    assert_eq!(names(&two[..1], "", ""), [""; 0]);
    let same = rows(3, 0);
    let tunnel = [(Role::Guardian, same.as_str()), (Role::Sage, approved)];
    assert_eq!(names(&tunnel, "", ""), ["tunnel_vision"]);
    let many = diff(&[("a/a.rs", 1), ("a/b.rs", 1), ("a/c.rs", 1)]);
    assert_eq!(names(&two[..1], &many, "Change a/a.rs."), ["scope_creep"]);
    let polish =
        "| CRITICAL | a.rs:1 | security | x | y |\n| INFO | a.rs:2 | quality | z | rename |\n";
    assert_eq!(names(&[(Role::Guardian, polish)], "", ""), ["gold_plating"]);
}

#[test]
fn the_ladder_ends_with_the_user() {
    assert_eq!(
        [step(1), step(2), step(3), step(9)],
        [Step::Correct, Step::Replace, Step::Ask, Step::Ask]
    );
}
