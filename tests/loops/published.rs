//! A proven fix published by git and gh in a GitHub clone, at GitHub's own address: what is there
//! afterwards, what is told of it, and that nothing of the user's checkout changed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::{git, kept_demo};

/// Run in `archal clone exec`: makes the repository, lets archal publish to it, and shows both.
const SCRIPT: &str = r#"
export GIT_TERMINAL_PROMPT=0 GH_PROMPT_DISABLED=1 GH_NO_UPDATE_NOTIFIER=1
cd demo || exit 9
me=$(gh api user --jq .login)
gh api -X POST user/repos -f name=janitor --silent || exit 9
git remote add origin "https://github.com/$me/janitor.git"
git config --global credential.helper '!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f'
[ -n "$UNPUSHED" ] || git push -q --no-verify origin HEAD || exit 9
publish() {
  "$ARCHAL" attach-reprocess --repo . "$(ls .archal/attach/fixes)" >&2
  "$ARCHAL" attach traces --repo . --once --foreground --json --reproduce-runs 2 --execution-policy fix \
    --allow-external-execution --fix-command 'python3 fix.py' --open-pr --budget-usd none > "$1"
}
state() {
  git status --porcelain; git stash list; git config --local --list; git rev-parse HEAD
  git symbolic-ref HEAD; sha256sum .git/index; ls .git/hooks
}
state > ../before
publish ../first.json
state > ../after
[ -z "$AGAIN" ] || publish ../second.json
gh api "repos/$me/janitor/pulls?state=all" > ../pulls.json
gh api "repos/$me/janitor/branches" --jq '.[].name' > ../branches
exit 0
"#;

/// What one publication came to.
struct Told {
    world: TestEnv,
    job: Value,
    pulls: Value,
}

/// Publishes in a world that `prepare` has changed.
fn published(prepare: impl FnOnce(&mut TestEnv)) -> Told {
    let (mut world, _) = kept_demo();
    world.set("ARCHAL", env!("CARGO_BIN_EXE_archal"));
    git(&world, "demo", &["config", "user.name", "A person"]);
    world.write(
        "demo/.git/hooks/pre-push",
        "#!/bin/sh\ntouch hooked\nexit 1\n",
    );
    let hook = world.repo().join("demo/.git/hooks/pre-push");
    fs::set_permissions(hook, Permissions::from_mode(0o755)).expect("one's own file");
    // A stash, and a change that is staged.
    let agent = world.read("demo/agent.py");
    world.write("demo/agent.py", &format!("# stashed\n{agent}"));
    git(&world, "demo", &["stash"]);
    world.write("demo/mine.txt", "mine\n");
    git(&world, "demo", &["add", "mine.txt"]);
    world.write("publish.sh", SCRIPT);
    prepare(&mut world);
    let arguments = [
        "clone",
        "exec",
        "--clone",
        "github",
        "--seed",
        "small-project",
    ];
    let output = world.run(&[&arguments[..], &["--", "sh", "publish.sh"]].concat());
    assert_eq!(output.code, Some(0), "{output}");
    let read = |name: &str| -> Value {
        serde_json::from_str(&world.read(name))
            .unwrap_or_else(|error| panic!("{name}: {error}: {output}"))
    };
    let job = read("first.json")["jobs"][0].clone();
    let pulls = read("pulls.json");
    assert_eq!(job["status"], "fixed", "{job}");
    assert_eq!(world.read("before"), world.read("after"));
    assert!(!world.repo().join("demo/hooked").exists());
    Told { world, job, pulls }
}

/// What the read-back found, by name.
fn faults(job: &Value) -> Vec<&str> {
    let findings = job["published"]["findings"].as_array();
    findings
        .into_iter()
        .flatten()
        .filter_map(|finding| finding["rule"].as_str())
        .collect()
}

/// The user's gh, which does something else, too, once a pull request is made.
fn sabotaged(then: &str) -> Told {
    published(|world| {
        let script = format!(
            "real=$(PATH=${{PATH#*:}} command -v gh)\n\"$real\" \"$@\"\nended=$?\n\
             case \" $* \" in *' POST '*'/pulls ') {{\nrepo=$(git config remote.origin.url | sed 's,.*com/,,;s,.git$,,')\n\
             number=$(\"$real\" api \"repos/$repo/pulls\" --jq '.[0].number')\n\
             branch=$(\"$real\" api \"repos/$repo/pulls\" --jq '.[0].head.ref')\n{then}\n}} >&2;; esac\nexit $ended\n"
        );
        world.program("gh", &script);
    })
}

#[test]
fn a_proven_fix_is_a_draft_that_is_read_back_and_never_made_twice() {
    let told = published(|world| {
        world.set("AGAIN", "1");
    });
    let published = &told.job["published"];
    assert_eq!(published["findings"], serde_json::json!([]), "{published}");
    assert_eq!(published["refusal"], Value::Null);
    assert_eq!(published["request"]["draft"], true);
    let group = told.job["group"].as_str().expect("a group");
    let pulls = told.pulls.as_array().expect("a list");
    assert_eq!(pulls.len(), 1, "{pulls:?}");
    assert_eq!(pulls[0]["draft"], true);
    assert_eq!(pulls[0]["head"]["ref"], format!("archal/{group}"));
    let body = pulls[0]["body"].as_str().expect("a text");
    assert!(body.contains("2/2 runs green"), "{body}");
    let second: Value = serde_json::from_str(&told.world.read("second.json")).expect("JSON");
    let again = &second["jobs"][0]["published"];
    assert_eq!(again["request"]["number"], published["request"]["number"]);
    assert_eq!(again["findings"], serde_json::json!([]), "{again}");
}

#[test]
fn what_is_not_as_it_was_proved_is_caught_by_name() {
    let ready = sabotaged("\"$real\" pr ready \"$number\" -R \"$repo\"");
    assert_eq!(faults(&ready.job), ["not_draft"], "{}", ready.job);
    let closed = sabotaged("\"$real\" api -X PATCH \"repos/$repo/pulls/$number\" -f state=closed");
    assert_eq!(faults(&closed.job), ["closed"], "{}", closed.job);
    let moved = sabotaged(
        "\"$real\" api -X PUT \"repos/$repo/contents/extra.yml\" -f branch=\"$branch\" -f message=m -f content=eA==",
    );
    assert_eq!(
        faults(&moved.job),
        ["head_moved", "extra_file"],
        "{}",
        moved.job
    );
    let failing = sabotaged(
        "sha=$(\"$real\" api \"repos/$repo/pulls/$number\" --jq .head.sha)\n\
         \"$real\" api -X POST \"repos/$repo/statuses/$sha\" -f state=failure -f context=ci/test",
    );
    assert_eq!(faults(&failing.job), ["check_failed"], "{}", failing.job);
    assert_eq!(failing.job["reasonCode"], "publish");
}

#[test]
fn more_than_the_fix_is_never_pushed() {
    let told = published(|world| {
        world.set("UNPUSHED", "1");
    });
    assert_eq!(told.job["published"]["refusal"]["rule"], "unpushed");
    assert_eq!(told.pulls, serde_json::json!([]));
    assert_eq!(told.world.read("branches"), "");
    assert!(told.job["patch"].is_string(), "{}", told.job);
}

#[test]
fn without_gh_it_goes_over_rest() {
    let told = published(|world| {
        // Only archal does not find it.
        let script = "case \"$1\" in auth) exit 1;; esac\nPATH=${PATH#*:} exec gh \"$@\"\n";
        world.program("gh", script);
    });
    assert_eq!(told.job["published"]["findings"], serde_json::json!([]));
    assert_eq!(told.pulls[0]["draft"], true, "{}", told.job);
}
