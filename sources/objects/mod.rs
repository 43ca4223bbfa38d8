//! What the sources of stored objects have in common: the options that the engine of objects reads,
//! addresses of endpoints, waiting for answers, what checks tell, and folders that mirror a bucket (`mirror`).

pub(crate) mod endpoint;
#[cfg(test)]
pub(crate) mod loopback;
pub(crate) mod mirror;
pub(crate) mod points;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod waiting;

use archal_core::source::{OptionInfo, OptionKind};

/// An option that nobody has to say, and for which nothing holds otherwise.
pub(crate) const fn optional(
    name: &'static str,
    about: &'static str,
    kind: OptionKind,
) -> OptionInfo {
    OptionInfo {
        name,
        about,
        kind,
        default: None,
        is_required: false,
    }
}

/// The bucket.
pub(crate) const BUCKET: OptionInfo = OptionInfo {
    name: "bucket",
    about: "the bucket",
    kind: OptionKind::Text,
    default: None,
    is_required: true,
};

/// Which keys are not read.
pub(crate) const EXCLUDE: OptionInfo = OptionInfo {
    name: "exclude",
    about: "keys that are not read, as patterns separated by commas: `**/tmp/**`",
    kind: OptionKind::Text,
    default: None,
    is_required: false,
};

/// How often everything is listed, where keys are in order of time.
pub(crate) const FULL_LIST: OptionInfo = OptionInfo {
    name: "fullList",
    about: "how often everything is listed though `ordered` is on",
    kind: OptionKind::Duration,
    default: Some("24h"),
    is_required: false,
};

/// Which keys are read.
pub(crate) const INCLUDE: OptionInfo = OptionInfo {
    name: "include",
    about: "keys that are read, as patterns separated by commas: `logs/**/*.json*`",
    kind: OptionKind::Text,
    default: None,
    is_required: false,
};

/// Whether only what manifests name is read.
pub(crate) const MANIFESTS: OptionInfo = OptionInfo {
    name: "manifests",
    about: "whose manifests say what is read: those of Langfuse's export to blob storage",
    kind: OptionKind::Choice(&["none", "langfuse"]),
    default: Some("none"),
    is_required: false,
};

/// The largest object.
pub(crate) const MAX_OBJECT: OptionInfo = OptionInfo {
    name: "maxObject",
    about: "the largest object that is read, as it is stored",
    kind: OptionKind::Size,
    default: Some("512MiB"),
    is_required: false,
};

/// A folder that is read instead.
pub(crate) const MIRROR: OptionInfo = OptionInfo {
    name: "mirror",
    about: "a folder that mirrors the bucket, read in its place",
    kind: OptionKind::Path,
    default: None,
    is_required: false,
};

/// Whether keys are in order of time.
pub(crate) const ORDERED: OptionInfo = OptionInfo {
    name: "ordered",
    about: "keys sort by their time, so that a pass lists the last days only",
    kind: OptionKind::Switch,
    default: Some("false"),
    is_required: false,
};

/// How far back such a listing begins.
pub(crate) const OVERLAP: OptionInfo = OptionInfo {
    name: "overlap",
    about: "how much time before the newest object is listed again where `ordered` is on",
    kind: OptionKind::Duration,
    default: Some("2d"),
    is_required: false,
};

/// How keys begin.
pub(crate) const PREFIX: OptionInfo = OptionInfo {
    name: "prefix",
    about: "how the keys begin that are listed",
    kind: OptionKind::Text,
    default: None,
    is_required: false,
};

/// How keys end.
pub(crate) const SUFFIX: OptionInfo = OptionInfo {
    name: "suffix",
    about: "how the keys end that are read, separated by commas: `.json,.jsonl.gz`",
    kind: OptionKind::Text,
    default: None,
    is_required: false,
};
