//! What the engine of clones costs by itself, without TLS, evidence or a process: keeping a state of 100,000
//! issues, telling ten changes among them, going back, and the calls that agents make most.
//!
//! `cargo bench -p archal-clones --bench engine`; a word behind `--` takes the rows whose names hold it. It
//! needs nothing of the program, so it is built in a minute.

use std::time::{Duration, Instant};

use archal_core::clock::Timestamp;
use archal_core::clone::{
    CloneDescriptor, CloneRequest, CloneResponse, OpenClone, Seed, ServiceClone,
};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

/// Issues of the great state.
const MANY: u64 = 100_000;
/// Issues that are changed among them, far from each other.
const CHANGED: u64 = 10;
/// Calls after which a clone that is written to begins anew, so that it does not grow without end.
const BATCH: u64 = 500;

fn github() -> &'static CloneDescriptor {
    let mut all = archal_clones::ALL.iter();
    all.find(|clone| clone.name == "github").expect("the clone")
}

fn base() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

/// A repository with that many issues, each with a label.
fn opened(issues: u64) -> Box<dyn ServiceClone> {
    let issues: Vec<Value> = (1..=issues)
        .map(|number| {
            json!({
                "repo": "acme/webapp",
                "number": number,
                "title": format!("Issue {number}"),
                "body": "It does not work. ".repeat(12),
                "user": "octocat",
                "labels": ["bug"],
            })
        })
        .collect();
    let seed = json!({
        "actor": "octocat",
        "users": [{"login": "octocat"}, {"login": "acme", "type": "Organization"}],
        "repos": [{"full_name": "acme/webapp"}],
        "labels": [{"repo": "acme/webapp", "name": "bug", "color": "d73a4a"}],
        "issues": issues,
    });
    let how = OpenClone {
        base: base(),
        ids: 1,
        seed: Seed::Document(&seed),
    };
    (github().open)(&how).expect("a clone")
}

fn request(method: &str, path: &str, query: &str, body: &Value) -> CloneRequest {
    let token = github().credentials[0].1;
    CloneRequest {
        method: method.to_owned(),
        host: github().hosts[0].to_owned(),
        path: format!("/repos/acme/webapp{path}"),
        query: query.to_owned(),
        headers: vec![
            ("authorization".to_owned(), format!("Bearer {token}")),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "bench".to_owned()),
        ],
        body: match body {
            Value::Null => Vec::new().into(),
            body => body.to_string().into_bytes().into(),
        },
        ..CloneRequest::default()
    }
}

fn ask(clone: &mut dyn ServiceClone, request: &CloneRequest) -> CloneResponse {
    let response = clone.call(request, base());
    assert!(
        response.status < 300,
        "{}: {}",
        request.path,
        String::from_utf8_lossy(&response.body.wire)
    );
    response
}

fn patch(number: u64) -> CloneRequest {
    let path = format!("/issues/{number}");
    request("PATCH", &path, "", &json!({"title": "changed"}))
}

fn states(criterion: &mut Criterion) {
    let mut clone = opened(MANY);
    let before = clone.state();
    for nth in 0..CHANGED {
        ask(clone.as_mut(), &patch(1 + nth * MANY / CHANGED));
    }
    let after = clone.state();
    let told = before.diff(after.as_ref());
    let issues = told.iter().filter(|row| row.collection == "issues");
    assert_eq!(issues.count() as u64, CHANGED, "{told:?}");

    let mut group = criterion.benchmark_group("100,000 issues");
    group.bench_function("keep the state", |bencher| bencher.iter(|| clone.state()));
    group.bench_function("tell 10 changes", |bencher| {
        bencher.iter(|| before.diff(after.as_ref()));
    });
    group.bench_function("go back and forth", |bencher| {
        bencher.iter(|| clone.restore(before.as_ref()) && clone.restore(after.as_ref()));
    });
    group.bench_function("fork", |bencher| bencher.iter(|| clone.fork()));
    group.bench_function("change one", |bencher| {
        let request = patch(MANY / 2);
        bencher.iter(|| ask(clone.as_mut(), &request));
    });
    group.finish();
}

fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("calls");
    let list = request("GET", "/issues", "per_page=30", &Value::Null);
    let create = request(
        "POST",
        "/issues",
        "",
        &json!({"title": "a new issue", "body": "It does not work.", "labels": ["bug"]}),
    );
    let mut clone = opened(30);
    group.bench_function("list 30", |bencher| {
        bencher.iter(|| ask(clone.as_mut(), &list));
    });
    group.bench_function("list 30, one of which was changed", |bencher| {
        let change = patch(17);
        bencher.iter(|| {
            ask(clone.as_mut(), &change);
            ask(clone.as_mut(), &list)
        });
    });
    let opened = opened(30);
    group.bench_function("create", |bencher| {
        bencher.iter_custom(|times| {
            let (mut left, mut spent) = (times, Duration::ZERO);
            while left > 0 {
                let mut clone = opened.fork();
                let begun = Instant::now();
                for _ in 0..left.min(BATCH) {
                    ask(clone.as_mut(), &create);
                }
                spent += begun.elapsed();
                left = left.saturating_sub(BATCH);
            }
            spent
        });
    });
    group.finish();
}

criterion_group!(benches, states, calls);
criterion_main!(benches);
