//! Webhooks of a session reach a receiver on this machine: signed, lost and doubled, and never at
//! the cost of a call.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;

use super::{PATIENCE, REPO, Scene};

/// What a receiver was sent.
struct Received {
    head: String,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        let begins = format!("{name}: ");
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(begins.as_str()))
    }
}

/// A server that answers every delivery with a status, or never.
fn receiver(status: Option<u16>) -> (String, Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, received) = channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().flatten() {
            held.push(take(stream, status, &sender));
        }
    });
    (format!("http://127.0.0.1:{port}/hook"), received)
}

fn take(stream: TcpStream, status: Option<u16>, told: &Sender<Received>) -> Option<TcpStream> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut received = Received {
        head,
        body: Vec::new(),
    };
    let length = received.header("content-length")?.parse().ok()?;
    received.body.resize(length, 0);
    reader.read_exact(&mut received.body).ok()?;
    told.send(received).ok()?;
    let mut stream = stream;
    if let Some(status) = status {
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).ok()?;
    }
    Some(stream)
}

fn hook(scene: &Scene, url: &str) {
    let body = format!(
        r#"{{"events":["issues"],"config":{{"url":"{url}","content_type":"json","secret":"s3cret"}}}}"#
    );
    let answer = scene.rest("POST", &format!("{REPO}/hooks"), &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// The deliveries of an ended session, as evidence has them.
fn written(scene: &Scene) -> Vec<Value> {
    scene.fine(&["stop"]);
    let folders = scene.world.repo().join(".archal/cache/sessions");
    let folder = std::fs::read_dir(folders)
        .expect("sessions")
        .flatten()
        .next();
    let place = folder
        .expect("a session")
        .path()
        .join("evidence/webhooks.jsonl");
    let text = std::fs::read_to_string(place).expect("a file");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    lines.collect()
}

#[test]
fn an_issue_is_told_signed_and_stands_in_the_evidence() {
    let scene = Scene::started();
    let (url, received) = receiver(Some(500));
    hook(&scene, &url);
    let ping = received.recv_timeout(PATIENCE).expect("a ping");
    assert_eq!(ping.header("x-github-event"), Some("ping"));
    scene.create("Told");
    let issue = received.recv_timeout(PATIENCE).expect("a delivery");
    assert!(
        issue.head.starts_with("POST /hook HTTP/1.1\r\n"),
        "{}",
        issue.head
    );
    assert_eq!(issue.header("x-github-event"), Some("issues"));
    let body: Value = serde_json::from_slice(&issue.body).expect("JSON");
    assert_eq!(
        (&body["action"], &body["issue"]["title"]),
        (&"opened".into(), &"Told".into())
    );
    let signed = Hmac::<sha2::Sha256>::new_from_slice(b"s3cret").expect("a key");
    let signed = signed.chain_update(&issue.body).finalize().into_bytes();
    let signed: String = signed.iter().map(|byte| format!("{byte:02x}")).collect();
    let header = issue.header("x-hub-signature-256");
    assert_eq!(header, Some(format!("sha256={signed}").as_str()));
    // The service's own operations tell of it, and send it once more.
    let hooks = scene.rest("GET", &format!("{REPO}/hooks"), "").json();
    let deliveries = format!("{REPO}/hooks/{}/deliveries", hooks[0]["id"]);
    let told = scene.rest("GET", &deliveries, "").json();
    assert_eq!(told[0]["status"], "Invalid HTTP Response: 500");
    assert_eq!(told[0]["event"], "issues");
    let one = format!("{deliveries}/{}", told[0]["id"]);
    let whole = scene.rest("GET", &one, "").json();
    assert_eq!(whole["request"]["payload"]["issue"]["title"], "Told");
    let accepted = scene.rest("POST", &format!("{one}/attempts"), "");
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let again = received.recv_timeout(PATIENCE).expect("a delivery");
    assert_eq!(again.body, issue.body);
    // Elsewhere nothing is sent.
    hook(&scene, "http://hooks.example.com/");
    let lines = written(&scene);
    let told = |line: &Value| {
        let of = |name: &str| line[name].to_string().replace('"', "");
        format!("{} {} {}", of("event"), of("outcome"), of("status"))
    };
    let told: Vec<String> = lines.iter().map(told).collect();
    let expected = [
        "ping answered 500",
        "issues.opened answered 500",
        "issues.opened answered 500",
        "ping not-sent null",
    ];
    assert_eq!(told, expected);
    let text = lines[1].to_string();
    assert!(
        text.contains("\"+run\"") && !text.contains("x-hub-signature"),
        "{text}"
    );
}

#[test]
fn a_receiver_that_hangs_holds_up_no_call() {
    let scene = Scene::started();
    let (url, received) = receiver(None);
    hook(&scene, &url);
    received.recv_timeout(PATIENCE).expect("a ping");
    let begun = Instant::now();
    scene.create("Not held up");
    assert!(begun.elapsed() < Duration::from_secs(5));
    // What waits behind it is written all the same, when the state is put away.
    scene.fine(&["reset"]);
    let lines = written(&scene);
    let outcomes: Vec<&Value> = lines.iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
    assert_eq!(outcomes[0], "failed");
}

#[test]
fn what_is_held_goes_when_it_is_asked_for_and_again_as_it_was() {
    let scene = Scene::new();
    scene.fine(&[
        "start",
        "github",
        "--seed",
        "small-project",
        "--hold-webhooks",
    ]);
    let (url, received) = receiver(Some(202));
    hook(&scene, &url);
    scene.create("Held");
    let told = |posts: &Value| -> Vec<String> {
        let posts = posts["deliveries"].as_array().expect("a list");
        let line = |post: &Value| {
            format!("{} {} {}", post["number"], post["event"], post["outcome"]).replace('"', "")
        };
        posts.iter().map(line).collect()
    };
    let posts = scene.json(&["webhooks"]);
    assert_eq!(told(&posts), ["1 ping held", "2 issues.opened held"]);
    assert_eq!(posts["held"], true);
    // One by its number, then what is left.
    let sent = scene.json(&["webhooks", "--deliver", "2"]);
    assert_eq!(told(&sent), ["2 issues.opened answered"]);
    let issue = received.recv_timeout(PATIENCE).expect("a delivery");
    assert_eq!(issue.header("x-github-event"), Some("issues"));
    // It is in the evidence, although one before it is still held.
    assert_eq!(scene.json(&["status"])["sessions"][0]["webhooks"], 1);
    let sent = scene.json(&["webhooks", "--deliver"]);
    assert_eq!(told(&sent), ["1 ping answered"]);
    let ping = received.recv_timeout(PATIENCE).expect("a delivery");
    assert_eq!(ping.header("x-github-event"), Some("ping"));
    assert!(received.try_recv().is_err(), "nothing else was sent");
    // Again: the same id, the same body.
    let sent = scene.json(&["webhooks", "--redeliver", "2"]);
    assert_eq!(told(&sent), ["3 issues.opened answered"]);
    assert_eq!(sent["deliveries"][0]["again"], 2);
    let again = received.recv_timeout(PATIENCE).expect("a delivery");
    assert_eq!(again.body, issue.body);
    assert_eq!(
        again.header("x-github-delivery"),
        issue.header("x-github-delivery")
    );
    // What nobody asks for is not sent, and says so.
    scene.create("Forgotten");
    drop(scene.run(&["webhooks", "--deliver", "9"]).ended(2));
    drop(scene.run(&["webhooks", "--redeliver", "4"]).ended(2));
    scene.fine(&["webhooks", "--live"]);
    scene.create("At once");
    let issue = received.recv_timeout(PATIENCE).expect("a delivery");
    let body: Value = serde_json::from_slice(&issue.body).expect("JSON");
    assert_eq!(body["issue"]["title"], "At once");
    let lines = written(&scene);
    let outcomes: Vec<&str> = lines
        .iter()
        .map(|line| line["outcome"].as_str().expect("a text"))
        .collect();
    assert_eq!(
        outcomes,
        ["answered", "answered", "answered", "answered", "not-sent"]
    );
    let events: Vec<&Value> = lines.iter().map(|line| &line["event"]).collect();
    assert_eq!(
        events[..2],
        ["issues.opened", "ping"],
        "as they were let go"
    );
    assert!(received.try_recv().is_err(), "nothing else was sent");
}

#[test]
fn a_receiver_that_speaks_tls_is_checked_unless_the_webhook_says_otherwise() {
    let scene = Scene::started();
    let (port, received) = receiver_over_tls();
    let deliver = |insecure: &str| {
        let body = format!(
            r#"{{"events":["issues"],"config":{{"url":"https://localhost:{port}/{insecure}","content_type":"json","insecure_ssl":"{insecure}"}}}}"#
        );
        let answer = scene.rest("POST", &format!("{REPO}/hooks"), &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
    };
    deliver("0");
    deliver("1");
    let ping = received.recv_timeout(PATIENCE).expect("a ping");
    assert!(ping.starts_with("POST /1 "), "{ping}");
    let lines = written(&scene);
    assert_eq!(lines[0]["outcome"], "failed");
    let reason = lines[0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("TLS failed"), "{reason}");
    assert_eq!(lines[1]["outcome"], "answered");
}

/// A server with a certificate that nobody vouches for; it tells the heads of requests.
fn receiver_over_tls() -> (u16, Receiver<String>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate");
    let config = std::sync::Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, received) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(std::sync::Arc::clone(&config));
            let mut connection = connection.expect("a connection");
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            let mut head = Vec::new();
            let mut byte = [0];
            // A client that does not trust the certificate ends before it has said anything.
            while !head.ends_with(b"\r\n\r\n") && matches!(tls.read(&mut byte), Ok(1)) {
                head.push(byte[0]);
            }
            if head.is_empty() {
                continue;
            }
            sender
                .send(String::from_utf8_lossy(&head).into_owned())
                .ok();
            tls.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n")
                .ok();
            tls.flush().ok();
        }
    });
    (port, received)
}

/// A program that makes a webhook to its own server, and says what it is told.
const LISTENS: &str = r#"
import http.server, json, os, urllib.request
told = []
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        told.append(self.headers["x-github-event"])
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
server.timeout = 20
def call(path, body):
    request = urllib.request.Request("https://api.github.com/repos/octocat/hello-service" + path,
        json.dumps(body).encode(), {"Authorization": "Bearer " + os.environ["GITHUB_TOKEN"]})
    urllib.request.urlopen(request).read()
url = "http://localhost:%d/" % server.server_port
call("/hooks", {"events": ["issues"], "config": {"url": url, "content_type": "json"}})
server.handle_request()
call("/issues", {"title": "Told inside"})
server.handle_request()
print(*told)
"#;

#[test]
fn a_server_of_a_command_in_a_network_of_its_own_is_told() {
    let scene = Scene::started();
    let told = scene
        .run(&["exec", "--", "python3", "-c", LISTENS])
        .ended(0);
    assert_eq!(told.stdout, "ping issues\n");
    let lines = written(&scene);
    let outcomes: Vec<&Value> = lines.iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes, ["answered", "answered"]);
}
