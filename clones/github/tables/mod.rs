//! The tables of the GitHub clone: a file each. A column's constant is its place in its table.
//!
//! - [`users`], [`org_members`], [`teams`], [`team_repos`], [`follows`], [`stars`], [`tokens`]: accounts.
//! - [`repos`], [`former_names`], [`protections`], [`deploy_keys`], [`hooks`], [`invitations`]: repositories.
//! - [`refs`]: git's names for objects; [`commits`], [`branches`] in seeds only.
//! - [`issues`], [`labels`], [`milestones`], [`comments`], [`moved_issues`], [`sub_issues`], [`dependencies`].
//! - [`issue_types`], [`issue_fields`], [`issue_field_values`]: what organisations add to issues.
//! - [`pulls`], [`reviews`], [`review_comments`]: pull requests.
//! - [`events`], [`notifications`], [`reactions`], [`repo_subscriptions`], [`thread_subscriptions`].
//! - [`discussions`], [`discussion_categories`], [`discussion_comments`].
//! - [`releases`], [`assets`], [`statuses`], [`check_suites`], [`check_runs`].
//! - [`workflows`], [`workflow_runs`], [`jobs`], [`artifacts`], [`secrets`], [`variables`]: Actions.
//! - [`gists`], [`gist_files`], [`gist_comments`]. [`projects`], [`project_fields`], [`project_items`].
//! - [`code_scanning_alerts`], [`secret_scanning_alerts`], [`advisories`], [`dependabot_alerts`],
//!   [`repository_advisories`], [`code_quality_findings`]: security.

mod advisories;
mod artifacts;
mod assets;
mod branches;
mod check_runs;
mod check_suites;
mod code_quality_findings;
mod code_scanning_alerts;
mod comments;
mod commits;
mod dependabot_alerts;
mod dependencies;
mod deploy_keys;
mod discussion_categories;
mod discussion_comments;
mod discussions;
mod events;
mod follows;
mod former_names;
mod gist_comments;
mod gist_files;
mod gists;
mod hooks;
mod invitations;
mod issue_field_values;
mod issue_fields;
mod issue_types;
mod issues;
mod jobs;
mod labels;
mod milestones;
mod moved_issues;
mod notifications;
mod org_members;
mod project_fields;
mod project_items;
mod projects;
mod protections;
mod pulls;
mod reactions;
mod refs;
mod releases;
mod repo_subscriptions;
mod repos;
mod repository_advisories;
mod review_comments;
mod reviews;
mod secret_scanning_alerts;
mod secrets;
mod stars;
mod statuses;
mod sub_issues;
mod team_repos;
mod teams;
mod thread_subscriptions;
mod tokens;
mod users;
mod variables;
mod workflow_runs;
mod workflows;

use archal_core::clone::{FieldKind, SeedTable};

use crate::engine::key::{Key, folded};
use crate::engine::row::Row;
use crate::engine::table::{Relation, Table, TableId};

pub(super) use advisories::*;
pub(super) use artifacts::*;
pub(super) use assets::*;
pub(super) use branches::*;
pub(super) use check_runs::*;
pub(super) use check_suites::*;
pub(super) use code_quality_findings::*;
pub(super) use code_scanning_alerts::*;
pub(super) use comments::*;
pub(super) use commits::*;
pub(super) use dependabot_alerts::*;
pub(super) use dependencies::*;
pub(super) use deploy_keys::*;
pub(super) use discussion_categories::*;
pub(super) use discussion_comments::*;
pub(super) use discussions::*;
pub(super) use events::*;
pub(super) use follows::*;
pub(super) use former_names::*;
pub(super) use gist_comments::*;
pub(super) use gist_files::*;
pub(super) use gists::*;
pub(super) use hooks::*;
pub(super) use invitations::*;
pub(super) use issue_field_values::*;
pub(super) use issue_fields::*;
pub(super) use issue_types::*;
pub(super) use issues::*;
pub(super) use jobs::*;
pub(super) use labels::*;
pub(super) use milestones::*;
pub(super) use moved_issues::*;
pub(super) use notifications::*;
pub(super) use org_members::*;
pub(super) use project_fields::*;
pub(super) use project_items::*;
pub(super) use projects::*;
pub(super) use protections::*;
pub(super) use pulls::*;
pub(super) use reactions::*;
pub(super) use refs::*;
pub(super) use releases::*;
pub(super) use repo_subscriptions::*;
pub(super) use repos::*;
pub(super) use repository_advisories::*;
pub(super) use review_comments::*;
pub(super) use reviews::*;
pub(super) use secret_scanning_alerts::*;
pub(super) use secrets::*;
pub(super) use stars::*;
pub(super) use statuses::*;
pub(super) use sub_issues::*;
pub(super) use team_repos::*;
pub(super) use teams::*;
pub(super) use thread_subscriptions::*;
pub(super) use tokens::*;
pub(super) use users::*;
pub(super) use variables::*;
pub(super) use workflow_runs::*;
pub(super) use workflows::*;

/// Lists the tables, parents before children: a constant for the place of each, and the lists
/// that the descriptor and the engine take.
macro_rules! tables {
    ($($(#[$doc:meta])* $id:ident = $file:ident,)*) => {
        #[expect(
            clippy::upper_case_acronyms,
            non_camel_case_types,
            reason = "they are the names of the constants"
        )]
        enum Place { $($id,)* }
        $($(#[$doc])* pub(super) const $id: TableId = Place::$id as TableId;)*

        /// The seed's tables as the descriptor lists them.
        pub(super) const SEED_TABLES: &[SeedTable] = &[$($file::SEED,)*];

        /// The tables.
        pub(super) const TABLES: &[Table] = &[$($file::TABLE,)*];
    };
}

tables! {
    /// The users' and organisations' table.
    USERS = users,
    /// The repositories' table.
    REPOS = repos,
    /// The table of commits that seeds tell of.
    COMMITS = commits,
    /// The table of branches that seeds tell of.
    BRANCHES = branches,
    /// The refs' table.
    REFS = refs,
    /// The labels' table.
    LABELS = labels,
    /// The milestones' table.
    MILESTONES = milestones,
    /// The table of types of issues.
    ISSUE_TYPES = issue_types,
    /// The table of fields of issues.
    ISSUE_FIELDS = issue_fields,
    /// The issues' table.
    ISSUES = issues,
    /// The pull requests' table.
    PULLS = pulls,
    /// The reviews' table.
    REVIEWS = reviews,
    /// The table of comments on diffs.
    REVIEW_COMMENTS = review_comments,
    /// The comments' table.
    COMMENTS = comments,
    /// The table of what issues hold in fields.
    ISSUE_FIELD_VALUES = issue_field_values,
    /// The table of former names of issues.
    MOVED_ISSUES = moved_issues,
    /// The table of parents and their sub-issues.
    SUB_ISSUES = sub_issues,
    /// The table of what waits for what.
    DEPENDENCIES = dependencies,
    /// The table of what happened to issues.
    EVENTS = events,
    /// The reactions' table.
    REACTIONS = reactions,
    /// The table of notification threads.
    NOTIFICATIONS = notifications,
    /// The table of who follows which issue.
    THREAD_SUBSCRIPTIONS = thread_subscriptions,
    /// The table of who watches which repository.
    REPO_SUBSCRIPTIONS = repo_subscriptions,
    /// The tokens' table.
    TOKENS = tokens,
    /// The table of names that repositories had before.
    FORMER_NAMES = former_names,
    /// The table of protected branches.
    PROTECTIONS = protections,
    /// The releases' table.
    RELEASES = releases,
    /// The table of releases' files.
    ASSETS = assets,
    /// The table of commits' statuses.
    STATUSES = statuses,
    /// The check suites' table.
    CHECK_SUITES = check_suites,
    /// The check runs' table.
    CHECK_RUNS = check_runs,
    /// The deploy keys' table.
    DEPLOY_KEYS = deploy_keys,
    /// The webhooks' table.
    HOOKS = hooks,
    /// The table of invitations to repositories.
    INVITATIONS = invitations,
    /// The table of categories of discussions.
    DISCUSSION_CATEGORIES = discussion_categories,
    /// The discussions' table.
    DISCUSSIONS = discussions,
    /// The table of comments on discussions.
    DISCUSSION_COMMENTS = discussion_comments,
    /// The table of organisations' members.
    ORG_MEMBERS = org_members,
    /// The table of who follows whom.
    FOLLOWS = follows,
    /// The table of stars.
    STARS = stars,
    /// The teams' table.
    TEAMS = teams,
    /// The table of what teams may do.
    TEAM_REPOS = team_repos,
    /// The workflows' table.
    WORKFLOWS = workflows,
    /// The table of workflows' runs.
    WORKFLOW_RUNS = workflow_runs,
    /// The table of runs' jobs.
    JOBS = jobs,
    /// The table of runs' artifacts.
    ARTIFACTS = artifacts,
    /// The table of workflows' secrets.
    SECRETS = secrets,
    /// The table of workflows' variables.
    VARIABLES = variables,
    /// The gists' table.
    GISTS = gists,
    /// The table of gists' files.
    GIST_FILES = gist_files,
    /// The table of comments on gists.
    GIST_COMMENTS = gist_comments,
    /// The table of code scanning alerts.
    CODE_ALERTS = code_scanning_alerts,
    /// The table of secret scanning alerts.
    SECRET_ALERTS = secret_scanning_alerts,
    /// The table of global advisories.
    ADVISORIES = advisories,
    /// The table of Dependabot alerts.
    DEPENDABOT_ALERTS = dependabot_alerts,
    /// The table of repositories' advisories.
    REPO_ADVISORIES = repository_advisories,
    /// The table of code quality findings.
    FINDINGS = code_quality_findings,
    /// The projects' table.
    PROJECTS = projects,
    /// The table of projects' fields.
    PROJECT_FIELDS = project_fields,
    /// The table of projects' items.
    PROJECT_ITEMS = project_items,
}

/// What binds them.
pub(super) const RELATIONS: &[&[Relation]] = &[
    artifacts::RELATIONS,
    assets::RELATIONS,
    check_runs::RELATIONS,
    check_suites::RELATIONS,
    code_quality_findings::RELATIONS,
    code_scanning_alerts::RELATIONS,
    comments::RELATIONS,
    dependabot_alerts::RELATIONS,
    dependencies::RELATIONS,
    deploy_keys::RELATIONS,
    discussion_categories::RELATIONS,
    discussion_comments::RELATIONS,
    discussions::RELATIONS,
    events::RELATIONS,
    follows::RELATIONS,
    gist_comments::RELATIONS,
    gist_files::RELATIONS,
    gists::RELATIONS,
    hooks::RELATIONS,
    invitations::RELATIONS,
    issue_field_values::RELATIONS,
    issue_fields::RELATIONS,
    issue_types::RELATIONS,
    issues::RELATIONS,
    jobs::RELATIONS,
    labels::RELATIONS,
    milestones::RELATIONS,
    moved_issues::RELATIONS,
    notifications::RELATIONS,
    org_members::RELATIONS,
    project_fields::RELATIONS,
    project_items::RELATIONS,
    projects::RELATIONS,
    protections::RELATIONS,
    pulls::RELATIONS,
    reactions::RELATIONS,
    refs::RELATIONS,
    releases::RELATIONS,
    repo_subscriptions::RELATIONS,
    repository_advisories::RELATIONS,
    review_comments::RELATIONS,
    reviews::RELATIONS,
    secret_scanning_alerts::RELATIONS,
    secrets::RELATIONS,
    stars::RELATIONS,
    statuses::RELATIONS,
    sub_issues::RELATIONS,
    team_repos::RELATIONS,
    teams::RELATIONS,
    thread_subscriptions::RELATIONS,
    tokens::RELATIONS,
    variables::RELATIONS,
    workflow_runs::RELATIONS,
    workflows::RELATIONS,
];

/// The key of a row that is named by its first two columns, `a/b`.
fn pair_key(name: &str) -> Option<Key> {
    let (first, second) = name.split_once('/')?;
    let fits = !first.is_empty() && !second.is_empty();
    fits.then(|| Key::new([folded(first), folded(second)]))
}

/// The name of a row by its first two columns, `a/b`.
fn pair_name(row: &Row) -> String {
    format!("{}/{}", row.text(0), row.text(1))
}

const BOOL: FieldKind = FieldKind::Bool;
const INT: FieldKind = FieldKind::Int;
const TEXT: FieldKind = FieldKind::Text;
const TIME: FieldKind = FieldKind::Time;
const TEXTS: FieldKind = FieldKind::List(&FieldKind::Text);

const ASSOCIATIONS: &[&str] = &[
    "COLLABORATOR",
    "CONTRIBUTOR",
    "FIRST_TIMER",
    "FIRST_TIME_CONTRIBUTOR",
    "MANNEQUIN",
    "MEMBER",
    "NONE",
    "OWNER",
];
