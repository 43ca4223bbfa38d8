//! `archal doctor`, on a machine made of fake programs.

use archal_testkit::cli::TestEnv;

use super::environment;

/// The route, containment and sandbox depend on the machine's kernel, so their lines are left out.
fn without_kernel(output: archal_testkit::cli::Output) -> archal_testkit::cli::Output {
    output.with(
        r"(?m)^\S+ +(route|containment|sandbox) .*\n( +hint: (sudo|docker|printf|systemd-run).*\n)?",
        "",
    )
}

fn machine(git: &str) -> TestEnv {
    let mut environment = environment();
    environment.without_system_programs();
    environment.program("git", &format!("echo {git}"));
    environment
}

#[test]
fn a_machine_with_everything_is_ready() {
    let environment = machine("git version 2.47.3");
    environment.program("python3", "echo Python 3.11.7");
    environment.program("node", "echo v22.23.3");
    environment.program("gh", "echo 'gh version 2.23.0 (2023-02-27)'");
    let output = without_kernel(environment.run(&["doctor"]));
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        ok      git           2.47
        ok      python3       3.11.7
        ok      node          22.23
        ok      gh            2.23
        ok      state folder  .archal
        ok      configuration no .archal.json; the defaults
        ok      judge         none; `[P]` criteria are not evaluated
        ----- stderr -----
        ");
    assert!(
        !environment.repo().join(".archal").exists(),
        "a check writes nothing"
    );
}

#[test]
fn what_is_missing_is_named_with_the_way_out() {
    let mut environment = machine("git version 2.30.2");
    let blocked = environment.write("a-file", "").display().to_string();
    environment.set("ARCHAL_STATE_DIR", format!("{blocked}/state"));
    let output = without_kernel(environment.run(&["doctor"]));
    insta::assert_snapshot!(output, @r"
        exit code: 3
        ----- stdout -----
        missing git           2.30 is too old; 2.38 or newer is needed
                              hint: apt-get install git
        limited python3       python3 is not installed; only `archal demo` needs it
                              hint: apt-get install python3
        ok      node          node is not installed; only agents that use it need it
        ok      gh            gh is not installed; only agents that use it need it
        missing state folder  a-file/state cannot be written
                              hint: export ARCHAL_STATE_DIR=<a folder you may write>
        ok      configuration no .archal.json; the defaults
        ok      judge         none; `[P]` criteria are not evaluated
        ----- stderr -----
        ");
}

#[test]
fn a_program_that_fails_is_not_taken_for_working() {
    let environment = machine("no idea; exit 1");
    let output = environment.run(&["doctor", "--json"]).ended(3);
    let document = output.json();
    super::schema::holds(&document);
    assert_eq!(document["ready"], false);
    let checks = document["checks"].as_array().expect("a list");
    let git = checks
        .iter()
        .find(|check| check["name"] == "git")
        .expect("checked");
    assert_eq!(git["status"], "missing");
    let sandbox = checks
        .iter()
        .find(|check| check["name"] == "sandbox")
        .expect("checked");
    let said = sandbox["detail"].as_str().expect("text");
    assert!(
        said.contains("mount namespace, own network, seccomp"),
        "{said}"
    );
}

#[test]
fn nobody_is_contacted_by_archal_itself() {
    let environment = environment();
    environment.write(".archal.json", "{\"route\": {\"mode\": \"isolated\"}}");
    let output = environment.run(&["doctor", "--network"]);
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        archal itself: no host
        ----- stderr -----
        ");
    let output = environment.run(&["doctor", "--network", "--json"]).ended(0);
    assert_eq!(output.json()["contacts"], serde_json::json!([]));
    super::schema::holds(&output.json());
}

#[test]
fn what_is_let_through_is_told_with_the_way_there() {
    let mut environment = machine("git version 2.47.3");
    environment.set("HTTPS_PROXY", "http://proxy.example:3128");
    environment.write(
        ".archal.json",
        r#"{"route": {"allow": ["api.openai.com", "db.internal:5432", "localhost:1", "unix:/no/such.sock"]}}"#,
    );
    let output = environment.run(&["doctor"]).ended(0).to_string();
    let allowed: Vec<&str> = output
        .lines()
        .filter(|line| line.contains(" allowed "))
        .map(str::trim)
        .collect();
    insta::assert_snapshot!(allowed.join("\n"), @r"
    ok      allowed       api.openai.com: TLS, handed on undecrypted through your proxy proxy.example:3128
    ok      allowed       db.internal:5432: TCP, handed on
    limited allowed       127.0.0.1:1: nobody listens on that port now (Connection refused (os error 111))
    limited allowed       unix:/no/such.sock: there is no such socket now
    ");
}
