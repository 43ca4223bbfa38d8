//! The listing over gRPC, against a server on the loopback that speaks it as Google's does.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use archal_core::pull::{Listing, Object, Objects, PullErrorKind, SaidValue};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response as HttpResponse};
use axum::routing::post;
use http_body_util::{BodyExt as _, Full};
use prost::Message;

use super::tests::{SECRET, Stored, TOKEN, answer, stored};
use super::{Opened, open};
use crate::objects::loopback::{Response, serve};
use crate::objects::testing::{asking, text};

/// What is asked, as far as archal asks.
#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(string, tag = "1")]
    parent: String,
    #[prost(int32, tag = "2")]
    page_size: i32,
    #[prost(string, tag = "3")]
    page_token: String,
    #[prost(string, tag = "6")]
    prefix: String,
    #[prost(string, tag = "10")]
    lexicographic_start: String,
}

#[derive(Clone, PartialEq, Message)]
struct Answered {
    #[prost(message, repeated, tag = "1")]
    objects: Vec<Named>,
    #[prost(string, tag = "3")]
    next_page_token: String,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    generation: i64,
    #[prost(int64, tag = "6")]
    size: i64,
    #[prost(message, optional, tag = "17")]
    update_time: Option<Time>,
}

#[derive(Clone, PartialEq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Codes of gRPC.
const INVALID_ARGUMENT: u8 = 3;
const NOT_FOUND: u8 = 5;
const PERMISSION_DENIED: u8 = 7;
const RESOURCE_EXHAUSTED: u8 = 8;
const UNAVAILABLE: u8 = 14;
const UNAUTHENTICATED: u8 = 16;

/// Serves one method over HTTP/2 in plain text until the process ends; where.
fn listed(
    page: impl Fn(&Asked) -> Result<Answered, u8> + Clone + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let at = listener.local_addr().expect("bound");
    let method = post(move |headers: HeaderMap, body: Bytes| async move {
        let is_known = headers
            .get("authorization")
            .is_some_and(|said| *said == format!("Bearer {TOKEN}"));
        // A letter that says that nothing is packed, and four of the length.
        let asked = body.get(5..).and_then(|body| Asked::decode(body).ok());
        let routed = headers.get("x-goog-request-params");
        match asked {
            _ if !is_known => called(Err(UNAUTHENTICATED)),
            Some(asked) if routed.is_some() => called(page(&asked)),
            _ => called(Err(INVALID_ARGUMENT)),
        }
    });
    let router = Router::new().route("/google.storage.v2.Storage/ListObjects", method);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await.expect("served");
        });
    });
    at
}

/// An answer of gRPC: a message and a code behind it, or the code alone.
fn called(answer: Result<Answered, u8>) -> HttpResponse<Body> {
    let code = HeaderValue::from(u16::from(*answer.as_ref().err().unwrap_or(&0)));
    let trailers = HeaderMap::from_iter([("grpc-status".parse().expect("a name"), code)]);
    let body = match answer {
        Ok(answer) => {
            let message = answer.encode_to_vec();
            let length = u32::try_from(message.len()).expect("short").to_be_bytes();
            [&[0], length.as_slice(), &message].concat()
        }
        Err(_) => Vec::new(),
    };
    let body = Full::new(Bytes::from(body)).with_trailers(async move { Some(Ok(trailers)) });
    let response = HttpResponse::builder().header("content-type", "application/grpc");
    response.body(Body::new(body)).expect("an answer")
}

/// Pages of two.
fn page(asked: &Asked, stored: &Stored) -> Result<Answered, u8> {
    if asked.parent != "projects/_/buckets/traces" {
        return Err(NOT_FOUND);
    }
    if asked.prefix != "in/" {
        return Err(PERMISSION_DENIED);
    }
    let from = match asked.page_token.as_str() {
        "" => asked.lexicographic_start.clone(),
        token => {
            let at = token.strip_prefix("t-").and_then(|at| at.parse().ok());
            let key = at.and_then(|at| stored.keys().nth(at));
            key.cloned().ok_or(INVALID_ARGUMENT)?
        }
    };
    let mut wanted = stored.range(from..);
    let objects = wanted
        .by_ref()
        .take(2)
        .map(|(name, (generation, bytes))| Named {
            name: name.clone(),
            generation: *generation,
            size: i64::try_from(bytes.len()).expect("small"),
            update_time: Some(Time {
                seconds: 1_793_491_200,
                nanos: 500_000_000,
            }),
        });
    let objects = objects.collect();
    let next = wanted
        .next()
        .and_then(|(next, _)| stored.keys().position(|key| key == next));
    Ok(Answered {
        objects,
        next_page_token: next.map(|at| format!("t-{at}")).unwrap_or_default(),
    })
}

/// A bucket that is listed there, and read over the JSON API.
fn at(
    page: impl Fn(&Asked) -> Result<Answered, u8> + Clone + Send + Sync + 'static,
) -> (Box<dyn Objects>, tempfile::TempDir) {
    let read = serve(|request| match request.path().as_str() {
        "/token" => {
            let body =
                format!(r#"{{"access_token":"{TOKEN}","expires_in":3600,"token_type":"Bearer"}}"#);
            Response::new(200, body).with("content-type", "application/json")
        }
        // Whoever lists here has not asked over gRPC.
        path if path.ends_with("/o") => Response::new(500, "no listing"),
        _ => answer(request, &stored()),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("credentials.json");
    let credentials = serde_json::json!({
        "type": "authorized_user",
        "client_id": "a-client",
        "client_secret": "a-client-secret",
        "refresh_token": SECRET,
        "token_uri": format!("http://{read}/token"),
    });
    std::fs::write(&file, credentials.to_string()).expect("writable");
    let opened = open(asking(&[
        ("bucket", text("traces")),
        ("credentialsFile", SaidValue::Path(file)),
        ("endpoint", text(&format!("http://{read}"))),
        ("grpcEndpoint", text(&format!("http://{}", listed(page)))),
        ("prefix", text("in/")),
    ]));
    match opened.expect("a source") {
        Opened::Objects(objects) => (objects, folder),
        Opened::Rows(_) => panic!("no rows"),
    }
}

#[test]
fn pages_over_grpc_are_gone_through_by_token_and_from_a_key_by_another_process() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let (mut bucket, _folder) = at(move |asked| {
        told.lock().expect("whole").push(asked.clone());
        page(asked, &stored())
    });
    let mut found: Vec<Object> = Vec::new();
    let mut place = None;
    loop {
        let Listing { objects, next, .. } = bucket.list(place.as_deref()).expect("a page");
        found.extend(objects);
        place = next;
        if place.is_none() {
            break;
        }
    }
    let keys: Vec<&String> = found.iter().map(|one| &one.key).collect();
    assert_eq!(keys, stored().keys().collect::<Vec<_>>());
    let begun = std::mem::take(&mut *heard.lock().expect("whole"));
    let tokens: Vec<&str> = begun
        .iter()
        .map(|asked| asked.page_token.as_str())
        .collect();
    assert_eq!(tokens, ["", "t-2", "t-4"]);
    assert!(begun.iter().all(|asked| asked.page_size == 1_000));
    for one in &found {
        let mut bytes = Vec::new();
        let read = bucket.read(one, &mut bytes).expect("there");
        assert_eq!((read, &bytes), (one.size, &stored()[&one.key].1));
        let time = "2026-11-01T00:00:00.5Z".parse().expect("a time");
        assert_eq!(one.modified, Some(time));
    }
    // Another process, that knows of no token.
    let place = format!("after:{}", found[3].key);
    let last = bucket.list(Some(&place)).expect("a page").objects;
    assert_eq!(
        last.iter().map(|one| &one.key).collect::<Vec<_>>(),
        [&found[4].key]
    );
    let asked = heard.lock().expect("whole").pop().expect("asked");
    assert_eq!(asked.lexicographic_start, format!("{}\0", found[3].key));
}

#[test]
fn what_grpc_refuses_says_what_mends_it_and_what_passes_is_asked_again() {
    for (code, kind, advice) in [
        (UNAUTHENTICATED, PullErrorKind::Denied, "gcloud auth"),
        (
            PERMISSION_DENIED,
            PullErrorKind::Denied,
            "roles/storage.objectViewer",
        ),
        (NOT_FOUND, PullErrorKind::Missing, "--option bucket="),
        (INVALID_ARGUMENT, PullErrorKind::Changed, ""),
        (
            RESOURCE_EXHAUSTED,
            PullErrorKind::Limited { after: None },
            "",
        ),
    ] {
        let (mut bucket, _folder) = at(move |_| Err(code));
        let error = bucket.list(None).expect_err("refused");
        assert_eq!(error.kind, kind, "{code}: {error}");
        assert!(
            error.advice.clone().unwrap_or_default().contains(advice),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains(TOKEN), "{error:?}");
    }
    let asked = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&asked);
    let (mut bucket, _folder) = at(move |asked| {
        let mut count = counted.lock().expect("whole");
        *count += 1;
        match *count {
            1 => Err(UNAVAILABLE),
            2 => Err(RESOURCE_EXHAUSTED),
            _ => page(asked, &stored()),
        }
    });
    assert_eq!(bucket.list(None).expect("a page").objects.len(), 2);
    assert_eq!(*asked.lock().expect("whole"), 3);
}
