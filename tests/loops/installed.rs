//! Agents that need something installed which git does not keep: the same agent in Python, in
//! Node.js and in Rust, each reproduced and repaired in copies of its repository.

use std::process::Command;

use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

use super::attach::{again, attach, job};
use super::{git, untouched_demo};

/// The demonstration's agent in Node.js; what it keeps is said by a package.
const AGENT: &str = r#"import { isKept } from "janitor-rules";

const task = process.env.AGENT_TASK;
const repository = task.match(/[\w.-]+\/[\w.-]*\w/)[0];
const days = Number(task.match(/(\d+) days/)[1]);
const cutoff = Date.now() - days * 24 * 60 * 60 * 1000;

async function call(method, url, body) {
  const answer = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${process.env.GITHUB_TOKEN}`, "user-agent": "issue-janitor" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${url} answered ${answer.status}`);
  return { value: await answer.json(), link: answer.headers.get("link") ?? "" };
}

const stale = [];
let next = `https://api.github.com/repos/${repository}/issues?state=open&per_page=30`;
let first = true;
while (next) {
  const { value, link } = await call("GET", next);
  for (const issue of value) {
    if (Date.parse(issue.updated_at) < cutoff && !(first && isKept(issue))) stale.push(issue.number);
  }
  first = false;
  next = link.match(/<([^>]+)>; rel="next"/)?.[1];
}
for (const number of stale) {
  const issue = `https://api.github.com/repos/${repository}/issues/${number}`;
  await call("POST", `${issue}/comments`, { body: `Closing: no activity for ${days} days.` });
  await call("PATCH", issue, { state: "closed", state_reason: "not_planned" });
}
console.log(JSON.stringify({ text: `Closed ${stale.length} stale issues in ${repository}.` }));
"#;

fn configure(world: &TestEnv, agent: &Value, workspace: &Value) {
    let document = json!({
        "agent": agent,
        "scenarios": ["archal/close-stale-issues.md"],
        "workspace": workspace,
    });
    world.write("demo/.archal.json", &document.to_string());
}

fn commit(world: &TestEnv) {
    git(world, "demo", &["add", "--all"]);
    git(world, "demo", &["commit", "--quiet", "-m", "next"]);
}

/// The failure is reproduced with the agent as it is now, and repaired.
fn repaired(world: &TestEnv, fixer: &str) -> Value {
    again(world);
    let flags = ["--allow-external-execution", "--budget-usd", "none"];
    let fixer = ["--fix-command", fixer];
    job(&attach(
        world,
        "demo/traces",
        &[&flags[..], &fixer].concat(),
    ))
}

/// The agent in Node.js in a workspace of packages, whose dependencies are installed at its root
/// and in the package.
fn in_node() -> TestEnv {
    let (world, _) = untouched_demo();
    world.write("demo/.gitignore", "node_modules/\n");
    world.write("demo/package-lock.json", "{\"lockfileVersion\": 3}\n");
    world.write("demo/packages/janitor/agent.mjs", AGENT);
    let package = "demo/packages/janitor/node_modules/janitor-rules";
    let manifest = r#"{"name": "janitor-rules", "type": "module", "exports": "./index.js"}"#;
    world.write(format!("{package}/package.json"), manifest);
    world.write(
        format!("{package}/index.js"),
        "export { isKept } from \"labels\";\n",
    );
    let package = "demo/node_modules/labels";
    let manifest = r#"{"name": "labels", "type": "module", "exports": "./index.js"}"#;
    world.write(format!("{package}/package.json"), manifest);
    world.write(
        format!("{package}/index.js"),
        "export const isKept = (issue) => issue.labels.some(({ name }) => name === \"keep-open\");\n",
    );
    let agent = json!({"command": "node", "args": ["packages/janitor/agent.mjs"]});
    configure(&world, &agent, &json!({}));
    commit(&world);
    world
}

const NODE_FIX: &str =
    "sed -i 's/!(first \\&\\& isKept(issue))/!isKept(issue)/' packages/janitor/agent.mjs";

#[test]
fn an_agent_in_node_finds_its_packages_in_every_copy() {
    let world = in_node();
    let job = repaired(&world, NODE_FIX);
    assert_eq!(job["status"], "fixed", "{job}");
    assert_eq!(job["red"]["k"], 2, "{job}");
}

#[test]
fn what_another_lock_file_installed_is_not_shown() {
    let world = in_node();
    world.write("demo/package-lock.json", "{\"lockfileVersion\": 2}\n");
    let job_of = |fixer| repaired(&world, fixer);
    let job = job_of(NODE_FIX);
    assert_eq!(job["status"], "blocked", "{job}");
    assert_eq!(job["reasonCode"], "dependencies", "{job}");
    let reason = job["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("node_modules was not installed by the package-lock.json of "),
        "{reason}"
    );

    // A set-up installs what the copy's lock file says.
    let agent = json!({"command": "node", "args": ["packages/janitor/agent.mjs"]});
    let setup = "mkdir -p node_modules/janitor-rules && cd node_modules/janitor-rules && \
                 echo '{\"type\": \"module\", \"exports\": \"./index.js\"}' > package.json && \
                 echo 'export const isKept = (issue) => issue.labels.some((l) => l.name === \
                 \"keep-open\");' > index.js";
    git(
        &world,
        "demo",
        &["checkout", "--quiet", "package-lock.json"],
    );
    configure(&world, &agent, &json!({"setup": setup}));
    commit(&world);
    world.write("demo/package-lock.json", "{\"lockfileVersion\": 2}\n");
    let job = job_of(NODE_FIX);
    assert_eq!(job["status"], "fixed", "{job}");
}

#[test]
fn an_agent_in_python_finds_its_virtual_environment_in_every_copy() {
    let (world, demo) = untouched_demo();
    let made = Command::new("python3")
        .args(["-m", "venv", "--without-pip", ".venv"])
        .current_dir(&demo)
        .status()
        .expect("python3 starts");
    assert!(made.success());
    let lib = std::fs::read_dir(demo.join(".venv/lib")).expect("a venv");
    let python = lib.map(|entry| entry.expect("readable").path()).next();
    let packages = python.expect("one").join("site-packages");
    std::fs::write(packages.join("keeping.py"), "LABEL = 'keep-open'\n").expect("writable");
    world.write("demo/.gitignore", "__pycache__/\n.venv/\n");
    world.write("demo/requirements.txt", "keeping==1.0\n");
    let agent = world.read("demo/agent.py");
    let needs = agent
        .replace(
            "from github import GitHub",
            "import keeping\nfrom github import GitHub",
        )
        .replace("KEEP_OPEN = \"keep-open\"", "KEEP_OPEN = keeping.LABEL");
    assert!(needs.contains("import keeping\n") && needs.contains("keeping.LABEL"));
    world.write("demo/agent.py", &needs);
    // The agent is a package that is installed as editable: it is found through the environment.
    let checkout = demo.display().to_string();
    std::fs::write(packages.join("agent.pth"), checkout).expect("writable");
    let start = "import sys\nimport agent\nsys.exit(agent.main())\n";
    world.write("demo/bin/start.py", start);
    let agent = json!({"command": ".venv/bin/python", "args": ["bin/start.py"]});
    configure(&world, &agent, &json!({}));
    commit(&world);
    let job = repaired(&world, ".venv/bin/python fix.py");
    assert_eq!(job["status"], "fixed", "{job}");
    assert_eq!(job["red"]["k"], 2, "{job}");
}

#[test]
fn an_agent_in_rust_is_built_in_every_copy_from_the_crates_that_are_there() {
    let (mut world, demo) = untouched_demo();
    world.with_callers_rust();
    let manifest = "[package]\nname = \"janitor\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                    [dependencies]\nserde_json = \"1\"\n";
    world.write("demo/Cargo.toml", manifest);
    world.write(
        "demo/src/main.rs",
        include_str!("../fixtures/rust-janitor/src/main.rs"),
    );
    world.write("demo/.gitignore", "/target/\n.archal/\n");
    let locked = Command::new(env!("CARGO"))
        .args(["generate-lockfile", "--offline", "--quiet"])
        .current_dir(&demo)
        .status()
        .expect("cargo starts");
    assert!(
        locked.success(),
        "the crates of archal's own build are there"
    );
    let agent = json!({"command": "cargo", "args": ["run", "--quiet", "--offline", "--locked"]});
    configure(
        &world,
        &agent,
        &json!({"setup": "cargo build --quiet --offline --locked"}),
    );
    commit(&world);
    let fixer = "sed -i 's/!(page == 1 \\&\\& is_kept(issue))/!is_kept(issue)/' src/main.rs && \
                 cargo build --quiet --offline --locked";
    let job = repaired(&world, fixer);
    assert_eq!(job["status"], "fixed", "{job}");
    assert_eq!(job["red"]["k"], 2, "{job}");
}
