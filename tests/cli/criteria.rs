//! `archal criteria explain`.

use super::environment;

#[test]
fn a_sentence_is_shown_with_its_cel_and_both_readings() {
    let sentence = "Exactly 4 issues are closed";
    let output = environment().run(&["criteria", "explain", sentence, "--clone", "github"]);
    insta::assert_snapshot!(output, @r#"
        exit code: 0
        ----- stdout -----
        size(github.issues.filter(i, i.state == "closed")) == 4
          read as  Exactly 4 issues are closed
          of the final state, which decides
            size(github.issues.filter(i, i.state == "closed")) == 4
            without doubt: Exactly 4 issues are closed at the end
          of the change
            size(diff.github.issues.changed.filter(c, c.before.state != "closed" && c.after.state == "closed").map(c, c.after) + diff.github.issues.added.filter(c, c.state == "closed")) == 4
            without doubt: Exactly 4 issues were closed during the run
          words    4 (number), issues (noun of github), closed (state of github)
        ----- stderr -----
        "#);
}

#[test]
fn a_refused_sentence_names_the_part_that_is_not_understood() {
    let output = environment().run(&["criteria", "explain", "Exactly 4 isues are closed"]);
    insta::assert_snapshot!(output, @r"
        exit code: 1
        ----- stdout -----
        not understood: isues
          why   this word is not known
          help  did you mean `issues`?
          or write the condition as CEL in backticks, or tag it [P] for the judge
        ----- stderr -----
        ");
    let output = environment()
        .run(&["criteria", "explain", "--json", "All issues are not closed"])
        .ended(1);
    let document = output.json();
    super::schema::holds(&document);
    assert_eq!(document["refused"]["part"], "are not closed");
}

#[test]
fn an_unknown_clone_is_a_usage_error() {
    let output = environment()
        .run(&["criteria", "explain", "No errors", "--clone", "githb"])
        .ended(2);
    assert!(
        output.stderr.contains("did you mean \"github\"?"),
        "{}",
        output.stderr
    );
}
