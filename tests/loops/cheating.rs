//! Fixes that look like one and are none, and what a fixer reaches for beside the agent.

use serde_json::Value;

use super::attach::{again, attach, job};
use super::{git, kept_demo, listing, only_folder, untouched_demo};

const ALLOWED: &[&str] = &["--allow-external-execution", "--fix-command"];

const RIGHT: &str = "python3 fix.py";

fn fixed_by(world: &archal_testkit::cli::TestEnv, command: &str) -> Value {
    again(world);
    job(&attach(
        world,
        "demo/traces",
        &[ALLOWED[0], ALLOWED[1], command],
    ))
}

fn reason(job: &Value) -> &str {
    job["reason"].as_str().expect("text")
}

#[test]
fn an_agent_that_does_nothing_is_not_repaired() {
    let (world, _) = untouched_demo();
    let scenario = world.read("demo/archal/close-stale-issues.md");
    let narrow: Vec<&str> = scenario
        .lines()
        .filter(|line| !line.starts_with("- [D]") || line.contains("No issue labelled"))
        .collect();
    world.write("demo/archal/close-stale-issues.md", &narrow.join("\n"));
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "narrow"],
    );
    let job = fixed_by(&world, "echo 'print(1)' > agent.py");
    assert_eq!(job["status"], "fix_failed", "{job}");
    assert!(reason(&job).contains("makes no call"), "{job}");
}

#[test]
fn what_the_agent_writes_while_it_runs_is_no_part_of_the_patch() {
    let (world, demo) = untouched_demo();
    let command = format!(
        "{RIGHT} && sed -i 's/^def main.*/&\\n    open(\"memory.json\", \"w\").write(\"x\"); open(\".archal.json\", \"w\").write(\"\")/' agent.py"
    );
    let job = fixed_by(&world, &command);
    assert_eq!(job["status"], "fixed", "{job}");
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let patch = std::fs::read_to_string(fixes.join("repo.patch")).expect("written");
    let files: Vec<&str> = patch
        .lines()
        .filter_map(|line| line.strip_prefix("diff --git a/"))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    assert_eq!(files[0], "agent.py");
    assert!(
        files[1..]
            .iter()
            .all(|file| file.starts_with("archal/regressions/")),
        "{files:?}"
    );
}

#[test]
fn links_out_of_the_workspace_are_refused() {
    let (world, demo) = untouched_demo();
    let outside = world.repo().join("outside");
    std::fs::create_dir(&outside).expect("writable");
    let before = listing(&demo);
    for name in ["data", "archal/regressions"] {
        let command = format!("{RIGHT} && ln -s {} {name}", outside.display());
        let job = fixed_by(&world, &command);
        let linked = std::fs::read_dir(&outside).expect("readable").count();
        assert_eq!(linked, 0, "{job}");
        // A link in a place that is put back is gone before the proof; elsewhere it is refused.
        match name {
            "data" => assert!(reason(&job).contains("symbolic link"), "{job}"),
            _ => assert_eq!(job["status"], "fixed", "{job}"),
        }
    }
    assert_eq!(listing(&demo), before);
}

#[test]
fn a_fixer_cannot_write_to_the_users_repository() {
    let (world, demo) = untouched_demo();
    let before = listing(&demo);
    let git_folder = demo.join(".git");
    let command = format!(
        "echo evil >> {0}/config; echo x > {0}/hooks/pre-commit; echo y >> {1}/agent.py; {RIGHT}",
        git_folder.display(),
        demo.display()
    );
    let job = fixed_by(&world, &command);
    assert_eq!(job["status"], "fixed", "{job}");
    assert_eq!(listing(&demo), before);
}

#[test]
fn a_fixer_does_not_get_the_agents_keys_and_what_it_prints_is_redacted() {
    let (mut world, demo) = untouched_demo();
    world.write(
        "demo/.archal.json",
        r#"{"agent": {"command": "python3", "args": ["agent.py"]}, "scenarios": ["archal"],
            "agentKeys": ["MODEL_CREDENTIAL"], "workspace": {"env": ["BUILD_KEY"]}}"#,
    );
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "keys"],
    );
    world
        .set("MODEL_CREDENTIAL", "sk-live-abc123secret")
        .set("BUILD_KEY", "build-key-456secret");
    let job = fixed_by(
        &world,
        &format!("env; echo password=hunter2hunter2; {RIGHT}"),
    );
    assert_eq!(job["status"], "fixed", "{job}");
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let said = std::fs::read_to_string(fixes.join("transcript.log")).expect("written");
    assert!(!said.contains("MODEL_CREDENTIAL"), "{said}");
    assert!(
        said.contains("BUILD_KEY=") && !said.contains("456secret"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn an_agent_found_by_its_name_is_repaired_too_and_runs_do_not_see_each_other() {
    let (world, _) = untouched_demo();
    let agent = world.read("demo/agent.py").replace(
        "def main() -> int:\n",
        "def main() -> int:\n    if os.path.exists('done.txt') or os.path.exists(os.path.expanduser('~/done.txt')):\n        return 9\n    open('done.txt', 'w').close()\n    open(os.path.expanduser('~/done.txt'), 'w').close()\n",
    );
    assert!(agent.contains("done.txt"));
    world.write("demo/harness.py", &agent);
    world.write("demo/.archal.json", r#"{"scenarios": ["archal"]}"#);
    git(&world, "demo", &["rm", "--quiet", "-f", "agent.py"]);
    git(&world, "demo", &["add", "--all"]);
    git(&world, "demo", &["commit", "--quiet", "-m", "by name"]);
    let job = fixed_by(
        &world,
        "sed -i 's/agent.py/harness.py/' fix.py && python3 fix.py && git checkout -q fix.py",
    );
    assert_eq!(job["status"], "fixed", "{job}");
    assert_eq!(job["red"]["k"], 2, "{job}");
}

/// Keeps the issues that the agent closed wrongly, by what tells them in the trace alone.
pub(super) fn special_casing(condition: &str) -> String {
    let wrong = "stale += [issue for issue in issues if is_stale(issue, cutoff)]";
    format!(
        "python3 - <<'EOF'\nimport pathlib\nagent = pathlib.Path('agent.py')\n\
         source = agent.read_text()\nassert {wrong:?} in source\n\
         agent.write_text(source.replace({wrong:?}, {right:?}))\nEOF",
        right = wrong.replace(
            "is_stale(issue, cutoff)",
            &format!("is_stale(issue, cutoff) and not ({condition})")
        )
    )
}

#[test]
fn a_fix_that_knows_the_numbers_or_names_of_the_trace_alone_fails_on_the_held_back_variation() {
    let (world, demo) = untouched_demo();
    for condition in [
        "is_kept(issue) and issue['number'] < 60",
        "is_kept(issue) and '/acme/webapp/' in issue['url']",
    ] {
        let job = fixed_by(&world, &special_casing(condition));
        assert_eq!(job["status"], "fix_failed", "{job}");
        assert!(
            reason(&job).contains("held-back variation: red without"),
            "{job}"
        );
        assert!(reason(&job).contains("failure still shows"), "{job}");
        let fixes = only_folder(&demo.join(".archal/attach/fixes"));
        let proof = std::fs::read_to_string(fixes.join("proof.json")).expect("written");
        let proof: Value = serde_json::from_str(&proof).expect("JSON");
        assert_eq!(proof["proven"], false);
        assert_eq!(proof["heldBack"]["status"], "failed");
        assert_eq!(proof["heldBack"]["base"][0]["shown"]["kind"], "red-same");
        assert!(!fixes.join("repo.patch").exists());
    }
}

#[test]
fn what_a_fixer_can_read_says_nothing_of_the_variation() {
    let (world, demo) = kept_demo();
    let command = format!(
        "find {} .. -name 'held-back*'; {RIGHT}",
        demo.join(".archal/attach").display(),
    );
    let job = fixed_by(&world, &command);
    assert_eq!(job["status"], "fixed", "{job}");
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let said = std::fs::read_to_string(fixes.join("transcript.log")).expect("written");
    let found = |line: &&str| line.contains("held-back");
    let seen: Vec<&str> = said.lines().filter(found).collect();
    // What an earlier pass left is of another secret.
    let of_the_first = |line: &&str| line.ends_with("/r1/held-back.json");
    assert!(seen.iter().any(of_the_first), "{said}");
    assert!(seen.iter().all(|line| line.contains("/r1/")), "{said}");
    let secret = |file: &str| std::fs::read_to_string(fixes.join(file)).expect("written");
    assert_ne!(secret("held-back.json"), secret("r1/held-back.json"));
}

#[test]
fn a_failed_pass_leaves_no_proof_of_an_earlier_one_beside_it() {
    let (world, demo) = kept_demo();
    let job = fixed_by(&world, "true");
    assert_eq!(job["status"], "fix_failed");
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    assert!(!fixes.join("repo.patch").exists() && !fixes.join("proof.json").exists());
    assert!(
        fixes.join("r1/repo.patch").exists(),
        "the earlier pass is kept"
    );
}
