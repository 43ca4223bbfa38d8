//! Whether a patch holds what must not be published: a fixer may have printed a key into a file.

use crate::run::scrub::Scrubber;

use super::decision::{Refusal, Rule};
use super::regression::FOLDER;

/// Refuses a patch that adds one of the caller's own keys, or what has the shape of a secret.
/// What archal itself writes of a trace went through the same rules when it was read; there only
/// the caller's keys are looked for.
pub fn none_in(patch: &[u8], scrubber: &Scrubber) -> Result<(), Refusal> {
    let text = String::from_utf8_lossy(patch);
    if let Some(variable) = scrubber.key_in(&text) {
        let reason = format!("the patch holds the value of ${variable}");
        return Err(Refusal::by(Rule::Secret, reason));
    }
    for (file, added) in added(&text) {
        if !file.starts_with(FOLDER) && scrubber.text(&added) != added {
            let reason = format!(
                "{file} gets what looks like a secret; `archal redact --explain` on the patch says what, and redaction.allow lets it pass"
            );
            return Err(Refusal::by(Rule::Secret, reason));
        }
    }
    Ok(())
}

/// The lines that a patch adds to each file.
fn added(patch: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut is_in_hunk = false;
    for line in patch.lines() {
        if line.starts_with("diff --git ") {
            is_in_hunk = false;
            let name = line.rsplit(" b/").next().unwrap_or(line);
            files.push((name.to_owned(), String::new()));
        } else if line.starts_with("@@ ") {
            is_in_hunk = true;
        } else if let (true, Some(line), Some((_, text))) =
            (is_in_hunk, line.strip_prefix('+'), files.last_mut())
        {
            text.push_str(line);
            text.push('\n');
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use archal_core::environment::Environment;
    use archal_core::redact::Redactor;

    use super::*;

    const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ456789";

    fn rule(patch: &str) -> Option<Rule> {
        let environment = Environment {
            variables: [(
                "OPENAI_API_KEY".to_owned(),
                "plain-words-of-mine".to_owned(),
            )]
            .into(),
            directory: "/".into(),
        };
        let scrubber = Scrubber::new(Redactor::new([7; 32], []), &environment, &[]);
        none_in(patch.as_bytes(), &scrubber)
            .err()
            .map(|refusal| refusal.rule)
    }

    #[test]
    fn what_a_patch_adds_holds_no_secret() {
        let patch = |file: &str, lines: &str| {
            format!(
                "diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n{lines}\n"
            )
        };
        assert_eq!(rule(&patch("agent.py", "-a = 1\n+a = 2")), None);
        let added = patch("agent.py", &format!("+TOKEN = '{TOKEN}'"));
        assert_eq!(rule(&added), Some(Rule::Secret));
        // It was there before, and everybody has it.
        let known = patch("agent.py", &format!(" TOKEN = '{TOKEN}'\n+a = 2"));
        assert_eq!(rule(&known), None);
        for file in ["agent.py", "archal/regressions/g.md"] {
            let own = patch(file, "+key = plain-words-of-mine");
            assert_eq!(rule(&own), Some(Rule::Secret), "{file}");
        }
    }
}
