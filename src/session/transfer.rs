//! Bodies of requests and answers that are too long for memory: they go through files.

use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use archal_core::clone::Spool;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::time::{Instant, timeout_at};

/// Bytes of a request body that are held in memory; a longer one goes to a file.
const IN_MEMORY: usize = 8 * 1024 * 1024;
/// Most bytes of a request body.
const LONGEST: u64 = 2 * 1024 * 1024 * 1024;
/// For each [`IN_MEMORY`] bytes of a request body.
const TIME: Duration = Duration::from_secs(60);
/// Bytes of an answer that are read from a file at a time.
const PIECE: usize = 64 * 1024;

/// The body of a request.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// In memory.
    pub(super) body: Bytes,
    /// Or in a file.
    pub(super) spool: Option<Spool>,
}

/// A file that takes what is received.
struct Spooling {
    file: NamedTempFile,
    hash: Sha256,
    length: u64,
}

impl Spooling {
    fn begin(first: &[u8]) -> std::io::Result<Self> {
        let file = tempfile::Builder::new().prefix("archal-body-").tempfile()?;
        let mut spooling = Self {
            file,
            hash: Sha256::new(),
            length: 0,
        };
        spooling.write(first)?;
        Ok(spooling)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.as_file_mut().write_all(bytes)?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn finish(self) -> Spool {
        let digits: String = self
            .hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let path = self.file.into_temp_path();
        let place = path.to_path_buf();
        Spool::new(place, self.length, Some(format!("sha256:{digits}")), path)
    }
}

/// Reads the body of a request; why it is not taken where it is not.
pub(super) async fn read(mut body: Incoming) -> Result<Received, (StatusCode, &'static str)> {
    const NO_ROOM: (StatusCode, &str) = (
        StatusCode::INSUFFICIENT_STORAGE,
        "archal could not write the body to a temporary file\n",
    );
    let mut held = BytesMut::new();
    let mut spooling: Option<Spooling> = None;
    let mut deadline = Instant::now() + TIME;
    let mut since = 0;
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err((StatusCode::BAD_REQUEST, "the body broke off\n")),
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the body took too long\n")),
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        since += data.len();
        if since >= IN_MEMORY {
            // Who sends on and on may take longer; who sends a little now and then may not.
            since = 0;
            deadline = Instant::now() + TIME;
        }
        match &mut spooling {
            Some(spooling) => {
                if spooling.length + data.len() as u64 > LONGEST {
                    return Err((
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "archal takes request bodies of up to 2 GiB\n",
                    ));
                }
                spooling.write(&data).map_err(|_| NO_ROOM)?;
            }
            None => {
                held.extend_from_slice(&data);
                if held.len() > IN_MEMORY {
                    spooling = Some(Spooling::begin(&held).map_err(|_| NO_ROOM)?);
                    held = BytesMut::new();
                }
            }
        }
    }
    Ok(Received {
        body: held.freeze(),
        spool: spooling.map(Spooling::finish),
    })
}

/// The body of an answer that is in a file, read as the client takes it.
pub(super) struct FromFile {
    file: File,
    left: u64,
    /// What the head of the answer says that is still to come.
    promised: u64,
    /// Removes the file in the end.
    _spool: Spool,
}

impl FromFile {
    /// The body in `spool`.
    pub(super) fn open(spool: Spool) -> std::io::Result<Self> {
        Ok(Self {
            file: File::open(spool.path())?,
            left: spool.length(),
            promised: spool.length(),
            _spool: spool,
        })
    }

    /// Lets only the first half come, under a head that promises all of it.
    pub(super) fn cut(&mut self) {
        self.left /= 2;
    }
}

impl Body for FromFile {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = vec![0; length];
        // A file that ends early ends the answer early, which its announced length tells.
        match self.file.read(&mut piece) {
            Ok(read) if read > 0 => {
                piece.truncate(read);
                self.left -= read as u64;
                self.promised -= read as u64;
                Poll::Ready(Some(Ok(Frame::data(piece.into()))))
            }
            Ok(_) | Err(_) => {
                self.left = 0;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.promised == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
