//! An HTTP server on the loopback that answers by a function, and can answer badly.
//!
//! It is what the servers of services that sources ask stand on: [`crate::langfuse`],
//! [`crate::braintrust`].

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// `GET`, `POST`.
    pub method: String,
    /// The path, as it was written.
    pub path: String,
    /// The parameters, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The first parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How the answer ends.
    pub end: End,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// In its middle.
    Cut,
    /// Not while the server is there: nothing of it comes.
    Never,
}

impl Reply {
    /// JSON with a status.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
            end: End::Whole,
        }
    }

    /// With one header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// That ends in another way.
    #[must_use]
    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }
}

type Answers = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The server. It ends with the value.
pub struct Loopback {
    address: String,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    answers: Answers,
    /// Connections of answers that never end.
    held: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

impl Loopback {
    /// A server that answers so.
    #[expect(clippy::missing_panics_doc, reason = "a broken fake ends the test")]
    pub fn new(answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            answers: Box::new(answers),
            held: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let mine = Arc::clone(&shared);
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if mine.is_over.load(Ordering::SeqCst) {
                    break;
                }
                // A client that goes away in between is its own business.
                if let Ok(stream) = stream {
                    _ = mine.serve(stream);
                }
            }
        });
        Self {
            address,
            shared,
            serving: Some(serving),
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the loop; one that has ended needs no waking.
        _ = TcpStream::connect(&self.address);
        if let Some(serving) = self.serving.take() {
            _ = serving.join();
        }
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let asked = read(&stream)?;
        let reply = (self.answers)(&asked);
        if reply.end == End::Never {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.push(stream);
            return Ok(());
        }
        let mut bytes = format!("HTTP/1.1 {} X\r\n", reply.status).into_bytes();
        for (name, value) in &reply.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        let length = reply.body.len();
        let head = format!("content-length: {length}\r\nconnection: close\r\n\r\n");
        bytes.extend(head.into_bytes());
        let sent = match reply.end {
            End::Cut => &reply.body[..length / 2],
            _ => &reply.body[..],
        };
        bytes.extend_from_slice(sent);
        stream.write_all(&bytes)
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let mut asked = Asked::default();
    let mut words = line.split_whitespace();
    asked.method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    path.clone_into(&mut asked.path);
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        asked.query.push((decoded(name), decoded(value)));
    }
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        let header = (name.to_ascii_lowercase(), value.trim().to_owned());
        asked.headers.push(header);
    }
    let length = asked.header("content-length").and_then(|n| n.parse().ok());
    asked.body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut asked.body)?;
    Ok(asked)
}
