//! A repository whose fix is proven and not yet published, beside a GitHub clone that the real git
//! and gh reach at GitHub's own address.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::super::{git, only_folder, world};

/// Of whom the repositories are: the caller's, an organisation's that the caller is an
/// administrator in, and somebody else's.
const STATE: &str = r#"{"actor": "mona",
  "users": [{"login": "mona"}, {"login": "acme", "type": "Organization"}, {"login": "other"}],
  "repos": [{"full_name": "acme/janitor", "permission": "admin"},
            {"full_name": "other/theirs", "permission": "pull"}]}"#;

/// Stands before git and gh and is asked by files what to do beside what they do:
/// `stop` kills archal before anything is published, `deaths` kills it once at each step,
/// `then` is done once a pull request is made, `instead` in place of making one, and `rest` says
/// that nobody is logged in.
const BEFORE: &str = r#"
name=@name@
real=@real@
told=@told@
kill_archal() { kill -9 "$(cat "$told/pid")"; exit 1; }
once() { [ -d "$told/deaths" ] && mkdir "$told/deaths/$(echo "$1" | tr / :)" 2>/dev/null; }
step=
if [ "$name" = gh ]; then
  for last; do :; done
  [ "$1" = api ] && step="gh $6 ${last%%\?*}" || step="gh $1"
  [ -e "$told/stop" ] && kill_archal
  [ "$1" = auth ] && [ -e "$told/rest" ] && exit 1
else
  before=
  for one; do
    case $before in -c|-C) ;; *) case $one in -*) ;; *) break;; esac;; esac
    before=$one
  done
  case $one in push|commit-tree|update-ref) step="git $one";; esac
  case "$one $*" in update-ref*refs/heads/archal/*) ;; update-ref*) step=;; esac
fi
[ -z "$step" ] || ! once "$step before" || kill_archal
case $step in *' POST '*/pulls) [ -e "$told/instead" ] && { . "$told/instead"; exit; };; esac
"$real" "$@"
ended=$?
case $step in *' POST '*/pulls) [ -e "$told/then" ] && . "$told/then" >&2;; esac
case $step in *' POST '*|*' PATCH '*|'git push'|'git update-ref'|'git commit-tree')
  once "$step after" && kill_archal;; esac
exit $ended
"#;

/// The hooks are not for what the tests themselves do. A setting would not do: git takes settings in
/// variables from some of its own programs.
const WITHOUT_HOOKS: &str = r#"at=$PWD
if mv "$at/agent/.git/hooks" "$at/hooks.away" 2>/dev/null
then trap 'mv "$at/hooks.away" "$at/agent/.git/hooks"' EXIT
fi"#;

/// The repository, the session, and what they were when the fix was proven.
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
    /// One whose fix is proven; archal was killed as it was about to publish it.
    pub(super) fn new() -> Self {
        let mut world = world();
        world.set("ARCHAL", env!("CARGO_BIN_EXE_archal"));
        // The caller's own key, which no patch may hold.
        world.set("MY_SERVICE_KEY", "plain-words-of-mine");
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
        copy(&example, &world.repo().join("agent"));
        git(&world, "agent", &["init", "--quiet", "-b", "main"]);
        git(&world, "agent", &["config", "user.name", "A person"]);
        git(&world, "agent", &["add", "--all"]);
        git(&world, "agent", &["commit", "--quiet", "-m", "first"]);
        let agent = world.read("agent/agent.py");
        world.write("agent/agent.py", &format!("# stashed\n{agent}"));
        git(&world, "agent", &["stash", "--quiet"]);
        world.write("agent/mine.txt", "mine\n");
        git(&world, "agent", &["add", "mine.txt"]);
        for name in [
            "pre-push",
            "pre-commit",
            "commit-msg",
            "reference-transaction",
        ] {
            let hook = world.write(
                format!("agent/.git/hooks/{name}"),
                "#!/bin/sh\ntouch \"$HOME/hooked\"\nexit 1\n",
            );
            fs::set_permissions(hook, Permissions::from_mode(0o755)).expect("one's own file");
        }
        fs::write(
            world.home().join(".gitconfig"),
            "[credential]\n\thelper = \"!f() { echo username=x-access-token; echo password=$GITHUB_TOKEN; }; f\"\n",
        )
        .expect("writable");
        let told = world.repo().join("told");
        fs::create_dir(&told).expect("writable");
        for name in ["gh", "git"] {
            let before = BEFORE
                .replace("@name@", name)
                .replace("@real@", &real(name))
                .replace("@told@", &told.display().to_string());
            world.program(name, &before);
        }
        world.write("state.json", STATE);
        let desk = Self { world };
        let start = ["clone", "start", "github", "--seed-file", "state.json"];
        drop(desk.world.run(&start).ended(0));
        desk.remote("mona/janitor");
        desk.tell("stop", "");
        let killed = desk.attach("");
        assert_eq!(killed.code, Some(128 + 9), "{killed}");
        desk.untell("stop");
        desk.shell("rm -f told/pid; cp -a agent agent.kept; cp -a \"$HOME\" home.kept");
        desk
    }

    /// Puts repository and service back to what they were when the fix was proven.
    pub(super) fn renew(&self) {
        for name in ["then", "instead", "rest", "fix"] {
            self.untell(name);
        }
        self.shell("rm -rf agent \"$HOME\"; cp -a agent.kept agent; cp -a home.kept \"$HOME\"");
        let seed = ["clone", "seed", "--seed-file", "github:state.json"];
        drop(self.world.run(&seed).ended(0));
        self.exec("gh api -X POST user/repos -f name=janitor --silent && git -C agent push -q --no-verify origin main");
    }

    /// Makes a repository at the service that holds the base commit, as the remote.
    fn remote(&self, name: &str) {
        self.exec(&format!(
            "gh api -X POST user/repos -f name=janitor --silent && cd agent &&
             git remote add origin https://github.com/{name}.git && git push -q --no-verify origin main"
        ));
    }

    /// Tells the programs before git and gh what to do.
    pub(super) fn tell(&self, name: &str, text: &str) {
        self.world.write(format!("told/{name}"), text);
    }

    pub(super) fn untell(&self, name: &str) {
        self.shell(&format!("rm -rf told/{name}"));
    }

    pub(super) fn shell(&self, script: &str) {
        let status = Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(self.world.repo())
            .env("HOME", self.world.home())
            .status()
            .expect("sh starts");
        assert!(status.success(), "{script}");
    }

    /// Runs a script whose GitHub is the clone, by git and gh themselves.
    pub(super) fn exec(&self, script: &str) -> String {
        let bin = self.world.bin();
        let script = format!(
            "PATH=${{PATH#*{}:}}\n{WITHOUT_HOOKS}\n{script}",
            bin.display()
        );
        let arguments = ["clone", "exec", "--", "sh", "-e", "-c", &script];
        self.world.run(&arguments).ended(0).stdout
    }

    /// What the service answers.
    pub(super) fn api(&self, path: &str) -> Value {
        let answer = self.exec(&format!("gh api '{path}'"));
        serde_json::from_str(&answer).expect("JSON")
    }

    /// One pass over the traces, to its end or archal's, after what a shell does before.
    pub(super) fn attach(&self, before: &str) -> Output {
        self.attached(before, "--once --foreground")
    }

    fn attached(&self, before: &str, how: &str) -> Output {
        let script = format!(
            "{before}\necho $$ > told/pid
             fix=$(cat told/fix 2>/dev/null || echo 'python3 fix.py')
             exec \"$ARCHAL\" attach agent/traces --repo agent {how} --json \
               --reproduce-runs 1 --execution-policy fix --fix-command \"$fix\" --open-pr \
               --allow-external-execution --budget-usd none"
        );
        let arguments = ["clone", "exec", "--", "sh", "-c", &script];
        self.world.run(&arguments)
    }

    /// What `attach --check` says of publishing: how it stands, and a sentence.
    pub(super) fn check(&self) -> (String, String) {
        let before = self.fingerprint();
        let output = self.attached("", "--check");
        self.assert_untouched(&before);
        let parts = output.json()["parts"].as_array().expect("a list").clone();
        let part = parts.iter().find(|part| part["name"] == "git remote");
        let part = part.unwrap_or_else(|| panic!("{output}"));
        let text = |name: &str| part[name].as_str().expect("a text").to_owned();
        (text("status"), text("detail"))
    }

    /// Opens the job again, with a fixer that also adds a line.
    pub(super) fn reprocess(&self, line: &str) {
        self.tell(
            "fix",
            &format!("python3 fix.py && echo '# {line}' >> agent.py"),
        );
        self.reopen();
    }

    /// Opens the job again.
    pub(super) fn reopen(&self) {
        let fixes = self.world.repo().join("agent/.archal/attach/fixes");
        let trace = only_folder(&fixes);
        let trace = trace.file_name().expect("a name").to_string_lossy();
        let again = ["attach-reprocess", "--repo", "agent", &trace];
        drop(self.world.run(&again).ended(0));
    }

    /// Publishes the fix, and gives the job. Nothing that is the user's changes.
    pub(super) fn publish(&self) -> Value {
        self.publish_after("")
    }

    fn publish_after(&self, script: &str) -> Value {
        let before = self.fingerprint();
        let output = self.attach(script);
        self.assert_untouched(&before);
        self.fixed(&output)
    }

    /// The job of a pass that ended with a proven fix; the patch is there, whatever became of it.
    pub(super) fn fixed(&self, output: &Output) -> Value {
        let job = output.json()["jobs"][0].clone();
        assert_eq!(job["status"], "fixed", "{output}");
        let patch = job["patch"].as_str().expect("a patch").to_owned();
        let patch = patch.replace("$TEST_ENV/repo/", "");
        assert!(self.world.read(patch).contains("is_kept(issue)"));
        job
    }

    /// Why the fix was not published, by name.
    pub(super) fn refusal(&self, before: &str) -> String {
        let job = self.publish_after(before);
        assert_eq!(job["reasonCode"], "publish", "{job}");
        let refusal = &job["published"]["refusal"];
        let rule = refusal["rule"].as_str().unwrap_or_else(|| panic!("{job}"));
        let told = format!("{rule}: {}", refusal["reason"].as_str().expect("a reason"));
        assert!(
            job["reason"].as_str().expect("a reason").contains(&told),
            "{job}"
        );
        told
    }

    /// The commit of the branch here and at the service.
    pub(super) fn branches(&self) -> (Option<String>, Option<String>) {
        let script = "cd agent; git for-each-ref --format='%(objectname)' refs/heads/archal/";
        let there = "cd agent; git ls-remote origin 'refs/heads/archal/*' | cut -f1";
        let one = |text: String| {
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.len() < 2, "{lines:?}");
            lines.first().map(|line| (*line).to_owned())
        };
        (one(self.exec(script)), one(self.exec(there)))
    }

    /// The record of the publication.
    pub(super) fn record(&self) -> Value {
        let fixes = self.world.repo().join("agent/.archal/attach/fixes");
        let text = fs::read_to_string(only_folder(&fixes).join("pr.json"));
        serde_json::from_str(&text.expect("a record")).expect("JSON")
    }

    /// Everything of the user's: the repository with index, stash, hooks and configuration, and
    /// the home. Mode, content and time of each file.
    pub(super) fn fingerprint(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        note(&self.world.repo().join("agent"), "agent", &mut found);
        note(&self.world.home(), "home", &mut found);
        found
    }

    /// Nothing is changed or gone; what is new is the branch and its objects.
    pub(super) fn assert_untouched(&self, before: &BTreeMap<String, String>) {
        let after = self.fingerprint();
        for (name, was) in before {
            assert_eq!(after.get(name), Some(was), "{name}");
        }
        let is_expected = |name: &&String| {
            name.starts_with("agent/.git/objects/")
                // Folders of logs that there were none of yet.
                || ["agent/.git/logs/refs/remotes", "agent/.git/logs/refs/remotes/origin"]
                    .contains(&name.as_str())
        };
        let new: Vec<&String> = after
            .keys()
            .filter(|name| !before.contains_key(*name))
            .filter(|name| !is_expected(name))
            .collect();
        assert!(new.is_empty(), "{new:?}");
    }
}

/// Notes what lies in a folder, but for archal's own.
fn note(folder: &Path, name: &str, found: &mut BTreeMap<String, String>) {
    const OWN: [&str; 7] = [
        "agent/.archal",
        "agent/.git/logs/refs/heads/archal",
        "agent/.git/logs/refs/remotes/origin/archal",
        "agent/.git/refs/heads/archal",
        "agent/.git/refs/remotes/origin/archal",
        "home/.cache/archal",
        "home/.local/state/archal",
    ];
    for entry in fs::read_dir(folder).expect("readable") {
        let entry = entry.expect("readable");
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if OWN.contains(&name.as_str()) {
            continue;
        }
        let path = entry.path();
        let metadata = path.symlink_metadata().expect("readable");
        let mode = metadata.mode();
        if metadata.is_dir() {
            found.insert(name.clone(), format!("{mode:o}"));
            note(&path, &name, found);
            continue;
        }
        let content = match metadata.is_symlink() {
            true => fs::read_link(&path).map(|to| to.as_os_str().as_encoded_bytes().to_vec()),
            false => fs::read(&path),
        };
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(content.expect("read"));
        // An object that git would write again it marks as young instead.
        let time = match name.starts_with("agent/.git/objects/") {
            true => (0, 0),
            false => (metadata.mtime(), metadata.mtime_nsec()),
        };
        found.insert(name, format!("{mode:o} {hash:x} {time:?}"));
    }
}

/// Where a program of the caller's is.
fn real(name: &str) -> String {
    let asked = format!("command -v {name}");
    let found = Command::new("sh").args(["-c", &asked]).output();
    let found = String::from_utf8(found.expect("sh starts").stdout).expect("a path");
    assert!(found.starts_with('/'), "{name} is not installed");
    found.trim().to_owned()
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(status.is_ok_and(|status| status.success()));
}
