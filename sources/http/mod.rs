//! The `http` source: batches that a program of the user's own sends.

use archal_core::source::{OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "http",
    about: "what a program of your own sends: batches, and JSON of any shape with a mapping",
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
            name: "settle",
            about: "how long a trace must have been quiet before it is read",
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
