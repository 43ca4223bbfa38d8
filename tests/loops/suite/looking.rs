//! What is found out without running anything, tasks without a file, and scenarios that show nothing.

use super::*;

fn quiet(harness: &str) -> TestEnv {
    let world = world();
    world.write("harness.sh", &format!("touch ran\n{harness}"));
    world
}

fn never_ran(world: &TestEnv) {
    assert!(!world.repo().join("ran").exists());
    assert_eq!(
        names(&world.repo().join(".archal/cache/runs")),
        Vec::<String>::new()
    );
}

#[test]
fn a_preflight_checks_everything_up_to_the_agent() {
    let world = quiet("echo good\n");
    world.write("all/one.md", &scenario("one", GOOD, "runs: 3"));
    let idle = "[D] Nothing is wrong: `size(diff.github.issues.added) == 0`";
    world.write("all/two.md", &scenario("two", idle, ""));
    let output = world.run(&["run", "all", "--preflight-only"]).ended(0);
    insta::assert_snapshot!(output, @r"
    exit code: 0
    ----- stdout -----
    harness: sh $TEST_ENV/repo/harness.sh (from $TEST_ENV/repo/harness.sh)
    ready one: 3 runs on github, 1 criterion, route isolated
    ready two: 1 run on github, 1 criterion, route isolated
      nothing-is-wrong holds before anything is done
      every criterion holds on the untouched starting state: an agent that does nothing passes
    nothing was run
    ----- stderr -----
    ");
    never_ran(&world);
    let document = json(&world, &["all", "--preflight-only"]).ended(0).json();
    assert_eq!(document["schema"], "archal.run-preflight");
    ends(
        &world,
        &["run", "all", "--preflight-only", "--harness", "no.sh"],
        3,
    );
    let seeded = "# Seeded\n\n## Setup\n\n```json\n{\"isues\": []}\n```\n\n## Prompt\n\nDo.\n\n\
                  ## Checks\n\n- [D] `run.exitCode == 0`\n\n## Config\n\nclones: github\n";
    world.write("all/three.md", seeded);
    let output = world.run(&["run", "all", "--preflight-only"]).ended(2);
    assert!(output.stderr.contains("isues"), "{output}");
}

#[test]
fn a_dry_run_estimates_from_earlier_runs_and_says_what_is_unknown() {
    let world = quiet("echo good\nprintf '{\"costUsd\": 0.02}' > \"$AGENT_METRICS_FILE\"\n");
    world.write("all/one.md", &scenario("one", GOOD, ""));
    let arguments = ["run", "all", "--dry-run", "-n", "4", "--jobs", "2"];
    let output = world.run(&arguments).ended(0);
    insta::assert_snapshot!(output, @r"
    exit code: 0
    ----- stdout -----
    4 runs of 1 scenario, 2 at once
      one on github: 4 runs, never run here; at most 60 s each
    time: unknown, at most 2 min
    cost: unknown
    nothing was run
    ----- stderr -----
    ");
    never_ran(&world);
    assert!(!world.repo().join(".archal").exists(), "nothing is made");
    ends(&world, &["run", "all", "-n", "2"], 0);
    world.write("all/two.md", &scenario("two", GOOD, ""));
    let output = world
        .run(&arguments)
        .ended(0)
        .with(r"about (\d+\.\d s|\d+ ms)", "about N s");
    insta::assert_snapshot!(output, @r"
    exit code: 0
    ----- stdout -----
    8 runs of 2 scenarios, 2 at once
      one on github: 4 runs, about N s each, from 2 earlier runs, about $0.0200 each
      two on github: 4 runs, never run here; at most 60 s each
    time: about N s and that of 4 runs never run here, at most 4 min
    cost: about $0.0800 and that of 4 runs, which is unknown
    nothing was run
    ----- stderr -----
    ");
    let document = json(&world, &["all", "--dry-run", "-n", "4"])
        .ended(0)
        .json();
    assert_eq!(document["schema"], "archal.run-estimate");
    assert_eq!(document["knownRuns"], 4);
    assert_eq!(document["usd"], 0.08);
}

#[test]
fn a_task_without_a_file_is_checked_for_its_exit_and_nothing_else() {
    let world = quiet("printf '%s' \"$AGENT_TASK\"\n");
    let task = "Say hello\n\n## Success Criteria\n\n- [D] `false`";
    let output = json(&world, &["--task", task, "--clone", "github"]).ended(0);
    let document = output.json();
    let one = &document["scenarios"][0];
    assert_eq!(one["title"], "Say hello");
    assert_eq!(one["criteria"][0]["label"], "The run exits successfully");
    let answer = one["results"][0]["answer"].as_str().expect("text");
    assert!(answer.contains("`false`"), "{answer}");
    assert!(output.stderr.contains("no criteria of its own"), "{output}");
    assert!(
        one["vacuous"]
            .as_str()
            .is_some_and(|why| why.contains("does nothing passes"))
    );
    ends(&world, &["run", "--task", "x"], 2);
    let output = world
        .run(&["run", "--task", "x", "--clone", "gihub"])
        .ended(2);
    assert!(output.stderr.contains("did you mean `github`"), "{output}");
    world.write("harness.sh", "exit 3\n");
    ends(&world, &["run", "--task", "x", "--clone", "github"], 1);
}

#[test]
fn a_scenario_that_shows_nothing_says_so() {
    let close = r#"
case "$AGENT_TASK" in *empty*)
curl -fsS -X PATCH -H "Authorization: Bearer $GITHUB_TOKEN" -d '{"state": "closed"}' \
  https://api.github.com/repos/me/app/issues/1
esac
echo good
"#;
    let world = quiet(close);
    let idle = "[D] `size(diff.github.issues.added) == 0`";
    // Does not hold before; afterwards there is no open issue left to hold it for.
    let empty = "[D] `github.issues.filter(i, i.state == \"open\").all(i, i.title == \"Kept\")`";
    let both = [("idle", idle), ("empty", empty), ("real", GOOD)];
    for (name, check) in both {
        world.write(format!("all/{name}.md"), &scenario(name, check, ""));
    }
    let issue = "## Setup\n\n```yaml\nactor: me\nusers: [{login: me}]\nrepos: [{full_name: me/app}]\n\
                 issues: [{repo: me/app, number: 1, title: First, user: me}]\n```\n\n## Prompt";
    let with_issue = scenario("empty", empty, "").replace("## Prompt", issue);
    world.write("all/empty.md", &with_issue);
    let document = json(&world, &["all"]).ended(0).json();
    let vacuous = |at: usize| document["scenarios"][at]["vacuous"].as_str();
    // In the order of their files: empty, idle, real.
    assert!(
        vacuous(0).is_some_and(|why| why.contains("nothing it applies to")),
        "{document}"
    );
    assert_eq!(document["scenarios"][0]["criteria"][0]["vacuous"], 1);
    assert!(
        vacuous(1).is_some_and(|why| why.contains("untouched")),
        "{document}"
    );
    assert_eq!(vacuous(2), None);
}

#[test]
fn bare_seeds_bind_to_the_only_clone_that_has_them() {
    let world = quiet("echo good\n");
    world.write("one.md", &scenario("one", GOOD, ""));
    let seed = |seed: &str, code| world.run(&["run", "one.md", "--seed", seed]).ended(code);
    ends(&world, &["run", "one.md", "--seed", "stale-issues"], 0);
    ends(
        &world,
        &["run", "one.md", "--seed", "github:stale-issues"],
        0,
    );
    let output = seed("stale-isues", 2);
    assert!(
        output.stderr.contains("did you mean `stale-issues`?"),
        "{output}"
    );
    let output = seed("github:empty,github:stale-issues", 2);
    assert!(output.stderr.contains("two starting states"), "{output}");
    ends(&world, &["run", "one.md", "--seed", "gone.json"], 2);
}
