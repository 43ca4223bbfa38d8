//! The `gcs` source: objects in Google Cloud Storage, and in servers that speak like it.
//!
//! `client` makes the clients of what was said; `listing` lists over gRPC, or over JSON where an endpoint
//! has that alone; `bucket` reads; `refusal` says what an error means, and what mends it.

mod bucket;
mod client;
#[cfg(test)]
mod listed_tests;
mod listing;
mod refusal;
#[cfg(test)]
mod tests;

use archal_core::pull::{Asking, INTERVAL, Opened, PullError, PullSource, Said};
use archal_core::reach::{self, Named, Reach};
use archal_core::source::{OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;

use crate::objects::mirror::Mirror;
use crate::objects::{
    BUCKET, EXCLUDE, FULL_LIST, INCLUDE, MANIFESTS, MAX_OBJECT, MIRROR, ORDERED, OVERLAP, PREFIX,
    SUFFIX, endpoint, optional,
};

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "gcs",
    about: "objects in Google Cloud Storage: any files that `file` reads",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: &[
        OptionInfo {
            default: Some("false"),
            ..optional(
                "anonymous",
                "ask without credentials: for public buckets",
                OptionKind::Switch,
            )
        },
        BUCKET,
        optional(
            "credentialsFile",
            "a credentials file, where the application default credentials are not to be used",
            OptionKind::Path,
        ),
        optional(
            "endpoint",
            "the address of a server that is not Google's, over HTTP: http://127.0.0.1:4443",
            OptionKind::Text,
        ),
        EXCLUDE,
        FULL_LIST,
        optional(
            "grpcEndpoint",
            "the address where such a server lists over gRPC; without it `endpoint` lists, too",
            OptionKind::Text,
        ),
        INCLUDE,
        INTERVAL,
        MANIFESTS,
        MAX_OBJECT,
        MIRROR,
        ORDERED,
        OVERLAP,
        PREFIX,
        SUFFIX,
    ],
    files: Some(crate::file::FORMAT),
    pull: Some(PullSource {
        open,
        hosts,
        reach: REACH,
        asks: &[],
        scores: None,
    }),
    push: None,
};

/// Google itself is asked without a step, with the application default credentials. A credentials file is
/// another matter: it may name files and programs to get them from, and whom to send what it got.
const REACH: Reach = Reach {
    options: &[
        "anonymous",
        "credentialsFile",
        "endpoint",
        "grpcEndpoint",
        "mirror",
    ],
    is_usual: |named| {
        let is_own = ["credentialsFile", "endpoint", "grpcEndpoint"]
            .iter()
            .all(|option| !named.contains_key(option));
        is_own || named.contains_key("mirror")
    },
    told,
};

fn told(named: &Named) -> String {
    let host = match reach::listed(named, &["endpoint", "grpcEndpoint"]) {
        endpoints if endpoints.is_empty() => "Google".to_owned(),
        endpoints => endpoints,
    };
    if reach::text(named, "anonymous") == "true" {
        return format!("asks {host} without credentials");
    }
    match reach::text(named, "credentialsFile") {
        "" => format!("asks {host} with your application default credentials"),
        file => format!("asks {host} with the credentials that {file} leads to"),
    }
}

fn open(asking: Asking) -> Result<Opened, PullError> {
    let said = &asking.options;
    if let Some(mirror) = said.path("mirror") {
        let prefix = said.text("prefix").unwrap_or_default();
        return Ok(Opened::Objects(Box::new(Mirror::new(mirror, prefix))));
    }
    Ok(Opened::Objects(Box::new(bucket::Bucket::new(&asking)?)))
}

fn hosts(said: &Said) -> Vec<String> {
    if said.path("mirror").is_some() {
        return Vec::new();
    }
    let said: Vec<&str> = ["endpoint", "grpcEndpoint"]
        .into_iter()
        .filter_map(|name| said.text(name))
        .collect();
    if said.is_empty() {
        return ["oauth2.googleapis.com", "storage.googleapis.com"]
            .map(str::to_owned)
            .to_vec();
    }
    said.into_iter()
        .filter_map(|address| endpoint::host(address).ok())
        .collect()
}
