//! Every client that agents use, at GitHub's normal URL, through each route that is to hold it:
//! the table in `docs/routes.md` is this list.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use archal::config::schema::RouteMode;
use archal::sandbox::child::ChildSpec;
use archal::session::{ClonePlan, Egress, Session, SessionConfig};
use archal_core::clone::{Seed, Trouble};
use archal_core::redact::{Literals, Redactor};

use super::clients;
use crate::sandbox::helper;
use crate::session::RealClock;

/// What every client asks for.
const URL: &str = "https://api.github.com/repos/acme/webapp";

/// A runtime and the clients in it that are asked by name.
struct Runtime {
    name: &'static str,
    clients: &'static [&'static str],
}

const JAVASCRIPT: &[&str] = &[
    "https",
    "fetch",
    "http2",
    "undici",
    "axios",
    "got",
    "node-fetch",
    "octokit",
];

/// All of them; the routes are `isolated` and `shim`.
const RUNTIMES: &[Runtime] = &[
    Runtime {
        name: "Node 20",
        clients: JAVASCRIPT,
    },
    Runtime {
        name: "Node 22",
        clients: JAVASCRIPT,
    },
    Runtime {
        name: "Node 24",
        clients: JAVASCRIPT,
    },
    Runtime {
        name: "Python 3",
        clients: &[
            "urllib.request",
            "http.client",
            "urllib3",
            "requests",
            "httpx",
            "httpx (async)",
            "aiohttp",
            "httplib2",
            "PyGithub",
        ],
    },
    Runtime {
        name: "programs",
        clients: &["curl", "git", "gh"],
    },
];

const NODE: &str = r#"
import https from "node:https";
import http2 from "node:http2";
const [name, url] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env.GITHUB_TOKEN}`, "user-agent": "archal-tests" };
const show = ({ full_name }, status) => console.log(status, full_name);
const clients = {
  https: () => https.get(url, { headers }, (answer) => {
    let text = "";
    answer.on("data", (data) => { text += data; }).on("end", () => show(JSON.parse(text), answer.statusCode));
  }),
  fetch: async () => { const answer = await fetch(url, { headers }); show(await answer.json(), answer.status); },
  http2: () => {
    const at = new URL(url), session = http2.connect(at.origin);
    const stream = session.request({ ":path": at.pathname, ...headers });
    let text = "", status;
    stream.on("response", (head) => { status = head[":status"]; });
    stream.on("data", (data) => { text += data; }).on("end", () => { show(JSON.parse(text), status); session.close(); });
  },
  undici: async () => { const { request } = await import("undici"); const answer = await request(url, { headers }); show(await answer.body.json(), answer.statusCode); },
  axios: async () => { const { default: axios } = await import("axios"); const answer = await axios.get(url, { headers }); show(answer.data, answer.status); },
  got: async () => { const { default: got } = await import("got"); const answer = await got(url, { headers, responseType: "json", retry: { limit: 0 } }); show(answer.body, answer.statusCode); },
  "node-fetch": async () => { const { default: fetch } = await import("node-fetch"); const answer = await fetch(url, { headers }); show(await answer.json(), answer.status); },
  octokit: async () => {
    const { Octokit } = await import("octokit");
    const octokit = new Octokit({ auth: process.env.GITHUB_TOKEN, retry: { enabled: false }, throttle: { enabled: false } });
    const answer = await octokit.rest.repos.get({ owner: "acme", repo: "webapp" });
    show(answer.data, answer.status);
  },
};
await clients[name]();
"#;

const PYTHON: &str = r#"
import asyncio, json, os, sys
name, url = sys.argv[1:]
headers = {"Authorization": "Bearer " + os.environ["GITHUB_TOKEN"], "User-Agent": "archal-tests"}
def show(document, status): print(status, document["full_name"])
def urllib_request():
    import urllib.request
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer: show(json.load(answer), answer.status)
def http_client():
    import http.client
    c = http.client.HTTPSConnection("api.github.com"); c.request("GET", "/repos/acme/webapp", headers=headers)
    answer = c.getresponse(); show(json.load(answer), answer.status)
def urllib3():
    import urllib3
    answer = urllib3.PoolManager(retries=False).request("GET", url, headers=headers); show(answer.json(), answer.status)
def requests():
    import requests
    answer = requests.get(url, headers=headers); show(answer.json(), answer.status_code)
def httpx():
    import httpx
    answer = httpx.get(url, headers=headers); show(answer.json(), answer.status_code)
def httpx_async():
    import httpx
    async def get():
        async with httpx.AsyncClient() as client: return await client.get(url, headers=headers)
    answer = asyncio.run(get()); show(answer.json(), answer.status_code)
def aiohttp():
    import aiohttp
    async def get():
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer: show(await answer.json(), answer.status)
    asyncio.run(get())
def httplib2():
    import httplib2
    answer, body = httplib2.Http().request(url, headers=headers); show(json.loads(body), answer.status)
def pygithub():
    from github import Auth, Github
    show({"full_name": Github(auth=Auth.Token(os.environ["GITHUB_TOKEN"]), retry=None).get_repo("acme/webapp").full_name}, 200)
{"urllib.request": urllib_request, "http.client": http_client, "urllib3": urllib3, "requests": requests, "httpx": httpx,
 "httpx (async)": httpx_async, "aiohttp": aiohttp, "httplib2": httplib2, "PyGithub": pygithub}[name]()
"#;

const CURL: &str = r#"curl -sS --fail -H "Authorization: Bearer $GITHUB_TOKEN" -w '%{stderr}%{http_code} ' "$1" > out && python3 -c 'import json; print(json.load(open("out"))["full_name"])'"#;
/// Git itself, over the transport of its own that clones and fetches use.
const GIT: &str = r#"git -c http.extraHeader="Authorization: Bearer $GITHUB_TOKEN" -c protocol.version=0 ls-remote "$1" 2>&1"#;
const GH: &str = r#"gh api repos/acme/webapp --jq '"200 " + .full_name'"#;

/// The command of a client, which runs in `folder`.
fn command(runtime: &str, client: &str, folder: &Path) -> Vec<String> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let program = match runtime {
        "programs" => {
            let script = match client {
                "curl" => CURL,
                "git" => GIT,
                _ => GH,
            };
            let command = ["sh", "-c", script, "sh", URL];
            return command.map(str::to_owned).to_vec();
        }
        "Python 3" => {
            let python = clients().join("python/bin/python").display().to_string();
            return vec![
                python,
                write("client.py", PYTHON),
                client.to_owned(),
                URL.to_owned(),
            ];
        }
        "Node 20" => PathBuf::from("node"),
        other => {
            let version = other.trim_start_matches("Node ");
            let machine = match std::env::consts::ARCH {
                "aarch64" => "arm64",
                _ => "x64",
            };
            clients().join(format!("js/node_modules/node{version}-{machine}/bin/node"))
        }
    };
    symlink(
        clients().join("js/node_modules"),
        folder.join("node_modules"),
    )
    .expect("a link");
    vec![
        program.display().to_string(),
        write("client.mjs", NODE),
        client.to_owned(),
        URL.to_owned(),
    ]
}

/// Asks with every client of a runtime through a route.
#[track_caller]
fn check(runtime: &str, route: RouteMode) {
    let github = archal_clones::ALL
        .iter()
        .find(|clone| clone.name == "github")
        .expect("the clone");
    let listed = RUNTIMES.iter().find(|one| one.name == runtime);
    let mut failures = Vec::new();
    for client in listed.expect("listed").clients {
        let folder = tempfile::tempdir().expect("a folder");
        let work = folder.path().join("work");
        fs::create_dir(&work).expect("made");
        let session = Session::open(SessionConfig {
            clones: vec![ClonePlan {
                clone: github,
                seed: Seed::Named("stale-issues"),
                trouble: Trouble::default(),
                more_hosts: &[],
            }],
            route,
            probe: None,
            evidence: folder.path().join("evidence"),
            clock: Arc::new(RealClock(Instant::now())),
            ids: 1,
            helper: helper(),
            expose_clone_urls: false,
            egress: Egress::default(),
            redactor: Redactor::new([5; 32], github.keep_fields.iter().copied()),
            literals: Literals::default(),
        })
        .expect("a session");
        let home = work.display().to_string();
        let ended = session.run(ChildSpec {
            command: command(runtime, client, &work),
            directory: work,
            environment: BTreeMap::from(
                [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", &home)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned())),
            ),
            timeout: Duration::from_secs(60),
            idle: None,
            grace: Duration::from_secs(1),
            output_cap: 1 << 16,
            binds: Vec::new(),
            process_limit: None,
            confine: None,
        });
        let end = session.finish().expect("evidence");
        let stdout = String::from_utf8_lossy(&ended.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        let is_answered = match *client {
            "git" => end
                .calls
                .iter()
                .any(|call| call.path.contains("/info/refs")),
            "curl" => format!("{stderr}{stdout}").trim() == "200 acme/webapp",
            _ => stdout.trim() == "200 acme/webapp",
        };
        let is_seen = end.calls.len() == 1 && end.calls[0].host == "api.github.com";
        if !(is_answered && is_seen && end.refused.is_empty()) {
            failures.push(format!(
                "{runtime} {client} {route:?}: {stdout}{stderr} {:?} {} calls",
                end.refused,
                end.calls.len()
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn clients_of_node_20() {
    check("Node 20", RouteMode::Isolated);
    check("Node 20", RouteMode::Shim);
}

#[test]
fn clients_of_node_22() {
    check("Node 22", RouteMode::Isolated);
    check("Node 22", RouteMode::Shim);
}

#[test]
fn clients_of_node_24() {
    check("Node 24", RouteMode::Isolated);
    check("Node 24", RouteMode::Shim);
}

#[test]
fn clients_of_python() {
    check("Python 3", RouteMode::Isolated);
    check("Python 3", RouteMode::Shim);
}

#[test]
fn programs() {
    check("programs", RouteMode::Isolated);
    check("programs", RouteMode::Shim);
}

#[test]
fn the_table_in_the_documentation_is_this_list() {
    let mut table = "| | clients | `isolated` | `shim` |\n|---|---|---|---|\n".to_owned();
    for runtime in RUNTIMES {
        let clients = runtime.clients.join(", ");
        table.push_str(&format!("| {} | {clients} | yes | yes |\n", runtime.name));
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/routes.md");
    let page = fs::read_to_string(page).expect("the page");
    assert!(
        page.contains(&table),
        "docs/routes.md lacks this table:\n{table}"
    );
}
