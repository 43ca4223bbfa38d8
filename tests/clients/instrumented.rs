//! Agents under the instrumentation that people use: OpenInference, the Traceloop SDK, Vercel's AI SDK.
//!
//! Each works on the GitHub clone at its normal URL, with the client of a model on the loopback, and
//! pushes what its SDK exports to a running archal. Nothing is converted: attach grades what came.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;
use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

use super::clients;
use crate::push::binary::{Serving, address, connect, until_given_out};

/// Between two looks at the watcher's status.
const LOOK: Duration = Duration::from_millis(200);
/// What takes longer hangs.
const SOON: Duration = Duration::from_secs(90);

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

/// Who watches the agent.
#[derive(Debug, Clone, Copy)]
enum Sdk {
    OpenInference,
    OpenLlmetry,
    Vercel,
}

impl Sdk {
    fn name(self) -> &'static str {
        match self {
            Self::OpenInference => "openinference",
            Self::OpenLlmetry => "openllmetry",
            Self::Vercel => "ai-sdk",
        }
    }
}

/// A repository with a source `prod`.
struct Desk {
    world: TestEnv,
}

impl Desk {
    fn new() -> Self {
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

    /// Lets the agent work once; `mode` says what its model is like.
    fn works(&self, sdk: Sdk, mode: &str, at: SocketAddr) {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/instrumented");
        let script = |name: &str| scripts.join(name).display().to_string();
        let python = clients().join("python/bin/python").display().to_string();
        let packages = clients().join("js/package.json").display().to_string();
        let (model, agent, agent_js) =
            (script("model.py"), script("agent.py"), script("agent.mjs"));
        self.configure(&[at.to_string()]);
        let mut arguments = vec!["clone", "exec", "--clone", "github"];
        arguments.extend(["--seed", "small-project", "--", &python, &model, mode]);
        match sdk {
            Sdk::Vercel => arguments.extend(["node", &agent_js, &packages]),
            _ => arguments.extend([python.as_str(), &agent, sdk.name()]),
        }
        let output = self
            .world
            .command(&arguments)
            .env("OTEL_SERVICE_NAME", format!("{}-{mode}", sdk.name()))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{at}"))
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sdk:?}: {said}");
    }

    /// What a stage wrote of a job.
    fn stage(&self, stage: &str, job: &Value, file: &str) -> Value {
        let name = job["name"].as_str().expect("a name");
        let file = format!(".archal/attach/{stage}/{name}{file}");
        serde_json::from_str(&self.world.read(file)).expect("JSON")
    }

    /// That a job has the verdict that its run deserves, and that everything the agent did is known.
    fn is_right(&self, job: &Value) {
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
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for span in imported["trace"]["spans"].as_array().expect("spans") {
            *kinds
                .entry(span["kind"].as_str().expect("a kind"))
                .or_default() += 1;
        }
        assert_eq!(kinds.get("tool"), Some(&calls), "{name}: {kinds:?}");
        assert_eq!(kinds.get("llm"), Some(&(calls + 1)), "{name}: {kinds:?}");
        // Traceloop's SDK watches the HTTP client, too.
        let http = (sdk == "openllmetry").then_some(&calls);
        assert_eq!(kinds.get("http"), http, "{name}: {kinds:?}");
    }
}

#[test]
fn what_instrumented_agents_push_to_serve_is_graded_as_they_worked() {
    let desk = Desk::new();
    let serving = Serving::start(&desk.world);
    let mut runs = 0;
    for sdk in [Sdk::OpenInference, Sdk::OpenLlmetry, Sdk::Vercel] {
        for mode in ["honest", "claims"] {
            desk.works(sdk, mode, serving.http);
            runs += 1;
            until_given_out(&desk.directory(), runs);
        }
    }
    assert_eq!(serving.interrupt(), Some(130));
    let mut attach = vec!["attach", ".archal/traces", "--repo", ".", "--once"];
    attach.extend(["--foreground", "--json", "--no-sources"]);
    attach.extend(["--execution-policy", "grade"]);
    let output = desk.world.run(&attach).ended(1);
    let document = output.json();
    let jobs = document["jobs"].as_array().expect("jobs");
    assert_eq!(jobs.len(), runs, "{output}");
    for job in jobs {
        desk.is_right(job);
    }
}

/// Ends the watcher of a world.
struct Watcher<'a>(&'a TestEnv);

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        let output = self.0.run(&["detach", "--repo", ".", "--all", "--now"]);
        assert!(
            std::thread::panicking() || output.code == Some(0),
            "{output}"
        );
    }
}

impl Watcher<'_> {
    /// Looks at the status until it has what is looked for.
    fn until<T>(&self, find: impl Fn(&Value) -> Option<T>) -> T {
        let until = Instant::now() + SOON;
        loop {
            let output = self.0.run(&["attach-status", "--repo", ".", "--json"]);
            let status = output.ended(0).json();
            if let Some(found) = find(&status) {
                return found;
            }
            assert!(Instant::now() < until, "{status:#}");
            StopToken::new().wait(LOOK);
        }
    }
}

#[test]
fn what_an_instrumented_agent_pushes_to_the_watcher_is_graded_there() {
    let desk = Desk::new();
    let mut attach = vec!["attach", ".archal/traces", "--repo", ".", "--create"];
    attach.extend(["--execution-policy", "grade"]);
    drop(desk.world.run(&attach).ended(0));
    let watcher = Watcher(&desk.world);
    let at = watcher.until(|status| {
        let sources = &status["watcher"]["doing"]["attached"][0]["sources"];
        address(sources[0]["detail"].as_str()?)
    });
    desk.works(Sdk::OpenInference, "claims", at);
    let job = watcher.until(|status| {
        let job = &status["newest"][0];
        (job["stage"] == "grade" && job["status"] != "running").then(|| job.clone())
    });
    desk.is_right(&job);
}
