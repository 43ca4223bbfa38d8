//! What grading and reconstruction cost, stage by stage, on the shipped trace: 97 spans, 419 KB of OTLP JSON,
//! 46 issues of GitHub read and changed.
//!
//! `cargo bench --bench grading`; a word behind `--` takes the stages whose names hold it. Ratios count; a busy
//! machine changes the figures.

use std::path::Path;

use archal::app;
use archal::grade::facts::Facts;
use archal::grade::whole::{Evidence, grade};
use archal::grade::{signals, verdict};
use archal::ingest::file::{FileReport, read_bytes};
use archal::reconstruct::replay::Replay;
use archal::reconstruct::tools::Tools;
use archal::reconstruct::{Context, exchanges, reconstruct};
use archal::run::scenarios::{self, Prepared};
use archal_core::grade::Verdict;
use archal_core::redact::Redactor;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The shipped trace and the scenario that it breaks.
const TRACE: &str = include_str!("../examples/issue-janitor/traces/2026-11-20-sweep.otlp.json");
const SCENARIO: &str = include_str!("../examples/issue-janitor/archal/close-stale-issues.md");

fn read(redactor: &Redactor) -> FileReport {
    let path = Path::new("sweep.otlp.json");
    read_bytes(app::files(), path, TRACE.as_bytes(), redactor, None)
}

fn scenario() -> Prepared {
    let path = Path::new("close-stale-issues.md");
    match scenarios::of_text(path, SCENARIO, app::clones()) {
        Ok((prepared, _)) => prepared,
        Err(broken) => panic!("{:?}", broken.diagnostics),
    }
}

fn stages(criterion: &mut Criterion) {
    let clones = app::clones();
    let keep = clones.iter().flat_map(|clone| clone.keep_fields).copied();
    let redactor = Redactor::new([7; 32], keep);
    let imported = read(&redactor).traces.remove(0);
    let trace = &imported.trace;
    let tools = Tools::default();
    let context = Context {
        clones,
        tools: &tools,
        owned: &[],
    };
    let prepared = scenario();
    let facts = Facts::of(trace);
    let traced = exchanges::of(trace, &context);
    let rebuilt = reconstruct(trace, &context);
    let replay = Replay::run(&rebuilt, &traced, clones).expect("a state that opens");
    let whole = || {
        grade(Evidence {
            facts: &facts,
            identity: imported.identity.clone(),
            matched: Some(&prepared),
            traced: &traced,
            replay: Ok(&replay),
            base: rebuilt.base,
            made_up: &rebuilt.synthesised,
            rules: &[],
            early: signals::find(&facts),
            judged: None,
            clones,
        })
    };
    // What is measured is a trace that is understood, and fails.
    assert!(rebuilt.missing.is_empty(), "{:?}", rebuilt.missing);
    assert_eq!(whole().verdict, Verdict::Fail);

    let mut group = criterion.benchmark_group("grading");
    group.throughput(Throughput::Bytes(TRACE.len() as u64));
    group.bench_function("import: decode, redact, hash", |bencher| {
        bencher.iter(|| read(&redactor));
    });
    group.bench_function("signals and claims", |bencher| {
        bencher.iter(|| verdict::alone(trace));
    });
    group.bench_function("calls of services", |bencher| {
        bencher.iter(|| exchanges::of(trace, &context));
    });
    group.bench_function("reconstruct", |bencher| {
        bencher.iter(|| reconstruct(trace, &context));
    });
    group.bench_function("replay", |bencher| {
        bencher.iter(|| Replay::run(&rebuilt, &traced, clones));
    });
    group.bench_function("criteria and verdict", |bencher| bencher.iter(whole));
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
