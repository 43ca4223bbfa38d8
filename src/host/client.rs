//! Asking the watcher of a repository.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::protocol::{self, REPLY_LIMIT, REQUEST_LIMIT, Refusal, Reply, Request};
use super::record::WatcherRecord;
use super::socket;
use crate::store::layout::Layout;

/// How long the watcher may take to read the request.
const SEND_PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The watcher will not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request has no line, or one that is too long.
    #[error("the request to the watcher cannot be sent: it has more than {REQUEST_LIMIT} bytes")]
    TooLong,
    /// The watcher ended before it had answered.
    #[error("the watcher ended before it had answered on {}", socket.display())]
    Gone {
        /// Its socket.
        socket: PathBuf,
    },
    /// The watcher says nothing.
    #[error("the watcher did not answer for {} s on {}", patience.as_secs(), socket.display())]
    Silent {
        /// Its socket.
        socket: PathBuf,
        /// How long was waited since it last said something.
        patience: Duration,
    },
    /// What it says is not understood.
    #[error("the watcher's answer on {} is not understood: it is of another version", socket.display())]
    Garbage {
        /// Its socket.
        socket: PathBuf,
    },
    /// The connection broke.
    #[error("cannot speak with the watcher on {}", socket.display())]
    Io {
        /// Its socket.
        socket: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// A connection to the watcher of a repository, for one request.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    socket: PathBuf,
}

impl Client {
    /// Connects; none where no watcher of this user (or root's) listens.
    pub fn connect(layout: &Layout) -> Option<Self> {
        let recorded = WatcherRecord::read(layout).ok().flatten();
        let socket = recorded.map_or_else(|| layout.watcher_socket(), |record| record.socket);
        let stream = UnixStream::connect(&socket).ok()?;
        let own = rustix::process::geteuid().as_raw();
        let peer = socket::peer(&stream)?;
        // Root may ask anybody's watcher; nobody tells a stranger what to do.
        (peer == own || peer == 0 || own == 0).then_some(Self { stream, socket })
    }

    /// Asks, and waits for the answer, at most `patience` after each line of it. `progress` gets what
    /// the watcher says meanwhile.
    pub fn ask(
        self,
        request: &Request,
        patience: Duration,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Value, ClientError> {
        let line = protocol::line(request).map_err(|_| ClientError::TooLong)?;
        if line.len() > REQUEST_LIMIT {
            return Err(ClientError::TooLong);
        }
        let prepared = self
            .stream
            .set_write_timeout(Some(SEND_PATIENCE))
            .and_then(|()| self.stream.set_read_timeout(Some(patience)));
        prepared.map_err(|error| self.failed(error, patience))?;
        // A watcher that refuses at once may have closed its side; what it said is still there.
        let sent = (&self.stream).write_all(&line);
        let mut reader = BufReader::new(&self.stream);
        loop {
            let mut line = Vec::new();
            let limit = REPLY_LIMIT as u64 + 1;
            match reader.by_ref().take(limit).read_until(b'\n', &mut line) {
                Ok(_) if line.ends_with(b"\n") => {}
                Ok(_) if line.len() as u64 >= limit => return Err(self.garbage()),
                Ok(_) => {
                    return Err(match sent {
                        Err(error) => self.failed(error, patience),
                        Ok(()) => self.gone(),
                    });
                }
                Err(error) => return Err(self.failed(error, patience)),
            }
            match protocol::reply(&line) {
                Some(Reply::Progress { text }) => progress(&text),
                Some(Reply::Done { payload }) => return Ok(payload),
                Some(Reply::Refused(refusal)) => return Err(refusal.into()),
                None => return Err(self.garbage()),
            }
        }
    }

    fn gone(&self) -> ClientError {
        ClientError::Gone {
            socket: self.socket.clone(),
        }
    }

    fn garbage(&self) -> ClientError {
        ClientError::Garbage {
            socket: self.socket.clone(),
        }
    }

    fn failed(&self, source: io::Error, patience: Duration) -> ClientError {
        let socket = self.socket.clone();
        match source.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ClientError::Silent { socket, patience },
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => ClientError::Gone { socket },
            _ => ClientError::Io { socket, source },
        }
    }
}
