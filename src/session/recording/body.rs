//! Bodies as they go through: every byte is handed on at once, hashed and counted, and kept within
//! bounds.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use sha2::{Digest, Sha256};

use super::recorder::{BODY, Recorder};

/// A body that went through.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Captured {
    /// Its bytes as they were on the wire; none where they are not kept.
    pub bytes: Option<Bytes>,
    /// How many there were.
    pub length: u64,
    /// Their hash, `sha256:…`; empty where there were none.
    pub hash: String,
    /// Whether it came to its end.
    pub is_whole: bool,
}

/// Which body of a call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

/// Takes a body as it goes by.
struct Capture {
    kept: Option<Vec<u8>>,
    length: u64,
    hash: Sha256,
}

/// A body that is handed on and captured.
pub(super) struct Passing {
    inner: Incoming,
    /// None once it is recorded, or where it is not.
    capture: Option<Capture>,
    recorder: Arc<Recorder>,
    call: usize,
    side: Side,
}

impl Passing {
    /// Of a call that is recorded; of one that is not where there is none.
    pub(super) fn new(
        inner: Incoming,
        recorder: Arc<Recorder>,
        call: Option<usize>,
        side: Side,
    ) -> Self {
        Self {
            inner,
            capture: call.map(|_| Capture {
                kept: Some(Vec::new()),
                length: 0,
                hash: Sha256::new(),
            }),
            recorder,
            call: call.unwrap_or_default(),
            side,
        }
    }

    fn finish(&mut self, is_whole: bool, error: Option<String>) {
        let Some(capture) = self.capture.take() else {
            return;
        };
        let captured = capture.finish(is_whole);
        match self.side {
            Side::Request => self.recorder.requested(self.call, captured),
            Side::Response => self.recorder.ended(self.call, captured, error),
        }
    }
}

impl Capture {
    fn take(&mut self, data: &[u8], recorder: &Recorder) {
        self.length += data.len() as u64;
        self.hash.update(data);
        let Some(kept) = &mut self.kept else {
            return;
        };
        if kept.len() + data.len() <= BODY && recorder.take_room(data.len()) {
            kept.extend_from_slice(data);
        } else {
            recorder.give_room(kept.len());
            self.kept = None;
        }
    }

    fn finish(self, is_whole: bool) -> Captured {
        let mut hash = String::new();
        if self.length > 0 {
            hash.push_str("sha256:");
            for byte in self.hash.finalize() {
                // Writing to a String cannot fail.
                _ = write!(hash, "{byte:02x}");
            }
        }
        Captured {
            bytes: self.kept.map(Bytes::from),
            length: self.length,
            hash,
            is_whole,
        }
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(data), Some(capture)) = (frame.data_ref(), &mut this.capture) {
                    capture.take(data, &this.recorder);
                }
            }
            Poll::Ready(Some(Err(error))) => {
                let told = format!("the answer broke off: {error}");
                this.finish(false, Some(told));
            }
            Poll::Ready(None) => this.finish(true, None),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // A body whose length was announced is not asked for its end.
        let is_whole = self.inner.is_end_stream();
        let error = (!is_whole).then(|| "the client went away before the end".to_owned());
        self.finish(is_whole, error);
    }
}
