//! The two paths of the `http` source, and who may use them.

use std::sync::Arc;
use std::time::Duration;

use archal_core::diagnostic::{Diagnostic, Severity};
use archal_core::push::{Delivery, Intake, Refusal};
use archal_core::source::Decoded;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::post;
use serde_json::{Value, json};

use crate::mapping::Mapping;
use crate::server::{Bodies, Token};

/// Findings of one request that are answered.
const MOST_FINDINGS: usize = 20;
/// When a client may try again that found no room.
const SOON: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Door {
    intake: Arc<dyn Intake>,
    bodies: Bodies,
    token: Token,
    mapping: Arc<Mapping>,
}

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `archal.trace.upload-batch`.
    Batch,
    /// Anything, by the mapping.
    Custom,
}

/// The router for requests with this token.
pub(super) fn router(
    intake: Arc<dyn Intake>,
    bodies: Bodies,
    token: Token,
    mapping: Mapping,
) -> Router {
    let path = |shape| {
        post(
            move |State(door): State<Door>, headers: HeaderMap, body: Body| async move {
                door.upload(shape, &headers, body).await
            },
        )
    };
    Router::new()
        .route("/v1/batches", path(Shape::Batch))
        .route("/v1/traces/custom", path(Shape::Custom))
        .with_state(Door {
            intake,
            bodies,
            token,
            mapping: Arc::new(mapping),
        })
}

impl Door {
    async fn upload(&self, shape: Shape, headers: &HeaderMap, body: Body) -> Response<Body> {
        if !self.token.is_in(headers) {
            let mut response = answer(
                StatusCode::UNAUTHORIZED,
                &json!({"error": "the request has not the bearer token of this source"}),
            );
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
            return response;
        }
        let held = match self.bodies.read(headers, body).await {
            Ok(held) => held,
            Err(error) => {
                let status = error.status();
                let mut response = answer(status, &json!({"error": error.to_string()}));
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    again(&mut response, SOON);
                }
                return response;
            }
        };
        let (intake, mapping) = (Arc::clone(&self.intake), Arc::clone(&self.mapping));
        let work = tokio::task::spawn_blocking(move || {
            let mut decoded = decode(shape, &held.bytes, &mapping)?;
            let traces = std::mem::take(&mut decoded.traces);
            let count = traces.len();
            let kept = intake.take(Delivery {
                traces,
                ..Delivery::default()
            });
            // What is decoded is many times as large: the next ones wait until the intake has it.
            drop(held);
            Ok::<_, Vec<Diagnostic>>((kept, count, decoded.diagnostics))
        });
        match work.await {
            Ok(Ok((kept, count, findings))) => match kept.await {
                Ok(()) => answer(
                    StatusCode::OK,
                    &json!({"accepted": count, "findings": shown(&findings)}),
                ),
                Err(refusal) => refused(&refusal),
            },
            Ok(Err(findings)) => answer(
                StatusCode::BAD_REQUEST,
                &json!({"error": "the body holds no trace that can be read", "findings": shown(&findings)}),
            ),
            Err(_) => refused(&Refusal {
                reason: "archal has a fault that this request finds".to_owned(),
                retry_after: Duration::from_secs(60),
            }),
        }
    }
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = answer(
        StatusCode::SERVICE_UNAVAILABLE,
        &json!({"error": refusal.reason}),
    );
    again(&mut response, refusal.retry_after);
    response
}

fn again(response: &mut Response<Body>, after: Duration) {
    let seconds = HeaderValue::from(after.as_secs().max(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// Findings without what they may quote of the body.
fn shown(findings: &[Diagnostic]) -> Vec<Value> {
    findings
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .take(MOST_FINDINGS)
        .map(
            |finding| json!({"code": finding.code, "message": finding.message, "at": finding.span}),
        )
        .collect()
}

/// The traces of a body; the findings where there is none.
pub(super) fn decode(
    shape: Shape,
    body: &[u8],
    mapping: &Mapping,
) -> Result<Decoded, Vec<Diagnostic>> {
    let refuse = |code: &str, message: &str| vec![Diagnostic::error(code, message)];
    // Packed files are for the `file` source: here the content encoding says it.
    let is_text = body
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| matches!(byte, b'{' | b'['));
    if !is_text {
        return Err(refuse("trace/not-json", "the body is not JSON"));
    }
    let decoded = match shape {
        Shape::Batch => crate::file::decode(body),
        Shape::Custom => {
            let value: Value = serde_json::from_slice(body).map_err(|error| {
                refuse("trace/not-json", &format!("the body is not JSON: {error}"))
            })?;
            crate::file::decode(mapping.batch(value).to_string().as_bytes())
        }
    };
    if decoded.dialect.is_some_and(|dialect| dialect != "batch") {
        return Err(refuse(
            "trace/unknown-shape",
            "the body is no `archal.trace.upload-batch`",
        ));
    }
    if !decoded.complete {
        return Err(refuse(
            "trace/incomplete",
            "the batch is not complete: send it when it is",
        ));
    }
    if decoded.traces.is_empty() && decoded.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(decoded.diagnostics);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_batches_are_taken_as_batches() {
        let read = |body: &str| decode(Shape::Batch, body.as_bytes(), &Mapping::default());
        let batch = r#"{"schema":"archal.trace.upload-batch","version":1,"complete":true,
            "source":{"project":"p"},"traces":[{"id":"t-1","name":"run"},{"name":"no id"}]}"#;
        let decoded = read(batch).expect("a batch");
        assert_eq!(decoded.traces.len(), 1);
        assert_eq!(decoded.traces[0].project.as_deref(), Some("p"));
        assert_eq!(decoded.diagnostics.len(), 1, "{:?}", decoded.diagnostics);
        for bad in [
            "",
            "\u{1f}\u{8b}",
            "{",
            r#"{"resourceSpans":[]}"#,
            &batch.replace("true", "false"),
            &batch.replace(r#""version":1"#, r#""version":9"#),
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
