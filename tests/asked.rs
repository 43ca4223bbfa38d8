//! What every source that is asked must hold; a new one adds no code here.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::{FakeClock, Timestamp};
use archal_core::program::{NotStarted, Program, Programs, Talk};
use archal_core::pull::{
    Asking, INTERVAL, KEEP, Opened, PullError, PullSource, Rates, SETTLE, Said, SaidValue, Stop,
};
use archal_core::push::{Kept, KeptSpan};
use archal_core::reach::{Named, Reach};
use archal_core::source::{DecodedTrace, OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use serde_json::{Value, json};

/// What the variables of a source hold here.
const SECRET: &str = "sesame-4711-open-0815-quietly";

fn asked() -> impl Iterator<Item = (&'static SourceDescriptor, PullSource)> {
    let sources = archal::app::sources().iter();
    sources.filter_map(|source| Some((source, source.pull?)))
}

struct Nothing;

impl Rates for Nothing {
    fn take(&self, _: &str, _: NonZeroU32) -> Duration {
        Duration::ZERO
    }

    fn hold(&self, _: &str, _: Duration) {}
}

impl Stop for Nothing {
    fn is_asked(&self) -> bool {
        true
    }

    fn wait(&self, _: Duration) -> bool {
        true
    }
}

impl Programs for Nothing {
    fn start(&self, _: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        Err(NotStarted {
            reason: "no program is started here".to_owned(),
            advice: None,
        })
    }
}

fn opened(pull: &PullSource, options: Said) -> Result<Opened, PullError> {
    (pull.open)(Asking {
        name: "prod".to_owned(),
        options,
        since: None,
        clock: Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH)),
        rates: Arc::new(Nothing),
        programs: Arc::new(Nothing),
        stop: Arc::new(Nothing),
    })
}

/// Every option said: by its default, or by something of its kind.
fn all_said(source: &SourceDescriptor, has_secrets: bool) -> Said {
    let value = |option: &OptionInfo| -> Option<SaidValue> {
        let text = |text: &str| Some(SaidValue::Text(option.default.unwrap_or(text).to_owned()));
        match option.kind {
            OptionKind::Text | OptionKind::Variables => text("support"),
            OptionKind::Choice(choices) => text(choices[0]),
            OptionKind::Listen { .. } => text("127.0.0.1:1"),
            OptionKind::Number { least, .. } => Some(SaidValue::Number(least)),
            OptionKind::Size => Some(SaidValue::Number(1 << 20)),
            OptionKind::Switch => Some(SaidValue::Switch(option.default == Some("true"))),
            OptionKind::Duration => Some(SaidValue::Duration(Duration::from_secs(60))),
            OptionKind::Path | OptionKind::UsualPath { .. } | OptionKind::Program => {
                Some(SaidValue::Path(PathBuf::from("/nowhere/at/all")))
            }
            OptionKind::Variable => has_secrets.then(|| SaidValue::Secret(SECRET.to_owned())),
        }
    };
    let said = source.options.iter();
    let said = said.filter_map(|option| Some((option.name.to_owned(), value(option)?)));
    Said::new(said.collect::<BTreeMap<_, _>>())
}

#[test]
fn sources_that_are_asked_say_so_and_call_the_same_options_the_same() {
    for (source, _) in asked() {
        assert_eq!(source.style, SourceStyle::Pull, "{}", source.name);
        let option = |wanted: &OptionInfo| {
            let mut options = source.options.iter();
            options.find(|option| option.name == wanted.name)
        };
        assert!(option(&INTERVAL).is_some(), "{}", source.name);
        for wanted in [INTERVAL, KEEP, SETTLE] {
            if let Some(option) = option(&wanted) {
                assert_eq!(option.kind, wanted.kind, "{}", source.name);
                assert_eq!(option.about, wanted.about, "{}", source.name);
                assert!(option.default.is_some(), "{}", source.name);
            }
        }
    }
}

/// Options as they stand in a registry: by their default, or by something of their kind.
fn named(source: &SourceDescriptor, reach: &Reach, text: &str) -> Named {
    let options = source.options.iter();
    let of = options.filter(|option| reach.options.contains(&option.name));
    of.map(|option| (option.name, text.to_owned())).collect()
}

#[test]
fn what_a_source_sends_and_starts_is_there_to_be_allowed() {
    for (source, pull) in asked() {
        let reach = pull.reach;
        let name = source.name;
        assert!(reach.options.is_sorted(), "{name}");
        for option in reach.options {
            let mut known = source.options.iter();
            assert!(known.any(|known| known.name == *option), "{name}: {option}");
        }
        for option in source.options {
            let is_asked_for = matches!(
                option.kind,
                OptionKind::Variable | OptionKind::Variables | OptionKind::Program
            ) || ["endpoint", "host"].contains(&option.name);
            let is_there = reach.options.contains(&option.name);
            assert!(is_there || !is_asked_for, "{name}: {}", option.name);
        }
        // Nothing that could be anything is usual, but for a folder of this machine.
        let mut foreign = named(source, &reach, "https://evil.example");
        foreign.remove("mirror");
        foreign.remove("anonymous");
        assert!(!(reach.is_usual)(&foreign), "{name}");
        assert!((reach.told)(&foreign).contains("evil.example"), "{name}");
        for text in ["", "true", "\u{1b}[31m\n"] {
            let odd = named(source, &reach, text);
            assert!(!(reach.told)(&odd).is_empty(), "{name}");
            (reach.is_usual)(&odd);
        }
        assert!(!(reach.told)(&Named::new()).is_empty(), "{name}");
    }
}

#[test]
fn whom_a_source_contacts_is_told_without_a_secret_and_whatever_is_said() {
    for (source, pull) in asked() {
        for said in [Said::default(), all_said(source, false)] {
            for host in (pull.hosts)(&said) {
                let is_host = !host.is_empty() && !host.contains(['/', '@', '?', ' ']);
                assert!(is_host, "{}: `{host}`", source.name);
            }
        }
    }
}

#[test]
fn opening_needs_nobody_and_tells_no_secret() {
    for (source, pull) in asked() {
        for said in [
            Said::default(),
            all_said(source, false),
            all_said(source, true),
        ] {
            let Err(error) = opened(&pull, said) else {
                continue;
            };
            let told = format!("{error:?} {error}");
            assert!(!told.contains(SECRET), "{}: {told}", source.name);
            assert!(!error.message.is_empty(), "{}", source.name);
            assert!(!error.message.ends_with('.'), "{}: {error}", source.name);
        }
    }
}

/// Bodies that no source has made.
fn strange() -> Vec<Value> {
    let mut deep = json!("deep");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    vec![
        Value::Null,
        json!(""),
        json!([]),
        json!({}),
        json!({"id": 7, "trace_id": null, "span_id": [], "parent_id": {}, "kind": -1}),
        json!({"id": "a", "span_id": "a", "parentId": "a", "parent_id": "a", "root_span_id": "a"}),
        json!({"id": "b", "startTime": "never", "start_time": 1e300, "created": {"at": 1}}),
        json!({"id": "c", "input": deep, "output": "\u{0}\u{202e}", "metadata": "{\"x\":"}),
        json!({"id": "c", "input": {"a": deep}, "metrics": {"start": -1e19, "end": "x"}}),
    ]
}

#[test]
fn traces_are_put_together_of_anything_in_any_order() {
    for (source, pull) in asked() {
        let Ok(Opened::Rows(rows)) = opened(&pull, all_said(source, true)) else {
            continue;
        };
        let assemble = |bodies: &[Value]| {
            let spans = bodies.iter().map(|body| KeptSpan {
                shared: None,
                body: body.clone(),
            });
            let kept = Kept {
                spans: spans.collect(),
                ..Kept::default()
            };
            rows.assemble("t-1", kept, &mut Vec::new())
        };
        let mut bodies = strange();
        let first = assemble(&bodies);
        bodies.reverse();
        assert_eq!(assemble(&bodies), first, "{}: backwards", source.name);
        bodies.extend(strange());
        // The store keeps a row once. Of one that cannot be read nobody tells here that it is the same.
        let read = |decoded: Option<DecodedTrace>| {
            decoded.map(|mut decoded| {
                decoded.trace.completeness.dropped = 0;
                decoded.dialects.clear();
                decoded
            })
        };
        let twice = read(assemble(&bodies));
        assert_eq!(twice, read(first), "{}: twice", source.name);
        assert_eq!(assemble(&[]), None, "{}: of nothing", source.name);
    }
}
