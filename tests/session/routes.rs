//! The routes beside `isolated`: what the shims lead, and what `direct` leaves alone.

use archal::config::schema::RouteMode;
use archal::session::RouteLevel;

use super::{child, config, output, python, run};

/// What a run was refused, a line each.
pub(super) fn refused(end: &archal::session::SessionEnd) -> Vec<String> {
    let refused = end.refused.iter();
    refused
        .map(|one| format!("{} {}:{}", one.kind, one.host, one.port.unwrap_or(0)))
        .collect()
}

#[test]
fn a_python_process_is_led_from_within_and_keeps_what_it_had() {
    // Nothing here heeds a proxy variable.
    let script = r#"
import asyncio, errno, http.client, os, socket, ssl, sys
auth = {"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]}
def get(host, context=None, client=http.client.HTTPSConnection):
    kind = {} if context is None else {"context": context}
    c = client(host, timeout=10, **kind)
    try:
        c.request("GET", "/notes", headers=auth)
        return c.getresponse().status
    except OSError as error: return type(error).__name__
print(get("api.echo.test"), get("api.echo.test", client=http.client.HTTPConnection))
# A client that brings roots of its own.
print(get("api.echo.test", ssl.create_default_context(cafile=os.environ["OTHER_ROOTS"])))
print(get("api.real.example"), get("203.0.113.9"))
async def over_asyncio():
    reader, writer = await asyncio.open_connection("api.echo.test", 443, ssl=True)
    writer.write(b"GET /notes HTTP/1.1\r\nhost: api.echo.test\r\nauthorization: " + auth["Authorization"].encode() + b"\r\nconnection: close\r\n\r\n")
    return (await reader.read()).split(b"\r\n")[0].decode()
print(asyncio.run(over_asyncio()))
try: socket.create_connection(("db.example", 5432), 5)
except ConnectionRefusedError as error: print("refused", error.errno == errno.ECONNREFUSED)
s = socket.socket(socket.AF_INET6); print(s.connect_ex(("2001:db8::1", 25)) == errno.ECONNREFUSED)
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 5).close(); print("local", sys.modules["sitecustomize"].MINE)
"#;
    let folder = tempfile::tempdir().expect("a folder");
    let roots = rcgen::generate_simple_self_signed(["other.test".to_owned()]).expect("made");
    std::fs::write(folder.path().join("roots.pem"), roots.cert.pem()).expect("written");
    std::fs::write(folder.path().join("sitecustomize.py"), "MINE = 'kept'\n").expect("written");
    let mut child = python(script);
    let set = |(name, value): (&str, String)| (name.to_owned(), value);
    child.environment.extend([
        set(("PYTHONPATH", folder.path().display().to_string())),
        set((
            "OTHER_ROOTS",
            folder.path().join("roots.pem").display().to_string(),
        )),
    ]);
    let evidence = folder.path().join("evidence");
    let (ended, end) = run(config(&evidence, RouteMode::Shim, "empty"), child);
    assert_eq!(
        output(&ended),
        "200 200\n200\nSSLError SSLError\nHTTP/1.1 200 OK\nrefused True\nTrue\nlocal kept\n"
    );
    assert_eq!(end.route.level, RouteLevel::Shim);
    assert_eq!(end.calls.len(), 4);
    assert_eq!(
        refused(&end),
        [
            "connect api.real.example:443",
            "connect unknown:443",
            "connect db.example:5432",
            "connect 2001:db8::1:25",
        ]
    );
}

#[test]
fn a_node_process_is_led_from_within_and_keeps_what_it_had() {
    let script = r#"
const { once } = require("node:events"), fs = require("node:fs"), http = require("node:http"), https = require("node:https"), net = require("node:net"), tls = require("node:tls");
const headers = { authorization: "Bearer " + process.env.ECHO_TOKEN };
const get = (client, url, options = {}) => new Promise((done) => client.get(url, { headers, ...options }, (answer) => { answer.resume(); done(answer.statusCode); }).on("error", (error) => done(error.code)));
const failing = (socket) => new Promise((done) => socket.on("error", (error) => done(error.code)));
(async () => {
  console.log(await get(https, "https://api.echo.test/notes"), await get(http, "http://api.echo.test/notes"));
  console.log((await fetch("https://api.echo.test/notes", { headers })).status);
  console.log(await get(https, "https://api.echo.test/notes", { ca: fs.readFileSync(process.env.OTHER_ROOTS) }));
  console.log(await get(https, "https://api.echo.test/notes", { agent: new https.Agent({ keepAlive: true }) }));
  console.log(/ALERT|EPROTO/.test(await get(https, "https://api.real.example/")), /ALERT|EPROTO/.test(await failing(tls.connect(443, "203.0.113.9"))));
  console.log(await failing(net.connect(5432, "db.example")));
  const server = net.createServer((socket) => socket.end("local")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const [data] = await once(net.connect(server.address().port, "localhost"), "data");
  console.log(String(data), globalThis.mine);
  process.exit(0);
})();
"#;
    let folder = tempfile::tempdir().expect("a folder");
    let roots = rcgen::generate_simple_self_signed(["other.test".to_owned()]).expect("made");
    std::fs::write(folder.path().join("roots.pem"), roots.cert.pem()).expect("written");
    let mine = folder.path().join("mine.cjs");
    std::fs::write(&mine, "globalThis.mine = 'kept';\n").expect("written");
    let mut child = child(&["node", "-e", script]);
    let set = |(name, value): (&str, String)| (name.to_owned(), value);
    child.environment.extend([
        set(("NODE_OPTIONS", format!("--require {}", mine.display()))),
        set((
            "OTHER_ROOTS",
            folder.path().join("roots.pem").display().to_string(),
        )),
    ]);
    // A folder whose name has to be quoted.
    let evidence = folder.path().join("the \"evidence\"");
    let (ended, end) = run(config(&evidence, RouteMode::Shim, "empty"), child);
    assert_eq!(
        output(&ended),
        "200 200\n200\n200\n200\ntrue true\nECONNREFUSED\nlocal kept\n"
    );
    assert_eq!(end.calls.len(), 5);
    assert_eq!(
        refused(&end),
        [
            "connect api.real.example:443",
            "connect unknown:443",
            "connect db.example:5432",
        ]
    );
}

#[test]
fn direct_tells_base_urls_and_tokens_and_touches_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "curl -sS -H \"Authorization: Bearer $ECHO_TOKEN\" $ARCHAL_ECHO_REST_URL/notes/1; echo; env";
    let mut child = child(&["sh", "-c", script]);
    for (name, value) in [
        ("SSL_CERT_FILE", "/mine.pem"),
        ("HTTPS_PROXY", "http://mine:1"),
    ] {
        child.environment.insert(name.to_owned(), value.to_owned());
    }
    let (ended, end) = run(config(folder.path(), RouteMode::Direct, "one-note"), child);
    let text = output(&ended);
    assert!(text.contains("\"text\":\"first\""), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.contains(&"SSL_CERT_FILE=/mine.pem") && lines.contains(&"HTTPS_PROXY=http://mine:1")
    );
    for name in [
        "AGENT_CLONE_URLS",
        "AGENT_ROUTE_HEADERS",
        "ARCHAL_MCP_CONFIG",
    ] {
        assert!(text.contains(&format!("\n{name}=")), "{name} in {text}");
    }
    for name in [
        "NODE_OPTIONS",
        "NODE_EXTRA_CA_CERTS",
        "PYTHONPATH",
        "JAVA_TOOL_OPTIONS",
    ] {
        assert!(!text.contains(&format!("\n{name}=")), "{name} in {text}");
    }
    assert_eq!(end.route.level, RouteLevel::Direct);
    assert_eq!(end.calls.len(), 1);
}
