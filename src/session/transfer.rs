//! Bodies of requests and answers that are too long for memory: they go through files.

use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
/// Most bytes of all request bodies that are held in memory at a time; what is beyond goes to files.
const ALL: usize = 64 * 1024 * 1024;
/// Shorter bodies are held whatever the others take: as many as there are connections, at most.
const SMALL: usize = 64 * 1024;
/// Most bytes of a request body.
const LONGEST: u64 = 2 * 1024 * 1024 * 1024;
/// For each [`IN_MEMORY`] bytes of a request body.
const TIME: Duration = Duration::from_secs(60);
/// Bytes of an answer that are read from a file at a time.
const PIECE: usize = 64 * 1024;

/// What the bodies of all requests take of memory together.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: AtomicUsize,
}

/// What one body takes of it; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    taken: usize,
}

impl Share {
    /// Nothing yet.
    fn of(room: &Arc<Room>) -> Self {
        Self {
            room: Arc::clone(room),
            taken: 0,
        }
    }

    /// Takes so much more; false where there is no room for it.
    fn take(&mut self, more: usize) -> bool {
        let before = self.room.taken.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > ALL {
            self.room.taken.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.taken += more;
        true
    }

    fn give_back(&mut self) {
        self.room.taken.fetch_sub(self.taken, Ordering::Relaxed);
        self.taken = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct Received {
    /// In memory.
    pub(super) body: Bytes,
    /// Or in a file.
    pub(super) spool: Option<Spool>,
    /// What it takes of memory; to be kept as long as the body.
    pub(super) share: Share,
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
pub(super) async fn read(
    mut body: Incoming,
    room: &Arc<Room>,
) -> Result<Received, (StatusCode, &'static str)> {
    const NO_ROOM: (StatusCode, &str) = (
        StatusCode::INSUFFICIENT_STORAGE,
        "archal could not write the body to a temporary file\n",
    );
    let mut share = Share::of(room);
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
                let fits = share.take(data.len());
                held.extend_from_slice(&data);
                if held.len() > IN_MEMORY || (!fits && held.len() > SMALL) {
                    spooling = Some(Spooling::begin(&held).map_err(|_| NO_ROOM)?);
                    held = BytesMut::new();
                    share.give_back();
                }
            }
        }
    }
    Ok(Received {
        body: held.freeze(),
        spool: spooling.map(Spooling::finish),
        share,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn spooled(content: &[u8]) -> Spool {
        let (first, rest) = content.split_at(content.len() / 2);
        let mut spooling = Spooling::begin(first).expect("a file");
        spooling.write(rest).expect("written");
        spooling.finish()
    }

    #[test]
    fn what_bodies_take_together_is_bounded_and_given_back() {
        let room = Arc::<Room>::default();
        let (mut one, mut other) = (Share::of(&room), Share::of(&room));
        assert!(one.take(ALL - 10));
        assert!(!other.take(11), "there is room for ten");
        assert!(other.take(10));
        drop(one);
        assert!(other.take(ALL - 10));
        other.give_back();
        assert_eq!(room.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_spooled_body_says_what_it_was_and_goes_with_its_last_owner() {
        let spool = spooled(b"hello");
        assert_eq!(
            spool.described(),
            "[5 bytes, sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824]"
        );
        let (path, other) = (spool.path().to_owned(), spool.clone());
        drop(spool);
        assert_eq!(std::fs::read(&path).expect("still there"), b"hello");
        drop(other);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn an_answer_in_a_file_comes_in_pieces_and_a_cut_one_promises_more() {
        let content: Vec<u8> = (0..3 * PIECE + 5).map(|at| (at % 251) as u8).collect();
        let body = FromFile::open(spooled(&content)).expect("there");
        assert_eq!(body.size_hint().exact(), Some(content.len() as u64));
        let whole = body.collect().await.expect("whole").to_bytes();
        assert_eq!(whole, content);
        let mut cut = FromFile::open(spooled(&content)).expect("there");
        cut.cut();
        assert_eq!(cut.size_hint().exact(), Some(content.len() as u64));
        let half = cut.collect().await.expect("half").to_bytes();
        assert_eq!(half, content[..content.len() / 2]);
    }
}
