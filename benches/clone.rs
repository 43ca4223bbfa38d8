//! What a clone costs: CPU of the serving thread for each request over TLS, connection kept,
//! evidence on; and what a run adds to a harness that does nothing.
//!
//! `cargo bench --bench clone`. Of requests CPU time and not wall time, so that a busy machine
//! changes little.
#![expect(clippy::print_stdout, reason = "the figures are the result")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use archal::config::schema::RouteMode;
use archal::sandbox::child::ChildSpec;
use archal::sandbox::hold::Probe;
use archal::session::{ClonePlan, Egress, Session, SessionConfig};
use archal_core::clock::{Clock, Timestamp};
use archal_core::clone::{CloneDescriptor, Seed};
use archal_core::redact::{Literals, Redactor};
use archal_testkit::echo_clone::ECHO;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

/// Requests before the count begins.
const WARM_UP: u32 = 50;
/// Requests counted at a time; more lists would leave the bound up to which evidence keeps bodies.
const COUNTED: u32 = 350;
/// Times each count is taken; the median is shown.
const TAKES: usize = 15;
/// Sessions whose wall time is taken.
const RUNS: usize = 21;

/// What is measured of a clone.
struct Subject {
    clone: &'static CloneDescriptor,
    seed: Value,
    /// A list of 30.
    list: &'static str,
    create: &'static str,
    body: &'static str,
}

struct RealClock(Instant);

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "a bench is a composition root")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

type Client = BufReader<StreamOwned<ClientConnection, TcpStream>>;

fn main() {
    println!("server CPU a request over TLS with evidence, median of {TAKES} x {COUNTED}:");
    for subject in [github(), echo()] {
        let mut size = 0;
        let list = measure(&subject, |client, subject| {
            size = exchange(client, subject, "GET", subject.list, "");
        });
        let create = measure(&subject, |client, subject| {
            exchange(client, subject, "POST", subject.create, subject.body);
        });
        println!("  {}", subject.clone.name);
        println!("    list 30  {list:6.1} µs   (figure: 40; {size} bytes)");
        println!("    create   {create:6.1} µs   (figure: 60)");
    }
    let first = first_answer(&github());
    println!("wall time to the first answer over TLS, median of {RUNS}:");
    println!("    {first:6.1} ms   (figure: 25)");
    let overhead = overhead(&github());
    println!(
        "wall time of a session with a harness that does nothing, isolated, median of {RUNS}:"
    );
    println!("    {overhead:6.1} ms   (figure: 30)");
}

fn github() -> Subject {
    let issues: Vec<Value> = (1..=30)
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
    Subject {
        clone: archal_clones::ALL
            .iter()
            .find(|clone| clone.name == "github")
            .expect("the clone"),
        seed: json!({
            "actor": "octocat",
            "users": [{"login": "octocat"}, {"login": "acme", "type": "Organization"}],
            "repos": [{"full_name": "acme/webapp"}],
            "labels": [{"repo": "acme/webapp", "name": "bug", "color": "d73a4a"}],
            "issues": issues,
        }),
        list: "/repos/acme/webapp/issues?per_page=30",
        create: "/repos/acme/webapp/issues",
        body: r#"{"title":"a new issue","body":"It does not work.","labels":["bug"]}"#,
    }
}

fn echo() -> Subject {
    let notes: Vec<Value> = (1..=30)
        .map(|id| json!({"id": id, "text": format!("note {id} {}", "x".repeat(2_200))}))
        .collect();
    Subject {
        clone: &ECHO,
        seed: json!({"notes": notes}),
        list: "/notes",
        create: "/notes",
        body: r#"{"text":"a new note"}"#,
    }
}

/// The median wall time from the request for a session to its first answer, in milliseconds.
fn first_answer(subject: &Subject) -> f64 {
    median_of_runs(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let started = Instant::now();
        let session = open(subject, folder.path(), RouteMode::Proxy);
        let mut client = connect(&session, subject);
        exchange(&mut client, subject, "GET", subject.list, "");
        started.elapsed()
    })
}

/// The median wall time from the request for a session to its evidence, in milliseconds.
fn overhead(subject: &Subject) -> f64 {
    median_of_runs(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let started = Instant::now();
        let session = open(subject, folder.path(), RouteMode::Isolated);
        let end = session.run(ChildSpec {
            command: vec!["/bin/true".to_owned()],
            directory: folder.path().to_owned(),
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(10),
            idle: None,
            grace: Duration::from_secs(1),
            output_cap: 1024,
            binds: Vec::new(),
            process_limit: None,
            confine: None,
        });
        assert!(end.succeeded(), "{:?}", end.outcome);
        session.finish().expect("evidence");
        started.elapsed()
    })
}

/// In milliseconds.
fn median_of_runs(mut run: impl FnMut() -> Duration) -> f64 {
    let mut takes: Vec<Duration> = (0..RUNS).map(|_| run()).collect();
    takes.sort();
    takes[RUNS / 2].as_secs_f64() * 1e3
}

/// The median CPU of the serving thread for one request, in microseconds; each take has a
/// session of its own, so that none pays for the rows of another.
fn measure(subject: &Subject, mut request: impl FnMut(&mut Client, &Subject)) -> f64 {
    let mut takes: Vec<f64> = (0..TAKES)
        .map(|_| {
            let folder = tempfile::tempdir().expect("a folder");
            let session = open(subject, folder.path(), RouteMode::Proxy);
            let mut client = connect(&session, subject);
            for _ in 0..WARM_UP {
                request(&mut client, subject);
            }
            let before = serving_cpu();
            for _ in 0..COUNTED {
                request(&mut client, subject);
            }
            let spent = serving_cpu() - before;
            drop(client);
            let end = session.finish().expect("evidence");
            assert_eq!(end.calls.len(), (WARM_UP + COUNTED) as usize);
            assert!(
                end.calls.iter().all(|call| call.status < 300),
                "a request failed"
            );
            spent.as_secs_f64() * 1e6 / f64::from(COUNTED)
        })
        .collect();
    takes.sort_by(f64::total_cmp);
    takes[TAKES / 2]
}

fn open(subject: &Subject, folder: &Path, route: RouteMode) -> Session {
    Session::open(SessionConfig {
        clones: vec![ClonePlan {
            clone: subject.clone,
            seed: Seed::Document(&subject.seed),
            trouble: archal_core::clone::Trouble::default(),
            more_hosts: &[],
        }],
        route,
        // The program tries it once, at its start.
        probe: Some(Probe { namespaces: Ok(()) }),
        evidence: folder.to_owned(),
        clock: Arc::new(RealClock(Instant::now())),
        ids: 1,
        helper: env!("CARGO_BIN_EXE_archal").into(),
        expose_clone_urls: false,
        egress: Egress::default(),
        redactor: Redactor::new([0; 32], subject.clone.keep_fields.iter().copied()),
        literals: Literals::default(),
    })
    .expect("a session")
}

fn connect(session: &Session, subject: &Subject) -> Client {
    let environment = session.environment();
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(&environment["NODE_EXTRA_CA_CERTS"]);
    roots
        .add(authority.expect("a certificate"))
        .expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = ServerName::try_from(subject.clone.hosts[0]).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), host).expect("a connection");
    // The proxy's listener takes TLS straight away, as the one inside a child's network does.
    let address = environment["HTTPS_PROXY"].trim_start_matches("http://");
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_nodelay(true).expect("set");
    BufReader::with_capacity(256 * 1024, StreamOwned::new(connection, stream))
}

/// One request and the whole of its answer; the length of the body.
fn exchange(client: &mut Client, subject: &Subject, method: &str, path: &str, body: &str) -> usize {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        subject.clone.hosts[0],
        subject.clone.credentials[0].1,
        body.len(),
    );
    client
        .get_mut()
        .write_all(request.as_bytes())
        .expect("sent");
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        client.read_line(&mut line).expect("a head");
        let head = line.trim_end().to_ascii_lowercase();
        if head.is_empty() {
            break;
        }
        if let Some(value) = head.strip_prefix("content-length: ") {
            length = value.parse().expect("a length");
        }
    }
    let mut answer = vec![0; length];
    client.read_exact(&mut answer).expect("a body");
    length
}

/// The CPU time of the one thread that serves clones, by the kernel's count.
fn serving_cpu() -> Duration {
    for task in fs::read_dir("/proc/self/task").expect("threads").flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.trim() == "archal-clones" {
            let count = fs::read_to_string(task.path().join("schedstat")).expect("a count");
            let spent = count.split(' ').next().expect("a field");
            return Duration::from_nanos(spent.parse().expect("a number"));
        }
    }
    panic!("no thread serves clones");
}
