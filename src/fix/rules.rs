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
    ".cursorrules",
    ".gitattributes",
    ".gitlab-ci.yml",
    ".gitmodules",
    ".mcp.json",
    ".npmrc",
    ".pre-commit-config.yaml",
    ".windsurfrules",
    ".yarnrc.yml",
    "AGENTS.md",
    "CLAUDE.md",
    "Dockerfile",
    "GEMINI.md",
    "Makefile",
    "build.rs",
    "jest.config.js",
    "jest.config.ts",
    "justfile",
    "noxfile.py",
    "pytest.ini",
    "tox.ini",
    "tsconfig.json",
    "vitest.config.js",
    "vitest.config.ts",
];

/// Files that say what is installed, by whole name; reviewed, too.
const DEPENDENCIES: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "Pipfile",
    "Pipfile.lock",
    "bun.lock",
    "bun.lockb",
    "go.mod",
    "go.sum",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pyproject.toml",
    "requirements.txt",
    "setup.cfg",
    "setup.py",
    "uv.lock",
    "yarn.lock",
];

/// Folders whose content is reviewed, anywhere in the path.
const REVIEWED_FOLDERS: &[&str] = &[
    ".cargo",
    ".circleci",
    ".claude",
    ".codex",
    ".cursor",
    ".devcontainer",
    ".gemini",
    ".githooks",
    ".github",
    ".husky",
    ".vscode",
];

/// Folders of tests and of what archal asks, anywhere in the path.
const REVERTED_FOLDERS: &[&str] = &[
    ".archal",
    "__snapshots__",
    "__tests__",
    "archal",
    "spec",
    "test",
    "tests",
];

/// How the names of tests end, without what follows the last dot.
const TEST_ENDINGS: &[&str] = &[
    "-spec", "-test", ".spec", ".test", "Spec", "Test", "Tests", "_spec", "_test",
];

/// The rule for a path relative to the repository; `asked` are the scenario and seed files that
/// the base commit has, and the places that the configuration names.
pub fn of(path: &Path, asked: &[PathBuf]) -> Rule {
    // A name that is no text is judged by what of it is.
    let text = path.to_string_lossy();
    let parts: Vec<&str> = text.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    if is_asked(path, asked)
        || is_test(name)
        || parts.iter().any(|part| REVERTED_FOLDERS.contains(part))
    {
        return Rule::Reverted;
    }
    let is_reviewed = REVIEWED_NAMES.contains(&name) || says_what_is_installed(path);
    if is_reviewed || parts.iter().any(|part| REVIEWED_FOLDERS.contains(part)) {
        return Rule::Review;
    }
    Rule::Free
}

/// Whether a path says what is asked of the agent: a scenario, a seed, archal's configuration.
pub fn is_asked(path: &Path, asked: &[PathBuf]) -> bool {
    let is_named = asked
        .iter()
        .any(|place| !place.as_os_str().is_empty() && path.starts_with(place));
    let first = path.iter().next().map(|part| part.to_string_lossy());
    let is_archals = matches!(first.as_deref(), Some(".archal" | "archal"));
    let name = path.file_name().map(|name| name.to_string_lossy());
    is_named || is_archals || name.is_some_and(|name| name.starts_with(".archal.json"))
}

/// Whether a file says what is installed.
pub fn says_what_is_installed(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| {
        let is_pinned = name.starts_with("requirements") && name.ends_with(".txt");
        is_pinned || DEPENDENCIES.contains(&&*name)
    })
}

/// Whether a file is a lock file of dependencies that somebody installs before the agent is
/// started; `cargo` and `go` do so themselves.
pub fn is_lock_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| {
        let is_own = matches!(&*name, "Cargo.lock" | "go.sum");
        let is_lock = name.contains("lock") || name.contains("shrinkwrap");
        let is_pinned = name.starts_with("requirements");
        !is_own && (is_lock || is_pinned) && says_what_is_installed(path)
    })
}

fn is_test(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    name.starts_with("test_")
        || name.starts_with("test-")
        || name.contains(".test.")
        || name.contains(".spec.")
        || name.ends_with(".snap")
        || name == "conftest.py"
        || matches!(stem, "test" | "tests")
        || (name.contains('.') && TEST_ENDINGS.iter().any(|ending| stem.ends_with(ending)))
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
            ("src/agent_test.py", Rule::Reverted),
            ("src/latest.py", Rule::Free),
            ("src/tests.rs", Rule::Reverted),
            ("AgentTest.java", Rule::Reverted),
            ("src/__snapshots__/a.ts.snap", Rule::Reverted),
            ("requirements-dev.txt", Rule::Review),
            ("pytest.ini", Rule::Review),
            ("package.json", Rule::Review),
            (".github/workflows/ci.yml", Rule::Review),
            ("CLAUDE.md", Rule::Review),
        ] {
            assert_eq!(of(Path::new(path), &scenarios), rule, "{path}");
        }
    }

    #[test]
    fn what_is_asked_is_told_from_tests_and_lock_files_from_manifests() {
        let asked = [PathBuf::from("checks")];
        for (path, is) in [
            ("checks/a.md", true),
            ("archal/seeds/a.json", true),
            ("web/.archal.json", true),
            ("tests/archal/a.py", false),
            ("test_agent.py", false),
        ] {
            assert_eq!(is_asked(Path::new(path), &asked), is, "{path}");
        }
        for (path, is) in [
            ("web/package-lock.json", true),
            ("bun.lockb", true),
            ("requirements-dev.txt", true),
            ("package.json", false),
            ("Cargo.lock", false),
            ("src/lock.py", false),
        ] {
            assert_eq!(is_lock_file(Path::new(path)), is, "{path}");
        }
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(REVIEWED_NAMES.is_sorted());
        assert!(REVIEWED_FOLDERS.is_sorted());
        assert!(DEPENDENCIES.is_sorted() && TEST_ENDINGS.is_sorted());
        assert!(REVERTED_FOLDERS.is_sorted());
    }
}
