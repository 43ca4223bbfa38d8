//! What names of refs stand for, and which are taken.

use std::sync::Arc;

use jiff::Timestamp;

use super::check::base;
use super::refs::{self, branches, named, resolve, well_formed};
use super::tables::{REFS, ref_of};
use super::{PACK, complete};
use crate::engine::git::{Commit, Oid, Signature};
use crate::engine::pack::Completing;
use crate::engine::root::Root;
use crate::engine::seed;
use crate::engine::transaction::Transaction;

const REPO: &str = "acme/webapp";

fn commit(root: &Root, message: &str, parents: &[Oid], at: Timestamp) -> Oid {
    let objects = root.objects();
    let who = Signature::new("Mona", "mona@example.com", at);
    objects.put_commit(&Commit {
        tree: objects.empty_tree(),
        parents: parents.to_vec(),
        author: who.clone(),
        committer: who,
        message: message.to_owned(),
        signature: None,
    })
}

/// A repository with two commits on `main`, and a branch and a tag at the first.
fn opened() -> (Arc<Root>, Oid, Oid) {
    let document = serde_json::json!({
        "users": [{"login": "acme"}],
        "repos": [{"full_name": REPO}, {"full_name": "acme/other"}],
    });
    let root = Arc::new(seed::load(&PACK, &document, base(), 7).expect("a seed"));
    let first = commit(&root, "One", &[], base());
    let second = commit(&root, "Two", &[first], base());
    let mut transaction = Transaction::begin(&root);
    let mut cx = Completing {
        transaction: &mut transaction,
        diagnostics: &mut Vec::new(),
        actor: "",
        spent: false,
    };
    for (name, at) in [
        ("refs/heads/main", second),
        ("refs/heads/feature/x", first),
        ("refs/tags/v1", first),
    ] {
        refs::seed(&mut cx, REPO, name, &at);
    }
    (transaction.commit().0, first, second)
}

#[test]
fn names_stand_for_commits() {
    let (root, first, second) = opened();
    for (name, commit) in [
        ("HEAD", second),
        ("main", second),
        ("heads/main", second),
        ("refs/heads/main", second),
        ("feature/x", first),
        ("v1", first),
        ("tags/v1", first),
    ] {
        assert_eq!(resolve(&root, REPO, name), Some(commit), "{name}");
    }
    assert_eq!(resolve(&root, REPO, &first.to_string()), Some(first));
    assert_eq!(resolve(&root, REPO, &second.short(7)), Some(second));
    assert_eq!(resolve(&root, REPO, &second.short(3)), None);
    assert_eq!(resolve(&root, REPO, "nothing"), None);
    assert_eq!(resolve(&root, "ACME/WebApp", "main"), Some(second));
    // What only another repository has is not found in this one.
    assert_eq!(resolve(&root, "acme/other", &first.to_string()), None);
    assert_eq!(
        named(&root, REPO, "v1"),
        Some(("refs/tags/v1".to_owned(), first))
    );
    let names: Vec<&str> = branches(&root, REPO).map(|(name, _)| name).collect();
    assert_eq!(names, ["feature/x", "main"]);
    assert_eq!(
        refs::branches_at(&root, REPO, &second.to_string()),
        ["main"]
    );
}

#[test]
fn a_seed_names_the_object_of_a_ref_by_any_name() {
    let (root, first, _) = opened();
    let mut transaction = Transaction::begin(&root);
    let mut diagnostics = Vec::new();
    let mut complete = |name: &str, sha: &str| {
        let row = root
            .get(REFS, &ref_of(REPO, "refs/heads/main"))
            .expect("main");
        let mut draft = row.draft();
        draft
            .set(
                super::tables::reference::NAME,
                crate::engine::row::text(name),
            )
            .set(super::tables::reference::SHA, crate::engine::row::text(sha));
        let mut cx = Completing {
            transaction: &mut transaction,
            diagnostics: &mut diagnostics,
            actor: "",
            spent: false,
        };
        complete::complete(&mut cx, REFS, &mut draft);
        draft.text(super::tables::reference::SHA).to_owned()
    };
    assert_eq!(complete("refs/heads/copy", "v1"), first.to_string());
    complete("refs/heads/copy", "nothing");
    complete("heads/copy", "v1");
    let problems: Vec<&str> = diagnostics.iter().map(|one| one.code.as_ref()).collect();
    assert_eq!(problems, ["seed/dangling", "seed/ref"]);
}

#[test]
fn names_that_git_or_github_refuse_are_refused() {
    for name in [
        "refs/heads/main",
        "refs/heads/a/b-c_d.e",
        "refs/tags/v1.0",
        "refs/heads/ä",
    ] {
        assert!(well_formed(name), "{name}");
    }
    let id = format!("refs/heads/{}", "a".repeat(40));
    let long = format!("refs/heads/{}", "a".repeat(250));
    for name in [
        "main",
        "refs/main",
        "refs/heads/",
        "refs/heads/a..b",
        "refs/heads/../../etc",
        "refs/heads/.a",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/a b",
        "refs/heads/a~1",
        "refs/heads/a\n",
        "refs/heads/a//b",
        "refs/heads/@",
        "refs/heads/a@{1}",
        "refs/heads/-x",
        "refs/heads/a\\b",
        "refs/heads/a.",
        "refs/heads/HEAD",
        &id,
        &long,
    ] {
        assert!(!well_formed(name), "{name}");
    }
}
