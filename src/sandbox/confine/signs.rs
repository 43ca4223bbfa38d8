//! What a child's own output says it was refused.
//!
//! The kernel tells nobody of a write that it refuses, but programs say it, each in the words of the
//! system's library. A child that keeps silent is held all the same and not named here.

use archal_core::confined::{Confined, Rule, Witness};

/// What a program says of itself, as its language writes it: the words as they follow what failed, and the rule that
/// was met. A line that only speaks of such a thing (code, a question, an answer) is none.
const WORDS: &[(&str, Rule)] = &[
    (": Read-only file system", Rule::WritesOutside),
    (" (Read-only file system)", Rule::WritesOutside),
    (": read-only file system", Rule::WritesOutside),
    ("Read-only file system @ ", Rule::WritesOutside),
    ("[Errno 30] Read-only file system", Rule::WritesOutside),
    ("EROFS: read-only file system, ", Rule::WritesOutside),
    ("fork: Resource temporarily unavailable", Rule::Processes),
    (
        "fork: retry: Resource temporarily unavailable",
        Rule::Processes,
    ),
    (
        "[Errno 11] Resource temporarily unavailable",
        Rule::Processes,
    ),
    ("Cannot fork", Rule::Processes),
    ("can't start new thread", Rule::Processes),
    (" EAGAIN", Rule::Processes),
    (": Cannot allocate memory", Rule::Memory),
    (": cannot allocate memory", Rule::Memory),
    ("[Errno 12] Cannot allocate memory", Rule::Memory),
    ("JavaScript heap out of memory", Rule::Memory),
    (": Operation not permitted", Rule::SystemCalls),
    (": operation not permitted", Rule::SystemCalls),
    ("[Errno 1] Operation not permitted", Rule::SystemCalls),
];
/// What is said alone in its line.
const ALONE: &[(&str, Rule)] = &[("MemoryError", Rule::Memory)];
/// What ends the words: what follows in a line is about something else, but for the file it is about.
const ENDS: &[&str] = &["\\n", "\"", "'", ": ", " (os error ", ", ", " '"];
/// Where files are held by Landlock, a refused write is no more than this.
const DENIED: &[&str] = &[
    ": Permission denied",
    " (Permission denied)",
    ": permission denied",
    "Permission denied @ ",
];
/// Longer lines are cut.
const MOST_LETTERS: usize = 200;
/// Most refusals of one rule that are read.
const MOST_OF_A_RULE: usize = 8;

/// Adds to `confined` what a stream of the child says.
pub(in crate::sandbox) fn read(stream: &[u8], confined: &mut Confined) {
    let text = String::from_utf8_lossy(stream);
    let is_denied = confined.files.as_deref() == Some("landlock");
    for line in text.lines() {
        let denied = (is_denied && DENIED.iter().any(|words| says(line, words)))
            .then_some(Rule::WritesOutside);
        let alone = ALONE.iter().find(|(words, _)| line.trim() == *words);
        let said = alone.or_else(|| WORDS.iter().find(|(words, _)| says(line, words)));
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

/// Whether a line ends with these words, or with the file that they are about. Lines of an agent's record hold what
/// its commands said between quotes.
fn says(line: &str, words: &str) -> bool {
    // Words that end with a blank go on with the file.
    let is_end = |rest: &str| {
        words.ends_with(' ')
            || rest.trim_end().is_empty()
            || ENDS.iter().any(|end| rest.starts_with(end))
            || is_place_in_code(rest)
    };
    line.match_indices(words)
        .any(|(at, _)| is_end(&line[at + words.len()..]))
}

/// Whether Perl ends so: ` at x line 1.`
fn is_place_in_code(rest: &str) -> bool {
    let place = rest
        .strip_prefix(" at ")
        .map(|rest| rest.rsplit_once(" line "));
    let Some(Some((_, number))) = place else {
        return false;
    };
    let number = number.split([',', '.']).next().unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_say_a_refusal_are_kept_few_and_short() {
        let mut confined = Confined::default();
        let mut text = b"fine\nsh: 1: cannot create /x: Read-only file system\n".to_vec();
        for number in 0..50 {
            text.extend(format!("{number}{}: Cannot fork\n", "!".repeat(900)).bytes());
        }
        text.extend(b"cat: x: Permission denied\n\xff");
        read(&text, &mut confined);
        assert_eq!(confined.refused.len(), 1 + MOST_OF_A_RULE);
        let first = &confined.refused[0];
        assert_eq!(first.rule, Rule::WritesOutside);
        assert_eq!(first.what, "sh: 1: cannot create /x: Read-only file system");
        assert_eq!(confined.refused[1].what.len(), MOST_LETTERS);
        confined.files = Some("landlock".to_owned());
        let before = confined.refused.len();
        for (at, line) in [
            "cat: /home/me/x: Permission denied",
            "java.io.FileNotFoundException: /x (Permission denied)",
            "x.rb:1:in 'initialize': Permission denied @ rb_sysopen - /x (Errno::EACCES)",
            "Can't open '/x': Permission denied at x.pl line 1.",
            "open /x: permission denied",
        ]
        .into_iter()
        .enumerate()
        {
            read(line.as_bytes(), &mut confined);
            assert_eq!(confined.refused.len(), before + at + 1, "{line}");
        }
    }

    #[test]
    fn what_programs_say_of_themselves_is_told_from_what_they_speak_of() {
        let rule_of = |line: &str| {
            let mut confined = Confined::default();
            read(line.as_bytes(), &mut confined);
            confined.refused.first().map(|refusal| refusal.rule)
        };
        for (line, rule) in [
            (
                "touch: cannot touch '/x': Read-only file system",
                Rule::WritesOutside,
            ),
            (
                "OSError: [Errno 30] Read-only file system: '/x'",
                Rule::WritesOutside,
            ),
            (
                "Error: EROFS: read-only file system, open '/x'",
                Rule::WritesOutside,
            ),
            (
                "Error: Read-only file system (os error 30)",
                Rule::WritesOutside,
            ),
            (
                r#"{"output":"sh: 1: cannot create /x: Read-only file system\n"}"#,
                Rule::WritesOutside,
            ),
            (
                "java.io.FileNotFoundException: /x (Read-only file system)",
                Rule::WritesOutside,
            ),
            (
                "x.rb:1:in 'initialize': Read-only file system @ rb_sysopen - /x (Errno::EROFS)",
                Rule::WritesOutside,
            ),
            (
                "Can't open '/x': Read-only file system at x line 1.",
                Rule::WritesOutside,
            ),
            (
                "cannot write: Read-only file system at x.pl line 12, <STDIN> line 3.",
                Rule::WritesOutside,
            ),
            ("open /x: read-only file system", Rule::WritesOutside),
            ("mmap: cannot allocate memory", Rule::Memory),
            ("unshare: operation not permitted", Rule::SystemCalls),
            (
                "bash: fork: retry: Resource temporarily unavailable",
                Rule::Processes,
            ),
            ("Error: spawn sh EAGAIN", Rule::Processes),
            ("RuntimeError: can't start new thread", Rule::Processes),
            ("MemoryError", Rule::Memory),
            ("fatal: mmap failed: Cannot allocate memory", Rule::Memory),
            (
                "unshare: unshare failed: Operation not permitted",
                Rule::SystemCalls,
            ),
        ] {
            assert_eq!(rule_of(line), Some(rule), "{line}");
        }
        for line in [
            "if error == EROFS or error == EAGAIN:",
            "    except MemoryError as error:",
            "1 passed; the queue is never out of memory",
            "ENOMEM is returned where there is none",
            "Resource temporarily unavailable, retrying the request in 2 s",
            "a Read-only file system is mounted at /x",
            "where it says: Read-only file system at line of the mount",
            "what of: Operation not permitted by the policy of the shop",
        ] {
            assert_eq!(rule_of(line), None, "{line}");
        }
    }
}
