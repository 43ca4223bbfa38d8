//! Merging pull requests.

use archal_core::clone::ViewValue;

use super::compare::{self, Compared};
use super::{change, closing, happened, issue_of, keywords, merging, now, rules, signatures};
use crate::engine::git::{Commit, Merged, Oid};
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::engine::writer::Writer;
use crate::github::access::{self, not_found};
use crate::github::content::people;
use crate::github::events::{self, Details};
use crate::github::refs;
use crate::github::tables::{PULLS, REPOS, USERS, issue, owner_of, pull, repo};

const ASKED: &[Input] = &[
    Input::new("commit_title", Kind::TextOrNull),
    Input::new("commit_message", Kind::TextOrNull),
    Input::new("sha", Kind::TextOrNull),
    Input::new("merge_method", Kind::TextOrNull),
];

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) enum Method {
    /// By a commit with both ends as parents.
    Merge,
    /// By one commit with all changes.
    Squash,
    /// By its commits on top of the base.
    Rebase,
}

impl Method {
    /// The method of that name.
    pub(in crate::github) fn named(name: &str) -> Option<Self> {
        match name {
            "merge" => Some(Self::Merge),
            "squash" => Some(Self::Squash),
            "rebase" => Some(Self::Rebase),
            _ => None,
        }
    }

    /// Its name.
    pub(in crate::github) fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// What a merge asks for.
#[derive(Debug, Clone)]
pub(in crate::github) struct Merge {
    /// How.
    pub method: Method,
    /// The title of the commit; GitHub's where absent.
    pub title: Option<String>,
    /// The rest of its message; GitHub's where absent.
    pub message: Option<String>,
    /// What the head must be.
    pub sha: Option<String>,
}

/// `PUT …/pulls/{pull_number}/merge`.
pub(in crate::github) fn merge(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, ASKED)?;
    let owned = |field: &str| inputs.text(field).map(str::to_owned);
    let method = match inputs.text("merge_method") {
        None => Method::Merge,
        Some(name) => Method::named(name).ok_or_else(|| {
            Refusal::new(
                422,
                format!(
                    "Invalid request.\n\n{name} is not a member of [\"merge\", \"squash\", \
                     \"rebase\"]."
                ),
            )
        })?,
    };
    let row = call.row(PULLS)?;
    let asked = Merge {
        method,
        title: owned("commit_title").filter(|title| !title.is_empty()),
        message: owned("commit_message"),
        sha: owned("sha").filter(|sha| !sha.is_empty()),
    };
    let sha = merged(call, &row, &asked)?;
    let root = call.root();
    let mut writer = Writer::new(root);
    writer.raw("{").key("sha").text(&sha.to_string());
    writer.key("merged").bool(true);
    writer
        .key("message")
        .text("Pull Request successfully merged")
        .raw("}");
    Ok(Reply::new(200, writer.finish()))
}

/// Merges a pull request; the commit that the base is at then.
pub(in crate::github) fn merged(
    call: &mut Call<'_>,
    row: &Row,
    asked: &Merge,
) -> Result<Oid, Refusal> {
    let refused = |message: &str| Refusal::new(405, message.to_owned());
    let root = call.root();
    if !super::is_open(root, row) {
        return Err(refused("Pull Request is not mergeable"));
    }
    if row.bool(pull::DRAFT) {
        return Err(refused("Pull Request is still a draft"));
    }
    if asked
        .sha
        .as_deref()
        .is_some_and(|sha| sha != row.text(pull::HEAD_SHA))
    {
        return Err(Refusal::new(
            409,
            "Head branch was modified. Review and try the merge again.",
        ));
    }
    check_method(root, row, asked.method)?;
    let at = compare::of(root, row).ok_or_else(|| refused("Pull Request is not mergeable"))?;
    if !rules::may_bypass(call, row) {
        let why = rules::blocked(root, row);
        if !why.is_empty() {
            return Err(Refusal::new(405, why.join(" ")));
        }
        if !rules::may_push(call, row) {
            return Err(refused("You're not authorized to push to this branch."));
        }
        if rules::is_behind(root, row) {
            return Err(refused(
                "Head branch is out of date. Review and try the merge again.",
            ));
        }
    }
    let tip = match asked.method {
        Method::Merge => merge_commit(call, row, &at, asked)?,
        Method::Squash => squashed(call, row, &at, asked)?,
        Method::Rebase => rebased(call, &at)?,
    };
    finish(call, row, &at, tip)?;
    Ok(tip)
}

fn check_method(root: &Root, row: &Row, method: Method) -> Result<(), Refusal> {
    let rules = rules::of(root, row);
    let of = repository(root, row)?;
    let allowed = of.bool(match method {
        Method::Merge => repo::ALLOW_MERGE_COMMIT,
        Method::Squash => repo::ALLOW_SQUASH_MERGE,
        Method::Rebase => repo::ALLOW_REBASE_MERGE,
    });
    let what = match method {
        Method::Merge if !allowed || rules.linear => "Merge commits are",
        Method::Squash if !allowed => "Squash merges are",
        Method::Rebase if !allowed => "Rebase merges are",
        _ => return Ok(()),
    };
    Err(Refusal::new(
        405,
        format!("{what} not allowed on this repository."),
    ))
}

/// The repository that a pull request is for.
fn repository<'r>(root: &'r Root, row: &Row) -> Result<&'r Row, Refusal> {
    root.named(REPOS, row.text(pull::REPO))
        .map(AsRef::as_ref)
        .ok_or_else(not_found)
}

/// The tree of both ends merged.
fn tree(root: &Root, at: &Compared) -> Result<Oid, Refusal> {
    match merging::merged(root.objects(), &at.base, &at.head) {
        Ok(Merged::Clean(tree)) => Ok(tree),
        Ok(Merged::Conflict(_)) => Err(Refusal::new(405, "Pull Request is not mergeable")),
        Err(failure) => Err(refs::failed(&failure)),
    }
}

/// Title and text of a commit's message as one.
fn message(title: &str, text: &str) -> String {
    if text.is_empty() {
        title.to_owned()
    } else {
        format!("{title}\n\n{text}")
    }
}

fn merge_commit(call: &Call<'_>, row: &Row, at: &Compared, asked: &Merge) -> Result<Oid, Refusal> {
    let root = call.root();
    let tree = tree(root, at)?;
    let on = issue_of(root, row)?;
    let of = repository(root, row)?;
    let number = row.int(pull::NUMBER);
    let title = asked
        .title
        .clone()
        .unwrap_or_else(|| match of.text(repo::MERGE_COMMIT_TITLE) {
            "PR_TITLE" => format!("{} (#{number})", on.text(issue::TITLE)),
            _ => {
                let owner = owner_of(row.text(pull::HEAD_REPO));
                let head = row.text(pull::HEAD);
                format!("Merge pull request #{number} from {owner}/{head}")
            }
        });
    let text = asked
        .message
        .clone()
        .unwrap_or_else(|| match of.text(repo::MERGE_COMMIT_MESSAGE) {
            "PR_BODY" => on.text(issue::BODY).to_owned(),
            "BLANK" => String::new(),
            _ => on.text(issue::TITLE).to_owned(),
        });
    Ok(events::commit(
        root,
        &Commit {
            tree,
            parents: vec![at.base, at.head],
            author: people::of_caller(call)?,
            committer: signatures::web(call.now),
            message: message(&title, &text),
            signature: None,
        },
    ))
}

fn squashed(call: &Call<'_>, row: &Row, at: &Compared, asked: &Merge) -> Result<Oid, Refusal> {
    let root = call.root();
    let tree = tree(root, at)?;
    let number = row.int(pull::NUMBER);
    let commits = at.commits(root);
    // Merges of the base into the head say nothing of the change.
    let own_commits: Vec<&Commit> = commits
        .iter()
        .map(|(_, commit)| commit)
        .filter(|commit| commit.parents.len() < 2)
        .collect();
    let (usual, rest) = match own_commits.as_slice() {
        [one] => {
            let body = one.message.split_once('\n').map_or("", |(_, rest)| rest);
            (one.headline().to_owned(), body.trim().to_owned())
        }
        all => {
            let said: Vec<String> = all
                .iter()
                .map(|commit| format!("* {}", commit.message.trim_end()))
                .collect();
            let title = issue_of(root, row)?.text(issue::TITLE).to_owned();
            (title, said.join("\n\n"))
        }
    };
    let of = repository(root, row)?;
    let on = issue_of(root, row)?;
    let title = asked.title.clone().unwrap_or_else(|| {
        let title = match of.text(repo::SQUASH_MERGE_COMMIT_TITLE) {
            "PR_TITLE" => on.text(issue::TITLE),
            _ => &usual,
        };
        format!("{title} (#{number})")
    });
    let text =
        asked
            .message
            .clone()
            .unwrap_or_else(|| match of.text(repo::SQUASH_MERGE_COMMIT_MESSAGE) {
                "PR_BODY" => on.text(issue::BODY).to_owned(),
                "BLANK" => String::new(),
                _ => rest,
            });
    let author = on.text(issue::USER);
    let author = signatures::of_login(root, author, call.now);
    Ok(events::commit(
        root,
        &Commit {
            tree,
            parents: vec![at.base],
            author,
            committer: signatures::web(call.now),
            message: message(&title, &text),
            signature: None,
        },
    ))
}

/// Puts each commit of the head on top of the base.
fn rebased(call: &Call<'_>, at: &Compared) -> Result<Oid, Refusal> {
    let root = call.root();
    let objects = root.objects();
    let cannot = || Refusal::new(405, "This branch can't be rebased");
    let mut tip = at.base;
    for (_, commit) in at.commits(root) {
        let [parent] = commit.parents.as_slice() else {
            return Err(cannot());
        };
        let onto = objects.commit(&tip).ok_or_else(cannot)?;
        let from = objects.commit(parent).ok_or_else(cannot)?;
        let tree = match objects.merge_trees(&from.tree, &onto.tree, &commit.tree) {
            Ok(Merged::Clean(tree)) => tree,
            Ok(Merged::Conflict(_)) => return Err(cannot()),
            Err(failure) => return Err(refs::failed(&failure)),
        };
        // A new commit is made even where the old one would do.
        tip = events::commit(
            root,
            &Commit {
                tree,
                parents: vec![tip],
                author: commit.author.clone(),
                committer: people::of_caller(call)?,
                message: commit.message.clone(),
                signature: None,
            },
        );
    }
    Ok(tip)
}

/// Moves the base and writes down what came of it.
fn finish(call: &mut Call<'_>, row: &Row, at: &Compared, tip: Oid) -> Result<(), Refusal> {
    let repo_name = row.text(pull::REPO).to_owned();
    let base = row.text(pull::BASE).to_owned();
    write_merged(call, row, &at.base, &tip)?;
    refs::move_branch(call, &repo_name, &base, at.base, tip)?;
    let root = call.root();
    let head = row.text(pull::HEAD).to_owned();
    let own = same(row.text(pull::HEAD_REPO), &repo_name);
    let goes = own && repository(root, row)?.bool(repo::DELETE_BRANCH_ON_MERGE);
    if goes && refs::branch(root, &repo_name, &head).is_some() {
        happened(call, row, "head_ref_deleted", Details::default());
        refs::set(call, &repo_name, &format!("{}{head}", refs::HEADS), None);
    }
    Ok(())
}

/// Writes down that a pull request is merged, and closes the issues it names.
pub(super) fn write_merged(
    call: &mut Call<'_>,
    row: &Row,
    base: &Oid,
    tip: &Oid,
) -> Result<(), Refusal> {
    let login = access::login(call)?;
    let row = now(call, row)?;
    let mut draft = row.draft();
    draft.set(pull::MERGED_AT, ViewValue::Time(call.now));
    draft.set(pull::MERGED_BY, text(login.as_str()));
    draft.set(pull::MERGE_COMMIT_SHA, text(tip.to_string()));
    draft.set(pull::BASE_SHA, text(base.to_string()));
    change::clear_auto_merge(&mut draft);
    let row = call.transaction.put(PULLS, draft);
    let sha = tip.to_string();
    let details = Details {
        commit_id: Some(&sha),
        ..Details::default()
    };
    happened(call, &row, "merged", details);
    change::close(call, &row)?;
    let root = call.root();
    let of = root
        .named(REPOS, row.text(pull::REPO))
        .ok_or_else(not_found)?;
    if of.text(repo::DEFAULT_BRANCH) != row.text(pull::BASE) {
        return Ok(());
    }
    let on = issue_of(root, &row)?;
    let mut said = on.text(issue::BODY).to_owned();
    if let Some(at) = compare::of(root, &row) {
        for (_, commit) in at.commits(root) {
            said.push('\n');
            said.push_str(&commit.message);
        }
    }
    for name in keywords::closes(&said, row.text(pull::REPO)) {
        closing::close(call, &name, row.text(pull::REPO), &login);
    }
    Ok(())
}

/// Merges a pull request that waits for being mergeable, where it is now.
pub(in crate::github) fn when_ready(call: &mut Call<'_>, row: &Row) {
    let Ok(row) = now(call, row) else { return };
    let Some(method) = row
        .text_or_null(pull::AUTO_MERGE_METHOD)
        .and_then(Method::named)
    else {
        return;
    };
    if !matches!(merging::of(call.root(), &row).state, "clean" | "unstable") {
        return;
    }
    let owned = |column: usize| row.text_or_null(column).map(str::to_owned);
    let asked = Merge {
        method,
        title: owned(pull::AUTO_MERGE_TITLE),
        message: owned(pull::AUTO_MERGE_MESSAGE),
        sha: None,
    };
    // It is merged by who asked for it, whoever made it ready.
    let by = Key::folded(row.text(pull::AUTO_MERGE_BY));
    let by = call.root().get(USERS, &by).cloned();
    let caller = std::mem::replace(&mut call.caller, by);
    // One that is refused for another reason waits on.
    _ = merged(call, &row, &asked);
    call.caller = caller;
}

/// `GET …/pulls/{pull_number}/merge`.
pub(in crate::github) fn check(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    match call.row(PULLS)?.time(pull::MERGED_AT) {
        Some(_) => Ok(Reply::empty()),
        None => Err(not_found()),
    }
}
