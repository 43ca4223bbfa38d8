//! Clients that do what they should not: what it costs is bounded, and others are answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use archal_core::clock::{FakeClock, Timestamp};
use archal_core::clone::{OpenClone, Seed};
use archal_testkit::echo_clone::ECHO;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::session::authority::LIFETIME;
use crate::session::egress::Egress;
use crate::session::inside::Inside;
use crate::session::route::RouteLevel;

/// Whoever waits longer than that waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

const SHORT: Limits = Limits {
    seats: 8,
    idle: Duration::from_millis(20),
    stall: Duration::from_millis(200),
    handshake: Duration::from_millis(200),
    head: Duration::from_millis(200),
};

fn serving(limits: Limits, door: Door) -> (Server, SocketAddr, Arc<Shared>) {
    let (server, address, shared, _) = serving_as(limits, door);
    (server, address, shared)
}

/// The same with the certificate of who vouches for its hosts.
fn serving_as(limits: Limits, door: Door) -> (Server, SocketAddr, Arc<Shared>, String) {
    let base = Timestamp::from_second(1_800_000_000).expect("in range");
    let running = (ECHO.open)(&OpenClone {
        base,
        ids: 1,
        seed: Seed::Named("one-note"),
    });
    let hosts = ECHO.every_host().map(str::to_owned).collect();
    let hosted = Hosted::new(ECHO, hosts, running.expect("a clone"));
    let authority = Authority::new(ECHO.every_host(), base, LIFETIME).expect("an authority");
    let certificate = authority.certificate_pem();
    let ledger = Ledger::new(base, Arc::new(FakeClock::new(base)));
    let webhooks = Outbox::new(Inside {
        level: RouteLevel::Direct,
        children: Arc::default(),
    });
    let shared = Shared::new(
        vec![hosted],
        Arc::new(authority),
        ledger,
        Egress::default(),
        webhooks,
    );
    let mut shared = shared.expect("shared");
    shared.limits = limits;
    let shared = Arc::new(shared);
    let server = Server::start(Arc::clone(&shared)).expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    server.listen(listener, door, None);
    (server, address, shared, certificate)
}

fn client(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.set_write_timeout(Some(PATIENCE)).expect("set");
    stream
}

const GET: &[u8] = b"GET /notes/1 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer echo_test_token\r\nconnection: close\r\n\r\n";

/// The status line of all that is answered until the server closes; nothing where it says nothing.
fn status(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end, too.
    stream.read_to_end(&mut answer).ok();
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().unwrap_or("closed");
    line.trim_start_matches("HTTP/1.1 ").to_owned()
}

#[track_caller]
fn is_answered(address: SocketAddr) {
    let mut stream = client(address);
    stream.write_all(GET).expect("written");
    assert_eq!(status(&mut stream), "200 OK");
}

#[test]
fn a_thousand_connections_at_once_are_all_answered_with_few_seats_or_many() {
    // Both ends are here.
    let old = getrlimit(Resource::Nofile);
    let most = old.maximum.map_or(8192, |most| most.min(8192));
    let new = Rlimit {
        current: Some(old.current.unwrap_or(u64::MAX).max(most)),
        maximum: old.maximum,
    };
    setrlimit(Resource::Nofile, new).expect("room");
    for seats in [64, 1200] {
        let limits = Limits {
            seats,
            ..Limits::default()
        };
        let (_server, address, shared) = serving(limits, Door::Base { clone: 0 });
        let mut clients: Vec<TcpStream> = (0..1000)
            .map(|_| {
                let mut stream = client(address);
                stream.write_all(GET).expect("written");
                stream
            })
            .collect();
        let told: Vec<String> = clients.iter_mut().map(status).collect();
        assert!(
            told.iter().all(|told| told == "200 OK"),
            "{seats}: {told:?}"
        );
        assert_eq!(shared.ledger.take().calls.len(), 1000);
    }
}

#[test]
fn clients_that_never_finish_a_head_make_room_and_are_ended() {
    let limits = Limits {
        head: Duration::from_secs(600),
        ..SHORT
    };
    let (_server, address, _) = serving(limits, Door::Base { clone: 0 });
    let slow = |_| {
        let mut stream = client(address);
        stream
            .write_all(b"GET /notes HTTP/1.1\r\nx-a")
            .expect("written");
        stream
    };
    let all: Vec<TcpStream> = (0..SHORT.seats * 4).map(slow).collect();
    for _ in 0..3 {
        is_answered(address);
    }
    drop(all);
    // With seats for all of them each is ended by the clock alone.
    let (_server, address, _) = serving(SHORT, Door::Base { clone: 0 });
    let mut stream = client(address);
    stream
        .write_all(b"GET /notes HTTP/1.1\r\nx-a: ")
        .expect("written");
    let began = Instant::now();
    let told = status(&mut stream);
    assert!(
        ["closed", "408 Request Timeout"].contains(&told.as_str()),
        "{told}"
    );
    assert!(began.elapsed() >= SHORT.head - Duration::from_millis(20));
    for beginning in [&b""[..], b"PRI * HTTP"] {
        let mut silent = client(address);
        silent.write_all(beginning).expect("written");
        let began = Instant::now();
        assert_eq!(status(&mut silent), "closed");
        assert!(began.elapsed() < PATIENCE, "it was left open");
    }
}

/// The moment at which the authority of [`serving_as`] was made.
#[derive(Debug)]
struct Then;

impl TimeProvider for Then {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(
            1_800_000_000,
        )))
    }
}

/// The state of a client that trusts an authority, before it has sent anything.
fn handshake(authority: &str) -> ClientConnection {
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(Then))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = ECHO.hosts[0].try_into().expect("a name");
    ClientConnection::new(Arc::new(config), host).expect("a client")
}

#[track_caller]
fn is_answered_over_tls(address: SocketAddr, authority: &str) {
    let mut stream = StreamOwned::new(handshake(authority), client(address));
    let host = format!("host: {}", ECHO.hosts[0]);
    let get = String::from_utf8_lossy(GET).replace("host: localhost", &host);
    stream.write_all(get.as_bytes()).expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn handshakes_that_never_end_make_room_and_are_ended() {
    let door = Door::Service { port: 443 };
    let limits = Limits {
        handshake: Duration::from_secs(600),
        ..SHORT
    };
    let (_server, address, _, authority) = serving_as(limits, door);
    let mut hello = Vec::new();
    handshake(&authority)
        .write_tls(&mut hello)
        .expect("written");
    let half = &hello[..hello.len() / 2];
    let begun = |bytes: &[u8]| {
        let mut stream = client(address);
        stream.write_all(bytes).expect("written");
        stream
    };
    let all: Vec<TcpStream> = (0..SHORT.seats * 4).map(|_| begun(half)).collect();
    for _ in 0..3 {
        is_answered_over_tls(address, &authority);
    }
    drop(all);
    // With seats for all of them each is ended by the clock alone.
    let (_server, address, shared, authority) = serving_as(SHORT, door);
    for bytes in [&b""[..], &hello[..1], half, &hello[..]] {
        let mut stream = client(address);
        stream.write_all(bytes).expect("written");
        let began = Instant::now();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
        let took = began.elapsed();
        assert!(took < PATIENCE, "{} bytes: left open", bytes.len());
        assert!(took >= SHORT.handshake - Duration::from_millis(20));
        is_answered_over_tls(address, &authority);
    }
    let refused = shared.ledger.take().refused;
    let reasons: Vec<&str> = refused.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons, ["the handshake took too long"; 3]);
}

#[test]
fn a_client_that_never_reads_is_ended_and_keeps_nobody_out() {
    let limits = Limits { seats: 1, ..SHORT };
    let (_server, address, shared) = serving(limits, Door::Base { clone: 0 });
    let text = "x".repeat(1 << 20);
    let body = format!("{{\"text\": \"{text}\"}}");
    let head = "authorization: Bearer echo_test_token\r\nhost: localhost\r\n";
    let mut stream = client(address);
    let post = format!(
        "POST /notes HTTP/1.1\r\n{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(post.as_bytes()).expect("written");
    assert_eq!(status(&mut stream), "201 Created");
    // Far more than the system keeps between the two.
    let mut deaf = client(address);
    let asked = format!("GET /notes HTTP/1.1\r\n{head}\r\n").repeat(64);
    deaf.write_all(asked.as_bytes()).expect("written");
    is_answered(address);
    let mut rest = Vec::new();
    deaf.read_to_end(&mut rest).ok();
    assert!(rest.len() < 64 << 20, "{} bytes were sent", rest.len());
    assert!(shared.ledger.take().calls.len() < 64 + 2);
}

#[test]
fn malformed_requests_are_refused_and_harm_nobody() {
    let (_server, address, shared) =
        serving(Limits { seats: 64, ..SHORT }, Door::Base { clone: 0 });
    let head = |line: &str| {
        format!("GET /notes HTTP/1.1\r\nhost: localhost\r\n{line}\r\n\r\n").into_bytes()
    };
    let post =
        |line: &str| format!("POST /notes HTTP/1.1\r\nhost: localhost\r\n{line}").into_bytes();
    let many: String = (0..300).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = format!("x: {}", "y".repeat(80 * 1024));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nonsense", b"nonsense\r\n\r\n".to_vec()),
        ("zeros", vec![0; 512]),
        (
            "version",
            b"GET / HTTP/9.9\r\nhost: localhost\r\n\r\n".to_vec(),
        ),
        ("no colon", head("x-a y")),
        ("a name with a blank", head("x a: y")),
        ("many headers", head(many.trim_end())),
        ("a long header", head(&long)),
        (
            "a long line",
            format!(
                "GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
                "y".repeat(80 * 1024)
            )
            .into_bytes(),
        ),
        ("a negative length", post("content-length: -1\r\n\r\n")),
        (
            "two lengths",
            post("content-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        ),
        (
            "a huge length",
            post("content-length: 99999999999999999999\r\n\r\n"),
        ),
        (
            "length and chunks",
            post(
                "content-length: 3\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n",
            ),
        ),
        (
            "a bad chunk",
            post("transfer-encoding: chunked\r\n\r\nzz\r\n"),
        ),
        ("half a preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n".to_vec()),
        (
            "a preface and zeros",
            [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &[0; 64]].concat(),
        ),
        (
            "frames of nothing",
            [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &[0xff; 64]].concat(),
        ),
        (
            "connect",
            b"CONNECT api.echo.test:443 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        ),
    ];
    let mut told = Vec::new();
    for (name, bytes) in cases {
        let mut stream = client(address);
        // The server may have answered and closed before it has taken all.
        stream.write_all(&bytes).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let status = status(&mut stream);
        let is_text = status.is_ascii() && !status.contains(|c: char| c.is_ascii_control());
        told.push(format!(
            "{name}: {}",
            if is_text { &status } else { "frames" }
        ));
        is_answered(address);
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    nonsense: 400 Bad Request
    zeros: 400 Bad Request
    version: 400 Bad Request
    no colon: 400 Bad Request
    a name with a blank: 400 Bad Request
    many headers: 431 Request Header Fields Too Large
    a long header: 431 Request Header Fields Too Large
    a long line: 431 Request Header Fields Too Large
    a negative length: 400 Bad Request
    two lengths: 400 Bad Request
    a huge length: 400 Bad Request
    length and chunks: 401 Unauthorized
    a bad chunk: 400 Bad Request
    half a preface: 400 Bad Request
    a preface and zeros: frames
    frames of nothing: frames
    connect: 405 Method Not Allowed
    ");
    assert!(
        shared
            .ledger
            .take()
            .calls
            .iter()
            .all(|call| call.response.status < 500)
    );
}

#[test]
fn tunnels_lead_to_clones_and_nowhere_else() {
    let (_server, address, shared) = serving(Limits { seats: 64, ..SHORT }, Door::Proxy);
    let targets = [
        "api.echo.test:443",
        "API.ECHO.TEST.:443",
        "api.echo.test:80",
        "api.echo.test",
        "api.echo.test:22",
        "api.echo.test:0",
        "api.echo.test:99999",
        "user@api.echo.test:443",
        "user@other.example:443",
        "[::1]:443",
        "127.0.0.1:22",
        "169.254.169.254:80",
        "localhost:443",
        "*:443",
        "/notes",
        "https://api.echo.test/",
        "",
        ":443",
        "a b:443",
    ];
    let mut told = Vec::new();
    for target in targets {
        let mut stream = client(address);
        let asked = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n");
        stream.write_all(asked.as_bytes()).expect("written");
        stream.shutdown(std::net::Shutdown::Write).ok();
        told.push(format!("{target}: {}", status(&mut stream)));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    api.echo.test:443: 200 OK
    API.ECHO.TEST.:443: 200 OK
    api.echo.test:80: 200 OK
    api.echo.test: 400 Bad Request
    api.echo.test:22: 403 Forbidden
    api.echo.test:0: 403 Forbidden
    api.echo.test:99999: 400 Bad Request
    user@api.echo.test:443: 200 OK
    user@other.example:443: 403 Forbidden
    [::1]:443: 403 Forbidden
    127.0.0.1:22: 403 Forbidden
    169.254.169.254:80: 403 Forbidden
    localhost:443: 403 Forbidden
    *:443: 403 Forbidden
    /notes: 400 Bad Request
    https://api.echo.test/: 400 Bad Request
    : 400 Bad Request
    :443: 400 Bad Request
    a b:443: 400 Bad Request
    ");
    let refused: Vec<String> = shared
        .ledger
        .take()
        .refused
        .iter()
        .map(|one| format!("{}:{}", one.host, one.port.unwrap_or(0)))
        .collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    api.echo.test:22
    api.echo.test:0
    other.example:443
    ::1:443
    127.0.0.1:22
    169.254.169.254:80
    localhost:443
    *:443
    ");
}

#[test]
fn a_connection_that_is_served_keeps_its_seat_before_one_that_idles() {
    let (_server, address, _) = serving(Limits { seats: 2, ..SHORT }, Door::Base { clone: 0 });
    let mut idle = client(address);
    let mut busy = client(address);
    let post = b"POST /notes HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer echo_test_token\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"text\":";
    busy.write_all(post).expect("written");
    for _ in 0..3 {
        is_answered(address);
    }
    assert_eq!(
        idle.read(&mut [0])
            .map_err(|error| error.kind())
            .unwrap_or(0),
        0
    );
    busy.write_all(b" \"a\"}").expect("written");
    assert_eq!(status(&mut busy), "201 Created");
    let again = idle.write_all(GET).and_then(|()| idle.read(&mut [0]));
    assert!(
        again.is_err() || again.is_ok_and(|read| read == 0),
        "its seat is somebody else's"
    );
}
