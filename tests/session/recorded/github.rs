//! Published clients of GitHub, recorded at the service's own address, with a session of clones in
//! the place of the real one: it is reached as a caller's own proxy with a certificate of its own.
//! What is recorded is enough to rebuild the state before it.

use std::fs;
use std::os::unix::fs::symlink;

use archal_core::trace::Trace;
use archal_testkit::cli::TestEnv;

use super::{files, only, world};
use crate::clients::clients;

const PYTHON: &str = r#"
import os
from github import Auth, Github
repo = Github(auth=Auth.Token(os.environ["GITHUB_TOKEN"]), retry=None).get_repo("octocat/hello-service")
issue = list(repo.get_issues(state="open"))[0]
issue.create_comment("Seen.")
issue.edit(state="closed")
print("Closed", issue.number)
"#;

const NODE: &str = r#"
import { Octokit } from "octokit";
const octokit = new Octokit({ auth: process.env.GITHUB_TOKEN, retry: { enabled: false }, throttle: { enabled: false } });
const repo = { owner: "octocat", repo: "hello-service" };
const issues = await octokit.paginate(octokit.rest.issues.listForRepo, { ...repo, state: "open", per_page: 2 });
await octokit.rest.issues.createComment({ ...repo, issue_number: issues[0].number, body: "Seen." });
await octokit.rest.issues.update({ ...repo, issue_number: issues[0].number, state: "closed" });
console.log("Closed", issues[0].number);
"#;

/// A world that reaches the network through a session of clones, which ends with it.
struct Real(TestEnv);

impl Real {
    fn new() -> Self {
        let mut world = world();
        let start = ["clone", "start", "github", "--seed", "small-project"];
        drop(world.run(&start).ended(0));
        let told = world
            .run(&["clone", "env", "--routed", "--json"])
            .ended(0)
            .json();
        let home = world.home();
        let folder = home.parent().expect("its folder").display().to_string();
        for name in ["HTTPS_PROXY", "SSL_CERT_FILE", "GITHUB_TOKEN"] {
            let value = told["variables"][name].as_str().expect("a variable");
            // What is printed is told without this world's folder; a variable names it.
            let value = value.replace("$TEST_ENV", &folder);
            world.set(name, value);
        }
        Self(world)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // What a failed test left runs on otherwise.
        drop(self.0.run(&["clone", "stop", "--all"]));
    }
}

fn recorded(world: &TestEnv, command: &[&str]) -> Trace {
    let arguments = [&["record", "--host", "github", "--"], command].concat();
    let output = world.run(&arguments).ended(0);
    assert!(output.stdout.starts_with("Closed "), "{output}");
    let (trace, text) = only(world);
    assert!(!text.contains("ghp_archalLocalCloneDummyToken"), "{text}");
    trace
}

/// The trace alone gives the state before it, on which each of its calls is answered as it was.
fn is_rebuilt(world: &TestEnv) {
    let file = files(world).remove(0).display().to_string();
    let explained = world.run(&["seed", "explain", &file]).ended(0);
    let trace = only(world).0;
    let calls = trace
        .spans
        .iter()
        .filter(|span| span.http.is_some())
        .count();
    let told = format!("replay: {calls} of {calls} calls answer as recorded");
    assert!(explained.stdout.contains(&told), "{explained}");
    let graded = world.run(&["grade", &file, "--json"]);
    assert!(matches!(graded.code, Some(0 | 4)), "{graded}");
}

#[test]
fn a_python_agent_is_recorded_and_its_world_rebuilt() {
    let real = Real::new();
    let python = clients().join("python/bin/python");
    let trace = recorded(&real.0, &[&python.display().to_string(), "-c", PYTHON]);
    let writes = trace.spans.iter().filter_map(|span| span.http.as_ref());
    let writes = writes.filter(|http| http.method != "GET").count();
    assert_eq!(writes, 2);
    is_rebuilt(&real.0);
}

#[test]
fn a_node_agent_is_recorded_and_its_world_rebuilt() {
    let real = Real::new();
    let repo = real.0.repo();
    symlink(clients().join("js/node_modules"), repo.join("node_modules")).expect("a link");
    fs::write(repo.join("agent.mjs"), NODE).expect("written");
    let trace = recorded(&real.0, &["node", "agent.mjs"]);
    assert!(trace.spans.len() > 4, "it reads several pages");
    is_rebuilt(&real.0);
}
