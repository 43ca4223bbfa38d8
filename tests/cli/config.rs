//! `archal config show`.

use super::environment;

#[test]
fn every_value_says_where_it_comes_from() {
    let mut environment = environment();
    environment.set("ARCHAL_RUNS", "7");
    environment.write(
        ".archal.json",
        "{\n  // the original's name\n  \"twins\": [\"github\"],\n  \"attach\": {\"policy\": \"fix\"}\n}\n",
    );
    let output = environment.run(&["config", "show", "--origin"]);
    insta::assert_snapshot!(output, @r#"
    exit code: 0
    ----- stdout -----
    agent = null  (default)
    agentKeys = []  (default)
    agentModel = null  (default)
    attach.allowExternalExecution = false  (default)
    attach.budgetUsd = null  (default)
    attach.fixCommand = null  (default)
    attach.fixTimeout = 900  (default)
    attach.jobs = null  (default)
    attach.notify.command = null  (default)
    attach.notify.on = ["new","blocked","fixed","reopened"]  (default)
    attach.notify.webhook = null  (default)
    attach.notify.webhookEnv = null  (default)
    attach.openPr = false  (default)
    attach.policy = "fix"  (.archal.json:4:24)
    attach.poll = 5  (default)
    attach.preprod.onCommit = false  (default)
    attach.preprod.scenarios = []  (default)
    attach.publish.as = "pr"  (default)
    attach.publish.authorEmail = "archal@localhost"  (default)
    attach.publish.authorName = "archal"  (default)
    attach.publish.base = null  (default)
    attach.publish.labels = []  (default)
    attach.publish.remote = "origin"  (default)
    attach.publish.repository = null  (default)
    attach.publish.titlePrefix = "archal: "  (default)
    attach.reproduceRuns = 3  (default)
    attach.sandbox = "best-effort"  (default)
    attach.validationCommand = null  (default)
    budget.perDayUsd = 5.0  (default)
    budget.perTraceUsd = 1.0  (default)
    budget.prices = null  (default)
    clones = ["github"]  (.archal.json:3:12)
    exposeCloneUrls = false  (default)
    fixer.args = []  (default)
    fixer.hosts = null  (default)
    fixer.idleTimeout = null  (default)
    fixer.keyEnv = null  (default)
    fixer.model = null  (default)
    fixer.name = null  (default)
    grade.judge = false  (default)
    grade.results.endpoint = null  (default)
    grade.results.headersEnv = {}  (default)
    grade.results.on = "change"  (default)
    grade.rules = []  (default)
    judge.apiKeyEnv = "ARCHAL_JUDGE_API_KEY"  (default)
    judge.baseUrl = null  (default)
    judge.budgetUsd = 1.0  (default)
    judge.model = null  (default)
    judge.provider = null  (default)
    judge.timeout = 120  (default)
    passThreshold = null  (default)
    preprod.allowExternalExecution = false  (default)
    preprod.budgetUsd = 1.0  (default)
    preprod.fixCommand = null  (default)
    preprod.fixHarness = false  (default)
    preprod.fixTimeout = 900  (default)
    preprod.maxFixAttempts = 2  (default)
    preprod.openPr = false  (default)
    preprod.prCommand = null  (default)
    preprod.validationCommand = null  (default)
    redaction.allow = []  (default)
    redaction.keep = []  (default)
    redaction.patterns = []  (default)
    redaction.personal = false  (default)
    reproduce.model = "live"  (default)
    reproduce.replay = true  (default)
    retention.maxBytes = "5GB"  (default)
    retention.runs = "30d"  (default)
    retention.traces = "90d"  (default)
    route.allow = []  (default)
    route.mode = "auto"  (default)
    runs = 7  (environment ARCHAL_RUNS)
    scenarios = []  (default)
    seeds = {}  (default)
    tagThresholds = {}  (default)
    timeout = 180  (default)
    title = null  (default)
    tools = {}  (default)
    workspace.env = []  (default)
    workspace.setup = null  (default)
    workspace.share = null  (default)
    ----- stderr -----
    config/old-name

      ☞ `twins` is now called `clones`
       ╭─[.archal.json:3:3]
     2 │   // the original's name
     3 │   "twins": ["github"],
       ·   ───────
     4 │   "attach": {"policy": "fix"}
       ╰────
    "#);
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let environment = environment();
    environment.write(
        ".archal.json",
        "{\n  \"scenarois\": [\"scenarios\"],\n  \"clock\": {\"start\": 1},\n  \"runs\": \"three\"\n}\n",
    );
    let output = environment.run(&["config", "show"]);
    insta::assert_snapshot!(output, @r#"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: the configuration .archal.json has 3 errors
        config/unknown-key

          × unknown key `scenarois`
           ╭─[.archal.json:2:3]
         1 │ {
         2 │   "scenarois": ["scenarios"],
           ·   ───────────
         3 │   "clock": {"start": 1},
           ╰────
          help: did you mean `scenarios`?
        config/not-yet

          × `clock` is not supported yet in this version
           ╭─[.archal.json:3:3]
         2 │   "scenarois": ["scenarios"],
         3 │   "clock": {"start": 1},
           ·   ───────
         4 │   "runs": "three"
           ╰────
          help: a fixed clock is planned; remove this until then
        config/type

          × `runs` must be a whole number, not a string
           ╭─[.archal.json:4:11]
         3 │   "clock": {"start": 1},
         4 │   "runs": "three"
           ·           ───────
         5 │ }
           ╰────
          help: How many times each scenario runs.
        "#);
}

#[test]
fn a_named_file_must_exist_and_be_text() {
    let environment = environment();
    let output = environment.run(&["config", "show", "--config", "gone.json"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: cannot read the configuration gone.json
          caused by: No such file or directory (os error 2)
        ");
    std::fs::write(environment.repo().join("binary.json"), [0xff, 0xfe, 0x00]).expect("writable");
    let output = environment
        .run(&["config", "show", "--config", "binary.json"])
        .ended(2);
    assert!(output.stderr.contains("caused by: "), "{output}");
}

#[test]
fn the_document_holds_every_key_with_its_origin() {
    let output = environment().run(&["config", "show", "--json"]).ended(0);
    let document = output.json();
    super::schema::holds(&document);
    assert_eq!(document["version"], 1);
    let keys = document["keys"].as_array().expect("a list");
    assert!(keys.len() >= 20, "{keys:?}");
    assert!(keys.iter().all(|key| key["origin"] == "default"));
}
