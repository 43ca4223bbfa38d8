//! The control socket against well-behaved and other clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archal::host::client::{Client, ClientError};
use archal::host::lock::WatcherLock;
use archal::host::protocol::{PROTOCOL, REQUEST_LIMIT, Refusal, RefusalKind, Request};
use archal::host::record::WatcherRecord;
use archal::host::socket::{ControlSocket, Handler, Service};
use archal::store::layout::Layout;
use archal_core::clock::Timestamp;
use archal_core::environment::Environment;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{RunningClock, SOON, eventually};

/// Answers at once, but for `Stop`, which waits until it is let go.
struct Answers {
    began: Sender<()>,
    gate: Mutex<Receiver<()>>,
}

impl Handler for Answers {
    fn handle(&self, request: Request, progress: &mut dyn FnMut(&str)) -> Result<Value, Refusal> {
        match request {
            Request::Status => Ok(json!({"running": []})),
            Request::Attach { payload } => {
                progress("one");
                progress("two\nlines");
                Ok(payload)
            }
            Request::Stop => {
                self.began.send(()).expect("a listener");
                self.gate.lock().expect("a lock").recv().ok();
                Ok(Value::Null)
            }
            Request::Reprocess { .. } => panic!("a bug"),
            other => {
                let text = format!("no {other:?}");
                Err(Refusal::new(RefusalKind::Usage, text).hint("archal attach traces"))
            }
        }
    }
}

struct Watcher {
    layout: Layout,
    service: Service,
    lock: WatcherLock,
    began: Receiver<()>,
    gate: Sender<()>,
    _folder: TempDir,
}

fn watcher() -> Watcher {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path(), None);
    let lock = WatcherLock::take(&layout).expect("known").expect("free");
    let (service, began, gate) = serve(&layout, &lock);
    Watcher {
        layout,
        service,
        lock,
        began,
        gate,
        _folder: folder,
    }
}

fn serve(layout: &Layout, lock: &WatcherLock) -> (Service, Receiver<()>, Sender<()>) {
    let environment = Environment::default();
    let socket = ControlSocket::bind(layout, &environment, lock).expect("bound");
    let ((began, beginnings), (gate, open)) = (channel(), channel());
    let handler = Arc::new(Answers {
        began,
        gate: Mutex::new(open),
    });
    let service = socket
        .serve(handler, Arc::new(RunningClock::new()))
        .expect("served");
    (service, beginnings, gate)
}

fn ask(layout: &Layout, request: &Request) -> Result<Value, ClientError> {
    let client = Client::connect(layout).expect("a watcher");
    client.ask(request, SOON, &mut |_| {})
}

/// The kind and text of the refusal in the last line that comes.
fn refusal(stream: UnixStream) -> (Value, String) {
    stream.set_read_timeout(Some(SOON)).expect("settable");
    let mut last = String::new();
    BufReader::new(stream)
        .read_line(&mut last)
        .expect("an answer");
    let answer: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(answer["protocol"], json!(PROTOCOL));
    assert_eq!(answer["reply"], json!("refused"), "{answer}");
    let text = answer["message"].as_str().expect("a message").to_owned();
    (answer["kind"].clone(), text)
}

#[test]
fn a_question_is_answered_with_what_is_said_meanwhile() {
    let watcher = watcher();
    let mut said = Vec::new();
    let payload = json!({"directory": "traces", "text": "a\nb"});
    let answer = Client::connect(&watcher.layout).expect("a watcher").ask(
        &Request::Attach {
            payload: payload.clone(),
        },
        SOON,
        &mut |line| said.push(line.to_owned()),
    );
    assert_eq!(answer.expect("done"), payload);
    assert_eq!(said, ["one", "two\nlines"]);
    let detach = Request::Detach {
        directory: Some("traces".to_owned()),
        all: false,
        now: true,
    };
    match ask(&watcher.layout, &detach).expect_err("refused") {
        ClientError::Refused(refusal) => {
            assert_eq!(refusal.kind, RefusalKind::Usage);
            assert_eq!(refusal.hints, ["archal attach traces"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_handler_that_panics_is_told_and_the_next_question_is_answered() {
    let watcher = watcher();
    for _ in 0..20 {
        let payload = Value::Null;
        match ask(&watcher.layout, &Request::Reprocess { payload }).expect_err("refused") {
            ClientError::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::Internal),
            other => panic!("{other:?}"),
        }
    }
    ask(&watcher.layout, &Request::Status).expect("answered");
}

#[test]
fn idle_and_half_connections_disturb_nobody() {
    let watcher = watcher();
    let connect = || UnixStream::connect(watcher.service.path()).expect("reachable");
    let threads = || std::fs::read_dir("/proc/self/task").expect("/proc").count();
    ask(&watcher.layout, &Request::Status).expect("answered");
    let before = threads();
    let mut idle: Vec<UnixStream> = (0..100).map(|_| connect()).collect();
    for stream in &mut idle[50..] {
        stream.write_all(b"{\"protocol\":1,").expect("written");
    }
    for _ in 0..5 {
        ask(&watcher.layout, &Request::Status).expect("answered");
    }
    // Other tests of this process start threads, too, but not one for each of these.
    assert!(threads() < before + 100);
    // The oldest made room for the others.
    idle[0].set_read_timeout(Some(SOON)).expect("settable");
    assert_eq!(idle[0].read(&mut [0; 1]).expect("the end"), 0);
    // One that goes away in the middle of a line, and one that is patient, but not for ever.
    let last = idle.pop().expect("there");
    last.shutdown(std::net::Shutdown::Write)
        .expect("half closed");
    last.set_read_timeout(Some(SOON)).expect("settable");
    assert_eq!((&last).read(&mut [0; 1]).expect("the end"), 0);
    let patient = idle.pop().expect("there");
    patient.set_read_timeout(Some(SOON)).expect("settable");
    assert_eq!((&patient).read(&mut [0; 1]).expect("the end"), 0);
}

#[test]
fn garbage_and_floods_are_refused() {
    let watcher = watcher();
    let connect = || UnixStream::connect(watcher.service.path()).expect("reachable");
    for garbage in [&b"\n"[..], b"\xff\x00\n", b"GET / HTTP/1.1\n", b"[1]\n"] {
        let mut stream = connect();
        stream.write_all(garbage).expect("written");
        assert_eq!(refusal(stream).0, json!("usage"), "{garbage:?}");
    }
    let mut stream = connect();
    stream
        .write_all(b"{\"protocol\":99,\"do\":\"status\"}\n")
        .expect("written");
    let (kind, text) = refusal(stream);
    assert_eq!(kind, json!("protocol"));
    assert!(text.contains("speaks protocol 1, not 99"), "{text}");

    let mut stream = connect();
    let flood = vec![b'x'; REQUEST_LIMIT + 200_000];
    // It is closed before all of this is written.
    stream.write_all(&flood).ok();
    assert!(refusal(stream).1.contains("at most"));
    let payload = json!("x".repeat(REQUEST_LIMIT));
    let error = ask(&watcher.layout, &Request::Attach { payload }).expect_err("too long");
    assert!(matches!(error, ClientError::TooLong), "{error:?}");
    let payload = json!("x".repeat(REQUEST_LIMIT - 1000));
    let request = Request::Attach {
        payload: payload.clone(),
    };
    assert_eq!(ask(&watcher.layout, &request).expect("done"), payload);
    // Deeper than any stack.
    let mut stream = connect();
    let deep = "[".repeat(500_000) + "\n";
    stream.write_all(deep.as_bytes()).expect("written");
    assert_eq!(refusal(stream).0, json!("usage"));
}

#[test]
fn too_many_questions_at_once_are_refused_and_those_taken_are_answered() {
    let watcher = watcher();
    let streams: Vec<UnixStream> = (0..80)
        .map(|_| {
            let mut stream = UnixStream::connect(watcher.service.path()).expect("reachable");
            stream
                .write_all(b"{\"protocol\":1,\"do\":\"stop\"}\n")
                .expect("written");
            stream
        })
        .collect();
    for _ in 0..8 {
        watcher.began.recv_timeout(SOON).expect("begun");
    }
    drop(watcher.gate);
    let answers: Vec<String> = streams
        .into_iter()
        .map(|stream| {
            stream.set_read_timeout(Some(SOON)).expect("settable");
            let mut line = String::new();
            BufReader::new(stream)
                .read_line(&mut line)
                .expect("an answer");
            line
        })
        .collect();
    let done = answers.iter().filter(|line| line.contains("done")).count();
    let busy = answers.iter().filter(|line| line.contains("busy")).count();
    assert_eq!((done + busy, done >= 64), (80, true), "{done} {busy}");
    ask(&watcher.layout, &Request::Status).expect("answered");
}

#[test]
fn an_end_lets_answers_be_written_and_a_dead_socket_is_nobody() {
    let watcher = watcher();
    let layout = watcher.layout.clone();
    let asking = std::thread::spawn({
        let layout = layout.clone();
        move || ask(&layout, &Request::Stop)
    });
    watcher.began.recv_timeout(SOON).expect("begun");
    let ended = std::thread::spawn(move || {
        drop(watcher.service);
        (watcher.lock, watcher._folder)
    });
    eventually("the end of the socket", || {
        Client::connect(&layout).is_none()
    });
    watcher.gate.send(()).expect("it waits");
    asking.join().expect("no panic").expect("answered");
    let (lock, _folder) = ended.join().expect("no panic");
    assert!(!layout.watcher_socket().exists());

    // A socket as a killed watcher leaves it.
    drop(std::os::unix::net::UnixListener::bind(layout.watcher_socket()).expect("bound"));
    assert!(Client::connect(&layout).is_none());
    let (_service, ..) = serve(&layout, &lock);
    ask(&layout, &Request::Status).expect("answered");
}

#[test]
fn a_socket_elsewhere_is_found_through_the_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(&folder.path().join("x".repeat(110)), None);
    let lock = WatcherLock::take(&layout).expect("known").expect("free");
    let runtime = folder.path().display().to_string();
    let mut environment = Environment::default();
    environment
        .variables
        .insert("XDG_RUNTIME_DIR".to_owned(), runtime);
    let socket = ControlSocket::bind(&layout, &environment, &lock).expect("bound");
    assert!(socket.path().starts_with(folder.path().join("archal")));
    assert!(Client::connect(&layout).is_none());
    let record = WatcherRecord::new(Timestamp::UNIX_EPOCH, socket.path().to_owned(), None);
    record.write(&layout, &lock).expect("written");
    let (began, _beginnings) = channel();
    let handler = Arc::new(Answers {
        began,
        gate: Mutex::new(channel().1),
    });
    let early = Client::connect(&layout).expect("it exists, though nobody answers yet");
    let _service = socket
        .serve(handler, Arc::new(RunningClock::new()))
        .expect("served");
    early
        .ask(&Request::Status, SOON, &mut |_| {})
        .expect("answered");
}

#[test]
fn a_watcher_that_says_nothing_or_ends_is_told_apart() {
    let watcher = watcher();
    let client = Client::connect(&watcher.layout).expect("a watcher");
    let error = client
        .ask(&Request::Stop, Duration::from_millis(50), &mut |_| {})
        .expect_err("silent");
    assert!(matches!(error, ClientError::Silent { .. }), "{error:?}");
    watcher.gate.send(()).expect("it waits");

    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path(), None);
    std::fs::create_dir_all(layout.root()).expect("writable");
    let other = std::os::unix::net::UnixListener::bind(layout.watcher_socket()).expect("bound");
    for (says, is_expected) in [
        (
            &b""[..],
            (|error| matches!(error, ClientError::Gone { .. })) as fn(&ClientError) -> bool,
        ),
        (b"{\"protocol\":1,\"rep", |error| {
            matches!(error, ClientError::Gone { .. })
        }),
        (b"hello\n", |error| {
            matches!(error, ClientError::Garbage { .. })
        }),
        (
            b"{\"protocol\":2,\"reply\":\"done\",\"payload\":1}\n",
            |error| matches!(error, ClientError::Garbage { .. }),
        ),
    ] {
        let client = Client::connect(&layout).expect("somebody");
        let (mut theirs, _) = other.accept().expect("a client");
        let asking = std::thread::spawn(move || client.ask(&Request::Status, SOON, &mut |_| {}));
        let mut line = String::new();
        BufReader::new(&theirs)
            .read_line(&mut line)
            .expect("a request");
        theirs.write_all(says).expect("written");
        drop(theirs);
        let error = asking.join().expect("no panic").expect_err("no answer");
        assert!(is_expected(&error), "{says:?}: {error:?}");
    }
}

/// The variable that turns the test binary into a client of the socket it names.
const STRANGER: &str = "ARCHAL_TEST_HOST_STRANGER";

/// Not a test of its own: asks for the status when another test starts this binary for it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a driver takes its order from there"
)]
fn stranger() {
    let Ok(socket) = std::env::var(STRANGER) else {
        return;
    };
    let mut stream = UnixStream::connect(socket).expect("reachable");
    // It may be closed before this is written.
    stream
        .write_all(b"{\"protocol\":1,\"do\":\"status\"}\n")
        .ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    let answer = String::from_utf8_lossy(&answer);
    writeln!(std::io::stdout(), "<{}>", answer.trim()).expect("written");
}

#[test]
fn another_user_is_not_heard_even_where_the_socket_is_open() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let watcher = watcher();
    let open = |path: &std::path::Path| {
        let mode = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(path, mode).expect("mine");
    };
    let folder = watcher.layout.root().parent().expect("a folder");
    for path in [folder, watcher.layout.root(), watcher.service.path()] {
        open(path);
    }
    let binary = folder.join("stranger");
    let own = std::env::current_exe().expect("this binary");
    archal_testkit::cli::copy_program(&own, &binary);
    let heard = |user: Option<u32>| {
        let mut command = std::process::Command::new(&binary);
        command
            .args(["--exact", "host::socket::stranger", "--nocapture"])
            .env(STRANGER, watcher.service.path())
            .current_dir("/")
            .stdin(std::process::Stdio::null());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let end = command.output().expect("started");
        assert!(end.status.success(), "{end:?}");
        !String::from_utf8_lossy(&end.stdout).contains("<>")
    };
    assert!(heard(None));
    // Only root can become somebody else.
    if rustix::process::geteuid().is_root() {
        assert!(!heard(Some(65534)));
    }
}
