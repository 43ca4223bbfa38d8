//! OTLP over gRPC: the three services of the collector.
//!
//! Messages go to the decoders as bytes: a type that had to be decoded whole would refuse an export
//! for one bad span.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use archal_core::push::Intake;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response as HttpResponse, StatusCode, header};
use axum::routing::post;
use bytes::{Buf, BufMut, Bytes};
use tokio::sync::Semaphore;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::Service;
use tonic::server::Grpc;
use tonic::{Code, Response, Status};

use super::answer::{self, Encoding, Signal};
use super::export::{Export, Outcome};
use crate::server::body::{BodyError, Share};
use crate::server::{Bodies, Token};

/// Messages that are unpacked at once: each may be of the largest size.
const AT_ONCE: usize = 8;
/// How long a call may take to arrive and be answered.
const PATIENCE: Duration = Duration::from_secs(60);
/// When a client may try again that found no room.
const SOON: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Door {
    intake: Arc<dyn Intake>,
    turns: Arc<Semaphore>,
    bodies: Bodies,
    token: Option<Token>,
}

/// The three methods.
pub(super) fn router(intake: Arc<dyn Intake>, bodies: Bodies, token: Option<Token>) -> Router {
    let method = |signal| {
        post(
            move |State(door): State<Door>, request: Request<Body>| async move {
                door.call(signal, request).await
            },
        )
    };
    let path = |name: &str| format!("/opentelemetry.proto.collector.{name}Service/Export");
    let unknown = || async { Status::unimplemented("there is no such method").into_http::<Body>() };
    Router::new()
        .route(&path("trace.v1.Trace"), method(Signal::Traces))
        .route(&path("logs.v1.Logs"), method(Signal::Logs))
        .route(&path("metrics.v1.Metrics"), method(Signal::Metrics))
        .fallback(unknown)
        .with_state(Door {
            intake,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            bodies,
            token,
        })
}

impl Door {
    async fn call(self, signal: Signal, request: Request<Body>) -> HttpResponse<Body> {
        if let Some(status) = refusal(&request) {
            let mut response = HttpResponse::new(Body::empty());
            *response.status_mut() = status;
            return response;
        }
        let is_right = |token: &Token| token.is_in(request.headers());
        if !self.token.as_ref().is_none_or(is_right) {
            let message = "the call has not the bearer token of this source";
            return Status::unauthenticated(message).into_http::<Body>();
        }
        let work = async {
            // A turn is for what has arrived: who sends slowly must not keep the others out.
            let (parts, body) = request.into_parts();
            let (arrived, share) = match self.bodies.read_packed(body).await {
                Ok(arrived) => arrived,
                Err(error) => return status_of(&error).into_http::<Body>(),
            };
            let request = Request::from_parts(parts, Body::from(arrived));
            let Ok(_turn) = self.turns.acquire().await else {
                return Status::unavailable("archal is ending").into_http::<Body>();
            };
            let mut grpc = Grpc::new(Raw)
                .accept_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(self.bodies.most());
            let method = Method {
                signal,
                intake: Arc::clone(&self.intake),
                bodies: self.bodies.clone(),
                packed: Some(share),
            };
            grpc.unary(method, request).await.map(Body::new)
        };
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(response) => response,
            Err(_) => Status::deadline_exceeded("the message took too long").into_http::<Body>(),
        }
    }
}

/// Why a request is no call: gRPC has its content type, with which no page can post unasked, and
/// nothing but a browser names an origin.
fn refusal(request: &Request<Body>) -> Option<StatusCode> {
    let headers = request.headers();
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if headers.contains_key(header::ORIGIN) {
        Some(StatusCode::FORBIDDEN)
    } else if content_type.is_some_and(|value| value.starts_with("application/grpc")) {
        None
    } else {
        Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }
}

fn status_of(error: &BodyError) -> Status {
    let message = error.to_string();
    match error {
        BodyError::TooLarge { .. } => Status::out_of_range(message),
        BodyError::Slow | BodyError::Busy => {
            let details = answer::retry_details(Code::Unavailable as i32, &message, SOON);
            Status::with_details(Code::Unavailable, message, details.into())
        }
        BodyError::Cut => Status::cancelled(message),
        BodyError::UnknownEncoding(_) | BodyError::BadEncoding(_) => {
            Status::invalid_argument(message)
        }
    }
}

/// One method of the three services.
struct Method {
    signal: Signal,
    intake: Arc<dyn Intake>,
    bodies: Bodies,
    /// What the message holds as it was sent.
    packed: Option<Share>,
}

impl Service<tonic::Request<Bytes>> for Method {
    type Response = Response<Vec<u8>>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let intake = Arc::clone(&self.intake);
        let (signal, bodies) = (self.signal, self.bodies.clone());
        drop(self.packed.take());
        Box::pin(async move {
            let held = bodies.hold(request.into_inner()).await;
            let held = held.map_err(|error| status_of(&error))?;
            let export = Export {
                signal,
                encoding: Encoding::Protobuf,
                body: held.bytes.clone(),
            };
            match export.take(&intake, held).await {
                Outcome::Taken(taken) => Ok(Response::new(taken.protobuf())),
                Outcome::Unreadable(reason) => Err(Status::invalid_argument(reason)),
                Outcome::Refused(refusal) => {
                    let code = Code::Unavailable;
                    let details =
                        answer::retry_details(code as i32, &refusal.reason, refusal.retry_after);
                    Err(Status::with_details(code, refusal.reason, details.into()))
                }
            }
        })
    }
}

/// Messages as the bytes they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_can_post_is_no_call() {
        let refused = |headers: &[(&str, &str)]| {
            let mut request = Request::builder();
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            refusal(&request.body(Body::empty()).expect("a request"))
        };
        assert_eq!(refused(&[("content-type", "application/grpc+proto")]), None);
        assert_eq!(refused(&[]), Some(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        assert_eq!(
            refused(&[("content-type", "text/plain")]),
            Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        );
        assert_eq!(
            refused(&[
                ("content-type", "application/grpc"),
                ("origin", "http://localhost")
            ]),
            Some(StatusCode::FORBIDDEN)
        );
    }
}
