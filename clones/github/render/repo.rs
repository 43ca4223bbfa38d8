//! Repositories.

use super::{API, WEB, license, user};
use crate::engine::key::{Key, Part, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::Permission;
use crate::github::tables::{
    ISSUES, ISSUES_BY_STATE, REPO_SUBSCRIPTIONS, REPOS, SUBSCRIPTIONS_BY_REPO, USERS, name_of,
    owner_of, repo, repo_subscription, user as user_column,
};

/// How much of a repository is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) enum Detail {
    /// As what belongs to it shows it.
    Inner,
    /// As lists show it.
    Listed,
    /// As the repository's own address shows it.
    Full,
}

/// How many users hear of everything in a repository.
pub(in crate::github) fn subscribers(root: &Root, row: &Row) -> i64 {
    let group = root.group(
        REPO_SUBSCRIPTIONS,
        SUBSCRIPTIONS_BY_REPO,
        &root.key(REPOS, row),
    );
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let count = rows.filter(|row| row.bool(repo_subscription::SUBSCRIBED));
    i64::try_from(count.count()).unwrap_or(i64::MAX)
}

/// How many issues are open.
pub(in crate::github) fn open_issues(root: &Root, row: &Row) -> i64 {
    let key = Key::new([folded(row.text(repo::FULL_NAME)), Part::Text("open".into())]);
    i64::try_from(root.count(ISSUES, ISSUES_BY_STATE, &key)).unwrap_or(i64::MAX)
}

/// A repository without regard to who looks. What is shown depends on the caller and on counts
/// of other rows, so [`repo`] writes it each time; this stands in for the fingerprint.
pub(in crate::github) fn unrendered(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{")
        .key("full_name")
        .text(row.text(repo::FULL_NAME));
    out.raw("}");
}

/// A repository inside other objects.
pub(in crate::github) fn simple(root: &Root, row: &Row, out: &mut Writer) {
    let full_name = row.text(repo::FULL_NAME);
    let url = format!("{API}/repos/{full_name}");
    out.raw("{");
    out.key("id").int(row.int(repo::ID));
    out.key("node_id").text(row.text(repo::NODE_ID));
    out.key("name").text(name_of(full_name));
    out.key("full_name").text(full_name);
    out.key("private").bool(row.bool(repo::PRIVATE));
    out.key("owner");
    user::named(root, Some(owner_of(full_name)), out);
    out.key("html_url").text(&format!("{WEB}/{full_name}"));
    out.key("description")
        .text_or_null(row.text_or_null(repo::DESCRIPTION));
    out.key("fork").bool(row.bool(repo::FORK));
    out.key("url").text(&url);
    for (name, rest) in ADDRESSES {
        out.key(name).text(&format!("{url}{rest}"));
    }
    out.raw("}");
}

/// What somebody with `permission` may do with a repository, each kind of it for itself.
pub(in crate::github) fn permissions(permission: Permission, out: &mut Writer) {
    out.key("permissions").raw("{");
    for (name, least) in [
        ("admin", Permission::Admin),
        ("maintain", Permission::Maintain),
        ("push", Permission::Push),
        ("triage", Permission::Triage),
        ("pull", Permission::Pull),
    ] {
        out.key(name).bool(permission >= least);
    }
    out.raw("}");
}

/// A repository as a caller with `permission` sees it.
pub(in crate::github) fn repo(
    root: &Root,
    row: &Row,
    detail: Detail,
    permission: Option<Permission>,
    out: &mut Writer,
) {
    let full_name = row.text(repo::FULL_NAME);
    let url = format!("{API}/repos/{full_name}");
    let private = row.bool(repo::PRIVATE);
    let owner = owner_of(full_name);
    out.raw("{");
    out.key("id").int(row.int(repo::ID));
    out.key("node_id").text(row.text(repo::NODE_ID));
    out.key("name").text(name_of(full_name));
    out.key("full_name").text(full_name);
    out.key("private").bool(private);
    out.key("owner");
    user::named(root, Some(owner), out);
    out.key("html_url").text(&format!("{WEB}/{full_name}"));
    out.key("description")
        .text_or_null(row.text_or_null(repo::DESCRIPTION));
    out.key("fork").bool(row.bool(repo::FORK));
    out.key("url").text(&url);
    for (name, rest) in ADDRESSES {
        out.key(name).text(&format!("{url}{rest}"));
    }
    if detail == Detail::Inner {
        out.raw("}");
        return;
    }
    out.key("created_at").time(row.time(repo::CREATED_AT));
    out.key("updated_at").time(row.time(repo::UPDATED_AT));
    out.key("pushed_at").time(row.time(repo::PUSHED_AT));
    out.key("git_url")
        .text(&format!("git://github.com/{full_name}.git"));
    out.key("ssh_url")
        .text(&format!("git@github.com:{full_name}.git"));
    out.key("clone_url").text(&format!("{WEB}/{full_name}.git"));
    out.key("svn_url").text(&format!("{WEB}/{full_name}"));
    out.key("homepage")
        .text_or_null(row.text_or_null(repo::HOMEPAGE));
    out.key("size").int(row.int(repo::SIZE));
    let (stars, forks) = (row.int(repo::STARGAZERS), row.int(repo::FORKS));
    let open = open_issues(root, row);
    out.key("stargazers_count").int(stars);
    out.key("watchers_count").int(stars);
    out.key("language")
        .text_or_null(row.text_or_null(repo::LANGUAGE));
    out.key("has_issues").bool(row.bool(repo::HAS_ISSUES));
    for (name, column) in [
        ("has_projects", repo::HAS_PROJECTS),
        ("has_wiki", repo::HAS_WIKI),
        ("has_discussions", repo::HAS_DISCUSSIONS),
    ] {
        out.key(name).bool(row.bool(column));
    }
    out.raw(r#","has_downloads":true,"has_pages":false"#);
    out.key("forks_count").int(forks);
    out.key("mirror_url").raw("null");
    out.key("archived").bool(row.bool(repo::ARCHIVED));
    out.key("disabled").bool(false);
    out.key("open_issues_count").int(open);
    out.key("license");
    license::license(row.text_or_null(repo::LICENSE), out);
    for (name, column) in [
        ("allow_forking", repo::ALLOW_FORKING),
        ("is_template", repo::IS_TEMPLATE),
        (
            "web_commit_signoff_required",
            repo::WEB_COMMIT_SIGNOFF_REQUIRED,
        ),
    ] {
        out.key(name).bool(row.bool(column));
    }
    out.key("topics").raw("[");
    for topic in row.texts(repo::TOPICS) {
        out.item().text(topic);
    }
    out.raw("]");
    out.key("visibility")
        .text(if private { "private" } else { "public" });
    out.key("forks").int(forks);
    out.key("open_issues").int(open);
    out.key("watchers").int(stars);
    out.key("default_branch")
        .text(row.text(repo::DEFAULT_BRANCH));
    if let Some(permission) = permission {
        permissions(permission, out);
    }
    if detail == Detail::Full {
        if permission.is_some_and(|permission| permission >= Permission::Push) {
            out.key("temp_clone_token").text("");
            for (name, column) in [
                ("allow_squash_merge", repo::ALLOW_SQUASH_MERGE),
                ("allow_merge_commit", repo::ALLOW_MERGE_COMMIT),
                ("allow_rebase_merge", repo::ALLOW_REBASE_MERGE),
                ("allow_auto_merge", repo::ALLOW_AUTO_MERGE),
                ("delete_branch_on_merge", repo::DELETE_BRANCH_ON_MERGE),
                ("allow_update_branch", repo::ALLOW_UPDATE_BRANCH),
            ] {
                out.key(name).bool(row.bool(column));
            }
            for (name, column) in [
                ("squash_merge_commit_title", repo::SQUASH_MERGE_COMMIT_TITLE),
                (
                    "squash_merge_commit_message",
                    repo::SQUASH_MERGE_COMMIT_MESSAGE,
                ),
                ("merge_commit_title", repo::MERGE_COMMIT_TITLE),
                ("merge_commit_message", repo::MERGE_COMMIT_MESSAGE),
            ] {
                out.key(name).text(row.text(column));
            }
            let by_title = row.text(repo::SQUASH_MERGE_COMMIT_TITLE) == "PR_TITLE";
            out.key("use_squash_pr_title_as_default").bool(by_title);
        }
        let organisation = root
            .get(USERS, &Key::folded(owner))
            .is_some_and(|owner| owner.text(user_column::TYPE) == "Organization");
        if organisation {
            out.key("organization");
            user::named(root, Some(owner), out);
        }
        if let Some(parent) = root.named(REPOS, row.text(repo::PARENT)) {
            out.key("parent");
            repo(root, parent, Detail::Listed, None, out);
            out.key("source");
            repo(root, source_of(root, parent), Detail::Listed, None, out);
        }
        out.key("network_count").int(forks);
        out.key("subscribers_count").int(subscribers(root, row));
    }
    out.raw("}");
}

/// The repository that all forks of a network come from.
pub(in crate::github) fn source_of<'a>(root: &'a Root, row: &'a Row) -> &'a Row {
    // A seed may make a circle; no network is that deep.
    let mut at = row;
    for _ in 0..100 {
        match root.named(REPOS, at.text(repo::PARENT)) {
            Some(parent) => at = parent,
            None => break,
        }
    }
    at
}

const ADDRESSES: &[(&str, &str)] = &[
    ("forks_url", "/forks"),
    ("keys_url", "/keys{/key_id}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("languages_url", "/languages"),
    ("stargazers_url", "/stargazers"),
    ("contributors_url", "/contributors"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("merges_url", "/merges"),
    ("archive_url", "/{archive_format}{/ref}"),
    ("downloads_url", "/downloads"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    (
        "notifications_url",
        "/notifications{?since,all,participating}",
    ),
    ("labels_url", "/labels{/name}"),
    ("releases_url", "/releases{/id}"),
    ("deployments_url", "/deployments"),
];
