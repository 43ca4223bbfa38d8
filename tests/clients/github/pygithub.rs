//! PyGithub.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{python, script, told};

/// What a part of the script prints.
fn part(seed: &str, parts: &[&str]) -> String {
    let script = script("python/pygithub.py");
    let python = python();
    let mut command = vec![python.as_str(), &script];
    command.extend(parts);
    told(seed, &command)
}

#[test]
fn it_reads_writes_and_deletes() {
    let told = part("merge-conflict", &["read", "issues", "content", "pulls"]);
    insta::assert_snapshot!(told, @r"
    # read
    me acme-dev
    repository ('acme/checkout', 'main', True)
    issue Orders of 1000 EUR and more need a second look
    file # checkout
    tree ['README.md', 'src', 'src/cart.js', 'src/config.js', 'src/tax.js']
    search [7]
    # issues
    create issue 11
    update issue Carts lose their items
    assign ['pay-dev', 'cart-lead']
    label ['conflict']
    comment Seen.
    edit comment Seen twice.
    react eyes
    delete comment 0
    close issue ('closed', 'not_planned')
    events ['labeled', 'assigned', 'renamed', 'assigned', 'labeled', 'unlabeled', 'closed']
    create label urgent
    update label now
    delete label None
    create milestone 1
    update milestone ('Three', 'closed')
    delete milestone None
    # content
    create file 069d08d6e43c7f745fd93ac942eab364a003d259
    stale file GithubException 409 BRIEF.md does not match 0000000000000000000000000000000000000000
    update file 1cec8b76334030e2a5e3052e27e35412c764b96a
    stale delete GithubException 409 BRIEF.md does not match 069d08d6e43c7f745fd93ac942eab364a003d259
    delete file NotSet
    commits ['Gone', 'Briefer', 'Be brief']
    create branch refs/heads/topic
    same branch GithubException 422 Reference already exists
    file on branch TOPIC.md
    compare (1, ['TOPIC.md'])
    create release v2
    update release All of it, really.
    delete release None
    # pulls
    create pull 12
    update pull The topic
    same pull GithubException 422 Validation Failed [{'code': 'custom', 'message': 'A pull request already exists for acme:topic.', 'resource': 'PullRequest'}]
    files [('TOPIC.md', 'added')]
    ask for review ['cart-lead']
    review APPROVED
    own review GithubException 422 Unprocessable Entity ['Review Can not approve your own pull request']
    stale head GithubException 409 Head branch was modified. Review and try the merge again.
    conflict GithubException 405 Pull Request is not mergeable
    merge True
    delete branch None
    deleted branch UnknownObjectException 404 Branch not found
    ");
}

#[test]
fn it_shows_what_it_is_refused() {
    insta::assert_snapshot!(part("merge-conflict", &["refusals"]), @r"
    # refusals
    missing repository UnknownObjectException 404 Not Found
    missing issue UnknownObjectException 404 Not Found
    bad color GithubException 422 Validation Failed [{'code': 'invalid', 'field': 'color', 'resource': 'Label'}]
    same label GithubException 422 Validation Failed [{'code': 'already_exists', 'field': 'name', 'resource': 'Label'}]
    no title GithubException 422 Validation Failed [{'code': 'missing_field', 'field': 'title', 'resource': 'Issue'}]
    wrong token BadCredentialsException 401 Bad credentials
    anonymous write GithubException 401 Requires authentication
    ");
}

#[test]
fn it_turns_all_pages() {
    insta::assert_snapshot!(part("large-backlog", &["pages"]), @r"
    # pages
    northwind/data-pipeline 30
    northwind/mobile-app 60
    northwind/orders-api 80
    northwind/storefront 130
    issues 300 different 300
    reversed 1
    ");
}

#[test]
fn the_methods_that_traces_are_read_by_are_the_packages_own() {
    let mut clones = archal::app::clones().iter();
    let github = clones.find(|clone| clone.name == "github").expect("github");
    let mut named = BTreeSet::new();
    let mut rows = Vec::new();
    for known in github.sdk {
        named.insert((known.on, known.name));
        let mut operations = github.operations.iter();
        let operation = operations.find(|one| one.id == known.operation);
        let operation = operation.unwrap_or_else(|| panic!("{known:?} calls no operation"));
        rows.push(json!({
            "on": known.on, "name": known.name, "method": operation.method, "path": operation.path,
            "parameters": known.parameters, "encoded": known.encoded,
        }));
    }
    assert!(named.len() >= 250, "{} methods", named.len());

    let mut child = Command::new(python())
        .arg(script("python/pygithub_methods.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let rows = Value::Array(rows).to_string();
    stdin.write_all(rows.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}
