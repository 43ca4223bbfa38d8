//! Check runs, check suites, and the apps whose they are.

use serde_json::Value;

use super::{API, WEB};
use crate::engine::fingerprint;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{check_run, check_suite};

/// The address of a check run.
pub(in crate::github) fn url(row: &Row) -> String {
    let (repo, id) = (row.text(check_run::REPO), row.int(check_run::ID));
    format!("{API}/repos/{repo}/check-runs/{id}")
}

/// A check run.
pub(in crate::github) fn run(_: &Root, row: &Row, out: &mut Writer) {
    let url = url(row);
    let web = format!(
        "{WEB}/{}/runs/{}",
        row.text(check_run::REPO),
        row.int(check_run::ID)
    );
    out.raw("{");
    out.key("id").int(row.int(check_run::ID));
    out.key("name").text(row.text(check_run::NAME));
    out.key("node_id").text(row.text(check_run::NODE_ID));
    out.key("head_sha").text(row.text(check_run::HEAD_SHA));
    out.key("external_id")
        .text(row.text(check_run::EXTERNAL_ID));
    out.key("url").text(&url);
    out.key("html_url").text(&web);
    let details = row.text_or_null(check_run::DETAILS_URL);
    out.key("details_url").text(details.unwrap_or(&web));
    out.key("status").text(row.text(check_run::STATUS));
    out.key("conclusion")
        .text_or_null(row.text_or_null(check_run::CONCLUSION));
    out.key("started_at").time(row.time(check_run::STARTED_AT));
    out.key("completed_at")
        .time(row.time(check_run::COMPLETED_AT));
    out.key("output").raw("{");
    out.key("title").prose(row, check_run::OUTPUT_TITLE);
    out.key("summary").prose(row, check_run::OUTPUT_SUMMARY);
    out.key("text").prose(row, check_run::OUTPUT_TEXT);
    let notes = annotations(row).len();
    out.key("annotations_count")
        .int(i64::try_from(notes).unwrap_or(i64::MAX));
    out.key("annotations_url")
        .text(&format!("{url}/annotations"));
    out.raw("}");
    out.key("check_suite")
        .raw("{")
        .key("id")
        .int(row.int(check_run::SUITE))
        .raw("}");
    out.key("app");
    app(row.text(check_run::APP), out);
    out.key("pull_requests").raw("[]");
    out.raw("}");
}

/// The notes of a check run on lines of files.
pub(in crate::github) fn annotations(row: &Row) -> Vec<Value> {
    serde_json::from_str(row.text(check_run::ANNOTATIONS)).unwrap_or_default()
}

/// A check suite shows its repository and its commit, so it is written each time; this stands
/// in for the fingerprint.
pub(in crate::github) fn unrendered(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{").key("id").int(row.int(check_suite::ID));
    out.raw("}");
}

/// The app of a slug. GitHub Actions is the one that every repository has; of any other its slug
/// is all there is to know.
pub(in crate::github) fn app(slug: &str, out: &mut Writer) {
    if slug == "github-actions" {
        out.raw(ACTIONS);
        return;
    }
    let id = i64::try_from(fingerprint::bytes(0, slug.as_bytes()) % 1_000_000).unwrap_or(0);
    out.raw("{").key("id").int(id);
    out.key("slug").text(slug);
    out.key("node_id")
        .text(&crate::github::complete::node_id("A", &[id]));
    out.key("owner").raw(OWNER);
    out.key("name").text(slug);
    out.key("description").text("");
    out.key("external_url").text(&format!("{WEB}/apps/{slug}"));
    out.key("html_url").text(&format!("{WEB}/apps/{slug}"));
    out.raw(r#","created_at":"2024-01-01T00:00:00Z","updated_at":"2024-01-01T00:00:00Z","permissions":{"checks":"write","metadata":"read"},"events":["check_run","check_suite"]}"#);
}

/// The organisation that apps of this clone belong to.
const OWNER: &str = r#"{"login":"github","id":9919,"node_id":"MDEyOk9yZ2FuaXphdGlvbjk5MTk=","avatar_url":"https://avatars.githubusercontent.com/u/9919?v=4","gravatar_id":"","url":"https://api.github.com/users/github","html_url":"https://github.com/github","followers_url":"https://api.github.com/users/github/followers","following_url":"https://api.github.com/users/github/following{/other_user}","gists_url":"https://api.github.com/users/github/gists{/gist_id}","starred_url":"https://api.github.com/users/github/starred{/owner}{/repo}","subscriptions_url":"https://api.github.com/users/github/subscriptions","organizations_url":"https://api.github.com/users/github/orgs","repos_url":"https://api.github.com/users/github/repos","events_url":"https://api.github.com/users/github/events{/privacy}","received_events_url":"https://api.github.com/users/github/received_events","type":"Organization","user_view_type":"public","site_admin":false}"#;

/// GitHub Actions as GitHub shows it.
const ACTIONS: &str = r#"{"id":15368,"client_id":"Iv1.05c79e9ad1f6bdfa","slug":"github-actions","node_id":"MDM6QXBwMTUzNjg=","owner":{"login":"github","id":9919,"node_id":"MDEyOk9yZ2FuaXphdGlvbjk5MTk=","avatar_url":"https://avatars.githubusercontent.com/u/9919?v=4","gravatar_id":"","url":"https://api.github.com/users/github","html_url":"https://github.com/github","followers_url":"https://api.github.com/users/github/followers","following_url":"https://api.github.com/users/github/following{/other_user}","gists_url":"https://api.github.com/users/github/gists{/gist_id}","starred_url":"https://api.github.com/users/github/starred{/owner}{/repo}","subscriptions_url":"https://api.github.com/users/github/subscriptions","organizations_url":"https://api.github.com/users/github/orgs","repos_url":"https://api.github.com/users/github/repos","events_url":"https://api.github.com/users/github/events{/privacy}","received_events_url":"https://api.github.com/users/github/received_events","type":"Organization","user_view_type":"public","site_admin":false},"name":"GitHub Actions","description":"Automate your workflow from idea to production","external_url":"https://help.github.com/en/actions","html_url":"https://github.com/apps/github-actions","created_at":"2018-07-30T09:30:17Z","updated_at":"2024-04-10T20:33:16Z","permissions":{"actions":"write","checks":"write","contents":"write","deployments":"write","issues":"write","metadata":"read","packages":"write","pages":"write","pull_requests":"write","statuses":"write"},"events":["branch_protection_rule","check_run","check_suite","create","delete","deployment","fork","issues","pull_request","push","release","status","workflow_dispatch","workflow_run"]}"#;
