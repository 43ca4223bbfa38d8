//! Notices as they are delivered: to a command held as every child is, and to a webhook that
//! answers, refuses, hangs or sends elsewhere.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use archal::attach::notice::{self, Courier, Delivery};
use archal::attach::state::notices::{Outcome, StoredNotice};
use archal::attach::state::{State, failures, notices};
use archal::config::schema::{NoticeEvent, Notify};
use archal::run::scrub::Scrubber;
use archal::sandbox::child::Containment;
use archal::sandbox::{Hold, StopToken};
use archal::store::layout::Layout;
use archal_core::clock::{Clock, FakeClock, Timestamp};
use archal_core::environment::Environment;
use archal_core::redact::Redactor;
use serde_json::{Value, json};

use crate::sandbox::helper;

/// A state with one failure that is new, and what delivers its notice.
struct World {
    folder: tempfile::TempDir,
    layout: Layout,
    state: State,
    clock: FakeClock,
    settings: Notify,
    environment: Environment,
    may_run_commands: bool,
    stop: StopToken,
}

const GROUP: &str = "keep-the-label-0a1b2c3d";

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        layout.prepare().expect("writable");
        let state = State::open(&layout, false).expect("opened").state;
        let clock = FakeClock::new("2026-01-02T03:04:05Z".parse().expect("valid"));
        state
            .write(|change| {
                failures::seen(change, GROUP, &json!({}), "the label is lost", clock.now())?;
                let event = NoticeEvent::New;
                notice::note(change, folder.path(), GROUP, event, "bad", clock.now())
            })
            .expect("written")
            .expect("a notice");
        Self {
            folder,
            layout,
            state,
            clock,
            settings: Notify::default(),
            environment: Environment {
                variables: [
                    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
                    ("HOME", "/nowhere"),
                    ("SERVICE_TOKEN", "a-token-of-the-caller"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
                directory: "/".into(),
            },
            may_run_commands: true,
            stop: StopToken::new(),
        }
    }

    fn with_webhook(url: &str) -> Self {
        let mut world = Self::new();
        world.settings.webhook = Some(url.to_owned());
        world
    }

    fn with_command(command: &str) -> Self {
        let mut world = Self::new();
        world.settings.command = Some(command.to_owned());
        world
    }

    fn deliver(&self) -> Delivery {
        let delivered = self.with_courier(|courier| courier.deliver(&self.state));
        delivered.expect("the database answers")
    }

    fn can_tell(&self) -> bool {
        self.with_courier(|courier| courier.can_tell())
    }

    fn with_courier<T>(&self, act: impl FnOnce(&Courier<'_>) -> T) -> T {
        let scrubber = Scrubber::new(Redactor::new([7; 32], []), &self.environment, &[]);
        act(&Courier {
            settings: &self.settings,
            may_run_commands: self.may_run_commands,
            environment: &self.environment,
            hold: Hold {
                helper: &helper(),
                containment: Containment::Pgroup,
                stop: Some(&self.stop),
            },
            layout: &self.layout,
            repo: self.folder.path(),
            scrubber: &scrubber,
            clock: &self.clock,
            webhook_timeout: Duration::from_millis(300),
            command_timeout: notice::COMMAND_TIMEOUT,
        })
    }

    fn notice(&self) -> StoredNotice {
        let all = self.state.read(|rows| notices::of_failure(rows, GROUP));
        all.expect("read").remove(0)
    }

    fn due_in(&self) -> i64 {
        let due: Timestamp = self.notice().due_at.parse().expect("a time");
        due.as_second() - self.clock.now().as_second()
    }
}

/// A request as it came in.
pub(crate) struct Got {
    head: String,
    pub(crate) body: Value,
    /// Held until the test has seen it, so that an answer that never comes is one.
    _stream: TcpStream,
}

/// Serves one answer after the other on a port of its own; an empty answer is none.
pub(crate) fn serve(answers: &[&str]) -> (String, mpsc::Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (send, receive) = mpsc::channel();
    let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                let line = line.trim_end().to_ascii_lowercase();
                if line.is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().expect("a number");
                }
                head.push_str(&line);
                head.push('\n');
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            stream.write_all(answer.as_bytes()).expect("writable");
            let got = Got {
                head,
                body: serde_json::from_slice(&body).expect("JSON"),
                _stream: stream,
            };
            // The test may have seen enough.
            _ = send.send(got);
        }
    });
    (url, receive)
}

pub(crate) fn answer(status: &str, header: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n{header}\r\n")
}

pub(crate) fn got(from: &mpsc::Receiver<Got>) -> Got {
    from.recv_timeout(Duration::from_secs(30))
        .expect("a request")
}

#[test]
fn a_webhook_gets_the_notice_under_one_id_until_it_takes_it() {
    let answers = [
        answer("500 Internal Server Error", ""),
        answer("429 Too Many Requests", "retry-after: 7\r\n"),
        answer("204 No Content", ""),
    ];
    let (url, requests) = serve(&answers.each_ref().map(String::as_str));
    let world = World::with_webhook(&url);

    assert_eq!(world.deliver().put_off, 1);
    assert_eq!(world.due_in(), 60);
    assert!(world.notice().error.expect("told").contains("answered 500"));
    let idle = world.deliver();
    assert_eq!((idle.sent, idle.put_off), (0, 0), "it is not due");

    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.deliver().put_off, 1);
    assert_eq!(world.due_in(), 7, "Retry-After is obeyed");

    world.clock.advance(Duration::from_secs(7));
    let last = world.deliver();
    assert_eq!((last.sent, last.next_due), (1, None));
    let notice = world.notice();
    assert_eq!((notice.tries, notice.outcome), (3, Some(Outcome::Sent)));
    assert_eq!(world.deliver().sent, 0);

    for _ in 0..3 {
        let request = got(&requests);
        assert_eq!(request.body["notice"], notice.key.as_str());
        assert!(
            request
                .head
                .contains(&format!("idempotency-key: {}", notice.key))
        );
        assert_eq!(request.body["event"], "new");
        assert_eq!(request.body["group"], GROUP);
        assert_eq!(request.body["title"], "the label is lost");
    }
}

#[test]
fn a_webhook_that_hangs_is_left_after_its_time() {
    let (url, requests) = serve(&[""]);
    let world = World::with_webhook(&url);
    assert_eq!(world.deliver().put_off, 1);
    let error = world.notice().error.expect("told");
    assert!(error.contains("gave no answer"), "{error}");
    drop(got(&requests));
}

#[test]
fn a_redirect_is_not_followed_and_a_refusal_is_final() {
    let (elsewhere, stolen) = serve(&[&answer("204 No Content", "")]);
    let redirect = answer(
        "307 Temporary Redirect",
        &format!("location: {elsewhere}\r\n"),
    );
    for (answered, told) in [
        (redirect, "redirects are not followed"),
        (answer("410 Gone", ""), "answered 410 Gone"),
    ] {
        let (url, _requests) = serve(&[&answered]);
        let world = World::with_webhook(&url);
        let failed = world.deliver().failed;
        assert!(failed[0].1.contains(told), "{failed:?}");
        assert_eq!(world.notice().outcome, Some(Outcome::GivenUp));
        assert_eq!(world.notice().due_at, "2026-01-02T03:04:05.000Z");
    }
    assert!(stolen.try_recv().is_err(), "nothing went elsewhere");
}

#[test]
fn nobody_there_is_tried_for_days_and_given_up_and_the_url_is_told_to_nobody() {
    // A port that was free a moment ago and that nobody listens on.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut world = World::new();
    world.settings.webhook_env = Some("HOOK".to_owned());
    let url = format!("http://{address}/services/s3cr3t-path");
    world.environment.variables.insert("HOOK".to_owned(), url);
    let mut tries = 0;
    while world.notice().outcome.is_none() {
        world.deliver();
        world.clock.advance(Duration::from_secs(24 * 3_600));
        tries += 1;
        assert!(tries < 20, "{:?}", world.notice());
    }
    let notice = world.notice();
    assert_eq!((notice.tries, notice.outcome), (8, Some(Outcome::GivenUp)));
    let error = notice.error.expect("told");
    assert!(error.contains("cannot be reached"), "{error}");
    assert!(!error.contains("s3cr3t"), "{error}");
}

#[test]
fn what_cannot_or_need_not_be_told_is_closed_with_the_reason() {
    let mut silent = World::new();
    silent.settings.on = vec![NoticeEvent::Fixed];
    silent.settings.command = Some("exit 1".to_owned());
    assert_eq!(silent.deliver(), Delivery::default());
    assert_eq!(silent.notice().outcome, Some(Outcome::Unwanted));

    let mut forbidden = World::with_command("touch ran");
    forbidden.may_run_commands = false;
    let failed = forbidden.deliver().failed;
    assert!(
        failed[0].1.contains("attach.allowExternalExecution"),
        "{failed:?}"
    );
    assert_eq!(forbidden.notice().outcome, Some(Outcome::Blocked));
    assert!(!forbidden.folder.path().join("ran").exists());

    // It stays closed while nothing of that is mended.
    let mut open = World::new();
    open.settings.webhook_env = Some("HOOK".to_owned());
    let url = "http://elsewhere.example/s3cr3t".to_owned();
    open.environment.variables.insert("HOOK".to_owned(), url);
    let failed = open.deliver().failed;
    assert!(failed[0].1.contains("must be https"), "{failed:?}");
    assert_eq!(open.notice().outcome, Some(Outcome::Blocked));
    assert!(!open.can_tell());

    let mut unset = World::new();
    unset.settings.webhook_env = Some("HOOK".to_owned());
    let failed = unset.deliver().failed;
    assert!(failed[0].1.contains("HOOK"), "{failed:?}");
}

#[test]
fn a_command_gets_a_file_and_no_key_of_the_caller() {
    let world = World::with_command(
        "cp \"$ARCHAL_NOTICE_FILE\" got.json && env > got.env && echo \"$0 $*\" > got.arguments",
    );
    assert_eq!(world.deliver().sent, 1);
    let read = |name: &str| fs::read_to_string(world.folder.path().join(name)).expect("written");
    let notice: Value = serde_json::from_str(&read("got.json")).expect("JSON");
    assert_eq!(notice["notice"], world.notice().key.as_str());
    assert_eq!(notice["next"], format!("archal issue show {GROUP}"));
    assert!(read("got.env").contains("HOME=/nowhere"));
    assert!(!read("got.env").contains("a-token"), "{}", read("got.env"));
    assert!(!read("got.arguments").contains("label"));
    let left = fs::read_dir(world.layout.attach("notices")).expect("a folder");
    assert_eq!(left.count(), 0, "the file is gone");
}

#[test]
fn a_command_that_fails_is_run_again_and_one_that_is_stopped_was_not_tried() {
    let world = World::with_command("echo 'no desktop a-token-of-the-caller' >&2; exit 3");
    assert_eq!(world.deliver().put_off, 1);
    let error = world.notice().error.expect("told");
    assert!(error.contains("status 3: no desktop"), "{error}");
    assert!(!error.contains("a-token"), "{error}");

    let world = World::with_command("exit 0");
    world.stop.stop();
    assert_eq!(world.deliver().sent, 0);
    assert_eq!((world.notice().tries, world.notice().outcome), (0, None));
    assert!(!Path::new("/nowhere").exists());
}
