//! Files written, changed and deleted by their path: a commit each.

use super::data;
use super::people;
use super::reading::Place;
use super::refs as named;
use crate::engine::git::{Commit, Mode, Oid, PathChange};
use crate::engine::input::{Input, Inputs, Kind, Problem};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::writer::Writer;
use crate::github::access;
use crate::github::dialect::bad_input;
use crate::github::events;
use crate::github::refs;
use crate::github::tables::{REPOS, repo};

const PUT: &[Input] = &[
    Input::new("message", Kind::Text).required(),
    Input::new("content", Kind::Text).required(),
    Input::new("sha", Kind::TextOrNull),
    Input::new("branch", Kind::TextOrNull),
    Input::new("author", Kind::Object),
    Input::new("committer", Kind::Object),
];

const DELETE: &[Input] = &[
    Input::new("message", Kind::Text),
    Input::new("sha", Kind::Text),
    Input::new("branch", Kind::TextOrNull),
    Input::new("author", Kind::Object),
    Input::new("committer", Kind::Object),
];

/// What is to be written: where, and on what.
struct Target {
    repo_name: String,
    branch: String,
    path: String,
    /// The head of the branch; none in a repository without commits.
    head: Option<Oid>,
    tree: Option<Oid>,
}

fn target(call: &Call<'_>, branch: Option<&str>, verb: &str) -> Result<Target, Refusal> {
    let of = call.row(REPOS)?;
    let root = call.root();
    let repo_name = of.text(repo::FULL_NAME).to_owned();
    let asked = call.param("path");
    if asked.starts_with('/') {
        return Err(Refusal::new(422, "path cannot start with a slash"));
    }
    let path = asked.trim_end_matches('/');
    if !data::fits(path) {
        return Err(Refusal::new(
            422,
            "path contains a malformed path component",
        ));
    }
    let branch = branch.filter(|branch| !branch.is_empty());
    let branch = branch.unwrap_or(of.text(repo::DEFAULT_BRANCH));
    let branch = branch
        .strip_prefix(refs::HEADS)
        .unwrap_or(branch)
        .to_owned();
    let head = refs::branch(root, &repo_name, &branch);
    if head.is_none() && !refs::is_empty(root, &repo_name) {
        return Err(Refusal::new(404, format!("Branch {branch} not found")));
    }
    if let Some(refused) = named::protected(call, &repo_name, &branch)? {
        let message = format!("Could not {verb} file: {}", refused.message);
        return Err(Refusal::new(409, message));
    }
    let tree = head
        .and_then(|oid| root.objects().commit(&oid))
        .map(|commit| commit.tree);
    Ok(Target {
        repo_name,
        branch,
        path: path.to_owned(),
        head,
        tree,
    })
}

/// Commits a change of one path to the branch.
fn commit(
    call: &mut Call<'_>,
    target: &Target,
    inputs: &Inputs,
    message: &str,
    change: PathChange,
) -> Result<(Oid, Commit), Refusal> {
    let usual = people::of_caller(call)?;
    let committer = people::asked(inputs.value("committer"), &usual)?;
    let author = match inputs.value("author") {
        Some(given) => people::asked(Some(given), &usual)?,
        None => committer.clone(),
    };
    let objects = call.root().objects();
    let tree = objects.write_paths(target.tree.as_ref(), &[(target.path.clone(), change)]);
    let commit = Commit {
        tree,
        parents: target.head.into_iter().collect(),
        author,
        committer,
        message: message.to_owned(),
        signature: None,
    };
    let oid = events::commit(call.root(), &commit);
    let name = format!("{}{}", refs::HEADS, target.branch);
    refs::set(call, &target.repo_name, &name, Some(oid));
    Ok((oid, commit))
}

fn reply(
    call: &Call<'_>,
    status: u16,
    target: &Target,
    (oid, commit): &(Oid, Commit),
) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let root = call.root();
    let entry = root.objects().entry_at(&commit.tree, &target.path);
    let mut writer = Writer::with_capacity(root, 4_096, 4_096);
    writer.raw("{").key("content");
    match entry.filter(|entry| entry.mode != Mode::Tree) {
        None => {
            writer.raw("null");
        }
        Some(entry) => {
            let place = Place {
                of: &of,
                at: &target.branch,
            };
            place.open(root.objects(), &target.path, &entry, "file", &mut writer);
            writer.raw("}");
        }
    }
    writer.key("commit");
    data::write_commit(root, &of, oid, commit, &mut writer);
    writer.raw("}");
    Ok(Reply::new(status, writer.finish()))
}

/// `PUT …/contents/{path}`.
pub(in crate::github) fn put(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, PUT)?;
    let content = data::decoded(inputs.text("content").unwrap_or_default())
        .ok_or_else(|| Refusal::new(422, "content is not valid Base64"))?;
    if content.len() > data::LARGEST {
        return Err(data::too_large());
    }
    let known = |target: &Target, call: &Call<'_>| {
        let tree = target.tree?;
        call.root().objects().entry_at(&tree, &target.path)
    };
    let mut target = target(call, inputs.text("branch"), "create")
        .map_err(|refusal| reworded(refusal, &inputs))?;
    let old = known(&target, call);
    let given = inputs.text("sha").filter(|sha| !sha.is_empty());
    let path = std::mem::take(&mut target.path);
    let mode = match (&old, given) {
        (Some(old), _) if old.mode == Mode::Tree => {
            return Err(Refusal::new(422, format!("path {path} is a directory")));
        }
        (Some(_), None) => return Err(bad_input(&Problem::Absent("sha"))),
        (Some(old), Some(sha)) if old.oid.to_string() != sha => {
            return Err(Refusal::new(409, format!("{path} does not match {sha}")));
        }
        (None, Some(sha)) => {
            return Err(Refusal::new(409, format!("{path} does not match {sha}")));
        }
        (Some(old), Some(_)) => old.mode,
        (None, None) => Mode::File,
    };
    target.path = path;
    if below_a_file(call, &target) {
        return Err(Refusal::new(
            422,
            "path contains a file where a directory is expected",
        ));
    }
    let oid = call.root().objects().put_blob(content);
    let message = inputs.text("message").unwrap_or_default().to_owned();
    let change = PathChange::Put { mode, oid };
    let made = commit(call, &target, &inputs, &message, change)?;
    let status = if old.is_some() { 200 } else { 201 };
    reply(call, status, &target, &made)
}

/// GitHub says `update` of what is there already.
fn reworded(mut refusal: Refusal, inputs: &Inputs) -> Refusal {
    if refusal.status == 409 && inputs.text("sha").is_some() {
        refusal.message = refusal
            .message
            .replacen("Could not create file", "Could not update file", 1)
            .into();
    }
    refusal
}

fn below_a_file(call: &Call<'_>, target: &Target) -> bool {
    let Some(tree) = target.tree else {
        return false;
    };
    let objects = call.root().objects();
    target.path.match_indices('/').any(|(at, _)| {
        let entry = objects.entry_at(&tree, &target.path[..at]);
        entry.is_some_and(|entry| entry.mode != Mode::Tree)
    })
}

/// `DELETE …/contents/{path}`: what to do stands in the body or in the query.
pub(in crate::github) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, DELETE)?;
    let of = |name: &'static str| {
        let given = inputs.text(name).map(str::to_owned);
        given.or_else(|| call.query(name).map(str::to_owned))
    };
    let message = of("message").ok_or_else(|| bad_input(&Problem::Absent("message")))?;
    let sha = of("sha").ok_or_else(|| bad_input(&Problem::Absent("sha")))?;
    let branch = of("branch");
    let target = target(call, branch.as_deref(), "delete")?;
    let tree = target.tree.ok_or_else(access::not_found)?;
    let old = call.root().objects().entry_at(&tree, &target.path);
    let old = old.ok_or_else(access::not_found)?;
    if old.mode == Mode::Tree {
        return Err(Refusal::new(
            422,
            format!("path {} is a directory", target.path),
        ));
    }
    if old.oid.to_string() != sha {
        let problem = format!("{} does not match {sha}", target.path);
        return Err(Refusal::new(409, problem));
    }
    let made = commit(call, &target, &inputs, &message, PathChange::Remove)?;
    reply(call, 200, &target, &made)
}
