//! Named starting states.

use archal_core::clone::NamedSeed;

const EMPTY: NamedSeed = NamedSeed {
    name: "empty",
    about: "One user, octocat, without repositories",
};
const MERGE_CONFLICT: NamedSeed = NamedSeed {
    name: "merge-conflict",
    about: "acme/checkout with pull requests that conflict, are clean, behind, failing, drafts and merged",
};
const SMALL_PROJECT: NamedSeed = NamedSeed {
    name: "small-project",
    about: "One repository, octocat/hello-service, with labels, eight issues and comments",
};
const STALE_ISSUES: NamedSeed = NamedSeed {
    name: "stale-issues",
    about: "acme/webapp with 46 open issues, 34 of them stale, some labelled keep-open",
};

/// Their names, sorted.
pub(super) const NAMES: &[NamedSeed] = &[EMPTY, MERGE_CONFLICT, SMALL_PROJECT, STALE_ISSUES];

/// Each with its document.
pub(super) const SEEDS: &[(NamedSeed, &str)] = &[
    (EMPTY, include_str!("seeds/empty.json")),
    (MERGE_CONFLICT, include_str!("seeds/merge-conflict.json")),
    (SMALL_PROJECT, include_str!("seeds/small-project.json")),
    (STALE_ISSUES, include_str!("seeds/stale-issues.json")),
];
