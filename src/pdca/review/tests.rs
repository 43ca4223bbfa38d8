//! Reviews of every documented shape, and of those who want to be taken for one.

use super::*;

/// Findings as `severity file:line category | description | fix`.
fn told(role: Role, text: &str) -> Vec<String> {
    let told = |finding: &Finding| {
        format!(
            "{} {}:{} {} | {} | {}",
            finding.severity,
            finding.file.as_deref().unwrap_or("-"),
            finding.line.unwrap_or(0),
            finding.category,
            finding.description,
            finding.fix.as_deref().unwrap_or("-")
        )
    };
    read(role, text).findings.iter().map(told).collect()
}

#[test]
fn a_table_is_read_by_its_header_with_or_without_emphasis() {
    let text = "\
## Review

| # | Location | Severity | Category | Description | Suggested fix |
|---|----------|:--------:|----------|-------------|-----|
| 1 | `src/auth/handler.ts:48` | **CRITICAL** | security | SQL built from input: `a \\| b` | Bind it |
| 2 | ./src/auth/handler.ts | warning | breaking change | `api()` renamed: output: `boom` | - |
| 3 | n/a | Info (minor) | quality | Long name | |

### Verdict: REJECTED
Because of 1.
";
    assert_eq!(
        told(Role::Guardian, text),
        [
            "CRITICAL src/auth/handler.ts:48 security | SQL built from input: `a | b` | Bind it",
            "WARNING src/auth/handler.ts:0 breaking-change | `api()` renamed: output: `boom` | -",
            "INFO -:0 quality | Long name | -",
        ]
    );
    assert_eq!(read(Role::Guardian, text).verdict, Some(Verdict::Rejected));
}

#[test]
fn a_table_without_a_header_is_read_by_its_first_cell() {
    let text = "| WARNING | src/a.rs:3 | testing | No test of the error | Add one |\n";
    assert_eq!(
        told(Role::Sage, text),
        ["WARNING src/a.rs:3 testing | No test of the error | Add one"]
    );
    for (row, wanted) in [
        (
            "| greeting.txt:1 | CRITICAL | security | leaks a key; output: x | m |",
            "CRITICAL greeting.txt:1 security | leaks a key; output: x | m",
        ),
        (
            "| critical | src/a | testing | no test | add one |",
            "CRITICAL src/a:0 testing | no test | add one",
        ),
        (
            "| INFO | a.rs | quality | long name | cut it |",
            "INFO a.rs:0 quality | long name | cut it",
        ),
        (
            "| 1 | **warning** | a.rs:2 | no test | - |",
            "WARNING a.rs:2 quality | 1 | no test",
        ),
    ] {
        assert_eq!(told(Role::Sage, row), [wanted]);
        assert_eq!(read(Role::Sage, row).unread, None);
    }
    // A column of another name, and one that says something else.
    let level = "| Place | Level | Impact |\n|---|---|---|\n| a.rs:1 | CRITICAL | data is lost |\n";
    assert_eq!(read(Role::Sage, level).count(Severity::Critical), 1);
    let head = "| Role | CRITICAL | WARNING |\n|---|---|---|\n| sage | 0 | 0 |\n";
    assert_eq!(told(Role::Sage, head), [""; 0]);
    assert_eq!(told(Role::Sage, "| sage | CRITICAL | 0 |\n"), [""; 0]);
    // A table of counts has no findings.
    assert_eq!(
        told(Role::Sage, "| CRITICAL | 0 |\n| WARNING | 2 |\n"),
        [""; 0]
    );
}

#[test]
fn challenges_and_attacks_are_blocks_with_a_stated_severity() {
    let text = "\
### Challenge 1: Retries add up
**The plan assumes:** one retry.
**Evidence:** see src/net.rs:12
**Alternative:** a budget of retries
**Impact:** Warning

### Attack 2: Empty name
**Input:** an empty name
**Expected:** an error
**Actual:** a panic in `src/name.rs:7`
**Severity:** CRITICAL
#### Notes
More.
### Verdict: APPROVED_WITH_FIXES
";
    assert_eq!(
        told(Role::Skeptic, text),
        [
            "WARNING src/net.rs:12 design | Retries add up | a budget of retries",
            "CRITICAL src/name.rs:7 design | Empty name | -",
        ]
    );
    let review = read(Role::Skeptic, text);
    assert_eq!(review.verdict, Some(Verdict::ApprovedWithFixes));
    assert!(review.findings[1].text.contains("More."));
}

#[test]
fn findings_of_sub_headings_are_not_lost_in_the_block_around_them() {
    let text = "\
# Guardian review
**Impact:** WARNING and worse
### 1. CRITICAL: leaks a key
At greeting.txt:1.
### Attack 2: Empty name
**Severity:** CRITICAL
### Verdict: REJECTED
";
    let review = read(Role::Guardian, text);
    assert_eq!(
        told(Role::Guardian, text),
        [
            "WARNING -:0 security | Guardian review | -",
            "CRITICAL greeting.txt:1 security | leaks a key | -",
            "CRITICAL -:0 security | Empty name | -",
        ]
    );
    assert_eq!(review.outcome(), Verdict::Rejected);
}

#[test]
fn headings_and_lines_that_begin_with_a_severity_are_findings() {
    let text = "\
- **WARNING**: no test
  of src/a.rs:4
CRITICAL: loses data
```
CRITICAL: in a block
```

### 1. CRITICAL, security: token in the log
It is printed at src/log.rs:9.
#### WARNING on the side
Also.
### Finding 2: **WARNING** — unclear name
### [INFO] a typo
";
    assert_eq!(
        told(Role::Sage, text),
        [
            "WARNING src/a.rs:4 quality | no test | -",
            "CRITICAL -:0 quality | loses data | -",
            "CRITICAL src/log.rs:9 security | security: token in the log | -",
            "WARNING -:0 quality | unclear name | -",
            "INFO -:0 quality | a typo | -",
        ]
    );
}

#[test]
fn a_heading_of_a_section_is_not_taken_for_its_findings() {
    let text = "\
## CRITICAL
| Location | Severity | Category | Description | Fix |
|---|---|---|---|---|
| a.rs:1 | CRITICAL | security | one | x |
| a.rs:2 | CRITICAL | security | two | x |
## WARNING
- WARNING: three
- WARNING: four
";
    let found = told(Role::Guardian, text);
    assert_eq!(found.len(), 4, "{found:#?}");
}

#[test]
fn quotes_and_code_say_nothing() {
    let text = "\
> ### Verdict: APPROVED
> CRITICAL: quoted

```
### Verdict: APPROVED
| Location | Severity | Category | Description | Fix |
| a:1 | CRITICAL | security | fake | x |
```

    CRITICAL: indented

### Verdict: APPROVED|REJECTED
### Verdict: REJECTED
The diff says \"Verdict: APPROVED\".
";
    let review = read(Role::Guardian, text);
    assert_eq!(review.findings, []);
    assert_eq!(review.verdict, Some(Verdict::Rejected));
    assert_eq!(read(Role::Guardian, "Approved? Not yet.").verdict, None);
}

#[test]
fn of_several_verdicts_the_strictest_holds_and_one_may_stand_below_its_heading() {
    let both = "### Verdict: APPROVED\n\n**Verdict:** rejected\n";
    assert_eq!(read(Role::Sage, both).verdict, Some(Verdict::Rejected));
    let below = "## Verdict\n\n**APPROVED** — no risk\n";
    assert_eq!(read(Role::Sage, below).verdict, Some(Verdict::Approved));
}

#[test]
fn severities_that_no_finding_was_read_from_are_told() {
    let text = "There is a CRITICAL problem in the parser.\n";
    assert!(read(Role::Guardian, text).unread.is_some());
    for text in [
        "One CRITICAL issue in greeting.txt:1 leaks a key; output: x.",
        "No tests, CRITICAL for a parser.",
        "No CRITICAL or WARNING findings, and then one CRITICAL after all.",
        "CRITICAL: 0, WARNING in a.rs:3 that matters.",
        "CRITICAL\nNo validation of the input.",
    ] {
        let review = read(Role::Guardian, &format!("{text}\n### Verdict: APPROVED\n"));
        assert!(review.unread.is_some(), "{text}");
        assert_eq!(review.outcome(), Verdict::Rejected, "{text}");
    }
    for text in [
        "No findings.\n### Verdict: APPROVED\n",
        "0 CRITICAL, 0 WARNING\n",
        "no CRITICAL findings\n",
        "CRITICAL: 0\n",
        "CRITICAL: none\n",
        "No CRITICAL or WARNING findings.\n",
        "No findings of CRITICAL, WARNING or INFO severity.\n",
        "Nothing rises to CRITICAL.\n",
        "It is not CRITICAL.\n",
        "- **CRITICAL**: 0\n- **WARNING**: 0\n",
        "CRITICAL (0), WARNING (0)\n",
        "### CRITICAL\n\nNone.\n\n### WARNING\n\nNo issues found.\n",
        "| Severity | Count |\n|---|---|\n| CRITICAL | 0 |\n| **WARNING** | 0 |\n",
    ] {
        let review = read(Role::Guardian, text);
        assert_eq!(review.unread, None, "{text}");
        assert_eq!(review.findings, [], "{text}");
    }
}

#[test]
fn places_are_read_however_they_are_written() {
    for (text, file, line) in [
        ("`src/a.rs:48-52`", Some("src/a.rs"), Some(48)),
        ("src/a.rs#L7", Some("src/a.rs"), Some(7)),
        ("src/a.rs (lines 12-14)", Some("src/a.rs"), Some(12)),
        ("./a.rs", Some("a.rs"), None),
        ("Makefile:3", Some("Makefile"), Some(3)),
        (
            ".github/workflows/ci.yml",
            Some(".github/workflows/ci.yml"),
            None,
        ),
        ("the login page", Some("the login page"), None),
        ("N/A", None, None),
        (":3", None, Some(3)),
    ] {
        let wanted = (file.map(str::to_owned), line);
        assert_eq!(words::location(text), wanted, "{text}");
    }
}

#[test]
fn a_critical_in_prose_beside_a_finding_is_not_lost() {
    let row = "| a.rs:1 | WARNING | quality | name; output: `x` | y |\n";
    let approved = "### Verdict: APPROVED\n";
    for (said, wanted) in [
        ("One CRITICAL issue in b.rs:2 leaks a key.\n", true),
        ("CRITICAL | 1\n", true),
        ("| b.rs:2 | a CRITICAL leak of a key | security |\n", true),
        ("The WARNING above is the only one.\n", false),
        ("Nothing is CRITICAL: 0 CRITICAL, 1 WARNING.\n", false),
        ("> a CRITICAL that is quoted\n", false),
    ] {
        for text in [
            format!("{row}\n{said}\n{approved}"),
            format!("{said}\n{row}\n{approved}"),
        ] {
            let review = read(Role::Sage, &text);
            assert_eq!(review.findings.len(), 1, "{text}");
            assert_eq!(review.unread.is_some(), wanted, "{text}");
            let outcome = match wanted {
                true => Verdict::Rejected,
                false => Verdict::Approved,
            };
            assert_eq!(review.outcome(), outcome, "{text}");
        }
    }
    // Where a CRITICAL was read, words are about it; also once it was lowered for want of evidence.
    for severity in [
        "CRITICAL",
        "INFO (downgraded: no evidence; original in check-sage.md.orig)",
    ] {
        let text = format!(
            "| a.rs:1 | {severity} | quality | it leaks | y |\n\nThe CRITICAL must go.\n{approved}"
        );
        assert_eq!(read(Role::Sage, &text).unread, None, "{text}");
    }
}
