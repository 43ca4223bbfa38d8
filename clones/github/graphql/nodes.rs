//! Objects by their ids.

use std::sync::Arc;

use super::people::account;
use crate::engine::graphql::model::{Fault, Object, Value};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::table::TableId;
use crate::github::access;
use crate::github::complete::content::named_node_id;
use crate::github::projects::sees;
use crate::github::pulls::{comments, reviews};
use crate::github::tables::{
    ASSETS, CHECK_RUNS, CHECK_SUITES, COMMENTS, DISCUSSION_CATEGORIES, DISCUSSION_COMMENTS,
    DISCUSSIONS, GISTS, ISSUES, LABELS, MILESTONES, PROJECT_FIELDS, PROJECT_ITEMS, PROJECTS,
    RELEASES, REPOS, REVIEW_COMMENTS, REVIEWS, STATUSES, TEAMS, USERS, asset, category, check_run,
    check_suite, comment, discussion, discussion_comment, gist, issue, label, milestone, project,
    project_field, project_item, release, repo, repo_of, review, review_comment, status, team,
    user,
};

/// A table whose rows have ids.
struct Kind {
    /// What ids begin with.
    prefixes: &'static [&'static str],
    /// The types its rows are of.
    types: &'static [&'static str],
    /// The table.
    table: TableId,
    /// The column of the id.
    id: usize,
    /// The object that a row is.
    object: fn(&Root, &Arc<Row>) -> Object,
    /// The repository that must be seen; none for what everybody sees.
    repo: Option<fn(&Row) -> &str>,
}

const KINDS: &[Kind] = &[
    Kind {
        prefixes: &["U_", "O_", "BOT_"],
        types: &["Bot", "Organization", "User"],
        table: USERS,
        id: user::NODE_ID,
        object: |_, row| account(row),
        repo: None,
    },
    Kind {
        prefixes: &["R_"],
        types: &["Repository"],
        table: REPOS,
        id: repo::NODE_ID,
        object: |_, row| Object::row("Repository", row),
        repo: Some(|row| row.text(repo::FULL_NAME)),
    },
    Kind {
        prefixes: &["LA_"],
        types: &["Label"],
        table: LABELS,
        id: label::NODE_ID,
        object: |_, row| Object::row("Label", row),
        repo: Some(|row| row.text(label::REPO)),
    },
    Kind {
        prefixes: &["I_", "PR_"],
        types: &["Issue", "PullRequest"],
        table: ISSUES,
        id: issue::NODE_ID,
        object: super::issue::object,
        repo: Some(|row| row.text(issue::REPO)),
    },
    Kind {
        prefixes: &["IC_"],
        types: &["IssueComment"],
        table: COMMENTS,
        id: comment::NODE_ID,
        object: |_, row| Object::row("IssueComment", row),
        repo: Some(|row| repo_of(row.text(comment::ISSUE))),
    },
    Kind {
        prefixes: &["PRR_"],
        types: &["PullRequestReview"],
        table: REVIEWS,
        id: review::NODE_ID,
        object: |_, row| Object::row("PullRequestReview", row),
        repo: Some(|row| repo_of(row.text(review::PULL))),
    },
    Kind {
        prefixes: &["PRRC_"],
        types: &["PullRequestReviewComment"],
        table: REVIEW_COMMENTS,
        id: review_comment::NODE_ID,
        object: |_, row| Object::row("PullRequestReviewComment", row),
        repo: Some(|row| repo_of(row.text(review_comment::PULL))),
    },
    Kind {
        prefixes: &["MI_"],
        types: &["Milestone"],
        table: MILESTONES,
        id: milestone::NODE_ID,
        object: |_, row| Object::row("Milestone", row),
        repo: Some(|row| row.text(milestone::REPO)),
    },
    Kind {
        prefixes: &["RE_"],
        types: &["Release"],
        table: RELEASES,
        id: release::NODE_ID,
        object: |_, row| Object::row("Release", row),
        repo: Some(|row| row.text(release::REPO)),
    },
    Kind {
        prefixes: &["RA_"],
        types: &["ReleaseAsset"],
        table: ASSETS,
        id: asset::NODE_ID,
        object: |_, row| Object::row("ReleaseAsset", row),
        repo: Some(|row| row.text(asset::REPO)),
    },
    Kind {
        prefixes: &["CR_"],
        types: &["CheckRun"],
        table: CHECK_RUNS,
        id: check_run::NODE_ID,
        object: |_, row| Object::row("CheckRun", row),
        repo: Some(|row| row.text(check_run::REPO)),
    },
    Kind {
        prefixes: &["CS_"],
        types: &["CheckSuite"],
        table: CHECK_SUITES,
        id: check_suite::NODE_ID,
        object: |_, row| Object::row("CheckSuite", row),
        repo: Some(|row| row.text(check_suite::REPO)),
    },
    Kind {
        prefixes: &["SC_"],
        types: &["StatusContext"],
        table: STATUSES,
        id: status::NODE_ID,
        object: |_, row| Object::row("StatusContext", row),
        repo: Some(|row| row.text(status::REPO)),
    },
    Kind {
        prefixes: &["T_"],
        types: &["Team"],
        table: TEAMS,
        id: team::NODE_ID,
        object: |_, row| Object::row("Team", row),
        repo: None,
    },
    Kind {
        prefixes: &["G_"],
        types: &["Gist"],
        table: GISTS,
        id: gist::NODE_ID,
        object: |_, row| Object::row("Gist", row),
        repo: None,
    },
    Kind {
        prefixes: &["PVT_"],
        types: &["ProjectV2"],
        table: PROJECTS,
        id: project::NODE_ID,
        object: |_, row| Object::row("ProjectV2", row),
        repo: None,
    },
    Kind {
        prefixes: &["PVTF_", "PVTSSF_", "PVTIF_"],
        types: &[
            "ProjectV2Field",
            "ProjectV2SingleSelectField",
            "ProjectV2IterationField",
        ],
        table: PROJECT_FIELDS,
        id: project_field::NODE_ID,
        object: |_, row| super::project::field(row),
        repo: None,
    },
    Kind {
        prefixes: &["PVTI_"],
        types: &["ProjectV2Item"],
        table: PROJECT_ITEMS,
        id: project_item::NODE_ID,
        object: |_, row| Object::row("ProjectV2Item", row),
        repo: None,
    },
    Kind {
        prefixes: &["D_"],
        types: &["Discussion"],
        table: DISCUSSIONS,
        id: discussion::NODE_ID,
        object: |_, row| Object::row("Discussion", row),
        repo: Some(|row| row.text(discussion::REPO)),
    },
    Kind {
        prefixes: &["DC_"],
        types: &["DiscussionComment"],
        table: DISCUSSION_COMMENTS,
        id: discussion_comment::NODE_ID,
        object: |_, row| Object::row("DiscussionComment", row),
        repo: Some(|row| repo_of(row.text(discussion_comment::DISCUSSION))),
    },
    Kind {
        prefixes: &["DIC_"],
        types: &["DiscussionCategory"],
        table: DISCUSSION_CATEGORIES,
        id: category::NODE_ID,
        object: |_, row| Object::row("DiscussionCategory", row),
        repo: Some(|row| row.text(category::REPO)),
    },
];

/// The object of an id, where the caller sees it.
pub(super) fn find(call: &Call<'_>, id: &str) -> Result<Object, Fault> {
    let root = call.root();
    // A seed may give an id of its own making, so where the beginning says nothing all are tried.
    let kinds = KINDS
        .iter()
        .filter(|kind| kind.prefixes.iter().any(|prefix| id.starts_with(prefix)));
    let others = KINDS
        .iter()
        .filter(|kind| !kind.prefixes.iter().any(|prefix| id.starts_with(prefix)));
    for kind in kinds.chain(others) {
        let rows = root.rows(kind.table).values();
        for row in rows.filter(|row| row.text(kind.id) == id) {
            let seen = kind.repo.is_none_or(|repo_of| {
                root.named(REPOS, repo_of(row))
                    .is_some_and(|row| access::sees(call, row).is_some())
            });
            // A review that was begun is its author's alone.
            let hidden = match kind.table {
                REVIEWS => !reviews::seen_by(row, call.caller.as_deref()),
                REVIEW_COMMENTS => !comments::seen_by(root, row, call.caller.as_deref()),
                TEAMS => !super::social::seen(call, row),
                PROJECTS => !sees(call, row),
                PROJECT_FIELDS => !super::project::seen(call, row.text(project_field::PROJECT)),
                PROJECT_ITEMS => !super::project::seen(call, row.text(project_item::PROJECT)),
                _ => false,
            };
            if seen && !hidden {
                return Ok((kind.object)(root, row));
            }
        }
    }
    parts(call, id).ok_or_else(|| unknown(id))
}

/// An object that is a part of others: a thread, a commit, a ref.
fn parts(call: &Call<'_>, id: &str) -> Option<Object> {
    let root = call.root();
    if id.starts_with("PRRT_") {
        let first = super::review::thread_of(call, id).ok()?;
        return Some(super::review::thread_object(&first));
    }
    let (kind, repo_id, name) = named_parts(id)?;
    let row = root
        .rows(REPOS)
        .values()
        .find(|row| row.int(repo::ID) == repo_id)?;
    access::sees(call, row)?;
    match kind {
        "REF" => {
            let full = row.text(repo::FULL_NAME);
            crate::github::refs::get(root, full, &name)?;
            Some(super::git::reference(row, &name))
        }
        "C" | "T" | "B" | "TA" => {
            let oid = name.parse().ok()?;
            super::git::object(root, row, &oid)
        }
        _ => None,
    }
}

/// The id of what has a name or hash in a repository instead of a number.
pub(super) fn named_id(prefix: &str, repo_row: &Row, name: &str) -> String {
    named_node_id(prefix, repo_row.int(repo::ID), name)
}

/// Kind, number of the repository and name in such an id.
fn named_parts(id: &str) -> Option<(&str, i64, String)> {
    use base64::Engine as _;
    let (kind, coded) = id.split_once('_')?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(coded)
        .ok()?;
    let rest = bytes.strip_prefix(&[0x93, 0])?;
    let (number, rest) = match rest.split_first()? {
        (0xce, rest) => {
            let (number, rest) = rest.split_first_chunk::<4>()?;
            (i64::from(u32::from_be_bytes(*number)), rest)
        }
        (0xcf, rest) => {
            let (number, rest) = rest.split_first_chunk::<8>()?;
            (i64::from_be_bytes(*number), rest)
        }
        _ => return None,
    };
    let name = match rest.split_first()? {
        (0xda, rest) => rest.get(2..)?,
        (length, rest) if length & 0xe0 == 0xa0 => rest,
        _ => return None,
    };
    Some((kind, number, String::from_utf8(name.to_vec()).ok()?))
}

/// The id of an object that is a row.
pub(super) fn id_of(it: &Object) -> Result<&str, Fault> {
    let kind = KINDS.iter().find(|kind| kind.types.contains(&it.of));
    let kind = kind.ok_or_else(|| Fault::gap(format!("graphql:{}.id", it.of)))?;
    Ok(it.shown()?.text(kind.id))
}

/// What the object of an id is in the tables: table, column of the id, row, repository.
pub(super) fn subject(
    call: &Call<'_>,
    id: &str,
) -> Result<(TableId, usize, Arc<Row>, String), Fault> {
    let object = find(call, id)?;
    let kind = KINDS.iter().find(|kind| kind.types.contains(&object.of));
    match (kind, object.row) {
        (Some(kind), Some(row)) => {
            let repo_name = kind.repo.map_or("", |repo_of| repo_of(&row)).to_owned();
            Ok((kind.table, kind.id, row, repo_name))
        }
        _ => Err(unknown(id)),
    }
}

/// The row of an id that must be of one of these types.
pub(super) fn row(call: &Call<'_>, id: &str, of: &[&str]) -> Result<Arc<Row>, Fault> {
    let found = find(call, id)?;
    match found.row {
        Some(row) if of.contains(&found.of) => Ok(row),
        _ => Err(Fault::new(
            "NOT_FOUND",
            format!(
                "Could not resolve to {} node with the global id of '{id}'.",
                kinds(of)
            ),
        )),
    }
}

fn kinds(of: &[&str]) -> String {
    match of {
        [one] => (*one).to_owned(),
        _ => "a".to_owned(),
    }
}

/// The refusal of an id that nothing has.
pub(super) fn unknown(id: &str) -> Fault {
    Fault::new(
        "NOT_FOUND",
        format!("Could not resolve to a node with the global id of '{id}'"),
    )
}

/// Text as HTML without markup.
pub(super) fn plain(tag: &str, text: &str) -> Value {
    let escaped = escape(text);
    Value::said(format!("<{tag}>{escaped}</{tag}>"))
}

/// Text with the characters of HTML escaped.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The number of a milestone by its id.
pub(super) fn milestone_number(call: &Call<'_>, id: &str) -> Result<i64, Fault> {
    Ok(row(call, id, &["Milestone"])?.int(milestone::NUMBER))
}

/// The id of what is no row: a language, a topic.
pub(super) fn made(prefix: &str, name: &str) -> String {
    use base64::Engine as _;
    let name = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(name);
    format!("{prefix}_{name}")
}
