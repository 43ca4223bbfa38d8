//! The figures of a run that archal counts, by the names that domains have for them.

use serde_json::{Map, Value};

/// The figures that can be counted from a change.
pub const COUNTED: [&str; 4] = [
    "files_changed",
    "lines_added",
    "lines_removed",
    "word_count",
];

/// Those of `names` that a change has, as `git diff` tells it.
pub fn of_change(diff: &str, names: &[String]) -> Map<String, Value> {
    let (mut files, mut added, mut removed) = (0_i64, 0_i64, 0_i64);
    let mut words = 0_i64;
    let count = |line: &str| i64::try_from(line.split_whitespace().count()).unwrap_or(i64::MAX);
    // Within a hunk every line has its sign; a header comes before the first of each file.
    let mut is_hunk = false;
    for line in diff.lines() {
        if line.starts_with("diff --git ") {
            files += 1;
            is_hunk = false;
        } else if line.starts_with("@@") {
            is_hunk = true;
        } else if let Some(text) = line.strip_prefix('+').filter(|_| is_hunk) {
            added += 1;
            words = words.saturating_add(count(text));
        } else if let Some(text) = line.strip_prefix('-').filter(|_| is_hunk) {
            removed += 1;
            words = words.saturating_sub(count(text));
        }
    }
    let figures = [files, added, removed, words];
    COUNTED
        .iter()
        .zip(figures)
        .filter(|(name, _)| names.iter().any(|wanted| wanted == *name))
        .map(|(name, figure)| ((*name).to_owned(), figure.into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_counted_by_its_hunks() {
        let diff = "diff --git a/a.md b/a.md\n--- a/a.md\n+++ b/a.md\n@@ -1,2 +1,2 @@\n kept\n-one two\n+one two three\n\
                    +++ not a header\ndiff --git a/b b/b\nnew file mode 100644\n--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+x\n";
        let names =
            |names: &[&str]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
        let all = of_change(diff, &names(&COUNTED));
        let of = |name: &str| all[name].as_i64();
        assert_eq!(of("files_changed"), Some(2));
        assert_eq!((of("lines_added"), of("lines_removed")), (Some(3), Some(1)));
        assert_eq!(of("word_count"), Some(3 + 4 + 1 - 2));
        let some = of_change(diff, &names(&["word_count", "voice_drift_score"]));
        assert_eq!(some.len(), 1, "{some:?}");
    }
}
