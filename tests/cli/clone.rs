//! `archal clone list`, `archal clone schema` and `archal clone tools`.

use super::environment;

#[test]
fn every_clone_of_the_catalogue_is_listed() {
    let output = environment().run(&["clone", "list", "--json"]).ended(0);
    let document = output.json();
    super::schema::holds(&document);
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
fn the_schema_of_a_clone_is_what_criteria_can_read() {
    let text = environment()
        .run(&["clone", "schema", "github"])
        .ended(0)
        .stdout;
    let issues = text.find("github.issues  ").expect("a collection");
    let labels: Vec<&str> = text[issues..]
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with(char::is_whitespace))
        .filter(|line| line.trim_start().starts_with("labels"))
        .map(str::trim)
        .collect();
    insta::assert_snapshot!(labels.join("\n"), @r###"
        labels                       list of object
        labels[].name                text
        labels[].color               text
        labels[].description         text or null
        "###);
    let output = environment().run(&["clone", "schema", "github", "--json"]);
    let document = output.ended(0).json();
    super::schema::holds(&document);
    let clone = archal::app::clones()
        .iter()
        .find(|clone| clone.name == "github");
    let collections = clone.expect("github").collections;
    assert_eq!(
        document["collections"],
        serde_json::to_value(collections).expect("JSON")
    );
    // Every collection and every field of it has its line.
    for collection in collections {
        assert!(text.contains(&format!("github.{}  {}", collection.name, collection.about)));
        for field in collection.fields {
            assert!(text.contains(&format!("\n  {} ", field.name)), "{text}");
        }
    }
    let unknown = environment().run(&["clone", "schema", "gihub"]).ended(2);
    assert!(
        unknown.stderr.contains("did you mean \"github\"?"),
        "{unknown}"
    );
}

#[test]
fn the_tools_of_a_clone_are_told_with_the_operations_they_call() {
    let output = environment().run(&["clone", "tools", "github", "--json"]);
    let document = output.ended(0).json();
    super::schema::holds(&document);
    let clone = archal::app::clones()
        .iter()
        .find(|clone| clone.name == "github");
    let clone = clone.expect("github");
    let face = clone.mcp.expect("tools");
    let listed = document["tools"].as_array().expect("a list");
    let text = environment().run(&["clone", "tools", "github"]).ended(0);
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines.len(), 2 * face.tools.len() + 1, "{text}");
    assert_eq!(listed.len(), face.tools.len());
    for ((tool, row), said) in face.tools.iter().zip(listed).zip(lines.chunks(2)) {
        assert_eq!(row["name"], tool.name);
        assert_eq!(row["operations"], serde_json::json!(tool.operations));
        assert_eq!(row["inputSchema"]["type"], "object", "{row}");
        assert_ne!(row["description"], "", "{row}");
        let title = row["title"].as_str().expect("text");
        assert_eq!(said[0], format!("{}  {title}", tool.name));
        assert_eq!(said[1], format!("  calls  {}", tool.operations.join(", ")));
        for name in tool.operations {
            let is_there = clone.operations.iter().any(|info| info.id == *name);
            assert!(is_there, "{name}");
        }
    }
    assert_eq!(document["unmodelled"], serde_json::json!(face.unmodelled));
    let last = format!("{} more tools of {} ", face.unmodelled.len(), face.server);
    assert!(lines[lines.len() - 1].starts_with(&last), "{text}");
    let unknown = environment().run(&["clone", "tools", "gihub"]).ended(2);
    assert!(
        unknown.stderr.contains("did you mean \"github\"?"),
        "{unknown}"
    );
}

#[test]
fn an_unknown_action_is_a_usage_error() {
    let output = environment().run(&["clone", "lists"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: unrecognized subcommand 'lists'

          tip: some similar subcommands exist: 'status', 'list'

        Usage: archal clone [OPTIONS] <COMMAND>

        For more information, try '--help'.
        ");
}
