//! The source against a server on the loopback that speaks the JSON API as strictly as Google does.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use archal_core::pull::{Object, Objects, PullErrorKind, SaidValue, Standing};
use serde_json::json;

use super::*;
use crate::objects::loopback::{Request, Response, serve};
use crate::objects::testing::{asking, text};

pub(super) const TOKEN: &str = "ya29.a-token-of-this-test";
pub(super) const SECRET: &str = "1//a-refresh-token-of-this-test";

pub(super) type Stored = BTreeMap<String, (i64, Vec<u8>)>;

/// A bucket at a server, with credentials that have to be exchanged there first.
struct Bucket {
    objects: Box<dyn Objects>,
    /// The credentials are read when the first request is made.
    _folder: tempfile::TempDir,
}

fn at(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Bucket {
    let address = serve(move |request| {
        if request.path() == "/token" {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            if !body.contains(SECRET) {
                return Response::new(401, r#"{"error":"invalid_grant"}"#);
            }
            let given = json!({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"});
            return Response::new(200, given.to_string()).with("content-type", "application/json");
        }
        if request.header("authorization") != format!("Bearer {TOKEN}") {
            return failure(401, "who?");
        }
        answer(request)
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("credentials.json");
    let credentials = json!({
        "type": "authorized_user",
        "client_id": "a-client",
        "client_secret": "a-client-secret",
        "refresh_token": SECRET,
        "token_uri": format!("http://{address}/token"),
    });
    fs::write(&file, credentials.to_string()).expect("writable");
    let opened = open(asking(&[
        ("bucket", text("traces")),
        ("credentialsFile", SaidValue::Path(file)),
        ("endpoint", text(&format!("http://{address}"))),
        ("prefix", text("in/")),
    ]));
    match opened.expect("a source") {
        Opened::Objects(objects) => Bucket {
            objects,
            _folder: folder,
        },
        Opened::Rows(_) => panic!("no rows"),
    }
}

fn failure(status: u16, told: &str) -> Response {
    let body = json!({"error": {"code": status, "message": told}});
    Response::new(status, body.to_string()).with("content-type", "application/json")
}

pub(super) fn stored() -> Stored {
    [
        "in/a.json",
        "in/b + c\u{1}\n.json",
        "in/ä/../../d",
        "in/e",
        "in/f",
    ]
    .into_iter()
    .enumerate()
    .map(|(at, key)| {
        let bytes = format!("the bytes of {key}").into_bytes();
        (key.to_owned(), (1_700_000_000_000_000 + at as i64, bytes))
    })
    .collect()
}

/// A listing of two, or an object.
pub(super) fn answer(request: &Request, stored: &Stored) -> Response {
    let path = request.path();
    if path == "/storage/v1/b/traces/o" {
        return page(request, stored);
    }
    let key = path.strip_prefix("/storage/v1/b/traces/o/");
    let Some((generation, bytes)) = key.and_then(|key| stored.get(key)) else {
        return failure(404, "no such object");
    };
    if request.query("alt").as_deref() != Some("media")
        || request.header("accept-encoding") != "gzip"
    {
        return failure(400, "this would be transcoded");
    }
    if request.query("ifGenerationMatch") != Some(generation.to_string()) {
        return failure(412, "another generation");
    }
    Response::new(200, bytes.clone())
        .with("x-goog-generation", generation.to_string())
        .with("x-goog-metageneration", "1")
        .with("x-goog-stored-content-length", bytes.len().to_string())
}

fn page(request: &Request, stored: &Stored) -> Response {
    if request.query("prefix").as_deref() != Some("in/") {
        return failure(403, "another prefix");
    }
    let token = request.query("pageToken");
    let from = match token {
        Some(token) => {
            let at = token.strip_prefix("t-").and_then(|at| at.parse().ok());
            let Some(key) = at.and_then(|at| stored.keys().nth(at)) else {
                return failure(400, "no token of mine");
            };
            key.clone()
        }
        None => request.query("startOffset").unwrap_or_default(),
    };
    let mut wanted = stored.range(from..);
    let items: Vec<serde_json::Value> = wanted
        .by_ref()
        .take(2)
        .map(|(name, (generation, bytes))| {
            json!({
                "name": name,
                "generation": generation.to_string(),
                "size": bytes.len().to_string(),
                "updated": "2026-11-01T00:00:00.500Z",
            })
        })
        .collect();
    let mut body = json!({"items": items});
    if let Some((next, _)) = wanted.next() {
        let at = stored.keys().position(|key| key == next);
        body["nextPageToken"] = format!("t-{}", at.expect("there")).into();
    }
    Response::new(200, body.to_string()).with("content-type", "application/json")
}

#[test]
fn pages_are_gone_through_and_objects_read_in_the_generation_that_was_listed() {
    let starts = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&starts);
    let mut bucket = at(move |request| {
        if request.path().ends_with("/o") {
            let start = (request.query("pageToken"), request.query("startOffset"));
            heard.lock().expect("whole").push(start);
        }
        answer(request, &stored())
    });
    let mut place = None;
    let mut found = Vec::new();
    loop {
        let page = bucket.objects.list(place.as_deref()).expect("a page");
        found.extend(page.objects);
        place = page.next;
        if place.is_none() {
            break;
        }
    }
    let keys: Vec<&str> = found.iter().map(|one| one.key.as_str()).collect();
    let expected: Vec<String> = stored().into_keys().collect();
    assert_eq!(keys, expected);
    assert_eq!(found[0].version, "1700000000000000");
    let begun = std::mem::take(&mut *starts.lock().expect("whole"));
    assert_eq!(begun.len(), 3);
    assert_eq!(begun[0], (None, None));
    assert!(begun[1].0.is_some() && begun[2].0.is_some());

    for one in &found {
        let mut bytes = Vec::new();
        let read = bucket.objects.read(one, &mut bytes).expect("there");
        assert_eq!((read, &bytes), (one.size, &stored()[&one.key].1));
    }
    // Another process, that knows of no token, begins behind the key.
    let place = format!("after:{}", expected[3]);
    let page = bucket.objects.list(Some(&place)).expect("a page");
    assert_eq!(page.objects.len(), 1);

    let overwritten = Object {
        version: "7".to_owned(),
        ..found[0].clone()
    };
    let gone = Object {
        key: "in/gone".to_owned(),
        ..found[0].clone()
    };
    for asked in [overwritten, gone] {
        let error = bucket.objects.read(&asked, &mut Vec::new());
        let error = error.expect_err("another");
        assert_eq!(error.kind, PullErrorKind::Changed, "{asked:?}");
    }
}

#[test]
fn a_store_that_is_slow_or_breaks_off_is_asked_again() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let mut bucket = at(
        move |request| match counted.fetch_add(1, Ordering::SeqCst) {
            0 => failure(503, "later"),
            1 => failure(429, "slower"),
            2 => answer(request, &stored()),
            3 => failure(503, "later"),
            _ => answer(request, &stored()),
        },
    );
    let listed = bucket.objects.list(None).expect("a page").objects;
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let mut bytes = Vec::new();
    bucket.objects.read(&listed[0], &mut bytes).expect("there");
    assert_eq!(bytes, stored()[&listed[0].key].1);

    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let mut bucket = at(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        failure(429, "slower").with("retry-after", "7")
    });
    let error = bucket.objects.list(None).expect_err("slow for ever");
    let seven = Some(std::time::Duration::from_secs(7));
    assert_eq!(error.kind, PullErrorKind::Limited { after: seven });
    // Once, and after each of four times that it says.
    assert_eq!(asked.load(Ordering::SeqCst), 5);
}

#[test]
fn what_is_refused_says_what_mends_it() {
    for (status, kind, advice) in [
        (
            401,
            PullErrorKind::Denied,
            "gcloud auth application-default login",
        ),
        (403, PullErrorKind::Denied, "roles/storage.objectViewer"),
        (404, PullErrorKind::Missing, "--option bucket="),
    ] {
        let mut bucket = at(move |_| failure(status, "no"));
        let error = bucket.objects.list(None).expect_err("refused");
        assert_eq!(error.kind, kind, "{status}");
        let found = error.advice.unwrap_or_default();
        assert!(found.contains(advice), "{found}");
        assert!(!format!("{}{found}", error.message).contains(TOKEN));
    }
}

#[test]
fn a_check_says_by_what_way_and_what_is_allowed() {
    let mut ready = at(|request| answer(request, &stored()));
    let points = ready.objects.check();
    assert!(
        points[0]
            .detail
            .ends_with("credentials.json (authorized_user)"),
        "{points:?}"
    );
    let standings: Vec<Standing> = points.iter().map(|point| point.standing).collect();
    assert_eq!(standings, [Standing::Ready; 3]);
    let mut closed = at(|request| match request.path().ends_with("/o") {
        true => answer(request, &stored()),
        false => failure(403, "no"),
    });
    let points = closed.objects.check();
    assert_eq!(points[2].standing, Standing::Missing);
    assert!(
        points[2]
            .detail
            .starts_with("storage.objects.get is denied"),
        "{points:?}"
    );
}

#[test]
fn options_that_do_not_fit_together_are_refused() {
    let refused = |said: &[(&str, SaidValue)]| {
        let error = open(asking(said)).expect_err("refused");
        assert_eq!(error.kind, PullErrorKind::Options, "{error}");
    };
    refused(&[("endpoint", text("http://storage.example"))]);
    refused(&[("grpcEndpoint", text("storage.example"))]);
    refused(&[
        ("anonymous", SaidValue::Switch(true)),
        ("credentialsFile", SaidValue::Path("/x".into())),
    ]);
}

#[test]
fn only_google_is_asked_with_what_is_there_for_it_without_a_step() {
    let of = |said: &[(&'static str, &str)]| {
        let said = said.iter();
        let named = said
            .map(|(name, text)| (*name, (*text).to_owned()))
            .collect();
        let reach = REACH;
        ((reach.is_usual)(&named), (reach.told)(&named))
    };
    assert!(of(&[]).0 && of(&[("anonymous", "true")]).0);
    assert!(of(&[("credentialsFile", "evil.json"), ("mirror", "here")]).0);
    for foreign in [
        ("credentialsFile", "evil.json"),
        ("endpoint", "https://evil.example"),
        ("grpcEndpoint", "http://127.0.0.1:4444"),
    ] {
        let (is_usual, told) = of(&[foreign]);
        assert!(!is_usual && told.contains(foreign.1), "{foreign:?}: {told}");
    }
}
