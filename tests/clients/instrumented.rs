//! Agents under the instrumentation that people use: OpenInference, the Traceloop SDK, Vercel's AI SDK.
//!
//! Each works on the GitHub clone at its normal URL, with the client of a model on the loopback, and
//! pushes what its SDK exports to a running archal. Nothing is converted: attach grades what came.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;
use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::desk::{Desk, MODES, packages};
use super::{python, script};
use crate::push::binary::{Serving, address};

/// Between two looks at the watcher's status.
const LOOK: Duration = Duration::from_millis(200);
/// What takes longer hangs.
const SOON: Duration = Duration::from_secs(90);

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

/// Lets the desk work once under an SDK.
fn works(desk: &Desk, sdk: Sdk, mode: &str, at: SocketAddr) {
    let python = python();
    let model = script("instrumented/model.py");
    let agent = match sdk {
        Sdk::Vercel => [
            "node".to_owned(),
            script("instrumented/agent.mjs"),
            packages(),
        ],
        _ => [
            python.clone(),
            script("instrumented/agent.py"),
            sdk.name().to_owned(),
        ],
    };
    let mut command = vec![python.as_str(), &model, mode];
    command.extend(agent.iter().map(String::as_str));
    desk.works(sdk.name(), mode, &command, at);
}

/// That a job is right, and that the model's turns were read, too.
fn is_right(desk: &Desk, job: &Value) {
    let (sdk, calls, kinds) = desk.is_right(job);
    assert_eq!(kinds.get("llm"), Some(&(calls + 1)), "{sdk}: {kinds:?}");
    // Traceloop's SDK watches the HTTP client, too.
    let http = (sdk == "openllmetry").then_some(&calls);
    assert_eq!(kinds.get("http"), http, "{sdk}: {kinds:?}");
}

#[test]
fn what_instrumented_agents_push_to_serve_is_graded_as_they_worked() {
    let desk = Desk::new();
    let serving = Serving::start(&desk.world);
    let sdks = [Sdk::OpenInference, Sdk::OpenLlmetry, Sdk::Vercel];
    for sdk in sdks {
        for mode in MODES {
            works(&desk, sdk, mode, serving.http);
        }
    }
    for job in &desk.graded(sdks.len() * MODES.len()) {
        is_right(&desk, job);
    }
    assert_eq!(serving.interrupt(), Some(130));
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
        address(sources[0]["detail"].as_str()?, "http")
    });
    works(&desk, Sdk::OpenInference, "claims", at);
    let job = watcher.until(|status| {
        let job = &status["newest"][0];
        (job["stage"] == "grade" && job["status"] != "running").then(|| job.clone())
    });
    is_right(&desk, &job);
}
