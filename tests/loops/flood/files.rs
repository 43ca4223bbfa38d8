//! The files of the flood, and what must become of each.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::watched::{SWEEP, SWEEP_ID, batch, one, span};

/// The bytes of the large file, of which the last tenth is spans: the rest is what exporters add
/// and no dialect reads.
const LARGE: usize = 200 << 20;
const ESCAPES: &str = "\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}31m\r\u{8}";

/// Text without meaning, always the same for a seed.
fn noise(seed: u64, length: usize, alphabet: &str) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        letters[usize::try_from(state % letters.len() as u64).expect("small")]
    };
    (0..length).map(|_| next()).collect()
}

/// A family of secrets, what is planted, and what of it must be found nowhere.
pub(super) type Planted = (&'static str, String, String);

/// Secrets of several families: what is planted, and what must be found nowhere.
pub(super) fn secrets() -> Vec<Planted> {
    const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const HEX: &str = "0123456789abcdef";
    let token = |family: &'static str, text: String| (family, text.clone(), text);
    let with = |family: &'static str, before: &str, secret: String, after: &str| {
        (family, format!("{before}{secret}{after}"), secret)
    };
    vec![
        token("github", format!("gh{}_{}", "p", noise(1, 36, WORD))),
        token("aws", format!("AK{}{}", "IA", noise(2, 16, UPPER))),
        token(
            "slack",
            format!(
                "xo{}-123456789012-1234567890123-{}",
                "xb",
                noise(3, 24, WORD)
            ),
        ),
        token("stripe", format!("sk_{}_{}", "live", noise(4, 32, WORD))),
        token(
            "anthropic",
            format!("sk-{}-api03-{}AA", "ant", noise(5, 93, WORD)),
        ),
        token("google", format!("AI{}{}", "za", noise(6, 35, WORD))),
        token("gitlab", format!("gl{}-{}", "pat", noise(7, 20, WORD))),
        with("bearer", "Authorization: Bearer ", noise(8, 40, WORD), ""),
        with(
            "url",
            "postgres://app:",
            noise(9, 24, WORD),
            "@db.example.com/x",
        ),
        with(
            "query",
            "https://example.com/?access_token=",
            noise(10, 32, WORD),
            "&page=2",
        ),
        with("assigned", "client_secret=", noise(11, 40, HEX), ""),
        (
            "key",
            format!(
                "-----BEGIN {0} KEY-----\n{1}\n{2}\n-----END {0} KEY-----",
                "RSA PRIVATE",
                noise(12, 64, WORD),
                noise(13, 64, WORD)
            ),
            noise(12, 64, WORD),
        ),
    ]
}

/// A trace with `text` wherever a trace has text.
fn with_everywhere(id: &str, text: &str) -> Value {
    let mut planted = span("s1", 1);
    planted["name"] = json!(text);
    planted["error"] = json!(text);
    planted["input"] = json!({"deep": [text]});
    planted["output"] = json!(text);
    planted["tool"] = json!({
        "name": "read", "callId": "c1", "arguments": {"q": text, "inner": json!({"a": text}).to_string()},
        "result": [text], "resultIsError": true,
    });
    planted["http"] = json!({
        "method": "POST", "url": format!("https://api.example.com/v1/{}", text.replace('\n', "%0A").replace(' ', "%20")),
        "status": 500, "requestHeaders": {"x-note": text}, "responseHeaders": {"x-note": text},
        "requestBody": {"body": text}, "responseBody": text,
    });
    planted["llm"] = json!({
        "model": "m",
        "messages": [{"role": "user", "parts": [
            {"type": "text", "text": text},
            {"type": "tool_call", "id": "c1", "name": "read", "arguments": {"q": text}},
            {"type": "tool_result", "id": "c1", "result": text},
        ]}],
    });
    planted["attributes"] = json!({"note": text});
    json!({
        "id": id, "name": text, "status": "error", "error": text, "input": text, "output": text,
        "sessionId": text, "userId": text, "environment": text, "release": text, "tags": [text],
        "metadata": {"note": text}, "startedAt": "2026-01-01T00:00:00Z",
        "scores": [{"name": "feedback", "value": -1, "origin": "human", "comment": text}],
        "spans": [planted],
    })
}

/// The run that fails, as another trace, with secrets in its spans and its task.
pub(super) fn sweep(id: &str, secrets: &str) -> String {
    let mut trace: Value = serde_json::from_str(&SWEEP.replace(SWEEP_ID, id)).expect("JSON");
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    for span in spans {
        let attributes = span["attributes"].as_array_mut().expect("a list");
        for attribute in attributes.iter_mut() {
            if attribute["key"] == "gen_ai.input.messages" {
                let said = attribute["value"]["stringValue"].as_str().expect("text");
                let mut said: Value = serde_json::from_str(said).expect("JSON");
                let task = said[0]["parts"][0]["content"].as_str().expect("text");
                said[0]["parts"][0]["content"] = json!(format!("{task}\n{secrets}"));
                attribute["value"]["stringValue"] = json!(said.to_string());
            }
        }
        attributes.push(json!({"key": "debug.note", "value": {"stringValue": secrets}}));
        span["status"] = json!({"message": secrets});
    }
    trace.to_string()
}

/// What must become of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ends {
    /// With so many traces.
    Imported(usize),
    /// With this in its reason.
    Rejected(&'static str),
    /// There is no row.
    Unseen,
}

/// The files beside the directory, and what becomes of each.
pub(super) struct Flood {
    pub(super) beside: PathBuf,
    pub(super) ends: BTreeMap<String, Ends>,
}

impl Flood {
    pub(super) fn put(&mut self, name: &str, bytes: impl AsRef<[u8]>, ends: Ends) {
        fs::write(self.beside.join(name), bytes).expect("written");
        self.ends.insert(name.to_owned(), ends);
    }

    pub(super) fn trace(&mut self, name: &str, id: &str) {
        self.put(name, batch("prod", &[one(id)]), Ends::Imported(1));
    }

    pub(super) fn large(&mut self) {
        let name = "large.json";
        let file = File::create(self.beside.join(name)).expect("a new file");
        let mut to = BufWriter::with_capacity(1 << 20, file);
        let empty = batch("prod", &[one("large")]);
        let (head, tail) = empty.split_once(r#""spans":["#).expect("spans");
        write!(to, r#"{head}"spans":["#).expect("written");
        let dump = "exporter state, not of interest to anyone; ".repeat(12_000);
        let mut written = head.len();
        let mut number = 0;
        while written < LARGE {
            let mut span = span(&format!("l{number}"), 1);
            span["tool"]["result"] = json!({"text": "line of a file\n".repeat(700)});
            span["exporterDump"] = json!(dump);
            let text = span.to_string();
            write!(to, "{text},").expect("written");
            written += text.len() + 1;
            number += 1;
        }
        write!(to, "{tail}").expect("written");
        to.flush().expect("written");
        self.ends.insert(name.to_owned(), Ends::Imported(1));
    }

    pub(super) fn hostile(&mut self, planted: &[Planted]) {
        let cut = batch("prod", &[one("cut")]);
        self.put(
            "cut.json",
            &cut[..cut.len() / 2],
            Ends::Rejected("incomplete: "),
        );
        let lines = format!(
            "{}\n{}\n{}",
            batch("prod", &[one("whole-1")]),
            batch("prod", &[one("whole-2")]),
            &cut[..cut.len() / 2]
        );
        self.put("cut.jsonl", lines, Ends::Imported(2));
        self.put(
            "noise.json",
            [0, 159, 146, 150, 0, 1],
            Ends::Rejected("binary"),
        );
        self.put(
            "prose.json",
            "this is no trace",
            Ends::Rejected("line 1 is not JSON"),
        );
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        self.put("deep.json", deep, Ends::Rejected("not a JSON object"));
        self.put(
            "other.json",
            r#"{"hello": "world"}"#,
            Ends::Rejected("no shape that is known"),
        );
        let all: Vec<&str> = planted.iter().map(|(_, text, _)| text.as_str()).collect();
        let all = all.join(" and ");
        self.put(
            "spill.json",
            format!("{ESCAPES}{all}"),
            Ends::Rejected("binary"),
        );
        let wrong = batch("prod", &[one("wrong")])
            .replace("\"2026-01-01T00:00:00Z\"", &json!(all).to_string());
        self.put("wrong-times.json", wrong, Ends::Rejected("RFC 3339"));
        let wrong = json!({
            "schema": "archal.trace.upload-batch", "version": 1,
            "traces": [{"id": {"x": all}, "spans": all}, all],
        });
        self.put(
            "wrong-types.json",
            wrong.to_string(),
            Ends::Rejected("not a list"),
        );
        for (family, text, _) in planted {
            let trace = with_everywhere(&format!("planted-{family}"), text);
            let name = format!("planted-{family}.json");
            self.put(&name, batch("prod", &[trace]), Ends::Imported(1));
        }
        let hidden: String =
            planted[0]
                .1
                .chars()
                .enumerate()
                .fold(String::new(), |mut text, (at, letter)| {
                    text.push(letter);
                    if at == 20 {
                        text.push_str("\u{1b}[0m");
                    }
                    text
                });
        let trace = with_everywhere("escapes", &format!("{ESCAPES} {hidden} {all}"));
        self.put("escapes.json", batch(ESCAPES, &[trace]), Ends::Imported(1));
        let trace = with_everywhere(&format!("id {}", planted[0].1), "a secret as an id");
        self.put(
            "secret-id.json",
            batch(&planted[1].1, &[trace]),
            Ends::Imported(1),
        );
        let mut long = one("long-line");
        long["output"] = json!("a line without an end ".repeat(500_000));
        self.put(
            "long-line.jsonl",
            format!("{}\n", batch("prod", &[long])),
            Ends::Imported(1),
        );
        self.put(
            "\u{1b}[2Jname.json",
            batch("prod", &[one("name")]),
            Ends::Imported(1),
        );
        self.put(
            "new\nline.json",
            batch("prod", &[one("new-line")]),
            Ends::Imported(1),
        );
        self.put("empty.json", "", Ends::Unseen);
        self.put(
            ".hidden.json",
            batch("prod", &[one("hidden")]),
            Ends::Unseen,
        );
        self.put("half.json.tmp", batch("prod", &[one("half")]), Ends::Unseen);
        fs::create_dir(self.beside.join("folder.json")).expect("made");
        self.ends.insert("folder.json".to_owned(), Ends::Unseen);
        std::os::unix::fs::symlink("/etc/hostname", self.beside.join("link.json")).expect("made");
        self.ends.insert("link.json".to_owned(), Ends::Unseen);
        nix::unistd::mkfifo(
            &self.beside.join("pipe.json"),
            nix::sys::stat::Mode::S_IRWXU,
        )
        .expect("made");
        self.ends.insert("pipe.json".to_owned(), Ends::Unseen);
    }
}

/// Ids that would lead somewhere, were they taken for paths.
pub(super) const HOSTILE: &[&str] = &[
    "../../x",
    "..",
    ".",
    "/etc/passwd",
    "a/../../../b",
    "nul\u{0}byte",
    "new\nline",
    "\u{1b}[2Jid",
    "-rf",
    "CON",
    "\u{202e}txt.exe",
];
