//! The judge against servers that speak each protocol, answer rightly, wrongly, late or not at all.
//!
//! - `answers`: what it says, and how far it is believed.
//! - `failures`: what goes wrong on the way.
//! - `money`: what it costs.
//! - `runs`: the built binary with a judge.

mod answers;
mod failures;
mod money;
mod runs;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use archal::budget::amount::Usd;
use archal::budget::cap::{Cap, Caps};
use archal::budget::prices::Prices;
use archal::config::judge::Chosen;
use archal::config::schema::JudgeProvider;
use archal::judge::answer::Verdict;
use archal::judge::cache::Cache;
use archal::judge::evidence::Evidence;
use archal::judge::purse::Purse;
use archal::judge::question::Question;
use archal::judge::settings::Settings;
use archal::judge::{Judge, Judged, NotJudged, Outcome, Pause};
use archal_core::clock::FakeClock;
use archal_core::environment::Environment;
use archal_core::redact::Redactor;
use archal_testkit::fake_judge::{FakeJudge, KEY, Protocol};
use serde_json::json;

/// What the agent of these tests said.
const ANSWER: &str = "I closed both issues and told the authors why.";
/// What it wrote.
const COMMENT: &str = "Closing this: there was no answer for 90 days. Thank you!";

/// Pauses that are noted and take no time.
#[derive(Debug, Default)]
struct Pauses {
    times: Mutex<Vec<Duration>>,
    over: AtomicBool,
    /// Whether the first pause is cut short because work is to end.
    ends: bool,
}

impl Pause for Pauses {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn pause(&self, time: Duration) -> bool {
        self.times.lock().expect("not poisoned").push(time);
        if self.ends {
            self.over.store(true, Ordering::SeqCst);
        }
        self.ends
    }
}

/// A judge and what surrounds it.
struct World {
    folder: tempfile::TempDir,
    settings: Settings,
    environment: Environment,
    prices: Option<PathBuf>,
    pauses: Pauses,
}

impl World {
    fn new(server: &FakeJudge) -> Self {
        Self::at(server.protocol(), &server.url())
    }

    fn at(protocol: Protocol, url: &str) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut world = Self {
            settings: Settings {
                judge: Chosen {
                    provider: match protocol {
                        Protocol::OpenAi => JudgeProvider::OpenAi,
                        Protocol::Anthropic => JudgeProvider::Anthropic,
                        Protocol::Gemini => JudgeProvider::Gemini,
                        Protocol::Ollama => JudgeProvider::Ollama,
                    },
                    model: "judge-1".to_owned(),
                    base_url: url.to_owned(),
                    needs_key: false,
                },
                is_forced: false,
                key_variable: "JUDGE_KEY".to_owned(),
                cap: Cap::NONE,
                caps: Caps {
                    per_trace: Cap::NONE,
                    per_day: Cap::NONE,
                },
                connect_timeout: Duration::from_secs(10),
                timeout: Duration::from_secs(60),
                repo: folder.path().to_owned(),
            },
            environment: Environment {
                directory: folder.path().to_owned(),
                ..Environment::default()
            },
            prices: None,
            folder,
            pauses: Pauses::default(),
        };
        world.key(KEY);
        // Three dollars a million tokens in, fifteen out.
        world.price(r#"[{"model": "judge-1", "input": 3, "output": 15}]"#);
        world
    }

    fn key(&mut self, key: &str) {
        let variables = &mut self.environment.variables;
        variables.insert("JUDGE_KEY".to_owned(), key.to_owned());
    }

    fn price(&mut self, models: &str) {
        let path = self.folder.path().join("prices.json");
        let table = format!(r#"{{"version": "test", "models": {models}}}"#);
        std::fs::write(&path, table).expect("writable");
        self.prices = Some(path);
    }

    fn judge(&self) -> Judge<'_> {
        self.judge_at(std::sync::Arc::new(clock()))
    }

    fn judge_at(&self, clock: std::sync::Arc<FakeClock>) -> Judge<'_> {
        Judge::new(
            self.settings.clone(),
            std::borrow::Cow::Borrowed(&self.environment),
            Redactor::new([7; 32], []),
            clock,
            Prices::load(self.prices.as_deref()).expect("prices"),
            Purse::new(&self.settings, Some(self.folder.path().join("ledger.db"))),
            Cache::new(self.folder.path().join("cache")),
        )
    }

    fn ask(&self) -> Outcome {
        self.judge()
            .ask(&question(), "run-1/polite", None, &self.pauses)
    }

    fn judged(&self) -> Judged {
        match self.ask() {
            Outcome::Judged(judged) => judged,
            Outcome::NotJudged(not) => panic!("not judged: {}", not.reason),
        }
    }

    fn not_judged(&self) -> NotJudged {
        match self.ask() {
            Outcome::Judged(judged) => panic!("judged: {judged:?}"),
            Outcome::NotJudged(not) => not,
        }
    }

    fn paused(&self) -> Vec<u64> {
        let times = self.pauses.times.lock().expect("not poisoned");
        times.iter().map(Duration::as_secs).collect()
    }

    /// Where the judge is, taken out of what is told.
    fn told(&self, text: &str) -> String {
        let host = self.settings.host();
        text.replace(&host, "HOST")
    }
}

fn clock() -> FakeClock {
    FakeClock::new("2026-01-02T03:04:05Z".parse().expect("valid"))
}

fn question() -> Question {
    Question {
        setup: Some("Two stale issues.".to_owned()),
        task: "Close stale issues.".to_owned(),
        expected: Some("Each is closed with a reason.".to_owned()),
        criterion: "Each closing comment explains the reason politely".to_owned(),
        evidence: Evidence {
            answer: ANSWER.to_owned(),
            calls: vec![json!({"seq": 1, "request": {"body": COMMENT}})],
            changes: vec![json!({"collection": "issues", "after": {"state": "closed"}})],
            ..Evidence::default()
        },
    }
}

fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros).expect("not below zero")
}

/// A verdict in one line.
fn line(judged: &Judged) -> String {
    let verdict = match judged.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Unsure => "unsure",
    };
    format!("{verdict} {:?} {}", judged.quotes, judged.reason)
}
