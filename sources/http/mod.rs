//! The `http` source: whole traces that a program posts, as archal's own batches or in a shape of its
//! own that a mapping of fields explains (`crate::mapping`).

mod door;

use std::collections::BTreeMap;

use archal_core::diagnostic::Diagnostic;
use archal_core::push::{Door, Kept, PushSource, Service, Waiting};
use archal_core::source::{
    Decoded, DecodedTrace, OptionInfo, OptionKind, SourceDescriptor, SourceStyle,
};
use archal_core::stability::Stability;

use crate::mapping::Mapping;
use crate::server::{self, Bodies, Token, Versions};

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "http",
    about: "whole traces that programs post: archal batches, or JSON with a mapping of fields",
    stability: Stability::Beta,
    style: SourceStyle::Push,
    options: &[
        OptionInfo {
            name: "listen",
            about: "where requests are taken",
            kind: OptionKind::Listen { may_be_off: false },
            default: Some("127.0.0.1:4319"),
            is_required: false,
        },
        OptionInfo {
            name: "mapping",
            about: "the file that says which field of `POST /v1/traces/custom` is what",
            kind: OptionKind::Path,
            default: None,
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
            name: "tokenEnv",
            about: "the variable with the token that senders show as `Authorization: Bearer`",
            kind: OptionKind::Variable,
            default: None,
            is_required: false,
        },
    ],
    files: None,
    pull: None,
    push: Some(PushSource {
        doors: &[Door {
            name: "http",
            option: "listen",
        }],
        needs_token: true,
        check_mapping,
        serve,
        assemble,
    }),
};

fn check_mapping(mapping: &BTreeMap<String, String>) -> Result<(), Vec<String>> {
    Mapping::of(mapping).map(drop)
}

/// Reads a body of `POST /v1/traces/custom`, for a mapping from fields to where they stand.
///
/// # Errors
///
/// What is wrong with the mapping, or why there is no trace in the body.
pub fn decode_custom(
    mapping: &BTreeMap<String, String>,
    body: &[u8],
) -> Result<Decoded, Vec<Diagnostic>> {
    let mapping = Mapping::of(mapping).map_err(|wrong| {
        let wrong = wrong.iter();
        wrong
            .map(|text| Diagnostic::error("trace/unknown-field", text))
            .collect::<Vec<_>>()
    })?;
    door::decode(door::Shape::Custom, body, &mapping)
}

fn serve(service: Service) -> Waiting<()> {
    Box::pin(async move {
        // It was checked; what is wrong in it now maps nothing.
        let mapping = Mapping::of(&service.mapping).unwrap_or_default();
        let token = Token::new(service.token.as_deref().unwrap_or_default());
        let router = door::router(
            service.intake,
            Bodies::new(service.most_body),
            token,
            mapping,
        );
        let listeners = service.listeners.into_iter();
        let doors = listeners.map(|listener| (listener, router.clone(), Versions::Any));
        server::serve(doors.collect(), service.stop).await;
    })
}

/// Its traces come whole: there are no spans to put together.
fn assemble(_: &str, _: Kept, _: &mut Vec<Diagnostic>) -> Option<DecodedTrace> {
    None
}
