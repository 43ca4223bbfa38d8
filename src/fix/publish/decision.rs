//! What may be written, from what the remote holds now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule that keeps a patch from being published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The repository has no remote of that name.
    NoRemote,
    /// The remote is no repository of a service that is known.
    UnknownService,
    /// The remote cannot be reached or read.
    Unreachable,
    /// There is neither gh nor a token, or they are refused.
    NoCredential,
    /// The credential may not write there.
    NoPermission,
    /// The remote protects the branch.
    ProtectedBranch,
    /// The base commit is not on the remote: a pull request would publish more than the fix.
    Unpushed,
    /// HEAD is on no branch, and no base is configured.
    NoBase,
    /// Somebody else's commit is on the branch.
    HeadMoved,
    /// The branch is checked out.
    CheckedOut,
    /// A person closed the pull request or issue of this very patch.
    Closed,
    /// The service allows no draft there.
    DraftRefused,
    /// The patch holds what looks like a secret.
    Secret,
    /// The service refused otherwise.
    Refused,
    /// git could not make the commit or the branch.
    GitFailed,
}

impl Rule {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoRemote => "no_remote",
            Self::UnknownService => "unknown_service",
            Self::Unreachable => "unreachable",
            Self::NoCredential => "no_credential",
            Self::NoPermission => "no_permission",
            Self::ProtectedBranch => "protected_branch",
            Self::Unpushed => "unpushed",
            Self::NoBase => "no_base",
            Self::HeadMoved => "head_moved",
            Self::CheckedOut => "checked_out",
            Self::Closed => "closed",
            Self::DraftRefused => "draft_refused",
            Self::Secret => "secret",
            Self::Refused => "refused",
            Self::GitFailed => "git_failed",
        }
    }
}

/// Why a patch stays a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{}: {reason}", rule.name())]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// One sentence, with what mends it.
    pub reason: String,
}

impl Refusal {
    /// A refusal by that rule.
    pub fn by(rule: Rule, reason: impl Into<String>) -> Self {
        Self {
            rule,
            reason: reason.into(),
        }
    }
}

/// What is to be done with the branch on the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// It holds the commit.
    Nothing,
    /// It does not exist, and must not when it is pushed.
    New,
    /// It holds an older commit of archal's, and must when it is replaced.
    Replace(String),
}

/// What to do with the branch, whose commit on the remote is `there`; `ours` are commits that
/// archal put there before.
pub fn push(
    branch: &str,
    there: Option<&str>,
    commit: &str,
    ours: &[String],
) -> Result<Push, Refusal> {
    match there {
        None => Ok(Push::New),
        Some(there) if there == commit => Ok(Push::Nothing),
        Some(there) if ours.iter().any(|known| known == there) => {
            Ok(Push::Replace(there.to_owned()))
        }
        Some(there) => Err(Refusal::by(
            Rule::HeadMoved,
            format!(
                "{branch} on the remote is at {there}, which archal did not put there; merge or delete that branch first"
            ),
        )),
    }
}

/// A pull request with our branch as its head, as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub number: u64,
    /// Whether it is open.
    pub is_open: bool,
    /// Whether it is merged.
    pub is_merged: bool,
    /// The commit it ends or ended at.
    pub head: String,
    /// The branch it is to be merged into.
    pub base: String,
}

/// What is to be done for a pull request to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// There is none yet.
    Create,
    /// An open one shows the branch as it is.
    Update(u64),
    /// This very commit is merged; nothing is left to do.
    Merged(u64),
}

/// What to do, where `known` are all pull requests that have our branch as their head.
pub fn open(known: &[Known], commit: &str, base: &str) -> Result<Open, Refusal> {
    let open: Vec<&Known> = known.iter().filter(|one| one.is_open).collect();
    let chosen = open
        .iter()
        .find(|one| one.base == base)
        .or_else(|| open.first());
    if let Some(chosen) = chosen {
        return Ok(Open::Update(chosen.number));
    }
    let same = known.iter().find(|one| one.head == commit);
    match same {
        Some(same) if same.is_merged => Ok(Open::Merged(same.number)),
        Some(same) => Err(Refusal::by(
            Rule::Closed,
            format!(
                "#{} shows this very commit and was closed; reopen it if it is to go on",
                same.number
            ),
        )),
        None => Ok(Open::Create),
    }
}

/// Why a push was refused, from what git says of it.
pub fn push_refused(branch: &str, said: &str) -> Refusal {
    let lower = said.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let last = said
        .lines()
        .map(|line| line.trim_start_matches("remote:").trim())
        .find(|line| {
            let line = line.to_ascii_lowercase();
            ["error", "fatal", "rejected", "denied"]
                .iter()
                .any(|word| line.contains(word))
        })
        .unwrap_or("git says no more");
    let rule = if has(&["protected branch", "gh006", "gh013", "rule violations"]) {
        Rule::ProtectedBranch
    } else if has(&[
        "stale info",
        "non-fast-forward",
        "fetch first",
        "already exists",
    ]) {
        Rule::HeadMoved
    } else if has(&[
        "authentication failed",
        "could not read username",
        "invalid username or token",
        "publickey",
        "terminal prompts disabled",
    ]) {
        Rule::NoCredential
    } else if has(&[
        "permission to",
        "403",
        "denied",
        "not found",
        "read-only",
        "archived",
    ]) {
        Rule::NoPermission
    } else if has(&[
        "could not resolve",
        "unable to access",
        "timed out",
        "connection",
    ]) {
        Rule::Unreachable
    } else {
        Rule::Refused
    };
    Refusal::by(rule, format!("git cannot push {branch}: {last}"))
}

/// Why the service refused to open a pull request, from its status and message.
pub fn request_refused(what: &str, status: u16, message: &str) -> Refusal {
    let lower = message.to_ascii_lowercase();
    let rule = match status {
        401 => Rule::NoCredential,
        403 | 404 => Rule::NoPermission,
        422 if lower.contains("draft") => Rule::DraftRefused,
        _ => Rule::Refused,
    };
    Refusal::by(rule, format!("{what}: {status} {message}"))
}

const BEGIN: &str = "<!-- archal: begin -->";
const END: &str = "<!-- archal: end -->";

/// A text that archal may replace later without touching what a person writes around it.
pub fn marked(text: &str) -> String {
    // A text that holds the marks itself would end before its end the next time.
    let text = text.replace(BEGIN, "").replace(END, "");
    format!("{BEGIN}\n{}\n{END}", text.trim_end())
}

/// The body with archal's part replaced; none where it is as it should be, or a person took the
/// marks away.
pub fn updated(body: &str, wanted: &str) -> Option<String> {
    let begin = body.find(BEGIN)?;
    let end = begin + body.get(begin..)?.find(END)? + END.len();
    let new = format!(
        "{}{wanted}{}",
        body.get(..begin).unwrap_or_default(),
        body.get(end..).unwrap_or_default()
    );
    (new.replace('\r', "") != body.replace('\r', "")).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_commit_is_ever_replaced() {
        let ours = vec!["old".to_owned()];
        let of = |there| push("archal/g", there, "new", &ours);
        assert_eq!(of(None), Ok(Push::New));
        assert_eq!(of(Some("new")), Ok(Push::Nothing));
        assert_eq!(of(Some("old")), Ok(Push::Replace("old".to_owned())));
        assert_eq!(
            of(Some("other")).map_err(|why| why.rule),
            Err(Rule::HeadMoved)
        );
    }

    #[test]
    fn an_open_pull_request_is_found_again_and_a_closed_one_is_left() {
        let known = |number, is_open, is_merged, head: &str| Known {
            number,
            is_open,
            is_merged,
            head: head.to_owned(),
            base: "main".to_owned(),
        };
        let of = |known: &[Known]| open(known, "new", "main").map_err(|why| why.rule);
        assert_eq!(of(&[]), Ok(Open::Create));
        let closed = known(3, false, false, "new");
        assert_eq!(of(std::slice::from_ref(&closed)), Err(Rule::Closed));
        assert_eq!(
            of(&[closed, known(2, true, false, "old")]),
            Ok(Open::Update(2))
        );
        assert_eq!(of(&[known(1, false, true, "new")]), Ok(Open::Merged(1)));
        // The failure came back after an earlier fix was merged, or given up.
        assert_eq!(of(&[known(1, false, true, "old")]), Ok(Open::Create));
        assert_eq!(of(&[known(1, false, false, "old")]), Ok(Open::Create));
    }

    #[test]
    fn what_git_and_the_service_say_has_a_name() {
        let push = |said| push_refused("archal/g", said).rule;
        assert_eq!(
            push("remote: error: GH006: Protected branch update failed for refs/heads/x."),
            Rule::ProtectedBranch
        );
        assert_eq!(push("! [rejected] x -> x (stale info)"), Rule::HeadMoved);
        assert_eq!(
            push(
                "fatal: could not read Username for 'https://github.com': terminal prompts disabled"
            ),
            Rule::NoCredential
        );
        assert_eq!(
            push(
                "remote: Permission to acme/webapp.git denied to x.\nfatal: unable to access: 403"
            ),
            Rule::NoPermission
        );
        assert_eq!(
            push("fatal: Could not resolve host: github.com"),
            Rule::Unreachable
        );
        let request = |status, message| request_refused("it", status, message).rule;
        assert_eq!(
            request(
                422,
                "Draft pull requests are not supported in this repository."
            ),
            Rule::DraftRefused
        );
        assert_eq!(request(403, "Resource not accessible"), Rule::NoPermission);
        assert_eq!(request(422, "Validation Failed"), Rule::Refused);
    }

    #[test]
    fn what_a_person_wrote_around_it_stays() {
        let old = format!("Mine.\n{}\nMine, too.", marked("one"));
        let new = updated(&old, &marked("two")).expect("changed");
        assert_eq!(new, format!("Mine.\n{}\nMine, too.", marked("two")));
        assert_eq!(updated(&new, &marked("two")), None);
        assert_eq!(updated("All mine.", &marked("two")), None);
        let hostile = marked(&format!("one {END} {BEGIN} two"));
        assert_eq!(updated(&hostile, &marked("x")), Some(marked("x")));
    }
}
