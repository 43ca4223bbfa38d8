//! Failure modes of roles, seen in what their agents wrote: fixed rules, the first that holds is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::finding::{Review, Severity};
use super::review;
use super::role::Role;

/// What is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// What the agent wrote.
    pub output: &'a str,
    /// The change, as `git diff` writes it.
    pub diff: &'a str,
    /// The Creator's proposal.
    pub proposal: &'a str,
}

/// A failure mode that showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// Its name in logs.
    pub name: &'static str,
    /// What showed it.
    pub trigger: String,
    /// What the agent is told.
    pub correction: &'static str,
}

/// What follows when a failure mode shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The agent is told and tries again.
    Correct,
    /// Another agent takes its place.
    Replace,
    /// The user is asked.
    Ask,
}

/// What follows when a failure mode shows for the `times`th time in a run, from 1.
pub const fn step(times: u32) -> Step {
    match times {
        0 | 1 => Step::Correct,
        2 => Step::Replace,
        _ => Step::Ask,
    }
}

/// The failure mode that shows in what an agent of this role wrote.
pub fn detect(role: Role, seen: &Seen<'_>) -> Option<Shadow> {
    let (name, correction) = match role {
        Role::Explorer => (
            "rabbit_hole",
            "Stop searching: sum up the findings that matter most for the task and recommend one way.",
        ),
        Role::Creator => (
            "over_architect",
            "Propose the smallest change that does the task; leave out what it does not need today.",
        ),
        Role::Maker => (
            "rogue",
            "Test what you changed, commit it, and revert every change that the proposal does not name.",
        ),
        Role::Guardian => (
            "paranoid",
            "Keep as CRITICAL only what you can show to do harm, and name a fix for each finding.",
        ),
        Role::Skeptic => (
            "paralytic",
            "Keep your three strongest challenges and name an alternative for each.",
        ),
        Role::Trickster => (
            "false_alarm",
            "Drop what is not about this diff and keep the three to five attacks that you can reproduce.",
        ),
        Role::Sage => (
            "bureaucrat",
            "Keep only what somebody can act on, about the files of this change.",
        ),
    };
    let trigger = match role {
        Role::Explorer => explorer(seen.output),
        Role::Creator => creator(seen.output),
        Role::Maker => maker(seen),
        Role::Guardian => guardian(seen.output),
        Role::Skeptic => skeptic(seen.output),
        Role::Trickster => trickster(seen),
        Role::Sage => sage(seen),
    }?;
    Some(Shadow {
        name,
        trigger,
        correction,
    })
}

/// The failure modes that a whole cycle shows.
pub fn of_cycle(reviews: &[(Role, Review)], diff: &str, proposal: &str) -> Vec<Shadow> {
    let mut shadows = Vec::new();
    let findings: Vec<_> = reviews
        .iter()
        .flat_map(|(_, review)| &review.findings)
        .collect();
    let categories: BTreeSet<&str> = findings.iter().map(|one| one.category.as_str()).collect();
    if reviews.len() >= 2 && findings.len() >= 3 && categories.len() == 1 {
        shadows.push(Shadow {
            name: "tunnel_vision",
            trigger: format!("{} findings, all of one category", findings.len()),
            correction: "Look at what the other categories of a review would ask.",
        });
    }
    let (changed, named) = (files_of(diff).len(), references(proposal).len());
    if named > 0 && changed > 2 * named {
        shadows.push(Shadow {
            name: "scope_creep",
            trigger: format!("{changed} files changed, {named} proposed"),
            correction: "Change only what the proposal names.",
        });
    }
    let is = |severity: Severity| findings.iter().any(|one| one.severity == severity);
    let polishes = findings
        .iter()
        .any(|one| one.severity == Severity::Info && one.fix.is_some());
    if polishes && is(Severity::Critical) {
        shadows.push(Shadow {
            name: "gold_plating",
            trigger: "fixes for an INFO while a CRITICAL is open".to_owned(),
            correction: "Mend what blocks before anything else.",
        });
    }
    let all_agree = reviews
        .iter()
        .all(|(_, review)| review.outcome().approves() && review.findings.is_empty());
    if reviews.len() >= 2 && all_agree {
        shadows.push(Shadow {
            name: "echo_chamber",
            trigger: format!("{} reviewers approved without a finding", reviews.len()),
            correction: "Each reviewer names what it looked at and what it could not check.",
        });
    }
    shadows
}

fn explorer(output: &str) -> Option<String> {
    let words = output.split_whitespace().count();
    if words > 2000 && lines_with(output, &["recommend", "summary", "conclusion", "next step"]) == 0
    {
        return Some(format!("{words} words without a recommendation"));
    }
    let tangents = lines_with(
        output,
        &[
            "by the way",
            "tangent",
            "unrelated",
            "interestingly",
            "side note",
            "also found",
        ],
    );
    if tangents > 3 {
        return Some(format!("{tangents} tangents"));
    }
    let files = references(output).len();
    let concludes = ["pattern", "observation", "finding", "theme"];
    (files > 15 && lines_with(output, &concludes) == 0)
        .then(|| format!("{files} files and no observation"))
}

fn creator(output: &str) -> Option<String> {
    let abstraction = lines_with(
        output,
        &[
            "abstract",
            "factory",
            "framework",
            "plugin system",
            "extensib",
            "generic layer",
        ],
    );
    if abstraction > 2 {
        return Some(format!("{abstraction} lines about abstraction"));
    }
    let added = lines_with(
        output,
        &[
            "new package",
            "new module",
            "new service",
            "new dependency",
            "add a dependency",
        ],
    );
    if added > 1 {
        return Some(format!(
            "{added} new packages, modules, services or dependencies"
        ));
    }
    let future = lines_with(
        output,
        &[
            "future-proof",
            "in the future",
            "later we",
            "might need",
            "someday",
            "eventually",
        ],
    );
    (future > 2).then(|| format!("{future} lines about the future"))
}

fn maker(seen: &Seen<'_>) -> Option<String> {
    let files = files_of(seen.diff);
    let (tests, code): (Vec<&str>, Vec<&str>) = files
        .keys()
        .copied()
        .filter(|file| is_code(file))
        .partition(|file| is_test(file));
    if code.len() >= 3 && tests.is_empty() {
        return Some(format!("{} files of code changed and no test", code.len()));
    }
    let lines: usize = code.iter().filter_map(|file| files.get(file)).sum();
    let ran = [
        "passed",
        "failed",
        "test result",
        "tests ran",
        "ran tests",
        "exit code",
        "ok (",
    ];
    if lines >= 10 && lines_with(seen.output, &ran) == 0 {
        return Some(format!("{lines} lines of code changed and no test was run"));
    }
    if seen.proposal.is_empty() {
        return None;
    }
    let unnamed = code.into_iter().find(|file| {
        let name = file.rsplit('/').next().unwrap_or(file);
        !seen.proposal.contains(name)
    })?;
    Some(format!("the proposal does not name {unnamed}"))
}

fn guardian(output: &str) -> Option<String> {
    let review = review::read(Role::Guardian, output);
    let (critical, warning) = (
        review.count(Severity::Critical),
        review.count(Severity::Warning),
    );
    if critical >= 3 && critical > 2 * warning && warning > 0 || critical >= 3 && warning == 0 {
        return Some(format!("{critical} CRITICAL and {warning} WARNING"));
    }
    let fixed = review
        .findings
        .iter()
        .filter(|one| one.fix.is_some())
        .count();
    let all = review.findings.len();
    (all >= 2 && fixed >= 1 && fixed * 2 < all)
        .then(|| format!("{fixed} of {all} findings have a fix"))
}

fn skeptic(output: &str) -> Option<String> {
    let challenges = lines_with(output, &["challenge", "but what if"]);
    let alternatives = lines_with(output, &["alternative"]);
    if challenges > 7 && alternatives * 2 < challenges {
        return Some(format!(
            "{challenges} challenges and {alternatives} alternatives"
        ));
    }
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    for line in output.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.len() >= 5 && !line.trim_start().starts_with(['|', '#']) {
            *said.entry(words.join(" ").to_lowercase()).or_default() += 1;
        }
    }
    let repeated = said.values().filter(|times| **times > 1).count();
    (repeated >= 2).then(|| format!("{repeated} concerns are repeated"))
}

fn trickster(seen: &Seen<'_>) -> Option<String> {
    let changed = files_of(seen.diff);
    if changed.is_empty() {
        return None;
    }
    let review = review::read(Role::Trickster, seen.output);
    let outside = review
        .findings
        .iter()
        .filter_map(|one| one.file.as_deref())
        .find(|file| !is_among(file, &changed));
    if let Some(file) = outside {
        return Some(format!("{file} is not part of the change"));
    }
    if review.findings.len() > 10 && changed.len() < 5 {
        return Some(format!(
            "{} findings on {} files",
            review.findings.len(),
            changed.len()
        ));
    }
    let reproduction = ["reproduc", "input:", "actual:", "steps", "$ "];
    let unshown = review
        .findings
        .iter()
        .filter(|one| lines_with(&one.text, &reproduction) == 0)
        .count();
    (unshown > 3).then(|| format!("{unshown} findings without a way to reproduce them"))
}

fn sage(seen: &Seen<'_>) -> Option<String> {
    let words = seen.output.split_whitespace().count();
    let lines: usize = files_of(seen.diff).values().sum();
    // A few lines are worth a page; more than that must have that many lines to be about.
    if lines > 0 && words > 300 && words / lines >= 2 {
        return Some(format!("{words} words about {lines} changed lines"));
    }
    let changed = files_of(seen.diff);
    let named = references(seen.output);
    let outside = named
        .iter()
        .filter(|file| !is_among(file, &changed))
        .count();
    if !changed.is_empty() && named.len() > 2 && outside * 2 > named.len() {
        return Some(format!(
            "{outside} of {} files are not part of the change",
            named.len()
        ));
    }
    let vague = lines_with(seen.output, &["consider"]);
    let actionable = lines_with(
        seen.output,
        &["rename", "remove", "replace", "add ", "move ", "fix"],
    );
    (vague > 2 && actionable < vague)
        .then(|| format!("{vague} lines only ask to consider something"))
}

/// Lines outside quotes that hold one of the words, in any case.
fn lines_with(text: &str, words: &[&str]) -> usize {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('>'))
        .map(str::to_lowercase)
        .filter(|line| words.iter().any(|word| line.contains(word)))
        .count()
}

/// The files that a text names.
fn references(text: &str) -> BTreeSet<&str> {
    static FILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:[\w@-][\w.@-]*/)+[\w.@-]*\w\.[A-Za-z]\w{0,8}|\b\w[\w-]+\.(?:rs|ts|tsx|js|jsx|mjs|py|go|java|rb|c|h|cpp|cs|php|sh|sql|swift|kt)\b").ok()
    });
    let files = FILE.iter().flat_map(|file| file.find_iter(text));
    files.map(|file| file.as_str()).collect()
}

/// The files of a diff and how many lines of each changed.
fn files_of(diff: &str) -> BTreeMap<&str, usize> {
    let mut files = BTreeMap::new();
    let mut current = None;
    for line in diff.lines() {
        if let Some(names) = line.strip_prefix("diff --git a/") {
            // The name is there twice; one with ` b/` in it is told by the length.
            let half = names.len().saturating_sub(" b/".len()) / 2;
            let name = names.get(..half).unwrap_or(names);
            current = Some(name);
            files.entry(name).or_insert(0);
        } else if line.starts_with(['+', '-'])
            && !line.starts_with("+++ ")
            && !line.starts_with("--- ")
            && let Some(count) = current.and_then(|name| files.get_mut(name))
        {
            *count += 1;
        }
    }
    files
}

fn is_among(file: &str, files: &BTreeMap<&str, usize>) -> bool {
    files.keys().any(|known| {
        *known == file
            || known.ends_with(&format!("/{file}"))
            || file.ends_with(&format!("/{known}"))
    })
}

fn is_code(file: &str) -> bool {
    let ending = file.rsplit('.').next().unwrap_or_default();
    let other = [
        "md", "txt", "rst", "png", "jpg", "jpeg", "gif", "svg", "lock", "json", "yaml", "yml",
        "toml",
    ];
    let name = file.rsplit('/').next().unwrap_or(file);
    name.contains('.') && !name.to_uppercase().starts_with("LICEN") && !other.contains(&ending)
}

fn is_test(file: &str) -> bool {
    let file = file.to_lowercase();
    file.split('/')
        .any(|part| matches!(part, "tests" | "test" | "__tests__" | "spec"))
        || ["_test.", ".test.", ".spec.", "test_", "tests."]
            .iter()
            .any(|mark| file.contains(mark))
}

#[cfg(test)]
mod tests;
