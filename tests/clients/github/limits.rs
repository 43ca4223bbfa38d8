//! Used-up limits and refused bursts, as each client shows them.

use super::{python, script, world};

/// What a harness prints in a run with more options.
fn run(harness: &str, options: &[&str]) -> String {
    let world = world();
    world.write("harness.sh", harness);
    let mut arguments = vec![
        "run",
        "--task",
        "Try.",
        "--clone",
        "github",
        "--seed",
        "merge-conflict",
        "--harness",
        "harness.sh",
        "-o",
        "json",
    ];
    arguments.extend(options);
    let output = world.run(&arguments).ended(0);
    let result = &output.json()["scenarios"][0]["results"][0];
    assert_eq!(result["route"]["level"], "isolated");
    let answer = result["answer"].as_str().unwrap_or_default();
    answer.to_owned()
}

#[test]
fn a_client_is_told_that_its_limit_is_used_up() {
    let limit = ["--rate-limit", "3"];
    insta::assert_snapshot!(run(&format!("node {} limit\n", script("js/octokit.mjs")), &limit), @r#"
    # limit
    call 1 "2"
    call 2 "1"
    call 3 "0"
    call 4 RequestError 403 API rate limit exceeded for user ID 83001389. - https://docs.github.com/rest/overview/rate-limits-for-the-rest-api
    "#);
    insta::assert_snapshot!(run(&format!("{} {} limit\n", python(), script("python/pygithub.py")), &limit), @r"
    # limit
    call 1 ('acme/checkout', (2, 3))
    call 2 ('acme/checkout', (1, 3))
    call 3 ('acme/checkout', (0, 3))
    call 4 RateLimitExceededException 403 API rate limit exceeded for user ID 83001389.
    ");
    let gh =
        "for call in 1 2 3 4; do gh api repos/acme/checkout --jq .full_name 2>&1; done; true\n";
    insta::assert_snapshot!(run(gh, &limit), @r"
    acme/checkout
    acme/checkout
    acme/checkout
    gh: API rate limit exceeded for user ID 83001389. (HTTP 403)
    ");
}

#[test]
fn a_client_is_told_that_it_asks_too_often() {
    let burst = ["--fault", "github:issues/create=rate-limit"];
    insta::assert_snapshot!(run(&format!("node {} burst\n", script("js/octokit.mjs")), &burst), @r"
    # burst
    secondary 60 POST /repos/{owner}/{repo}/issues
    create RequestError 403 You have exceeded a secondary rate limit. Please wait a few minutes before you try again. - https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits
    ");
    insta::assert_snapshot!(run(&format!("{} {} burst\n", python(), script("python/pygithub.py")), &burst), @r"
    # burst
    create RateLimitExceededException 403 You have exceeded a secondary rate limit. Please wait a few minutes before you try again.
    ");
    let gh = "gh api repos/acme/checkout/issues -f title=One 2>&1; true\n";
    insta::assert_snapshot!(run(gh, &burst), @r"gh: You have exceeded a secondary rate limit. Please wait a few minutes before you try again. (HTTP 403)");
}
