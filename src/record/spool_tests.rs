//! What is on the disk of a recording, while it lasts and after it was killed.

use archal_core::environment::Environment;
use archal_core::redact::Redactor;
use serde_json::json;

use super::*;
use crate::session::recording::body::Captured;

const LATE: &str = "own-credential-without-a-known-shape-1";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn scrubber() -> Scrubber {
    let environment = Environment {
        variables: [("AGENT_KEY".to_owned(), "key-of-the-caller".to_owned())].into(),
        directory: "/".into(),
    };
    Scrubber::new(Redactor::new([7; 32], []), &environment, &[])
}

fn command() -> Command {
    Command {
        id: "rec-1".to_owned(),
        name: "agent".to_owned(),
        input: "agent key-of-the-caller".to_owned(),
        started_at: at(1),
        metadata: BTreeMap::new(),
    }
}

fn call(second: i64, answer: &str) -> Call {
    Call {
        started_at: at(second),
        ended_at: Some(at(second + 1)),
        method: "GET".to_owned(),
        url: "https://api.echo.test/".to_owned(),
        status: Some(200),
        response: Captured {
            bytes: Some(answer.as_bytes().to_vec().into()),
            length: answer.len() as u64,
            hash: "sha256:00".to_owned(),
            is_whole: true,
        },
        ..Call::default()
    }
}

fn with_credential(call: Call) -> Call {
    Call {
        request_headers: vec![("x-api-key".to_owned(), LATE.to_owned())],
        ..call
    }
}

fn begun(recordings: &Path) -> (Spool, Sink) {
    Spool::begin(recordings, &command(), Path::new("/traces"), scrubber()).expect("begun")
}

/// What is written, once the writer has nothing more to do.
fn text(folder: &Path) -> String {
    fs::read_to_string(folder.join(CALLS)).expect("lines")
}

/// Lets go of a recording as its process does when it is killed.
fn killed(spool: Spool, sink: Sink) -> PathBuf {
    drop(sink);
    spool.writer.join().expect("written");
    spool.folder
}

#[test]
fn what_was_told_last_of_each_call_is_kept_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, sink) = begun(folder.path());
    for (number, told) in [
        (0, call(1, "\"early\"")),
        (1, call(2, "\"one\"")),
        (0, call(1, "\"zero\"")),
    ] {
        sink.send((number, told)).expect("it listens");
    }
    drop(sink);
    let finished = spool.finish().expect("read");
    let answers: Vec<Value> = finished
        .calls
        .iter()
        .map(|call| {
            let http = call.span.http.as_ref().expect("an exchange");
            http.response_body.clone().expect("a body")
        })
        .collect();
    assert_eq!(answers, [json!("zero"), json!("one")]);
    assert_eq!(finished.failed, None);
    let kept = finished.kept.folder().to_owned();
    finished.kept.remove();
    assert!(!kept.exists());
}

#[test]
fn no_secret_is_on_the_disk_not_even_one_that_shows_later_to_be_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, sink) = begun(folder.path());
    let told = json!({"yours": LATE, "caller": "key-of-the-caller"}).to_string();
    sink.send((0, call(1, &told))).expect("it listens");
    sink.send((1, with_credential(call(2, &told))))
        .expect("it listens");
    sink.send((2, call(3, &told))).expect("it listens");
    let folder = killed(spool, sink);
    let text = text(&folder);
    assert!(!text.contains(LATE), "{text}");
    assert!(!text.contains("key-of-the-caller"), "{text}");
    assert_eq!(text.lines().count(), 4);
    let put = scrubber().redactor().placeholder(LATE);
    assert_eq!(text.matches(&put).count(), 3, "{text}");
    let mode = fs::metadata(&folder)
        .expect("a folder")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn what_a_killed_process_wrote_is_found_and_what_it_began_to_write_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, sink) = begun(folder.path());
    assert!(
        left(folder.path(), at(9)).expect("known").is_empty(),
        "it is at work"
    );
    for number in [0, 1, 3] {
        let second = i64::try_from(number).expect("small");
        sink.send((number, call(second, "\"x\"")))
            .expect("it listens");
    }
    let own = killed(spool, sink);
    let whole = fs::read(own.join(CALLS)).expect("lines");
    fs::write(
        own.join(CALLS),
        [&whole[..], b"{\"call\":[4,{\"spa"].concat(),
    )
    .expect("written");
    let found = left(folder.path(), at(9)).expect("known");
    assert_eq!(found.len(), 1);
    let one = &found[0];
    assert_eq!(one.command.id, "rec-1");
    assert_eq!(one.directory, Path::new("/traces"));
    assert_eq!(one.calls.len(), 3);
    assert_eq!(one.lost, 2, "the third, and the one that was cut off");
    assert_eq!(one.last(), at(4));
    assert!(
        left(folder.path(), at(9)).expect("known").is_empty(),
        "somebody has it"
    );
    for one in found {
        one.kept.remove();
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn what_cannot_be_written_is_kept_until_the_end_and_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let recordings = folder.path().join("deep");
    let (spool, sink) = begun(&recordings);
    sink.send((0, call(1, "\"x\""))).expect("it listens");
    // A folder in its place can be neither read nor written.
    let lines = spool.folder.join(CALLS);
    while !text(&spool.folder).contains("\"call\"") {
        std::thread::yield_now();
    }
    let written = fs::read(&lines).expect("lines");
    fs::remove_file(&lines).expect("removed");
    fs::create_dir(&lines).expect("made");
    sink.send((1, with_credential(call(2, "\"y\""))))
        .expect("it listens");
    sink.send((2, call(3, "\"z\""))).expect("it listens");
    sink.send((2, call(3, "\"last\""))).expect("it listens");
    drop(sink);
    let writer = spool.writer.join().expect("written");
    assert!(writer.failed.is_some());
    let kept: Vec<usize> = writer.unwritten.keys().copied().collect();
    assert_eq!(kept, [1, 2]);
    let last = writer.unwritten[&2]
        .span
        .http
        .as_ref()
        .expect("an exchange");
    assert_eq!(last.response_body, Some(json!("last")));
    assert!(!written.is_empty());
}

#[test]
fn bodies_of_a_recording_have_one_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let begun = Spool::with_room(folder.path(), &command(), Path::new("/"), scrubber(), 10);
    let (spool, sink) = begun.expect("begun");
    for number in 0..4 {
        // Told twice, counted once.
        for _ in 0..2 {
            let one = call(i64::try_from(number).expect("small"), "\"4\"");
            sink.send((number, one)).expect("it listens");
        }
    }
    drop(sink);
    let finished = spool.finish().expect("read");
    let kept: Vec<u64> = finished.calls.iter().map(|call| call.bytes).collect();
    assert_eq!(kept, [3, 3, 3, 0]);
    let over = finished.calls.last().expect("calls");
    assert_eq!(over.cut, ["http.responseBody"]);
    assert_eq!(over.unkept, [3]);
    let told = &over.span.attributes["archal.responseBody"];
    assert_eq!(told, "[3 bytes, sha256:00]");
}
