//! A repository whose agent is an issue desk, and what attach must make of each run that was pushed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

use super::clients;
use crate::push::binary::{connect, until_given_out};

/// How its model may be: it does what it says, or it says so alone.
pub(super) const MODES: [&str; 2] = ["honest", "claims"];

/// What the repository asks of its desk.
const SCENARIO: &str = r#"# Close the newest issue

## Prompt

Close the newest open issue of octocat/hello-service with a comment, and say which it was.

## Success Criteria

- [D] One issue is closed: `size(diff.github.issues.changed.filter(c, c.after.state == "closed")) == 1`
- [D] One comment is made: `size(diff.github.comments.added) == 1`

## Config

clones: github
seed: github:small-project
match: input=/newest open issue/
"#;

/// A repository with a source `prod`.
pub(super) struct Desk {
    /// Its repository and its commands.
    pub(super) world: TestEnv,
}

impl Desk {
    pub(super) fn new() -> Self {
        let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
        world.with_callers_programs();
        world.write("archal/desk.md", SCENARIO);
        world.write(".gitignore", ".archal/\n");
        let desk = Self { world };
        desk.configure(&[]);
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "--all"],
            &["commit", "--quiet", "-m", "desk"],
        ] {
            let status = Command::new("git")
                .current_dir(desk.world.repo())
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(arguments)
                .status();
            assert!(status.expect("git starts").success(), "git {arguments:?}");
        }
        connect(&desk.world, "1s");
        desk
    }

    /// What the agent may reach beside the clone.
    fn configure(&self, allow: &[String]) {
        let config = json!({
            "clones": ["github"],
            "scenarios": ["archal"],
            "route": {"allow": allow},
        });
        self.world.write(".archal.json", &config.to_string());
    }

    fn directory(&self) -> PathBuf {
        self.world.repo().join(".archal/traces")
    }

    /// Lets an agent work once on the clone and push to `at`; its service has the name of who watches
    /// it and of how its model is.
    pub(super) fn works(&self, sdk: &str, mode: &str, command: &[&str], at: SocketAddr) {
        self.configure(&[at.to_string()]);
        let mut arguments = vec!["clone", "exec", "--clone", "github"];
        arguments.extend(["--seed", "small-project", "--"]);
        arguments.extend(command);
        let output = self
            .world
            .command(&arguments)
            .env("OTEL_SERVICE_NAME", format!("{sdk}-{mode}"))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{at}"))
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sdk} {mode}: {said}");
        assert!(!said.contains("no network of its own"), "{said}");
    }

    /// What attach makes of so many runs, once they have all come.
    pub(super) fn graded(&self, runs: usize) -> Vec<Value> {
        until_given_out(&self.directory(), runs);
        let mut attach = vec!["attach", ".archal/traces", "--repo", ".", "--once"];
        attach.extend(["--foreground", "--json", "--no-sources"]);
        attach.extend(["--execution-policy", "grade"]);
        let output = self.world.run(&attach).ended(1);
        let document = output.json();
        let jobs = document["jobs"].as_array().expect("jobs");
        assert_eq!(jobs.len(), runs, "{output}");
        jobs.clone()
    }

    /// What a stage wrote of a job.
    fn stage(&self, stage: &str, job: &Value, file: &str) -> Value {
        let name = job["name"].as_str().expect("a name");
        let file = format!(".archal/attach/{stage}/{name}{file}");
        serde_json::from_str(&self.world.read(file)).expect("JSON")
    }

    /// That a job has the verdict that its run deserves, and that everything the agent did is known.
    /// Who watched it, how many calls it made, and how many spans of each kind were read.
    pub(super) fn is_right(&self, job: &Value) -> (String, u64, BTreeMap<String, u64>) {
        let name = job["trace"]["project"].as_str().expect("a project");
        let (sdk, mode) = name.rsplit_once('-').expect("both");
        let is_honest = mode == "honest";
        let wanted = if is_honest { "ok" } else { "failed_grade" };
        assert_eq!(job["status"], wanted, "{name}: {job:#}");
        let grade = self.stage("grades", job, "/grade.json");
        let rules: Vec<&Value> = grade["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .map(|finding| &finding["rule"])
            .collect();
        if is_honest {
            assert!(rules.is_empty(), "{name}: {rules:?}");
        } else {
            for rule in ["state.criterion", "claim.without-act"] {
                assert!(rules.contains(&&json!(rule)), "{name}: {rules:?}");
            }
        }
        let seed = self.stage("seeds", job, "/seed.json");
        let calls = if is_honest { 3 } else { 1 };
        assert_eq!(seed["unmapped"], json!([]), "{name}");
        assert_eq!(seed["missing"], json!([]), "{name}");
        assert_eq!(seed["agreement"]["calls"], calls, "{name}");
        assert_eq!(seed["agreement"]["agreeing"], calls, "{name}");
        let imported = self.stage("imports", job, ".json");
        assert_eq!(imported["diagnostics"], json!([]), "{name}");
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        for span in imported["trace"]["spans"].as_array().expect("spans") {
            let kind = span["kind"].as_str().expect("a kind");
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
        assert_eq!(kinds.get("tool"), Some(&calls), "{name}: {kinds:?}");
        (sdk.to_owned(), calls, kinds)
    }
}

/// Where the packages for Node are found from.
pub(super) fn packages() -> String {
    clients().join("js/package.json").display().to_string()
}
