//! What the words of a task ask for, where nobody named a workflow.

use crate::pdca::role::Workflow;

/// The workflow of a task for which nobody named one, and the word that decides it.
pub fn workflow_of(task: &str) -> (Workflow, String) {
    const THOROUGH: &[&str] = &[
        "security",
        "auth",
        "password",
        "secret",
        "crypto",
        "breaking",
        "public api",
        "migration",
    ];
    const FAST: &[&str] = &[
        "typo", "small", "fix", "rename", "bump", "comment", "hotfix",
    ];
    if let Some(reason) = word_of(task, THOROUGH) {
        return (Workflow::Thorough, reason);
    }
    if let Some(reason) = word_of(task, FAST) {
        return (Workflow::Fast, reason);
    }
    (
        Workflow::Standard,
        "nothing in the task says that it is small or risky".to_owned(),
    )
}

/// Whether a task asks for no more than a pass from the plan to the merge, and the word that says so.
pub fn asks_for_pipeline(task: &str) -> Option<String> {
    word_of(task, &["fix", "bug", "patch", "hotfix"])
}

/// The first of these that a word of a task begins with: `fix` is in `fixes`, but not in `prefix`.
fn word_of(task: &str, words: &[&str]) -> Option<String> {
    let task = task.to_lowercase();
    let is_in = |word: &&&str| {
        task.match_indices(**word)
            .any(|(at, _)| !task[..at].ends_with(char::is_alphanumeric))
    };
    let word = words.iter().find(is_in)?;
    Some(format!("the task says `{word}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_without_a_workflow_gets_the_one_its_words_ask_for() {
        for (task, wanted) in [
            ("Fix the typo in the README", Workflow::Fast),
            ("fixes a crash", Workflow::Fast),
            ("Add a prefix to every line", Workflow::Standard),
            ("Add paging", Workflow::Standard),
            ("Fix the security hole", Workflow::Thorough),
            ("Change the public API", Workflow::Thorough),
        ] {
            assert_eq!(workflow_of(task).0, wanted, "{task}");
        }
        assert_eq!(
            asks_for_pipeline("Patch the parser").as_deref(),
            Some("the task says `patch`")
        );
        assert_eq!(asks_for_pipeline("Add a prefix"), None);
    }
}
