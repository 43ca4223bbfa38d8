//! Clients that send as fast as they are answered, each on a connection of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::spans::{Request, SPANS};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a client waits after it was refused.
const REFUSED: Duration = Duration::from_millis(50);

/// What became of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// Spans that were answered for.
    pub(crate) spans: u64,
    /// How long that took, in seconds.
    pub(crate) took: f64,
    /// Requests that were refused and sent again.
    pub(crate) refused: u64,
}

/// Sends requests until so many spans are answered for, or the time is over.
pub(crate) fn send(at: SocketAddr, clients: u64, spans: u64, most: Duration) -> Sent {
    let next = AtomicU64::new(0);
    let (answered, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let requests = spans.div_ceil(SPANS);
    let template = Request::new();
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..clients {
            let mut request = template.clone();
            let (next, answered, refused) = (&next, &answered, &refused);
            scope.spawn(move || {
                let mut connection = Connection::open(at).expect("it listens");
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= requests {
                        return;
                    }
                    let body = request.of(number);
                    loop {
                        if begun.elapsed() > most {
                            return;
                        }
                        match connection.post("/v1/traces", body) {
                            Ok(200) => break,
                            Ok(429 | 503) => {
                                refused.fetch_add(1, Ordering::Relaxed);
                                thread::sleep(REFUSED);
                            }
                            other => panic!("not answered for: {other:?}"),
                        }
                    }
                    answered.fetch_add(SPANS, Ordering::Relaxed);
                }
            });
        }
    });
    Sent {
        spans: answered.into_inner(),
        took: begun.elapsed().as_secs_f64(),
        refused: refused.into_inner(),
    }
}

/// A connection that is kept.
struct Connection {
    at: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(at: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(at)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            at,
            stream: BufReader::new(stream),
        })
    }

    /// The status of the answer.
    fn post(&mut self, path: &str, body: &[u8]) -> io::Result<u16> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
            self.at,
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.stream.get_mut().write_all(body)?;
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(broken)?;
        let (mut length, mut is_last) = (0, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let lower = line.trim_end().to_ascii_lowercase();
            if lower.is_empty() {
                break;
            }
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| broken())?;
            }
            is_last |= lower == "connection: close";
        }
        let mut rest = vec![0; length];
        self.stream.read_exact(&mut rest)?;
        if is_last {
            *self = Self::open(self.at)?;
        }
        Ok(status)
    }
}
