//! OTLP over HTTP.

use std::sync::Arc;
use std::time::Duration;

use archal_core::push::Intake;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::post;

use super::answer::{self, Encoding, Signal};
use super::export::{Export, Outcome};
use crate::server::{Bodies, Token};

/// When a client may try again that found no room.
const SOON: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Door {
    intake: Arc<dyn Intake>,
    bodies: Bodies,
    token: Option<Token>,
}

/// The three paths of the protocol.
pub(super) fn router(intake: Arc<dyn Intake>, bodies: Bodies, token: Option<Token>) -> Router {
    let path = |signal| {
        post(
            move |State(door): State<Door>, headers: HeaderMap, body: Body| async move {
                door.export(signal, &headers, body).await
            },
        )
    };
    Router::new()
        .route("/v1/traces", path(Signal::Traces))
        .route("/v1/logs", path(Signal::Logs))
        .route("/v1/metrics", path(Signal::Metrics))
        .with_state(Door {
            intake,
            bodies,
            token,
        })
}

impl Door {
    async fn export(&self, signal: Signal, headers: &HeaderMap, body: Body) -> Response<Body> {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let Some(encoding) = Encoding::of(content_type) else {
            return answer::refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the content type is neither application/x-protobuf nor application/json",
                None,
                Encoding::Json,
            );
        };
        if self
            .token
            .as_ref()
            .is_some_and(|token| !token.is_in(headers))
        {
            let message = "the request has not the bearer token of this source";
            return answer::refusal(StatusCode::UNAUTHORIZED, message, None, encoding);
        }
        let held = match self.bodies.read(headers, body).await {
            Ok(held) => held,
            Err(error) => {
                let status = error.status();
                let again = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(SOON);
                return answer::refusal(status, &error.to_string(), again, encoding);
            }
        };
        let export = Export {
            signal,
            encoding,
            body: held.bytes.clone(),
        };
        match export.take(&self.intake, held).await {
            Outcome::Taken(taken) => taken.response(signal, encoding),
            Outcome::Unreadable(reason) => {
                answer::refusal(StatusCode::BAD_REQUEST, &reason, None, encoding)
            }
            Outcome::Refused(refusal) => answer::refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                &refusal.reason,
                Some(refusal.retry_after),
                encoding,
            ),
        }
    }
}
