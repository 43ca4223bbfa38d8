//! The `custom` source: what a plugin gives that somebody else wrote.
//!
//! A plugin is a program of its own: it is asked in lines of JSON and answers in lines of JSON. Whatever it
//! does is an answer or a finding here: it may end, hang, flood or lie.
//!
//! - `said`: what options say of it.
//! - `session`: one plugin while it runs: who speaks when.
//! - [`mod@line`]: what a line from it is.
//! - `rows`: the source over it, a page at a time.
//! - `whole`: traces of spans that came one by one.

pub mod line;

mod rows;
mod said;
mod session;
mod whole;

#[cfg(test)]
mod tests;

use archal_core::pull::{self, Asking, Opened, PullError, PullSource, Said};
use archal_core::reach::{self, Reach};
use archal_core::source::{OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "custom",
    about: "what a plugin of your own gives: a program, or a shared library",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: &[
        OptionInfo {
            name: "config",
            about: "what the plugin is told: an object of JSON, without secrets",
            kind: OptionKind::Text,
            default: None,
            is_required: false,
        },
        pull::INTERVAL,
        pull::KEEP,
        OptionInfo {
            name: "mapping",
            about: "the file that says which field of the plugin's rows is what",
            kind: OptionKind::Path,
            default: None,
            is_required: false,
        },
        OptionInfo {
            name: "maxBytes",
            about: "the most the plugin may write before it gives a cursor",
            kind: OptionKind::Size,
            default: Some("64MiB"),
            is_required: false,
        },
        OptionInfo {
            name: "maxLine",
            about: "the longest line the plugin may write",
            kind: OptionKind::Size,
            default: Some("16MiB"),
            is_required: false,
        },
        OptionInfo {
            name: "memory",
            about: "the most memory the plugin may take",
            kind: OptionKind::Size,
            default: Some("2GiB"),
            is_required: false,
        },
        OptionInfo {
            name: "path",
            about: "the plugin: an executable, or a shared library (`.so`, `.dylib`)",
            kind: OptionKind::Program,
            default: None,
            is_required: true,
        },
        pull::SETTLE,
        OptionInfo {
            name: "silence",
            about: "how long the plugin may write nothing while it is asked",
            kind: OptionKind::Duration,
            default: Some("60s"),
            is_required: false,
        },
        OptionInfo {
            name: "timeout",
            about: "how long the plugin may take to the next cursor",
            kind: OptionKind::Duration,
            default: Some("10m"),
            is_required: false,
        },
        OptionInfo {
            name: "variables",
            about: "environment variables the plugin is given, secrets among them",
            kind: OptionKind::Variables,
            default: None,
            is_required: false,
        },
    ],
    files: None,
    pull: Some(PullSource {
        open,
        hosts,
        reach: REACH,
        asks: &["config", "mapping", "path"],
        scores: None,
    }),
    push: None,
};

/// Nothing of a program is usual, and what it is told may say whom it sends what it is given.
const REACH: Reach = Reach {
    options: &["config", "path", "variables"],
    is_usual: |_| false,
    told: |named| {
        let mut told = format!("starts {}", reach::text(named, "path"));
        for (option, what) in [("variables", "gives it"), ("config", "tells it")] {
            let text = reach::text(named, option);
            if !text.is_empty() {
                told += &format!(", {what} {text}");
            }
        }
        told
    },
};

fn open(asking: Asking) -> Result<Opened, PullError> {
    let plugin = said::Plugin::of(&asking.options, &asking)?;
    Ok(Opened::Rows(Box::new(rows::Custom::new(asking, plugin))))
}

/// Nobody but the plugin knows: any host.
fn hosts(_: &Said) -> Vec<String> {
    vec!["*".to_owned()]
}
