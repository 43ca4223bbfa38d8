//! What could not be read, in lists that a hostile file cannot make endless.

use archal_core::diagnostic::Diagnostic;

/// Findings kept while a file is read.
const MAX_KEPT: usize = 10_000;
/// Findings listed for one file.
pub(crate) const MAX_LISTED: usize = 100;

/// Adds a finding while there is room.
pub(crate) fn add(findings: &mut Vec<Diagnostic>, finding: Diagnostic) {
    if findings.len() < MAX_KEPT {
        findings.push(finding);
    }
}

/// Keeps the worst and counts the others.
pub(crate) fn limit(findings: &mut Vec<Diagnostic>) {
    if findings.len() <= MAX_LISTED {
        return;
    }
    let more = findings.len() - MAX_LISTED;
    let at_least = if findings.len() == MAX_KEPT {
        "at least "
    } else {
        ""
    };
    // The worst first, each kind in the order in which it was found.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings.truncate(MAX_LISTED);
    findings.push(Diagnostic::note(
        "trace/more-findings",
        format!("more findings that are not listed: {at_least}{more}"),
    ));
}
