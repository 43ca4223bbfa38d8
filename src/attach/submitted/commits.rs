//! When a commit is run: once HEAD stays where it is, and never for what archal committed itself.

use std::time::Duration;

use crate::git::command::Head;

/// How long HEAD must stay where it is: a rebase or a series of commits is one change.
pub const DEBOUNCE: Duration = Duration::from_secs(3);
/// The branches of proven fixes.
const OWN_BRANCHES: &str = "archal/";

/// What was seen of HEAD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commits {
    /// The commit that was run last, or that was there before anything was to be run.
    settled: Option<String>,
    /// Another one that HEAD is on, and since when.
    moved: Option<(String, Duration)>,
}

impl Commits {
    /// Begins with the commit that a watcher before this one settled.
    pub fn after(settled: Option<String>) -> Self {
        Self {
            settled,
            moved: None,
        }
    }

    /// The commit that needs nothing more.
    pub fn settled(&self) -> Option<&str> {
        self.settled.as_deref()
    }

    /// Whether something is to be looked at again though HEAD does not move.
    pub fn is_moving(&self) -> bool {
        self.moved.is_some() || self.settled.is_none()
    }

    /// Takes where HEAD is at `now`; gives the commit that is to be run, each once.
    pub fn look(&mut self, head: &Head, now: Duration) -> Option<String> {
        let commit = &head.commit;
        let Some(settled) = &self.settled else {
            // What is there already when this begins is no new commit.
            self.settled = Some(commit.clone());
            return None;
        };
        let Some(branch) = head.branch.as_deref() else {
            // In the midst of a rebase or a bisection, or only looking around.
            self.moved = None;
            return None;
        };
        if settled == commit {
            self.moved = None;
            return None;
        }
        if head.trailer.is_some() || branch.starts_with(OWN_BRANCHES) {
            self.settled = Some(commit.clone());
            self.moved = None;
            return None;
        }
        match &self.moved {
            Some((moved, since)) if moved == commit => {
                if now.saturating_sub(*since) < DEBOUNCE {
                    return None;
                }
                self.moved = None;
                self.settled = Some(commit.clone());
                Some(commit.clone())
            }
            _ => {
                self.moved = Some((commit.clone(), now));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(commit: &str, branch: Option<&str>) -> Head {
        Head {
            commit: commit.to_owned(),
            branch: branch.map(str::to_owned),
            trailer: None,
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What is run when HEAD is seen at these commits in these seconds.
    fn run(commits: &mut Commits, seen: &[(&str, u64)]) -> Vec<(String, u64)> {
        let looks = seen.iter().filter_map(|(commit, at)| {
            let found = commits.look(&on(commit, Some("main")), seconds(*at))?;
            Some((found, *at))
        });
        looks.collect()
    }

    #[test]
    fn the_newest_commit_is_run_once_when_head_stays() {
        let mut commits = Commits::default();
        assert!(commits.is_moving());
        // The one that is there is not new, however long it stays.
        assert_eq!(run(&mut commits, &[("a", 0), ("a", 9)]), []);
        assert!(!commits.is_moving());
        let seen = [
            ("b", 10),
            ("b", 12),
            ("c", 12),
            ("c", 14),
            ("c", 15),
            ("c", 30),
        ];
        assert_eq!(run(&mut commits, &seen), [("c".to_owned(), 15)]);
        assert_eq!(commits.settled(), Some("c"));
        // Back before it had stayed: nothing new is there.
        assert_eq!(run(&mut commits, &[("d", 40), ("c", 41), ("c", 50)]), []);
        // The time in which it was away does not count.
        let again = [("d", 51), ("c", 52), ("d", 53), ("d", 55), ("d", 56)];
        assert_eq!(run(&mut commits, &again), [("d".to_owned(), 56)]);
    }

    #[test]
    fn a_commit_that_came_while_nobody_watched_is_new() {
        let mut commits = Commits::after(Some("a".to_owned()));
        assert_eq!(
            run(&mut commits, &[("b", 0), ("b", 3)]),
            [("b".to_owned(), 3)]
        );
    }

    #[test]
    fn nothing_is_run_for_what_archal_committed_or_for_no_branch() {
        let mut commits = Commits::after(Some("a".to_owned()));
        let own = Head {
            trailer: Some("close-stale-1".to_owned()),
            ..on("b", Some("main"))
        };
        for head in [own, on("c", Some("archal/close-stale-1")), on("d", None)] {
            assert_eq!(commits.look(&head, seconds(0)), None);
            assert_eq!(commits.look(&head, seconds(10)), None, "{head:?}");
        }
        // A detached HEAD settles nothing: the same commit on a branch is new.
        let branch = on("d", Some("archal-notes"));
        assert_eq!(commits.look(&branch, seconds(20)), None);
        assert_eq!(commits.look(&branch, seconds(23)), Some("d".to_owned()));
    }
}
