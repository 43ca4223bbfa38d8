//! `archal clone list`.

use super::environment;

#[test]
fn every_clone_of_the_catalogue_is_listed() {
    let output = environment().run(&["clone", "list", "--json"]).ended(0);
    let document = output.json();
    let listed: Vec<&str> = document["clones"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|clone| clone["name"].as_str())
        .collect();
    let catalogue: Vec<&str> = archal::app::clones()
        .iter()
        .map(|clone| clone.name)
        .collect();
    assert_eq!(listed, catalogue);
    let text = environment().run(&["clone", "list"]).ended(0).stdout;
    assert!(catalogue.iter().all(|name| text.contains(name)), "{text}");
}

#[test]
fn an_unknown_action_is_a_usage_error() {
    let output = environment().run(&["clone", "lists"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: unrecognized subcommand 'lists'

          tip: a similar subcommand exists: 'list'

        Usage: archal clone [OPTIONS] <COMMAND>

        For more information, try '--help'.
        ");
}
