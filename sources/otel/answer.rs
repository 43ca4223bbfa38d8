//! What exporters are told, in the encoding they asked in.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use prost::Message;
use serde_json::json;

/// What is exported: each has its own words for the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Spans.
    Traces,
    /// Log records, of which events of spans are read.
    Logs,
    /// Data points, which are not read.
    Metrics,
}

impl Signal {
    /// The field of the JSON answer that counts what was rejected.
    fn rejected(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Logs => "rejectedLogRecords",
            Self::Metrics => "rejectedDataPoints",
        }
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`.
    Json,
}

impl Encoding {
    /// Of a content type.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let name = content_type.split(';').next().unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }
}

/// What was taken of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Spans, records or points that were not.
    pub(super) rejected: u64,
    /// Why, or what else is to be said.
    pub(super) message: String,
}

/// `ExportTracePartialSuccess` and its sisters, which have the same fields.
#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `ExportTraceServiceResponse` and its sisters.
#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Seconds>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Seconds {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

impl Taken {
    /// The message of an answer that says all is well, as far as it is.
    pub(super) fn protobuf(&self) -> Vec<u8> {
        let is_partial = *self != Self::default();
        Export {
            partial_success: is_partial.then(|| PartialSuccess {
                rejected: i64::try_from(self.rejected).unwrap_or(i64::MAX),
                error_message: self.message.clone(),
            }),
        }
        .encode_to_vec()
    }

    /// The answer over HTTP.
    pub(super) fn response(&self, signal: Signal, encoding: Encoding) -> Response<Body> {
        let body = match encoding {
            Encoding::Protobuf => self.protobuf(),
            Encoding::Json if *self == Self::default() => b"{}".to_vec(),
            Encoding::Json => json!({"partialSuccess": {
                // 64-bit numbers are strings in the JSON of protobuf.
                signal.rejected(): self.rejected.to_string(),
                "errorMessage": self.message,
            }})
            .to_string()
            .into_bytes(),
        };
        respond(StatusCode::OK, encoding, body)
    }
}

/// An answer that says why nothing was taken.
pub(super) fn refusal(
    status: StatusCode,
    message: &str,
    retry_after: Option<Duration>,
    encoding: Encoding,
) -> Response<Body> {
    let code = code(status);
    let body = match encoding {
        Encoding::Protobuf => Status {
            code,
            message: message.to_owned(),
            details: Vec::new(),
        }
        .encode_to_vec(),
        Encoding::Json => json!({"code": code, "message": message})
            .to_string()
            .into_bytes(),
    };
    let mut response = respond(status, encoding, body);
    if let Some(after) = retry_after {
        let seconds = HeaderValue::from(after.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// The details of a gRPC status that say when it is worth another try.
pub(super) fn retry_details(code: i32, message: &str, after: Duration) -> Vec<u8> {
    let info = RetryInfo {
        retry_delay: Some(Seconds {
            seconds: i64::try_from(after.as_secs().max(1)).unwrap_or(1),
        }),
    };
    Status {
        code,
        message: message.to_owned(),
        details: vec![Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: info.encode_to_vec(),
        }],
    }
    .encode_to_vec()
}

/// The code of gRPC that means the same.
fn code(status: StatusCode) -> i32 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::PAYLOAD_TOO_LARGE => 8,
        StatusCode::REQUEST_TIMEOUT => 4,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        _ => 3,
    }
}

fn respond(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, encoding.content_type());
    response
}
