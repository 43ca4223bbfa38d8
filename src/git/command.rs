//! One git command: its environment, its output, its failure.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// The oldest git that has `merge-tree --write-tree`.
pub const OLDEST: (u32, u32) = (2, 38);

/// Between two looks at a command that may be stopped.
const LOOK: Duration = Duration::from_millis(10);

/// Why a git command gave no result.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// git could not be started.
    #[error("cannot run git in {}", directory.display())]
    Start {
        /// Where it should have run.
        directory: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// git ended with a failure.
    #[error("git {arguments} failed in {}: {stderr}", directory.display())]
    Failed {
        /// Where it ran.
        directory: PathBuf,
        /// Its arguments.
        arguments: String,
        /// The last lines it wrote.
        stderr: String,
    },
    /// It was to stop.
    #[error("git {arguments} was stopped in {}", directory.display())]
    Stopped {
        /// Where it ran.
        directory: PathBuf,
        /// Its arguments.
        arguments: String,
    },
    /// A file for git could not be written.
    #[error(transparent)]
    Write(#[from] crate::store::atomic::WriteError),
    /// A file of the workspace could not be written or removed.
    #[error("cannot write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// A git command in a folder.
#[derive(Debug)]
pub struct Git {
    command: Command,
    directory: PathBuf,
    arguments: Vec<String>,
}

impl Git {
    /// A command that will run in `directory` and find git in `path`.
    pub fn new(directory: &Path, path: &str) -> Self {
        let mut command = Command::new("git");
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", path)
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .args(["-c", "safe.directory=*"])
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(["-c", "core.fsmonitor=false"])
            .args(["-c", "protocol.ext.allow=never"])
            .stdin(Stdio::null());
        Self {
            command,
            directory: directory.to_owned(),
            arguments: Vec::new(),
        }
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.arguments
            .push(argument.as_ref().to_string_lossy().into_owned());
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&mut self, arguments: I) -> &mut Self {
        for argument in arguments {
            self.arg(argument);
        }
        self
    }

    /// Sets a variable.
    pub fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    /// Sets variables.
    pub fn envs(&mut self, variables: &[(String, String)]) -> &mut Self {
        for (name, value) in variables {
            self.env(name, value);
        }
        self
    }

    /// Runs it and gives its stdout.
    pub fn output(&mut self) -> Result<Vec<u8>, GitError> {
        let output = self.command.output();
        self.ended(output)
    }

    /// The same for a command that may take long: it is ended, with all that it started, as soon
    /// as `is_stopped` says so.
    pub fn output_unless(&mut self, is_stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, GitError> {
        let stopped = || GitError::Stopped {
            directory: self.directory.clone(),
            arguments: self.arguments.join(" "),
        };
        if is_stopped() {
            return Err(stopped());
        }
        let child = self
            .command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => return self.ended(Err(error)),
        };
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let output = thread::scope(|scope| {
            let out = scope.spawn(|| all_of(out));
            let err = scope.spawn(|| all_of(err));
            let status = loop {
                match child.try_wait() {
                    Ok(None) if is_stopped() => {
                        if let Some(group) = group {
                            // Gone already is as good.
                            kill_process_group(group, Signal::KILL).ok();
                        }
                        break child.wait().map(|_| None);
                    }
                    Ok(None) => thread::sleep(LOOK),
                    status => break status,
                }
            };
            let read =
                |pipe: thread::ScopedJoinHandle<'_, Vec<u8>>| pipe.join().unwrap_or_default();
            let (stdout, stderr) = (read(out), read(err));
            status.map(|status| {
                status.map(|status| Output {
                    status,
                    stdout,
                    stderr,
                })
            })
        });
        match output {
            Ok(None) => Err(stopped()),
            Ok(Some(output)) => self.ended(Ok(output)),
            Err(error) => self.ended(Err(error)),
        }
    }

    /// The same for a command that may print more than is of use: none where that is more than `most` bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be started or fails.
    pub fn output_within(&mut self, most: u64) -> Result<Option<Vec<u8>>, GitError> {
        let child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => return self.ended(Err(error)).map(Some),
        };
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = thread::scope(|scope| {
            let err = scope.spawn(|| all_of(err));
            let stdout = all_of(out.map(|out| out.take(most.saturating_add(1))));
            if stdout.len() as u64 > most {
                // Ended already is as good.
                child.kill().ok();
            }
            (stdout, err.join().unwrap_or_default())
        });
        let output = child.wait().map(|status| Output {
            status,
            stdout,
            stderr,
        });
        if output
            .as_ref()
            .is_ok_and(|output| output.stdout.len() as u64 > most)
        {
            return Ok(None);
        }
        self.ended(output).map(Some)
    }

    fn ended(&self, output: io::Result<Output>) -> Result<Vec<u8>, GitError> {
        let output = output.map_err(|source| GitError::Start {
            directory: self.directory.clone(),
            source,
        })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(GitError::Failed {
            directory: self.directory.clone(),
            arguments: self.arguments.join(" "),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// Runs it and gives its stdout as one trimmed line of text.
    pub fn line(&mut self) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.output()?).trim().to_owned())
    }
}

fn all_of(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read before an error is what there is.
        pipe.read_to_end(&mut bytes).ok();
    }
    bytes
}

/// The commit that HEAD of the repository at `repo` names.
pub fn head(repo: &Path, path: &str) -> Result<String, GitError> {
    Git::new(repo, path)
        .args(["rev-parse", "--verify", "HEAD^{commit}"])
        .line()
}

/// Where HEAD is, and whose commit that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: String,
    /// The branch that is checked out, by its short name; none where HEAD is detached.
    pub branch: Option<String>,
    /// What the trailer of that name says in the commit's message; none where it has no such.
    pub trailer: Option<String>,
}

impl Head {
    /// Asks git, and looks for `trailer`.
    ///
    /// # Errors
    ///
    /// When git refuses, as it does where there is no commit.
    pub fn of(repo: &Path, path: &str, trailer: &str) -> Result<Self, GitError> {
        let format = format!("--format=%H%x00%D%x00%(trailers:key={trailer},valueonly)");
        let said = Git::new(repo, path)
            .args(["log", "-1", "--no-show-signature", "--decorate=full"])
            .arg(format)
            .line()?;
        let mut parts = said.split('\0');
        let mut part = || parts.next().unwrap_or_default().trim();
        let (commit, names, trailer) = (part(), part(), part());
        let branch = names
            .split(", ")
            .find_map(|name| name.strip_prefix("HEAD -> refs/heads/"));
        Ok(Self {
            commit: commit.to_owned(),
            branch: branch.map(str::to_owned),
            trailer: Some(trailer)
                .filter(|trailer| !trailer.is_empty())
                .map(str::to_owned),
        })
    }
}

/// The top folder of the repository that holds `folder`, without links.
pub fn top(folder: &Path, path: &str) -> Result<PathBuf, GitError> {
    let top = Git::new(folder, path)
        .args(["rev-parse", "--show-toplevel"])
        .line()?;
    Ok(PathBuf::from(top))
}

/// The git directory that all checkouts of a repository share.
///
/// # Errors
///
/// When git does not answer.
pub fn common_folder(repo: &Path, path: &str) -> Result<PathBuf, GitError> {
    let common = Git::new(repo, path)
        .args(["rev-parse", "--path-format=absolute", "--git-common-dir"])
        .line()?;
    Ok(PathBuf::from(common))
}

/// Tracked files of the repository at `repo` that differ from HEAD, as `M path`.
pub fn changed_tracked_files(repo: &Path, path: &str) -> Result<Vec<String>, GitError> {
    let text = Git::new(repo, path)
        .args(["status", "--porcelain", "--untracked-files=no"])
        .output()?;
    Ok(String::from_utf8_lossy(&text)
        .lines()
        .map(|line| line.trim().to_owned())
        .collect())
}

/// The version of git found in `path`, `(2, 47)`; none where it does not answer or not as git does.
pub fn version(path: &str) -> Option<(u32, u32)> {
    let line = Git::new(Path::new("/"), path)
        .arg("--version")
        .line()
        .ok()?;
    let mut numbers = line.split_whitespace().nth(2)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_is_wanted_is_not_read() {
        let git = || Git::new(Path::new("/"), "/usr/local/bin:/usr/bin:/bin");
        let whole = git().arg("--version").output().expect("git");
        let most = whole.len() as u64;
        let within = |most| git().arg("--version").output_within(most).expect("git");
        assert_eq!(within(most), Some(whole));
        assert_eq!(within(most - 1), None);
        let failed = git().arg("no-such-command").output_within(0);
        assert!(matches!(failed, Err(GitError::Failed { .. })), "{failed:?}");
    }

    #[test]
    fn head_is_told_with_its_branch_and_whose_commit_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = "/usr/local/bin:/usr/bin:/bin";
        let git = |arguments: &[&str]| {
            Git::new(folder.path(), path)
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(arguments)
                .output()
                .expect("git")
        };
        let head = || Head::of(folder.path(), path, "Some-Group");
        git(&["init", "--quiet", "--initial-branch=a/b"]);
        assert!(head().is_err(), "there is no commit");
        git(&["commit", "--quiet", "--allow-empty", "-m", "a, HEAD -> x"]);
        git(&["tag", "t"]);
        git(&["branch", "other"]);
        let first = head().expect("a commit");
        assert_eq!(first.commit.len(), 40);
        assert_eq!(first.branch.as_deref(), Some("a/b"));
        assert_eq!(first.trailer, None);
        let message = "fix: it\n\nwhy\n\nSome-Group: g-1\nOther: x\n";
        git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        let own = head().expect("a commit");
        assert_eq!(own.trailer.as_deref(), Some("g-1"));
        git(&["checkout", "--quiet", "--detach", "other"]);
        let detached = head().expect("a commit");
        assert_eq!((detached.commit, detached.branch), (first.commit, None));
    }
}
