//! Published clients, unmodified, at GitHub's normal URL through `isolated`, with no proxy
//! variable set: what an agent's SDK sees is what the service would show.
//!
//! `cargo xtask test` installs them and names the folder in `ARCHAL_TEST_CLIENTS`.

mod buckets;
mod desk;
mod examples;
mod exporters;
mod github;
mod hosted;
mod instrumented;
mod report;
mod routes;
mod tools;

use std::path::{Path, PathBuf};

use archal_testkit::cli::TestEnv;

/// What both clients are asked to do, judged on the clone's state and calls.
const SCENARIO: &str = r#"# A client at its normal URL

## Prompt

Create, list, label, comment and close.

## Success Criteria

- [D] One issue is made: `diff.github.issues.added.map(i, i.title) == ["Made by a client"]`
- [D] It is closed: `diff.github.issues.added.all(i, i.state == "closed" && i.closed_by.login == "acme-bot")`
- [D] It is labelled: `diff.github.issues.added.all(i, i.labels.map(l, l.name) == ["bug"])`
- [D] It has a comment: `diff.github.comments.added.map(c, c.body) == ["Done."]`
- [D] Two pages were read: `size(calls.filter(c, c.operation == "issues/list-for-repo" && c.status == 200)) == 2`
- [D] A missing issue is not found: `size(calls.filter(c, c.status == 404)) == 1`
- [D] A wrong body is refused: `size(calls.filter(c, c.status == 422)) == 1`
- [D] The client saw what it expected: `run.exitCode == 0`

## Config

clones: github
seed: github:stale-issues
route: isolated
timeout: 60
"#;

const OCTOKIT: &str = r#"
import { pathToFileURL } from "node:url";
const proxies = Object.keys(process.env).filter((name) => /_proxy$/i.test(name));
if (proxies.length) throw new Error(`proxy variables: ${proxies}`);
const { Octokit } = await import(pathToFileURL(process.env.OCTOKIT));
const octokit = new Octokit({ auth: process.env.GITHUB_TOKEN, retry: { enabled: false }, throttle: { enabled: false } });
const repo = { owner: "acme", repo: "webapp" };
const issues = await octokit.paginate(octokit.rest.issues.listForRepo, { ...repo, state: "open", per_page: 30 });
if (issues.length !== 46) throw new Error(`${issues.length} issues`);
const { data: made } = await octokit.rest.issues.create({ ...repo, title: "Made by a client" });
await octokit.rest.issues.addLabels({ ...repo, issue_number: made.number, labels: ["bug"] });
await octokit.rest.issues.createComment({ ...repo, issue_number: made.number, body: "Done." });
const { data: closed } = await octokit.rest.issues.update({ ...repo, issue_number: made.number, state: "closed" });
if (closed.state !== "closed") throw new Error(closed.state);
const status = async (call) => { try { await call; return 200; } catch (error) { return error.status; } };
if (await status(octokit.rest.issues.get({ ...repo, issue_number: 9999 })) !== 404) throw new Error("found");
if (await status(octokit.request("POST /repos/{owner}/{repo}/issues", { ...repo, body: "no title" })) !== 422) throw new Error("made");
console.log(JSON.stringify({ text: `closed #${made.number}` }));
"#;

const PYGITHUB: &str = r#"
import os
from github import Auth, Github, GithubException
assert not [name for name in os.environ if name.lower().endswith("_proxy")], os.environ
github = Github(auth=Auth.Token(os.environ["GITHUB_TOKEN"]), retry=None, seconds_between_requests=0, seconds_between_writes=0)
repo = github.get_repo("acme/webapp")
issues = list(repo.get_issues(state="open"))
assert len(issues) == 46, len(issues)
made = repo.create_issue("Made by a client")
made.add_to_labels("bug")
made.create_comment("Done.")
made.edit(state="closed")
assert made.state == "closed", made.state
def status(call):
    try:
        call()
        return 200
    except GithubException as error:
        return error.status
assert status(lambda: repo.get_issue(9999)) == 404
assert status(lambda: repo._requester.requestJsonAndCheck("POST", repo.url + "/issues", input={"body": "no title"})) == 422
print(f"closed #{made.number}")
"#;

/// Where `cargo xtask test` put the clients.
#[expect(
    clippy::disallowed_methods,
    reason = "the test runner says in the environment where it put them"
)]
pub(crate) fn clients() -> PathBuf {
    std::env::var_os("ARCHAL_TEST_CLIENTS")
        .map(PathBuf::from)
        .expect("ARCHAL_TEST_CLIENTS is set by `cargo xtask test`, which installs the clients")
}

/// A script beside these tests.
fn script(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    folder.join(name).display().to_string()
}

/// The Python that has the packages.
fn python() -> String {
    clients().join("python/bin/python").display().to_string()
}

fn check(world: &TestEnv, harness: &str) {
    world.write("client.md", SCENARIO);
    let output = world.run(&["run", "client.md", "--harness", harness, "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output}");
    let document = output.json();
    let result = &document["scenarios"][0]["results"][0];
    assert_eq!(result["route"]["level"], "isolated");
    assert_eq!(result["unmodelled"], serde_json::json!([]));
    assert_eq!(result["refused"], serde_json::json!([]));
}

#[test]
fn octokit_works_an_issue_through() {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.with_callers_programs();
    let bundle = clients().join("js/node_modules/octokit/dist-bundle/index.js");
    world.set("OCTOKIT", bundle.display().to_string());
    world.write("harness.mjs", OCTOKIT);
    check(&world, "harness.mjs");
}

#[test]
fn pygithub_works_an_issue_through() {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.with_callers_programs();
    let python = clients().join("python/bin/python");
    world.write("client.py", PYGITHUB);
    world.write(
        "harness.sh",
        &format!("exec {} client.py\n", python.display()),
    );
    check(&world, "harness.sh");
}
