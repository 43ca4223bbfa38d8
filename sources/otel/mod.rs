//! The `otel` source: OTLP as exporters send it, over HTTP (`http`) and gRPC (`grpc`).
//!
//! Both doors hand the same bytes to the same decoders ([`crate::otlp`]); `export` takes one of them in,
//! `delivery` is what goes to the spool and comes back, `answer` what exporters are told.

mod answer;
mod delivery;
mod export;
mod grpc;
mod http;

use archal_core::push::{Door, PushSource, Service, Waiting};
use archal_core::source::{OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;

use crate::server::{self, Bodies, Token, Versions};

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "otel",
    about: "OTLP from OpenTelemetry exporters, over HTTP (protobuf, JSON) and gRPC",
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
            default: Some("10s"),
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
    // A collector's dumps are read by `file`.
    files: None,
    pull: None,
    push: Some(PushSource {
        doors: &[
            Door {
                name: "http",
                option: "listen",
            },
            Door {
                name: "grpc",
                option: "grpcListen",
            },
        ],
        needs_token: false,
        check_mapping: server::no_mapping,
        serve,
        assemble: delivery::assemble,
    }),
};

fn serve(service: Service) -> Waiting<()> {
    Box::pin(async move {
        let token = service.token.as_deref().map(Token::new);
        let bodies = Bodies::new(service.most_body);
        let http = http::router(service.intake.clone(), bodies.clone(), token.clone());
        let grpc = grpc::router(service.intake, bodies, token);
        let served = [(http, Versions::Any), (grpc, Versions::Two)];
        let doors = service.listeners.into_iter().zip(served);
        let doors = doors.map(|(listener, (router, versions))| (listener, router, versions));
        server::serve(doors.collect(), service.stop).await;
    })
}
