//! The `s3` source: objects in S3, and in stores that speak like it.
//!
//! `client` makes the SDK's client of what was said and finds out by what credentials; `bucket` lists
//! and reads; `place` checks what becomes part of a host; `refusal` says what an error means, and what
//! mends it.

mod bucket;
mod client;
mod place;
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
    name: "s3",
    about: "objects in S3 or a store that speaks like it: any files that `file` reads",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: &[
        optional(
            "accessKeyEnv",
            "the variable with an access key id, where the AWS configuration is not to be used",
            OptionKind::Variable,
        ),
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
            "endpoint",
            "the address of a store that is not AWS: https://minio.example:9000",
            OptionKind::Text,
        ),
        EXCLUDE,
        FULL_LIST,
        INCLUDE,
        INTERVAL,
        MANIFESTS,
        MAX_OBJECT,
        MIRROR,
        ORDERED,
        OVERLAP,
        PREFIX,
        optional("profile", "the profile of ~/.aws to use", OptionKind::Text),
        optional(
            "region",
            "the bucket's region, where the AWS configuration says another or none",
            OptionKind::Text,
        ),
        optional(
            "secretKeyEnv",
            "the variable with the secret of `accessKeyEnv`",
            OptionKind::Variable,
        ),
        optional(
            "sessionTokenEnv",
            "the variable with the session token of `accessKeyEnv`, where there is one",
            OptionKind::Variable,
        ),
        SUFFIX,
        OptionInfo {
            default: Some("false"),
            ..optional(
                "virtualHost",
                "at an `endpoint`, name the bucket in the host and not in the path",
                OptionKind::Switch,
            )
        },
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

/// AWS itself is asked without a step, with the configuration and variables that are there for it.
const REACH: Reach = Reach {
    options: &[
        "accessKeyEnv",
        "anonymous",
        "endpoint",
        "mirror",
        "profile",
        "region",
        "secretKeyEnv",
        "sessionTokenEnv",
    ],
    is_usual: |named| {
        let is_usual = |option, usual| matches!(reach::text(named, option), text if text.is_empty() || text == usual);
        let is_own = ["endpoint", "profile"]
            .iter()
            .all(|option| !named.contains_key(option))
            && named
                .get("region")
                .is_none_or(|region| place::is_region(region))
            && is_usual("accessKeyEnv", "AWS_ACCESS_KEY_ID")
            && is_usual("secretKeyEnv", "AWS_SECRET_ACCESS_KEY")
            && is_usual("sessionTokenEnv", "AWS_SESSION_TOKEN");
        is_own || named.contains_key("mirror")
    },
    told,
};

fn told(named: &Named) -> String {
    let host = match (reach::text(named, "endpoint"), reach::text(named, "region")) {
        ("", "") => "AWS".to_owned(),
        ("", region) => format!("AWS in the region {region}"),
        (endpoint, _) => endpoint.to_owned(),
    };
    let keys = ["accessKeyEnv", "secretKeyEnv", "sessionTokenEnv"];
    let keys = reach::listed(named, &keys);
    if reach::text(named, "anonymous") == "true" {
        format!("asks {host} without credentials")
    } else if !keys.is_empty() {
        format!("asks {host} with {keys}")
    } else {
        match reach::text(named, "profile") {
            "" => format!("asks {host} with your AWS credentials"),
            profile => format!("asks {host} with your AWS credentials of the profile {profile}"),
        }
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
    if let Some(endpoint) = said.text("endpoint") {
        return endpoint::host(endpoint).into_iter().collect();
    }
    let bucket = said.text("bucket").unwrap_or_default();
    let region = said.text("region").unwrap_or("<region>");
    // Nobody is asked for what is refused.
    if !place::is_bucket(bucket)
        || said
            .text("region")
            .is_some_and(|text| !place::is_region(text))
    {
        return Vec::new();
    }
    if bucket.starts_with("arn:") {
        return vec![format!(
            "<access-point>.s3-accesspoint.{region}.amazonaws.com"
        )];
    }
    vec![format!("{bucket}.s3.{region}.amazonaws.com")]
}
