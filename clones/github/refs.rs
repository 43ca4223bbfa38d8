//! Refs: what a name stands for, and how it comes to stand for something else.
//!
//! A ref is a row; the objects are in the store that all states share. Whatever moves a ref goes
//! through [`set`] (by right) or [`update`] (by the rules of the repository), so that what follows
//! a branch hears of it: see [`FOLLOWERS`].

use archal_core::clone::ViewValue;
use archal_core::diagnostic::Diagnostic;

use super::tables::{REFS, REFS_BY_REPO, REPOS, ref_of, reference, repo};
use super::{access, pulls};
use crate::engine::git::{GitFailure, Kind, Oid};
use crate::engine::key::{Key, same};
use crate::engine::pack::{Call, Completing, Refusal, UNMODELLED};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};
use crate::engine::writer::Writer;

/// What full names of branches begin with.
pub(super) const HEADS: &str = "refs/heads/";
/// What full names of tags begin with.
pub(super) const TAGS: &str = "refs/tags/";

/// The longest name of a ref, as GitHub has it.
const LONGEST: usize = 244;

/// A ref that was moved, made or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pushed {
    /// The repository's full name.
    pub repo: String,
    /// The ref's full name.
    pub name: String,
    /// What it stood for; none where it is new.
    pub before: Option<Oid>,
    /// What it stands for; none where it is gone.
    pub after: Option<Oid>,
}

impl Pushed {
    /// The branch, where it is one.
    pub(super) fn branch(&self) -> Option<&str> {
        self.name.strip_prefix(HEADS)
    }
}

/// What is done after a ref was moved, in this order.
type Follower = fn(&mut Call<'_>, &Pushed);

/// Who follows refs: pull requests their heads, issues the commits that close them.
const FOLLOWERS: &[Follower] = &[touch_repo, pulls::heads::follow, pulls::closing::follow];

/// The object that a ref stands for, by its full name.
pub(super) fn get(root: &Root, repo: &str, name: &str) -> Option<Oid> {
    row(root, repo, name).and_then(oid)
}

fn row<'r>(root: &'r Root, repo: &str, name: &str) -> Option<&'r Row> {
    root.get(REFS, &ref_of(repo, name)).map(AsRef::as_ref)
}

fn oid(row: &Row) -> Option<Oid> {
    row.text(reference::SHA).parse().ok()
}

/// The commit that a branch is at.
pub(super) fn branch(root: &Root, repo: &str, name: &str) -> Option<Oid> {
    get(root, repo, &format!("{HEADS}{name}"))
}

/// The object that a tag stands for: a commit, or an annotated tag.
pub(super) fn tag(root: &Root, repo: &str, name: &str) -> Option<Oid> {
    get(root, repo, &format!("{TAGS}{name}"))
}

/// The refs of a repository whose full names begin with `prefix`, in order of name.
pub(super) fn below<'r>(
    root: &'r Root,
    repo: &str,
    prefix: &'r str,
) -> impl Iterator<Item = (&'r str, Oid)> {
    let rows = root.group(REFS, REFS_BY_REPO, &Key::folded(repo));
    rows.into_iter()
        .flat_map(|rows| rows.values())
        .filter_map(move |row| {
            let name = row.text(reference::NAME);
            let oid = oid(row)?;
            name.starts_with(prefix).then_some((name, oid))
        })
}

/// The branches of a repository with the commits they are at, in order of name.
pub(super) fn branches<'r>(root: &'r Root, repo: &str) -> impl Iterator<Item = (&'r str, Oid)> {
    below(root, repo, HEADS).map(|(name, oid)| (&name[HEADS.len()..], oid))
}

/// The tags of a repository with the objects they stand for, in order of name.
pub(super) fn tags<'r>(root: &'r Root, repo: &str) -> impl Iterator<Item = (&'r str, Oid)> {
    below(root, repo, TAGS).map(|(name, oid)| (&name[TAGS.len()..], oid))
}

/// The branches that are at a commit, in order of name.
pub(super) fn branches_at(root: &Root, repo: &str, sha: &str) -> Vec<String> {
    let sha = sha.parse::<Oid>().ok();
    branches(root, repo)
        .filter(|(_, oid)| Some(*oid) == sha)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Whether a repository has nothing in it yet.
pub(super) fn is_empty(root: &Root, repo: &str) -> bool {
    root.count(REFS, REFS_BY_REPO, &Key::folded(repo)) == 0
}

/// The commit that a name stands for: a full id, `HEAD`, a full name of a ref, a branch, a tag,
/// `heads/…`, `tags/…`, or the beginning of an id.
pub(super) fn resolve(root: &Root, repo: &str, name: &str) -> Option<Oid> {
    let objects = root.objects();
    if let Ok(oid) = name.parse::<Oid>() {
        return objects
            .peel_to_commit(&oid)
            .filter(|oid| is_of(root, repo, oid));
    }
    if let Some((_, oid)) = named(root, repo, name) {
        return objects.peel_to_commit(&oid);
    }
    let is_short = (4..40).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_hexdigit());
    let found = is_short.then(|| objects.beginning_with(name)).flatten()?;
    objects
        .peel_to_commit(&found)
        .filter(|oid| is_of(root, repo, oid))
}

/// The ref that a name stands for, with its full name.
pub(super) fn named(root: &Root, repo: &str, name: &str) -> Option<(String, Oid)> {
    if name == "HEAD" || name == "@" {
        let row = root.named(REPOS, repo)?;
        let full = format!("{HEADS}{}", row.text(repo::DEFAULT_BRANCH));
        return get(root, repo, &full).map(|oid| (full, oid));
    }
    let full = [
        name.to_owned(),
        format!("{HEADS}{name}"),
        format!("{TAGS}{name}"),
        format!("refs/{name}"),
    ];
    full.into_iter()
        .filter(|full| full.starts_with("refs/"))
        .find_map(|full| get(root, repo, &full).map(|oid| (full, oid)))
}

/// An object, by its full id, if the repository has it.
pub(super) fn object(root: &Root, repo: &str, oid: &Oid) -> Option<Kind> {
    let kind = root.objects().kind(oid)?;
    is_of(root, repo, oid).then_some(kind)
}

/// Whether an object belongs to a repository or to one it was forked from or with. The objects of
/// all repositories are in one store, so what another one has and this one has not is none of
/// its; what nothing leads to is whoever's who knows its id.
fn is_of(root: &Root, repo: &str, oid: &Oid) -> bool {
    let objects = root.objects();
    let has = |row: &Row| {
        let name = row.text(repo::FULL_NAME);
        let made = objects.made_by(row.int(repo::ID));
        let tips = below(root, name, "refs/").map(|(_, tip)| tip);
        objects.lead_to(made.into_iter().chain(tips), oid)
    };
    let repos = root.rows(REPOS);
    let first = origin(root, repo);
    let is_kin = |row: &Row| same(origin(root, row.text(repo::FULL_NAME)), first);
    root.named(REPOS, repo).is_some_and(|row| has(row))
        || repos.values().any(|row| is_kin(row) && has(row))
        || !repos.values().any(|row| !is_kin(row) && has(row))
}

/// The repository that all forks of forks come from.
fn origin<'r>(root: &'r Root, repo: &'r str) -> &'r str {
    let parent = |name: &str| root.named(REPOS, name)?.text_or_null(repo::PARENT);
    let mut name = repo;
    // A seed may say that two are forks of one another.
    for _ in 0..root.rows(REPOS).len() {
        let Some(above) = parent(name) else { break };
        name = above;
    }
    name
}

/// The commit that a name of a request stands for in the repository of its path.
pub(super) fn commit(call: &Call<'_>, name: &str) -> Result<Oid, Refusal> {
    let repo_name = access::repo_name(call)?;
    if is_empty(call.root(), &repo_name) {
        return Err(Refusal::new(409, "Git Repository is empty."));
    }
    let root = call.root();
    if let Some(found) = resolve(root, &repo_name, name) {
        return Ok(found);
    }
    let missing = || Refusal::new(422, format!("No commit found for SHA: {name}"));
    Err(gap(root, &repo_name, name).unwrap_or_else(missing))
}

/// The answer where a ref is at a commit that a seed shows by its id alone: the service would have
/// answered with what nobody knows.
pub(super) fn gap(root: &Root, repo: &str, name: &str) -> Option<Refusal> {
    let (full, oid) = named(root, repo, name).filter(|(_, oid)| !root.objects().has(oid))?;
    let message = format!(
        "{full} of {repo} is at {oid}, and the state that was loaded does not say what is in that commit"
    );
    let mut refusal = Refusal::new(501, message);
    let what = "git: a commit of which the state has only the id".to_owned();
    refusal.headers.push((UNMODELLED, what));
    Some(refusal)
}

/// Whether a full name is one that git takes, and GitHub.
pub(super) fn well_formed(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("refs/") else {
        return false;
    };
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let bad = |c: char| {
        c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    // A branch or tag that looks like an id would stand for another commit than it says.
    let short = rest.split_once('/').map_or("", |(_, short)| short);
    name.len() <= LONGEST
        && rest.contains('/')
        && rest.split('/').all(part)
        && !rest.contains("..")
        && !rest.contains("@{")
        && !rest.ends_with('.')
        && !rest.contains(bad)
        && short != "@"
        && !short.starts_with('-')
        && short.parse::<Oid>().is_err()
        && short != "HEAD"
}

/// Moves, makes (`before` none) or deletes (`after` none) a ref by right: the rules of the
/// repository were asked, or the service does it itself.
pub(super) fn set(call: &mut Call<'_>, repo_name: &str, name: &str, after: Option<Oid>) {
    let before = get(call.root(), repo_name, name);
    if before == after {
        return;
    }
    match after {
        Some(oid) => {
            let mut draft = Draft::empty(3);
            draft
                .set(reference::REPO, text(repo_name))
                .set(reference::NAME, text(name))
                .set(reference::SHA, text(oid.to_string()));
            call.transaction.put(REFS, draft);
        }
        None => call.transaction.remove(REFS, &ref_of(repo_name, name)),
    }
    let pushed = Pushed {
        repo: repo_name.to_owned(),
        name: name.to_owned(),
        before,
        after,
    };
    for follower in FOLLOWERS {
        follower(call, &pushed);
    }
}

/// Makes a ref of a fork as the repository it comes from has it: nobody pushed.
pub(super) fn copy(call: &mut Call<'_>, repo_name: &str, name: &str, at: Oid) {
    let mut draft = Draft::empty(3);
    draft
        .set(reference::REPO, text(repo_name))
        .set(reference::NAME, text(name))
        .set(reference::SHA, text(at.to_string()));
    call.transaction.put(REFS, draft);
}

/// Moves a branch that should be at `before`: what was computed from it must still hold.
pub(super) fn move_branch(
    call: &mut Call<'_>,
    repo_name: &str,
    branch_name: &str,
    before: Oid,
    after: Oid,
) -> Result<(), Refusal> {
    if branch(call.root(), repo_name, branch_name) != Some(before) {
        let message = "Base branch was modified. Review and try the merge again.";
        return Err(Refusal::new(405, message));
    }
    set(
        call,
        repo_name,
        &format!("{HEADS}{branch_name}"),
        Some(after),
    );
    Ok(())
}

/// Moves an existing ref by the rules: a branch only forward, unless by force.
pub(super) fn update(
    call: &mut Call<'_>,
    repo_name: &str,
    name: &str,
    after: Oid,
    force: bool,
) -> Result<(), Refusal> {
    let root = call.root();
    let before = get(root, repo_name, name);
    let before = before.ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    points(root, repo_name, name, &after)?;
    let forward = name.starts_with(HEADS) && root.objects().is_ancestor(&before, &after);
    if !force && !forward && before != after {
        return Err(Refusal::new(422, "Update is not a fast forward"));
    }
    set(call, repo_name, name, Some(after));
    Ok(())
}

/// Makes a ref that must not be there yet.
pub(super) fn create(
    call: &mut Call<'_>,
    repo_name: &str,
    name: &str,
    at: Oid,
) -> Result<(), Refusal> {
    if !well_formed(name) {
        let message = format!("{name} is not a valid ref name.");
        return Err(Refusal::new(422, message));
    }
    points(call.root(), repo_name, name, &at)?;
    if get(call.root(), repo_name, name).is_some() {
        return Err(Refusal::new(422, "Reference already exists"));
    }
    let clash = below(call.root(), repo_name, "refs/").any(|(other, _)| {
        let is_below =
            |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
        is_below(other, name) || is_below(name, other)
    });
    if clash {
        return Err(Refusal::new(422, "Reference update failed"));
    }
    set(call, repo_name, name, Some(at));
    Ok(())
}

/// A branch stands for a commit; another ref for any object.
fn points(root: &Root, repo_name: &str, name: &str, oid: &Oid) -> Result<(), Refusal> {
    match object(root, repo_name, oid) {
        None => Err(Refusal::new(422, "Object does not exist")),
        Some(Kind::Commit) => Ok(()),
        Some(_) if name.starts_with(HEADS) => Err(Refusal::new(422, "Reference update failed")),
        Some(_) => Ok(()),
    }
}

/// The answer where git could not do its part.
pub(super) fn failed(failure: &GitFailure) -> Refusal {
    let mut refusal = Refusal::new(501, failure.to_string());
    refusal
        .headers
        .push(("x-clone-unmodelled", "git".to_owned()));
    refusal
}

/// Writes down at the repository that it was pushed to; the first branch is the default one.
fn touch_repo(call: &mut Call<'_>, pushed: &Pushed) {
    let Some(row) = call.root().named(REPOS, &pushed.repo).cloned() else {
        return;
    };
    let mut draft = row.draft();
    draft
        .set(repo::PUSHED_AT, ViewValue::Time(call.now))
        .set(repo::UPDATED_AT, ViewValue::Time(call.now));
    if let (Some(branch_name), Some(_)) = (pushed.branch(), pushed.after)
        && branch(call.root(), &pushed.repo, row.text(repo::DEFAULT_BRANCH)).is_none()
        && branches(call.root(), &pushed.repo).count() == 1
    {
        draft.set(repo::DEFAULT_BRANCH, text(branch_name));
    }
    call.transaction.replace(REPOS, &row, draft);
}

/// Finds the object of a ref that a seed has.
pub(super) fn complete(cx: &mut Completing<'_>, draft: &mut Draft) {
    let repo_name = draft.text(reference::REPO).to_owned();
    let name = draft.text(reference::NAME).to_owned();
    let asked = draft.text(reference::SHA).to_owned();
    if !well_formed(&name) {
        let problem = format!("{name:?} is no full name of a ref, such as refs/heads/main");
        cx.diagnostics.push(Diagnostic::error("seed/ref", problem));
    }
    let root = cx.transaction.root();
    let known = asked.parse().ok().filter(|oid| root.objects().has(oid));
    match known.or_else(|| resolve(root, &repo_name, &asked)) {
        Some(oid) => {
            draft.set(reference::SHA, text(oid.to_string()));
        }
        // Commits that a trace or a written state shows by their ids alone: what is in them is not
        // known, and whoever asks for it is told so.
        None if asked.parse::<Oid>().is_ok() => {}
        None => {
            let problem = format!("{asked:?} is no branch, tag or commit of {repo_name}");
            cx.diagnostics
                .push(Diagnostic::error("seed/dangling", problem));
        }
    }
}

/// Makes a ref of a seed, beside its rows.
pub(super) fn seed(cx: &mut Completing<'_>, repo_name: &str, name: &str, at: &Oid) {
    let mut draft = Draft::empty(3);
    draft
        .set(reference::REPO, text(repo_name))
        .set(reference::NAME, text(name))
        .set(reference::SHA, text(at.to_string()));
    cx.transaction.put(REFS, draft);
}

/// `{"ref": …, "object": {…}}` is written where it is asked for; lists of other things show a
/// ref by its name and object.
pub(super) fn render(_: &Root, row: &Row, writer: &mut Writer) {
    writer.raw("{").key("ref").text(row.text(reference::NAME));
    writer.key("sha").text(row.text(reference::SHA)).raw("}");
}
