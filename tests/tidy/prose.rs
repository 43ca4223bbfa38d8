//! Rules for documents and for all text.

use super::{Text, files, none, root};

/// Documents whose every path must exist.
const WITH_PATHS: &[&str] = &["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"];

/// Endings of what changelog fragments say.
const FRAGMENTS: &[&str] = &["feature", "fix", "breaking"];

#[test]
fn every_path_a_document_names_exists() {
    let mut violations = Vec::new();
    for name in WITH_PATHS {
        let text = std::fs::read_to_string(root().join(name)).unwrap_or_default();
        assert!(!text.is_empty(), "{name} is missing");
        for path in paths(&text) {
            if !root().join(&path).exists() {
                violations.push(format!("{name}: `{path}` does not exist"));
            }
        }
    }
    none(violations);
}

/// What stands in backticks or as the target of a link and can only be a path of this
/// repository. Places with `<…>` or `*` are patterns, `.archal/…` is a user's folder.
fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        found.extend(
            line.split('`')
                .skip(1)
                .step_by(2)
                .filter(|code| looks_like_path(code)),
        );
        for after in line.split("](").skip(1) {
            let target = after.split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                found.push(target);
            }
        }
    }
    found
        .into_iter()
        .map(|path| path.trim_end_matches('/').to_owned())
        .collect()
}

fn looks_like_path(code: &str) -> bool {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let named = [".rs", ".md", ".toml", ".json", ".jsonl"]
        .iter()
        .any(|end| code.ends_with(end));
    let below = code.contains('/') && !code.starts_with('/');
    code.chars().all(is_path)
        && (below || (named && root().join(code).exists()))
        && !code.starts_with(".archal/")
        && !code.starts_with("archal/")
        && code.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
}

#[test]
fn paths_are_found_in_text() {
    let text = "a `src/app.rs`, `x < y`, `src/<name>.rs`, [l](docs/limits.md#a), [w](https://x.y/z)\n```\n`src/no`\n```\n";
    assert_eq!(paths(text), ["src/app.rs", "docs/limits.md"]);
}

#[test]
fn changelog_fragments_are_named_for_what_they_are() {
    let mut violations = Vec::new();
    for file in files(&[""])
        .iter()
        .filter(|file| file.path.starts_with("changelog.d/"))
    {
        let name = file.path.trim_start_matches("changelog.d/");
        let parts: Vec<&str> = name.split('.').collect();
        let fits = matches!(parts[..], [slug, kind, "md"] if FRAGMENTS.contains(&kind)
            && !slug.is_empty()
            && slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        if !fits && name != "README.md" {
            violations.push(format!(
                "{}: not <slug>.<feature|fix|breaking>.md",
                file.path
            ));
        }
        if file.text.trim().is_empty() {
            violations.push(format!("{}: says nothing", file.path));
        }
    }
    none(violations);
}

/// Written and read by people; captured data may hold what it likes.
fn written_by_people() -> Vec<Text> {
    files(&[".rs", ".md", ".toml", ".sh", ".py", ".mjs", ".json"])
        .into_iter()
        .filter(|file| {
            !file.path.contains("/fixtures/") && !file.path.ends_with("package-lock.json")
        })
        .collect()
}

#[test]
fn lines_end_where_their_text_ends() {
    let mut violations = Vec::new();
    for file in written_by_people() {
        for (line, number) in file.text.lines().zip(1..) {
            if line.ends_with([' ', '\t', '\r']) {
                violations.push(format!("{}:{number}: trailing space", file.path));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            violations.push(format!("{}: no newline at the end", file.path));
        }
    }
    none(violations);
}

#[test]
fn nothing_names_one_persons_machine() {
    // Written in two parts, or this list would find itself.
    let places = [
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/Us", "ers/"),
        ("/wo", "rk/"),
    ];
    let mut violations = Vec::new();
    for file in written_by_people() {
        for (line, number) in file.text.lines().zip(1..) {
            // Nobody's home, for examples.
            let line = line.replace(&format!("{}{}me", places[1].0, places[1].1), "$HOME");
            for (start, end) in places {
                let place = format!("{start}{end}");
                let before = |at: usize| line[..at].chars().next_back();
                let is_absolute = line.match_indices(&place).any(|(at, _)| {
                    before(at).is_none_or(|c| !c.is_ascii_alphanumeric() && !"._-}$>".contains(c))
                });
                if is_absolute {
                    violations.push(format!("{}:{number}: {}", file.path, line.trim()));
                }
            }
        }
    }
    none(violations);
}
