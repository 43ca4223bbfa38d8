//! What a child of an `isolated` session reaches: the clones, what is allowed, and nothing else.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use archal::config::allow::Allowed;
use archal::config::schema::RouteMode;
use archal::session::{Egress, Session, SessionConfig};
use archal_core::clock::{Clock, Timestamp};
use archal_core::environment::Environment;
use rustls::pki_types::PrivateKeyDer;

use super::routes::refused;
use super::{RealClock, config, output, python, run};

fn allowing(entries: &[String], variables: &[(&str, String)]) -> Egress {
    let entries: Vec<Allowed> = entries
        .iter()
        .map(|entry| entry.parse().expect("an entry"))
        .collect();
    let variables = variables.iter();
    let environment = Environment {
        variables: variables
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        directory: "/".into(),
    };
    Egress::of(&entries, &environment)
}

fn with(egress: Egress, mut config: SessionConfig<'static>) -> SessionConfig<'static> {
    config.egress = egress;
    config
}

/// Says hello to the first that connects, and what it was told.
fn greeter() -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (port, greeting(listener))
}

/// Those who only look whether somebody listens tell nothing.
fn greeting(listener: TcpListener) -> JoinHandle<String> {
    thread::spawn(move || {
        loop {
            let (mut client, _) = listener.accept().expect("a client");
            let mut line = String::new();
            let told = client
                .write_all(b"hello\n")
                .and_then(|()| BufReader::new(client).read_line(&mut line));
            if told.is_ok_and(|read| read > 0) {
                return line;
            }
        }
    })
}

/// A proxy that leads one tunnel to a TLS server of the name `model.example`: what it was asked,
/// and the server's certificate.
fn proxy_to_a_model() -> (u16, String, JoinHandle<String>) {
    let made = rcgen::generate_simple_self_signed(["model.example".to_owned()]).expect("made");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serving = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut asked = Vec::new();
        let mut byte = [0];
        while !asked.ends_with(b"\r\n\r\n") {
            client.read_exact(&mut byte).expect("a request");
            asked.extend(byte);
        }
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .expect("written");
        let tls = rustls::ServerConnection::new(Arc::new(server)).expect("a side");
        let mut stream = rustls::StreamOwned::new(tls, client);
        let mut question = [0; 5];
        stream.read_exact(&mut question).expect("a question");
        stream.write_all(b"the model's answer").expect("written");
        stream.conn.send_close_notify();
        stream.flush().expect("flushed");
        String::from_utf8(asked).expect("text")
    });
    (port, made.cert.pem(), serving)
}

/// Asks the model at its own name, trusting nothing but its own certificate.
const ASK: &str = r#"
import os, socket, ssl
context = ssl.create_default_context(cadata=os.environ["MODEL"])
target = ("model.example", 443)
if os.environ.get("HTTPS_PROXY"):
    at = os.environ["HTTPS_PROXY"].rsplit(":", 1)
    raw = socket.create_connection(("127.0.0.1", int(at[1])), 10)
    raw.sendall(b"CONNECT model.example:443 HTTP/1.1\r\nhost: model.example:443\r\n\r\n")
    assert raw.recv(4096).startswith(b"HTTP/1.1 200")
else:
    raw = socket.create_connection(target, 10)
s = context.wrap_socket(raw, server_hostname="model.example")
s.sendall(b"well?")
print(s.recv(100).decode())
"#;

#[test]
fn an_allowed_host_is_reached_undecrypted_through_the_callers_proxy() {
    for route in [RouteMode::Isolated, RouteMode::Proxy, RouteMode::Shim] {
        let (port, certificate, proxy) = proxy_to_a_model();
        let through = format!("http://me:secret@127.0.0.1:{port}");
        let egress = allowing(&["*.example".to_owned()], &[("HTTPS_PROXY", through)]);
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = python(ASK);
        child.environment.insert("MODEL".to_owned(), certificate);
        let (ended, end) = run(with(egress, config(folder.path(), route, "empty")), child);
        assert_eq!(output(&ended), "the model's answer\n", "{route:?}");
        let asked = proxy.join().expect("asked");
        assert_eq!(
            asked,
            "CONNECT model.example:443 HTTP/1.1\r\nHost: model.example:443\r\n\
             Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        );
        assert_eq!(refused(&end), [""; 0], "{route:?}");
        assert_eq!(end.route.allowed, ["*.example"]);
    }
}

#[test]
fn a_shim_leads_straight_connections_to_an_allowed_host_through_the_callers_proxy_too() {
    let (port, certificate, proxy) = proxy_to_a_model();
    let through = format!("http://127.0.0.1:{port}");
    let egress = allowing(&["model.example".to_owned()], &[("HTTPS_PROXY", through)]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = python(&ASK.replace("HTTPS_PROXY", "NOT_SET"));
    child.environment.insert("MODEL".to_owned(), certificate);
    let config = config(folder.path(), RouteMode::Shim, "empty");
    let (ended, end) = run(with(egress, config), child);
    assert_eq!(output(&ended), "the model's answer\n");
    assert!(
        proxy
            .join()
            .expect("asked")
            .starts_with("CONNECT model.example:443 ")
    );
    assert_eq!(refused(&end), [""; 0]);
}

#[test]
fn an_allowed_host_that_cannot_be_reached_is_told_and_is_no_escape() {
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr();
    let through = format!("http://{}", gone.expect("an address"));
    let egress = allowing(&["model.example".to_owned()], &[("HTTPS_PROXY", through)]);
    let folder = tempfile::tempdir().expect("a folder");
    let script = "import urllib.request, urllib.error\n\
                  try: urllib.request.urlopen('https://model.example/', timeout=10)\n\
                  except urllib.error.URLError: print('failed')\n";
    let config = config(folder.path(), RouteMode::Isolated, "empty");
    let (ended, end) = run(with(egress, config), python(script));
    assert_eq!(output(&ended), "failed\n");
    assert_eq!(refused(&end), ["unreachable model.example:443"]);
}

/// An address of this machine that is not its loopback.
fn outward() -> std::net::IpAddr {
    // No datagram is sent: the kernel only says from where it would be.
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket
        .connect("192.0.2.1:9")
        .expect("a route to the network");
    socket.local_addr().expect("an address").ip()
}

#[test]
fn ports_of_hosts_of_the_loopback_and_of_models_are_handed_on() {
    let (loopback, told_loopback) = greeter();
    let (model, told_model) = greeter();
    let listener = TcpListener::bind((outward(), 0)).expect("a port");
    let far = listener.local_addr().expect("an address");
    let told_far = greeting(listener);
    let sockets = tempfile::tempdir().expect("a folder");
    let socket = sockets.path().join("allowed.sock");
    let unix = UnixListener::bind(&socket).expect("a socket");
    let hidden = sockets.path().join("hidden.sock");
    let _hidden = UnixListener::bind(&hidden).expect("a socket");
    let told_unix = thread::spawn(move || {
        let (mut client, _) = unix.accept().expect("a client");
        client.write_all(b"hello\n").expect("written");
    });
    let egress = allowing(
        &[
            format!("localhost:{loopback}"),
            far.to_string(),
            format!("unix:{}", socket.display()),
        ],
        &[],
    );
    let script = r#"
import json, os, socket
for address in json.loads(os.environ["ADDRESSES"]):
    s = socket.create_connection(tuple(address), 5)
    print(s.recv(6).decode().strip())
    s.sendall(b"from inside %d\n" % address[1])
for path in os.environ["SOCKETS"].split():
    s = socket.socket(socket.AF_UNIX)
    try: s.connect(path); print(s.recv(6).decode().strip())
    except OSError as error: print(error.strerror)
"#;
    let mut child = python(script);
    let addresses = serde_json::json!([
        ["127.0.0.1", loopback],
        ["127.0.0.1", model],
        [far.ip().to_string(), far.port()],
    ]);
    child.environment.extend(BTreeMap::from([
        ("ADDRESSES".to_owned(), addresses.to_string()),
        (
            "OPENAI_BASE_URL".to_owned(),
            format!("http://127.0.0.1:{model}/v1"),
        ),
        (
            "SOCKETS".to_owned(),
            format!("{} {}", socket.display(), hidden.display()),
        ),
    ]));
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), RouteMode::Isolated, "empty");
    let (ended, end) = run(with(egress, config), child);
    assert_eq!(
        output(&ended),
        "hello\nhello\nhello\nhello\nConnection refused\n"
    );
    for (told, port) in [
        (told_loopback, loopback),
        (told_model, model),
        (told_far, far.port()),
    ] {
        assert_eq!(told.join().expect("told"), format!("from inside {port}\n"));
    }
    told_unix.join().expect("told");
    assert_eq!(refused(&end), [""; 0]);
    assert_eq!(end.route.allowed[3..], [format!("127.0.0.1:{model}")]);
}

#[test]
fn nothing_else_is_reached_and_each_try_is_named() {
    let host = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = host.local_addr().expect("an address").port();
    let name = format!("archal-test-{}", std::process::id());
    let abstract_socket = {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
        UnixListener::bind_addr(&address).expect("a socket")
    };
    let script = r#"
import os, socket, struct
def tried(address, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind); s.settimeout(5)
    try:
        s.connect(address); s.send(b"?"); return s.recv(1) or "cut off"
    except ConnectionError as error: return "refused" if kind == socket.SOCK_DGRAM else "cut off"
    except OSError as error: return str(error)
for address in [("db.example", 5432), ("93.184.216.34", 25), ("198.51.100.1", 8080)]: print(tried(address))
try: print(socket.create_connection(("127.0.0.1", int(os.environ["HOST_PORT"])), 5))
except ConnectionRefusedError: print("not the host's")
print(tried(("93.184.216.34", 123), socket.SOCK_DGRAM), tried(("198.51.100.1", 443), socket.SOCK_DGRAM))
def question(name, kind):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)
def show(reply): return struct.unpack(">HHHHHH", reply[:12])[3], ".".join(map(str, reply[-4:])) if reply[7] else "-"
for server, kind in [("127.0.0.1", 1), ("8.8.8.8", 1), ("127.0.0.1", 28), ("127.0.0.1", 65)]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.connect((server, 53))
    s.send(question("elsewhere.example", kind)); print(show(s.recv(512)))
for server in ["127.0.0.1", "9.9.9.9"]:
    s = socket.create_connection((server, 53), 5)
    for name in ["api.echo.test", "over-tcp.example"]:
        asked = question(name, 1); s.sendall(struct.pack(">H", len(asked)) + asked)
        length = struct.unpack(">H", s.recv(2, socket.MSG_WAITALL))[0]; print(show(s.recv(length, socket.MSG_WAITALL)))
s = socket.socket(socket.AF_UNIX)
try: s.connect("\0" + os.environ["ABSTRACT"]); print("reached")
except ConnectionRefusedError: print("no abstract socket")
"#;
    let mut child = python(script);
    child.environment.extend(BTreeMap::from([
        ("HOST_PORT".to_owned(), port.to_string()),
        ("ABSTRACT".to_owned(), name),
    ]));
    let folder = tempfile::tempdir().expect("a folder");
    let (ended, end) = run(config(folder.path(), RouteMode::Isolated, "empty"), child);
    drop((host, abstract_socket));
    insta::assert_snapshot!(output(&ended), @r"
    cut off
    cut off
    cut off
    not the host's
    refused refused
    (1, '198.18.0.2')
    (1, '198.18.0.2')
    (0, '-')
    (0, '-')
    (1, '127.0.0.1')
    (1, '198.18.0.3')
    (1, '127.0.0.1')
    (1, '198.18.0.3')
    no abstract socket
    ");
    insta::assert_snapshot!(refused(&end).join("\n"), @r"
    name db.example:0
    connect db.example:5432
    connect 93.184.216.34:25
    connect 198.51.100.1:8080
    name elsewhere.example:0
    name over-tcp.example:0
    ");
}

#[test]
fn what_a_child_listens_on_is_reached_from_the_session() {
    for route in [RouteMode::Isolated, RouteMode::Proxy] {
        let ready = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = ready.local_addr().expect("an address").port();
        let egress = allowing(&[format!("localhost:{port}")], &[]);
        let script = format!(
            "import socket\n\
             server = socket.create_server(('127.0.0.1', 0))\n\
             ready = socket.create_connection(('127.0.0.1', {port}), 5)\n\
             ready.sendall(b'%d\\n' % server.getsockname()[1])\n\
             client, _ = server.accept()\n\
             client.sendall(b'heard ' + client.recv(100))\n"
        );
        let folder = tempfile::tempdir().expect("a folder");
        let config = with(egress, config(folder.path(), route, "empty"));
        let session = Session::open(config).expect("a session");
        let inside = session.inside();
        let reached = thread::spawn(move || {
            let (stream, _) = ready.accept().expect("a child");
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).expect("a port");
            let port = line.trim().parse().expect("a number");
            let nobody = inside.connect(9).expect_err("nobody").kind();
            let mut stream = inside.connect(port).expect("a connection");
            stream.write_all(b"a webhook").expect("written");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("an answer");
            (nobody, text)
        });
        let ended = session.run(python(&script));
        assert_eq!(output(&ended), "", "{route:?}");
        let told = reached.join().expect("reached");
        let refused = std::io::ErrorKind::ConnectionRefused;
        assert_eq!(told, (refused, "heard a webhook".to_owned()), "{route:?}");
        if route == RouteMode::Isolated {
            let over = session.inside().connect(9).expect_err("over").kind();
            assert_eq!(over, std::io::ErrorKind::NotConnected);
        }
    }
}

/// A clock that is days behind, as that of a machine that slept.
struct Behind(RealClock);

impl Clock for Behind {
    fn now(&self) -> Timestamp {
        self.0.now() - jiff::SignedDuration::from_hours(72)
    }

    fn monotonic(&self) -> std::time::Duration {
        self.0.monotonic()
    }
}

#[test]
fn an_expired_authority_is_an_error_of_the_client_and_stands_in_the_evidence() {
    let script = r#"
import subprocess, urllib.request, urllib.error
try: urllib.request.urlopen("https://api.echo.test/notes", timeout=10)
except urllib.error.URLError as error: print(error.reason.verify_message)
curl = subprocess.run(["curl", "-sS", "https://api.echo.test/notes"], capture_output=True, text=True)
print(curl.returncode, "expired" in curl.stderr)
node = "require('https').get('https://api.echo.test/notes').on('error', (error) => console.log(error.code))"
print(subprocess.run(["node", "-e", node], capture_output=True, text=True).stdout.strip())
"#;
    for route in [RouteMode::Isolated, RouteMode::Shim] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config(folder.path(), route, "empty");
        config.clock = Arc::new(Behind(RealClock(std::time::Instant::now())));
        let (ended, end) = run(config, python(script));
        assert_eq!(
            output(&ended),
            "certificate has expired\n60 True\nCERT_HAS_EXPIRED\n",
            "{route:?}"
        );
        let reasons: Vec<String> = end
            .refused
            .iter()
            .map(|one| format!("{} {}: {}", one.kind, one.host, one.reason))
            .collect();
        let expired = "tls api.echo.test: the client takes the session's certificates for expired (CertificateExpired)";
        assert_eq!(reasons[..2], [expired, expired], "{route:?}");
        assert!(reasons[2].starts_with("tls api.echo.test: "), "{reasons:?}");
        assert_eq!((reasons.len(), end.calls.len()), (3, 0), "{route:?}");
    }
}
