//! What a child's own output says it was refused.
//!
//! The kernel tells nobody of a write that it refuses, but programs say it, each in the words of the
//! system's library. A child that keeps silent is held all the same and not named here.

use archal_core::confined::{Confined, Rule, Witness};

/// What a line says, and the rule that was met.
const WORDS: &[(&str, Rule)] = &[
    ("Read-only file system", Rule::WritesOutside),
    ("EROFS", Rule::WritesOutside),
    ("Resource temporarily unavailable", Rule::Processes),
    ("Cannot fork", Rule::Processes),
    ("can't fork", Rule::Processes),
    ("EAGAIN", Rule::Processes),
    ("Cannot allocate memory", Rule::Memory),
    ("MemoryError", Rule::Memory),
    ("out of memory", Rule::Memory),
    ("ENOMEM", Rule::Memory),
    ("Operation not permitted", Rule::SystemCalls),
];
/// Where files are held by Landlock, a refused write is no more than this.
const DENIED: &str = "Permission denied";
/// Longer lines are cut.
const MOST_LETTERS: usize = 200;
/// Most refusals of one rule that are read.
const MOST_OF_A_RULE: usize = 8;

/// Adds to `confined` what a stream of the child says.
pub(in crate::sandbox) fn read(stream: &[u8], confined: &mut Confined) {
    let text = String::from_utf8_lossy(stream);
    let is_denied = confined.files.as_deref() == Some("landlock");
    for line in text.lines() {
        let denied = (is_denied && line.contains(DENIED)).then_some(Rule::WritesOutside);
        let said = WORDS.iter().find(|(words, _)| line.contains(words));
        let Some(rule) = said.map(|(_, rule)| *rule).or(denied) else {
            continue;
        };
        let same = |refusal: &&archal_core::confined::Refusal| {
            refusal.rule == rule && refusal.by == Witness::Said
        };
        if confined.refused.iter().filter(same).count() < MOST_OF_A_RULE {
            let line = line.trim().chars().take(MOST_LETTERS).collect();
            confined.refuse(rule, line, Witness::Said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_say_a_refusal_are_kept_few_and_short() {
        let mut confined = Confined::default();
        let mut text = b"fine\nsh: 1: cannot create /x: Read-only file system\n".to_vec();
        for number in 0..50 {
            text.extend(format!("{number}: Cannot fork{}\n", "!".repeat(900)).bytes());
        }
        text.extend(b"Permission denied\n\xff");
        read(&text, &mut confined);
        assert_eq!(confined.refused.len(), 1 + MOST_OF_A_RULE);
        let first = &confined.refused[0];
        assert_eq!(first.rule, Rule::WritesOutside);
        assert_eq!(first.what, "sh: 1: cannot create /x: Read-only file system");
        assert_eq!(confined.refused[1].what.len(), MOST_LETTERS);
        confined.files = Some("landlock".to_owned());
        let before = confined.refused.len();
        read(b"cat: /home/me/x: Permission denied", &mut confined);
        assert_eq!(confined.refused.len(), before + 1);
    }
}
