//! The source against a server on the loopback that is as strict as S3.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use archal_core::pull::{Object, Objects, PullErrorKind, SaidValue, Standing};

use super::*;
use crate::objects::loopback::{Request, Response, serve};
use crate::objects::testing::{asking, text};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn bucket(said: &[(&str, SaidValue)]) -> Box<dyn Objects> {
    match open(asking(said)).expect("a source") {
        Opened::Objects(objects) => objects,
        Opened::Rows(_) => panic!("no rows"),
    }
}

/// A bucket at a server, with credentials of its own.
fn at(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Box<dyn Objects> {
    let address = serve(move |request| {
        let signed = request.header("authorization");
        let is_signed = signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
            && !signed.contains(SECRET);
        if is_signed {
            answer(request)
        } else {
            failure(403, "AccessDenied")
        }
    });
    bucket(&[
        ("accessKeyEnv", SaidValue::Secret(KEY.to_owned())),
        ("bucket", text("traces")),
        ("endpoint", text(&format!("http://{address}"))),
        ("prefix", text("in/")),
        ("secretKeyEnv", SaidValue::Secret(SECRET.to_owned())),
    ])
}

fn failure(status: u16, code: &str) -> Response {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message></Error>");
    Response::new(status, body).with("content-type", "application/xml")
}

/// A page of keys behind where it is asked to begin, two at a time.
fn page(request: &Request, keys: &BTreeMap<String, Vec<u8>>) -> Response {
    let wanted = [
        ("list-type", "2"),
        ("prefix", "in/"),
        ("encoding-type", "url"),
    ];
    for (name, value) in wanted {
        if request.query(name).as_deref() != Some(value) {
            return failure(400, "InvalidArgument");
        }
    }
    // What a token is, is the store's business.
    let token = request.query("continuation-token").map(|token| {
        let at: Option<usize> = token.strip_prefix("t-").and_then(|at| at.parse().ok());
        let key = at.and_then(|at| keys.keys().nth(at));
        key.expect("a token of mine").clone()
    });
    let after = token.or(request.query("start-after")).unwrap_or_default();
    let mut behind = keys.iter().filter(|(key, _)| key.as_str() > after.as_str());
    let mut contents = String::new();
    let mut last = "";
    for (key, bytes) in behind.by_ref().take(2) {
        let encoded = encoded(key);
        contents.push_str(&format!(
            "<Contents><Key>{encoded}</Key><ETag>&quot;{}&quot;</ETag><Size>{}</Size>\
             <LastModified>2026-11-01T00:00:00.500Z</LastModified></Contents>",
            tag(bytes),
            bytes.len()
        ));
        last = key;
    }
    let at = keys.keys().position(|key| key == last).unwrap_or_default();
    let more = match behind.next() {
        Some(_) => format!(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>t-{at}</NextContinuationToken>"
        ),
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    Response::new(
        200,
        format!(
            "<?xml version=\"1.0\"?><ListBucketResult><EncodingType>url</EncodingType>{more}{contents}</ListBucketResult>"
        ),
    )
}

/// A key as S3 writes it in listings.
fn encoded(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_owned(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn tag(bytes: &[u8]) -> String {
    archal_core::hash::short(&String::from_utf8_lossy(bytes))
}

fn keys() -> BTreeMap<String, Vec<u8>> {
    [
        "in/a.json",
        "in/b + c\u{1}\n.json",
        "in/ä/../../d",
        "in/e",
        "in/f",
    ]
    .into_iter()
    .map(|key| (key.to_owned(), format!("the bytes of {key}").into_bytes()))
    .collect()
}

/// One object, where it is the one that is asked for.
fn object(request: &Request, keys: &BTreeMap<String, Vec<u8>>) -> Response {
    let path = request.path();
    let Some(bytes) = path.strip_prefix("/traces/").and_then(|key| keys.get(key)) else {
        return failure(404, "NoSuchKey");
    };
    let tag = format!("\"{}\"", tag(bytes));
    if request.header("if-match") != tag {
        return failure(412, "PreconditionFailed");
    }
    let from = request.header("range");
    let from = from
        .strip_prefix("bytes=")
        .and_then(|range| range.strip_suffix('-'));
    let from: usize = from.map_or(0, |from| from.parse().expect("a number"));
    Response::new(if from > 0 { 206 } else { 200 }, &bytes[from..]).with("etag", tag)
}

fn is_listing(request: &Request) -> bool {
    request.query("list-type").is_some()
}

fn all(bucket: &mut dyn Objects) -> Vec<Object> {
    let mut place = None;
    let mut found = Vec::new();
    loop {
        let page = bucket.list(place.as_deref()).expect("a page");
        found.extend(page.objects);
        place = page.next;
        if place.is_none() {
            return found;
        }
    }
}

#[test]
fn pages_are_gone_through_and_a_key_says_for_ever_where_to_go_on() {
    let starts = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&starts);
    let server = move |request: &Request| {
        if is_listing(request) {
            let start = (
                request.query("continuation-token"),
                request.query("start-after"),
            );
            heard.lock().expect("whole").push(start);
            return page(request, &keys());
        }
        object(request, &keys())
    };
    let mut bucket = at(server);
    let found = all(bucket.as_mut());
    let expected: Vec<String> = keys().into_keys().collect();
    let listed: Vec<&str> = found.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(listed, expected);
    assert_eq!(
        found[0].version,
        format!("\"{}\"", tag(b"the bytes of in/a.json"))
    );
    let modified = found[0].modified.expect("a time").to_string();
    assert_eq!(modified, "2026-11-01T00:00:00.5Z");
    let begun = std::mem::take(&mut *starts.lock().expect("whole"));
    assert_eq!(begun[0], (None, None));
    assert!(begun[1].0.is_some() && begun[2].0.is_some(), "{begun:?}");

    let mut bytes = Vec::new();
    for one in &found {
        bytes.clear();
        let read = bucket.read(one, &mut bytes).expect("there");
        assert_eq!(read, one.size);
        assert_eq!(bytes, keys()[&one.key]);
    }
    // Another process, that knows of no token.
    let place = format!("after:{}", expected[3]);
    let page = bucket.list(Some(&place)).expect("a page");
    assert_eq!(page.objects.len(), 1);
    assert_eq!(
        starts.lock().expect("whole")[0],
        (None, Some(expected[3].clone()))
    );
}

#[test]
fn another_version_is_none_of_what_was_listed() {
    let mut bucket = at(|request| object(request, &keys()));
    let listed = |key: &str, version: &str| Object {
        key: key.to_owned(),
        version: version.to_owned(),
        ..Object::default()
    };
    for asked in [listed("in/a.json", "\"other\""), listed("in/gone", "\"x\"")] {
        let error = bucket.read(&asked, &mut Vec::new()).expect_err("another");
        assert_eq!(error.kind, PullErrorKind::Changed, "{asked:?}");
    }
}

#[test]
fn a_store_that_is_slow_or_breaks_off_is_asked_again() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let mut bucket = at(move |request| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        if is_listing(request) {
            return match number {
                0 => failure(503, "SlowDown"),
                1 => failure(500, "InternalError"),
                _ => page(request, &keys()),
            };
        }
        let mut response = object(request, &keys());
        if response.body.len() > 5 {
            response.cut = Some(5);
        }
        response
    });
    let listed = bucket.list(None).expect("a page").objects;
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    // Twenty-two bytes, five at a time.
    let mut bytes = Vec::new();
    let read = bucket.read(&listed[0], &mut bytes).expect("there");
    assert_eq!((read, bytes), (22, b"the bytes of in/a.json".to_vec()));

    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let mut bucket = at(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        failure(503, "SlowDown").with("retry-after", "7")
    });
    let error = bucket.list(None).expect_err("slow for ever");
    let seven = Some(std::time::Duration::from_secs(7));
    assert_eq!(error.kind, PullErrorKind::Limited { after: seven });
    // Once, and after each of four times that it says.
    assert_eq!(asked.load(Ordering::SeqCst), 5);
}

#[test]
fn what_is_refused_says_what_mends_it() {
    for (answer, kind, advice) in [
        (
            failure(403, "AccessDenied"),
            PullErrorKind::Denied,
            "allow s3:ListBucket on arn:aws:s3:::traces;",
        ),
        (
            failure(404, "NoSuchBucket"),
            PullErrorKind::Missing,
            "--option bucket=",
        ),
        (
            failure(301, "PermanentRedirect").with("x-amz-bucket-region", "eu-west-3"),
            PullErrorKind::Options,
            "--option region=eu-west-3",
        ),
        (
            failure(403, "RequestTimeTooSkewed"),
            PullErrorKind::Denied,
            "set the clock",
        ),
        (
            failure(403, "InvalidAccessKeyId"),
            PullErrorKind::Denied,
            "aws sts get-caller-identity",
        ),
        (
            failure(400, "ExpiredToken"),
            PullErrorKind::Denied,
            "aws sso login",
        ),
    ] {
        let told = format!("{answer:?}");
        let mut bucket = at(move |_| answer.clone());
        let error = bucket.list(None).expect_err("refused");
        assert_eq!(error.kind, kind, "{told}");
        let found = error.advice.unwrap_or_default();
        assert!(found.contains(advice), "{found}");
        assert!(!format!("{}{found}", error.message).contains(SECRET));
    }
}

#[test]
fn an_object_that_cannot_be_read_is_told_from_one_that_is_gone() {
    let listed = Object {
        key: "in/a.json".to_owned(),
        version: "\"1\"".to_owned(),
        size: 1,
        modified: None,
    };
    for (answer, kind) in [
        (failure(404, "NoSuchKey"), PullErrorKind::Changed),
        (failure(403, "InvalidObjectState"), PullErrorKind::Archived),
        // Something between says that nothing is there.
        (
            Response::new(404, "<html>no backend</html>"),
            PullErrorKind::Unreachable,
        ),
    ] {
        let told = format!("{answer:?}");
        let mut bucket = at(move |_| answer.clone());
        let error = bucket.read(&listed, &mut std::io::sink());
        assert_eq!(error.expect_err("refused").kind, kind, "{told}");
    }
}

#[test]
fn a_page_without_end_is_not_read() {
    let mut bucket = at(|_| {
        let mut body = b"<?xml version=\"1.0\"?><ListBucketResult><Name>".to_vec();
        body.resize(70 << 20, b'a');
        Response::new(200, body)
    });
    let error = bucket.list(None).expect_err("too large");
    assert_eq!(error.kind, PullErrorKind::Answer, "{error}");
}

#[test]
fn a_check_says_by_what_way_and_what_is_allowed() {
    let told = |bucket: &mut dyn Objects| -> Vec<(&'static str, Standing)> {
        let points = bucket.check();
        points
            .iter()
            .map(|point| (point.name, point.standing))
            .collect()
    };
    let mut ready = at(|request| match is_listing(request) {
        true => page(request, &keys()),
        false => Response::new(206, "x"),
    });
    let all = [
        ("credentials", Standing::Ready),
        ("list", Standing::Ready),
        ("read", Standing::Ready),
    ];
    assert_eq!(told(ready.as_mut()), all);
    assert_eq!(ready.check()[0].detail, "found by the options");
    let mut closed = at(|request| match is_listing(request) {
        true => page(request, &keys()),
        false => failure(403, "AccessDenied"),
    });
    let points = closed.check();
    assert_eq!(points[2].standing, Standing::Missing);
    let advice = points[2].advice.as_deref().unwrap_or_default();
    assert!(
        advice.contains("s3:GetObject on arn:aws:s3:::traces/in/*"),
        "{advice}"
    );
}

#[test]
fn options_that_do_not_fit_together_are_refused() {
    let refused = |said: &[(&str, SaidValue)]| {
        let error = open(asking(said)).expect_err("refused");
        assert_eq!(error.kind, PullErrorKind::Options, "{error}");
    };
    refused(&[
        ("bucket", text("b")),
        ("endpoint", text("http://minio.example")),
    ]);
    refused(&[
        ("bucket", text("b")),
        ("accessKeyEnv", SaidValue::Secret(KEY.to_owned())),
    ]);
    refused(&[
        ("bucket", text("b--use1-az4--x-s3")),
        ("ordered", SaidValue::Switch(true)),
    ]);
    refused(&[("bucket", text("b")), ("region", text("evil.example/x"))]);
    refused(&[("bucket", text("evil.example/"))]);
    let hosts = |bucket: &str, region: &str| {
        hosts(&Said::new(BTreeMap::from([
            ("bucket".to_owned(), text(bucket)),
            ("region".to_owned(), text(region)),
        ])))
    };
    assert_eq!(hosts("b", "eu-west-3"), ["b.s3.eu-west-3.amazonaws.com"]);
    assert_eq!(hosts("b", "evil.example/x"), Vec::<String>::new());
    assert_eq!(hosts("evil.example/", "eu-west-3"), Vec::<String>::new());
}

#[test]
fn only_aws_is_asked_with_what_is_there_for_it_without_a_step() {
    let of = |said: &[(&'static str, &str)]| {
        let said = said.iter();
        let named = said
            .map(|(name, text)| (*name, (*text).to_owned()))
            .collect();
        let reach = REACH;
        ((reach.is_usual)(&named), (reach.told)(&named))
    };
    let own = [
        ("accessKeyEnv", "AWS_ACCESS_KEY_ID"),
        ("secretKeyEnv", "AWS_SECRET_ACCESS_KEY"),
    ];
    for usual in [
        &[][..],
        &own,
        &[("anonymous", "true")],
        &[("region", "eu-west-3")],
        &[("endpoint", "https://evil.example"), ("mirror", "here")],
    ] {
        assert!(of(usual).0, "{usual:?}");
    }
    for foreign in [
        ("accessKeyEnv", "AWS_SECRET_ACCESS_KEY"),
        ("secretKeyEnv", "DEPLOY_KEY"),
        ("sessionTokenEnv", "DEPLOY_KEY"),
        ("endpoint", "https://evil.example"),
        ("endpoint", "http://127.0.0.1:9000"),
        ("profile", "work"),
        ("region", "evil.example/x"),
        ("region", "evil.example#"),
        ("region", "evil.example"),
        ("region", "a@evil.example"),
        ("region", "evil:1/"),
    ] {
        let (is_usual, told) = of(&[foreign]);
        assert!(!is_usual && told.contains(foreign.1), "{foreign:?}: {told}");
    }
    let (_, told) = of(&[("anonymous", "true"), ("endpoint", "https://a.example")]);
    assert_eq!(told, "asks https://a.example without credentials");
}
