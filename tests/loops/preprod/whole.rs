//! The whole loop on an agent that has no scenario yet: the plan writes them, the run finds a defect, a
//! fixer repairs it, and what is proved becomes a draft pull request with the scenarios in it.

use super::super::world;
use super::published::Desk;
use super::{OUT, commit, ended, is, text};

/// Does by rule what a model would do with the tasks of the first scenarios; it writes titles wrongly.
const AGENT: &str = r#"
import json, os, re, urllib.error, urllib.request

TASK = os.environ.get("AGENT_TASK", "")
REPOSITORY = (re.findall(r"[\w.-]+/[\w-]+", TASK) or [""])[0]


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": "Bearer " + os.environ.get("GITHUB_TOKEN", "")}
    url = "https://api.github.com/repos/" + REPOSITORY + path
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    for attempt in range(3):
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return None


if TASK.startswith("List the open issues"):
    issues = call("GET", "/issues?state=open")
    print("; ".join(issue["title"] for issue in issues) or "Nothing is open.")
elif TASK.startswith("Open an issue"):
    title = re.search('title "([^"]+)"', TASK).group(1)
    made = call("POST", "/issues", {"title": title.lower(), "body": "Asked for."})
    print("Opened", made["number"])
elif TASK.startswith("Close issue"):
    number = re.search(r"issue (\d+)", TASK).group(1)
    found = call("GET", "/issues/" + number)
    print("There is no such issue." if found is None else "It is there.")
else:
    print("OK")
"#;

#[test]
fn a_plan_a_defect_a_fix_its_proof_and_a_draft() {
    let world = world();
    world.write("janitor/agent.py", AGENT);
    world.write(
        "janitor/.mcp.json",
        r#"{"mcpServers": {"github": {"command": "github-mcp-server"}}}"#,
    );
    commit(&world);
    let desk = Desk::of(world);
    let plan = [
        "preprod",
        "plan",
        "--json",
        "--repo",
        "janitor",
        "--write-scenarios",
        "--write-config",
    ];
    let plan = desk.world.run(&plan).ended(0).json();
    let authored = plan["authoredScenarios"].as_array().expect("a list");
    assert_eq!(authored.len(), 5, "{plan}");

    // Classified first, as the plan says.
    let output = desk.preprod(&["--dry-run"]);
    is(&ended(&desk.world, &output), "dry_run", "classified", 1);
    let document = desk.document();
    let failures = document["failures"].as_array().expect("a list");
    assert_eq!(failures.len(), 1, "{document}");
    assert_eq!(failures[0]["scenario"], "one-change");
    assert_eq!(failures[0]["category"], "agent");
    assert_eq!(failures[0]["forFixer"], true);

    let fix = "sed -i 's/title.lower()/title/' agent.py";
    let validation = "python3 -m py_compile agent.py";
    let output = desk.preprod(&["--fix-command", fix, "--validation-command", validation]);
    is(&ended(&desk.world, &output), "passed", "fixed", 0);
    let document = desk.document();
    let attempt = &document["attempts"][0];
    assert_eq!(attempt["proved"][0]["scenario"], "one-change");
    assert_eq!(
        attempt["proved"][0]["heldBack"]["status"], "passed",
        "{attempt}"
    );
    assert_eq!(attempt["others"].as_array().map(Vec::len), Some(4));
    assert_eq!(document["validation"]["passed"], true);
    assert_eq!(
        document["pr"]["findings"],
        serde_json::json!([]),
        "{document}"
    );
    let pulls = desk.pulls();
    assert_eq!(pulls.len(), 1, "{pulls:?}");
    assert_eq!(pulls[0]["draft"], true);
    let files = desk.api("repos/mona/janitor/pulls/1/files");
    let mut files: Vec<String> = files
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| text(&file["filename"]))
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            ".archal.json",
            "agent.py",
            "archal/a-service-that-fails-once.md",
            "archal/one-change.md",
            "archal/read-only.md",
            "archal/smoke.md",
            "archal/what-cannot-be-done.md",
        ]
    );

    // What is merged passes.
    desk.exec(
        "cd janitor && git stash --quiet --include-untracked && \
         git merge --quiet --ff-only $(git for-each-ref --format='%(refname)' refs/heads/archal)",
    );
    std::fs::remove_dir_all(desk.world.repo().join(OUT)).expect("there");
    let output = desk.preprod(&[]);
    is(
        &ended(&desk.world, &output),
        "passed",
        "scenarios_passed",
        0,
    );
}
