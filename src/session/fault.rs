//! What a fault does to an answer on its way to the client. What the service does about it, the
//! clone has done already.

use std::pin::Pin;
use std::task::{Context, Poll};

use archal_core::clone::FaultEffect;
use bytes::Bytes;
use http::Response;
use http_body_util::{Either, Full};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::transfer::FromFile;

/// A connection that ends where an answer, or the rest of one, should come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection ends on purpose")]
pub(super) struct Dropped;

/// Lets the answer of a clone pass, late or in part, or ends the connection in its place.
pub(super) async fn deliver(
    fault: Option<FaultEffect>,
    answer: Response<Full<Bytes>>,
) -> Result<Response<Either<Full<Bytes>, Cut>>, Dropped> {
    match fault {
        Some(FaultEffect::Drop | FaultEffect::NoAnswer) => Err(Dropped),
        Some(FaultEffect::Cut) => {
            let (head, body) = answer.into_parts();
            Ok(Response::from_parts(head, Either::Right(Cut::of(body))))
        }
        other => {
            if let Some(delay) = other.and_then(FaultEffect::delay) {
                tokio::time::sleep(delay).await;
            }
            Ok(answer.map(Either::Left))
        }
    }
}

/// The same for an answer that is in a file.
pub(super) async fn deliver_file(
    fault: Option<FaultEffect>,
    mut file: FromFile,
) -> Result<FromFile, Dropped> {
    match fault {
        Some(FaultEffect::Drop | FaultEffect::NoAnswer) => return Err(Dropped),
        Some(FaultEffect::Cut) => file.cut(),
        other => {
            if let Some(delay) = other.and_then(FaultEffect::delay) {
                tokio::time::sleep(delay).await;
            }
        }
    }
    Ok(file)
}

/// A body of which the first half comes, under a head that promises all of it.
#[derive(Debug)]
pub(super) struct Cut {
    half: Option<Bytes>,
    whole: u64,
    /// Whether the half was sent: the connection is written to when the body makes it wait.
    is_sent: bool,
}

impl Cut {
    fn of(body: Full<Bytes>) -> Self {
        let whole = body.size_hint().exact().unwrap_or(0);
        let mut body = body;
        let frame =
            Pin::new(&mut body).poll_frame(&mut Context::from_waker(std::task::Waker::noop()));
        let bytes = match frame {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            _ => Bytes::new(),
        };
        Self {
            half: Some(bytes.slice(..bytes.len() / 2)),
            whole,
            is_sent: false,
        }
    }
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.is_sent {
            self.is_sent = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Dropped)))
    }

    fn size_hint(&self) -> SizeHint {
        // The length that the head promises is that of the whole.
        SizeHint::with_exact(self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn shown(fault: Option<FaultEffect>) -> String {
        let answer = Response::new(Full::new(Bytes::from_static(b"12345678")));
        let Ok(answer) = deliver(fault, answer).await else {
            return "dropped".to_owned();
        };
        let mut body = answer.into_body();
        let length = body.size_hint().exact();
        let mut text = String::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    let data = frame.into_data().expect("data");
                    text.push_str(&String::from_utf8_lossy(&data));
                }
                Err(_) => {
                    text.push('!');
                    break;
                }
            }
        }
        format!("{length:?} {text}")
    }

    #[tokio::test]
    async fn answers_come_whole_in_half_or_not_at_all() {
        assert_eq!(shown(None).await, "Some(8) 12345678");
        assert_eq!(
            shown(Some(FaultEffect::Status(500))).await,
            "Some(8) 12345678"
        );
        assert_eq!(
            shown(Some(FaultEffect::Latency(1))).await,
            "Some(8) 12345678"
        );
        assert_eq!(shown(Some(FaultEffect::Cut)).await, "Some(8) 1234!");
        assert_eq!(shown(Some(FaultEffect::Drop)).await, "dropped");
        assert_eq!(shown(Some(FaultEffect::NoAnswer)).await, "dropped");
    }
}
