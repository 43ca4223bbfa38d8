//! What the store promises, checked with the git command itself.

use std::path::Path;
use std::process::Command;

use archal_core::clone::Stamp;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::disk::bare;
use super::program::{git, run};
use super::{
    Commit, DEEPEST, Kind, MOST_ENTRIES, Merged, Mode, Objects, Oid, PathChange, Signature, Tag,
    TreeEntry,
};
use crate::engine::times::KnownTimes;

fn base() -> Timestamp {
    "2026-01-10T12:00:00Z".parse().expect("valid")
}

fn store() -> Objects {
    Objects::new(base())
}

fn put(objects: &Objects, content: &str) -> PathChange {
    PathChange::Put {
        mode: Mode::File,
        oid: objects.put_blob(content.to_owned()),
    }
}

/// A tree of files.
fn tree(objects: &Objects, files: &[(&str, &str)]) -> Oid {
    let changes: Vec<(String, PathChange)> = files
        .iter()
        .map(|(path, content)| ((*path).to_owned(), put(objects, content)))
        .collect();
    objects.write_paths(None, &changes)
}

/// A commit of a tree, so many minutes after the base.
fn commit(objects: &Objects, tree: Oid, parents: &[Oid], minutes: i64) -> Oid {
    let who = Signature::new("Mona", "mona@example.com", at(minutes));
    objects.put_commit(&Commit {
        tree,
        parents: parents.to_vec(),
        author: who.clone(),
        committer: who,
        message: format!("At {minutes}\n"),
        signature: None,
    })
}

fn at(minutes: i64) -> Timestamp {
    base() + SignedDuration::from_mins(minutes)
}

fn asked(folder: &Path, arguments: &[&str]) -> String {
    let (_, out) = run(folder, arguments, &[0]).expect("git answers");
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn objects_are_what_git_says_they_are() {
    let objects = store();
    let first = tree(&objects, &[("a.txt", "a\n"), ("src/lib.rs", "//! Lib.\n")]);
    let commit = commit(&objects, first, &[], 0);
    let tag = objects.put_tag(&Tag {
        object: commit,
        kind: Kind::Commit,
        name: "v1".to_owned(),
        tagger: Some(Signature::new("Mona", "mona@example.com", base())),
        message: "One\n".to_owned(),
        signature: None,
    });
    let folder = objects.on_disk().expect("written");
    assert_eq!(
        asked(&folder, &["fsck", "--strict"]),
        format!("dangling tag {tag}\n")
    );
    let shown = asked(&folder, &["cat-file", "-p", &tag.to_string()]);
    insta::assert_snapshot!(shown, @r"
    object 4fb3cbf676ddb78229a9b3f7895caf78c41722b6
    type commit
    tag v1
    tagger Mona <mona@example.com> 1768046400 +0000

    One
    ");
    assert_eq!(objects.peel_to_commit(&tag), Some(commit));
    assert_eq!(objects.beginning_with(&commit.short(7)), Some(commit));
    assert_eq!(objects.beginning_with(""), None);
}

#[test]
fn folders_come_and_go_with_what_is_in_them() {
    let objects = store();
    let first = tree(&objects, &[("a", "a"), ("b/c/d", "d"), ("b/e", "e")]);
    let paths = |tree: &Oid| -> Vec<String> {
        let entries = objects.walk(tree);
        entries.into_iter().map(|(path, _)| path).collect()
    };
    assert_eq!(paths(&first), ["a", "b", "b/c", "b/c/d", "b/e"]);
    let gone = objects.write_paths(Some(&first), &[("b/c/d".to_owned(), PathChange::Remove)]);
    assert_eq!(paths(&gone), ["a", "b", "b/e"]);
    let file = objects.write_paths(Some(&gone), &[("b".to_owned(), put(&objects, "file"))]);
    assert_eq!(paths(&file), ["a", "b"]);
    let below = objects.write_paths(Some(&file), &[("a/x".to_owned(), PathChange::Remove)]);
    assert_eq!(below, file);
    let empty = objects.write_paths(
        Some(&file),
        &[
            ("a".to_owned(), PathChange::Remove),
            ("b".to_owned(), PathChange::Remove),
        ],
    );
    assert_eq!(
        empty.to_string(),
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    );
    assert_eq!(
        objects.entry_at(&first, "b/c").map(|entry| entry.mode),
        Some(Mode::Tree)
    );
    assert_eq!(objects.entry_at(&first, "a/c"), None);
}

/// Two histories that left one another after the first commit.
fn fork(objects: &Objects) -> [Oid; 4] {
    let root = commit(
        objects,
        tree(objects, &[("a", "1\n"), ("b", "1\n")]),
        &[],
        0,
    );
    let ours = commit(
        objects,
        tree(objects, &[("a", "2\n"), ("b", "1\n")]),
        &[root],
        1,
    );
    let theirs = commit(
        objects,
        tree(objects, &[("a", "1\n"), ("b", "3\n")]),
        &[root],
        2,
    );
    let clash = commit(
        objects,
        tree(objects, &[("a", "4\n"), ("b", "1\n")]),
        &[root],
        3,
    );
    [root, ours, theirs, clash]
}

#[test]
fn ancestry_is_what_git_says_it_is() {
    let objects = store();
    let [root, ours, theirs, _] = fork(&objects);
    let merged = commit(
        &objects,
        tree(&objects, &[("a", "2\n")]),
        &[ours, theirs],
        4,
    );
    let log: Vec<Oid> = objects.log(&merged).map(|(oid, _)| oid).collect();
    assert_eq!(log, [merged, theirs, ours, root]);
    assert_eq!(objects.merge_base(&ours, &theirs), Some(root));
    assert_eq!(objects.merge_base(&merged, &theirs), Some(theirs));
    assert_eq!(objects.ahead_behind(&ours, &merged), (2, 0));
    assert_eq!(objects.ahead_behind(&theirs, &ours), (1, 1));
    assert!(objects.is_ancestor(&root, &merged) && !objects.is_ancestor(&merged, &root));
    let changes: Vec<Oid> = objects
        .changes_of(&merged, "b")
        .map(|(oid, _)| oid)
        .collect();
    let folder = objects.on_disk().expect("written");
    let said = asked(
        &folder,
        &["log", "--format=%H", &merged.to_string(), "--", "b"],
    );
    let said: Vec<Oid> = said
        .lines()
        .map(|line| line.parse().expect("an id"))
        .collect();
    assert_eq!(changes, said);
}

#[test]
fn merges_are_gits() {
    let objects = store();
    let [root, ours, theirs, clash] = fork(&objects);
    let both = tree(&objects, &[("a", "2\n"), ("b", "3\n")]);
    assert_eq!(
        objects.merge(&ours, &theirs).expect("merged"),
        Merged::Clean(both)
    );
    let conflict = Merged::Conflict(vec!["a".to_owned()]);
    assert_eq!(objects.merge(&ours, &clash).expect("merged"), conflict);
    let ahead = objects.commit(&ours).expect("there").tree;
    assert_eq!(
        objects.merge(&root, &ours).expect("merged"),
        Merged::Clean(ahead)
    );
    let tree_of = |oid: &Oid| objects.commit(oid).expect("there").tree;
    let picked = objects.merge_trees(&tree_of(&root), &tree_of(&ours), &tree_of(&theirs));
    assert_eq!(picked.expect("merged"), Merged::Clean(both));
}

#[test]
fn ids_that_follow_the_clock_are_the_same_in_evidence_at_any_time() {
    let evidence = |base: Timestamp| {
        let objects = Objects::new(base);
        let mut times = KnownTimes::default();
        let seeded = base - SignedDuration::from_hours(48);
        times.insert(Stamp {
            at: seeded,
            by_call: false,
        });
        let who = |at| Signature::new("Mona", "mona@example.com", at);
        let write = |tree, parents: &[Oid], at| {
            objects.put_commit(&Commit {
                tree,
                parents: parents.to_vec(),
                author: who(at),
                committer: who(at),
                message: "M".to_owned(),
                signature: None,
            })
        };
        let empty = objects.empty_tree();
        let first = write(empty, &[], seeded);
        let second = write(
            empty,
            &[first],
            base + SignedDuration::from_mins(base.as_second() % 7),
        );
        let own = write(empty, &[], Timestamp::UNIX_EPOCH);
        let short = objects.short(&second, 7);
        let coded = base64::Engine::encode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            [&[0x92, 0, 0xd9, 40], second.to_string().as_bytes()].concat(),
        );
        let text = format!("{second} {first} {empty}/{own} {short} C_{coded}");
        (
            text.clone(),
            objects.rewrite(&text, &times).expect("rewritten"),
            own,
            empty,
        )
    };
    let (wire, said, own, empty) = evidence(base());
    let (later_wire, later, ..) = evidence(at(1_234_567));
    assert_eq!(said, later);
    assert_ne!(wire, later_wire);
    assert_ne!(wire, said);
    assert!(said.contains(&format!("{empty}/{own}")), "{said}");
}

fn lines() -> impl Strategy<Value = String> {
    prop::collection::btree_set(0..60, 0..50).prop_map(|numbers| {
        let line = |number: i32| match number % 7 {
            0 => format!("fn f{number}() {{\n"),
            1 => format!("    let a = {number};\n"),
            _ => format!("\tline {number}\n"),
        };
        let mut text: String = numbers.iter().copied().map(line).collect();
        if numbers.contains(&7) {
            text.pop();
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_put_is_what_one_gets(contents in prop::collection::vec(".{0,60}", 1..6)) {
        let objects = store();
        for content in &contents {
            let oid = objects.put_blob(content.clone());
            prop_assert_eq!(objects.get(&oid), Some((Kind::Blob, content.clone().into())));
            prop_assert_eq!(oid.to_string().parse(), Ok(oid));
        }
    }

    #[test]
    fn patches_are_those_of_git_diff(before in lines(), after in lines()) {
        let objects = store();
        let old = tree(&objects, &[("a", &before)]);
        let new = tree(&objects, &[("a", &after)]);
        let said = objects.unified_diff(&old, &new).expect("git answers");
        let hunks = said.find("@@ ").map(|at| said[at..].strip_suffix('\n').unwrap_or(&said[at..]).to_owned());
        let patch = objects.diff(&old, &new).first().and_then(|change| change.patch.clone());
        prop_assert_eq!(patch, hunks);
    }
}

#[test]
fn a_store_of_git_is_read_back() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    bare(elsewhere.path()).expect("a repository");
    let objects = store();
    let ours = objects.put_blob("ours");
    let folder = objects.on_disk().expect("written");
    let mut hash: Command = git(&folder);
    let file = elsewhere.path().join("theirs");
    std::fs::write(&file, "theirs").expect("written");
    let out = hash
        .args(["hash-object", "-w"])
        .arg(&file)
        .output()
        .expect("git runs");
    let theirs: Oid = String::from_utf8_lossy(&out.stdout)
        .trim()
        .parse()
        .expect("an id");
    assert!(!objects.has(&theirs));
    objects.received();
    assert_eq!(objects.blob(&theirs).as_deref(), Some(b"theirs".as_slice()));
    assert_eq!(objects.beginning_with(&theirs.short(8)), Some(theirs));
    assert!(objects.has(&ours) && !objects.has(&Oid::ZERO));
}

/// Folders in one another, each `width` times in the one above, with a file in the innermost.
fn nested(objects: &Objects, depth: usize, width: usize) -> Oid {
    let mut at = tree(objects, &[("file", "content")]);
    for _ in 0..depth {
        let entries: Vec<TreeEntry> = (0..width)
            .map(|number| TreeEntry {
                mode: Mode::Tree,
                name: format!("d{number}"),
                oid: at,
            })
            .collect();
        at = objects.put_tree(&entries);
    }
    at
}

#[test]
fn trees_that_have_no_end_are_walked_and_compared_in_part() {
    let objects = Objects::new(base());
    for (depth, width, entries) in [(20_000, 1, DEEPEST), (40, 10, MOST_ENTRIES)] {
        let endless = nested(&objects, depth, width);
        let (walked, whole) = objects.walk_whole(&endless);
        assert_eq!((walked.len(), whole), (entries, false));
        let empty = objects.empty_tree();
        assert!(objects.diff(&empty, &endless).len() <= MOST_ENTRIES);
        // What is said of its id needs no stack either.
        objects.alias(&endless, &KnownTimes::default());
    }
    let (walked, whole) = objects.walk_whole(&nested(&objects, 10, 1));
    assert_eq!((walked.len(), whole), (11, true));
}

#[test]
fn an_unknown_id_is_not_remembered() {
    let objects = Objects::new(base());
    let unknown = Oid::of(Kind::Blob, b"somewhere else");
    let module = TreeEntry {
        mode: Mode::Submodule,
        name: "module".to_owned(),
        oid: unknown,
    };
    let with_module = objects.put_tree(&[module]);
    for oid in [unknown, with_module] {
        assert_eq!(objects.alias(&oid, &KnownTimes::default()), oid);
    }
    let names = objects.save_names().to_string();
    assert!(!names.contains(&unknown.to_string()), "{names}");
}
