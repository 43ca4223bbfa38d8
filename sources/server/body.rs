//! Bodies of requests: bounded in size, time and memory, before and after they are unpacked.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What all bodies together may hold, in times the largest.
const BUDGET: usize = 4;
/// What is counted, in bytes.
const UNIT: usize = 1 << 10;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// A body of so many bytes is large: of such one is decoded at a time, for it becomes many times as
/// large on the way.
const LARGE: usize = 4 << 20;
/// The largest window of zstd that is unpacked: 8 MiB, as the format recommends decoders to take.
const ZSTD_WINDOW: u32 = 23;
/// Bytes that are unpacked at a time.
const STEP: usize = 64 << 10;

/// Why a body is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// Too many bytes.
    #[error("the body is larger than {most} bytes")]
    TooLarge {
        /// So many are taken, unpacked.
        most: usize,
    },
    /// It took too long.
    #[error("the body took longer than {} s to arrive", PATIENCE.as_secs())]
    Slow,
    /// The client went away.
    #[error("the body was cut off")]
    Cut,
    /// The others hold what there is.
    #[error("other requests are under way that hold as much as may be held at once")]
    Busy,
    /// It is packed in a way that is not known.
    #[error("the content encoding `{0}` is not known: use gzip, zstd, deflate or none")]
    UnknownEncoding(String),
    /// It cannot be unpacked.
    #[error("the body cannot be unpacked: {0}")]
    BadEncoding(String),
}

impl BodyError {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            // Exporters try again after 503 and not after 408.
            Self::Slow | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnknownEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Cut | Self::BadEncoding(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// A body, and its part of the budget for as long as it is held.
#[derive(Debug)]
pub(crate) struct Held {
    /// The bytes, unpacked.
    pub(crate) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
    _turn: Option<OwnedSemaphorePermit>,
}

/// What all bodies of a source share.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    most: usize,
    budget: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// A part of the budget that grows.
#[derive(Debug)]
pub(crate) struct Share {
    most: usize,
    budget: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    units: usize,
}

impl Share {
    /// That the body has so many bytes now.
    fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        let too_large = BodyError::TooLarge { most: self.most };
        if bytes > self.most {
            return Err(too_large);
        }
        let more = bytes.div_ceil(UNIT).saturating_sub(self.units);
        if more == 0 {
            return Ok(());
        }
        let count = u32::try_from(more).map_err(|_| too_large)?;
        let permit = Arc::clone(&self.budget)
            .try_acquire_many_owned(count)
            .map_err(|_| BodyError::Busy)?;
        self.units += more;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }
}

impl Bodies {
    /// Bodies of at most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        let units = most.div_ceil(UNIT).saturating_mul(BUDGET);
        Self {
            most,
            budget: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            large: Arc::new(Semaphore::new(1)),
        }
    }

    fn share(&self) -> Share {
        Share {
            most: self.most,
            budget: Arc::clone(&self.budget),
            permit: None,
            units: 0,
        }
    }

    /// Reads a body and unpacks it.
    ///
    /// # Errors
    ///
    /// When it is too large, too slow, or cannot be unpacked, or when there is no room for it now.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, BodyError> {
        let packing = Packing::of(headers)?;
        let mut share = self.share();
        let arrived = tokio::time::timeout(PATIENCE, arrive(body, &mut share))
            .await
            .map_err(|_| BodyError::Slow)??;
        let Some(packing) = packing else {
            return self.held(Bytes::from(arrived), share).await;
        };
        let mut unpacked = self.share();
        let work = tokio::task::spawn_blocking(move || {
            let bytes = packing.unpack(&arrived, &mut unpacked)?;
            Ok((bytes, unpacked))
        });
        // What was packed is not needed any more, nor is its share.
        drop(share);
        let (bytes, share) = work.await.map_err(|_| BodyError::Cut)??;
        self.held(Bytes::from(bytes), share).await
    }

    /// Reads a body as it is sent, without unpacking it. The share is to be held as long as it is.
    ///
    /// # Errors
    ///
    /// When it is too large or too slow, or when there is no room for it now.
    pub(crate) async fn read_packed(&self, body: Body) -> Result<(Bytes, Share), BodyError> {
        let mut share = self.share();
        let arrived = tokio::time::timeout(PATIENCE, arrive(body, &mut share))
            .await
            .map_err(|_| BodyError::Slow)??;
        Ok((Bytes::from(arrived), share))
    }

    /// Takes bytes that another has unpacked.
    ///
    /// # Errors
    ///
    /// When they are too many, or when there is no room for them now.
    pub(crate) async fn hold(&self, bytes: Bytes) -> Result<Held, BodyError> {
        let mut share = self.share();
        share.grow(bytes.len())?;
        self.held(bytes, share).await
    }

    /// The largest body, in bytes.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    async fn held(&self, bytes: Bytes, share: Share) -> Result<Held, BodyError> {
        let turn = if bytes.len() > LARGE {
            let turn = Arc::clone(&self.large).acquire_owned();
            let turn = tokio::time::timeout(PATIENCE, turn)
                .await
                .map_err(|_| BodyError::Busy)?;
            Some(turn.map_err(|_| BodyError::Busy)?)
        } else {
            None
        };
        Ok(Held {
            bytes,
            _share: share.permit,
            _turn: turn,
        })
    }
}

async fn arrive(mut body: Body, share: &mut Share) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Cut)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        share.grow(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Unpacks a whole body of that content encoding to at most so many bytes.
///
/// # Errors
///
/// When the encoding is not known, or the body cannot be unpacked or is larger.
pub fn unpack(encoding: &str, body: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let unpacked = match Packing::named(encoding) {
        Ok(Some(packing)) => packing.unpack(body, &mut Bodies::new(most).share()),
        Ok(None) => Ok(body.to_vec()),
        Err(error) => Err(error),
    };
    unpacked.map_err(|error| error.to_string())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
    Deflate,
}

impl Packing {
    fn of(headers: &HeaderMap) -> Result<Option<Self>, BodyError> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(None);
        };
        Self::named(&String::from_utf8_lossy(value.as_bytes()))
    }

    fn named(name: &str) -> Result<Option<Self>, BodyError> {
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" | "none" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "zstd" => Ok(Some(Self::Zstd)),
            "deflate" => Ok(Some(Self::Deflate)),
            _ => Err(BodyError::UnknownEncoding(
                name.chars().take(40).collect::<String>(),
            )),
        }
    }

    fn unpack(self, bytes: &[u8], share: &mut Share) -> Result<Vec<u8>, BodyError> {
        let broken = |error: io::Error| BodyError::BadEncoding(error.to_string());
        match self {
            Self::Gzip => drain(MultiGzDecoder::new(bytes), share),
            Self::Deflate => drain(ZlibDecoder::new(bytes), share),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(bytes).map_err(broken)?;
                decoder.window_log_max(ZSTD_WINDOW).map_err(broken)?;
                drain(decoder, share)
            }
        }
    }
}

fn drain(mut from: impl Read, share: &mut Share) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let mut step = vec![0; STEP];
    loop {
        let read = match from.read(&mut step) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(BodyError::BadEncoding(error.to_string())),
        };
        share.grow(bytes.len() + read)?;
        bytes.extend_from_slice(step.get(..read).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MOST: usize = 1 << 20;

    fn unpack(packing: Packing, bytes: &[u8]) -> Result<Vec<u8>, BodyError> {
        packing.unpack(bytes, &mut Bodies::new(MOST).share())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        assert_eq!(
            unpack(Packing::Gzip, &gzip(b"spans")),
            Ok(b"spans".to_vec())
        );
        let two = [gzip(b"sp"), gzip(b"ans")].concat();
        assert_eq!(unpack(Packing::Gzip, &two), Ok(b"spans".to_vec()));
        let packed = zstd::encode_all(b"spans".as_slice(), 1).expect("memory");
        assert_eq!(unpack(Packing::Zstd, &packed), Ok(b"spans".to_vec()));
        assert!(matches!(
            unpack(Packing::Gzip, b"no gzip"),
            Err(BodyError::BadEncoding(_))
        ));
        assert!(matches!(
            unpack(Packing::Gzip, &gzip(&[7; 100])[..20]),
            Err(BodyError::BadEncoding(_))
        ));
    }

    #[test]
    fn a_bomb_is_left_at_the_limit() {
        let bomb = gzip(&vec![0; MOST + 1]);
        assert!(bomb.len() < 2_000);
        assert_eq!(
            unpack(Packing::Gzip, &bomb),
            Err(BodyError::TooLarge { most: MOST })
        );
        let bomb = zstd::encode_all(vec![0; MOST + 1].as_slice(), 1).expect("memory");
        assert_eq!(
            unpack(Packing::Zstd, &bomb),
            Err(BodyError::TooLarge { most: MOST })
        );
    }

    #[test]
    fn what_can_be_sent_again_gets_the_status_that_is() {
        for again in [BodyError::Slow, BodyError::Busy] {
            assert_eq!(again.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
    }

    #[test]
    fn all_bodies_together_hold_no_more_than_the_budget() {
        let bodies = Bodies::new(MOST);
        let mut held = Vec::new();
        for _ in 0..4 {
            let mut share = bodies.share();
            share.grow(MOST).expect("room");
            held.push(share);
        }
        let mut fifth = bodies.share();
        assert_eq!(fifth.grow(1), Err(BodyError::Busy));
        held.pop();
        assert_eq!(fifth.grow(1), Ok(()));
    }
}
