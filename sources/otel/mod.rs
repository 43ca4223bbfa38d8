//! The `otel` source: what OpenTelemetry exporters send.

use archal_core::source::{OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "otel",
    about: "what OpenTelemetry exporters send: OTLP over HTTP, protobuf and JSON, and over gRPC",
    stability: Stability::Beta,
    style: SourceStyle::Push,
    options: &[
        OptionInfo {
            name: "grpcListen",
            about: "where OTLP over gRPC is taken",
            kind: OptionKind::Listen { may_be_off: true },
            default: Some("127.0.0.1:4317"),
            is_required: false,
        },
        OptionInfo {
            name: "listen",
            about: "where OTLP over HTTP is taken",
            kind: OptionKind::Listen { may_be_off: false },
            default: Some("127.0.0.1:4318"),
            is_required: false,
        },
        OptionInfo {
            name: "maxBody",
            about: "the largest request, unpacked",
            kind: OptionKind::Size,
            default: Some("64MiB"),
            is_required: false,
        },
        OptionInfo {
            name: "settle",
            about: "how long a trace whose root has ended must have been quiet before it is read",
            kind: OptionKind::Duration,
            default: Some("5s"),
            is_required: false,
        },
        OptionInfo {
            name: "tokenEnv",
            about: "the variable with the token that senders show as `Authorization: Bearer`",
            kind: OptionKind::Variable,
            default: None,
            is_required: false,
        },
    ],
    files: None,
};
