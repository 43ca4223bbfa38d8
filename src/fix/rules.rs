//! Which files a fixer may change, and which only with review.

use std::path::{Path, PathBuf};

/// What a changed file means for the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A test, a scenario, a seed or archal's own configuration: put back before grading, so
    /// that nobody goes green by changing what is asked.
    Reverted,
    /// A manifest, a lock file, CI or instructions to agents: kept, and named for review.
    Review,
    /// Anything else.
    Free,
}

/// Files that decide what is installed or run elsewhere, by whole name.
const REVIEWED_NAMES: &[&str] = &[
    ".gitattributes",
    ".gitlab-ci.yml",
    ".gitmodules",
    "AGENTS.md",
    "CLAUDE.md",
    "Cargo.lock",
    "Cargo.toml",
    "Dockerfile",
    "GEMINI.md",
    "Makefile",
    "go.mod",
    "go.sum",
    "package-lock.json",
    "package.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pyproject.toml",
    "requirements.txt",
    "setup.cfg",
    "setup.py",
    "tsconfig.json",
    "uv.lock",
    "yarn.lock",
];

/// Folders whose content is reviewed, anywhere in the path.
const REVIEWED_FOLDERS: &[&str] = &[".circleci", ".claude", ".cursor", ".github", ".husky"];

/// Folders of tests and of what archal asks, anywhere in the path.
const REVERTED_FOLDERS: &[&str] = &[".archal", "__tests__", "archal", "spec", "test", "tests"];

/// The rule for a path relative to the repository; `asked` are the scenario and seed files that
/// the base commit has, and the places that the configuration names.
pub fn of(path: &Path, asked: &[PathBuf]) -> Rule {
    let asked = asked
        .iter()
        .any(|place| !place.as_os_str().is_empty() && path.starts_with(place));
    // A name that is no text is judged by what of it is.
    let path = path.to_string_lossy();
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    let is_test = name.starts_with("test_")
        || name.ends_with("_test.py")
        || name.ends_with("_test.go")
        || name.ends_with("_test.rs")
        || name.contains(".test.")
        || name.contains(".spec.")
        || name == "conftest.py";
    if asked
        || is_test
        || name.starts_with(".archal.json")
        || parts.iter().any(|part| REVERTED_FOLDERS.contains(part))
    {
        return Rule::Reverted;
    }
    if REVIEWED_NAMES.contains(&name) || parts.iter().any(|part| REVIEWED_FOLDERS.contains(part)) {
        return Rule::Review;
    }
    Rule::Free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_reverted_and_what_is_installed_is_reviewed() {
        let scenarios = [PathBuf::from("checks/"), PathBuf::from("one.md")];
        for (path, rule) in [
            ("agent.py", Rule::Free),
            ("src/testing.py", Rule::Free),
            ("src/test_agent.py", Rule::Reverted),
            ("tests/data.json", Rule::Reverted),
            ("web/app.test.ts", Rule::Reverted),
            (".archal.json", Rule::Reverted),
            ("archal/regressions/x.md", Rule::Reverted),
            ("checks/a.md", Rule::Reverted),
            ("checks-more/a.md", Rule::Free),
            ("one.md", Rule::Reverted),
            ("archal", Rule::Reverted),
            ("package.json", Rule::Review),
            (".github/workflows/ci.yml", Rule::Review),
            ("CLAUDE.md", Rule::Review),
        ] {
            assert_eq!(of(Path::new(path), &scenarios), rule, "{path}");
        }
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(REVIEWED_NAMES.is_sorted());
        assert!(REVIEWED_FOLDERS.is_sorted());
        assert!(REVERTED_FOLDERS.is_sorted());
    }
}
