//! What is proved made public by the real git and gh, at GitHub's own address, in a GitHub clone: as
//! a draft that is read back, by archal itself and by a command. Nothing of the checkout changes.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use archal_testkit::cli::{Output, TestEnv};
use serde_json::{Value, json};

use super::{OUT, RIGHT, ended, is, janitor, listing, text};

/// The archal that commands inside of the session run.
const ARCHAL: &str = env!("CARGO_BIN_EXE_archal");
/// Of whom the repositories are: the caller's, and somebody else's.
const STATE: &str = r#"{"actor": "mona", "users": [{"login": "mona"}, {"login": "other"}],
  "repos": [{"full_name": "other/theirs", "permission": "pull"}]}"#;
/// Opens the draft as a person would.
const OPENS: &str = r#"git push --quiet origin HEAD && gh pr create --draft --title x --body y --base main --head "$(git branch --show-current)""#;

/// A repository beside a GitHub clone that has its main branch.
pub(super) struct Desk {
    pub(super) world: TestEnv,
}

impl Drop for Desk {
    fn drop(&mut self) {
        // What a failed test left runs on otherwise; the outcome is that test's.
        drop(self.world.run(&["clone", "stop", "--all"]));
    }
}

impl Desk {
    /// One of a world with a repository in `janitor`.
    pub(super) fn of(world: TestEnv) -> Self {
        std::fs::write(
            world.home().join(".gitconfig"),
            "[credential]\n\thelper = \"!f() { echo username=x-access-token; echo password=$GITHUB_TOKEN; }; f\"\n",
        )
        .expect("writable");
        world.write("state.json", STATE);
        let desk = Self { world };
        let start = ["clone", "start", "github", "--seed-file", "state.json"];
        drop(desk.world.run(&start).ended(0));
        desk.exec(
            "cd janitor && git branch -M main && git remote add origin https://github.com/mona/janitor.git",
        );
        desk.renew();
        desk
    }

    /// Puts the service back to what it was in the beginning.
    fn renew(&self) {
        let seed = ["clone", "seed", "--seed-file", "github:state.json"];
        drop(self.world.run(&seed).ended(0));
        drop(self.exec(
            "gh api -X POST user/repos -f name=janitor --silent
             cd janitor && git push --quiet --force origin main
             git for-each-ref --format='%(refname)' refs/heads/archal | xargs -r -n1 git update-ref -d",
        ));
    }

    /// Runs a script whose GitHub is the clone.
    pub(super) fn exec(&self, script: &str) -> String {
        let arguments = ["clone", "exec", "--", "sh", "-e", "-c", script];
        self.world.run(&arguments).ended(0).stdout
    }

    /// What the service answers.
    pub(super) fn api(&self, path: &str) -> Value {
        let answer = self.exec(&format!("gh api '{path}'"));
        serde_json::from_str(&answer).expect("JSON")
    }

    /// Runs the loop on the repository, in the session.
    pub(super) fn preprod(&self, more: &[&str]) -> Output {
        let mut arguments = vec!["clone", "exec", "--", ARCHAL];
        arguments.extend(super::arguments(&[
            "--allow-external-execution",
            "--open-pr",
        ]));
        arguments.extend(more);
        self.world.run(&arguments)
    }

    /// The same with the fixer that repairs the example.
    fn repaired(&self, more: &[&str]) -> Output {
        self.preprod(&[&["--fix-command", RIGHT], more].concat())
    }

    /// The result of the last run.
    pub(super) fn document(&self) -> Value {
        let text = self.world.read(format!("{OUT}/preprod-result.json"));
        serde_json::from_str(&text).expect("JSON")
    }

    /// Every pull request.
    pub(super) fn pulls(&self) -> Vec<Value> {
        let all = self.api("repos/mona/janitor/pulls?state=all");
        all.as_array().expect("a list").clone()
    }
}

/// The repository of the user but for archal's own branch and what it is made of.
fn checkout(desk: &Desk) -> Vec<(String, u64)> {
    let all = listing(&desk.world.repo().join("janitor")).into_iter();
    let own = [
        "/.git/objects/",
        "/heads/archal/",
        "/remotes/origin/archal/",
    ];
    all.filter(|(path, _)| !own.iter().any(|part| path.contains(part)))
        .collect()
}

/// The names of what was read back and is not as it was proved.
fn faults(document: &Value) -> Vec<String> {
    let findings = document["pr"]["findings"].as_array().expect("a list");
    findings.iter().map(|one| text(&one["rule"])).collect()
}

/// The one draft that was proved.
fn assert_draft(desk: &Desk) {
    let document = desk.document();
    assert_eq!(document["pr"]["findings"], json!([]), "{document}");
    assert_eq!(document["pr"]["request"]["draft"], true);
    let pulls = desk.pulls();
    assert_eq!(pulls.len(), 1, "{pulls:?}");
    assert_eq!(pulls[0]["draft"], true);
    assert_eq!(pulls[0]["number"], document["pr"]["request"]["number"]);
    assert_eq!(pulls[0]["base"]["ref"], "main");
    assert!(text(&pulls[0]["head"]["ref"]).starts_with("archal/close-stale-issues-"));
    let files = desk.api("repos/mona/janitor/pulls/1/files");
    let files: Vec<String> = files
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| text(&file["filename"]))
        .collect();
    assert_eq!(files, ["agent.py"]);
}

#[test]
fn what_is_proved_becomes_a_draft_that_is_read_back_and_is_not_opened_twice() {
    let desk = Desk::of(janitor());
    let before = checkout(&desk);
    let output = desk.repaired(&[]);
    is(&ended(&desk.world, &output), "passed", "fixed", 0);
    assert_draft(&desk);
    let body = text(&desk.pulls()[0]["body"]);
    assert!(
        body.contains("held-back variation") && body.contains("1/1"),
        "{body}"
    );
    let told = output.json();
    assert!(text(&told["pr"]["request"]["url"]).contains("/mona/janitor/pull/1"));

    // The same again, and once more from nothing: the branch goes by what is repaired.
    let output = desk.repaired(&[]);
    is(&ended(&desk.world, &output), "passed", "fixed", 0);
    assert_draft(&desk);
    std::fs::remove_dir_all(desk.world.repo().join(OUT)).expect("there");
    let output = desk.repaired(&[]);
    is(&ended(&desk.world, &output), "passed", "fixed", 0);
    assert_draft(&desk);
    assert_eq!(checkout(&desk), before);
}

#[test]
fn what_may_not_be_published_stays_a_patch_with_the_reason() {
    let desk = Desk::of(janitor());
    desk.exec("cd janitor; git remote set-url origin https://github.com/other/theirs.git");
    for more in [&[][..], &["--pr-command", OPENS]] {
        let output = desk.repaired(more);
        is(&ended(&desk.world, &output), "pr_failed", "pr_refused", 3);
        let document = desk.document();
        assert_eq!(
            document["pr"]["refusal"]["rule"], "no_permission",
            "{document}"
        );
        assert!(text(&document["patch"]).ends_with("fix.patch"));
    }
    assert_eq!(desk.pulls(), Vec::<Value>::new());
}

#[test]
fn a_command_opens_the_draft_and_its_word_for_it_is_not_asked() {
    let mut world = janitor();
    world.set("SECRET_OF_MINE", "hunter2hunter2");
    let desk = Desk::of(world);
    let before = listing(&desk.world.repo().join("janitor"));
    let told = format!(
        "env | cut -d= -f1; printf %s \"$ARCHAL_PREPROD_VALIDATION_JSON\" | \
         python3 -c 'import json,sys; d=json.load(sys.stdin); print(d[\"schema\"], d[\"into\"], d[\"files\"], d[\"commit\"])'; \
         git rev-parse HEAD; cmp \"$ARCHAL_PREPROD_VALIDATION_JSON_FILE\" /dev/null; \
         printf '{{\"costUsd\": 0.03}}' > \"$ARCHAL_PREPROD_USAGE_PATH\"; {OPENS}"
    );
    let output = desk.repaired(&["--pr-command", &told]);
    is(&ended(&desk.world, &output), "passed", "fixed", 0);
    assert_draft(&desk);
    let said = desk.world.read(format!("{OUT}/pr-command.log"));
    assert!(
        said.contains("archal.preprod-validation main ['agent.py']"),
        "{said}"
    );
    assert!(!said.contains("SECRET_OF_MINE"), "{said}");
    let head = text(&desk.pulls()[0]["head"]["sha"]);
    assert_eq!(said.matches(&head).count(), 2, "{said}");
    let spent = &desk.document()["costs"]["totals"]["spentUsd"];
    assert_eq!(spent.as_f64(), Some(0.03));

    // It is there: the command is not asked again.
    let output = desk.repaired(&["--pr-command", "exit 9"]);
    is(&ended(&desk.world, &output), "passed", "fixed", 0);
    assert_draft(&desk);
    assert_eq!(listing(&desk.world.repo().join("janitor")), before);

    // A person closed it: no command opens another.
    desk.exec("gh api -X PATCH repos/mona/janitor/pulls/1 -f state=closed");
    let output = desk.repaired(&["--pr-command", OPENS]);
    is(&ended(&desk.world, &output), "pr_failed", "pr_refused", 3);
    assert_eq!(desk.document()["pr"]["refusal"]["rule"], "closed");
    assert_eq!(desk.pulls().len(), 1);
}

#[test]
fn what_a_command_did_is_held_to_what_was_proved() {
    let desk = Desk::of(janitor());
    let pull = "repos/mona/janitor/pulls/1";
    let cases: [(String, &[&str]); 6] = [
        (OPENS.replace("--draft", ""), &["not_draft"]),
        (
            format!("{OPENS} && gh api -X PATCH {pull} -f state=closed"),
            &["closed"],
        ),
        (
            format!("git commit --quiet --allow-empty -m x && {OPENS}").replace(
                "git commit",
                "git -c user.name=x -c user.email=x@localhost commit",
            ),
            &["head_moved"],
        ),
        (
            format!(
                "echo x > extra.txt && git add extra.txt && git commit --quiet --amend --no-edit && {OPENS}"
            )
            .replace(
                "git commit",
                "git -c user.name=x -c user.email=x@localhost commit",
            ),
            &["head_moved", "extra_file"],
        ),
        (
            format!(
                "{OPENS} && gh api -X POST repos/mona/janitor/statuses/$(git rev-parse HEAD) -f state=failure -f context=ci/test"
            ),
            &["check_failed"],
        ),
        (
            format!(
                "git push --quiet origin HEAD~1:refs/heads/release && {}",
                OPENS.replace("--base main", "--base release")
            ),
            &["base_moved"],
        ),
    ];
    for (command, expected) in cases {
        desk.renew();
        let output = desk.repaired(&["--pr-command", &command]);
        let status = ended(&desk.world, &output);
        is(&status, "pr_failed", "pr_verification", 3);
        assert_eq!(faults(&desk.document()), expected, "{command}");
    }

    // One that fails, and one that says that it did it.
    desk.renew();
    let output = desk.repaired(&["--pr-command", "echo no; exit 4"]);
    is(&ended(&desk.world, &output), "pr_failed", "pr_command", 3);
    assert_eq!(desk.world.read(format!("{OUT}/pr-command.log")), "no\n");
    let command = "echo https://github.com/mona/janitor/pull/1";
    let output = desk.repaired(&["--pr-command", command]);
    is(&ended(&desk.world, &output), "pr_failed", "pr_refused", 3);
    assert_eq!(desk.pulls(), Vec::<Value>::new());
}

/// Runs the loop in the session as a process that can be killed: its id is in `pid`.
fn killable(desk: &Desk, more: &[&str]) -> Child {
    let script = "echo $$ > pid.new && mv pid.new pid && exec \"$@\"";
    let mut arguments = vec!["clone", "exec", "--", "sh", "-c", script, "sh", ARCHAL];
    arguments.extend(super::arguments(&[
        "--allow-external-execution",
        "--open-pr",
        "--fix-command",
        RIGHT,
    ]));
    arguments.extend(more);
    desk.world.command(&arguments).spawn().expect("the binary")
}

#[test]
fn a_run_that_is_killed_while_it_publishes_opens_no_second_pull_request() {
    // By archal itself: killed once after each write to the service.
    let world = janitor();
    for name in ["gh", "git"] {
        let real = Command::new("sh")
            .args(["-c", &format!("command -v {name}")])
            .output()
            .expect("sh starts");
        let real = String::from_utf8(real.stdout).expect("a path");
        let before = format!(
            "\"{}\" \"$@\"\nended=$?\ncase \"$*\" in *push*archal/*|*POST*/pulls*)\n\
             mkdir \"{}/killed-{name}\" 2>/dev/null && [ -e \"{1}/pid\" ] && kill -9 $(cat \"{1}/pid\");; esac\nexit $ended",
            real.trim(),
            world.repo().display()
        );
        world.program(name, &before);
    }
    let desk = Desk::of(world);
    let mut kills = 0;
    while kills < 5 {
        let mut child = killable(&desk, &[]);
        if child.wait().expect("my own child").code() == Some(0) {
            break;
        }
        kills += 1;
    }
    assert_eq!(kills, 2, "once after the push, once after the request");
    assert_draft(&desk);
    let document = desk.document();
    assert_eq!(document["status"], "passed", "{document}");

    // By a command: killed while it still works, after it has opened the draft.
    desk.renew();
    let command = format!("{OPENS}; sleep 600");
    let mut child = killable(&desk, &["--pr-command", &command]);
    let began = Instant::now();
    while desk.pulls().is_empty() {
        assert!(
            began.elapsed() < Duration::from_secs(110),
            "no pull request"
        );
    }
    // Everything in the session ends with the process that holds it.
    child.kill().expect("my own child");
    child.wait().expect("my own child");
    let output = desk.repaired(&["--pr-command", "exit 9"]);
    is(&ended(&desk.world, &output), "passed", "fixed", 0);
    assert_draft(&desk);
    assert_eq!(
        super::workplaces(&desk.world),
        Vec::<std::path::PathBuf>::new()
    );
}
