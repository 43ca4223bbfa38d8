//! What a session writes down holds no secret and no exact time.

use archal::config::schema::RouteMode;
use archal_core::clone::Seed;

use super::{config, output, python, read, run};

#[test]
fn states_and_differences_hold_no_secret_and_no_exact_time() {
    let script = r#"
import json, os, time, urllib.request
def call(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request("https://api.echo.test" + path, data, method=method,
        headers={"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()
made = json.loads(call("POST", "/notes", {"text": json.dumps({"client_secret": "hunter2hunter2"})}))
time.sleep(float(os.environ["PAUSE"]))
call("POST", "/notes", {"text": "made at " + made["created_at"]})
call("DELETE", "/notes/1")
"#;
    let seed = serde_json::json!({"notes": [
        {"id": 1, "text": "https://x.example/?api_key=hunter2hunter2", "created_at": "2d ago"},
        {"id": 2, "text": "{\"password\":\"hunter2hunter2\"}", "created_at": "1d ago"},
    ]});
    let mut seen = Vec::new();
    for pause in ["0", "1.2"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = python(script);
        child
            .environment
            .insert("PAUSE".to_owned(), pause.to_owned());
        let mut config = config(folder.path(), RouteMode::Isolated, "empty");
        config.clones[0].seed = Seed::Document(&seed);
        let (ended, _) = run(config, child);
        assert!(ended.succeeded(), "{}", output(&ended));
        for name in [
            "calls.jsonl",
            "state-before.json",
            "state-after.json",
            "diff.json",
        ] {
            let text = read(folder.path(), name);
            assert!(!text.contains("hunter2"), "{name}: {text}");
            assert!(text.contains("[redacted:"), "{name}: {text}");
        }
        let calls = read(folder.path(), "calls.jsonl");
        assert!(
            calls.contains(r#""body":{"text":"made at +run"}"#),
            "{calls}"
        );
        let diff = read(folder.path(), "diff.json");
        assert!(diff.contains("made at +run"), "{diff}");
        seen.push(diff);
    }
    assert_eq!(seen[0], seen[1]);
}
