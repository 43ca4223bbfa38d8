//! Pull requests as a client meets them.

use super::check::{check, open};

/// A history of calls below the repository of `merge-conflict`.
fn history(lines: &[&str], shown: &[&str]) -> String {
    let mut clone = open("merge-conflict");
    let repo = "/repos/acme/checkout";
    let lines: Vec<String> = lines.iter().map(|line| line.replace('~', repo)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(clone.as_mut(), &lines, shown)
        .replace(repo, "~")
        .replace("acme/checkout#", "#")
}

#[test]
fn lists_take_every_filter_and_order() {
    let out = history(
        &[
            "GET ~/pulls",
            "GET ~/pulls?state=closed",
            "GET ~/pulls?state=all&sort=updated&direction=desc",
            "GET ~/pulls?state=all&sort=popularity",
            "GET ~/pulls?head=acme:tax-by-country",
            "GET ~/pulls?head=tax-by-country&per_page=1",
            "GET ~/pulls?base=other",
            "GET ~/pulls?state=ajar",
            "GET ~/pulls/4",
            "GET ~/pulls/2",
            "GET ~/pulls/5",
            "GET ~/pulls/3",
            "GET ~/pulls/7",
            "GET ~/issues?state=all&per_page=100",
        ],
        &[
            "/number",
            "/state",
            "/mergeable",
            "/mergeable_state",
            "/commits",
            "/additions",
            "/deletions",
            "/changed_files",
            "/pull_request/merged_at",
        ],
    );
    insta::assert_snapshot!(out, @"");
}
