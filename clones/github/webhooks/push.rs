//! The events of refs and of commits.

use archal_core::clone::Rendered;

use super::happened::Moved;
use crate::engine::git::{Commit, Oid, Signature};
use crate::engine::pack::Announcing;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::content::{commits, people};
use crate::github::render::{API, WEB};
use crate::github::tables::{REPOS, reference, repo, status as column, user};

/// Most commits that a push tells of.
const MOST: usize = 20;
/// What stands for no commit.
const NONE: &str = "0000000000000000000000000000000000000000";

/// What a push tells beside the repository and who did it.
pub(super) fn write(of: &Announcing<'_>, full_name: &str, moved: &Moved, out: &mut Writer) {
    let Moved {
        name,
        before,
        after,
    } = moved;
    let sha = |sha: &Option<String>| sha.as_deref().unwrap_or(NONE).to_owned();
    let (old, new) = (sha(before), sha(after));
    let objects = of.after.objects();
    let oid = |sha: &str| sha.parse::<Oid>().ok().filter(|oid| objects.has(oid));
    let (from, to) = (oid(&old), oid(&new));
    let to = to.and_then(|to| objects.peel_to_commit(&to));
    let told = match (from, to) {
        (Some(from), Some(to)) => objects.between(&from, &to),
        // A new branch brings what the default branch has not.
        (None, Some(to)) => {
            let row = of.after.named(REPOS, full_name);
            let default = row.map_or("", |row| row.text(repo::DEFAULT_BRANCH));
            let key = format!("{full_name}:refs/heads/{default}");
            let base = of.after.named(crate::github::tables::REFS, &key);
            let base = base.and_then(|row| oid(row.text(reference::SHA)));
            match base.filter(|base| *base != to) {
                Some(base) => objects.between(&base, &to),
                None => objects.log(&to).collect(),
            }
        }
        _ => Vec::new(),
    };
    let forced = match (from, to) {
        (Some(from), Some(to)) => !objects.is_ancestor(&from, &to),
        _ => false,
    };
    out.key("ref").text(name);
    out.key("before").text(&old);
    out.key("after").text(&new);
    out.key("created").bool(before.is_none());
    out.key("deleted").bool(after.is_none());
    out.key("forced").bool(forced);
    out.key("base_ref").raw("null");
    let short = |sha: &str| sha.get(..12).unwrap_or(sha).to_owned();
    let range = match (from, to) {
        (Some(_), Some(_)) => {
            // Ids that follow the clock are not known by their beginning alone.
            let said = |sha: &str| of.after.said(sha).unwrap_or_else(|| sha.to_owned());
            let wire = format!("{}...{}", short(&old), short(&new));
            let evidence = format!("{}...{}", short(&said(&old)), short(&said(&new)));
            (wire, evidence)
        }
        _ => {
            let branch = name.trim_start_matches("refs/heads/").to_owned();
            (branch.clone(), branch)
        }
    };
    let address = |range: &str| format!("{WEB}/{full_name}/compare/{range}");
    out.key("compare")
        .both(&address(&range.0), &address(&range.1));
    out.key("commits").raw("[");
    // Oldest first, as they were made.
    let newest: Vec<&(Oid, Commit)> = told.iter().take(MOST).collect();
    for (oid, commit) in newest.into_iter().rev() {
        out.item();
        commit_of(of, full_name, oid, commit, out);
    }
    out.raw("]");
    out.key("head_commit");
    match to.and_then(|to| Some((to, objects.commit(&to)?))) {
        Some((oid, commit)) => commit_of(of, full_name, &oid, &commit, out),
        None => {
            out.raw("null");
        }
    }
    let pusher = of.caller.map_or("", |row| row.text(user::LOGIN));
    out.key("pusher").raw("{").key("name").text(pusher);
    let mail = of.caller.map(people::email_of);
    out.key("email").text_or_null(mail.as_deref()).raw("}");
}

fn commit_of(of: &Announcing<'_>, full_name: &str, oid: &Oid, commit: &Commit, out: &mut Writer) {
    out.raw("{").key("id").oid(oid);
    out.key("tree_id").oid(&commit.tree);
    out.key("distinct").bool(true);
    out.key("message");
    commits::prose(of.after, &commit.message, out);
    out.key("timestamp");
    people::write_time(of.after, &commit.author, out);
    let url = format!("{WEB}/{full_name}/commit/{oid}");
    out.key("url").text(&url);
    out.key("author");
    person(of, &commit.author, out);
    out.key("committer");
    person(of, &commit.committer, out);
    let changes = commits::changes(of.after.objects(), commit);
    for (name, statuses) in [
        ("added", &["added"][..]),
        ("removed", &["removed"]),
        ("modified", &["modified", "renamed", "changed"]),
    ] {
        out.key(name).raw("[");
        let files = changes
            .iter()
            .filter(|file| statuses.contains(&file.status.name()));
        for file in files {
            out.item().text(&file.path);
        }
        out.raw("]");
    }
    out.raw("}");
}

fn person(of: &Announcing<'_>, who: &Signature, out: &mut Writer) {
    out.raw("{").key("name").text(&who.name);
    out.key("email").text(&who.email);
    if let Some(row) = people::account(of.after, &who.email) {
        out.key("username").text(row.text(user::LOGIN));
    }
    out.key("date");
    people::write_time(of.after, who, out);
    out.raw("}");
}

/// What the event of a commit's status tells: its fields stand in the payload themselves.
pub(super) fn status(of: &Announcing<'_>, _: &(Rendered, u64), row: &Row, out: &mut Writer) {
    let (full_name, sha) = (row.text(column::REPO), row.text(column::SHA));
    out.key("id").int(row.int(column::ID));
    out.key("sha").text(sha);
    out.key("name").text(full_name);
    out.key("avatar_url").raw("null");
    out.key("target_url")
        .text_or_null(row.text_or_null(column::TARGET_URL));
    out.key("context").text(row.text(column::CONTEXT));
    out.key("description")
        .text_or_null(row.text_or_null(column::DESCRIPTION));
    out.key("state").text(row.text(column::STATE));
    out.key("commit");
    let found = sha.parse::<Oid>().ok();
    let found = found.and_then(|oid| Some((oid, of.after.objects().commit(&oid)?)));
    match (found, of.after.named(REPOS, full_name)) {
        (Some((oid, commit)), Some(repo)) => {
            commits::open(of.after, repo, &oid, &commit, out);
            out.raw("}");
        }
        _ => {
            out.raw("null");
        }
    }
    out.key("branches").raw("[");
    let heads = of.after.rows(crate::github::tables::REFS).values();
    let heads = heads
        .filter(|row| row.text(reference::REPO) == full_name && row.text(reference::SHA) == sha);
    for head in heads {
        let Some(name) = head.text(reference::NAME).strip_prefix("refs/heads/") else {
            continue;
        };
        out.item().raw("{").key("name").text(name);
        out.key("commit").raw("{").key("sha").text(sha);
        let url = format!("{API}/repos/{full_name}/commits/{sha}");
        out.key("url").text(&url).raw("}");
        out.key("protected").bool(false).raw("}");
    }
    out.raw("]");
    out.key("created_at").time(row.time(column::CREATED_AT));
    out.key("updated_at").time(row.time(column::UPDATED_AT));
}
