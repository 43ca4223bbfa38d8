//! Three-way merges, by `git merge-tree`.

use super::object::{Commit, Signature};
use super::objects::Objects;
use super::oid::Oid;
use super::program::{GitFailure, run};

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Merged {
    /// The merged tree.
    Clean(Oid),
    /// The paths that conflict, sorted.
    Conflict(Vec<String>),
}

impl Objects {
    /// The tree that merging two commits makes; nothing is committed. Commits without common
    /// ancestor conflict everywhere, that is, in no path.
    pub(crate) fn merge(&self, ours: &Oid, theirs: &Oid) -> Result<Merged, GitFailure> {
        let tree_of = |oid: &Oid| self.commit(oid).map(|commit| commit.tree);
        match self.merge_base(ours, theirs) {
            None => return Ok(Merged::Conflict(Vec::new())),
            Some(base) if base == *theirs => {
                if let Some(tree) = tree_of(ours) {
                    return Ok(Merged::Clean(tree));
                }
            }
            Some(base) if base == *ours => {
                if let Some(tree) = tree_of(theirs) {
                    return Ok(Merged::Clean(tree));
                }
            }
            Some(_) => {}
        }
        let folder = self.on_disk()?;
        let arguments = [
            "merge-tree".to_owned(),
            "--write-tree".to_owned(),
            "--name-only".to_owned(),
            "--no-messages".to_owned(),
            "-z".to_owned(),
            ours.to_string(),
            theirs.to_string(),
        ];
        let (code, out) = run(&folder, &arguments, &[0, 1])?;
        self.received();
        let out = String::from_utf8_lossy(&out);
        let mut parts = out.split('\0').filter(|part| !part.is_empty());
        let tree = parts.next().and_then(|oid| oid.trim().parse().ok());
        let Some(tree) = tree else {
            return Err(GitFailure::Failed {
                what: "merge-tree".to_owned(),
                stderr: "it named no tree".to_owned(),
            });
        };
        if code == 0 {
            return Ok(Merged::Clean(tree));
        }
        let mut paths: Vec<String> = parts.map(str::to_owned).collect();
        paths.sort_unstable();
        paths.dedup();
        Ok(Merged::Conflict(paths))
    }

    /// The tree that applying the change from tree `base` to tree `theirs` to tree `ours` makes:
    /// a commit picked onto another, or reverted.
    pub(crate) fn merge_trees(
        &self,
        base: &Oid,
        ours: &Oid,
        theirs: &Oid,
    ) -> Result<Merged, GitFailure> {
        if base == ours || ours == theirs {
            return Ok(Merged::Clean(*theirs));
        }
        if base == theirs {
            return Ok(Merged::Clean(*ours));
        }
        // `merge-tree` takes commits before git 2.40, so these stand for the three trees.
        let nobody = Signature {
            name: "archal".to_owned(),
            email: "archal@localhost".to_owned(),
            seconds: 0,
            offset: 0,
        };
        let commit = |tree: &Oid, parents: Vec<Oid>| {
            self.put_commit(&Commit {
                tree: *tree,
                parents,
                author: nobody.clone(),
                committer: nobody.clone(),
                message: String::new(),
                signature: None,
            })
        };
        let base = commit(base, Vec::new());
        self.merge(&commit(ours, vec![base]), &commit(theirs, vec![base]))
    }
}
