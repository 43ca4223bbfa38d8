//! Named starting states.

use archal_core::clone::NamedSeed;

const CI_CD_PIPELINE: NamedSeed = NamedSeed {
    name: "ci-cd-pipeline",
    about: "acme/payments with three workflows, runs that failed, succeeded and wait, jobs and logs",
};
const EMPTY: NamedSeed = NamedSeed {
    name: "empty",
    about: "One user, octocat, without repositories",
};
const ENTERPRISE_REPO: NamedSeed = NamedSeed {
    name: "enterprise-repo",
    about: "The organisation globex: four repositories, issue types, fields, sub-issues and milestones",
};
const LARGE_BACKLOG: NamedSeed = NamedSeed {
    name: "large-backlog",
    about: "The organisation northwind: 300 issues in four repositories, with milestones and labels",
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
pub(super) const NAMES: &[NamedSeed] = &[
    // One a line.
    CI_CD_PIPELINE,
    EMPTY,
    ENTERPRISE_REPO,
    LARGE_BACKLOG,
    MERGE_CONFLICT,
    SMALL_PROJECT,
    STALE_ISSUES,
];

/// Each with its document.
pub(super) const SEEDS: &[(NamedSeed, &str)] = &[
    (CI_CD_PIPELINE, include_str!("seeds/ci-cd-pipeline.json")),
    (EMPTY, include_str!("seeds/empty.json")),
    (ENTERPRISE_REPO, include_str!("seeds/enterprise-repo.json")),
    (LARGE_BACKLOG, include_str!("seeds/large-backlog.json")),
    (MERGE_CONFLICT, include_str!("seeds/merge-conflict.json")),
    (SMALL_PROJECT, include_str!("seeds/small-project.json")),
    (STALE_ISSUES, include_str!("seeds/stale-issues.json")),
];
